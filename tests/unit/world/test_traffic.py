"""Where requests go, what is counted, and what is lost."""

import pytest

from canarykit.kinds import HTTP_ROUTE, POD
from canarykit.model import Ref
from canarykit.world import Behaviour, ImageBehaviour, Load, Traffic, advance, next_change
from canarykit.world.promql import evaluate
from unit.world.apply import DEP, NS, START, SVC, Cluster, a_deployment, a_route, a_service

WEIGHTS = {"podinfo-primary": 80, "podinfo-canary": 20}


def split_cluster(weights=WEIGHTS, **route) -> Cluster:
    cluster = Cluster()
    cluster.create(a_deployment(), a_deployment("podinfo-primary", replicas=2))
    cluster.create(
        a_service("podinfo-canary"), a_service("podinfo-primary", "podinfo-primary"), a_service("podinfo", "podinfo-primary")
    )
    cluster.create(a_route("podinfo", weights, **route))
    cluster.run(5)
    return cluster


def load(cluster: Cluster, rate: float = 10.0, seconds: float = 100.0, url: str = f"http://podinfo.{NS}/", **more) -> None:
    cluster.loads.append(Load(url, rate, cluster.now, cluster.now + seconds, **more))


def by_app(cluster: Cluster) -> dict[str, float]:
    found = evaluate("sum(http_requests_total) by (app)", cluster.traffic, cluster.now)
    return {labels["app"]: round(value, 6) for labels, value in found}


def test_service_spreads_evenly_over_ready_pods():
    cluster = Cluster()
    cluster.create(a_deployment(replicas=4), a_service())
    cluster.run(5)
    load(cluster)
    cluster.run(10)
    assert [round(cluster.traffic.served(name), 6) for name in cluster.named(POD)] == [25.0] * 4
    assert cluster.traffic.lost() == 0


@pytest.mark.parametrize("url", ["http://podinfo.test", "http://podinfo.test:80/x?y=1", "http://podinfo.test.svc.cluster.local/"])
def test_service_is_found_under_each_of_its_names(url):
    cluster = Cluster()
    cluster.create(a_deployment(), a_service())
    cluster.run(5)
    load(cluster, url=url)
    cluster.run(10)
    assert cluster.traffic.served() == pytest.approx(100)


def test_route_splits_by_weight():
    cluster = split_cluster()
    load(cluster)
    cluster.run(10)
    assert by_app(cluster) == {"podinfo": 20.0, "podinfo-primary": 80.0}


def test_changed_weight_counts_from_its_moment():
    cluster = split_cluster()
    load(cluster)
    cluster.run(10)
    rules = a_route("podinfo", {"podinfo-primary": 50, "podinfo-canary": 50})["spec"]["rules"]
    cluster.patch(Ref.to(HTTP_ROUTE, NS, "podinfo"), {"spec": {"rules": rules}})
    cluster.run(10)
    assert by_app(cluster) == {"podinfo": 70.0, "podinfo-primary": 130.0}


def test_route_is_found_by_its_hostname():
    cluster = split_cluster(hostnames=["app.example.com"])
    load(cluster, url="http://app.example.com/")
    cluster.run(10)
    assert by_app(cluster) == {"podinfo": 20.0, "podinfo-primary": 80.0}


def test_share_of_a_backend_without_ready_pods_is_lost():
    cluster = split_cluster()
    cluster.patch(DEP, {"spec": {"replicas": 0}})
    cluster.run(5)
    load(cluster)
    cluster.run(10)
    assert cluster.traffic.lost() == pytest.approx(20)
    assert cluster.traffic.served() == pytest.approx(80)


def test_weight_zero_asks_nothing_of_a_backend():
    cluster = split_cluster({"podinfo-primary": 100, "podinfo-canary": 0})
    cluster.patch(DEP, {"spec": {"replicas": 0}})
    load(cluster)
    cluster.run(10)
    assert (cluster.traffic.lost(), cluster.traffic.served()) == (0, pytest.approx(100))


@pytest.mark.parametrize("url", ["http://nobody.test/", "http://elsewhere.example.com/", "http:///"])
def test_unknown_host_loses_everything(url):
    cluster = split_cluster()
    load(cluster, url=url)
    cluster.run(10)
    assert cluster.traffic.lost() == pytest.approx(100)


def test_rule_with_a_header_takes_only_requests_that_have_it():
    backend = {"name": "podinfo-canary", "port": 80}
    rules = [
        {"matches": [{"headers": [{"name": "X-Canary", "value": "yes"}]}], "backendRefs": [backend]},
        {"matches": [{"path": {"type": "PathPrefix", "value": "/"}}], "backendRefs": [{"name": "podinfo-primary", "port": 80}]},
    ]
    cluster = split_cluster(rules=rules)
    load(cluster, rate=3, headers={"x-canary": "yes"})
    load(cluster, rate=4)
    cluster.run(10)
    assert by_app(cluster) == {"podinfo": 30.0, "podinfo-primary": 40.0}


def test_mirrored_requests_are_counted_where_they_arrive_and_never_lost():
    mirror = {"type": "RequestMirror", "requestMirror": {"backendRef": {"name": "podinfo-canary", "port": 80}}}
    rules = [{"backendRefs": [{"name": "podinfo-primary", "port": 80}], "filters": [mirror]}]
    cluster = split_cluster(rules=rules)
    load(cluster)
    cluster.run(10)
    assert by_app(cluster) == {"podinfo": 100.0, "podinfo-primary": 100.0}
    cluster.patch(DEP, {"spec": {"replicas": 0}})
    cluster.run(10)
    assert cluster.traffic.lost() == 0


def test_load_begins_and_ends_at_its_times_though_nobody_looked():
    cluster = Cluster()
    cluster.create(a_deployment(), a_service())
    cluster.run(5)
    loads = [Load(f"http://podinfo.{NS}/", 10, cluster.now + 2, cluster.now + 5)]
    traffic = advance(cluster.traffic, cluster.objects, loads, cluster.now + 30, Behaviour())
    assert traffic.served() == pytest.approx(30)
    assert traffic.served(when=cluster.now + 3) == pytest.approx(10)


def test_time_before_the_first_look_does_not_count():
    cluster = Cluster()
    cluster.create(a_deployment(), a_service())
    cluster.run(5)
    loads = [Load(f"http://podinfo.{NS}/", 10, START - 100, START + 100)]
    first = advance(Traffic(), cluster.objects, loads, START + 10, Behaviour())
    assert first.served() == 0
    assert advance(first, cluster.objects, loads, START + 12, Behaviour()).served() == pytest.approx(20)


def test_next_change_is_the_next_edge_of_a_load():
    loads = [Load("http://a.b/", 1, 10, 20), Load("http://a.b/", 1, 15, 40)]
    assert [next_change(loads, now) for now in (0, 10, 15, 30, 40)] == [10, 15, 20, 40, None]


def test_counters_outlive_the_segments_that_are_dropped():
    cluster = Cluster()
    cluster.create(a_deployment(), a_service())
    cluster.run(5)
    load(cluster, seconds=10)
    cluster.run(20)
    assert cluster.traffic.segments != ()
    cluster.run(1000)
    load(cluster, rate=1, seconds=1)
    cluster.run(2)
    assert len(cluster.traffic.segments) == 1
    assert cluster.traffic.served() == pytest.approx(101)


def test_steady_load_is_one_segment():
    cluster = split_cluster()
    load(cluster)
    for _ in range(20):
        cluster.run(1)
    assert len(cluster.traffic.segments) == 1


def test_advance_changes_no_earlier_record():
    cluster = split_cluster()
    load(cluster)
    cluster.run(3)
    before = cluster.traffic
    counted = (before.now, before.served())
    advance(before, cluster.objects, cluster.loads, cluster.now + 50, cluster.behaviour)
    assert (before.now, before.served()) == counted


def test_pod_annotations_bend_a_single_pod():
    cluster = Cluster(Behaviour(images=(ImageBehaviour(image_suffix=":6.0.0", error_rate=0.1),)))
    cluster.create(a_deployment(), a_service())
    cluster.run(5)
    load(cluster)
    cluster.run(10)
    pod = Ref.to(POD, NS, cluster.named(POD)[0])
    cluster.patch(pod, {"metadata": {"annotations": {"sandbox.canarykit.dev/error-rate": "0.5"}}})
    cluster.run(10)
    found = evaluate('sum(http_requests_total{status="500"})', cluster.traffic, cluster.now)
    assert found == [({}, pytest.approx(10 + 50))]


def test_service_switch_moves_all_requests():
    cluster = Cluster()
    cluster.create(a_deployment(), a_deployment("podinfo-primary"), a_service())
    cluster.run(5)
    load(cluster)
    cluster.run(5)
    cluster.patch(SVC, {"spec": {"selector": {"app": "podinfo-primary"}}})
    cluster.run(5)
    assert by_app(cluster) == {"podinfo": 50.0, "podinfo-primary": 50.0}
