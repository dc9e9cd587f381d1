"""Pausing a ScaledObject for controllers that keep no status of their own: the object remembers the pause itself.

A marker annotation says that the pause is ours, a second one keeps a pause that the user had set before. Law:
``resume(pause(x)) == x`` (an empty annotations map is the same as none), and pausing twice is pausing once.
Our own controller keeps the value before in the Canary's status instead, and uses ``pause_patch`` and ``release_patch`` of
`canarykit.scalers.scaledobject`.

Source: cloning.md section 4.9, strict; example G4.
"""

from typing import Any

from canarykit.dicts import Manifest, at
from canarykit.errors import Problem
from canarykit.names import PAUSED_REPLICAS_ANNOTATION
from canarykit.scalers.metadata import PAUSED, PAUSED_BY, PAUSED_SCALE_OUT, PREVIOUS_PAUSE, is_true

_BY = "flagger"
_DOWN = "0"


def pause(scaled_object: Manifest) -> dict[str, Any]:
    """Return the ScaledObject held at 0 replicas, with a marker; one that carries the marker already stays as it is."""
    return _patched(scaled_object, pause_patch(scaled_object))


def resume(scaled_object: Manifest) -> dict[str, Any]:
    """Return the ScaledObject without our pause: as it was before, or, without a marker, without a pause at ``"0"`` (S18)."""
    resumed = _patched(scaled_object, resume_patch(scaled_object))
    was_ours = PAUSED_BY in at(scaled_object, "metadata", "annotations", default={})
    if not was_ours or resumed["metadata"]["annotations"]:
        return resumed
    return {**resumed, "metadata": {key: value for key, value in resumed["metadata"].items() if key != "annotations"}}


def pause_patch(scaled_object: Manifest) -> dict[str, Any] | None:
    """Return the merge patch of `pause`, touching annotations only; None when there is nothing to change."""
    annotations = at(scaled_object, "metadata", "annotations", default={})
    if PAUSED_BY in annotations:
        return None
    before = annotations.get(PAUSED_REPLICAS_ANNOTATION)
    kept = {} if before in {None, _DOWN} else {PREVIOUS_PAUSE: before}
    return _patch({PAUSED_REPLICAS_ANNOTATION: _DOWN, PAUSED_BY: _BY, **kept})


def resume_patch(scaled_object: Manifest) -> dict[str, Any] | None:
    """Return the merge patch of `resume`, touching annotations only; None when there is nothing to change."""
    annotations = at(scaled_object, "metadata", "annotations", default={})
    if PAUSED_BY not in annotations:
        left_behind = annotations.get(PAUSED_REPLICAS_ANNOTATION) == _DOWN
        return _patch({PAUSED_REPLICAS_ANNOTATION: None}) if left_behind else None
    kept = {PREVIOUS_PAUSE: None} if PREVIOUS_PAUSE in annotations else {}
    return _patch({PAUSED_REPLICAS_ANNOTATION: annotations.get(PREVIOUS_PAUSE), PAUSED_BY: None, **kept})


def check_resume(scaled_object: Manifest) -> tuple[Problem, ...]:
    """Warn of pauses that are not ours and go on after `resume`: KEDA stays frozen, the canary keeps its size."""
    annotations = at(scaled_object, "metadata", "annotations", default={})
    return tuple(
        Problem(
            f"metadata.annotations.{key}",
            "keeps KEDA from scaling the canary during the analysis",
            annotations[key],
            "Remove it if that is not intended.",
            "warning",
            "still-paused",
        )
        for key in (PAUSED, PAUSED_SCALE_OUT)
        if is_true(annotations.get(key))
    )


def _patch(annotations: dict[str, str | None]) -> dict[str, Any]:
    return {"metadata": {"annotations": annotations}}


def _patched(manifest: Manifest, patch: dict[str, Any] | None) -> dict[str, Any]:
    if patch is None:
        return dict(manifest)
    metadata = at(manifest, "metadata", default={})
    joined = {**at(metadata, "annotations", default={}), **patch["metadata"]["annotations"]}
    annotations = {key: value for key, value in joined.items() if value is not None}
    return {**manifest, "metadata": {**metadata, "annotations": annotations}}
