"""HPAs: growth with load, bounds, tolerance, slow shrinking, and not acting on zero."""

from itertools import pairwise

import pytest

from canarykit.kinds import DEPLOYMENT, HPA
from canarykit.model import Ref
from canarykit.world import Behaviour, Load
from canarykit.world.quantities import number_of, quantity_of
from unit.world.apply import DEP, NS, Cluster, a_deployment, a_service, an_hpa

THE_HPA = Ref.to(HPA, NS, "podinfo")


def cluster_with(hpa=None, replicas: int = 1, **behaviour) -> Cluster:
    cluster = Cluster(Behaviour(**behaviour))
    cluster.create(a_deployment(replicas=replicas), a_service(), hpa or an_hpa())
    cluster.run(40)
    return cluster


def load(cluster: Cluster, rate: float, seconds: float) -> None:
    cluster.loads.append(Load(f"http://podinfo.{NS}/", rate, cluster.now, cluster.now + seconds))


def test_load_makes_it_grow_and_quiet_makes_it_shrink_later():
    """10 m of CPU per request, 100 m requested, 80 % wanted: 8 requests per second and pod."""
    cluster = cluster_with()
    load(cluster, rate=22, seconds=120)
    cluster.run(100)
    assert cluster.replicas("podinfo") == 3
    status = cluster.status(HPA, "podinfo")
    assert (status["currentReplicas"], status["desiredReplicas"]) == (3, 3)
    assert status["currentMetrics"][0]["resource"]["current"]["averageUtilization"] == 73
    assert cluster.condition(HPA, "podinfo", "ScalingActive") == ("True", "ValidMetricFound")
    cluster.run(20 + 25)
    assert cluster.replicas("podinfo") == 3, "the recommendation of 30 s ago still counts"
    cluster.run(40)
    assert cluster.replicas("podinfo") == 1


def test_growth_stops_at_the_maximum():
    cluster = cluster_with()
    load(cluster, rate=1000, seconds=60)
    cluster.run(60)
    assert cluster.replicas("podinfo") == 4
    assert cluster.condition(HPA, "podinfo", "ScalingLimited") == ("True", "TooManyReplicas")


def test_growth_is_limited_per_sync():
    cluster = cluster_with(an_hpa(maxReplicas=50))
    load(cluster, rate=1000, seconds=60)
    sizes = [1]
    for _ in range(8):
        cluster.run(5)
        sizes.append(cluster.replicas("podinfo"))
    assert all(later <= max(4, 2 * earlier) for earlier, later in pairwise(sizes))
    assert sizes[-1] == 50
    assert len(set(cluster.written("scale", DEP))) == len(cluster.written("scale", DEP)), "at most once per sync"


def test_minimum_is_kept_and_a_raised_one_taken_at_once():
    cluster = cluster_with(an_hpa(minReplicas=2))
    assert cluster.replicas("podinfo") == 2
    cluster.patch(THE_HPA, {"spec": {"minReplicas": 3}})
    cluster.run(0)
    assert cluster.replicas("podinfo") == 3


def test_lowered_maximum_shrinks_without_waiting():
    cluster = Cluster()
    cluster.create(a_deployment(replicas=3), a_service(), an_hpa())
    cluster.run(10)
    cluster.patch(THE_HPA, {"spec": {"maxReplicas": 2}})
    cluster.run(0)
    assert cluster.replicas("podinfo") == 2


def test_zero_is_left_alone():
    cluster = cluster_with(an_hpa(minReplicas=2))
    cluster.patch(DEP, {"spec": {"replicas": 0}})
    before = len(cluster.written("scale", DEP))
    cluster.run(300)
    assert cluster.replicas("podinfo") == 0
    assert len(cluster.written("scale", DEP)) == before
    assert cluster.condition(HPA, "podinfo", "ScalingActive") == ("False", "ScalingDisabled")
    cluster.patch(DEP, {"spec": {"replicas": 1}})
    cluster.run(10)
    assert cluster.replicas("podinfo") == 2


def test_metric_within_a_tenth_of_its_target_changes_nothing():
    cluster = cluster_with()
    load(cluster, rate=8.5, seconds=400)
    cluster.run(150)
    assert cluster.replicas("podinfo") == 1
    load(cluster, rate=0.5, seconds=200)
    cluster.run(100)
    assert cluster.replicas("podinfo") == 2


def test_fresh_hpa_does_not_shrink_before_its_window_has_passed():
    cluster = Cluster()
    cluster.create(a_deployment(replicas=3), a_service(), an_hpa())
    cluster.run(25)
    assert cluster.replicas("podinfo") == 3
    cluster.run(15)
    assert cluster.replicas("podinfo") == 1


@pytest.mark.parametrize(("behavior", "size"), [({"scaleDown": {"selectPolicy": "Disabled"}}, 3), ({}, 1)])
def test_disabled_way_down_keeps_the_size(behavior, size):
    cluster = Cluster()
    cluster.create(a_deployment(replicas=3), a_service(), an_hpa(behavior=behavior))
    cluster.run(120)
    assert cluster.replicas("podinfo") == size


def test_own_window_wins_over_the_default():
    cluster = Cluster()
    cluster.create(a_deployment(replicas=3), a_service(), an_hpa(behavior={"scaleDown": {"stabilizationWindowSeconds": 100}}))
    cluster.run(90)
    assert cluster.replicas("podinfo") == 3
    cluster.run(20)
    assert cluster.replicas("podinfo") == 1


def test_metric_that_cannot_be_read_leaves_the_size_and_is_named():
    metric = {"type": "Pods", "pods": {"metric": {"name": "x"}, "target": {"type": "AverageValue", "averageValue": "1"}}}
    cluster = cluster_with(an_hpa(metrics=[metric]), replicas=3)
    cluster.run(100)
    assert cluster.replicas("podinfo") == 3
    assert cluster.condition(HPA, "podinfo", "ScalingActive")[0] == "False"


def test_container_without_a_request_has_no_utilization():
    deployment = a_deployment(replicas=2)
    deployment["spec"]["template"]["spec"]["containers"][0]["resources"] = {}
    cluster = Cluster()
    cluster.create(deployment, an_hpa())
    cluster.run(100)
    assert cluster.replicas("podinfo") == 2
    assert cluster.condition(HPA, "podinfo", "ScalingActive")[0] == "False"


def test_memory_is_constant_per_pod():
    memory = {"type": "Resource", "resource": {"name": "memory", "target": {"type": "Utilization", "averageUtilization": 25}}}
    cluster = cluster_with(an_hpa(metrics=[memory]))
    cluster.run(100)
    assert cluster.replicas("podinfo") == 4, "32 of 64 MiB is twice the target, whatever the size: up to the maximum"


def test_missing_target_is_named():
    cluster = Cluster()
    cluster.create(an_hpa("nobody"))
    cluster.run(10)
    assert cluster.condition(HPA, "nobody", "AbleToScale") == ("False", "FailedGetScale")


def test_deployment_spec_changes_only_by_its_size():
    cluster = cluster_with()
    before = cluster.get(DEPLOYMENT, "podinfo")["spec"]
    load(cluster, rate=22, seconds=120)
    cluster.run(60)
    assert cluster.get(DEPLOYMENT, "podinfo")["spec"] == before | {"replicas": 3}


@pytest.mark.parametrize(
    ("text", "number"), [("100m", 0.1), ("2", 2.0), ("64Mi", 64 * 2.0**20), ("1.5", 1.5), ("1k", 1000.0), ("x", None), ("", None)]
)
def test_quantities(text, number):
    assert number_of(text) == number


def test_quantity_is_whole_or_in_thousandths():
    assert [quantity_of(each) for each in (2.0, 2.5, 0.0)] == ["2", "2500m", "0"]
