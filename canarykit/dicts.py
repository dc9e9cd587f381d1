"""Reading and comparing plain dicts without changing them: paths, canonical text, containment."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

Manifest = Mapping[str, Any]
_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def at(manifest: Any, *path: str | int, default: Any = None) -> Any:
    """Return what stands at ``path``, or ``default`` when a part of the path is missing or null.

    Example: ``at(deployment, "spec", "template", "metadata", "labels", default={})``. Integers index lists.
    """
    here = manifest
    for key in path:
        if type(here) is dict:  # told much faster than any Mapping, and nearly always the case
            here = here.get(key)
        elif isinstance(key, int):
            if not isinstance(here, list | tuple) or not -len(here) <= key < len(here):
                return default
            here = here[key]
        elif isinstance(here, Mapping):
            here = here.get(key)
        else:
            return default
        if here is None:
            return default
    return here


def put(manifest: Manifest, path: tuple[str, ...], value: Any) -> dict[str, Any]:
    """Return a copy of ``manifest`` with ``value`` at ``path``; maps on the way are copied or made."""
    head, *rest = path
    inner = put(manifest.get(head) or {}, tuple(rest), value) if rest else value
    return {**manifest, head: inner}


def pruned(value: Any) -> Any:
    """Return ``value`` without null, empty-map and empty-list members, which Kubernetes treats as absent."""
    if isinstance(value, Mapping):
        members = {key: pruned(member) for key, member in value.items()}
        return {key: member for key, member in members.items() if member is not None and member != {} and member != []}
    if isinstance(value, list | tuple):
        return [pruned(member) for member in value]
    return value


def canonical(value: Any) -> str:
    """Return the one JSON text of ``value``: sorted keys, no spaces, non-ASCII kept."""
    return _CANONICAL.encode(value)


def digest(value: Any, length: int = 16) -> str:
    """Return the first ``length`` hex digits of SHA-256 over the canonical JSON of ``value``."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()[:length]


def contains(observed: Any, wanted: Any) -> bool:
    """Tell whether ``observed`` says everything that ``wanted`` says.

    Maps by subset with ``{}``, ``[]`` and null equal to absent; lists of maps element by element in order (servers
    add fields to elements, not elements); everything else by equality. Lists keyed by name should be sorted by the caller.
    """
    if isinstance(wanted, Mapping):
        if not wanted:
            return True
        if not isinstance(observed, Mapping):
            return not pruned(wanted)
        return all(contains(observed.get(key), member) for key, member in wanted.items())
    if isinstance(wanted, list | tuple):
        if not wanted:
            return not observed
        if not isinstance(observed, list | tuple) or len(observed) != len(wanted):
            return False
        return all(contains(mine, theirs) for mine, theirs in zip(observed, wanted, strict=True))
    return bool(observed == wanted) or (wanted is None and observed is None)
