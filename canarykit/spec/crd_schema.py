"""From the classes of the API to the schema that the API server checks: one property per field, nothing written twice."""

from collections.abc import Mapping
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from attrs import has

from canarykit.spec.fields import attributes, json_name

# Flagger's whole numbers are `number` in its CRD. Being stricter would refuse objects that are stored already.
_SCALARS: Mapping[Any, Mapping[str, Any]] = {
    str: {"type": "string"},
    bool: {"type": "boolean"},
    int: {"type": "number"},
    float: {"type": "number"},
    Any: {"x-kubernetes-preserve-unknown-fields": True},
}
_OPAQUE = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}


def schema_of(cls: type, about: str = "") -> dict[str, Any]:
    """Return the structural schema of an attrs class of the API.

    Fields of another API (``Mapping[str, Any]``) keep whatever they hold; unknown fields elsewhere are pruned, as in
    Flagger's CRD.
    """
    hints = get_type_hints(cls)
    properties: dict[str, Any] = {}
    required = []
    for attribute in attributes(cls):
        known = attribute.metadata
        schema = {"description": known["about"], **_schema_of_type(hints[attribute.name]), **known["schema"]}
        properties[json_name(attribute)] = schema
        if known["required"]:
            required.append(json_name(attribute))
    described = {"description": about} if about else {}
    needed = {"required": required} if required else {}
    return {**described, "type": "object", **needed, "properties": properties}


def _schema_of_type(of: Any) -> dict[str, Any]:
    if get_origin(of) in (Union, UnionType):
        members = [member for member in get_args(of) if member is not NoneType]
        return {"x-kubernetes-int-or-string": True} if len(members) > 1 else _schema_of_type(members[0])
    if get_origin(of) is tuple:
        return {"type": "array", "items": _schema_of_type(get_args(of)[0])}
    if isinstance(get_origin(of), type) and issubclass(get_origin(of), Mapping):
        values = get_args(of)[1]
        return dict(_OPAQUE) if values is Any else {"type": "object", "additionalProperties": _schema_of_type(values)}
    return schema_of(of) if isinstance(of, type) and has(of) else dict(_SCALARS[of])
