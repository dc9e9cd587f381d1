"""Rules of the phases without an analysis: new, Initializing, idle, Waiting; and those that come first in every phase.

Source: decisions.md section 3 (A, N, B, R, H).
"""

from attrs import evolve

from canarykit import phases
from canarykit.dicts import at
from canarykit.facts import Facts
from canarykit.model import CONFIRM_ROLLOUT, Split
from canarykit.rules.rule import BEFORE, Rule, end, enter, start
from canarykit.state import Clocks, State


def _is_deleted(facts: Facts) -> bool:
    return at(facts.snapshot.canary.manifest, "metadata", "deletionTimestamp") is not None


def _no_clocks(facts: Facts) -> State:
    return evolve(facts.state, clocks=Clocks())


def _errors(facts: Facts) -> str:
    return " ".join(str(problem) for problem in facts.snapshot.errors)


def _target_is_missing(facts: Facts) -> bool:
    return facts.snapshot.target is None and facts.state.phase not in phases.ACTIVE


FIRST = (
    Rule("A1", "delete", "deletion timestamp set", _is_deleted, reason="being deleted: nothing is changed any more"),
    Rule(
        "A2",
        "hold",
        "`spec.suspend`",
        lambda facts: facts.snapshot.canary.spec.suspend,
        then=_no_clocks,
        reason="suspended: set spec.suspend to false to go on",
    ),
    Rule(
        "A4",
        "hold",
        "the spec is not accepted (validation errors)",
        lambda facts: bool(facts.snapshot.errors),
        then=_no_clocks,
        reason=_errors,
        told=True,
    ),
    Rule(
        "A3",
        "hold",
        "no phase, Initializing, idle or Waiting: target missing",
        _target_is_missing,
        reason=lambda facts: f"target {facts.snapshot.target_ref} not found: create it or change spec.targetRef.name",
        told=True,
    ),
)


def _serves_already(facts: Facts) -> bool:
    return facts.snapshot.apex_side == "primary" and bool(facts.snapshot.adopted_revision)


def _adopt(facts: Facts) -> State:
    revision = facts.snapshot.adopted_revision
    base = max(1, facts.snapshot.primary_health.replicas_wanted)
    return enter(
        facts, phases.INITIALIZED, id=facts.token, promoted=revision, attempted=revision, pin=revision, base=base,
        tracked_configs=dict(facts.snapshot.configs),
    )  # fmt: skip


def _see(facts: Facts) -> State:
    base = max(1, facts.snapshot.target_health.replicas_wanted)
    return enter(facts, phases.INITIALIZING, id=facts.token, pin=facts.snapshot.revision, base=base)


NEW = (
    Rule(
        "N0",
        "adopt",
        "the primary exists and the apex selects it (a Canary restored without its status)",
        _serves_already,
        phases.INITIALIZED,
        _adopt,
        "a primary serves already: what it runs is adopted as promoted",
    ),
    Rule(
        "N1",
        "seen",
        "target found",
        lambda facts: True,
        phases.INITIALIZING,
        _see,
        "starting initialization",
    ),
)


def _primary_wait(facts: Facts) -> str:
    why = facts.snapshot.primary_health.why_not
    return f"primary not ready: {why}" if why else "primary not ready: it is being created"


def _bootstrapped(facts: Facts) -> bool:
    snapshot = facts.snapshot
    scaled = not (snapshot.scaler and snapshot.source_scaler) or snapshot.primary_scaler is not None
    return snapshot.primary_rolled and scaled and facts.requests_are_home


def _initialized(facts: Facts) -> State:
    pin = facts.state.pin
    base = max(facts.state.base, facts.snapshot.primary_health.replicas_wanted)
    return enter(facts, phases.INITIALIZED, promoted=pin, attempted=pin, base=base, tracked_configs=dict(facts.snapshot.configs))


INITIALIZING = (
    Rule(
        "B1",
        "pin",
        "the target's template is not the pinned one, and apex and route are still the user's",
        lambda facts: facts.snapshot.revision != facts.state.pin and not facts.snapshot.handed_over,
        then=lambda facts: evolve(facts.state, pin=facts.snapshot.revision),
        reason="pinned again to the newest template",
    ),
    Rule(
        "B2",
        "ready",
        "primary rolled at the pin, its scaler made, apex -> primary, split observed 100/0",
        _bootstrapped,
        phases.INITIALIZED,
        _initialized,
        "initialization completed",
    ),
    Rule(
        "B3",
        "hold",
        "primary not rolled, `c_pri` late",
        lambda facts: not facts.snapshot.primary_rolled and facts.late(facts.state.clocks.primary),
        reason=lambda facts: f"{_primary_wait(facts)}; too long already, the app stays on the target",
        told=True,
    ),
    Rule("B4", "hold", "primary not rolled", lambda facts: not facts.snapshot.primary_rolled, reason=_primary_wait),
    Rule(
        "B5",
        "hold",
        "otherwise",
        lambda facts: True,
        reason=lambda facts: facts.move.why_not or "the requests are being handed over to the primary",
    ),
)


def _wants_rollout(facts: Facts) -> bool:
    return facts.is_new or (facts.asks("retry") and facts.is_retriable)


def _undo(facts: Facts) -> State:
    state = facts.state
    before = phases.SUCCEEDED if state.phase not in phases.IDLE else state.phase
    return enter(
        facts, phases.PROMOTING, id=facts.token, pin=state.previous, attempted=facts.snapshot.revision, split=Split(),
        undo=True, phase_before=before, iterations=0, failed_checks=0,
    )  # fmt: skip


UNDO = Rule(
    "R1",
    "undo",
    "`undo`, and `previous` is kept",
    lambda facts: facts.asks("undo") and bool(facts.state.previous) and facts.snapshot.recorded(facts.state.previous) is not None,
    phases.PROMOTING,
    _undo,
    lambda facts: f"undo: back from {facts.state.promoted} to {facts.state.previous} without analysis",
)

IDLE = (
    UNDO,
    Rule(
        "R2",
        "revision",
        "new revision, or `retry` with cur = attempted != promoted; confirm-rollout open",
        lambda facts: _wants_rollout(facts) and facts.closed(CONFIRM_ROLLOUT) is None,
        phases.PROGRESSING,
        lambda facts: start(facts, phase_before=facts.state.phase),
        "new revision detected",
    ),
    Rule(
        "R3",
        "gate",
        "the same, gate closed or its answer unknown",
        _wants_rollout,
        phases.WAITING,
        lambda facts: enter(facts, phases.WAITING, id=facts.token, phase_before=facts.state.phase, retry=not facts.is_new),
        "waiting for approval of the rollout",
    ),
    Rule(
        "R4",
        "forget",
        "target is back at the promoted revision",
        lambda facts: facts.is_reverted,
        then=lambda facts: evolve(facts.state, attempted=facts.state.promoted),
        reason="the attempt is forgotten, so that it can be pushed again",
    ),
    Rule(
        "R5",
        "hold",
        "health override towards the target",
        lambda facts: facts.wanted.override == "target",
        reason="primary has no ready pods: requests stay on the target",
        told=True,
    ),
    Rule("R6", "hold", "otherwise", lambda facts: True, reason="nothing to do: the promoted revision serves"),
)


def _nothing_to_approve(facts: Facts) -> bool:
    attempted = facts.snapshot.revision == facts.state.attempted and not facts.state.retry
    return facts.asks("abort") or facts.snapshot.revision == facts.state.promoted or attempted


def _cancel_waiting(facts: Facts) -> State:
    """The target's revision counts as attempted: aborted, promoted, or attempted before; or it would be a new one at once."""
    before = facts.state.phase_before or phases.INITIALIZED
    return end(facts, before, "cancelled", attempted=facts.snapshot.revision)


WAITING = (
    Rule(
        "H1",
        "cancel",
        "`abort`, or cur is promoted, or cur is attempted and no `retry` led here",
        _nothing_to_approve,
        BEFORE,
        _cancel_waiting,
        "nothing to approve any more",
    ),
    Rule(
        "H2",
        "revision",
        "confirm-rollout open",
        lambda facts: facts.closed(CONFIRM_ROLLOUT) is None and not facts.state.paused,
        phases.PROGRESSING,
        start,
        "approved: new revision detected",
    ),
    Rule(
        "H3",
        "hold",
        "otherwise",
        lambda facts: True,
        reason=lambda facts: "paused by request" if facts.state.paused else "waiting for approval of the rollout",
    ),
)
