"""Second room of the corridor: what only the outside world knows, in the order in which it is asked.

Questions come before answers (docs/decisions/001): the list is made from the snapshot alone, so that `decide` needs no I/O and
a test can answer by hand. Each question says which answers make the rest moot; the asker stops there.
Source: decisions.md section 2 (Questions), engine.md section 6.
"""

from canarykit import phases
from canarykit.facts import Facts
from canarykit.guards import Watch
from canarykit.hooks import hook_payload, payload_checksum
from canarykit.model import (
    CONFIRM_PROMOTION,
    CONFIRM_ROLLOUT,
    CONFIRM_TRAFFIC_INCREASE,
    FAIL,
    METRIC,
    NO_DATA,
    PASS,
    PRE_ROLLOUT,
    PROVIDERS,
    ROLLBACK,
    ROLLOUT,
    UNAVAILABLE,
    Question,
)
from canarykit.requests import obeyed
from canarykit.rules.analysis import promotion_gate_is_asked, traffic_gate_is_asked
from canarykit.rules.idle import FIRST
from canarykit.snapshot import Snapshot

NOT_PASSED = frozenset({FAIL, NO_DATA, UNAVAILABLE})


def questions(snapshot: Snapshot, now: float, not_before: float = 0.0) -> tuple[Question, ...]:
    """Return what has to be asked before `decide` can judge ``snapshot`` at ``now``; empty when nothing has to be.

    Args:
        snapshot: of the Canary.
        now: epoch seconds.
        not_before: clocks are trusted from here on (process start, last time the view was found behind).
    """
    facts = Facts(obeyed(snapshot, now), Watch(now, not_before))
    if any(rule.when(facts) for rule in FIRST):
        return ()
    match snapshot.state.phase:
        case phases.NEW:
            return () if snapshot.canary.spec.skip_analysis else (Question(PROVIDERS, "providers", "new"),)
        case phases.INITIALIZED | phases.SUCCEEDED | phases.FAILED | phases.WAITING:
            return _hooks(facts, CONFIRM_ROLLOUT, NOT_PASSED) if _may_start(facts) else ()
        case phases.PROGRESSING | phases.WAITING_PROMOTION:
            return _analysis(facts)
        case phases.PROMOTING if not facts.is_verified:
            return _hooks(facts, ROLLBACK, frozenset({PASS}))
        case _:
            return ()


def _may_start(facts: Facts) -> bool:
    if facts.state.phase == phases.WAITING:
        return facts.snapshot.revision != facts.state.promoted and not facts.state.paused
    return facts.is_new or (facts.asks("retry") and facts.is_retriable)


def _analysis(facts: Facts) -> tuple[Question, ...]:
    if facts.is_new or facts.is_reverted:
        return ()
    found = list(_hooks(facts, ROLLBACK, frozenset({PASS})))
    if not facts.may_check or facts.state.paused:
        return tuple(found)
    if facts.state.pre_rollout_passed:
        found += _hooks(facts, ROLLOUT, NOT_PASSED)
        found += _metrics(facts)
    else:
        found += _hooks(facts, PRE_ROLLOUT, NOT_PASSED)
    if traffic_gate_is_asked(facts):
        found += _hooks(facts, CONFIRM_TRAFFIC_INCREASE, NOT_PASSED)
    if promotion_gate_is_asked(facts):
        found += _hooks(facts, CONFIRM_PROMOTION, NOT_PASSED)
    return tuple(found)


def _key(facts: Facts) -> str:
    """Rollout id, revision and step: an answer for another one is no answer."""
    state = facts.state
    step = f"{state.split.weight}.{state.iterations}.{state.failed_checks}.{int(state.pre_rollout_passed)}"
    return f"{state.id}/{facts.snapshot.revision}/{step}/{state.last_check_at or 0:.3f}"


def payload(snapshot: Snapshot, phase: str, metadata: dict[str, str]) -> dict[str, object]:
    """Return the body of a hook call in ``phase`` (engine.md section 6.1)."""
    state = snapshot.state
    checksum = payload_checksum(state.tracked_configs or {}, state.attempted)
    return hook_payload(snapshot.names.canary, snapshot.names.namespace, phase, checksum, metadata)


def _hooks(facts: Facts, about: str, moot_if: frozenset[str]) -> tuple[Question, ...]:
    phase = facts.state.phase
    key = _key(facts)
    return tuple(
        Question(about, hook.name, f"{key}/{index}", hook, payload(facts.snapshot, phase, dict(hook.metadata)), moot_if)
        for index, hook in enumerate(facts.snapshot.canary.spec.analysis.webhooks)
        if hook.type == about
    )


def _metrics(facts: Facts) -> tuple[Question, ...]:
    key = _key(facts)
    return tuple(
        Question(METRIC, metric.name, f"{key}/{index}", metric, {}, NOT_PASSED)
        for index, metric in enumerate(facts.snapshot.canary.spec.analysis.metrics)
    )
