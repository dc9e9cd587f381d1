"""The two patches that know nothing of Kubernetes: JSON merge patch (RFC 7386) and JSON patch (RFC 6902)."""

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import jsonpatch
import jsonpointer

from canary_controller.sandbox.objects.causes import PatchError

__all__ = ["PatchError", "json_patch", "merge_patch"]

_REJECTED = "the server rejected our request due to an error in our request"


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
        PatchError: 422 ``Invalid`` when a test fails or a path does not exist; 400 ``BadRequest`` when ``ops`` is no JSON patch,
            or the result is no object any more.
    """
    if not isinstance(ops, list | tuple):
        raise PatchError(400, "BadRequest", "error decoding patch: a JSON patch is a list of operations")
    try:
        result = jsonpatch.JsonPatch(copy.deepcopy(list(ops))).apply(dict(target))
    except jsonpatch.InvalidJsonPatch as wrong:
        raise PatchError(400, "BadRequest", f"error decoding patch: {wrong}") from wrong
    except jsonpatch.JsonPatchTestFailed as failed:
        raise PatchError(422, "Invalid", f"{_REJECTED}: test failed: {failed}") from failed
    except (jsonpatch.JsonPatchException, jsonpointer.JsonPointerException, TypeError, KeyError) as failed:
        raise PatchError(422, "Invalid", f"{_REJECTED}: {failed}") from failed
    if not isinstance(result, dict):
        raise PatchError(400, "BadRequest", "error decoding patch: the patched document is not an object")
    return result
