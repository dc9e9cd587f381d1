"""Floors: what a raised minimum replaced, kept where it can be brought back.

On a lent scaler the value before is a mark in the Canary's status. On the primary's scaler, which is ours, the copy itself
carries a note (an annotation), so that the scaler as the spec wants it can be read back from a floored one at any time.
KEDA's ``idleReplicaCount`` would undercut a floor, so it goes with the minimum: both are written ``<minimum>/<idle>``.
"""

from typing import Any

from canarykit.dicts import Manifest, at
from canarykit.scalers.base import Mark

NOTE = "canarykit.dev/minimum-before"
ABSENT = "-"


def encode(minimum: int | None, idle: int | None) -> Mark:
    """Return minimum and idle count as one value of a mark: the number, None, or the text ``<minimum>/<idle>``."""
    return minimum if idle is None else f"{ABSENT if minimum is None else minimum}/{idle}"


def decode(mark: Mark) -> tuple[int | None, int | None]:
    """Return minimum and idle count of a mark; whatever is not a number there counts as absent."""
    if not isinstance(mark, str):
        return mark, None
    minimum, _, idle = mark.partition("/")
    return _number(minimum), _number(idle)


def with_note(manifest: dict[str, Any], before: Mark) -> dict[str, Any]:
    """Return the floored manifest with a note of what stood there; an earlier note stays, being the true one."""
    annotations = at(manifest, "metadata", "annotations", default={})
    noted = {NOTE: ABSENT if before is None else str(before), **annotations}
    return {**manifest, "metadata": {**at(manifest, "metadata", default={}), "annotations": noted}}


def unfloored(manifest: Manifest, minimum_field: str) -> dict[str, Any]:
    """Return a copy of a primary's scaler as it was before its floor, without the note; an unfloored one is copied as it is."""
    copy = dict(manifest)
    annotations = dict(at(copy, "metadata", "annotations", default={}))
    if NOTE not in annotations:
        return copy
    minimum, idle = decode(annotations.pop(NOTE))
    spec = {key: value for key, value in copy["spec"].items() if key not in {minimum_field, "idleReplicaCount"}}
    restored = {minimum_field: minimum, "idleReplicaCount": idle}
    copy["spec"] = spec | {key: value for key, value in restored.items() if value is not None}
    copy["metadata"] = {**copy["metadata"], "annotations": annotations}
    return copy


def _number(text: str) -> int | None:
    return int(text) if text.isdigit() else None
