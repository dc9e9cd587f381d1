"""What the embedded cluster remembers: objects, one resourceVersion for all of them, and the recent changes.

The store knows the rules that hold for every kind (versions, uids, generations, finalizers, preconditions of a delete).
It does not know what a kind looks like, and nobody may change a manifest that came out of it: a write puts a new dict in place.
"""

import uuid
from collections import deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from attrs import frozen

from canary_controller.sandbox import status_errors as errors
from canarykit.dicts import at
from canarykit.model import Ref

Manifest = dict[str, Any]
ADDED, MODIFIED, DELETED = "ADDED", "MODIFIED", "DELETED"
FOREGROUND = "foregroundDeletion"
_UIDS = uuid.UUID("5a0d7c1e-6c0f-4f0e-9a57-0c6f1d9a2b11")


class Key(NamedTuple):
    """Names one stored object. ``namespace`` is empty for cluster-scoped resources."""

    group: str
    plural: str
    namespace: str
    name: str


@frozen
class Change:
    """One write that happened. ``manifest`` is the object after it (for DELETED its last state, at the new version)."""

    version: int
    type: str
    key: Key
    manifest: Manifest
    before: Manifest | None
    at: float


@frozen
class Preconditions:
    """What a delete was compared with; None is not compared."""

    uid: str | None = None
    version: str | None = None


Listener = Callable[[Change], None]


def timestamp(seconds: float) -> str:
    """Return epoch seconds as Kubernetes writes them: RFC 3339, UTC, whole seconds."""
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Store:
    """All objects of a cluster. ``now`` gives epoch seconds; ``history`` is the number of changes kept for watches."""

    def __init__(self, now: Callable[[], float], history: int = 10_000) -> None:
        self.now = now
        self.version = 1
        self._objects: dict[tuple[str, str], dict[tuple[str, str], Manifest]] = {}
        self._view: dict[Ref, Manifest] = {}
        self._forgotten = 0
        self._births = 0
        self._listeners: dict[int, Listener] = {}
        self._listener_count = 0
        self._undelivered: deque[Change] = deque()
        self._delivering = False
        self._history_limit = history
        self.write_log: deque[Change] = deque()

    # -- reading ------------------------------------------------------------------------------------------------------

    def get(self, key: Key) -> Manifest | None:
        """Return the object, or None."""
        return self._objects.get((key.group, key.plural), {}).get((key.namespace, key.name))

    def fetch(self, key: Key) -> Manifest:
        """Return the object; raises StatusError 404."""
        found = self.get(key)
        if found is None:
            raise errors.not_found(key.group, key.plural, key.name)
        return found

    def objects(self, group: str, plural: str, namespace: str = "") -> list[Manifest]:
        """Return the objects of a resource in the order of namespace and name; an empty namespace means all."""
        found = self._objects.get((group, plural), {})
        return [found[place] for place in sorted(found) if not namespace or place[0] == namespace]

    def objects_at(self, version: int, group: str, plural: str, namespace: str = "") -> list[Manifest]:
        """Return the objects as they were at ``version``; raises StatusError 410 when that is forgotten."""
        past = dict(self._objects.get((group, plural), {}))
        for change in reversed(self.changes_since(version, group, plural)):
            place = (change.key.namespace, change.key.name)
            if change.before is None:
                past.pop(place, None)
            else:
                past[place] = change.before
        return [past[place] for place in sorted(past) if not namespace or place[0] == namespace]

    def all_keys(self, namespace: str = "") -> list[Key]:
        """Return the keys of every object, or of every object in one namespace."""
        return [
            Key(*resource, *place)
            for resource, objects in self._objects.items()
            for place in objects
            if not namespace or place[0] == namespace
        ]

    def view(self) -> Mapping[Ref, Manifest]:
        """Return everything by reference, as it is now; later writes do not change it."""
        return dict(self._view)

    def changes_since(self, version: int, group: str, plural: str) -> list[Change]:
        """Return the changes of a resource after ``version``, oldest first; raises StatusError 410 when some are forgotten."""
        if version < self._forgotten:
            raise errors.expired(f"too old resource version: {version} ({self._forgotten + 1})")
        newest_first = []
        for change in reversed(self.write_log):
            if change.version <= version:
                break
            if change.key[:2] == (group, plural):
                newest_first.append(change)
        return newest_first[::-1]

    def forget_history(self) -> None:
        """Drop all recorded changes, as compaction does: older resourceVersions become 410 Expired."""
        self.write_log.clear()
        self._forgotten = self.version

    # -- writing ------------------------------------------------------------------------------------------------------

    def insert(self, key: Key, manifest: Manifest, has_generation: bool = False) -> Manifest:
        """Store a new object and return it with uid, creationTimestamp, version and (if asked) generation 1."""
        if self.get(key) is not None:
            raise errors.already_exists(key.group, key.plural, key.name)
        stored = self.born(key, manifest, has_generation)
        version = self.version + 1
        return self._record(ADDED, key, _with_metadata(stored, resourceVersion=str(version)), None)

    def born(self, key: Key, manifest: Manifest, has_generation: bool = False) -> Manifest:
        """Return ``manifest`` with the system fields of a new object, without storing it (a dry run shows this)."""
        self._births += 1
        fields: dict[str, Any] = {
            "name": key.name,
            "uid": str(uuid.uuid5(_UIDS, f"{self._births}/{self.version + 1}/{key}")),
            "creationTimestamp": timestamp(self.now()),
        }
        if key.namespace:
            fields["namespace"] = key.namespace
        if has_generation:
            fields["generation"] = 1
        return _with_metadata(manifest, **fields)

    def replace(self, key: Key, manifest: Manifest) -> Manifest:
        """Store the next state of an object and return it; an equal state changes nothing and keeps its version.

        An object that is being deleted and has no finalizer left disappears; it comes back at the version it had.
        """
        before = self.fetch(key)
        if manifest == before or _differs_in_times_only(before, manifest):
            return before
        after = _with_metadata(manifest, resourceVersion=str(self.version + 1))
        if at(after, "metadata", "deletionTimestamp") and not _held(after):
            self._record(DELETED, key, after, before)
            return manifest
        return self._record(MODIFIED, key, after, before)

    def delete(self, key: Key, finalizer: str = "") -> tuple[Manifest, bool]:
        """Delete an object: return its last state and whether it is gone.

        With finalizers (its own, or the one given here, e.g. ``foregroundDeletion``) it is only marked as being deleted.
        Raises StatusError 404. What the caller compared is checked before.
        """
        before = self.fetch(key)
        finalizers = list(at(before, "metadata", "finalizers", default=[]))
        marked = bool(at(before, "metadata", "deletionTimestamp"))
        if finalizer and finalizer not in finalizers and not marked:
            finalizers.append(finalizer)
        if not finalizers and not _held(before):
            after = _with_metadata(before, resourceVersion=str(self.version + 1))
            return self._record(DELETED, key, after, before), True
        if marked:
            return before, False
        fields: dict[str, Any] = {
            "deletionTimestamp": timestamp(self.now()),
            "deletionGracePeriodSeconds": 0,
        }
        if finalizers:
            fields["finalizers"] = finalizers
        if generation := at(before, "metadata", "generation"):
            fields["generation"] = generation + 1
        return self.replace(key, _with_metadata(before, **fields)), False

    # -- telling ------------------------------------------------------------------------------------------------------

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call ``listener`` after every write, in order; return the function that ends it. A listener may write."""
        self._listener_count += 1
        number = self._listener_count
        self._listeners[number] = listener
        return lambda: self._listeners.pop(number, None) and None

    def _record(self, type_: str, key: Key, manifest: Manifest, before: Manifest | None) -> Manifest:
        self.version += 1
        objects = self._objects.setdefault((key.group, key.plural), {})
        ref = Ref(key.group, manifest["kind"], key.namespace, key.name)
        if type_ == DELETED:
            del objects[key.namespace, key.name]
            del self._view[ref]
        else:
            objects[key.namespace, key.name] = manifest
            self._view[ref] = manifest
        change = Change(self.version, type_, key, manifest, before, self.now())
        self.write_log.append(change)
        if len(self.write_log) > self._history_limit:
            self._forgotten = self.write_log.popleft().version
        self._tell(change)
        return manifest

    def _tell(self, change: Change) -> None:
        # A listener that writes causes another change; it is told after this one, so that everybody sees the same order.
        self._undelivered.append(change)
        if self._delivering:
            return
        self._delivering = True
        try:
            while self._undelivered:
                due = self._undelivered.popleft()
                for listener in tuple(self._listeners.values()):
                    listener(due)
        finally:
            self._delivering = False


def next_generation(before: Manifest, after: Manifest, status_counts: bool, annotations_count: bool = False) -> Manifest:
    """Return ``after`` with the generation it must have: one more when anything but metadata (and status) changed.

    Args:
        status_counts: True for kinds without a status subresource, where status is part of what the user wants.
        annotations_count: True for Deployments, whose controller hands annotations down.
    """
    generation = at(before, "metadata", "generation")
    if generation is None:
        return after
    free = {"metadata"} if status_counts else {"metadata", "status"}
    wanted_before = {name: value for name, value in before.items() if name not in free}
    wanted_after = {name: value for name, value in after.items() if name not in free}
    moved = wanted_before != wanted_after
    if annotations_count and not moved:
        moved = at(before, "metadata", "annotations", default={}) != at(after, "metadata", "annotations", default={})
    return _with_metadata(after, generation=generation + moved)


def _held(manifest: Manifest) -> bool:
    """Tell whether something must still be done before the object may disappear; a namespace has a list of its own."""
    if at(manifest, "metadata", "finalizers"):
        return True
    return manifest["kind"] == "Namespace" and bool(at(manifest, "spec", "finalizers"))


def _with_metadata(manifest: Mapping[str, Any], **fields: Any) -> Manifest:
    return {**manifest, "metadata": {**at(manifest, "metadata", default={}), **fields}}


def _differs_in_times_only(before: Manifest, after: Manifest) -> bool:
    """Tell whether the only difference is when a manager last wrote: such a write must not make a new version."""
    return _without_times(before) == _without_times(after)


def _without_times(manifest: Manifest) -> Manifest:
    managed = at(manifest, "metadata", "managedFields", default=[])
    timeless = [{name: value for name, value in entry.items() if name != "time"} for entry in managed]
    return _with_metadata(manifest, managedFields=timeless)
