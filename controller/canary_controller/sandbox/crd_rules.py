"""Rules of CustomResourceDefinitions: the form of what we read of them, names, versions, and the names filled in.

What a schema means is in `objects.schema`; here it must only have the form of one.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from canary_controller.sandbox.objects import causes
from canary_controller.sandbox.objects.causes import Cause
from canary_controller.sandbox.objects.schema_validation import value_causes
from canarykit.dicts import at


def _map(*required: str, **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required), "nullable": True}


def _list(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": {**items, "nullable": False}, "nullable": True}


# Null is absent everywhere, as in every built-in kind.
_TEXT = {"type": "string", "nullable": True}
_FLAG = {"type": "boolean", "nullable": True}
_NUMBER = {"type": "integer", "nullable": True}
_ANY_MAP = {"type": "object", "nullable": True}
_COLUMN = _map(name=_TEXT, type=_TEXT, jsonPath=_TEXT, format=_TEXT, description=_TEXT, priority=_NUMBER)
_SCALE = _map("specReplicasPath", "statusReplicasPath", specReplicasPath=_TEXT, statusReplicasPath=_TEXT, labelSelectorPath=_TEXT)
_VERSION = _map(
    name=_TEXT,
    served=_FLAG,
    storage=_FLAG,
    deprecated=_FLAG,
    deprecationWarning=_TEXT,
    schema=_map(openAPIV3Schema=_ANY_MAP),
    subresources=_map(status=_ANY_MAP, scale=_SCALE),
    additionalPrinterColumns=_list(_COLUMN),
    selectableFields=_list(_map("jsonPath", jsonPath=_TEXT)),
)
_NAMES = _map(plural=_TEXT, kind=_TEXT, singular=_TEXT, listKind=_TEXT, shortNames=_list(_TEXT), categories=_list(_TEXT))
_FORM = _map(spec=_map(group=_TEXT, scope=_TEXT, names=_NAMES, versions=_list(_VERSION)))


APPROVED = "api-approved.kubernetes.io"
_PROTECTED = ("k8s.io", "kubernetes.io")


def complete_crd(crd: Mapping[str, Any]) -> dict[str, Any]:
    """Return a right CustomResourceDefinition with the names and the conversion that the server fills in."""
    names = at(crd, "spec", "names", default={})
    filled = {"singular": names["kind"].lower(), "listKind": f"{names['kind']}List", **names}
    return {**crd, "spec": {"conversion": {"strategy": "None"}, **crd["spec"], "names": filled}}


def crd_causes(crd: Mapping[str, Any]) -> list[Cause]:
    """Return what is wrong with a CustomResourceDefinition; empty when it can be served."""
    wrong_types = list(value_causes(crd, _FORM, ""))
    if wrong_types:
        return wrong_types
    spec = at(crd, "spec", default={})
    found = [
        causes.required("spec." + ".".join(path))
        for path in (("group",), ("names", "plural"), ("names", "kind"), ("versions",), ("scope",))
        if not at(spec, *path)
    ]
    if found:
        return found
    if spec["scope"] not in ("Namespaced", "Cluster"):
        found.append(causes.unsupported("spec.scope", spec["scope"], ["Cluster", "Namespaced"]))
    name = at(crd, "metadata", "name")
    if name != f"{spec['names']['plural']}.{spec['group']}":
        found.append(causes.invalid("metadata.name", name, 'must be spec.names.plural+"."+spec.group'))
    return [*found, *_approval_causes(crd), *_version_causes(spec["versions"])]


def _approval_causes(crd: Mapping[str, Any]) -> list[Cause]:
    """CRDs in Kubernetes' own groups say who approved them, or that nobody did."""
    group = str(at(crd, "spec", "group", default=""))
    is_protected = group in _PROTECTED or group.endswith(tuple(f".{each}" for each in _PROTECTED))
    if not is_protected or at(crd, "metadata", "annotations", APPROVED):
        return []
    why = f'protected groups must have approval annotation "{APPROVED}", see https://github.com/kubernetes/enhancements/pull/1111'
    return [causes.required(f"metadata.annotations[{APPROVED}]", why)]


def _version_causes(versions: Sequence[Mapping[str, Any]]) -> list[Cause]:
    found = []
    if sum(bool(version.get("storage")) for version in versions) != 1:
        message = "Invalid value: must have exactly one version marked as storage version"
        found.append(Cause("FieldValueInvalid", message, "spec.versions"))
    for index, version in enumerate(versions):
        where = f"spec.versions[{index}]"
        if not version.get("name"):
            found.append(causes.required(f"{where}.name"))
        if at(version, "schema", "openAPIV3Schema") is None:
            found.append(causes.required(f"{where}.schema.openAPIV3Schema", "schemas are required"))
        found.extend(_schema_causes(at(version, "schema", "openAPIV3Schema", default={}), f"{where}.schema.openAPIV3Schema"))
        for column, printer in enumerate(version.get("additionalPrinterColumns") or ()):
            found.extend(
                causes.required(f"{where}.additionalPrinterColumns[{column}].{name}")
                for name in ("name", "type", "jsonPath")
                if not printer.get(name)
            )
    return found


def _schema_causes(schema: Any, path: str) -> Iterator[Cause]:
    """Yield where something stands that should be a schema and is none."""
    if not isinstance(schema, Mapping):
        yield causes.type_invalid(path, type(schema).__name__, "must be an object: a schema")
        return
    for name in ("properties", "patternProperties"):
        inner = schema.get(name)
        if inner is not None and not isinstance(inner, Mapping):
            yield causes.type_invalid(f"{path}.{name}", type(inner).__name__, "must be an object: schemas by name")
            continue
        for key, member in (inner or {}).items():
            yield from _schema_causes(member, f"{path}.{name}[{key}]")
    for name in ("items", "not"):
        if schema.get(name) is not None:
            yield from _schema_causes(schema[name], f"{path}.{name}")
    for name in ("allOf", "anyOf", "oneOf"):
        for index, member in enumerate(schema.get(name) or ()):
            yield from _schema_causes(member, f"{path}.{name}[{index}]")
