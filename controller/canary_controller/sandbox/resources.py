"""What the embedded cluster serves: built-in resources as a table, and whatever CustomResourceDefinitions add to it."""

from collections.abc import Mapping
from typing import Any

from attrs import evolve, field, frozen

from canary_controller.sandbox.objects.merge_keys import ListTypes
from canary_controller.sandbox.store import Key
from canarykit import kinds
from canarykit.dicts import at
from canarykit.kinds import Kind

ALL_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")
STATUS_VERBS = ("get", "patch", "update")


@frozen
class ScalePaths:
    """Where the scale subresource finds its numbers."""

    spec_replicas: str = ".spec.replicas"
    status_replicas: str = ".status.replicas"
    selector: str = ".status.selector"


@frozen
class Resource:
    """One served resource in one version.

    Attributes:
        has_generation: the server counts changes of its spec.
        blind_update: a PUT without resourceVersion is allowed (most built-ins, no custom resource).
        put_creates: a PUT of an object that is not there creates it.
        schema: structural schema of a custom resource; None for built-ins.
        columns: ``additionalPrinterColumns`` of a custom resource.
        scale: paths of the scale subresource; None without one.
        storage: version under which objects are stored.
        selectable: fields that a CRD offers to field selectors.
        warning: what to tell everybody who uses this version (deprecation).
        types: which lists are merged by which keys.
    """

    kind: Kind
    singular: str
    types: ListTypes
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    has_status: bool = False
    has_generation: bool = False
    blind_update: bool = True
    put_creates: bool = False
    custom: bool = False
    list_kind: str = ""
    schema: Mapping[str, Any] | None = None
    columns: tuple[Mapping[str, Any], ...] = ()
    scale: ScalePaths | None = None
    storage: str = ""
    selectable: tuple[str, ...] = ()
    warning: str = ""

    @property
    def group(self) -> str:
        """The API group; empty for core."""
        return self.kind.group

    @property
    def plural(self) -> str:
        """The name in paths."""
        return self.kind.plural

    def key(self, namespace: str, name: str) -> Key:
        """Return the key of one object."""
        return Key(self.group, self.plural, namespace if self.kind.namespaced else "", name)

    def served(self, manifest: Mapping[str, Any]) -> dict[str, Any]:
        """Return a stored manifest as this version shows it."""
        return {**manifest, "apiVersion": self.kind.api_version, "kind": self.kind.kind}

    def stored(self, manifest: Mapping[str, Any]) -> dict[str, Any]:
        """Return a manifest as it is stored."""
        kind = evolve(self.kind, version=self.storage or self.kind.version)
        return {**manifest, "apiVersion": kind.api_version, "kind": kind.kind}


@frozen
class _BuiltIn:
    kind: Kind
    short: str = ""
    status: bool = False
    generation: bool = False
    scale: bool = False
    blind_update: bool = True
    categories: tuple[str, ...] = ()


_ALL = ("all",)
_PUT_CREATES = ("Service", "Event", "LimitRange", "Lease", "Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding")
_BUILT_IN = (
    _BuiltIn(kinds.NAMESPACE, "ns", status=True),
    _BuiltIn(kinds.POD, "po", status=True, generation=True, categories=_ALL),
    _BuiltIn(kinds.SERVICE, "svc", status=True, categories=_ALL),
    _BuiltIn(kinds.CONFIG_MAP, "cm"),
    _BuiltIn(kinds.SECRET),
    _BuiltIn(kinds.EVENT, "ev"),
    _BuiltIn(Kind("", "v1", "Node", "nodes", namespaced=False), "no", status=True),
    _BuiltIn(Kind("", "v1", "ServiceAccount", "serviceaccounts"), "sa"),
    _BuiltIn(Kind("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims"), "pvc", status=True),
    _BuiltIn(Kind("", "v1", "ResourceQuota", "resourcequotas"), "quota", status=True),
    _BuiltIn(Kind("", "v1", "LimitRange", "limitranges"), "limits"),
    _BuiltIn(kinds.DEPLOYMENT, "deploy", status=True, generation=True, scale=True, categories=_ALL),
    _BuiltIn(kinds.REPLICA_SET, "rs", status=True, generation=True, scale=True, categories=_ALL),
    _BuiltIn(Kind("apps", "v1", "DaemonSet", "daemonsets"), "ds", status=True, generation=True, categories=_ALL),
    _BuiltIn(Kind("apps", "v1", "StatefulSet", "statefulsets"), "sts", status=True, generation=True, scale=True, categories=_ALL),
    _BuiltIn(kinds.CONTROLLER_REVISION),
    _BuiltIn(kinds.HPA, "hpa", status=True, generation=True, categories=_ALL),
    _BuiltIn(kinds.LEASE, blind_update=False),
    _BuiltIn(kinds.ENDPOINT_SLICE, generation=True),
    _BuiltIn(Kind("rbac.authorization.k8s.io", "v1", "Role", "roles")),
    _BuiltIn(Kind("rbac.authorization.k8s.io", "v1", "RoleBinding", "rolebindings")),
    _BuiltIn(Kind("rbac.authorization.k8s.io", "v1", "ClusterRole", "clusterroles", namespaced=False)),
    _BuiltIn(Kind("rbac.authorization.k8s.io", "v1", "ClusterRoleBinding", "clusterrolebindings", namespaced=False)),
    _BuiltIn(
        kinds.CUSTOM_RESOURCE_DEFINITION,
        "crd,crds",
        status=True,
        generation=True,
        blind_update=False,
        categories=("api-extensions",),
    ),
)


def built_in_resources() -> tuple[Resource, ...]:
    """Return every resource that is served without a CustomResourceDefinition."""
    return tuple(
        Resource(
            kind=row.kind,
            singular=row.kind.kind.lower(),
            types=ListTypes.for_builtin(row.kind.group, row.kind.kind),
            short_names=tuple(filter(None, row.short.split(","))),
            categories=row.categories,
            has_status=row.status,
            has_generation=row.generation,
            blind_update=row.blind_update,
            put_creates=row.kind.kind in _PUT_CREATES,
            list_kind=row.kind.kind + "List",
            scale=ScalePaths() if row.scale else None,
            storage=row.kind.version,
        )
        for row in _BUILT_IN
    )


def resources_of(crd: Mapping[str, Any]) -> tuple[Resource, ...]:
    """Return one resource for each served version of a CustomResourceDefinition."""
    spec = crd["spec"]
    names = spec["names"]
    versions = spec.get("versions", [])
    storage = next((version["name"] for version in versions if version.get("storage")), "")
    return tuple(_custom(spec, names, version, storage) for version in versions if version.get("served"))


def _custom(spec: Mapping[str, Any], names: Mapping[str, Any], version: Mapping[str, Any], storage: str) -> Resource:
    namespaced = spec.get("scope") != "Cluster"
    kind = Kind(spec["group"], version["name"], names["kind"], names["plural"], namespaced)
    has_status = at(version, "subresources", "status") is not None
    scale = at(version, "subresources", "scale")
    warning = ""
    if version.get("deprecated"):
        warning = version.get("deprecationWarning") or f"{kind.api_version} {kind.kind} is deprecated"
    return Resource(
        kind=kind,
        singular=names.get("singular") or names["kind"].lower(),
        types=ListTypes.for_crd(at(version, "schema", "openAPIV3Schema", default={}), has_status),
        short_names=tuple(names.get("shortNames") or ()),
        categories=tuple(names.get("categories") or ()),
        has_status=has_status,
        has_generation=True,
        blind_update=False,
        custom=True,
        list_kind=names.get("listKind") or names["kind"] + "List",
        schema=at(version, "schema", "openAPIV3Schema", default={}),
        columns=tuple(version.get("additionalPrinterColumns") or ()),
        scale=_scale_paths(scale) if scale is not None else None,
        storage=storage,
        selectable=tuple(entry["jsonPath"].lstrip(".") for entry in version.get("selectableFields") or ()),
        warning=warning,
    )


def _scale_paths(scale: Mapping[str, Any]) -> ScalePaths:
    return ScalePaths(scale["specReplicasPath"], scale["statusReplicasPath"], scale.get("labelSelectorPath", ""))


@frozen
class Registry:
    """The served resources. `install` and `remove` follow the CustomResourceDefinitions."""

    _resources: dict[tuple[str, str, str], Resource] = field(
        factory=lambda: {(each.group, each.kind.version, each.plural): each for each in built_in_resources()}
    )

    def find(self, group: str, version: str, plural: str) -> Resource | None:
        """Return the resource at a path, or None when nothing is served there."""
        return self._resources.get((group, version, plural))

    def all(self) -> tuple[Resource, ...]:
        """Return every resource, built-ins first, then custom ones in the order in which they came."""
        return tuple(self._resources.values())

    def storing(self, key: Key) -> Resource | None:
        """Return the resource that stores a key (any served version)."""
        return next((each for each in self._resources.values() if (each.group, each.plural) == key[:2]), None)

    def install(self, crd: Mapping[str, Any]) -> None:
        """Serve exactly the versions that this CustomResourceDefinition says."""
        self.remove(crd)
        for resource in resources_of(crd):
            self._resources[resource.group, resource.kind.version, resource.plural] = resource

    def remove(self, crd: Mapping[str, Any]) -> None:
        """Serve none of its versions any more."""
        place = (crd["spec"]["group"], crd["spec"]["names"]["plural"])
        for key in [key for key in self._resources if (key[0], key[2]) == place]:
            del self._resources[key]

    def groups(self) -> dict[str, dict[str, list[Resource]]]:
        """Return resources by group and version; within a group the preferred version comes first."""
        found: dict[str, dict[str, list[Resource]]] = {}
        for resource in self._resources.values():
            found.setdefault(resource.group, {}).setdefault(resource.kind.version, []).append(resource)
        return {
            group: {version: versions[version] for version in sorted(versions, key=version_rank)}
            for group, versions in found.items()
        }


def version_rank(version: str) -> tuple[int, int, int]:
    """Sort key that puts stable before beta before alpha and newer before older: v2, v1, v1beta1, v1alpha1."""
    stage, _, minor = version.removeprefix("v").partition("beta")
    if minor:
        return (1, -int(stage or 0), -int(minor))
    stage, _, minor = version.removeprefix("v").partition("alpha")
    if minor:
        return (2, -int(stage or 0), -int(minor))
    return (0, -int(stage) if stage.isdigit() else 0, 0)
