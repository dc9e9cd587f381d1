"""What the watches delivered, by reference, and which Canaries care about it. It holds; it never asks the API server.

Order is by resourceVersion: what is older never overwrites what is newer, whoever brings it (a watch that lags, a list, or our
own write, which goes in at once). A deleted object leaves a tombstone, so a late event cannot bring it back.

A Canary cares about the objects it names, those their pod templates name, those it owns, and the EndpointSlices of Services
that it names. Objects nobody cares about stay as compact bytes: they may become of interest without another read.

Objects given out are the cache's own. They are read, never changed.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import orjson
from attrs import define

from canary_controller.clock import Clock
from canary_controller.queue import Key
from canary_controller.watch import is_newer
from canarykit.dicts import at
from canarykit.kinds import CANARY, CONFIG_MAP, ENDPOINT_SLICE, SECRET, SERVICE, Kind
from canarykit.model import Ref
from canarykit.settings import Settings

Manifest = dict[str, Any]
References = Callable[[Manifest, Settings], Iterable[Ref]]
MoreReferences = Callable[[Mapping[Ref, Manifest], Key], Iterable[Ref]]
Wake = Callable[[Key], None]

TOMBSTONE_S = 600.0
CONTENT = {(kind.group, kind.kind): ("data", "binaryData", "stringData") for kind in (CONFIG_MAP, SECRET)}
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
SERVICE_NAME = "kubernetes.io/service-name"


@define
class _Held:
    """One object: as dict while somebody cares, as JSON while nobody does."""

    version: str
    uid: str
    body: Manifest | bytes

    def manifest(self) -> Manifest:
        body: Manifest = orjson.loads(self.body) if isinstance(self.body, bytes) else self.body
        self.body = body
        return body


@define
class _Tombstone:
    version: str
    uid: str
    keys: frozenset[Key]
    at: float


class Cache:
    """The sink of all watchers, and the view that passes start from.

    Args:
        references: every object that a Canary names (``canarykit.observe.references``).
        more_references: what the objects so far name in turn (``canarykit.observe.more_references``).
        wake: called with each Canary that a change concerns (``Queue.add``).

    Attributes:
        behind_at: for each Canary the epoch seconds at which its view was last found behind.
    """

    def __init__(
        self, references: References, more_references: MoreReferences, settings: Settings, wake: Wake, clock: Clock
    ) -> None:
        self._references = references
        self._more_references = more_references
        self._settings = settings
        self._wake = wake
        self._clock = clock
        self._held: dict[tuple[str, str], dict[Ref, _Held]] = {}
        self._tombstones: dict[Ref, _Tombstone] = {}
        self._seen: dict[tuple[str, str], bool] = {}
        self._named: dict[Key, frozenset[Ref]] = {}
        self._keys_by_ref: dict[Ref, set[Key]] = {}
        self._owned: dict[Key, set[Ref]] = {}
        self._slices: dict[Ref, set[Ref]] = {}
        self.behind_at: dict[Key, float] = {}

    # What passes ask.

    def get(self, ref: Ref) -> Manifest | None:
        """Return the object as last delivered or written, or None."""
        held = self._of(ref).get(ref)
        return held.manifest() if held else None

    def canaries(self) -> tuple[Key, ...]:
        """Return the key of every Canary there is, sorted."""
        return tuple(sorted(self._named))

    def related(self, key: Key) -> dict[Ref, Manifest]:
        """Return all objects that the Canary ``key`` cares about, itself included; empty when there is no such Canary."""
        named = self._named.get(key)
        if named is None:
            return {}
        refs = named | self._owned.get(key, set())
        refs = refs.union(*(self._slices.get(ref, ()) for ref in named))
        found = {ref: self.get(ref) for ref in sorted(refs)}
        return {ref: manifest for ref, manifest in found.items() if manifest is not None}

    def keys_for(self, manifest: Mapping[str, Any]) -> set[Key]:
        """Return the Canaries that care about an object, which need not be in the cache."""
        ref = Ref.of(manifest)
        keys = set(self._keys_by_ref.get(ref, ()))
        if (ref.group, ref.kind) == (CANARY.group, CANARY.kind):
            keys.add((ref.namespace, ref.name))
        owner = _owner(manifest)
        if owner:
            keys.add((ref.namespace, owner))
        service = _service_of(manifest)
        if service is not None:
            keys |= self._keys_by_ref.get(service, set())
        return keys

    def is_synced(self, kind: Kind) -> bool:
        """Tell whether the kind was listed once, or found not to be served."""
        return (kind.group, kind.kind) in self._seen

    def is_absent(self, kind: Kind) -> bool:
        """Tell whether the cluster was found not to serve the kind."""
        return self._seen.get((kind.group, kind.kind)) is False

    # What passes did.

    def wrote(self, manifest: Manifest, by: Key | None = None) -> None:
        """Take in an object as the API server returned it, from a write or a fresh read.

        Unlike one from a watch it replaces an equal version too, since it may hold more. ``by`` is the Canary whose pass it
        was; others who care are woken if the version is new, since the watch's event will be old news by then.
        """
        self._store(manifest, by, same_version_too=True)

    # What watches deliver (`canary_controller.watch.Sink`).

    def put(self, manifest: Manifest) -> None:
        """Take in an added or changed object."""
        self._store(manifest, None, same_version_too=False)

    def drop(self, ref: Ref, version: str = "", uid: str = "", by: Key | None = None) -> None:
        """Take an object out. ``version`` is that of the deletion, if it is known; a newer object stays."""
        held = self._of(ref).get(ref)
        if held is not None and version and is_newer(held.version, version) and held.version.isdecimal():
            return
        keys = self._take_out(ref)
        last = version or (held.version if held else "")
        self._bury(ref, _Tombstone(last, uid or (held.uid if held else ""), frozenset(keys), self._clock.monotonic()))
        self._wake_all(keys, by)

    def replace(self, kind: Kind, items: Iterable[Manifest], version: str) -> None:
        """Make ``items`` the whole collection, but for what is newer than the list's ``version``."""
        listed = set()
        for item in items:
            ref = Ref.of(item)
            listed.add(ref)
            if ref in self._tombstones and is_newer(version, self._tombstones[ref].version):
                del self._tombstones[ref]  # the list was made after that deletion, and the object is there
            self.put(item)
        for ref in [ref for ref in self._of_kind(kind) if ref not in listed]:
            self.drop(ref, version)

    def synced(self, kind: Kind) -> None:
        """Note that the kind is in view."""
        self._seen[kind.group, kind.kind] = True

    def absent(self, kind: Kind) -> None:
        """Note that the cluster does not serve the kind; what was held of it is gone."""
        for ref in list(self._of_kind(kind)):
            # No tombstones: the same objects are back as soon as the kind is served again.
            self._wake_all(self._take_out(ref), None)
        self._seen[kind.group, kind.kind] = False

    def is_wanted(self, kind: Kind) -> bool:
        """Return whether some Canary names an object of the kind; Canaries themselves are always wanted."""
        place = (kind.group, kind.kind)
        return place == (CANARY.group, CANARY.kind) or any((ref.group, ref.kind) == place for ref in self._keys_by_ref)

    def behind(self, kind: Kind, refs: Iterable[Ref]) -> None:
        """Note when the view of these objects was found behind, for each Canary that cares."""
        now = self._clock.now()
        for ref in refs:
            manifest, stone = self.get(ref), self._tombstones.get(ref)
            keys = self.keys_for(manifest) if manifest is not None else (stone.keys if stone else ())
            self.behind_at.update(dict.fromkeys(keys, now))

    def versions(self, kind: Kind) -> dict[Ref, str]:
        """Return the resourceVersion of every object held of a kind."""
        return {ref: held.version for ref, held in self._of_kind(kind).items()}

    # How it is kept.

    def _of(self, ref: Ref) -> dict[Ref, _Held]:
        return self._held.setdefault((ref.group, ref.kind), {})

    def _of_kind(self, kind: Kind) -> dict[Ref, _Held]:
        return self._held.setdefault((kind.group, kind.kind), {})

    def _store(self, manifest: Manifest, by: Key | None, same_version_too: bool) -> None:
        ref = Ref.of(manifest)
        version = at(manifest, "metadata", "resourceVersion", default="")
        uid = at(manifest, "metadata", "uid", default="")
        held = self._of(ref).get(ref)
        is_new = held is None or is_newer(version, held.version)
        if self._is_buried(ref, version, uid) or not (is_new or (held and same_version_too and version == held.version)):
            return
        woken: set[Key] = set()
        if held is not None:
            before = held.manifest()
            woken |= self.keys_for(before)
            self._unlink(ref, before)
        body = trimmed(manifest)
        self._of(ref)[ref] = _Held(version, uid, body)
        self._link(ref, body)
        woken |= self._interested(ref, body)
        if is_new:
            self._wake_all(woken, by)

    def _take_out(self, ref: Ref) -> set[Key]:
        """Remove an object, and return who cared."""
        held = self._of(ref).get(ref)
        if held is None:
            return set()
        manifest = held.manifest()
        keys = self.keys_for(manifest)
        self._unlink(ref, manifest)
        del self._of(ref)[ref]
        if (ref.group, ref.kind) == (CANARY.group, CANARY.kind):
            self._forget_canary((ref.namespace, ref.name))
        return keys

    def _interested(self, ref: Ref, manifest: Manifest) -> set[Key]:
        """Bring the references that depend on a new object up to date, and return who cares; nobody: keep bytes."""
        keys = self.keys_for(manifest)
        for key in keys:
            if Ref.to(CANARY, *key) == ref or ref in self._named.get(key, ()):
                self._refer(key)
        if not keys:
            held = self._of(ref)[ref]
            held.body = orjson.dumps(manifest)
        return keys

    def _refer(self, key: Key) -> None:
        """Work out anew which objects a Canary names, directly and through them."""
        canary = self.get(Ref.to(CANARY, *key))
        if canary is None:
            return
        named = {Ref.to(CANARY, *key), *self._references(canary, self._settings)}
        found = {ref: self.get(ref) for ref in named}
        named |= set(self._more_references({ref: each for ref, each in found.items() if each is not None}, key))
        self._name(key, frozenset(named))

    def _name(self, key: Key, named: frozenset[Ref]) -> None:
        before = self._named.get(key, frozenset())
        for ref in before - named:
            self._keys_by_ref[ref].discard(key)
            if not self._keys_by_ref[ref]:
                del self._keys_by_ref[ref]
        for ref in named - before:
            self._keys_by_ref.setdefault(ref, set()).add(key)
        self._named[key] = named

    def _forget_canary(self, key: Key) -> None:
        self._name(key, frozenset())
        del self._named[key]
        self.behind_at.pop(key, None)

    def _link(self, ref: Ref, manifest: Manifest) -> None:
        owner, service = _owner(manifest), _service_of(manifest)
        if owner:
            self._owned.setdefault((ref.namespace, owner), set()).add(ref)
        if service is not None:
            self._slices.setdefault(service, set()).add(ref)

    def _unlink(self, ref: Ref, manifest: Manifest) -> None:
        owner, service = _owner(manifest), _service_of(manifest)
        if owner:
            _discard(self._owned, (ref.namespace, owner), ref)
        if service is not None:
            _discard(self._slices, service, ref)

    def _bury(self, ref: Ref, stone: _Tombstone) -> None:
        self._tombstones.pop(ref, None)
        self._tombstones[ref] = stone
        while True:
            # Dicts keep the order of insertion: the oldest comes first.
            oldest = next(iter(self._tombstones))
            if self._tombstones[oldest].at >= stone.at - TOMBSTONE_S:
                return
            del self._tombstones[oldest]

    def _is_buried(self, ref: Ref, version: str, uid: str) -> bool:
        stone = self._tombstones.get(ref)
        if stone is None:
            return False
        return bool(uid and uid == stone.uid) or not is_newer(version, stone.version)

    def _wake_all(self, keys: Iterable[Key], by: Key | None) -> None:
        for key in sorted(keys):
            if key != by:
                self._wake(key)


def trimmed(manifest: Mapping[str, Any]) -> Manifest:
    """Return an object as the cache keeps it.

    Without managedFields and kubectl's last-applied copy, which no decision needs and every write changes, and without the
    content of ConfigMaps and Secrets, which is never kept.
    """
    metadata = {name: value for name, value in manifest["metadata"].items() if name != "managedFields"}
    annotations = metadata.get("annotations")
    if annotations and LAST_APPLIED in annotations:
        metadata["annotations"] = {name: value for name, value in annotations.items() if name != LAST_APPLIED}
    ref = Ref.of(manifest)
    content = CONTENT.get((ref.group, ref.kind), ())
    return {**{name: value for name, value in manifest.items() if name not in content}, "metadata": metadata}


def _owner(manifest: Mapping[str, Any]) -> str:
    """Return the name of the Canary that controls an object, or ""."""
    for reference in at(manifest, "metadata", "ownerReferences", default=()):
        group = str(reference.get("apiVersion", "")).rpartition("/")[0]
        if reference.get("controller") and (group, reference.get("kind")) == (CANARY.group, CANARY.kind):
            return str(reference.get("name", ""))
    return ""


def _service_of(manifest: Mapping[str, Any]) -> Ref | None:
    """Return the Service that an EndpointSlice belongs to, or None for anything else."""
    if manifest.get("kind") != ENDPOINT_SLICE.kind:
        return None
    name = at(manifest, "metadata", "labels", SERVICE_NAME)
    return Ref.to(SERVICE, manifest["metadata"].get("namespace", ""), name) if name else None


def _discard(index: dict[Any, set[Ref]], at_key: Any, ref: Ref) -> None:
    index.get(at_key, set()).discard(ref)
    if not index.get(at_key):
        index.pop(at_key, None)
