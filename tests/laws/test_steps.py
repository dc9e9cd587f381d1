"""Step arithmetic (decisions.md section 3, "The next step"): where the split goes next, for every strategy and edited specs."""

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from canarykit.errors import SpecError
from canarykit.model import Split
from canarykit.steps import NO_STEP, Step, next_step, next_weight
from worlds import BLUE_GREEN, PROGRESSIVE, ROUTED, World, in_analysis, routed

RISING = st.lists(st.integers(1, 150), min_size=1, max_size=8, unique=True).map(sorted)


@given(RISING, st.integers(0, 100))
def test_next_weight_is_the_smallest_listed_one_above(steps, now):
    """Never down, never above 100, and one of the list; None only when there is nothing higher."""
    following = next_weight(steps, now)
    higher = [min(step, 100) for step in steps if min(step, 100) > now]
    assert following == (min(higher) if higher else None)


@given(RISING)
def test_walking_a_list_visits_each_step_once_and_ends(steps):
    """From 0, whatever the list."""
    walked, weight = [], 0
    while (following := next_weight(steps, weight)) is not None:
        walked.append(weight := following)
    assert walked == sorted({min(step, 100) for step in steps})


@pytest.mark.parametrize("steps", [[], [0, 5], [5, 5], [9, 3], [-1]])
def test_list_that_does_not_rise_is_refused(steps):
    """The user must edit it; no jump to 100 by guess (W13)."""
    with pytest.raises(SpecError, match="stepWeights"):
        next_weight(steps, 0)


def _walk(analysis: dict[str, object]) -> list[int]:
    """The weights of a whole progressive analysis."""
    world = routed(analysis={"interval": "10s", "threshold": 1, **analysis}, weight=0, state={"split": Split(0)})
    walked = []
    while step := next_step(world.snapshot()):
        walked.append(step.weight)
        world = evolve(world, weight=step.weight).with_state(split=Split(step.weight))
        assert len(walked) < 200
    return walked


@pytest.mark.parametrize(
    ("analysis", "weights"),
    [
        ({"stepWeight": 20, "maxWeight": 50}, [20, 40, 60]),
        ({"stepWeight": 20, "maxWeight": 60}, [20, 40, 60]),
        ({"stepWeight": 30}, [30, 60, 90, 100]),
        ({"stepWeight": 40, "maxWeight": 0}, [40, 80, 100]),
        ({"stepWeight": 100, "maxWeight": 1}, [100]),
        ({"stepWeight": 60, "maxWeight": 150}, [60, 100]),
        ({"stepWeights": [1, 2, 10, 80]}, [1, 2, 10, 80]),
        ({"stepWeights": [1, 2, 10, 200]}, [1, 2, 10, 100]),
        ({"stepWeights": [100]}, [100]),
    ],
)
def test_weights_of_a_progressive_analysis(analysis, weights):
    """Overshoot of maxWeight is Flagger's; without one the end is 100 (golden traces A to C)."""
    assert _walk(analysis) == weights


@pytest.mark.parametrize(("split", "following"), [(10, 15), (15, 30), (30, 0), (90, 0)])
def test_edited_list_goes_on_from_where_it_is(split, following):
    """The weight in the status need not be one of the list."""
    analysis = {"interval": "10s", "threshold": 1, "stepWeights": [5, 15, 30]}
    step = next_step(routed(analysis=analysis, weight=split, state={"split": Split(split)}).snapshot())
    assert step == (Step("weight", following) if following else NO_STEP)


BOTH = pytest.mark.parametrize("provider", ["kubernetes", ROUTED])


@BOTH
@pytest.mark.parametrize(
    ("state", "step"),
    [
        ({"iterations": 0}, Step("iteration", 0, 2)),
        ({"iterations": 1}, Step("iteration", 0, 2)),
        ({"iterations": 2}, Step("switch", 100, 2)),
        ({"iterations": 5}, Step("switch", 100, 2)),
        ({"iterations": 3, "switched": True}, NO_STEP),
    ],
)
def test_blue_green_iterates_then_switches_then_promotes(provider, state, step):
    """While i < N: an iteration; then, unless it was done, the switch."""
    assert next_step(in_analysis(provider=provider, state=state).snapshot()) == step


def test_one_iteration_is_blue_green():
    """With a route: requests move at the switch only."""
    assert next_step(in_analysis(provider=ROUTED, analysis={**BLUE_GREEN, "iterations": 1}).snapshot()) == Step("iteration", 0, 1)


def test_iterations_added_after_the_switch_are_made():
    """At the weight that is there."""
    more = {**BLUE_GREEN, "iterations": 9}
    world = in_analysis(
        provider=ROUTED, analysis=more, weight=100, state={"iterations": 3, "switched": True, "split": Split(100)}
    )
    assert next_step(world.snapshot()) == Step("iteration", 100, 9)


def test_kubernetes_runs_a_progressive_analysis_as_ten_iterations():
    """It cannot split."""
    assert next_step(in_analysis(analysis=PROGRESSIVE).snapshot()) == Step("iteration", 0, 10)


def test_no_step_outside_an_analysis():
    """The facts of other phases have none."""
    assert World().facts().step == NO_STEP
