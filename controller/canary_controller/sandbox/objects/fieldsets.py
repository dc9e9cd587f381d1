"""Sets of fields as ``managedFields`` holds them, and which fields differ between two objects.

A field is a path of elements in FieldsV1 spelling: ``f:name`` of a map, ``k:{"name":"web"}`` of a list with keys, ``v:"x"`` of
a set. A set of fields is a frozenset of such paths, so union, difference and intersection are Python's own.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from attrs import frozen

from canary_controller.sandbox.objects.causes import PatchError
from canary_controller.sandbox.objects.merge_keys import ATOMIC, MAP, SET, ListTypes

Path = tuple[str, ...]
FieldSet = frozenset[Path]

EMPTY: FieldSet = frozenset()
_MISSING: Any = object()
_METADATA = ("creationTimestamp", "generation", "managedFields", "name", "namespace", "resourceVersion", "selfLink", "uid")
# What nobody owns: identity and what only the API server writes (and the place of metadata itself).
UNOWNED: FieldSet = frozenset(
    {("f:apiVersion",), ("f:kind",), ("f:metadata",)} | {("f:metadata", f"f:{name}") for name in _METADATA}
)


@frozen
class Differences:
    """The fields that an object gained, changed and lost."""

    added: FieldSet = EMPTY
    modified: FieldSet = EMPTY
    removed: FieldSet = EMPTY

    @property
    def taken(self) -> FieldSet:
        """What a writer of the new object now owns."""
        return self.added | self.modified

    def __bool__(self) -> bool:
        return bool(self.added or self.modified or self.removed)


def from_json(fields: Mapping[str, Any]) -> FieldSet:
    """Return the set that a ``fieldsV1`` map describes, e.g. ``{"f:spec": {"f:replicas": {}}}``."""
    return frozenset(_leaves(fields, ()))


def _leaves(fields: Mapping[str, Any], path: Path) -> Iterator[Path]:
    if path and (not fields or "." in fields):
        yield path
    for element, inner in fields.items():
        if element != ".":
            yield from _leaves(inner, (*path, element))


def to_json(fields: Iterable[Path]) -> dict[str, Any]:
    """Return the ``fieldsV1`` map of a set, elements in Kubernetes' order; ``.`` marks a member that also has members below."""
    root: dict[str, Any] = {}
    for path in sorted(fields):  # a parent sorts before its children
        here = root
        for element in path[:-1]:
            here = here.setdefault(element, {})
        here.setdefault(path[-1], {})
    members = frozenset(fields)
    return _with_dots(root, (), members)


def _with_dots(tree: Mapping[str, Any], path: Path, members: FieldSet) -> dict[str, Any]:
    below = {element: _with_dots(inner, (*path, element), members) for element, inner in sorted(tree.items())}
    return {".": {}, **below} if below and path in members else below


def with_parents(fields: FieldSet) -> FieldSet:
    """Return the set with every place on the way to a member."""
    return frozenset(path[:length] for path in fields for length in range(1, len(path) + 1))


def dotted(path: Path) -> str:
    """Return a path as conflicts print it, e.g. ``.spec.template.spec.containers[name="web"].image``."""
    return "".join(_printed(element) for element in path)


def _printed(element: str) -> str:
    kind, _, text = element.partition(":")
    if kind == "k":
        keys = ",".join(f"{name}={_compact(value)}" for name, value in json.loads(text).items())
        return f"[{keys}]"
    return {"f": f".{text}", "v": f"[={text}]"}.get(kind, f"[{text}]")


def item_element(item: Any, types: ListTypes, path: Path = ()) -> str:
    """Return the path element of a list item: ``k:{…}`` for lists with keys, ``v:…`` for sets.

    Raises PatchError 400 when an item has none of its keys.
    """
    element = _element(item, types)
    if element is None:
        names = ", ".join(f'"{name}"' for name in types.keys)
        text = f"element in an associative list has none of its keys ({names})"
        raise PatchError(400, "BadRequest", f"{dotted(path)}: {text}")
    return element


def _element(item: Any, types: ListTypes) -> str | None:
    if types.relation == SET:
        return f"v:{_compact(item)}"
    if not isinstance(item, Mapping):
        return None
    values = {name: item.get(name, types.key_defaults.get(name)) for name in types.keys}
    found = {name: value for name, value in values.items() if value is not None}
    return f"k:{_compact(found)}" if found else None


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def keyed_items(items: Iterable[Any], types: ListTypes, path: Path = ()) -> dict[str, Any]:
    """Return list items by path element, in order.

    Raises PatchError 400 when two items have the same keys.
    """
    found: dict[str, Any] = {}
    for item in items:
        element = item_element(item, types, path)
        if element in found:
            raise PatchError(400, "BadRequest", f"{dotted(path)}: duplicate entries for key {_printed(element)}")
        found[element] = item
    return found


def observed_items(items: Iterable[Any], types: ListTypes) -> dict[str, Any]:
    """Return the items of a stored list by path element: never an error.

    Items with the same keys become one tuple; items without keys count by index.
    """
    found: dict[str, Any] = {}
    for index, item in enumerate(items):
        element = _element(item, types) or f"i:{index}"
        found[element] = (*twins_of(found[element]), item) if element in found else item
    return found


def twins_of(item: Any) -> tuple[Any, ...]:
    """Return what stands for one path element as the list items that it is: one, or several with the same keys."""
    return item if isinstance(item, tuple) else (item,)


def is_keyed(value: Any, types: ListTypes) -> bool:
    """Tell whether a value is a list that merges item by item."""
    return isinstance(value, list) and types.relation in (MAP, SET)


def is_open(value: Any, types: ListTypes) -> bool:
    """Tell whether a value is a map that merges key by key."""
    return isinstance(value, Mapping) and types.relation != ATOMIC


def of_object(manifest: Mapping[str, Any], types: ListTypes) -> FieldSet:
    """Return the fields that an applied manifest claims; identity and system fields are nobody's.

    Raises PatchError 400 for a list whose items lack their keys or have them twice.
    """
    return frozenset(_claimed(manifest, types, ())) - UNOWNED


def _claimed(value: Any, types: ListTypes, path: Path) -> Iterator[Path]:
    if is_open(value, types):
        for name, inner in value.items():
            below, here = types.field(name), (*path, f"f:{name}")
            if inner is None or inner in ({}, []) or not types.is_declared(name):
                yield here
            yield from _claimed(inner, below, here)
    elif is_keyed(value, types):
        for element, inner in keyed_items(value, types, path).items():
            yield (*path, element)
            yield from _claimed(inner, types.item(), (*path, element))
    else:
        yield path


def differences(old: Mapping[str, Any], new: Mapping[str, Any], types: ListTypes) -> Differences:
    """Return which fields ``new`` gained, changed and lost against ``old``; identity and system fields do not count.

    Places that merge are fields too when they appear or vanish. Lists that do not merge count as one field.
    """
    found: dict[str, set[Path]] = {"added": set(), "modified": set(), "removed": set()}
    _compare(old, new, types, (), found)
    return Differences(*(frozenset(found[name]) - UNOWNED for name in ("added", "modified", "removed")))


def _compare(old: Any, new: Any, types: ListTypes, path: Path, found: dict[str, set[Path]]) -> None:
    if old is new or (old == new and type(old) is type(new)):
        return
    members = _members(old, new, types)
    if members is None:
        _compare_leaf(old, new, types, path, found)
        return
    mine, theirs = members
    for element in dict.fromkeys((*mine, *theirs)):
        below = types.field(element[2:]) if element.startswith("f:") else types.item()
        _compare(mine.get(element, _MISSING), theirs.get(element, _MISSING), below, (*path, element), found)
    if old is _MISSING and not types.always:
        found["added"].add(path)
    elif new is _MISSING and not types.always:
        found["removed"].add(path)


def _members(old: Any, new: Any, types: ListTypes) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """The members of both sides, or None where the place is one field: plain values, atomic ones, empty on both sides."""
    for merges, split in ((is_open, _map_members), (is_keyed, observed_items)):
        sides = [side for side in (old, new) if merges(side, types)]
        others = [side for side in (old, new) if not merges(side, types) and side is not _MISSING and side is not None]
        if sides and not others:
            if not any(sides):
                return None
            mine, theirs = (split(side, types) if merges(side, types) else {} for side in (old, new))
            return mine, theirs
    return None


def _map_members(value: Mapping[str, Any], _types: ListTypes) -> dict[str, Any]:
    return {f"f:{name}": inner for name, inner in value.items()}


def _compare_leaf(old: Any, new: Any, types: ListTypes, path: Path, found: dict[str, set[Path]]) -> None:
    if old is _MISSING:
        if not (types.always and not new):
            found["added"].add(path)
    elif new is _MISSING:
        found["removed"].add(path)
    else:
        found["modified"].add(path)


def without(value: Any, gone: FieldSet, types: ListTypes, owned: FieldSet = EMPTY) -> Any:
    """Return a manifest without the fields of ``gone``.

    Maps and lists that lose their last member go too, unless they are ``owned`` themselves; the keys of list items stay.
    """
    tree: dict[str, Any] = {}
    for path in sorted(gone, key=len):
        here = tree
        for element in path[:-1]:
            if here.get(element) is True:
                break
            here = here.setdefault(element, {})
        else:
            here[path[-1]] = True
    return _Pruning(owned).of(value, tree, types, (), ())


@frozen
class _Pruning:
    """The walk of `without`; ``True`` in the tree of gone fields means the whole place."""

    owned: FieldSet

    def of(self, value: Any, gone: Mapping[str, Any], types: ListTypes, path: Path, keys: tuple[str, ...]) -> Any:
        if isinstance(value, Mapping):
            return dict(self._members(value, gone, types, path, keys))
        if not is_keyed(value, types):
            return value
        items: list[Any] = []
        for element, item in observed_items(value, types).items():
            below = gone.get(element)
            if below is None:
                items.extend(twins_of(item))
            elif below is not True:
                items.extend(self.of(twin, below, types.item(), (*path, element), types.keys) for twin in twins_of(item))
        return items

    def _members(
        self, value: Mapping[str, Any], gone: Mapping[str, Any], types: ListTypes, path: Path, keys: tuple[str, ...]
    ) -> Iterator[tuple[str, Any]]:
        for name, member in value.items():
            below, here = gone.get(f"f:{name}"), (*path, f"f:{name}")
            if below is None or name in keys:
                yield name, member
            elif below is not True:
                left = self.of(member, below, types.field(name), here, ())
                if left not in ({}, []) or here in self.owned:
                    yield name, left
