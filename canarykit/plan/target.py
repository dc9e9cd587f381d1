"""Plan, part: the user's own objects, the target and its scaler (G3, G4, G10). Merge patches of single fields, never a PUT."""

from collections.abc import Mapping
from typing import Any

from canarykit.desired import DOWN, UP, Desired, need
from canarykit.dicts import at
from canarykit.guards import Watch, g10, has_pause
from canarykit.model import MERGE_PATCH, Action, Ref
from canarykit.snapshot import Snapshot
from canarykit.writing import version_of


def _on_source(snapshot: Snapshot, body: Mapping[str, Any] | None, guard: str, reason: str) -> list[Action]:
    source = snapshot.source_scaler
    if body is None or source is None or snapshot.scaler is None:
        return []
    ref = Ref.to(snapshot.scaler.kind, snapshot.names.namespace, snapshot.names.source_scaler)
    return [Action(MERGE_PATCH, ref, body, version_of(source), guard, reason)]


def up_actions(snapshot: Snapshot, wanted: Desired) -> list[Action]:
    """Floor and release the source's scaler, and raise the target from zero; outside that, give the old minimum back."""
    if wanted.target != UP:
        return _old_minimum(snapshot)
    return _floor(snapshot, wanted) + _release(snapshot) + _raise(snapshot, wanted)


def _floor(snapshot: Snapshot, wanted: Desired) -> list[Action]:
    """G4: the target can get as big as its share of the requests needs it."""
    scaler, source, mark = snapshot.scaler, snapshot.source_scaler, snapshot.state.floor_mark
    if scaler is None or source is None or mark is None or snapshot.target is None:
        return []
    needed, present = need(snapshot, "target", wanted.weight or 0), scaler.minimum_as_written(source)
    if needed <= scaler.fewest_in(mark.value):
        if present == mark.value:
            return []
        return _on_source(snapshot, scaler.restore_minimum_patch(mark.value), "G4", "the source's own minimum is enough")
    floor = min(max(needed, scaler.minimum_in(mark.value)), scaler.bounds(source)[1])
    if present == floor:
        return []
    return _on_source(snapshot, scaler.minimum_patch(source, floor), "G4", f"the target needs {floor} pods")


def _old_minimum(snapshot: Snapshot) -> list[Action]:
    scaler, source, mark = snapshot.scaler, snapshot.source_scaler, snapshot.state.floor_mark
    if scaler is None or source is None or mark is None or scaler.minimum_as_written(source) == mark.value:
        return []
    return _on_source(snapshot, scaler.restore_minimum_patch(mark.value), "G4", "the source's own minimum again")


def _release(snapshot: Snapshot) -> list[Action]:
    """G3: the pause is undone; what the user had set before comes back."""
    scaler, source = snapshot.scaler, snapshot.source_scaler
    if scaler is None or source is None or not has_pause(snapshot):
        return []
    mark = snapshot.state.pause_mark
    held = scaler.paused_value(source)
    before = str(mark.value) if mark is not None and mark.value is not None else None
    if held is None or held == before or (mark is None and held != "0"):
        return []
    return _on_source(snapshot, scaler.release_patch(source, before), "G3", "the analysis needs the target's scaler")


def _raise(snapshot: Snapshot, wanted: Desired) -> list[Action]:
    target, workload = snapshot.target, snapshot.workload
    if target is None or workload is None or at(target, "spec", "replicas", default=1) > 0:
        return []
    replicas = max(_from_zero(snapshot), need(snapshot, "target", wanted.weight or 0))
    body = workload.scale_patch(replicas)
    return [Action(MERGE_PATCH, snapshot.target_ref, body, version_of(target), "", f"the analysis needs {replicas} pods")]


def _from_zero(snapshot: Snapshot) -> int:
    """cloning.md section 1.1.4: without a scaler as many as the primary has, else the scaler's minimum, at least 1."""
    source, scaler = snapshot.source_scaler, snapshot.scaler
    if scaler is None or source is None:
        return max(1, int(at(snapshot.primary, "spec", "replicas", default=1)))
    return max(1, scaler.minimum_in(scaler.minimum_as_written(source)))


def down_actions(snapshot: Snapshot, wanted: Desired, watch: Watch) -> list[Action]:
    """G10: pause the source's scaler, then 0 replicas, once nobody sends the target requests any more."""
    target, scaler, source = snapshot.target, snapshot.scaler, snapshot.source_scaler
    if wanted.target != DOWN or target is None or snapshot.workload is None:
        return []
    if g10(snapshot, wanted, watch):
        return []
    actions = []
    if has_pause(snapshot) and scaler is not None and source is not None and scaler.paused_value(source) != "0":
        actions += _on_source(snapshot, scaler.pause_patch(source), "G10", "nobody needs the target now")
    if at(target, "spec", "replicas", default=1) != 0:
        body = snapshot.workload.scale_patch(0)
        reason = "nobody needs the target now"
        actions.append(Action(MERGE_PATCH, snapshot.target_ref, body, version_of(target), "G10", reason))
    return actions
