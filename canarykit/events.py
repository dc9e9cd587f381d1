"""What people are told of a verdict: Events in Flagger's words, in order (decisions.md section 8, engine.md section 4.2).

A `Note` is one Event; its name in the cluster is made from the Canary's uid, the rollout id, the phase and the text, so that
posting it twice is one Event.
"""

from attrs import frozen

from canarykit import phases
from canarykit.facts import Facts
from canarykit.model import (
    CONFIRM_PROMOTION,
    CONFIRM_ROLLOUT,
    CONFIRM_TRAFFIC_INCREASE,
    METRIC,
    PASS,
    PRE_ROLLOUT,
    PROVIDERS,
    ROLLBACK,
    ROLLOUT,
    Answer,
    Question,
)
from canarykit.rules.rule import Rule
from canarykit.state import State

NORMAL = "Normal"
WARNING = "Warning"


@frozen
class Note:
    """One Event.

    Attributes:
        phase: in the payload; with the text it makes the name.
        once: a repeat is not worth a write.
        topic: makes the name instead of phase and text, where the same news in other words is no news.
    """

    type: str
    message: str
    phase: str
    action: str
    once: bool = False
    topic: str = ""


def notes(facts: Facts, rule: Rule, after: State, verdict: str) -> tuple[Note, ...]:
    """Return the Events of a pass, in order: what the checks said, then the verdict's own.

    Args:
        facts: of the pass, before the verdict.
        rule: that matched.
        after: the state that the verdict leads to.
        verdict: the rule's, or ``rollback`` where a failed check reached the threshold.
    """
    found = [_note(facts, rule, after, verdict, *said) for said in _of_checks(facts, rule)]
    found += _of_provider(facts) if found else []
    found += [_note(facts, rule, after, verdict, *said) for said in _of_verdict(facts, rule, after, verdict)]
    found += _of_waiting(facts, after) if verdict == "hold" else []
    return tuple(found)


# The payload's phase is the one in which a thing was found; only the news of a phase carry the new one.
_OF_NEW_PHASE = (
    "all the metrics", "Error checking metric", "Initialization done!", "New revision detected!", "Canary failed!",
    "Rollout cancelled",
)  # fmt: skip


def _note(facts: Facts, rule: Rule, after: State, verdict: str, kind: str, text: str) -> Note:
    phase = after.phase if text.startswith(_OF_NEW_PHASE) else facts.state.phase
    # A closed gate is asked again and again; that it is closed is news once per gate and step.
    topic = f"{text}/{after.split.weight}/{after.iterations}" if verdict == "gate" and kind == WARNING else ""
    return Note(kind, text, phase or after.phase, rule.verdict, verdict in ("hold", "gate"), topic)


def _canary(facts: Facts) -> str:
    return f"{facts.snapshot.names.canary}.{facts.snapshot.names.namespace}"


def _target(facts: Facts) -> str:
    return f"{facts.snapshot.names.target}.{facts.snapshot.names.namespace}"


def _primary(facts: Facts) -> str:
    return f"{facts.snapshot.names.primary}.{facts.snapshot.names.namespace}"


_PASSED = {
    PRE_ROLLOUT: "Pre-rollout check {} passed",
    CONFIRM_TRAFFIC_INCREASE: "Confirm-traffic-increase check {} passed",
    CONFIRM_PROMOTION: "Confirm-promotion check {} passed",
    CONFIRM_ROLLOUT: "Confirm-rollout check {} passed",
}


def _of_checks(facts: Facts, rule: Rule) -> list[tuple[str, str]]:
    if facts.state.phase not in phases.ANALYSIS:
        asked = facts.answered(CONFIRM_ROLLOUT) if rule.verdict in ("revision", "gate") else []
        return [(NORMAL, _PASSED[CONFIRM_ROLLOUT].format(q.name)) for q, a in asked if a.verdict == PASS]
    if not facts.may_check or rule.number in ("P1", "P2", "P3", "P4", "P5", "P6", "P6b", "P7"):
        return []
    said = []
    if not facts.state.pre_rollout_passed:
        said.append((NORMAL, f"Starting canary analysis for {_target(facts)}"))
    passed = facts.answered(PRE_ROLLOUT, CONFIRM_TRAFFIC_INCREASE, CONFIRM_PROMOTION)
    return said + [(NORMAL, _PASSED[q.about].format(q.name)) for q, a in passed if a.verdict == PASS]


def _of_verdict(facts: Facts, rule: Rule, after: State, verdict: str) -> list[tuple[str, str]]:
    match verdict:
        case "seen":
            return _of_providers(facts)
        case "ready":
            return [(NORMAL, f"Initialization done! {_canary(facts)}")]
        case "adopt":
            return [(NORMAL, f"Initialization done! {_canary(facts)} adopted the primary as it is")]
        case "revision":
            return [(NORMAL, f"New revision detected! Scaling up {_target(facts)}")]
        case "restart":
            return [(NORMAL, f"New revision detected! Restarting analysis for {_target(facts)}")]
        case "gate":
            return _of_gate(facts, rule)
        case "advance":
            return _of_advance(facts, after)
        case "check failed":
            return [_failed_check(facts)]
        case "rollback" | "promotion failed":
            return _of_rollback(facts, rule)
        case "promote" | "skip":
            return [(NORMAL, f"Copying {_target(facts)} template spec to {_primary(facts)}")]
        case "undo":
            undo = f"Undo {_target(facts)}: from revision {facts.state.promoted} back to {facts.state.previous}"
            return [(NORMAL, undo), (NORMAL, f"Copying {_target(facts)} template spec to {_primary(facts)}")]
        case "shift":
            return _of_shift(facts, after)
        case "cancel":
            return [(NORMAL, f"Rollout cancelled: {_target(facts)} is back at the promoted revision")]
        case "inconclusive":
            return [_inconclusive(facts)]
        case _:
            return []


def _of_providers(facts: Facts) -> list[tuple[str, str]]:
    answers = facts.answered(PROVIDERS)
    if not answers:
        return []
    answer = answers[0][1]
    if answer.verdict == PASS:
        return [(NORMAL, "all the metrics providers are available!")]
    return [(WARNING, answer.text)]


def _of_gate(facts: Facts, rule: Rule) -> list[tuple[str, str]]:
    about, what = {
        "R3": (CONFIRM_ROLLOUT, "approval"),
        "P16": (CONFIRM_TRAFFIC_INCREASE, "traffic increase approval"),
        "P17": (CONFIRM_PROMOTION, "promotion approval"),
    }[rule.number]
    hook = facts.closed(about)
    return [(WARNING, f"Halt {_canary(facts)} advancement waiting for {what} {hook.name if hook else ''}".rstrip())]


def _of_advance(facts: Facts, after: State) -> list[tuple[str, str]]:
    step = facts.step
    if step.kind == "weight":
        return [(NORMAL, f"Advance {_canary(facts)} canary weight {after.split.weight}")]
    if step.kind == "iteration":
        return [(NORMAL, f"Advance {_canary(facts)} canary iteration {after.iterations}/{step.of}")]
    return [(NORMAL, "Routing all traffic to canary")] if facts.is_routed else []


def failing_check(facts: Facts) -> tuple[Question, Answer] | None:
    """Return the check that failed in this pass, if any."""
    return facts.failing(PRE_ROLLOUT, ROLLOUT, METRIC)


def _failed_check(facts: Facts) -> tuple[str, str]:
    failed = failing_check(facts)
    if failed is None:
        return (WARNING, f"Halt {_canary(facts)} advancement canary has requests and no ready pods")
    question, answer = failed
    if question.about == METRIC:
        return (WARNING, answer.text)
    kind = "pre-rollout check" if question.about == PRE_ROLLOUT else "external check"
    return (WARNING, f"Halt {_canary(facts)} advancement {kind} {question.name} failed {answer.text}")


def _inconclusive(facts: Facts) -> tuple[str, str]:
    unknown = facts.unknown(PRE_ROLLOUT, ROLLOUT, METRIC)
    name, text = (unknown[0].name, unknown[1].text) if unknown else ("", "")
    return (WARNING, f"Halt {_canary(facts)} advancement {name} inconclusive, not counted as failed: {text}".rstrip(": "))


def _of_rollback(facts: Facts, rule: Rule) -> list[tuple[str, str]]:
    failed = (WARNING, f"Canary failed! Scaling down {_canary(facts)}")
    if rule.verdict == "promotion failed":
        why = f"{_primary(facts)} not ready: {facts.snapshot.primary_health.why_not}"
        return [(WARNING, f"Promotion of {_target(facts)} failed, primary not ready: {why}"), failed]
    match rule.number:
        case "P15" | "P6":
            first = f"failed checks threshold reached {facts.state.failed_checks + 1}"
            return [_failed_check(facts), (WARNING, f"Rolling back {_canary(facts)} {first}"), failed]
        case "P4":
            why = f"failed checks threshold reached {facts.state.failed_checks}"
        case "P3" | "M5":
            hook = facts.signalled(ROLLBACK)
            said = [(WARNING, f"Rollback check {hook.name} passed")] if hook else []
            return [*said, (WARNING, f"Rolling back {_canary(facts)} manual webhook invoked"), failed]
        case "P5":
            waits_for = facts.snapshot.target_health.why_not or "waiting for the target"
            why = f"progress deadline exceeded canary not ready: {waits_for}"
        case _:
            why = f"progress deadline exceeded {rule.why(facts)}"
    return [(WARNING, f"Rolling back {_canary(facts)} {why}"), failed]


def _of_shift(facts: Facts, after: State) -> list[tuple[str, str]]:
    if facts.snapshot.canary.spec.analysis.step_weight_promotion <= 0:
        return [(NORMAL, "Routing all traffic to primary")]
    return [(NORMAL, f"Advance {_canary(facts)} primary weight {100 - after.split.weight}")]


def _of_waiting(facts: Facts, after: State) -> list[Note]:
    """The "not ready" lines: one per rollout and phase, and only after an interval of waiting."""
    snapshot, now = facts.snapshot, facts.now
    said = []
    for clock, who, why in (
        (after.clocks.primary, _primary(facts), snapshot.primary_health.why_not),
        (after.clocks.canary, f"canary deployment {_target(facts)}", snapshot.target_health.why_not),
    ):
        if clock is not None and why and now - clock >= snapshot.interval_s:
            said.append(Note(WARNING, f"{who} not ready: {why}", after.phase, "hold", True, f"{after.phase}/not ready"))
    return said[:1]


def _of_provider(facts: Facts) -> list[Note]:
    """The three Warnings of the ``kubernetes`` provider for specs that it cannot follow: with the checks, once per rollout."""
    analysis = facts.snapshot.canary.spec.analysis
    texts = []
    if not facts.is_routed and facts.state.phase in phases.ANALYSIS:
        if analysis.match:
            texts.append("A/B testing is not supported when using the kubernetes provider")
        if analysis.iterations < 1:
            texts.append("Progressive traffic is not supported when using the kubernetes provider")
            texts.append("Setting canaryAnalysis.iterations: 10")
    return [Note(WARNING, text, phases.PROGRESSING, "hold", once=True) for text in texts]
