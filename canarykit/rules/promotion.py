"""Rules of Promoting and Finalising: exits look at the world, not at what was asked for.

Source: decisions.md section 3 (M, F).
"""

from attrs import evolve

from canarykit import phases
from canarykit.facts import Facts
from canarykit.guards import held_down, target_pods
from canarykit.model import ROLLBACK, Split
from canarykit.rules.idle import UNDO
from canarykit.rules.rule import BEFORE, Rule, cancel, end, enter, roll_back, start
from canarykit.state import State


def _primary_is_dead(facts: Facts) -> bool:
    return facts.is_verified and not facts.primary_ready


def _may_undo(facts: Facts) -> bool:
    return _primary_is_dead(facts) and UNDO.when(facts)


def _runs_the_pin(facts: Facts) -> bool:
    return not facts.is_verified and facts.snapshot.primary_rolled


def _verified(facts: Facts) -> State:
    state = facts.state
    return evolve(state, previous=state.promoted, promoted=state.pin)


def _newer(facts: Facts) -> bool:
    return facts.is_new and facts.snapshot.revision != facts.state.pin


def _restart(facts: Facts) -> State:
    before = phases.SUCCEEDED if facts.is_verified else facts.state.phase_before
    return start(facts, phase_before=before)


def _shift_is_due(facts: Facts) -> bool:
    if facts.state.split.weight <= 0:
        return False
    if facts.snapshot.canary.spec.analysis.step_weight_promotion <= 0:
        return True
    return facts.check_is_due and facts.observed_weight == facts.state.split.weight


def _shift(facts: Facts) -> State:
    step = facts.snapshot.canary.spec.analysis.step_weight_promotion or 100
    return evolve(facts.state, split=Split(max(0, facts.state.split.weight - step)), last_check_at=facts.now)


def _on_target(facts: Facts) -> bool:
    return _primary_is_dead(facts) and facts.target_ready > 0


def _dead_primary(number: str) -> Rule:
    return Rule(
        number, "hold", "verified, primary without ready pods, target with some", _on_target, told=True,
        reason="promoted, but the primary has no ready pods: requests stay on the target",
    )  # fmt: skip


def _primary_wait(facts: Facts) -> str:
    return f"primary not ready: {facts.snapshot.primary_health.why_not or 'waiting for the template to be copied'}"


def _undo_number(number: str) -> Rule:
    return evolve(UNDO, number=number, text="`undo`, verified, and the primary has no ready pods", when=_may_undo)


PROMOTING = (
    _undo_number("M1"),
    Rule(
        "M2", "verified", "primary observed rolled at the pin, promoted != pin", _runs_the_pin, then=_verified,
        reason="the primary runs the promoted revision",
    ),
    Rule(
        "M3", "cancel", "revert: cur = promoted, attempted is another",
        lambda facts: facts.is_reverted and not facts.is_verified, BEFORE, cancel,
        "cancelled: the target is back at the promoted revision",
    ),
    Rule(
        "M4", "restart", "newer revision (and not the pin)", _newer, phases.PROGRESSING, _restart,
        "a newer revision: the analysis starts again",
    ),
    Rule(
        "M5", "rollback", "`abort` or rollback hook, primary not verified",
        lambda facts: not facts.is_verified and (facts.asks("abort") or facts.signalled(ROLLBACK) is not None),
        phases.FAILED, roll_back, "rolling back: asked for by hand",
    ),
    Rule(
        "M6", "promotion failed", "primary not verified, `c_pri` late",
        lambda facts: not facts.is_verified and facts.late(facts.state.clocks.primary), phases.FAILED, roll_back,
        lambda facts: f"promotion failed, {_primary_wait(facts)}",
    ),
    Rule("M7", "hold", "primary not verified", lambda facts: not facts.is_verified, reason=_primary_wait),
    _dead_primary("M8"),
    Rule(
        "M9", "shift", "w > 0; interval past and split observed at w, or no stepWeightPromotion", _shift_is_due, then=_shift,
        reason="requests go back to the primary",
    ),
    Rule(
        "M10", "shifted", "w = 0, split observed 100/0, apex -> primary",
        lambda facts: facts.state.split.weight == 0 and facts.requests_are_home, phases.FINALISING,
        lambda facts: enter(facts, phases.FINALISING, iterations=0), "all requests are back on the primary",
    ),
    Rule(
        "M11", "hold", "otherwise", lambda facts: True,
        reason=lambda facts: facts.move.why_not or "waiting for the requests to be back on the primary",
    ),
)  # fmt: skip


def _is_down(facts: Facts) -> bool:
    gone = facts.snapshot.target is None
    return facts.observed_weight == 0 and (gone or (held_down(facts.snapshot) and target_pods(facts.snapshot) == 0))


def _finish(facts: Facts) -> State:
    skipped = facts.snapshot.canary.spec.skip_analysis and not facts.state.undo
    # Flagger leaves the count of failed checks standing at Succeeded; the next rollout clears it.
    return end(facts, phases.SUCCEEDED, "skipped" if skipped else "succeeded", failed_checks=facts.state.failed_checks)


FINALISING = (
    _undo_number("F1"),
    Rule(
        "F2", "restart", "newer revision while the primary has no ready pods and the target some",
        lambda facts: facts.is_new and _on_target(facts), phases.PROGRESSING, _restart, "a new analysis",
    ),
    _dead_primary("F3"),
    Rule(
        "F4", "finish", "split observed 100/0; target gone, or observed at 0 pods with its scaler paused", _is_down,
        phases.SUCCEEDED, _finish, "promotion completed",
    ),
    Rule("F5", "hold", "otherwise", lambda facts: True, reason="the target drains and goes down"),
)  # fmt: skip
