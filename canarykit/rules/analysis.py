"""Rules of Progressing and WaitingPromotion: abort conditions first, readiness second, progress last.

Source: decisions.md section 3 (P). W8, W20, W29: an abort is never blocked by readiness.
"""

from attrs import evolve

from canarykit import phases
from canarykit.facts import Facts
from canarykit.model import (
    CONFIRM_PROMOTION,
    CONFIRM_TRAFFIC_INCREASE,
    METRIC,
    PRE_ROLLOUT,
    ROLLBACK,
    ROLLOUT,
    Split,
)
from canarykit.rules.rule import BEFORE, Rule, cancel, checked, enter, roll_back, start
from canarykit.state import State
from canarykit.steps import PROGRESSIVE, strategy_of

CHECKS = (PRE_ROLLOUT, ROLLOUT, METRIC)


def promotion_gate_is_asked(facts: Facts) -> bool:
    """Tell whether confirm-promotion is asked now: at the promotion point and at the Blue/Green switch, unless approved."""
    at_gate = not facts.step or facts.step.kind == "switch"
    return at_gate and not (facts.state.approved and facts.state.approved == facts.state.id)


def traffic_gate_is_asked(facts: Facts) -> bool:
    """Tell whether confirm-traffic-increase is asked now: progressive with a route, in Progressing, also to promote."""
    return facts.is_routed and strategy_of(facts.snapshot) == PROGRESSIVE and facts.state.phase == phases.PROGRESSING


def _not_ready_too_long(facts: Facts) -> bool:
    clocks = facts.state.clocks
    return not facts.target_rolled and (facts.late(clocks.canary) or (facts.target_only_grows and facts.late(clocks.room)))


def _serves_nobody(facts: Facts) -> bool:
    """Requests still reach the target, none of its pods is ready, and a check is due: that check has failed."""
    return bool(facts.observed_weight) and not facts.target_ready and facts.check_is_due and facts.state.last_check_at is not None


def _hold_for_target(facts: Facts) -> State:
    if not _serves_nobody(facts):
        return facts.state
    return _failed_check(facts)


def _failed_check(facts: Facts) -> State:
    failed = facts.state.failed_checks + 1
    if failed >= facts.threshold:
        return roll_back(facts)
    return checked(facts, failed_checks=failed)


def _target_wait(facts: Facts) -> str:
    health = facts.snapshot.target_health
    return f"canary not ready: {health.why_not or 'waiting for the target'}"


def _awaiting_effect(facts: Facts) -> str:
    if facts.move.why_not:
        return f"weight not in effect yet: {facts.move.why_not}"
    if facts.not_yet:
        return f"weight not in effect yet: {getattr(facts.snapshot.observed, 'why', '')}"
    return "weight not in effect yet"


def _advance(facts: Facts) -> State:
    step, state = facts.step, facts.state
    weight = step.weight if facts.is_routed else 0
    return evolve(
        state if state.phase == phases.PROGRESSING else enter(facts, phases.PROGRESSING),
        last_check_at=facts.now,
        split=Split(weight),
        iterations=state.iterations + (0 if step.kind == "weight" else 1),
        switched=state.switched or step.kind == "switch",
        pre_rollout_passed=True,
        unsettled=facts.observed_weight != weight,
    )


def _promote(facts: Facts) -> State:
    return enter(facts, phases.PROMOTING, pin=facts.state.attempted, last_check_at=facts.now)


def _wait_for_promotion(facts: Facts) -> State:
    gate = {"pre_rollout_passed": True, "last_check_at": facts.now}
    if facts.state.phase == phases.WAITING_PROMOTION:
        return evolve(facts.state, **gate)  # type: ignore[arg-type]
    return enter(facts, phases.WAITING_PROMOTION, **gate)


def _step_or_promotion(facts: Facts) -> bool:
    return bool(facts.step) or (strategy_of(facts.snapshot) == PROGRESSIVE and facts.state.phase == phases.PROGRESSING)


ANALYSIS = (
    Rule(
        "P1", "cancel", "revert: cur = promoted, attempted is another", lambda facts: facts.is_reverted, BEFORE, cancel,
        "cancelled: the target is back at the promoted revision",
    ),
    Rule(
        "P2", "restart", "newer revision", lambda facts: facts.is_new, phases.PROGRESSING, start,
        "a newer revision: the analysis starts again",
    ),
    Rule(
        "P3", "rollback", "`abort`, or a rollback hook answers success",
        lambda facts: facts.asks("abort") or facts.signalled(ROLLBACK) is not None, phases.FAILED, roll_back,
        "rolling back: asked for by hand",
    ),
    Rule(
        "P4", "rollback", "failed checks >= threshold (after an edit)",
        lambda facts: facts.state.failed_checks >= facts.threshold, phases.FAILED, roll_back,
        lambda facts: f"failed checks threshold reached {facts.state.failed_checks}",
    ),
    Rule(
        "P5", "rollback", "target not rolled at attempted, `c_can` late (or `c_room`, where it has to grow)",
        _not_ready_too_long, phases.FAILED, roll_back,
        lambda facts: f"{_target_wait(facts)}: progress deadline exceeded",
    ),
    Rule(
        "P6", "hold", "target not rolled at attempted", lambda facts: not facts.target_rolled, then=_hold_for_target,
        reason=_target_wait,
    ),
    Rule(
        "P6b", "hold", "`pause` in force", lambda facts: facts.state.paused, told=True,
        reason="paused by request: no check, no step, no promotion until resume",
    ),
    Rule(
        "P7", "skip", "`skipAnalysis`", lambda facts: facts.snapshot.canary.spec.skip_analysis, phases.PROMOTING, _promote,
        "analysis skipped",
    ),
    Rule(
        "P8", "hold", "primary without ready pods, `c_pri` not yet late",
        lambda facts: not facts.primary_ready and not facts.primary_is_given_up, told=True,
        reason="primary has no ready pods: requests are on the canary for now, no step is taken",
    ),
    Rule(
        "P9", "rollback", "receiver not big enough (`c_room` late), and plan cannot move the split now either",
        lambda facts: facts.late(facts.state.clocks.room) and facts.move.weight is None and bool(facts.move.why_not),
        phases.FAILED, roll_back, lambda facts: f"weight could not be reached: not enough ready pods ({facts.move.why_not})",
    ),
    Rule(
        "P10", "rollback", "weight written, not observed (`c_route` late), and plan does not move it now",
        lambda facts: facts.late(facts.state.clocks.route) and facts.move.weight is None and facts.not_yet,
        phases.FAILED, roll_back, "weight could not be reached: the route is not programmed",
    ),
    Rule("P11", "hold", "split observed != wanted", lambda facts: not facts.in_effect, reason=_awaiting_effect),
    Rule(
        "P12", "settle", "split observed = wanted for the first time since the step", lambda facts: facts.state.unsettled,
        then=lambda facts: evolve(facts.state, unsettled=False, last_check_at=facts.now), reason="interval starts now",
    ),
    Rule(
        "P13", "hold", "next check not due", lambda facts: not facts.check_is_due,
        reason=lambda facts: f"next check in {facts.next_check_at - facts.now:.0f} s",
    ),
    Rule(
        "P14", "inconclusive", "a due check is unavailable or timed out",
        lambda facts: facts.unknown(*CHECKS) is not None and facts.failing(*CHECKS) is None, then=checked,
        reason="inconclusive: a check did not answer, which is not a failed check",
    ),
    Rule(
        "P15", "check failed", "a due check fails; Failed when that reaches the threshold",
        lambda facts: facts.failing(*CHECKS) is not None, phases.FAILED, _failed_check, "a check failed",
    ),
    Rule(
        "P16", "gate", "a step exists (or the promotion point is reached), confirm-traffic-increase closed or unknown",
        lambda facts: traffic_gate_is_asked(facts) and _step_or_promotion(facts)
        and facts.closed(CONFIRM_TRAFFIC_INCREASE) is not None,
        then=lambda facts: checked(facts, pre_rollout_passed=True), reason="waiting for traffic increase approval",
    ),
    Rule(
        "P17", "gate", "promotion point, or the Blue/Green switch; confirm-promotion closed or unknown",
        lambda facts: promotion_gate_is_asked(facts) and facts.closed(CONFIRM_PROMOTION) is not None,
        phases.WAITING_PROMOTION, _wait_for_promotion, "waiting for promotion approval",
    ),
    Rule(
        "P18", "advance", "a next step exists", lambda facts: bool(facts.step), phases.PROGRESSING, _advance,
        lambda facts: f"next step: {facts.step.kind}",
    ),
    Rule("P19", "promote", "last step passed", lambda facts: True, phases.PROMOTING, _promote, "copying"),
)  # fmt: skip
