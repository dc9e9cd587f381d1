"""Every rule fires in its own world, and not in the nearest one where it should not (decisions.md section 3)."""

from typing import Any

import pytest
from attrs import evolve

from canarykit import phases
from canarykit.decide import decide
from canarykit.facts import question_id
from canarykit.model import FAIL, NO_DATA, PASS, UNAVAILABLE, Answer, Split
from canarykit.questions import questions
from canarykit.rules import TABLE
from canarykit.state import Clocks
from worlds import (
    BLUE_GREEN,
    DEAD,
    DOWN,
    HORIZONTAL,
    NEWEST,
    NEXT,
    NOW,
    OLD,
    ONE,
    PROGRESSIVE,
    PROMOTED,
    ROUTED,
    TWO,
    Pods,
    World,
    finalising,
    in_analysis,
    late,
    promoting,
    rev,
    routed,
    verified,
    with_hooks,
)

GROWING = Pods(4, 2)  # two pods more than before, which are not ready yet
INIT = World(phase=phases.INITIALIZING, target=TWO, paused=None)
START = {"last_check_at": None, "pre_rollout_passed": False, "iterations": 0}
GATED = with_hooks(BLUE_GREEN, "confirm-rollout")
CHECKED = with_hooks(BLUE_GREEN, "rollout", metrics=("request-success-rate",))
TRAFFIC_GATE = with_hooks(PROGRESSIVE, "confirm-traffic-increase")
PROMOTION_GATE = with_hooks(BLUE_GREEN, "confirm-promotion")
RISE = {"split": Split(60)}  # wanted 60, written 20
FALL = {"split": Split(0)}  # wanted 0, written 20
AFTER_LAST = {"iterations": 3, "switched": True}
WAITING = World(phase=phases.WAITING, image=NEXT, analysis=GATED)
BAD_SPEC = {"analysis": {"interval": "soon", "threshold": 1, "iterations": 1}}
WEIGHT_60 = {"split": Split(60), "promoted": rev(NEXT), "previous": rev(PROMOTED)}
SHIFTING = verified(provider=ROUTED, analysis=PROGRESSIVE, weight=60, state=WEIGHT_60)
IN_STEPS = evolve(SHIFTING, analysis={**PROGRESSIVE, "stepWeightPromotion": 30})


Case = tuple[str, str, World, dict[str, Any]]
# rule, when, the world, answers by kind of question (what is not named passes; rollback hooks fail)
CASES: list[Case] = [
    ("A1", "being deleted", World(deleted=True), {}),
    ("A1", "deleted and suspended", World(deleted=True, spec={"suspend": True}), {}),
    ("A2", "suspended in an analysis", in_analysis(spec={"suspend": True}), {}),
    ("A2", "suspended with a bad spec", World(spec={"suspend": True, **BAD_SPEC}), {}),
    ("A4", "bad spec", World(spec=BAD_SPEC), {}),
    ("A4", "bad spec in an analysis", in_analysis(spec=BAD_SPEC), {}),
    ("A3", "target missing, idle", World(target=None), {}),
    ("A3", "target missing, new", World(phase="", target=None, primary=None, apex=None, primary_scaler=False), {}),
    ("A3", "target missing, Waiting", evolve(WAITING, target=None), {}),
    ("A3", "target missing, Initializing", evolve(INIT, target=None), {}),
    ("N0", "status lost, a primary serves", World(phase=""), {}),
    ("N1", "first seen", World(phase="", target=TWO, primary=None, apex=None, primary_scaler=False, paused=None), {}),
    ("N1", "a primary that does not serve", World(phase="", target=TWO, apex="target", paused=None), {}),
    ("B1", "pushed before the hand-over", evolve(INIT, image=NEXT, apex="target"), {}),
    ("B1", "no apex yet", evolve(INIT, image=NEXT, apex=None), {}),
    ("B2", "all is there", INIT, {}),
    ("B2", "pushed after the hand-over", evolve(INIT, image=NEXT), {}),
    ("B2", "without a scaler", evolve(INIT, scaler=None), {}),
    ("B3", "primary late", evolve(INIT, primary=DEAD, apex="target").with_state(clocks=late("primary")), {}),
    ("B4", "primary not ready", evolve(INIT, primary=Pods(2, 1), apex="target"), {}),
    ("B4", "primary absent", evolve(INIT, primary=None, apex="target", primary_scaler=False), {}),
    ("B5", "scaler not made", evolve(INIT, primary_scaler=False), {}),
    ("B5", "apex is the user's", evolve(INIT, apex="target"), {}),
    ("B5", "route not programmed", evolve(INIT, provider=ROUTED, analysis=PROGRESSIVE, programmed=False), {}),
    ("R1", "undo", World(request="undo/1"), {}),
    ("R1", "undo after a failure", World(phase=phases.FAILED, image=NEXT, request="undo/1").with_state(attempted=rev(NEXT)), {}),
    ("R2", "new revision", World(image=NEXT), {}),
    ("R2", "new revision, gate open", World(image=NEXT, analysis=GATED), {}),
    ("R2", "retry", World(phase=phases.FAILED, image=NEXT, request="retry/1").with_state(attempted=rev(NEXT)), {}),
    ("R3", "gate closed", World(image=NEXT, analysis=GATED), {"confirm_rollout": FAIL}),
    ("R3", "gate unknown", World(image=NEXT, analysis=GATED), {"confirm_rollout": UNAVAILABLE}),
    ("R3", "gate not asked", World(image=NEXT, analysis=GATED), {"confirm_rollout": None}),
    ("R4", "back at the promoted revision", World(phase=phases.FAILED).with_state(attempted=rev(NEXT)), {}),
    ("R5", "primary dead", World(primary=DEAD, target=ONE), {}),
    ("R5", "primary gone", World(primary=None, target=ONE), {}),
    ("R6", "at rest", World(), {}),
    ("R6", "failed, the same revision", World(phase=phases.FAILED, image=NEXT).with_state(attempted=rev(NEXT)), {}),
    ("R6", "retry of a promoted revision", World(request="retry/1"), {}),
    ("R6", "undo, nothing kept", World(request="undo/1").with_state(previous=""), {}),
    ("R6", "undo, its template is gone", World(request="undo/1", kept=(PROMOTED,)), {}),
    ("R6", "both sides dead", World(primary=DEAD, target=DEAD), {}),
    ("H1", "abort", evolve(WAITING, request="abort/1"), {}),
    ("H1", "reverted", evolve(WAITING, image=PROMOTED), {}),
    ("H1", "back at what failed", WAITING.with_state(attempted=rev(NEXT)), {}),
    ("H2", "gate opened", WAITING, {}),
    ("H2", "retry, gate opened", WAITING.with_state(attempted=rev(NEXT), retry=True), {}),
    ("H3", "gate closed", WAITING, {"confirm_rollout": FAIL}),
    ("H3", "gate unknown", WAITING, {"confirm_rollout": UNAVAILABLE}),
    ("H3", "paused, though the gate is open", WAITING.with_state(paused=True), {}),
    ("P1", "reverted", evolve(in_analysis(), image=PROMOTED), {}),
    ("P2", "pushed again", evolve(in_analysis(), image=NEWEST), {}),
    ("P3", "abort", in_analysis(request="abort/1"), {}),
    ("P3", "abort although nothing is ready", evolve(in_analysis(request="abort/1"), target=DEAD), {}),
    ("P3", "rollback hook", in_analysis(analysis=with_hooks(BLUE_GREEN, "rollback")), {"rollback": PASS}),
    ("P4", "threshold edited", in_analysis(state={"failed_checks": 2}), {}),
    ("P5", "never ready", evolve(in_analysis(state={"clocks": late("canary")}), target=DEAD), {}),
    ("P5", "never grows", evolve(routed(state={**RISE, "clocks": late("room")}), target=GROWING), {}),
    ("P5", "target gone for too long", evolve(in_analysis(state={"clocks": late("canary")}), target=None), {}),
    ("P6", "not ready yet", evolve(in_analysis(state={"clocks": Clocks(canary=NOW - 59)}), target=DEAD), {}),
    ("P6", "old pods left", evolve(in_analysis(), target=Pods(2, 2, old=1)), {}),
    ("P6", "no pods wanted", evolve(in_analysis(), target=DOWN), {}),
    ("P6", "status of an older spec", evolve(in_analysis(), target=Pods(2, 2, observed=False)), {}),
    ("P6", "late for the weight, but it is not what grows", evolve(in_analysis(state={"clocks": late("room")}), target=DEAD), {}),
    ("P6b", "paused", in_analysis(state={"paused": True}), {}),
    ("P6b", "pause asked for now", in_analysis(request="pause/1"), {}),
    ("P7", "skipAnalysis", in_analysis(spec={"skipAnalysis": True}), {}),
    ("P8", "primary dead", evolve(in_analysis(), primary=DEAD, apex="target"), {}),
    ("P9", "not enough pods for the rise", evolve(routed(state={**RISE, "clocks": late("room")}), target=ONE), {}),
    ("P10", "route never programmed", evolve(routed(state={"split": Split(20), "clocks": late("route")}), programmed=False), {}),
    ("P11", "route not programmed", evolve(routed(), programmed=False), {}),
    ("P11", "not enough pods yet", evolve(routed(state=RISE), target=ONE), {}),
    ("P11", "somebody moved the weight", evolve(routed(), weight=35), {}),
    ("P11", "somebody took the apex", evolve(in_analysis(), apex="other"), {}),
    ("P12", "in effect for the first time", routed(state={"split": Split(20), "unsettled": True}), {}),
    ("P13", "too early", in_analysis(state={"last_check_at": NOW - 9}), {}),
    ("P13", "resumed: the interval starts again", in_analysis(request="resume/1", state={"paused": True}), {}),
    ("P14", "metric unavailable", in_analysis(analysis=CHECKED), {"metric": UNAVAILABLE}),
    ("P14", "hook timed out", in_analysis(analysis=CHECKED), {"rollout": UNAVAILABLE}),
    ("P14", "check not answered", in_analysis(analysis=CHECKED), {"metric": None}),
    ("P14", "unavailable at the threshold", in_analysis(analysis=CHECKED, state={"failed_checks": 1}), {"metric": UNAVAILABLE}),
    ("P15", "metric fails", in_analysis(analysis=CHECKED), {"metric": FAIL}),
    ("P15", "metric without values", in_analysis(analysis=CHECKED), {"metric": NO_DATA}),
    ("P15", "rollout hook fails", in_analysis(analysis=CHECKED), {"rollout": FAIL}),
    ("P15", "pre-rollout fails", in_analysis(analysis=with_hooks(BLUE_GREEN, "pre-rollout"), state=START), {"pre_rollout": FAIL}),
    ("P16", "closed", routed(analysis=TRAFFIC_GATE), {"confirm_traffic_increase": FAIL}),
    ("P16", "unknown", routed(analysis=TRAFFIC_GATE), {"confirm_traffic_increase": UNAVAILABLE}),
    (
        "P16",
        "closed at the promotion point",
        evolve(routed(analysis=TRAFFIC_GATE, state={"split": Split(60)}), weight=60),
        {"confirm_traffic_increase": FAIL},
    ),
    ("P17", "closed at the switch", in_analysis(analysis=PROMOTION_GATE, state={"iterations": 2}), {"confirm_promotion": FAIL}),
    ("P17", "closed at the promotion point", in_analysis(analysis=PROMOTION_GATE, state=AFTER_LAST), {"confirm_promotion": FAIL}),
    ("P17", "unknown", in_analysis(analysis=PROMOTION_GATE, state=AFTER_LAST), {"confirm_promotion": UNAVAILABLE}),
    (
        "P17",
        "approved in another rollout",
        in_analysis(analysis=PROMOTION_GATE, state={**AFTER_LAST, "approved": "r0"}),
        {"confirm_promotion": FAIL},
    ),
    ("P18", "first step", routed(weight=0, state={**START, "split": Split(0)}), {}),
    ("P18", "next step", routed(), {}),
    ("P18", "iteration", in_analysis(state={"iterations": 1}), {}),
    ("P18", "the switch", in_analysis(state={"iterations": 2}), {}),
    ("P18", "the primary was given up", evolve(in_analysis(state={"clocks": late("primary")}), primary=DEAD, apex="target"), {}),
    ("P19", "last iteration passed", in_analysis(state=AFTER_LAST), {}),
    ("P19", "last weight passed", evolve(routed(state={"split": Split(60)}), weight=60), {}),
    (
        "P19",
        "approved by request",
        evolve(in_analysis(analysis=PROMOTION_GATE, request="promote/1", state=AFTER_LAST), phase=phases.WAITING_PROMOTION),
        {},
    ),
    ("M1", "undo of a dead promotion", evolve(verified(request="undo/1"), primary=DEAD, apex="target"), {}),
    ("M2", "the primary runs it", promoting(primary_image=NEXT), {}),
    ("M3", "reverted before it was verified", evolve(promoting(), image=PROMOTED), {}),
    ("M4", "pushed again", evolve(promoting(), image=NEWEST), {}),
    ("M4", "pushed again after it was verified", evolve(verified(), image=NEWEST), {}),
    ("M5", "abort", promoting(request="abort/1"), {}),
    ("M5", "rollback hook", promoting(analysis=with_hooks(BLUE_GREEN, "rollback")), {"rollback": PASS}),
    ("M6", "primary late", promoting(state={"clocks": late("primary")}), {}),
    ("M7", "template not copied yet", promoting(), {}),
    ("M7", "copied, not rolled", evolve(promoting(primary_image=NEXT), primary=Pods(2, 1)), {}),
    ("M8", "verified, then dead", evolve(verified(), primary=DEAD, apex="target"), {}),
    ("M9", "whole", SHIFTING, {}),
    ("M9", "in steps", IN_STEPS, {}),
    ("M10", "requests are home", verified(), {}),
    ("M10", "weight back at 0", evolve(SHIFTING, weight=0).with_state(split=Split(0)), {}),
    ("M11", "step not over", IN_STEPS.with_state(last_check_at=NOW - 1), {}),
    ("M11", "step not in effect", evolve(IN_STEPS, programmed=False), {}),
    ("M11", "route not programmed", evolve(SHIFTING, weight=0, programmed=False).with_state(split=Split(0)), {}),
    ("M11", "abort comes too late", evolve(SHIFTING, weight=30, request="abort/1").with_state(split=Split(0)), {}),
    ("F1", "undo of a dead promotion", evolve(finalising(request="undo/1"), primary=DEAD, apex="target"), {}),
    ("F2", "pushed while the primary is dead", evolve(finalising(), image=NEWEST, primary=DEAD, apex="target"), {}),
    ("F3", "dead", evolve(finalising(), primary=DEAD, apex="target"), {}),
    ("F4", "target down", finalising(target=DOWN, paused="0"), {}),
    ("F4", "target gone", finalising(target=None), {}),
    ("F4", "HPA: no pause", finalising(target=DOWN, scaler=HORIZONTAL), {}),
    ("F4", "no scaler", finalising(target=DOWN, scaler=None), {}),
    ("F5", "draining", finalising(), {}),
    ("F5", "down, but not paused", finalising(target=DOWN, paused=None), {}),
    ("F5", "paused, a pod left", finalising(target=Pods(0, 0, old=1), paused="0"), {}),
    ("F5", "pushed again: waits for Succeeded", evolve(finalising(), image=NEWEST), {}),
    ("F5", "undo of a healthy promotion", finalising(request="undo/1"), {}),
    (
        "F5",
        "split not observed",
        finalising(target=DOWN, paused="0", provider=ROUTED, analysis=PROGRESSIVE, programmed=False),
        {},
    ),
]


@pytest.mark.parametrize(("rule", "when", "world", "answers"), CASES, ids=[f"{case[0]} {case[1]}" for case in CASES])
def test_rule_fires_in_its_world(rule, when, world, answers):
    """First match wins: so each case also says which of the rules above do not fire."""
    decision = world.decide(**answers)
    assert decision.rule == rule, decision.reason
    assert decision.reason


def test_every_rule_occurs_in_the_cases():
    """Each row can be reached: none is shadowed by a row above."""
    assert {rule.number for rules in TABLE.values() for rule in rules} == {rule for rule, *_ in CASES}


# One condition less and the rule does not fire: (rule, what is missing, the world, the rule that fires instead).
NEAR: list[tuple[str, str, World, str]] = [
    ("A2", "not suspended", World(spec={"suspend": False}), "R6"),
    ("A3", "target missing in Progressing is judged by its clock", evolve(in_analysis(), target=None), "P6"),
    ("N0", "the apex is the user's", World(phase="", apex="target"), "N1"),
    ("B1", "the apex is ours already", evolve(INIT, image=NEXT), "B2"),
    ("B2", "the apex is the user's", evolve(INIT, apex="target"), "B5"),
    (
        "B3",
        "the clock is not late",
        evolve(INIT, primary=DEAD, apex="target").with_state(clocks=late("primary", seconds=60)),
        "B4",
    ),
    ("R2", "attempted before", World(phase=phases.FAILED, image=NEXT).with_state(attempted=rev(NEXT)), "R6"),
    ("R4", "attempted is what is promoted", World(), "R6"),
    ("R5", "the target is dead, too", World(primary=DEAD, target=DOWN), "R6"),
    ("P3", "the hook does not signal", in_analysis(analysis=with_hooks(BLUE_GREEN, "rollback")), "P18"),
    ("P4", "one failed check is allowed", in_analysis(state={"failed_checks": 1}), "P18"),
    (
        "P5",
        "exactly the deadline is not past",
        evolve(in_analysis(state={"clocks": late("canary", seconds=60)}), target=DEAD),
        "P6",
    ),
    ("P8", "the primary is late", evolve(in_analysis(state={"clocks": late("primary")}), primary=DEAD, apex="target"), "P18"),
    ("P9", "the plan can move the split now", routed(state={**RISE, "clocks": late("room")}), "P11"),
    ("P9", "not late", evolve(routed(state={**RISE, "clocks": late("room", seconds=60)}), target=ONE), "P11"),
    ("P10", "not late", evolve(routed(state={"split": Split(20), "clocks": late("route", seconds=60)}), programmed=False), "P11"),
    (
        "P10",
        "the plan writes another weight now",
        evolve(routed(state={**RISE, "clocks": late("route")}), programmed=False),
        "P11",
    ),
    ("P13", "exactly an interval has passed", in_analysis(state={"last_check_at": NOW - 10}), "P18"),
    ("P17", "approved", in_analysis(analysis=PROMOTION_GATE, state={**AFTER_LAST, "approved": "r1"}), "P19"),
    ("P17", "not at the point yet", in_analysis(analysis=PROMOTION_GATE, state={"iterations": 1}), "P18"),
    ("M1", "the primary is healthy", verified(request="undo/1"), "M10"),
    ("M3", "verified: the promotion stays", evolve(verified(), image=PROMOTED), "M4"),
    ("M5", "verified", verified(request="abort/1"), "M10"),
    ("B2", "with a route, the apex is the user's", evolve(INIT, provider=ROUTED, analysis=PROGRESSIVE, apex="target"), "B5"),
    ("M10", "with a route, the apex is not ours", verified(provider=ROUTED, analysis=PROGRESSIVE, apex="other"), "M11"),
    ("M6", "verified: a late clock is an old one", verified(state={"clocks": late("primary")}), "M10"),
    ("M6", "not late", promoting(state={"clocks": late("primary", seconds=60)}), "M7"),
    ("M8", "the target is dead, too", evolve(verified(), primary=DEAD, target=DEAD), "M10"),
    ("F2", "the primary serves", evolve(finalising(), image=NEWEST), "F5"),
]


@pytest.mark.parametrize(("rule", "missing", "world", "instead"), NEAR, ids=[f"{case[0]} {case[1]}" for case in NEAR])
def test_rule_does_not_fire_without_its_condition(rule, missing, world, instead):
    """The nearest world in which the rule has nothing to say."""
    closed = {"confirm_promotion": FAIL} if rule == "P17" and instead != "P18" else {}
    assert world.decide(**closed).rule == instead != rule


ABOVE = [
    ("a revert comes before an abort", evolve(in_analysis(request="abort/1"), image=PROMOTED), "P1"),
    ("a newer revision comes before an abort", evolve(in_analysis(request="abort/1"), image=NEWEST), "P2"),
    ("an abort comes before readiness", evolve(in_analysis(request="abort/1"), target=DEAD), "P3"),
    ("readiness comes before skipAnalysis", evolve(in_analysis(spec={"skipAnalysis": True}), target=DEAD), "P6"),
    ("a pause comes before skipAnalysis", in_analysis(spec={"skipAnalysis": True}, state={"paused": True}), "P6b"),
    (
        "a pause does not hold back a deadline",
        evolve(in_analysis(state={"paused": True, "clocks": late("canary")}), target=DEAD),
        "P5",
    ),
    ("verification comes before the deadline", promoting(primary_image=NEXT, state={"clocks": late("primary")}), "M2"),
    ("verification comes before a revert", evolve(promoting(primary_image=NEXT), image=PROMOTED), "M2"),
    ("suspend comes before errors", World(spec={"suspend": True, **BAD_SPEC}), "A2"),
    ("errors come before a missing target", World(target=None, spec=BAD_SPEC), "A4"),
]


@pytest.mark.parametrize(("why", "world", "rule"), ABOVE, ids=[each[0] for each in ABOVE])
def test_abort_conditions_come_first_readiness_second_progress_last(why, world, rule):
    """The order of the rows where two of them match."""
    assert world.decide().rule == rule


def test_failed_metric_comes_before_closed_gate():
    """A gate does not hide a failed check."""
    world = routed(analysis={**TRAFFIC_GATE, "metrics": [{"name": "request-success-rate", "thresholdRange": {"min": 99}}]})
    assert world.decide(metric=FAIL, confirm_traffic_increase=FAIL).rule == "P15"


def test_answer_for_another_step_is_no_answer():
    """An answer counts for one rollout, revision and step; elsewhere the check is unknown."""
    world, other = in_analysis(analysis=CHECKED), in_analysis(analysis=CHECKED, state={"iterations": 1})
    assert decide(world.snapshot(), _all_pass(world), NOW, "r2").rule == "P18"
    assert decide(world.snapshot(), _all_pass(other), NOW, "r2").rule == "P14"


def _all_pass(world: World) -> dict[tuple[str, str, str], Answer]:
    return {question_id(question): Answer(PASS) for question in questions(world.snapshot(), NOW)}


def test_undo_is_kept_for_the_previous_revision_only():
    """What `undo` promotes is the revision before, whose template is kept."""
    assert World(request="undo/1").decide().state.pin == rev(OLD)
