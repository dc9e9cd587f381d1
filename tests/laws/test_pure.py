"""The corridor changes none of its inputs, says the same twice, and has nothing to write when nothing is new (I5)."""

from copy import deepcopy

import pytest
from attrs import evolve

from canarykit import phases
from canarykit.decide import decide
from canarykit.dicts import at
from canarykit.facts import question_id
from canarykit.model import PASS, Answer, Ref, Split
from canarykit.observe import more_references, observe, references
from canarykit.plan import plan
from canarykit.questions import questions
from canarykit.state import read_state, write_state
from canarykit.status import merge_difference, status_patch
from worlds import (
    BLUE_GREEN,
    DEAD,
    HORIZONTAL,
    KEY,
    NEWEST,
    NEXT,
    NOW,
    PROMOTED,
    TWO,
    World,
    finalising,
    in_analysis,
    promoting,
    routed,
    verified,
    with_hooks,
)

WORLDS = {
    "new": World(phase="", target=TWO, primary=None, apex=None, primary_scaler=False, paused=None),
    "adopt": World(phase=""),
    "bootstrap": World(phase=phases.INITIALIZING, target=TWO, paused=None),
    "rest": World(),
    "pushed": World(image=NEXT),
    "waiting": World(phase=phases.WAITING, image=NEXT, analysis=with_hooks(BLUE_GREEN, "confirm-rollout")),
    "analysis": in_analysis(analysis=with_hooks(BLUE_GREEN, "rollout", "rollback", metrics=("request-success-rate",))),
    "routed": routed(),
    "rising": routed(state={"split": Split(60)}),
    "not ready": evolve(in_analysis(), target=DEAD),
    "override": evolve(routed(), primary=DEAD),
    "restart": evolve(in_analysis(), image=NEWEST),
    "revert": evolve(in_analysis(), image=PROMOTED),
    "hpa": in_analysis(scaler=HORIZONTAL),
    "no scaler": in_analysis(scaler=None),
    "promoting": promoting(),
    "verified": verified(),
    "finalising": finalising(),
    "failed": World(phase=phases.FAILED, image=NEXT, target=TWO, paused=None),
    "suspended": in_analysis(spec={"suspend": True}),
    "not accepted": in_analysis(spec={"provider": "nginx"}),
    "target missing": World(target=None),
    "requested": in_analysis(request="pause/1"),
}
EACH = pytest.mark.parametrize("world", WORLDS.values(), ids=WORLDS)


@EACH
def test_inputs_are_never_changed(world):
    """observe, questions, decide, plan and status_patch read; they do not write."""
    objects = world.objects()
    before = deepcopy(objects)
    snapshot = observe(objects, KEY, world.settings, NOW)
    answers = {question_id(each): Answer(PASS) for each in questions(snapshot, NOW)}
    given = dict(answers)
    decision = decide(snapshot, answers, NOW, "r2")
    status_patch(snapshot, decision.state, NOW)
    plan(snapshot.with_state(decision.state), NOW)
    references(objects[Ref("flagger.app", "Canary", *KEY)], world.settings)
    more_references(objects, KEY)
    assert objects == before
    assert answers == given


@EACH
def test_what_is_handed_out_may_be_changed(world):
    """Actions and patches share nothing that a caller could damage for the next pass."""
    objects = world.objects()
    first = plan(observe(objects, KEY, world.settings, NOW), NOW)
    for action in first:
        if isinstance(action.body, dict):
            action.body.setdefault("metadata", {})["spoilt"] = "yes"
    second = plan(observe(objects, KEY, world.settings, NOW), NOW)
    spoilt = [action.ref for action in second if "spoilt" in at(action.body, "metadata", default={})]
    assert spoilt == []


@EACH
def test_same_answer_twice(world):
    """No clock, no dice, no memory."""
    assert world.decide() == world.decide()
    assert world.plan() == world.plan()


def _pass(world: World, objects: dict, now: float) -> tuple[dict | None, dict]:
    snapshot = observe(objects, KEY, world.settings, now)
    answers = {question_id(each): Answer(PASS if each.about != "rollback" else "fail") for each in questions(snapshot, now)}
    patch = status_patch(snapshot, decide(snapshot, answers, now, f"id-{now}").state, now)
    if patch is None:
        return None, objects
    ref = Ref("flagger.app", "Canary", *KEY)
    status = _merged(objects[ref].get("status", {}), patch["status"])
    return patch, {**objects, ref: {**objects[ref], "status": status}}


def _merged(old: dict, patch: dict) -> dict:
    result = dict(old)
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = _merged(result.get(key) or {}, value) if isinstance(value, dict) else value
    return result


@EACH
def test_pass_with_nothing_new_writes_nothing(world):
    """I5: in a world that stands still, the passes come to rest, and then there is no patch at all."""
    objects, patch = world.objects(), {}
    now, writes = NOW, 0
    while patch is not None:
        patch, objects = _pass(world, objects, now)
        now += 0.25
        writes += patch is not None
        assert writes <= 8, patch
    assert _pass(world, objects, now + 1)[0] is None


def test_status_patch_says_only_what_is_new():
    """A merge patch, fenced by the version that was observed."""
    world = World(image=NEXT)
    snapshot = world.snapshot()
    first = status_patch(snapshot, world.decide().state, NOW)
    assert first is not None
    assert first["metadata"] == {"resourceVersion": "77"}
    assert (first["status"]["phase"], "iterations" in first["status"]) == ("Progressing", False)


def test_status_patch_keeps_foreign_conditions_and_drops_members_with_null():
    """Nobody else's words are lost."""
    world = in_analysis(state={"waiting": "old news", "last_check_at": NOW - 100})
    objects = world.objects()
    canary = objects[Ref("flagger.app", "Canary", *KEY)]
    foreign = {"type": "Synced", "status": "True", "reason": "GitOps"}
    canary["status"]["conditions"] = [foreign]
    patch, after = _pass(world, objects, NOW)
    assert patch is not None
    assert patch["status"]["rollout"]["waiting"] is None
    kinds = [each["type"] for each in after[Ref.of(canary)]["status"]["conditions"]]
    assert kinds == ["Promoted", "Accepted", "Synced"]


@pytest.mark.parametrize("world", WORLDS.values(), ids=WORLDS)
def test_state_survives_the_status(world):
    """What is written is what is read, to the millisecond."""
    state = evolve(world.decide().state, checks=({"name": "m", "verdict": "pass"},))
    if not state.phase:
        return
    fields = {
        "phase": state.phase, "iterations": state.iterations, "failedChecks": state.failed_checks,
        "trackedConfigs": state.tracked_configs, "rollout": write_state(state),
    }  # fmt: skip
    assert read_state({"status": fields}, NOW + 1) == state


def test_times_from_the_future_count_as_now():
    """A clock that was wrong once holds nothing up."""
    state = write_state(evolve(in_analysis().as_state(), last_check_at=NOW + 500, phase_since=NOW + 500))
    read = read_state({"status": {"phase": "Progressing", "rollout": state}}, NOW)
    assert (read.last_check_at, read.phase_since) == (NOW, NOW)


def test_merge_difference_is_the_smallest_patch():
    """Equal members are left out, dropped ones are nulled, lists are replaced."""
    observed = {"a": 1, "b": {"c": 2, "d": 3}, "e": [1], "f": 5}
    wanted = {"a": 1, "b": {"c": 4}, "e": [1, 2]}
    assert merge_difference(observed, wanted) == {"b": {"c": 4, "d": None}, "e": [1, 2]}
    assert merge_difference(observed, {"a": 1, "b": {"c": 2, "d": 3}, "e": [1]}) == {}


def test_status_of_a_newer_version_is_held_and_never_overwritten():
    """Only the condition says so; nothing is planned, and a second pass writes nothing."""
    world = in_analysis()
    objects = world.objects()
    ref = Ref("flagger.app", "Canary", *KEY)
    objects[ref]["status"]["rollout"] |= {"format": 2, "novelty": {"a": 1}}
    before = deepcopy(objects[ref]["status"]["rollout"])
    patch, after = _pass(world, objects, NOW)
    assert patch is not None
    assert set(patch["status"]) == {"conditions", "lastTransitionTime"}
    accepted = next(each for each in patch["status"]["conditions"] if each["type"] == "Accepted")
    assert (accepted["status"], "status.rollout.format" in accepted["message"]) == ("False", True)
    assert after[ref]["status"]["rollout"] == before
    assert _pass(world, after, NOW + 1)[0] is None
    assert plan(observe(after, KEY, world.settings, NOW), NOW) == ()
