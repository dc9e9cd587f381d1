"""Each request verb is obeyed or refused once, by the first pass that sees it, in the phases of decisions.md section 7."""

import pytest
from attrs import evolve

from canarykit import phases
from canarykit.model import FAIL, PASS, Split
from canarykit.requests import VERBS, WORKS_IN
from canarykit.state import State
from worlds import (
    BLUE_GREEN,
    DEAD,
    NEXT,
    NOW,
    PROMOTED,
    TWO,
    World,
    finalising,
    in_analysis,
    promoting,
    rev,
    verified,
    with_hooks,
)

GATED = with_hooks(BLUE_GREEN, "confirm-rollout")
PROMOTION_GATE = with_hooks(BLUE_GREEN, "confirm-promotion")
WAITING = World(phase=phases.WAITING, image=NEXT, analysis=GATED)
IN = {
    phases.NEW: World(phase=""),
    phases.INITIALIZING: World(phase=phases.INITIALIZING, target=TWO, paused=None),
    phases.INITIALIZED: World(),
    phases.WAITING: WAITING,
    phases.PROGRESSING: in_analysis(),
    phases.WAITING_PROMOTION: evolve(in_analysis(state={"iterations": 3, "switched": True}), phase=phases.WAITING_PROMOTION),
    phases.PROMOTING: promoting(),
    phases.FINALISING: finalising(),
    phases.SUCCEEDED: World(phase=phases.SUCCEEDED),
    phases.FAILED: World(phase=phases.FAILED, image=NEXT).with_state(attempted=rev(NEXT)),
}
OBEYED = {
    ("abort", phases.WAITING),
    ("abort", phases.PROGRESSING),
    ("abort", phases.WAITING_PROMOTION),
    ("abort", phases.PROMOTING),
    ("pause", phases.WAITING),
    ("pause", phases.PROGRESSING),
    ("pause", phases.WAITING_PROMOTION),
    ("resume", phases.WAITING),
    ("resume", phases.PROGRESSING),
    ("resume", phases.WAITING_PROMOTION),
    ("promote", phases.WAITING_PROMOTION),
    ("retry", phases.FAILED),
    ("undo", phases.INITIALIZED),
    ("undo", phases.SUCCEEDED),
    ("undo", phases.FAILED),
}


def _answers(world: World, verb: str) -> list[tuple[str, str]]:
    """What the Events say of the request, and its action."""
    notes = world.decide(confirm_rollout=FAIL).events
    return [(note.type, note.message) for note in notes if note.message.startswith(f"Request {verb}/7 ")]


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("phase", phases.ALL)
def test_request_is_obeyed_where_it_works_and_refused_elsewhere(verb, phase):
    """With a reason, in status and an Event."""
    world = evolve(IN[phase], request=f"{verb}/7")
    ((kind, message),) = _answers(world, verb)
    if (verb, phase) in OBEYED:
        assert (kind, message) == ("Normal", f"Request {verb}/7 accepted")
    else:
        assert kind == "Warning"
        assert message.startswith(f"Request {verb}/7 refused: ")
        assert len(message) > len(f"Request {verb}/7 refused: ") + 10
    assert world.decide(confirm_rollout=FAIL).state.request == f"{verb}/7"


@pytest.mark.parametrize(("verb", "phase"), sorted(OBEYED))
def test_request_seen_before_does_nothing(verb, phase):
    """It is consumed once: `abort` while idle, then a push, is no abort of that push."""
    world = evolve(IN[phase], request=f"{verb}/7").with_state(request=f"{verb}/7")
    assert _answers(world, verb) == []
    assert world.decide(confirm_rollout=FAIL).rule == IN[phase].decide(confirm_rollout=FAIL).rule


def test_refused_abort_is_not_kept_for_the_next_rollout():
    """Refused while idle; the push that follows goes its way."""
    idle = World(request="abort/7")
    seen = idle.decide().state.request
    pushed = evolve(in_analysis(), request="abort/7").with_state(request=seen)
    assert pushed.decide().rule == "P18"


def test_verbs_work_in_known_phases():
    """The table of verbs speaks of phases that exist, but for Terminating, which comes later."""
    assert set(VERBS) == {"abort", "pause", "promote", "release", "resume", "retry", "undo"}
    assert set().union(*WORKS_IN.values()) - set(phases.ALL) == {"Terminating"}


@pytest.mark.parametrize("value", ["delete/1", "abort", "/1", "Abort/1", "abort now"])
def test_unknown_request_is_refused_with_the_known_ones(value):
    """`abort` without a token is the verb abort; anything else that names no verb lists them."""
    notes = in_analysis(request=value).decide().events
    found = [note.message for note in notes if note.message.startswith("Request ")]
    if value == "abort":
        assert found == ["Request abort accepted"]
    else:
        assert len(found) == 1
        assert f"refused: {value!r} names no request; use <verb>/<token> with one of abort, pause, promote" in found[0]


def test_abort_after_verification_is_refused():
    """A verified promotion stays promoted; undo takes it back."""
    ((kind, message),) = _answers(evolve(verified(), request="abort/7"), "abort")
    assert kind == "Warning"
    assert "undo takes it back" in message


def test_abort_that_something_else_overtook_is_refused_with_that():
    """A revert in the same pass has cancelled the rollout already."""
    ((kind, message),) = _answers(evolve(in_analysis(request="abort/7"), image=PROMOTED), "abort")
    assert (kind, "cancelled" in message, "undo" in message) == ("Warning", True, False)


@pytest.mark.parametrize("world", [verified(), finalising()])
def test_undo_while_promoting_works_only_when_the_primary_is_dead(world):
    """M1, F1."""
    ((kind, _),) = _answers(evolve(world, request="undo/7"), "undo")
    assert kind == "Warning"
    ((kind, _),) = _answers(evolve(world, request="undo/7", primary=DEAD, apex="target"), "undo")
    assert kind == "Normal"


def test_promote_opens_the_gate_for_this_rollout_only():
    """confirm-promotion is not asked again; the due checks still have to pass."""
    analysis = {**PROMOTION_GATE, "metrics": [{"name": "request-success-rate", "thresholdRange": {"min": 99}}]}
    world = evolve(IN[phases.WAITING_PROMOTION], analysis=analysis)
    assert "confirm-promotion" in world.asked()
    asked = evolve(world, request="promote/7")
    assert asked.asked() == ["metric"]
    assert asked.decide(metric=PASS).state.phase == "Promoting"
    assert asked.decide(metric=FAIL).rule == "P15"
    approved = world.with_state(approved="r1")
    assert approved.asked() == ["metric"]
    assert "confirm-promotion" in world.with_state(approved="r0").asked()


def test_promote_before_the_check_is_due_is_remembered():
    """The approval waits for the interval, and is not lost."""
    world = evolve(IN[phases.WAITING_PROMOTION], analysis=PROMOTION_GATE, request="promote/7").with_state(last_check_at=NOW - 1)
    decision = world.decide()
    assert (decision.rule, decision.state.approved) == ("P13", "r1")


def test_pause_asks_nothing_but_the_rollback_hooks():
    """P6b: no step, no promotion; the rules above go on."""
    analysis = with_hooks(BLUE_GREEN, "rollback", "rollout", "confirm-promotion", metrics=("request-success-rate",))
    for world in (in_analysis(analysis=analysis, request="pause/7"), in_analysis(analysis=analysis, state={"paused": True})):
        assert world.asked() == ["rollback"]
        assert world.decide().state.paused


def test_resume_restarts_the_interval_without_asking_anything():
    """last := now: what would be asked in that pass is not looked at, so it is not asked."""
    analysis = with_hooks(BLUE_GREEN, "rollout", metrics=("request-success-rate",))
    world = in_analysis(analysis=analysis, request="resume/7", state={"paused": True, "last_check_at": NOW - 500})
    assert world.asked() == []
    state = world.decide().state
    assert (state.paused, state.last_check_at) == (False, NOW)


def test_pause_holds_waiting_and_resume_lets_it_go():
    """H3: the gate is not asked while paused."""
    assert evolve(WAITING, request="pause/7").asked() == []
    paused = WAITING.with_state(paused=True)
    assert (paused.asked(), paused.decide().rule) == ([], "H3")
    resumed = evolve(paused, request="resume/7")
    assert (resumed.asked(), resumed.decide().rule) == (["confirm-rollout"], "H2")


@pytest.mark.parametrize(
    ("world", "paused"),
    [
        (in_analysis(request="abort/7", state={"paused": True}), False),
        (evolve(in_analysis(state={"paused": True}), image=PROMOTED), False),
        (evolve(in_analysis(state={"paused": True}), image="podinfo:3.0"), True),
    ],
    ids=["failed", "cancelled", "restarted"],
)
def test_pause_ends_with_the_rollout(world, paused):
    """Cleared by a phase change out of Waiting, Progressing, WaitingPromotion."""
    assert world.decide().state.paused == paused


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        ({"suspend": True}, "suspended"),
        ({"analysis": {"interval": "soon", "threshold": 1, "iterations": 1}}, "spec.analysis.interval"),
    ],
)
def test_request_to_a_held_canary_is_refused_with_what_holds_it(spec, text):
    """Not with a reason of the phase."""
    ((kind, message),) = _answers(in_analysis(spec=spec, request="abort/7"), "abort")
    assert (kind, text in message) == ("Warning", True)


def test_retry_goes_through_the_gate():
    """A new rollout of the same revision, with an id of its own."""
    world = evolve(IN[phases.FAILED], request="retry/7")
    state = world.decide().state
    assert (state.phase, state.attempted, state.id) == ("Progressing", rev(NEXT), "r2")
    gated = evolve(world, analysis=GATED)
    assert gated.asked() == ["confirm-rollout"]
    assert gated.decide(confirm_rollout=FAIL).state.phase == "Waiting"


def test_undo_sets_split_and_checks_aside():
    """No analysis: nothing is asked on the way."""
    world = evolve(IN[phases.FAILED], request="undo/7", analysis=GATED)
    assert world.asked() == []
    after: State = world.decide().state
    assert (after.split, after.failed_checks, after.iterations) == (Split(), 0, 0)
