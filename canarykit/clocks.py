"""Clocks and marks: what else goes into the status with a verdict (decisions.md section 4).

A clock runs while something is awaited and is cleared when it comes, when the phase changes, and by suspend. A mark remembers
what stood in a lent object before us; it is written before, and dropped after, the change that it describes.
"""

from attrs import evolve

from canarykit import phases
from canarykit.desired import DOWN, UP
from canarykit.facts import Facts
from canarykit.guards import has_pause, target_pods
from canarykit.model import Split
from canarykit.state import Clocks, Mark, State


def with_clocks(facts: Facts) -> State:
    """Return the facts' state with its clocks, marks and ``unsettled`` as the world makes them.

    ``facts`` show the state *after* the verdict.
    """
    state = facts.state
    if state.phase == phases.NEW or facts.snapshot.canary.spec.suspend or facts.snapshot.errors:
        return state
    clocks = Clocks(
        canary=_runs(facts, state.clocks.canary, _awaits_target(facts)),
        primary=_runs(facts, state.clocks.primary, _awaits_primary(facts)),
        room=_runs(facts, state.clocks.room, _awaits_room(facts)),
        drain=_runs(facts, state.clocks.drain, _drains(facts)),
    )
    clocks = _with_route(facts, clocks)
    return evolve(state, clocks=clocks, unsettled=_unsettled(facts), pause_mark=_pause_mark(facts), floor_mark=_floor_mark(facts))


def _runs(facts: Facts, clock: float | None, awaited: bool) -> float | None:
    if not awaited:
        return None
    return facts.now if clock is None else clock


def _awaits_target(facts: Facts) -> bool:
    in_analysis = facts.state.phase in phases.ANALYSIS
    return in_analysis and not facts.target_rolled and not facts.target_only_grows


def _awaits_primary(facts: Facts) -> bool:
    match facts.state.phase:
        case phases.INITIALIZING:
            return not facts.snapshot.primary_rolled
        case phases.PROMOTING:
            return not facts.is_verified and not facts.snapshot.primary_rolled
        case phases.PROGRESSING | phases.WAITING_PROMOTION:
            return not facts.primary_ready
        case _:
            return False


def _awaits_room(facts: Facts) -> bool:
    """The wanted split is not the written one, and the plan of this state does not write it; or only since it is late (G7)."""
    written, wanted = facts.snapshot.written, facts.wanted.weight
    if facts.state.phase == phases.INITIALIZING or wanted is None or written is None or written.weight == wanted:
        return False
    return facts.move.weight != wanted or facts.late(facts.state.clocks.room)


def _drains(facts: Facts) -> bool:
    snapshot = facts.snapshot
    home = isinstance(snapshot.observed, Split) and snapshot.observed.weight == 0 and snapshot.apex_side == "primary"
    return facts.wanted.target == DOWN and home and target_pods(snapshot) > 0


def _with_route(facts: Facts, clocks: Clocks) -> Clocks:
    """``c_route``: starts with the write of a weight, starts again when another is written, ends when it is observed."""
    state, move = facts.state, facts.move.weight
    if state.phase not in phases.ANALYSIS or not facts.is_routed:
        return clocks
    if move is not None and move != state.clocks.route_weight:
        return evolve(clocks, route=facts.now, route_weight=move)
    if facts.not_yet or move is not None:
        weight = move if move is not None else (facts.snapshot.written.weight if facts.snapshot.written else None)
        return evolve(clocks, route=_runs(facts, state.clocks.route, True), route_weight=weight)
    return clocks


def _unsettled(facts: Facts) -> bool:
    state = facts.state
    if state.phase not in phases.ANALYSIS or state.unsettled:
        return state.unsettled
    if not state.pre_rollout_passed or facts.primary_is_given_up:
        return False
    return facts.observed_weight != (state.split.weight if facts.is_routed else 0)


def _pause_mark(facts: Facts) -> Mark | None:
    """The source's own pause value, kept while the target is held down and until it is seen restored."""
    snapshot, mark = facts.snapshot, facts.state.pause_mark
    source = snapshot.source_scaler
    if source is None or snapshot.scaler is None or not has_pause(snapshot):
        return None
    value = snapshot.scaler.paused_value(source)
    if facts.wanted.target == DOWN:
        if mark is None:
            return Mark(None if value == "0" else value)
        return mark if value in ("0", None, mark.value) else Mark(value)
    restored = mark is not None and facts.wanted.target == UP and value == mark.value
    return None if restored and _is_later(facts) else mark


def _floor_mark(facts: Facts) -> Mark | None:
    """The source's own minimum, kept while the target is up and until it is seen restored."""
    snapshot, mark = facts.snapshot, facts.state.floor_mark
    source = snapshot.source_scaler
    if source is None or snapshot.scaler is None:
        return None
    minimum = snapshot.scaler.minimum_as_written(source)
    if facts.wanted.target == UP:
        return Mark(minimum) if mark is None else mark
    restored = mark is not None and minimum == mark.value
    return None if restored and _is_later(facts) else mark


def _is_later(facts: Facts) -> bool:
    """Marks are dropped in a later patch than the one that changed the phase: a write begun before may still arrive."""
    return facts.state.phase_since < facts.now
