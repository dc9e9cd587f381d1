"""Server-side apply: an applied manifest merged into the live object, with removals and conflicts by field ownership."""

import json
from collections.abc import Iterable, Mapping
from itertools import chain
from typing import Any

from attrs import evolve

from canary_controller.sandbox.objects import fieldsets
from canary_controller.sandbox.objects.causes import Cause, PatchError
from canary_controller.sandbox.objects.fieldsets import FieldSet, Path
from canary_controller.sandbox.objects.managed import APPLY, Entry, bare, entries_of, track_update, types_for, with_entries
from canary_controller.sandbox.objects.merge_keys import ListTypes
from canarykit.dicts import at, put
from canarykit.times import stamp

__all__ = ["ApplyConflict", "server_side_apply", "track_update"]

_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_SYSTEM_METADATA = ("creationTimestamp", "generation", "managedFields", "resourceVersion", "selfLink", "uid")


class ApplyConflict(Exception):
    """Fields that other managers own would change.

    ``causes``: one per manager and field, with reason ``FieldManagerConflict``; the message is the one of the 409 answer.
    """

    def __init__(self, conflicts: Iterable[tuple[Entry, Path]]) -> None:
        self.conflicts = sorted((entry.printed(), fieldsets.dotted(path)) for entry, path in conflicts)
        self.causes = [Cause("FieldManagerConflict", f"conflict with {manager}", field) for manager, field in self.conflicts]
        super().__init__(self._message())

    def _message(self) -> str:
        if len(self.conflicts) == 1:
            manager, field = self.conflicts[0]
            return f"Apply failed with 1 conflict: conflict with {manager}: {field}"
        lines: list[str] = []
        for manager in dict.fromkeys(manager for manager, _ in self.conflicts):
            lines.append(f"conflicts with {manager}:")
            lines.extend(f"- {field}" for owner, field in self.conflicts if owner == manager)
        return f"Apply failed with {len(self.conflicts)} conflicts: " + "\n".join(lines)


def server_side_apply(
    live: Mapping[str, Any] | None,
    applied: Mapping[str, Any],
    manager: str,
    force: bool,
    now: float,
    types: ListTypes | None = None,
    subresource: str = "",
) -> dict[str, Any]:
    """Return the object after ``manager`` applied a manifest: merged, pruned of what it owned alone and no longer applies.

    Equal to ``live``, ``managedFields`` and times included, when the apply changes nothing. Defaults are not added here:
    the server adds them afterwards, which is how a dropped ``replicas`` comes back as 1. ``live`` None creates.

    Args:
        applied: the manifest as sent; its ``status`` counts under subresource ``status`` only, and there nothing else does.
        now: epoch seconds.
        types: of a custom resource, ``ListTypes.for_crd(schema)``; None for built-in kinds.

    Raises:
        ApplyConflict: another manager owns a field with another value, and ``force`` is not set.
        PatchError: 400 when ``applied`` has managedFields, or lists whose items lack their keys or have them twice.
    """
    if at(applied, "metadata", "managedFields"):
        raise PatchError(400, "BadRequest", "metadata.managedFields must be nil")
    kinds = types_for(applied, types)
    wanted = _counted(applied, subresource, kinds)
    claimed = fieldsets.of_object(wanted, kinds)
    entries = _entries_before(live, kinds, now)
    mine = Entry(manager, APPLY, str(applied.get("apiVersion", "")), claimed, stamp(now), subresource)
    before = next((each for each in entries if each.identity == mine.identity), None)
    others = [each for each in entries if each.identity != mine.identity]

    start = bare(live) if live is not None else {}
    merged = _merge(start, wanted, kinds, ())
    owned = claimed.union(*(each.fields for each in others))
    merged = fieldsets.without(merged, _no_longer_owned(before.fields if before else fieldsets.EMPTY, owned), kinds, owned)
    if not force:
        _refuse_conflicts(others, fieldsets.differences(start, merged, kinds).taken, _allowed(live, manager, kinds))
    result = _without_nulls_of(merged, wanted)
    changed = fieldsets.differences(start, result, kinds)
    if manager == "kubectl" and changed:
        result = _with_last_applied(result, applied)
    if not changed:
        mine = evolve(mine, time=before.time if before is not None else "")
    left = [evolve(each, fields=each.fields - changed.removed - changed.taken) for each in others]
    return with_entries(result, [mine, *left])


def _counted(applied: Mapping[str, Any], subresource: str, types: ListTypes) -> dict[str, Any]:
    """The applied manifest as far as this endpoint looks at it."""
    metadata = {name: value for name, value in at(applied, "metadata", default={}).items() if name not in _SYSTEM_METADATA}
    wanted = {**applied, "metadata": metadata}
    if subresource == "status":
        identity = {name: metadata[name] for name in ("name", "namespace") if name in metadata}
        kept = {name: value for name, value in wanted.items() if name in ("apiVersion", "kind", "status")}
        return {**kept, "metadata": identity}
    if not subresource and types.status_apart:
        wanted.pop("status", None)
    return wanted


def _entries_before(live: Mapping[str, Any] | None, types: ListTypes, now: float) -> list[Entry]:
    """The entries of the live object; one that nobody tracks is owned by ``before-first-apply`` as it stands."""
    if live is None:
        return []
    found = entries_of(live)
    if found:
        return found
    everything = fieldsets.differences({}, bare(live), types).taken
    return [Entry("before-first-apply", "Update", str(live.get("apiVersion", "")), everything, stamp(now))]


def _merge(live: Any, applied: Any, types: ListTypes, path: Path) -> Any:
    if fieldsets.is_open(applied, types) and isinstance(live, Mapping):
        merged = dict(live)
        for name, value in applied.items():
            merged[name] = _merge(live.get(name), value, types.field(name), (*path, f"f:{name}"))
        return merged
    if fieldsets.is_keyed(applied, types):
        return _merge_list(live if isinstance(live, list) else [], applied, types, path)
    return applied


def _merge_list(live: list[Any], applied: list[Any], types: ListTypes, path: Path) -> list[Any]:
    """Merge by keys: applied items in their order, live ones that are not applied stay before the next common item."""
    mine = fieldsets.keyed_items(applied, types, path)
    theirs = fieldsets.observed_items(live, types)
    waiting = list(theirs)
    common = [element for element in mine if element in theirs]
    merged: list[Any] = []
    for element, item in mine.items():
        while waiting and not (common and waiting[0] == common[0]):
            passed = waiting.pop(0)
            if passed not in mine:
                merged.extend(fieldsets.twins_of(theirs[passed]))
        if element in theirs:
            common.pop(0)
        merged.append(_merge(theirs.get(element), item, types.item(), (*path, element)))
    left = (fieldsets.twins_of(theirs[element]) for element in waiting if element not in mine)
    return [*merged, *chain.from_iterable(left)]


def _no_longer_owned(last: FieldSet, owned: FieldSet) -> FieldSet:
    """What this manager applied last time and nobody owns now, with maps and items that thereby have no owner left inside."""
    return fieldsets.with_parents(last) - fieldsets.with_parents(owned) - fieldsets.UNOWNED


def _refuse_conflicts(others: Iterable[Entry], taken: FieldSet, allowed: FieldSet) -> None:
    conflicts = [(each, path) for each in others for path in each.fields & taken - allowed]
    if conflicts:
        raise ApplyConflict(conflicts)


def _allowed(live: Mapping[str, Any] | None, manager: str, types: ListTypes) -> FieldSet:
    """What ``kubectl apply --server-side`` may take over from its own client-side apply: the fields of its annotation."""
    if live is None or manager != "kubectl":
        return fieldsets.EMPTY
    try:
        last = json.loads(at(live, "metadata", "annotations", _LAST_APPLIED, default="{}"))
        return fieldsets.of_object(last, types)
    except (ValueError, AttributeError, PatchError):
        return fieldsets.EMPTY


def _with_last_applied(result: dict[str, Any], applied: Mapping[str, Any]) -> dict[str, Any]:
    """Keep the annotation of client-side apply true where it exists, so that going back to it prunes rightly."""
    if at(result, "metadata", "annotations", _LAST_APPLIED) is None:
        return result
    annotations = at(applied, "metadata", "annotations", default={})
    others = {name: value for name, value in annotations.items() if name != _LAST_APPLIED}
    plain = put(applied, ("metadata", "annotations"), others)
    text = json.dumps(plain, separators=(",", ":"), ensure_ascii=False) + "\n"
    return put(result, ("metadata", "annotations", _LAST_APPLIED), text)


def _without_nulls_of(merged: Any, applied: Any) -> Any:
    """Drop the keys that were applied as null: the manager says that they shall not be there."""
    if not isinstance(merged, Mapping) or not isinstance(applied, Mapping):
        return merged
    return {
        name: _without_nulls_of(value, applied.get(name))
        for name, value in merged.items()
        if not (name in applied and applied[name] is None)
    }
