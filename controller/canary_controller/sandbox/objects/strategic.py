"""Strategic merge patch: a JSON merge patch that knows which lists of built-in kinds are maps, and five directives.

Directives are keys of the patch: ``$patch`` (``delete``, ``replace``, ``merge``), ``$retainKeys``, ``$setElementOrder/<list>``
and ``$deleteFromPrimitiveList/<list>``. Source: Kubernetes documentation, "Strategic Merge Patch" (API conventions).
"""

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from canary_controller.sandbox.objects.causes import PatchError
from canary_controller.sandbox.objects.merge_keys import BUILTIN_GROUPS, ListTypes

_DIRECTIVE = "$patch"
_RETAIN = "$retainKeys"
_ORDER = "$setElementOrder/"
_REMOVE = "$deleteFromPrimitiveList/"
_ACCEPTED = "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml"


def strategic_merge(target: Mapping[str, Any], patch: Mapping[str, Any], group: str, kind: str) -> dict[str, Any]:
    """Return ``target`` with a strategic merge patch applied. Neither is changed; the result shares nothing with them.

    Raises:
        PatchError: 415 ``UnsupportedMediaType`` for kinds served from CRDs; 422 when a list element lacks its merge key;
            400 for malformed directives.
    """
    if group not in BUILTIN_GROUPS:
        text = f"the body of the request was in an unknown format - accepted media types include: {_ACCEPTED}"
        raise PatchError(415, "UnsupportedMediaType", text)
    if not isinstance(patch, Mapping):
        raise PatchError(400, "BadRequest", "error decoding patch: a strategic merge patch is an object")
    return _merge_map(copy.deepcopy(dict(target)), copy.deepcopy(dict(patch)), ListTypes.for_builtin(group, kind))


def _merge_map(target: dict[str, Any], patch: Mapping[str, Any], types: ListTypes) -> dict[str, Any]:
    """Merge into ``target``, which is ours to change."""
    match patch.get(_DIRECTIVE):
        case None | "merge":
            pass
        case "replace":
            return {name: value for name, value in patch.items() if name != _DIRECTIVE}
        case "delete":
            return {}
        case other:
            raise PatchError(400, "BadRequest", f"unknown $patch directive {other!r}: use delete, replace or merge")
    _retain(target, patch)
    for name, value in patch.items():
        if name.startswith(_REMOVE):
            _delete_plain(target, name.removeprefix(_REMOVE), value)
        elif name.startswith(_ORDER):
            listed = name.removeprefix(_ORDER)
            if listed not in patch and isinstance(target.get(listed), list):
                target[listed] = _merge_list(target[listed], [], types.field(listed), _ordered(patch, listed), listed)
        elif not name.startswith("$"):
            _merge_key(target, name, value, patch, types.field(name))
    return target


def _merge_key(target: dict[str, Any], name: str, value: Any, patch: Mapping[str, Any], types: ListTypes) -> None:
    if value is None:
        target.pop(name, None)
    elif isinstance(value, Mapping):
        found = target.get(name)
        target[name] = _merge_map(found if isinstance(found, dict) else {}, value, types)
    elif isinstance(value, list):
        found = target.get(name)
        target[name] = _merge_list(found if isinstance(found, list) else [], value, types, _ordered(patch, name), name)
    else:
        target[name] = value


def _retain(target: dict[str, Any], patch: Mapping[str, Any]) -> None:
    kept = patch.get(_RETAIN)
    if kept is None:
        return
    if not isinstance(kept, list):
        raise PatchError(400, "BadRequest", f"{_RETAIN} must be a list of names, found {kept!r}")
    unlisted = [name for name, value in patch.items() if not name.startswith("$") and value is not None and name not in kept]
    if unlisted:
        raise PatchError(400, "BadRequest", f"{_RETAIN} does not list {', '.join(unlisted)}, which the patch sets: add it there")
    for name in [name for name in target if name not in kept]:
        del target[name]


def _delete_plain(target: dict[str, Any], name: str, gone: Any) -> None:
    if not isinstance(gone, list):
        raise PatchError(400, "BadRequest", f"{_REMOVE}{name} must be a list, found {gone!r}")
    if isinstance(target.get(name), list):
        target[name] = [item for item in target[name] if item not in gone]


def _ordered(patch: Mapping[str, Any], name: str) -> list[Any] | None:
    order = patch.get(_ORDER + name)
    if order is not None and not isinstance(order, list):
        raise PatchError(400, "BadRequest", f"{_ORDER}{name} must be a list, found {order!r}")
    return order


def _merge_list(target: list[Any], patch: list[Any], types: ListTypes, order: list[Any] | None, name: str) -> list[Any]:
    if types.patch_key is None:
        return _plain(patch)
    if types.patch_key == "":
        merged = [*target, *(item for item in dict.fromkeys(patch) if item not in target)]
        return _sorted(merged, merged if order is None else order, target, lambda item: item) if order is not None else merged
    key = types.patch_key
    if any(isinstance(item, Mapping) and item.get(_DIRECTIVE) == "replace" for item in patch):
        return _plain([item for item in patch if not (isinstance(item, Mapping) and _DIRECTIVE in item)])
    merged = list(target)
    for item in patch:
        identity = _key_of(item, key, name)
        places = [index for index, mine in enumerate(merged) if isinstance(mine, Mapping) and mine.get(key) == identity]
        if item.get(_DIRECTIVE) == "delete":
            merged = [mine for index, mine in enumerate(merged) if index not in places]
        elif places:
            merged[places[0]] = _merge_map(dict(merged[places[0]]), item, types.item())
        else:
            merged.append(_merge_map({}, item, types.item()))
    named = order if order is not None else [item for item in patch if item.get(_DIRECTIVE) != "delete"]
    return _sorted(merged, [_key_of(item, key, name) for item in named], target, lambda item: item.get(key))


def _key_of(item: Any, key: str, name: str) -> Any:
    if not isinstance(item, Mapping):
        raise PatchError(422, "Invalid", f"{name}: an element is no object, so it has no merge key {key}: found {item!r}")
    if key not in item:
        raise PatchError(422, "Invalid", f"{name}: {dict(item)!r} does not contain declared merge key: {key}")
    return item[key]


def _sorted(merged: list[Any], order: Sequence[Any], before: list[Any], identity: Any) -> list[Any]:
    """Bring the items named in ``order`` into that order; the others keep the server's, and its places among the named ones.

    An item that the server did not have comes before the server's own that are left, as in the real one.
    """
    named = sorted((item for item in merged if identity(item) in order), key=lambda item: list(order).index(identity(item)))
    others = [item for item in merged if identity(item) not in order]
    ranks = [identity(item) for item in before if not isinstance(item, Mapping) or identity(item) is not None]
    result: list[Any] = []
    while named and others:
        mine, theirs = identity(named[0]), identity(others[0])
        other_first = mine in ranks and theirs in ranks and ranks.index(theirs) < ranks.index(mine)
        result.append(others.pop(0) if other_first else named.pop(0))
    return [*result, *named, *others]


def _plain(items: list[Any]) -> list[Any]:
    """Return the elements of a replaced list; directives inside maps are carried out against nothing."""
    return [_merge_map({}, item, ListTypes()) if isinstance(item, Mapping) else item for item in items]
