"""What a model sees and what it answers: `View` (every object of the cluster, indexed) and `Step` (the writes wanted now).

No model lives here and nothing is written here; whoever drives the models applies the writes and asks again.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from attrs import field, frozen

from canarykit.dicts import at
from canarykit.kinds import Kind
from canarykit.model import Ref
from canarykit.times import instant, stamp

CREATE = "create"
MERGE_PATCH = "merge-patch"
STATUS = "status"
SCALE = "scale"
DELETE = "delete"

Manifest = Mapping[str, Any]
Found = tuple[Ref, Manifest]


@frozen
class Write:
    """One write that a model wants.

    Attributes:
        verb: CREATE (body is a manifest), MERGE_PATCH (body is a partial object), STATUS (body ``{"status": …}``, a merge
            patch of the status subresource), SCALE (body ``{"spec": {"replicas": n}}``) or DELETE (body None, background).
        ref: the object.
        subresource: ``status`` and ``scale`` for those two verbs, else empty.
    """

    verb: str
    ref: Ref
    body: Any = None
    subresource: str = ""


@frozen
class Step:
    """The answer of a model: the writes that it wants now, and when it wants to look again though nothing has changed."""

    writes: tuple[Write, ...] = ()
    again_at: float | None = None


def joined(steps: Iterable[Step]) -> Step:
    """Return all writes in order, with the earliest of the times to look again."""
    every = tuple(steps)
    times = [each.again_at for each in every if each.again_at is not None]
    return Step(tuple(write for each in every for write in each.writes), min(times, default=None))


class View(Mapping[Ref, Manifest]):
    """A mapping of all objects, with look-ups by kind, controlling owner and labels. The objects are never changed."""

    __slots__ = ("_by_kind", "_by_label", "_by_owner", "_objects", "uids")

    def __init__(self, objects: Mapping[Ref, Manifest]) -> None:
        self._objects = objects
        self._by_kind: dict[tuple[str, str, str | None], list[Found]] = {}
        self._by_label: dict[tuple[str, str, str], dict[tuple[str, str], list[Found]]] = {}
        self._by_owner: dict[str, list[Found]] = {}
        self.uids: frozenset[str] = frozenset(uid_of(each) for each in objects.values())
        for ref in sorted(objects, key=lambda each: (each.group, each.kind, each.namespace, each.name)):
            found = (ref, objects[ref])
            for namespace in (None, ref.namespace):
                self._by_kind.setdefault((ref.group, ref.kind, namespace), []).append(found)
            owner = controller_of(objects[ref])
            if owner:
                self._by_owner.setdefault(owner, []).append(found)

    @classmethod
    def of(cls, objects: Mapping[Ref, Manifest]) -> "View":
        """Return ``objects`` as a View; a View is returned as it is."""
        return objects if isinstance(objects, cls) else cls(objects)

    def __getitem__(self, ref: Ref) -> Manifest:
        return self._objects[ref]

    def __iter__(self) -> Iterator[Ref]:
        return iter(self._objects)

    def __len__(self) -> int:
        return len(self._objects)

    def of_kind(self, kind: Kind, namespace: str | None = None) -> list[Found]:
        """Return (Ref, manifest) of every object of ``kind``, in order of namespace and name."""
        found = self._by_kind.get((kind.group, kind.kind, namespace), [])
        return list(found)

    def owned(self, kind: Kind, owner: Manifest) -> list[Found]:
        """Return (Ref, manifest) of the objects of ``kind`` whose controller is ``owner``."""
        mine = self._by_owner.get(uid_of(owner), []) if uid_of(owner) else []
        return [each for each in mine if (each[0].group, each[0].kind) == (kind.group, kind.kind)]

    def labelled(self, kind: Kind, namespace: str, labels: Mapping[str, str]) -> list[Found]:
        """Return (Ref, manifest) of the objects that carry all ``labels``; none when no label is asked for."""
        if not labels:
            return []
        by_label = self._labels_of(kind, namespace)
        candidates = min((by_label.get(pair, []) for pair in labels.items()), key=len)
        return [each for each in candidates if has_labels(each[1], labels)]

    def _labels_of(self, kind: Kind, namespace: str) -> dict[tuple[str, str], list[Found]]:
        """Return the objects by label, indexed when first asked for."""
        key = (kind.group, kind.kind, namespace)
        if key not in self._by_label:
            index: dict[tuple[str, str], list[Found]] = {}
            for found in self._by_kind.get(key, []):
                for pair in at(found[1], "metadata", "labels", default={}).items():
                    index.setdefault(pair, []).append(found)
            self._by_label[key] = index
        return self._by_label[key]


def uid_of(manifest: Manifest) -> str:
    """Return ``metadata.uid``, or the empty text."""
    return str(at(manifest, "metadata", "uid", default=""))


def controller_of(manifest: Manifest) -> str:
    """Return the uid of the controlling owner, or the empty text."""
    owners = at(manifest, "metadata", "ownerReferences", default=())
    return next((str(owner.get("uid", "")) for owner in owners if owner.get("controller")), "")


def has_labels(manifest: Manifest, labels: Mapping[str, str]) -> bool:
    """Tell whether the object carries all ``labels``."""
    own = at(manifest, "metadata", "labels", default={})
    return all(own.get(key) == value for key, value in labels.items())


def is_going(manifest: Manifest) -> bool:
    """Tell whether the object is being deleted and only waits for its finalizers."""
    return at(manifest, "metadata", "deletionTimestamp") is not None


def born(manifest: Manifest) -> float:
    """Return the creation time in epoch seconds; 0 when it is unreadable."""
    return instant(at(manifest, "metadata", "creationTimestamp", default="")) or 0.0


def owner_reference(owner: Manifest) -> dict[str, Any]:
    """Return the controlling, blocking owner reference to ``owner``."""
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": uid_of(owner),
        "controller": True,
        "blockOwnerDeletion": True,
    }


def merge_diff(old: Manifest, new: Manifest) -> dict[str, Any]:
    """Return the merge patch that turns ``old`` into ``new``: removed keys are null, lists are whole; empty when equal."""
    patch: dict[str, Any] = {key: None for key in old if key not in new and old[key] is not None}
    for key, value in new.items():
        before = old.get(key)
        if before == value:
            continue
        inner = merge_diff(before, value) if isinstance(before, Mapping) and isinstance(value, Mapping) else value
        patch[key] = inner
    return patch


def status_writes(ref: Ref, manifest: Manifest, wanted: Manifest) -> tuple[Write, ...]:
    """Return the status write that makes ``wanted`` the whole status; none when it is so already."""
    patch = merge_diff(at(manifest, "status", default={}), wanted)
    return (Write(STATUS, ref, {"status": patch}, "status"),) if patch else ()


def scale_write(ref: Ref, replicas: int) -> Write:
    """Return the write that sets ``spec.replicas``."""
    return Write(SCALE, ref, {"spec": {"replicas": replicas}}, "scale")


@frozen
class Condition:
    """One entry of ``status.conditions``. ``updated`` says that it has a ``lastUpdateTime`` (Deployments have)."""

    type: str
    status: str
    reason: str = ""
    message: str = ""
    updated: bool = field(default=False, kw_only=True)


def with_condition(conditions: Iterable[Manifest], wanted: Condition, now: float, touch: bool = False) -> list[dict[str, Any]]:
    """Return ``conditions`` with ``wanted`` set in its place.

    An entry of the same status and reason stays as it is, unless ``touch`` asks for a new ``lastUpdateTime``. The time of
    transition moves only with the status.
    """
    entries = [dict(each) for each in conditions]
    old = next((each for each in entries if each.get("type") == wanted.type), None)
    if old and not touch and (old.get("status"), old.get("reason", "")) == (wanted.status, wanted.reason):
        return entries
    new: dict[str, Any] = {"type": wanted.type, "status": wanted.status}
    if wanted.reason:
        new |= {"reason": wanted.reason, "message": wanted.message}
    if wanted.updated:
        new["lastUpdateTime"] = stamp(now)
    kept = old.get("lastTransitionTime") if old and old.get("status") == wanted.status else None
    new["lastTransitionTime"] = kept or stamp(now)
    return [new if each is old else each for each in entries] if old else [*entries, new]


def condition_of(manifest: Manifest, kind: str) -> Manifest:
    """Return the condition of that type, or an empty mapping."""
    conditions: Iterable[Manifest] = at(manifest, "status", "conditions", default=())
    return next((each for each in conditions if each.get("type") == kind), {})
