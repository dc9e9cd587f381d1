"""Tracked ConfigMaps and Secrets: which ones a pod template names, their checksums, their copies for the primary.

Nothing here reads a cluster. Source: cloning.md sections 2 and 5.5 (C1 to C11).
"""

import hashlib
import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any

from attrs import evolve, field, frozen

from canarykit.dicts import Manifest, at
from canarykit.errors import Problem, SpecError, Unavailable
from canarykit.kinds import CONFIG_MAP, SECRET
from canarykit.metadata import by_prefix, is_reference_to, owner_reference
from canarykit.model import Ref
from canarykit.names import CONFIG_TRACKING_ANNOTATION, primary_of

CONFIGMAP = "configmap"
SECRET_REF = "secret"
KINDS = {CONFIGMAP: CONFIG_MAP, SECRET_REF: SECRET}
OPAQUE = "Opaque"
TRACKED_SECRET_TYPES = frozenset({OPAQUE, "kubernetes.io/basic-auth", "kubernetes.io/ssh-auth", "kubernetes.io/tls"})
DISABLED = "disable"
GO_ESCAPES = str.maketrans({character: f"\\u{ord(character):04x}" for character in "<>&\u2028\u2029"})


@frozen
class ConfigRef:
    """A ConfigMap (``kind`` = ``configmap``) or Secret (``secret``) that a pod template names."""

    kind: str
    name: str
    optional: bool = False

    @property
    def key(self) -> str:
        """The key in ``status.trackedConfigs``: ``configmap/<name>`` or ``secret/<name>``."""
        return f"{self.kind}/{self.name}"

    def ref(self, namespace: str) -> Ref:
        """Return the reference to the object in ``namespace``."""
        return Ref.to(KINDS[self.kind], namespace, self.name)


@frozen
class Resolved:
    """What the references of a pod template lead to: checksums by reference key, and what is wrong with the rest."""

    tracked: Mapping[str, str] = field(factory=dict)
    problems: tuple[Problem, ...] = ()


def config_refs(pod_spec: Manifest) -> tuple[ConfigRef, ...]:
    """Return the ConfigMaps and Secrets that a pod spec names, each once, in the order of their first occurrence.

    Places: volumes, projected volumes, and ``env`` and ``envFrom`` of containers and init containers. A reference is optional
    only if every occurrence is (C3). Not followed: image pull secrets, CSI volumes, ephemeral containers, in-tree volume secrets.

    Source: cloning.md section 2.1.
    """
    found: dict[str, ConfigRef] = {}
    for config in _occurrences(pod_spec):
        before = found.get(config.key, config)
        found[config.key] = evolve(before, optional=before.optional and config.optional)
    return tuple(found.values())


def resolve(
    refs: Iterable[ConfigRef], objects: Mapping[Ref, Manifest], namespace: str, unknown: Collection[Ref] = ()
) -> Resolved:
    """Return checksums of the tracked objects among ``refs``, and a Problem per mandatory one that does not exist.

    Args:
        refs: what `config_refs` gave.
        objects: what was read; a reference missing here is known to be absent, unless it is in ``unknown``.
        namespace: of the pods.
        unknown: references whose read failed.

    Raises:
        Unavailable: one of ``refs`` is in ``unknown``: unknown is not absent, so nothing can be compared now (C4).

    Source: cloning.md section 2.1. Opted out by annotation, or a Secret type that is not tracked: left out silently.
    """
    tracked: dict[str, str] = {}
    problems: list[Problem] = []
    for config in refs:
        where = config.ref(namespace)
        if where in unknown:
            raise Unavailable(f"{config.key} could not be read, so changes of tracked configs are unknown for now")
        manifest = objects.get(where)
        if manifest is None:
            problems += [] if config.optional else [_missing(config, namespace)]
        elif is_tracked(manifest, config.kind):
            tracked[config.key] = checksum_of(manifest)
    return Resolved(tracked, tuple(problems))


def is_tracked(manifest: Manifest, kind: str) -> bool:
    """Tell whether a ConfigMap or Secret is followed: not opted out, and (Secret) of a type that people write themselves.

    Opted out is every value that starts with ``disable``; ``false`` or ``off`` have no effect (C9).
    """
    choice = at(manifest, "metadata", "annotations", CONFIG_TRACKING_ANNOTATION, default="")
    if str(choice).startswith(DISABLED):
        return False
    return kind != SECRET_REF or (manifest.get("type") or OPAQUE) in TRACKED_SECRET_TYPES


def checksum(data: Mapping[str, Any] | None) -> str:
    """Return Flagger's checksum of a ``data`` map: 16 hex digits; None (no ``data``) has one, too.

    Example: ``checksum({"mode": "blue"})`` is ``07209585d9ae1f76``. Byte for byte that of the Go controller: another value would
    start a release of every Canary that is taken over. Source: cloning.md section 2.1.
    """
    text = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False).translate(GO_ESCAPES)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def checksum_of(manifest: Manifest) -> str:
    """Return the checksum of a ConfigMap or Secret: of its ``data``, and of its ``binaryData`` where it has any (C1).

    A cache that does not want to hold data may hold this checksum instead, as the member ``checksum``.
    """
    if manifest.get("checksum"):
        return str(manifest["checksum"])
    binary = manifest.get("binaryData")
    data = manifest.get("data")
    return checksum({"binaryData": binary, "data": data}) if binary else checksum(data)


def configs_changed(current: Mapping[str, str], stored: Mapping[str, str] | None) -> bool:
    """Tell whether tracked checksums differ from those in ``status.trackedConfigs``. Source: cloning.md section 2.2."""
    return dict(current) != dict(stored or {})


def copy_name(name: str, earlier_checksum: str = "") -> str:
    """Return the name of the primary's copy of a config: ``<name>-primary``.

    With ``earlier_checksum``: that of a copy which keeps earlier content, ``<name>-primary-<checksum>`` (W19).
    """
    return f"{primary_of(name)}-{earlier_checksum}" if earlier_checksum else primary_of(name)


def clone_config(
    source: Manifest, canary: Manifest, live: Manifest | None, prefixes: Iterable[str], name: str = ""
) -> dict[str, Any]:
    """Return the primary's copy of a ConfigMap or Secret, complete for server-side apply.

    Args:
        source: the user's object. ``data``, ``binaryData`` and a Secret's ``type`` are copied, ``immutable`` is not: the copy has
            to stay writable. Labels by prefix, no annotations; what others put on the copy is left out, so apply keeps it (C7).
        canary: manifest of the Canary that promotes; it becomes the controller.
        live: the copy as observed, or None. Its other owners are kept as plain owners (a config may be shared by Canaries).
        prefixes: label prefixes that are copied.
        name: of the copy; by default `copy_name` of the source's. Another one is for copies of copies: earlier content that is
            kept under its checksum, and brought back from there (W19).

    Raises:
        SpecError: the copy's name is taken by an object of somebody else (C6), or the live copy cannot be changed (C7).

    Source: cloning.md section 2.3, example G8.
    """
    kind = CONFIG_MAP if source["kind"] == CONFIG_MAP.kind else SECRET
    name = name or copy_name(source["metadata"]["name"])
    content = {key: source[key] for key in ("type", "data", "binaryData") if source.get(key)}
    if live is not None:
        _check_writable(live, kind.kind, name, content)
    return {
        "apiVersion": kind.api_version,
        "kind": kind.kind,
        "metadata": {
            "name": name,
            "namespace": source["metadata"]["namespace"],
            "labels": by_prefix(at(source, "metadata", "labels"), prefixes),
            "ownerReferences": _owners(canary, live),
        },
        **content,
    }


def rewrite_config_names(pod_spec: Manifest, tracked: Collection[str]) -> dict[str, Any]:
    """Return the pod spec with the copies' names in place of those configs whose key is in ``tracked``.

    Example: with ``{"configmap/env"}`` a ``configMapRef`` to ``env`` becomes one to ``env-primary``; all others stay.
    The places are those of `config_refs`. Source: cloning.md section 2.3.
    """

    def renamed(holder: Manifest, kind: str, key: str) -> dict[str, Any]:
        name = holder.get(key)
        return {**holder, key: copy_name(name)} if name and f"{kind}/{name}" in tracked else dict(holder)

    return _mapped(pod_spec, renamed)


Visit = Callable[[Manifest, str, str], dict[str, Any]]
SOURCES = {"configMap": (CONFIGMAP, "name"), "secret": (SECRET_REF, "name")}
VOLUMES = {"configMap": (CONFIGMAP, "name"), "secret": (SECRET_REF, "secretName")}
ENV = {"configMapKeyRef": (CONFIGMAP, "name"), "secretKeyRef": (SECRET_REF, "name")}
ENV_FROM = {"configMapRef": (CONFIGMAP, "name"), "secretRef": (SECRET_REF, "name")}


def _occurrences(pod_spec: Manifest) -> Iterator[ConfigRef]:
    """Walk all places of a pod spec that name a config, as `rewrite_config_names` does: one walk, so they cannot differ."""
    found: list[ConfigRef] = []

    def noted(holder: Manifest, kind: str, key: str) -> dict[str, Any]:
        if holder.get(key):
            found.append(ConfigRef(kind, holder[key], bool(holder.get("optional"))))
        return dict(holder)

    _mapped(pod_spec, noted)
    yield from found


def _mapped(pod_spec: Manifest, visit: Visit) -> dict[str, Any]:
    """Return the pod spec with every holder of a config's name replaced by what ``visit`` makes of it."""
    result = dict(pod_spec)
    if pod_spec.get("volumes"):
        result["volumes"] = [_volume(volume, visit) for volume in pod_spec["volumes"]]
    for group in ("containers", "initContainers"):
        if pod_spec.get(group):
            result[group] = [_container(container, visit) for container in pod_spec[group]]
    return result


def _volume(volume: Manifest, visit: Visit) -> dict[str, Any]:
    result = _members(volume, VOLUMES, visit)
    sources = at(volume, "projected", "sources")
    if sources:
        result["projected"] = {**volume["projected"], "sources": [_members(source, SOURCES, visit) for source in sources]}
    return result


def _container(container: Manifest, visit: Visit) -> dict[str, Any]:
    result = dict(container)
    if container.get("env"):
        result["env"] = [
            {**entry, "valueFrom": _first(entry["valueFrom"], ENV, visit)} if entry.get("valueFrom") else dict(entry)
            for entry in container["env"]
        ]
    if container.get("envFrom"):
        result["envFrom"] = [_first(entry, ENV_FROM, visit) for entry in container["envFrom"]]
    return result


def _members(holder: Manifest, places: Mapping[str, tuple[str, str]], visit: Visit) -> dict[str, Any]:
    """Visit each member of ``holder`` that is one of ``places``."""
    return {**holder, **{member: visit(holder[member], *place) for member, place in places.items() if holder.get(member)}}


def _first(holder: Manifest, places: Mapping[str, tuple[str, str]], visit: Visit) -> dict[str, Any]:
    """Visit the first member only: an entry with both a ConfigMap and a Secret is invalid and counts as the ConfigMap."""
    member = next((member for member in places if holder.get(member)), None)
    return dict(holder) if member is None else {**holder, member: visit(holder[member], *places[member])}


def _missing(config: ConfigRef, namespace: str) -> Problem:
    return Problem(
        path="spec.targetRef",
        problem=f"needs {config.key}, which does not exist in namespace {namespace}",
        value=config.name,
        next_step="Create it, or mark the reference in the pod template as optional.",
        code="C3",
    )


def _owners(canary: Manifest, live: Manifest | None) -> list[dict[str, Any]]:
    """This Canary first, as the controller; then everybody else on the live copy. An older uid of this Canary goes."""
    name = canary["metadata"]["name"]
    others = at(live, "metadata", "ownerReferences", default=())
    kept = [{**reference, "controller": False} for reference in others if not is_reference_to(reference, name)]
    return [owner_reference(canary), *kept]


def _check_writable(live: Manifest, kind: str, name: str, content: Manifest) -> None:
    """Refuse a copy that is not a Canary's, or that Kubernetes would not let us change."""
    path = f"{kind}/{name}"
    references = at(live, "metadata", "ownerReferences", default=())
    if not any(is_reference_to(reference, reference.get("name", "")) for reference in references):
        raise SpecError(path, "exists and does not belong to a Canary", next_step="Rename or delete it; its name is needed here.")
    fixed = (live.get("type") or OPAQUE) != (content.get("type") or OPAQUE) if kind == SECRET.kind else False
    differs = any((live.get(key) or {}) != (content.get(key) or {}) for key in ("data", "binaryData"))
    if fixed or (live.get("immutable") and differs):
        why = "has another type, which cannot be changed" if fixed else "is immutable and holds other data"
        raise SpecError(path, why, live.get("type"), "Delete it; it is made anew.")
