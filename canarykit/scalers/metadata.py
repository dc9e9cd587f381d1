"""Labels and annotations of the primary's scaler: what follows the source, and what belongs to one object alone.

A generated scaler is written by server-side apply, so its manifest holds only the keys that we want to own: keys that other
parties put on the primary stay there, and a key that left the source leaves the primary because it is applied no more.
Callers who write whole objects instead join them with `laid_over`.

Source: cloning.md section 4.3.
"""

from collections.abc import Collection, Mapping
from typing import Any

from canarykit.dicts import Manifest, at
from canarykit.names import PAUSED_REPLICAS_ANNOTATION

TOOLKIT = "toolkit.fluxcd.io"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
KEDA_NAME_LABEL = "scaledobject.keda.sh/name"
PAUSED_BY = "flagger.app/keda-paused-by"
PREVIOUS_PAUSE = "flagger.app/keda-previous-paused-replicas"
PAUSED = "autoscaling.keda.sh/paused"
PAUSED_SCALE_IN = "autoscaling.keda.sh/paused-scale-in"
PAUSED_SCALE_OUT = "autoscaling.keda.sh/paused-scale-out"
FORCE_ACTIVATION = "autoscaling.keda.sh/force-activation"
# Operational state of one object: never copied from the source, never removed from the primary.
STATE = frozenset({PAUSED_REPLICAS_ANNOTATION, PAUSED, PAUSED_SCALE_IN, PAUSED_SCALE_OUT, FORCE_ACTIVATION})
_BOOKKEEPING = frozenset({PAUSED_BY, PREVIOUS_PAUSE})
OWN_PREFIX = "canarykit.dev/"


def follows(key: str, prefixes: Collection[str] = ()) -> bool:
    """Tell whether label or annotation ``key`` of the source belongs on the primary.

    ``prefixes`` limits what is copied to keys that begin with one of them; none given, and ``*``, mean all.
    """
    if TOOLKIT in key or key.startswith(OWN_PREFIX) or key in STATE | _BOOKKEEPING | {LAST_APPLIED, KEDA_NAME_LABEL}:
        return False
    return not prefixes or "*" in prefixes or any(prefix and key.startswith(prefix) for prefix in prefixes)


def primary_metadata(
    source: Manifest, name: str, namespace: str, owner: Mapping[str, Any], prefixes: Collection[str] = ()
) -> dict[str, Any]:
    """Return the metadata that we own on the primary's scaler: names, what follows the source, one owner reference.

    ``owner`` is the Canary's ownerReference; empty for callers who manage ownership themselves.
    """
    metadata: dict[str, Any] = {"name": name, "namespace": namespace}
    for part in ("labels", "annotations"):
        kept = {key: value for key, value in at(source, "metadata", part, default={}).items() if follows(key, prefixes)}
        if kept:
            metadata[part] = kept
    return {**metadata, "ownerReferences": [dict(owner)]} if owner else metadata


def laid_over(live: Manifest | None, manifest: Manifest) -> dict[str, Any]:
    """Return ``live`` as it is after ``manifest`` was applied, for callers that write whole objects (PUT).

    Metadata: keys of the manifest win, all others of the live object stay (also its version). Spec: the manifest's. Without
    memory of what was applied before, a key that left the source cannot be told from a foreign one, and stays.
    """
    if live is None:
        return dict(manifest)
    metadata = {**at(live, "metadata", default={}), **manifest["metadata"]}
    for part in ("labels", "annotations"):
        joined = {**at(live, "metadata", part, default={}), **at(manifest, "metadata", part, default={})}
        if joined:
            metadata[part] = joined
    return {**live, **manifest, "metadata": metadata}


def is_true(text: str | None) -> bool:
    """Tell what KEDA makes of a boolean annotation: absent is false, Go's words for false are false, all else is true."""
    return text is not None and text not in {"0", "f", "F", "FALSE", "false", "False"}
