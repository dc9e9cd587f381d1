"""Who owns which field: ``metadata.managedFields`` as create, update, patch and apply leave it.

Entries are told apart by manager, operation, subresource and, for updates, apiVersion. Source: Kubernetes documentation,
"Server-Side Apply", and answers of a real API server 1.37.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from attrs import evolve, frozen

from canary_controller.sandbox.objects import fieldsets
from canary_controller.sandbox.objects.fieldsets import FieldSet
from canary_controller.sandbox.objects.merge_keys import ListTypes
from canarykit.dicts import at
from canarykit.times import stamp

APPLY = "Apply"
UPDATE = "Update"


@frozen
class Entry:
    """One element of ``managedFields`` with its set decoded; ``time`` is RFC 3339 text."""

    manager: str
    operation: str
    api_version: str
    fields: FieldSet
    time: str = ""
    subresource: str = ""

    @property
    def identity(self) -> tuple[str, str, str, str]:
        """What must be equal for two entries to be one; appliers keep theirs when the apiVersion changes."""
        return self.manager, self.operation, self.subresource, self.api_version if self.operation == UPDATE else ""

    def printed(self) -> str:
        """The manager as conflicts name it, e.g. ``"kubectl-edit" using apps/v1``."""
        where = f' with subresource "{self.subresource}"' if self.subresource else ""
        when = f" using {self.api_version}" if self.operation == UPDATE else ""
        return f'"{self.manager}"{where}{when}'


def entries_of(manifest: Mapping[str, Any]) -> list[Entry]:
    """Return the decoded entries of an object; entries that are not FieldsV1 (or empty) are left out."""
    return [
        Entry(
            manager=each.get("manager", ""),
            operation=each["operation"],
            api_version=each.get("apiVersion", ""),
            fields=fieldsets.from_json(each.get("fieldsV1") or {}),
            time=each.get("time") or "",
            subresource=each.get("subresource", ""),
        )
        for each in at(manifest, "metadata", "managedFields", default=[])
        if isinstance(each, Mapping) and each.get("operation") in (APPLY, UPDATE)
    ]


def encoded(entries: Iterable[Entry]) -> list[dict[str, Any]]:
    """Return ``managedFields`` of the entries that own something: appliers first, then by time and manager."""
    ordered = sorted((each for each in entries if each.fields), key=lambda each: (each.operation, each.time, each.identity))
    return [_encoded(each) for each in ordered]


def _encoded(entry: Entry) -> dict[str, Any]:
    members = {
        "manager": entry.manager,
        "operation": entry.operation,
        "apiVersion": entry.api_version,
        "time": entry.time,
        "fieldsType": "FieldsV1",
        "fieldsV1": fieldsets.to_json(entry.fields),
        "subresource": entry.subresource,
    }
    return {name: value for name, value in members.items() if value != ""}


def bare(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return the manifest without ``managedFields``."""
    if "managedFields" not in at(manifest, "metadata", default={}):
        return dict(manifest)
    metadata = {name: value for name, value in manifest["metadata"].items() if name != "managedFields"}
    return {**manifest, "metadata": metadata}


def with_entries(manifest: Mapping[str, Any], entries: Iterable[Entry]) -> dict[str, Any]:
    """Return the manifest with these entries as its ``managedFields``; none at all when nobody owns anything."""
    body = bare(manifest)
    listed = encoded(entries)
    if listed:
        body["metadata"] = {**at(body, "metadata", default={}), "managedFields": listed}
    return body


def types_for(manifest: Mapping[str, Any], types: ListTypes | None) -> ListTypes:
    """Return ``types``, or those of the built-in kind that the manifest is."""
    if types is not None:
        return types
    return ListTypes.for_builtin(str(manifest.get("apiVersion", "")).rpartition("/")[0], str(manifest.get("kind", "")))


def track_update(
    old: Mapping[str, Any] | None,
    new: Mapping[str, Any],
    manager: str,
    now: float,
    operation: str = UPDATE,
    subresource: str = "",
    types: ListTypes | None = None,
) -> dict[str, Any]:
    """Return ``new`` with ``managedFields`` as a create (``old`` None), update or patch by ``manager`` leaves them.

    Fields that changed belong to this manager alone; removed ones to nobody. Nothing changed: entries and times stay.
    ``new`` may bring its own entries (they are believed); without any, those of ``old`` stay; ``[{}]`` clears them, and an
    object whose entries were cleared is not tracked until somebody applies it. A subresource cannot bring entries.

    Args:
        now: epoch seconds, written as whole RFC 3339 seconds.
        types: of a custom resource, ``ListTypes.for_crd(schema)``; None for built-in kinds.
    """
    entries = _entries_before(old, new, subresource)
    body = bare(new)
    if old is not None and not entries:
        return body
    changed = fieldsets.differences(bare(old) if old is not None else {}, body, types_for(new, types))
    if not changed:
        return with_entries(body, entries)
    # The API server loses the time of entries that come through /scale, where it translates them twice.
    when = stamp(now) if subresource != "scale" else ""
    mine = Entry(manager, operation, str(new.get("apiVersion", "")), changed.taken, when, subresource)
    return with_entries(body, _reassigned(entries, mine, changed.removed))


def _entries_before(old: Mapping[str, Any] | None, new: Mapping[str, Any], subresource: str) -> list[Entry]:
    kept = entries_of(old) if old is not None else []
    sent = at(new, "metadata", "managedFields", default=[])
    if subresource or not sent:
        return kept
    if sent == [{}]:
        return []
    return entries_of(new) or kept


def _reassigned(entries: Iterable[Entry], mine: Entry, removed: FieldSet) -> list[Entry]:
    """Take away what was removed or is now mine; an entry that takes nothing new keeps its time."""
    result = []
    own = mine
    for each in entries:
        if each.identity == mine.identity:
            own = evolve(mine, fields=(each.fields - removed) | mine.fields, time=mine.time if mine.fields else each.time)
        else:
            result.append(evolve(each, fields=each.fields - removed - mine.fields))
    return [*result, own]
