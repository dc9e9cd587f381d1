"""The desired world of each phase, with the health override in it (decisions.md section 5). No guard is looked at here."""

from math import ceil

from attrs import evolve, frozen

from canarykit import phases
from canarykit.snapshot import Snapshot

UP = "up"
DOWN = "down"
ALONE = "alone"


@frozen
class Desired:
    """What a phase wants of the world.

    Attributes:
        pin: revision the primary shall run; "" leaves the primary alone.
        target: UP, DOWN or ALONE. DOWN includes "its scaler is paused", UP "released and floored".
        weight: percent of requests for the target; None before the hand-over.
        override: side that the health override sends everything to: ``target``, ``primary`` or "".
    """

    pin: str = ""
    target: str = ALONE
    weight: int | None = None
    override: str = ""


def desired(snapshot: Snapshot) -> Desired:
    """Return the desired world of the snapshot's phase, health override included.

    Source: decisions.md section 5. Suspend and spec errors are `plan`'s business, not looked at here.
    """
    return _overridden(snapshot, _of_phase(snapshot))


def _of_phase(snapshot: Snapshot) -> Desired:
    state = snapshot.state
    virtual = snapshot.router is not None and not snapshot.router.routed
    match state.phase:
        case phases.NEW:
            return Desired()
        case phases.INITIALIZING:
            begun = snapshot.handed_over
            return Desired(state.pin, DOWN if begun and snapshot.apex_side == "primary" else ALONE, 0 if begun else None)
        case phases.PROGRESSING | phases.WAITING_PROMOTION:
            return Desired(state.promoted, UP, 0 if virtual else state.split.weight)
        case phases.PROMOTING:
            return Desired(state.pin, DOWN if state.undo else UP, 0 if virtual else state.split.weight)
        case _:
            return Desired(state.pin or state.promoted, DOWN, 0)


def _overridden(snapshot: Snapshot, wanted: Desired) -> Desired:
    """Send requests away from a side without ready pods while the other has some (from the hand-over on)."""
    phase = snapshot.state.phase
    if phase == phases.NEW or (phase == phases.INITIALIZING and not snapshot.handed_over):
        return wanted
    primary, target = snapshot.primary_health.ready, snapshot.target_health.ready
    if not primary and target:
        return evolve(wanted, weight=100, override="target", target=UP)
    if primary and not target:
        return evolve(wanted, weight=0, override="primary")
    return wanted


def need(snapshot: Snapshot, side: str, percent: int) -> int:
    """Return how many pods ``side`` needs to carry ``percent`` of the requests, never more than its scaler allows.

    Args:
        snapshot: its ``state.base`` is the number of primary pods when the rollout began.
        side: ``target`` or ``primary``.
        percent: 0..100.
    """
    return max(1, min(maximum(snapshot, side), ceil(snapshot.state.base * percent / 100)))


def maximum(snapshot: Snapshot, side: str) -> int:
    """Return the most pods that the scaler of ``side`` allows; without a scaler there is no limit."""
    manifest = snapshot.source_scaler if side == "target" else snapshot.primary_scaler
    if manifest is None or snapshot.scaler is None:
        return 1_000_000
    return snapshot.scaler.bounds(manifest)[1]
