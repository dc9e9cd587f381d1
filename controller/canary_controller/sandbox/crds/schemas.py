"""Short words for structural schemas, and the CustomResourceDefinition around them."""

from collections.abc import Mapping, Sequence
from typing import Any

from attrs import frozen

Schema = dict[str, Any]


def text(**more: Any) -> Schema:
    """A string; ``more`` are further schema keys."""
    return {"type": "string", **more}


def number(low: int | None = None, high: int | None = None, **more: Any) -> Schema:
    """A 32-bit integer within bounds."""
    bounds = {name: bound for name, bound in (("minimum", low), ("maximum", high)) if bound is not None}
    return {"type": "integer", "format": "int32", **bounds, **more}


def flag(**more: Any) -> Schema:
    """A boolean."""
    return {"type": "boolean", **more}


def choice(*values: str, **more: Any) -> Schema:
    """A string out of a list."""
    return {"type": "string", "enum": list(values), **more}


def several(items: Schema, **more: Any) -> Schema:
    """A list; without ``x-kubernetes-list-type`` server-side apply replaces it whole."""
    return {"type": "array", "items": items, **more}


def keyed(items: Schema, *keys: str, **more: Any) -> Schema:
    """A list whose items are told apart by ``keys``."""
    return {"type": "array", "items": items, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": list(keys), **more}


def texts() -> Schema:
    """A map of strings."""
    return {"type": "object", "additionalProperties": {"type": "string"}}


def record(properties: Mapping[str, Schema], *needed: str, **more: Any) -> Schema:
    """A map with named fields, of which ``needed`` must be there."""
    required = {"required": list(needed)} if needed else {}
    return {"type": "object", "properties": dict(properties), **required, **more}


def anything() -> Schema:
    """A map whose content is not declared and is kept."""
    return {"type": "object", "x-kubernetes-preserve-unknown-fields": True}


def conditions(**more: Any) -> Schema:
    """``status.conditions`` as metav1.Condition, told apart by type."""
    fields = {
        "type": text(maxLength=316),
        "status": choice("True", "False", "Unknown"),
        "reason": text(maxLength=1024),
        "message": text(maxLength=32768),
        "lastTransitionTime": text(format="date-time"),
        "observedGeneration": {"type": "integer", "format": "int64", "minimum": 0},
    }
    return keyed(record(fields, "type", "status"), "type", **more)


@frozen
class Definition:
    """What a CRD says besides its schemas.

    ``columns`` are (name, JSON path[, type]); the ``versions`` share one schema, and the first is stored.
    """

    group: str
    kind: str
    plural: str
    versions: Sequence[str]
    columns: Sequence[tuple[str, ...]] = ()
    short_names: Sequence[str] = ()
    categories: Sequence[str] = ()
    cluster_wide: bool = False

    def crd(self, spec: Schema, status: Schema | None = None) -> dict[str, Any]:
        """Return the CustomResourceDefinition; with a status schema it has the status subresource."""
        properties = {"apiVersion": text(), "kind": text(), "metadata": {"type": "object"}, "spec": spec}
        schema = record({**properties, **({"status": status} if status else {})}, "spec")
        names: dict[str, Any] = {
            "kind": self.kind,
            "listKind": f"{self.kind}List",
            "plural": self.plural,
            "singular": self.kind.lower(),
        }
        names |= {"shortNames": list(self.short_names)} if self.short_names else {}
        names |= {"categories": list(self.categories)} if self.categories else {}
        return {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": f"{self.plural}.{self.group}", **_approval(self.group)},
            "spec": {
                "group": self.group,
                "names": names,
                "scope": "Cluster" if self.cluster_wide else "Namespaced",
                "versions": [self._version(name, schema, status is not None) for name in self.versions],
            },
        }

    def _version(self, name: str, schema: Schema, has_status: bool) -> dict[str, Any]:
        version = {
            "name": name,
            "served": True,
            "storage": name == self.versions[0],
            "schema": {"openAPIV3Schema": schema},
            "additionalPrinterColumns": [_column(*column) for column in self.columns],
        }
        return {**version, "subresources": {"status": {}}} if has_status else version


def _approval(group: str) -> dict[str, Any]:
    """Kubernetes' own groups take no CRD that does not say whether it was approved; ours were not."""
    if not group.endswith(".k8s.io"):
        return {}
    return {"annotations": {"api-approved.kubernetes.io": "unapproved, written for an embedded cluster"}}


def _column(name: str, path: str, kind: str = "string") -> dict[str, Any]:
    return {"name": name, "jsonPath": path, "type": kind}


AGE = ("Age", ".metadata.creationTimestamp", "date")


def condition_column(name: str, condition: str = "") -> tuple[str, str]:
    """A printer column with the status of a condition, by default of the column's own name."""
    return name, f'.status.conditions[?(@.type=="{condition or name}")].status'
