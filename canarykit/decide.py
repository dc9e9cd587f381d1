"""Third room of the corridor: the only place where a phase or a step changes. It judges, and does not touch the world.

`decide` is total: every (phase, observation, answers) has one outcome with a reason that a person can read.
Source: decisions.md sections 2 to 4.
"""

from collections.abc import Mapping
from typing import Any

from attrs import evolve, frozen

from canarykit import phases
from canarykit.clocks import with_clocks
from canarykit.events import NORMAL, WARNING, Note, notes
from canarykit.facts import Answers, Facts
from canarykit.guards import Watch
from canarykit.model import METRIC
from canarykit.news import with_news
from canarykit.questions import questions
from canarykit.requests import obeyed, refusal
from canarykit.rules import first_match
from canarykit.rules.rule import Rule
from canarykit.snapshot import Snapshot
from canarykit.state import State
from canarykit.times import fine_stamp
from canarykit.upcoming import look_again_s

TEXT_LIMIT = 256
TOLD_WARNINGS = frozenset(
    {"missing-scaler", "C3", "unmatched-query", "unnamed-triggers", "primary-paused", "S22", "scaler-bounds"}
)
WATCHED = (phases.INITIALIZING, phases.PROGRESSING, phases.WAITING_PROMOTION, phases.PROMOTING, phases.FINALISING)


@frozen
class Decision:
    """What one pass concluded.

    Attributes:
        rule: number of the rule that matched (decisions.md section 3).
        verdict: its verdict; the ``action`` of the Events.
        reason: for people.
        state: what the status shall say.
        events: what people are told, in order, after the status is written.
        needs_fresh_read: the verdict ends something, so it must be based on a read that is not from a cache.
        look_again_s: seconds until time alone can change the decision; None when it cannot.
    """

    rule: str
    verdict: str
    reason: str
    state: State
    events: tuple[Note, ...] = ()
    needs_fresh_read: bool = False
    look_again_s: float | None = None


def decide(snapshot: Snapshot, answers: Answers, now: float, token: str, not_before: float = 0.0) -> Decision:
    """Return the decision of one pass.

    Args:
        snapshot: what is observed.
        answers: by question id (`canarykit.facts.question_id`); a question without one counts as unknown.
        now: epoch seconds.
        token: the id of a rollout, should one start in this pass.
        not_before: clocks are trusted from here on (process start, last time the view was found behind).

    Raises:
        IllegalTransition: the status names a phase that does not exist.
    """
    watch = Watch(now, not_before)
    asked = questions(snapshot, now, not_before)
    before = Facts(obeyed(snapshot, now), watch, asked, answers, token)
    rule = first_match(before)
    verdict_state = rule.then(before) if rule.then else before.state
    recorded = _record_checks(before, verdict_state)
    requested, said = _consume_request(before, rule, recorded)
    state = with_clocks(Facts(snapshot.with_state(requested), watch, asked, answers, token))
    state = _told(before, rule, state)
    verdict = _verdict(rule, before.state, state)
    events = _problem_notes(before) + notes(before, rule, state, verdict) + said
    state = with_news(snapshot.state, state, events)
    after = Facts(snapshot.with_state(state), watch, asked, answers, token)
    return Decision(
        rule=rule.number,
        verdict=verdict,
        reason=rule.why(before)[:TEXT_LIMIT],
        state=state,
        events=events,
        needs_fresh_read=_is_serious(snapshot.state, state),
        look_again_s=look_again_s(after, rule),
    )


_OBEYED_BY = {
    "abort": frozenset({"H1", "P3", "M5"}),
    "retry": frozenset({"R2", "R3"}),
    "undo": frozenset({"R1", "M1", "F1"}),
}


def _consume_request(facts: Facts, rule: Rule, state: State) -> tuple[State, tuple[Note, ...]]:
    """Each request is consumed by the first pass that sees it: obeyed, or refused with a reason."""
    request = facts.request
    if request is None:
        return state, ()
    seen = evolve(state, request=request.value)
    phase = facts.state.phase
    by_rule = rule.number in _OBEYED_BY.get(request.verb, frozenset())
    by_state = request.verb in ("promote", "pause", "resume") and (
        facts.state.approved == facts.state.id != "" if request.verb == "promote" else phase in phases.ANALYSIS | {phases.WAITING}
    )
    if by_rule or by_state:
        return seen, (Note(NORMAL, f"Request {request.value} accepted", state.phase, request.verb),)
    why = refusal(request, phase, rule.why(facts))
    return seen, (Note(WARNING, f"Request {request.value} refused: {why}", state.phase, "refuse"),)


def _record_checks(facts: Facts, state: State) -> State:
    """Keep what the metrics said (the last twenty) under ``status.rollout.checks``, when this pass writes anyway."""
    if state == facts.state or state.id != facts.state.id:
        return state
    rows: list[Mapping[str, Any]] = []
    for question, answer in facts.answered(METRIC):
        row: dict[str, Any] = {"time": fine_stamp(facts.now), "name": question.name, "verdict": answer.verdict}
        if answer.value is not None:
            row["value"] = round(answer.value, 4)
        rows.append(row | ({"range": answer.wanted} if answer.wanted else {}))
    return state.with_checks(tuple(rows))


def _told(facts: Facts, rule: Rule, state: State) -> State:
    """A long wait goes to ``waiting`` once; the next verdict that writes clears it."""
    if rule.told:
        return evolve(state, waiting=rule.why(facts)[:TEXT_LIMIT])
    if not state.waiting:
        return state
    stays = rule.verdict == "hold" and evolve(state, waiting=facts.state.waiting) == facts.state
    return state if stays else evolve(state, waiting="")


def _verdict(rule: Rule, before: State, after: State) -> str:
    """A failed check that reaches the threshold is a rollback; one that does not keeps its name."""
    fails = rule.number in ("P15", "P6")
    if fails and after.phase == phases.FAILED:
        return "rollback"
    if rule.number == "P6" and after.failed_checks > before.failed_checks:
        return "check failed"
    return rule.verdict


def _problem_notes(facts: Facts) -> tuple[Note, ...]:
    """Errors are said, and what went missing; other warnings stand in the condition ``Accepted`` only."""
    return tuple(
        Note(WARNING, str(problem)[:1024], facts.state.phase or phases.INITIALIZING, "validate", True, f"problem/{problem}")
        for problem in facts.snapshot.problems
        if problem.severity == "error" or problem.code in TOLD_WARNINGS
    )


def _is_serious(before: State, after: State) -> bool:
    """Tell whether the verdict must start from a fresh read (decisions.md section 2, step 2)."""
    watched = ("phase", "last_check_at", "promoted", "pin")
    if before.phase in WATCHED and any(getattr(before, name) != getattr(after, name) for name in watched):
        return True
    always = ("attempted", "pause_mark", "floor_mark", "phase")
    return any(getattr(before, name) != getattr(after, name) for name in always)
