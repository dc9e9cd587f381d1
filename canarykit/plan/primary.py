"""Plan, part: the primary workload, its config copies and its scaler (guards G1 and G2)."""

from typing import Any

from canarykit import phases
from canarykit.desired import DOWN, Desired, need
from canarykit.dicts import at
from canarykit.guards import held_down
from canarykit.model import COPY, CREATE, JSON_PATCH, MERGE_PATCH, Action, Ref
from canarykit.names import primary_of
from canarykit.primary_scaler import wanted_scaler
from canarykit.snapshot import CONFIG_KINDS, Snapshot
from canarykit.writing import apply_action, owner_action, version_of


def primary_actions(snapshot: Snapshot, wanted: Desired) -> list[Action]:
    """Return the actions that make the primary run the wanted pin at its size, with its configs and its scaler."""
    if not wanted.pin:
        return []
    template = snapshot.primary_wanted(wanted.pin)
    if template is None:
        return []
    actions = _configs(snapshot, wanted.pin)
    if snapshot.primary is None:
        return actions + _create(snapshot, wanted, template)
    return actions + _repair(snapshot, wanted, template) + _scaler(snapshot, wanted)


def _configs(snapshot: Snapshot, revision: str) -> list[Action]:
    """Copies of the tracked configs that belong to ``revision``; what they replace is kept under its checksum (W19)."""
    actions = []
    for key, checksum in sorted(snapshot.recorded_configs(revision).items()):
        kind_name, _, name = key.partition("/")
        kind = CONFIG_KINDS[kind_name]
        copy = snapshot.get(kind, primary_of(name))
        held = snapshot.checksum_of(copy) if copy is not None else None
        if held == checksum:
            continue
        if copy is not None and held and _belongs_to_a_kept_revision(snapshot, key, held):
            kept = f"{primary_of(name)}-{held}"
            if snapshot.get(kind, kept) is None:
                actions.append(_copy(snapshot, kind, primary_of(name), kept, held, None))
        source = name if snapshot.configs.get(key) == checksum else f"{primary_of(name)}-{checksum}"
        if snapshot.get(kind, source) is not None:
            actions.append(_copy(snapshot, kind, source, primary_of(name), checksum, version_of(copy)))
    return actions


def _copy(snapshot: Snapshot, kind: Any, source: str, name: str, checksum: str, version: str | None) -> Action:
    space = snapshot.names.namespace
    body = {"source": Ref.to(kind, space, source), "checksum": checksum}
    return Action(COPY, Ref.to(kind, space, name), body, version, "", f"copy {source} for the primary")


def _belongs_to_a_kept_revision(snapshot: Snapshot, key: str, checksum: str) -> bool:
    kept = {snapshot.state.promoted, snapshot.state.previous} - {""}
    return any(snapshot.recorded_configs(revision).get(key) == checksum for revision in kept)


def _create(snapshot: Snapshot, wanted: Desired, template: dict[str, Any]) -> list[Action]:
    if snapshot.workload is None or snapshot.target is None:
        return []
    manifest = snapshot.workload.create_primary(
        snapshot.target, template, snapshot.names, snapshot.label, snapshot.label_value, snapshot.owner,
        max(1, snapshot.state.base), snapshot.settings,
    )  # fmt: skip
    return [Action(CREATE, Ref.of(manifest), manifest, None, "G1", f"the primary runs {wanted.pin}")]


def _repair(snapshot: Snapshot, wanted: Desired, template: dict[str, Any]) -> list[Action]:
    assert snapshot.workload is not None
    assert snapshot.primary is not None
    owned = owner_action(snapshot.primary, snapshot.owner)
    actions = [owned] if owned else []
    if not snapshot.primary_at(wanted.pin):
        operations = snapshot.workload.promotion_patch(
            snapshot.primary, template, snapshot.target, snapshot.label, snapshot.label_value, snapshot.settings
        )
        reason = f"the primary shall run {wanted.pin}"
        version = version_of(snapshot.primary)
        actions += [Action(JSON_PATCH, snapshot.primary_ref, operations, version, "G1", reason)] if operations else []
    size = _size(snapshot)
    if size is not None:
        body = snapshot.workload.scale_patch(size)
        reason = f"the primary needs {size} pods"
        actions.append(Action(MERGE_PATCH, snapshot.primary_ref, body, version_of(snapshot.primary), "G1", reason))
    return actions


def _size(snapshot: Snapshot) -> int | None:
    """The replicas to write: no 0 but its scaler's own; without one at least ``base``, and a promoted target's."""
    asked = at(snapshot.primary, "spec", "replicas", default=1)
    base = max(1, snapshot.state.base)
    if snapshot.scaler is not None and snapshot.source_scaler is not None:
        live = snapshot.primary_scaler
        scales_to_zero = live is not None and snapshot.scaler.bounds(live)[0] == 0
        return base if asked == 0 and not scales_to_zero else None
    if snapshot.state.phase in (phases.INITIALIZING, phases.PROMOTING) and not snapshot.state.undo:
        base = max(base, at(snapshot.target, "spec", "replicas", default=1))
    return base if asked < base else None


def _scaler(snapshot: Snapshot, wanted: Desired) -> list[Action]:
    manifest = wanted_scaler(snapshot)
    if manifest is None or snapshot.scaler is None:
        return []
    if floor := _floor(snapshot, wanted):
        manifest = snapshot.scaler.with_minimum(manifest, floor)
    action = apply_action(snapshot.primary_scaler, manifest, snapshot.scaler.same, "the primary's scaler follows the source")
    return [action] if action else []


def _floor(snapshot: Snapshot, wanted: Desired) -> int | None:
    """G2: the primary keeps what it needs for everything while requests are on their way back to it.

    A primary whose scaler may go to zero keeps one pod until the target is down and the apex is home (G9 and G10 need it).
    """
    written = snapshot.written
    falling = wanted.weight is not None and written is not None and wanted.weight < written.weight
    if snapshot.state.phase == phases.INITIALIZING:  # a target that grew since it was first seen is what G5 compares with
        return max(need(snapshot, "primary", 100), snapshot.target_health.ready)
    if snapshot.state.phase == phases.PROMOTING or falling:
        return need(snapshot, "primary", 100)
    at_rest = wanted.target == DOWN and held_down(snapshot) and snapshot.apex_side == "primary"
    return None if at_rest else 1
