"""CEL rules of CRDs (``x-kubernetes-validations``) are not evaluated here; this module finds them and says so.

Why: the rules of the CRDs that we bring are few, and a wrong evaluator would refuse what a real cluster accepts. A real API
server is where such rules are tried.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from canarykit.dicts import at

_SHOWN = 3


def cel_refusal(crd: Mapping[str, Any]) -> str | None:
    """Return a sentence that says which rules of this CRD are not evaluated, or None when it has none.

    ``crd`` is a CustomResourceDefinition (apiextensions.k8s.io/v1). The text is meant for a ``Warning`` header.
    """
    places = list(dict.fromkeys(
        place
        for version in at(crd, "spec", "versions", default=[])
        for place in _places(at(version, "schema", "openAPIV3Schema", default={}), "")
    ))  # fmt: skip
    if not places:
        return None
    listed = ", ".join(places[:_SHOWN]) + (f" and {len(places) - _SHOWN} more" if len(places) > _SHOWN else "")
    name = at(crd, "metadata", "name", default="this CustomResourceDefinition")
    return f"{name}: x-kubernetes-validations at {listed} not evaluated by the sandbox; try such rules on a real cluster"


def _places(schema: Any, path: str) -> Iterator[str]:
    if not isinstance(schema, Mapping):
        return
    if schema.get("x-kubernetes-validations"):
        yield path or "the root"
    for name, inner in at(schema, "properties", default={}).items():
        yield from _places(inner, f"{path}.{name}" if path else name)
    yield from _places(schema.get("items"), f"{path}[]")
    yield from _places(schema.get("additionalProperties"), f"{path}.*")
