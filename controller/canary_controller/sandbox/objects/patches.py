"""The two patches that know nothing of Kubernetes: JSON merge patch (RFC 7386) and JSON patch (RFC 6902)."""

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import jsonpatch
import jsonpointer

from canary_controller.sandbox.objects.causes import PatchError

__all__ = ["PatchError", "json_patch", "merge_patch"]

_REJECTED = "the server rejected our request due to an error in our request"


def unreadable(value: Any, wanted: str) -> str:
    """Return what the API server says of a JSON value that is not of the Go type ``wanted``."""
    names = {dict: "object", list: "array", str: "string", bool: "bool"}
    return f"json: cannot unmarshal {names.get(type(value), 'number')} into Go value of type {wanted}"


def _as_the_server_reads(operation: Mapping[str, Any], document: Any) -> Any:
    """Return the operation; a ``replace`` of a member that a map does not have adds it, though RFC 6902 forbids that."""
    if operation.get("op") != "replace":
        return copy.deepcopy(operation)
    pointer = jsonpointer.JsonPointer(str(operation.get("path", "")))
    parent, name = pointer.to_last(document)
    is_new = isinstance(parent, Mapping) and name is not None and name not in parent
    return copy.deepcopy({**operation, "op": "add"} if is_new else operation)


def merge_patch(target: Any, patch: Any) -> Any:
    """Return ``target`` with ``patch`` merged in: null deletes a key, maps merge, all else replaces.

    Both are JSON values; neither is changed, and the result shares nothing with them. Source: RFC 7386 section 2.
    """
    if not isinstance(patch, Mapping):
        return copy.deepcopy(patch)
    merged = dict(target) if isinstance(target, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge_patch(merged.get(key), value)
    return {key: value if key in patch else copy.deepcopy(value) for key, value in merged.items()}


def json_patch(target: Mapping[str, Any], ops: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return a copy of ``target`` after the operations of ``ops``, e.g. ``[{"op": "test", "path": "/spec/x", "value": 1}]``.

    Raises:
        PatchError: 422 ``Invalid`` when an operation fails or leaves no object (the API server does not say which);
            400 ``BadRequest`` when ``ops`` is no list of objects.
    """
    if not isinstance(ops, list | tuple):
        raise PatchError(400, "BadRequest", f"error decoding patch: {unreadable(ops, '[]handlers.jsonPatchOp')}")
    for strange in (each for each in ops if not isinstance(each, Mapping)):
        raise PatchError(400, "BadRequest", f"error decoding patch: {unreadable(strange, 'handlers.jsonPatchOp')}")
    result: Any = copy.deepcopy(dict(target))
    try:
        for operation in ops:
            result = jsonpatch.JsonPatch([_as_the_server_reads(operation, result)]).apply(result)
    except (jsonpatch.JsonPatchException, jsonpointer.JsonPointerException, TypeError, KeyError) as failed:
        raise PatchError(422, "Invalid", _REJECTED) from failed
    if not isinstance(result, dict):
        raise PatchError(422, "Invalid", _REJECTED)
    return result
