"""What is asked, when, and in which order (decisions.md section 2, Questions)."""

import pytest
from attrs import evolve

from canarykit import phases
from canarykit.facts import question_id
from canarykit.model import FAIL, NO_DATA, PASS, UNAVAILABLE, Split
from canarykit.questions import questions
from worlds import (
    BLUE_GREEN,
    DEAD,
    NEWEST,
    NEXT,
    NOW,
    PROGRESSIVE,
    PROMOTED,
    TWO,
    World,
    finalising,
    in_analysis,
    late,
    promoting,
    routed,
    verified,
    with_hooks,
)

KINDS = (
    "post-rollout",
    "event",
    "confirm-promotion",
    "confirm-traffic-increase",
    "rollout",
    "pre-rollout",
    "confirm-rollout",
    "rollback",
)
METRICS = ("request-success-rate", "request-duration")
ALL = with_hooks(BLUE_GREEN, *KINDS, metrics=METRICS)
PROGRESSIVE_ALL = with_hooks(PROGRESSIVE, *KINDS, metrics=METRICS)
CHECKS = ["rollback", "rollout", "metric", "metric"]
FIRST = {"pre_rollout_passed": False, "last_check_at": None}
LAST = {"iterations": 3, "switched": True}

CASES = [
    ("new: the probe", World(phase="", analysis=ALL), ["providers"]),
    ("new, skipAnalysis", World(phase="", analysis=ALL, spec={"skipAnalysis": True}), []),
    ("bootstrap", World(phase=phases.INITIALIZING, analysis=ALL), []),
    ("at rest", World(analysis=ALL), []),
    ("new revision", World(analysis=ALL, image=NEXT), ["confirm-rollout"]),
    ("retry", World(analysis=ALL, image=NEXT, request="retry/1").with_state(attempted="x"), ["confirm-rollout"]),
    ("waiting", World(phase=phases.WAITING, analysis=ALL, image=NEXT), ["confirm-rollout"]),
    ("waiting, reverted", World(phase=phases.WAITING, analysis=ALL), []),
    ("first check", in_analysis(analysis=ALL, state=FIRST), ["rollback", "pre-rollout"]),
    ("iteration", in_analysis(analysis=ALL), CHECKS),
    ("the switch", in_analysis(analysis=ALL, state={"iterations": 2}), [*CHECKS, "confirm-promotion"]),
    ("promotion point", in_analysis(analysis=ALL, state=LAST), [*CHECKS, "confirm-promotion"]),
    ("approved", in_analysis(analysis=ALL, state={**LAST, "approved": "r1"}), CHECKS),
    (
        "waiting for promotion",
        evolve(in_analysis(analysis=ALL, state=LAST), phase=phases.WAITING_PROMOTION),
        [*CHECKS, "confirm-promotion"],
    ),
    ("weight", routed(analysis=PROGRESSIVE_ALL), [*CHECKS, "confirm-traffic-increase"]),
    (
        "first weight",
        evolve(routed(analysis=PROGRESSIVE_ALL), weight=0, state={**FIRST, "split": Split(0)}),
        ["rollback", "pre-rollout", "confirm-traffic-increase"],
    ),
    (
        "last weight",
        evolve(routed(analysis=PROGRESSIVE_ALL, state={"split": Split(60)}), weight=60),
        [*CHECKS, "confirm-traffic-increase", "confirm-promotion"],
    ),
    (
        "last weight, waiting for promotion",
        evolve(routed(analysis=PROGRESSIVE_ALL, state={"split": Split(60)}), weight=60, phase=phases.WAITING_PROMOTION),
        [*CHECKS, "confirm-promotion"],
    ),
    ("reverted", evolve(in_analysis(analysis=ALL), image=PROMOTED), []),
    ("newer revision", evolve(in_analysis(analysis=ALL), image=NEWEST), []),
    ("not rolled", evolve(in_analysis(analysis=ALL), target=DEAD), ["rollback"]),
    ("not settled", evolve(routed(analysis=PROGRESSIVE_ALL), programmed=False), ["rollback"]),
    ("settled in this pass", routed(analysis=PROGRESSIVE_ALL, state={"split": Split(20), "unsettled": True}), ["rollback"]),
    ("not due", in_analysis(analysis=ALL, state={"last_check_at": NOW - 9}), ["rollback"]),
    ("skipAnalysis", in_analysis(analysis=ALL, spec={"skipAnalysis": True}), ["rollback"]),
    ("primary dead", evolve(in_analysis(analysis=ALL), primary=DEAD, apex="target"), ["rollback"]),
    (
        "primary given up",
        evolve(in_analysis(analysis=ALL, state={"clocks": late("primary")}), primary=DEAD, apex="target"),
        CHECKS,
    ),
    ("promoting", promoting(analysis=ALL), ["rollback"]),
    ("verified", verified(analysis=ALL), []),
    ("finalising", finalising(analysis=ALL), []),
    ("suspended", in_analysis(analysis=ALL, spec={"suspend": True}), []),
    ("not accepted", in_analysis(spec={"analysis": {**ALL, "interval": "soon"}}), []),
    ("being deleted", in_analysis(analysis=ALL, deleted=True), []),
    ("target missing at rest", World(analysis=ALL, target=None), []),
]


@pytest.mark.parametrize(("when", "world", "asked"), CASES, ids=[each[0] for each in CASES])
def test_only_what_matters_is_asked_and_in_order(when, world, asked):
    """Abort first, checks second, gates last."""
    assert world.asked() == asked


def test_answers_that_make_the_rest_moot():
    """A passing rollback hook, and a check or gate that did not pass, end the asking."""
    found = questions(evolve(routed(analysis=PROGRESSIVE_ALL, state={"split": Split(60)}), weight=60).snapshot(), NOW)
    moot = {question.about: question.moot_if for question in found}
    assert moot.pop("rollback") == {PASS}
    assert set(moot.values()) == {frozenset({FAIL, NO_DATA, UNAVAILABLE})}


def test_the_same_question_has_the_same_id_after_a_fresh_read():
    """So an answer got in this pass is kept, and no hook is called twice."""
    world = in_analysis(analysis=ALL)
    ids = [[question_id(question) for question in questions(world.snapshot(now), now)] for now in (NOW, NOW + 0.5)]
    assert ids[0] == ids[1]


@pytest.mark.parametrize("change", [{"iterations": 1}, {"id": "r9"}, {"last_check_at": NOW - 50}, {"failed_checks": 1}])
def test_another_step_is_another_question(change):
    """An answer counts for one rollout, revision and step."""
    asked = [
        {question_id(question) for question in questions(world.snapshot(), NOW)}
        for world in (in_analysis(analysis=ALL), in_analysis(analysis=ALL, state=change))
    ]
    assert not asked[0] & asked[1]


def test_hooks_of_the_same_kind_are_asked_in_the_order_of_the_spec():
    """Each by its own name and place, even if two have the same name."""
    hooks = [{"name": name, "type": "rollout", "url": "http://h.test/"} for name in ("b", "a", "a")]
    found = questions(in_analysis(analysis={**BLUE_GREEN, "webhooks": hooks}).snapshot(), NOW)
    assert [question.name for question in found] == ["b", "a", "a"]
    assert len({question_id(question) for question in found}) == 3


def test_hook_payload_names_phase_and_metadata():
    """engine.md section 6.1."""
    hooks = [{"name": "g", "type": "confirm-rollout", "url": "http://h.test/", "metadata": {"team": "shop"}}]
    world = World(phase=phases.SUCCEEDED, image=NEXT, target=TWO, analysis={**BLUE_GREEN, "webhooks": hooks})
    (question,) = questions(world.snapshot(), NOW)
    payload = dict(question.payload)
    assert len(str(payload.pop("checksum"))) == 10
    assert payload == {"name": "podinfo", "namespace": "test", "phase": "Succeeded", "metadata": {"team": "shop"}}
