"""Side room: the things that set the number of pods. One file per kind, one line in the registry.

A scaler kind (`Scaler`) makes the primary's copy of the user's scaler, and holds the user's own one down, up or at a floor.
For other controllers the same is here as plain functions over dicts: `clone_for_primary`, `pause`, `resume` and their
patches, `primary_of`, `plan.primary`, `prune`, `may_take_over`, `laid_over`.
"""

from collections.abc import Mapping

from canarykit.dicts import Manifest
from canarykit.errors import UnknownName
from canarykit.names import primary_of
from canarykit.queries import Identities
from canarykit.scalers import hpa, scaledobject
from canarykit.scalers.base import Clone, CloneRequest, Mark, Scaler
from canarykit.scalers.metadata import laid_over
from canarykit.scalers.pausing import check_resume, pause, pause_patch, resume, resume_patch
from canarykit.scalers.planning import ALWAYS, ON_PROMOTION, OVERRIDES, POLICIES, may_take_over, plan_primary, prune

__all__ = [
    "ALWAYS", "ON_PROMOTION", "OVERRIDES", "POLICIES", "SCALERS", "Clone", "CloneRequest", "Identities", "Mark", "Scaler",
    "check_resume", "clone_for_primary", "laid_over", "may_take_over", "pause", "pause_patch", "plan_primary", "primary_of",
    "prune", "resume", "resume_patch", "scaler_for",
]  # fmt: skip

SCALERS: Mapping[str, Scaler] = {
    "HorizontalPodAutoscaler": hpa.SCALER,
    "ScaledObject": scaledobject.SCALER,
}


def scaler_for(kind: str) -> Scaler:
    """Return the scaler of ``spec.autoscalerRef.kind``; raises UnknownName, listing the known kinds."""
    try:
        return SCALERS[kind]
    except KeyError:
        raise UnknownName("spec.autoscalerRef.kind", kind, SCALERS) from None


def clone_for_primary(source: Manifest, live: Manifest | None, request: CloneRequest) -> Clone:
    """Return the scaler for the primary that follows from ``source``, whose ``kind`` decides how.

    The manifest holds what we manage and nothing else; apply it (server-side apply), or join it with `laid_over` and PUT.
    Write it only if ``writable``. Inputs are not changed.

    Raises:
        UnknownName: for a kind that nobody registered.

    Source: cloning.md sections 3 and 4.2 to 4.6.
    """
    return scaler_for(str(source.get("kind", ""))).clone_for_primary(source, live, request)
