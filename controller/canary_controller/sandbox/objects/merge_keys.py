"""Which lists are maps in disguise: the one table of merge keys of built-in kinds, and the same for CRD schemas.

Kubernetes knows two merges. Server-side apply goes by list types (``map`` with keys, ``set``, ``atomic``) and by maps that are
atomic; strategic merge patch goes by one patch key per list. Both live in one row here, since they differ in a few rows only
(container ports: two keys for apply, one for strategic merge). A list that no row names is replaced whole by both.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from attrs import evolve, frozen

from canarykit.dicts import at

ATOMIC = "atomic"
SET = "set"
MAP = "map"
NO_DEFAULTS: Mapping[str, Any] = {}


@frozen
class ListTypes:
    """How the value at one place of an object merges, and the places below it.

    Attributes:
        relation: MAP (list keyed by ``keys``), SET, ATOMIC (list or map replaced whole), or ``""``: maps merge, lists are atomic.
        keys: of a MAP list, sorted; ``key_defaults`` are values of keys that an element leaves out.
        patch_key: merge key of strategic merge, ``""`` for a merged list of plain values, None where the list is replaced.
        always: the API server's own Go struct has this place even in an empty object, so nobody owns the place itself.
        fields: the named fields of a map; ``others`` stands for every other key; ``element`` for the elements of a list.
        deduced: nothing is declared here (``x-kubernetes-preserve-unknown-fields``): maps merge, every key is a field of its own.
        status_apart: of the root: ``status`` is written through the subresource only.
    """

    relation: str = ""
    keys: tuple[str, ...] = ()
    key_defaults: Mapping[str, Any] = NO_DEFAULTS
    patch_key: str | None = None
    always: bool = False
    fields: Mapping[str, "ListTypes"] = {}
    others: "ListTypes | None" = None
    element: "ListTypes | None" = None
    deduced: bool = False
    status_apart: bool = True

    def field(self, name: str) -> "ListTypes":
        """Return the place at key ``name`` of the map at this place."""
        return self.fields.get(name) or self.others or (DEDUCED if self.deduced else UNKNOWN)

    def is_declared(self, name: str) -> bool:
        """Tell whether ``name`` is a field of a struct rather than a key of an open map."""
        return name in self.fields or not (self.others or self.deduced)

    def item(self) -> "ListTypes":
        """Return the place of the elements of the list at this place."""
        return self.element or UNKNOWN

    @classmethod
    def for_builtin(cls, group: str, kind: str) -> "ListTypes":
        """Return the types of a built-in kind; a kind without rows has those of its metadata only."""
        return _builtin(group, kind)

    @classmethod
    def for_crd(cls, schema: Mapping[str, Any], has_status: bool = True) -> "ListTypes":
        """Return the types of a custom resource from its ``openAPIV3Schema``. Build it once per CRD version and keep it.

        ``has_status``: the CRD version has the status subresource.
        """
        root = _of_schema(schema)
        return evolve(root, fields={**root.fields, "metadata": _builtin("", "").field("metadata")}, status_apart=has_status)


UNKNOWN = ListTypes()
DEDUCED = ListTypes(deduced=True)


@frozen
class Row:
    """One row of the table; ``always`` rows say nothing about merging."""

    relation: str = ""
    keys: tuple[str, ...] = ()
    patch_key: str | None = None
    key_defaults: Mapping[str, Any] = NO_DEFAULTS
    always: bool = False


def _by(*keys: str, patch: str | None = None, **key_defaults: Any) -> Row:
    """A list merged by ``keys``; strategic merge uses ``patch``, or the only key."""
    return Row(MAP, tuple(sorted(keys)), patch or keys[0], key_defaults)


_WHOLE = Row(ATOMIC)
_ALWAYS = Row(always=True)
_APPLY_ONLY = Row(MAP, ("name",))  # strategic merge replaces the list
_BY_TYPE = _by("type")

# Paths are field names joined by dots; list levels are not written.
_METADATA = {
    "metadata": _ALWAYS,
    "metadata.finalizers": Row(SET, patch_key=""),
    "metadata.ownerReferences": _by("uid"),
    "metadata.ownerReferences.*": _WHOLE,
}
_CONTAINER = {
    "ports": _by("containerPort", "protocol", protocol="TCP"),
    "env": _by("name"),
    "env.valueFrom.fieldRef": _WHOLE,
    "env.valueFrom.resourceFieldRef": _WHOLE,
    "env.valueFrom.configMapKeyRef": _WHOLE,
    "env.valueFrom.secretKeyRef": _WHOLE,
    "volumeMounts": _by("mountPath"),
    "volumeDevices": _by("devicePath"),
    "resources.claims": _APPLY_ONLY,
}
_POD_SPEC = {
    "": _ALWAYS,
    "containers": evolve(_by("name"), always=True),
    "initContainers": _by("name"),
    "ephemeralContainers": _by("name"),
    **{f"{which}ontainers.{path}": row for which in ("c", "initC", "ephemeralC") for path, row in _CONTAINER.items()},
    "volumes": _by("name"),
    "imagePullSecrets": _by("name"),
    "imagePullSecrets.*": _WHOLE,
    "hostAliases": _by("ip"),
    "resourceClaims": _by("name"),
    "schedulingGates": _by("name"),
    "topologySpreadConstraints": _by("topologyKey", "whenUnsatisfiable"),
    "topologySpreadConstraints.labelSelector": _WHOLE,
    "nodeSelector": _WHOLE,
    "affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution": _WHOLE,
}


def _pod_spec_at(path: str) -> dict[str, Row]:
    return {f"{path}.{inner}" if inner else path: row for inner, row in _POD_SPEC.items()}


def _workload(strategy: str = "") -> dict[str, Row]:
    return {
        **({f"spec.{strategy}": _ALWAYS} if strategy else {}),
        "spec": _ALWAYS,
        "status": _ALWAYS,
        "spec.selector": _WHOLE,
        "spec.template": _ALWAYS,
        "spec.template.metadata": _ALWAYS,
        **_pod_spec_at("spec.template.spec"),
        "status.conditions": _BY_TYPE,
    }


_SPEC_AND_STATUS = {"spec": _ALWAYS, "status": _ALWAYS}
_TABLE: dict[tuple[str, str], dict[str, Row]] = {
    ("apps", "Deployment"): _workload("strategy"),
    ("apps", "DaemonSet"): _workload("updateStrategy"),
    ("apps", "StatefulSet"): _workload("updateStrategy"),
    ("apps", "ReplicaSet"): _workload(),
    ("apps", "ControllerRevision"): {"data": _WHOLE},
    ("", "Pod"): {
        **_SPEC_AND_STATUS,
        **_pod_spec_at("spec"),
        "status.conditions": _BY_TYPE,
        "status.podIPs": _by("ip"),
        "status.hostIPs": Row(ATOMIC, patch_key="ip"),
    },
    ("", "Service"): {
        **_SPEC_AND_STATUS,
        "spec.ports": _by("port", "protocol", protocol="TCP"),
        "spec.selector": _WHOLE,
        "status.loadBalancer": _ALWAYS,
        "status.conditions": _BY_TYPE,
    },
    ("", "Namespace"): {**_SPEC_AND_STATUS, "status.conditions": _BY_TYPE},
    ("", "Node"): {**_SPEC_AND_STATUS, "status.conditions": _BY_TYPE, "status.addresses": _BY_TYPE},
    ("", "ServiceAccount"): {"secrets": _by("name"), "secrets.*": _WHOLE},
    ("", "PersistentVolumeClaim"): {**_SPEC_AND_STATUS, "spec.selector": _WHOLE, "status.conditions": _BY_TYPE},
    ("", "Event"): {"source": _ALWAYS, "involvedObject": _WHOLE, "related": _WHOLE},
    ("autoscaling", "HorizontalPodAutoscaler"): {
        **_SPEC_AND_STATUS,
        "spec.scaleTargetRef": _ALWAYS,
        "status.conditions": _BY_TYPE,
    },
    ("discovery.k8s.io", "EndpointSlice"): {"endpoints": Row(ATOMIC, always=True), "ports": Row(ATOMIC, always=True)},
    ("coordination.k8s.io", "Lease"): {"spec": _ALWAYS},
    ("policy", "PodDisruptionBudget"): {**_SPEC_AND_STATUS, "spec.selector": _WHOLE, "status.conditions": _BY_TYPE},
    ("networking.k8s.io", "Ingress"): {**_SPEC_AND_STATUS, "status.loadBalancer": _ALWAYS},
    ("apiextensions.k8s.io", "CustomResourceDefinition"): {
        **_SPEC_AND_STATUS,
        "spec.names": _ALWAYS,
        "status.acceptedNames": _ALWAYS,
        "status.conditions": _BY_TYPE,
    },
}

# Groups whose kinds the API server has Go types for; every other group is served from CRDs.
BUILTIN_GROUPS = frozenset({
    "", "admissionregistration.k8s.io", "apiextensions.k8s.io", "apiregistration.k8s.io", "apps", "authentication.k8s.io",
    "authorization.k8s.io", "autoscaling", "batch", "certificates.k8s.io", "coordination.k8s.io", "discovery.k8s.io",
    "events.k8s.io", "networking.k8s.io", "node.k8s.io", "policy", "rbac.authorization.k8s.io", "scheduling.k8s.io",
    "storage.k8s.io",
})  # fmt: skip


@cache
def _builtin(group: str, kind: str) -> ListTypes:
    rows = {**_METADATA, **_TABLE.get((group, kind), {})}
    return _tree({tuple(path.split(".")): row for path, row in rows.items()}, Row())


def _tree(rows: Mapping[tuple[str, ...], Row], here: Row) -> ListTypes:
    """Nest the rows; ``*`` names the elements of the list itself, all other names its elements' or the map's fields."""
    own = rows.get(("*",), Row())
    below: dict[str, dict[tuple[str, ...], Row]] = {}
    for path, row in rows.items():
        if path != ("*",):
            below.setdefault(path[0], {})[path[1:]] = row
    fields = {name: _tree(inner, inner.pop((), Row())) for name, inner in below.items()}
    is_list = here.relation in (MAP, SET)
    return ListTypes(
        relation=here.relation,
        keys=here.keys,
        key_defaults=here.key_defaults,
        patch_key=here.patch_key,
        always=here.always,
        fields={} if is_list else fields,
        element=ListTypes(relation=own.relation, fields=fields) if is_list else None,
    )


def _of_schema(schema: Mapping[str, Any]) -> ListTypes:
    properties = at(schema, "properties", default={})
    extra = schema.get("additionalProperties")
    items = schema.get("items")
    relation = schema.get("x-kubernetes-list-type") or schema.get("x-kubernetes-map-type") or ""
    return ListTypes(
        relation="" if relation == "granular" else relation,
        keys=tuple(sorted(at(schema, "x-kubernetes-list-map-keys", default=()))),
        key_defaults=dict(_key_defaults(items)) if isinstance(items, Mapping) else {},
        fields={name: _of_schema(inner) for name, inner in properties.items()},
        others=_of_schema(extra) if isinstance(extra, Mapping) else None,
        element=_of_schema(items) if isinstance(items, Mapping) else None,
        deduced=bool(schema.get("x-kubernetes-preserve-unknown-fields")),
    )


def _key_defaults(items: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, schema in at(items, "properties", default={}).items():
        if "default" in schema:
            yield name, schema["default"]
