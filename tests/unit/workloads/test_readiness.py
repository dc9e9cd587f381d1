"""Readiness of a Deployment: example G14 in its strict column, and the words that people read."""

import pytest

from canarykit.workloads.readiness import Health, health_of
from unit.workloads.inbox import a_deployment

UNAVAILABLE = [{"type": "Progressing", "status": "True"}, {"type": "Available", "status": "False"}]
EXCEEDED = [{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}]
WAITING = "waiting for rollout to finish: "


@pytest.mark.parametrize(
    ("deployment", "percent", "why_not"),
    [
        (a_deployment(3, generation=2), 100, WAITING + "observed deployment generation less than desired generation"),
        (a_deployment(3, 3, 3, 3), 100, ""),
        (a_deployment(3, 3, 2, 3), 100, WAITING + "2 out of 3 new replicas have been updated"),
        (a_deployment(3, 4, 3, 3), 100, WAITING + "1 old replicas are pending termination"),
        (a_deployment(4, 4, 4, 2), 50, ""),
        (a_deployment(4, 4, 4, 1), 50, WAITING + "1 of 4 (readyThreshold 50%) updated replicas are available"),
        (
            a_deployment(2, 2, 2, 1, conditions=UNAVAILABLE),
            100,
            WAITING + "1 of 2 (readyThreshold 100%) updated replicas are available",
        ),
        (a_deployment(2, 2, 2, 2, conditions=UNAVAILABLE), 100, ""),
        (a_deployment(2, 2, 2, 2, conditions=EXCEEDED), 100, 'deployment "web" exceeded its progress deadline'),
    ],
)
def test_rolled_as_example_g14_says(deployment, percent, why_not):
    health = health_of(deployment, percent)
    assert health.why_not == why_not
    assert health.rolled is (why_not == "")


def test_d10_threshold_asks_for_at_least_one_available_pod():
    assert health_of(a_deployment(1, 1, 1, 0), 99).why_not.endswith("0 of 1 (readyThreshold 99%) updated replicas are available")
    assert not health_of(a_deployment(1, 1, 1, 0), 0).rolled
    assert health_of(a_deployment(1, 1, 1, 1), 0).rolled


def test_d10_threshold_rounds_down_without_floating_point():
    """75 x 84 % is 63; upstream's 32-bit product says 62."""
    assert not health_of(a_deployment(75, 75, 75, 62), 84).rolled
    assert health_of(a_deployment(75, 75, 75, 63), 84).rolled


def test_w9_d9_zero_replicas_are_not_rolled():
    assert health_of(a_deployment(0)).why_not == WAITING + "0 replicas are wanted"


def test_replicas_left_out_are_one():
    assert health_of(a_deployment(None, 1, 1, 1)).rolled
    assert health_of(a_deployment(None, 1, 1, 1)).replicas_wanted == 1


def test_counts_come_from_status_also_while_it_is_behind():
    health = health_of(a_deployment(4, 5, 2, 3, ready=4, generation=7, observed=6))
    assert health == Health(
        ready=4,
        available=3,
        updated=2,
        replicas_wanted=4,
        replicas_total=5,
        generation_observed=False,
        rolled=False,
        why_not=WAITING + "observed deployment generation less than desired generation",
    )


def test_absent_workload_has_nothing_and_is_not_rolled():
    assert (Health().ready, Health().rolled, Health().why_not) == (0, False, "not found")


def test_new_workload_without_status_is_not_rolled():
    health = health_of({"metadata": {"name": "web", "generation": 1}, "spec": {"replicas": 1}})
    assert (health.rolled, health.generation_observed, health.ready) == (False, False, 0)
