"""Deployments, ReplicaSets and pods: rolling updates, scaling, readiness, deadlines."""

import re
from math import ceil, floor

import pytest
from attrs import frozen

from canarykit.kinds import DEPLOYMENT, POD, REPLICA_SET
from canarykit.model import Ref
from canarykit.world import Behaviour, ImageBehaviour, PodBehaviour
from unit.world.apply import DEP, NS, Cluster, a_deployment, rolling, with_image

NEVER = ImageBehaviour(image_suffix=":bad", never_ready=True)


def started(**spec) -> Cluster:
    cluster = Cluster(Behaviour(images=(NEVER,)))
    cluster.create(a_deployment(**spec))
    cluster.run(10)
    return cluster


def images(cluster: Cluster) -> list[str]:
    return sorted(pod["spec"]["containers"][0]["image"] for ref, pod in cluster.objects.items() if ref.kind == "Pod")


def test_new_deployment_gets_ready_and_then_available():
    cluster = Cluster()
    cluster.create(a_deployment(replicas=2))
    cluster.run(1.4)
    assert cluster.status(DEPLOYMENT, "podinfo")["replicas"] == 2
    assert "readyReplicas" not in cluster.status(DEPLOYMENT, "podinfo")
    cluster.run(0.2)
    assert cluster.status(DEPLOYMENT, "podinfo")["readyReplicas"] == 2
    assert "availableReplicas" not in cluster.status(DEPLOYMENT, "podinfo"), "minReadySeconds is 1"
    cluster.run(1.5)
    status = cluster.status(DEPLOYMENT, "podinfo")
    assert {key: value for key, value in status.items() if key != "conditions"} == {
        "observedGeneration": 1,
        "replicas": 2,
        "updatedReplicas": 2,
        "readyReplicas": 2,
        "availableReplicas": 2,
    }
    assert cluster.condition(DEPLOYMENT, "podinfo", "Available") == ("True", "MinimumReplicasAvailable")
    assert cluster.condition(DEPLOYMENT, "podinfo", "Progressing") == ("True", "NewReplicaSetAvailable")


def test_quiet_cluster_writes_nothing_and_asks_for_no_look():
    cluster = started(replicas=3)
    before = len(cluster.writes)
    assert cluster.settle() is None
    cluster.run(3600)
    assert len(cluster.writes) == before


def test_pod_names_fit_the_pattern_of_the_builtin_queries():
    cluster = started(replicas=3)
    names = cluster.named(POD)
    assert len(names) == 3
    assert all(re.fullmatch(r"podinfo-[0-9a-zA-Z]+(-[0-9a-zA-Z]+)", name) for name in names)


def test_same_history_gives_the_same_names_and_addresses():
    one, other = started(replicas=3), started(replicas=3)
    assert one.named(POD) == other.named(POD)
    addresses = [one.get(POD, name)["status"]["podIP"] for name in one.named(POD)]
    assert addresses == [other.get(POD, name)["status"]["podIP"] for name in other.named(POD)]
    assert len(set(addresses)) == 3
    assert all(re.fullmatch(r"10\.244\.\d+\.\d+", each) for each in addresses)


def test_pod_shows_what_kubectl_prints():
    cluster = started()
    status = cluster.status(POD, cluster.named(POD)[0])
    assert status["phase"] == "Running"
    assert {each["type"] for each in status["conditions"]} == {"PodScheduled", "Initialized", "ContainersReady", "Ready"}
    container = status["containerStatuses"][0]
    assert (container["ready"], container["restartCount"], "running" in container["state"]) == (True, 0, True)
    assert status["startTime"].endswith("Z")


def test_pod_goes_from_pending_over_running_to_ready():
    cluster = Cluster()
    cluster.create(a_deployment())
    seen = []
    for _ in range(20):
        cluster.run(0.1)
        pod = cluster.get(POD, cluster.named(POD)[0])
        state = (pod["status"]["phase"], pod["status"]["containerStatuses"][0]["ready"])
        if state not in seen:
            seen.append(state)
    assert seen == [("Pending", False), ("Running", False), ("Running", True)]


def test_rolling_update_never_has_fewer_available_pods_than_allowed():
    cluster = started(replicas=4, strategy=rolling(1, 0))
    low, high = [], []
    cluster.watchers.append(lambda ref, each: (low.append(cluster.ready("podinfo")), high.append(len(cluster.named(POD)))))
    cluster.patch(DEP, with_image("podinfo:6.0.1"))
    cluster.run(60)
    assert images(cluster) == ["podinfo:6.0.1"] * 4
    assert min(low) == 4
    assert max(high) == 5
    assert cluster.condition(DEPLOYMENT, "podinfo", "Progressing") == ("True", "NewReplicaSetAvailable")


@frozen
class Uneven(Behaviour):
    """Pods that need between 0.5 and 7.5 s, each its own time."""

    def of_pod(self, pod):
        return PodBehaviour(ready_after_s=0.5 + sum(pod["metadata"]["name"].encode()) % 8)


@pytest.mark.parametrize("replicas", [1, 2, 3, 5, 8])
@pytest.mark.parametrize(("surge", "unavailable"), [(0, 0), (1, 0), (0, 1), (1, 1), (2, 0), (3, 2), (0, 3), ("50%", "25%")])
def test_rolling_update_of_slow_and_fast_pods_stays_within_its_bounds(replicas, surge, unavailable):
    """Never fewer ready pods nor more pods than the strategy allows, and it always ends; 0 and 0 counts as 0 and 1."""
    cluster = Cluster(Uneven())
    cluster.create(a_deployment(replicas=replicas, minReadySeconds=0, strategy=rolling(surge, unavailable)))
    cluster.run(20)
    ready, there = [], []
    cluster.watchers.append(lambda ref, each: (ready.append(cluster.ready("podinfo")), there.append(len(cluster.named(POD)))))
    cluster.patch(DEP, with_image("podinfo:6.0.1"))
    cluster.run(200)
    assert images(cluster) == ["podinfo:6.0.1"] * replicas
    more = ceil(replicas * 0.5) if surge == "50%" else surge
    fewer = floor(replicas * 0.25) if unavailable == "25%" else unavailable or int(surge == 0)
    assert min(ready) >= replicas - fewer
    assert max(there) <= replicas + more


def test_rolling_update_may_miss_as_many_pods_as_allowed():
    cluster = started(replicas=4, strategy=rolling(0, 2))
    high = []
    cluster.watchers.append(lambda ref, each: high.append(len(cluster.named(POD))))
    cluster.patch(DEP, with_image("podinfo:6.0.1"))
    cluster.run(60)
    assert images(cluster) == ["podinfo:6.0.1"] * 4
    assert max(high) == 4


def test_bad_update_leaves_the_old_pods_that_must_stay():
    cluster = started(replicas=4, strategy=rolling("25%", "25%"))
    cluster.patch(DEP, with_image("podinfo:bad"))
    cluster.run(30)
    assert cluster.ready("podinfo") == 3
    assert images(cluster) == ["podinfo:6.0.0"] * 3 + ["podinfo:bad"] * 2


def test_recreate_stops_the_old_pods_first():
    cluster = started(replicas=2, strategy={"type": "Recreate"})
    mixed = []
    cluster.watchers.append(lambda ref, each: mixed.append(len(set(images(cluster)))))
    cluster.patch(DEP, with_image("podinfo:6.0.1"))
    cluster.run(20)
    assert images(cluster) == ["podinfo:6.0.1"] * 2
    assert max(mixed) == 1


def test_revision_number_rises_and_comes_back_higher_on_the_way_back():
    cluster = started()
    first = cluster.named(REPLICA_SET)[0]
    cluster.patch(DEP, with_image("podinfo:6.0.1"))
    cluster.run(20)
    cluster.patch(DEP, with_image("podinfo:6.0.0"))
    cluster.run(20)
    annotation = "deployment.kubernetes.io/revision"
    assert cluster.get(DEPLOYMENT, "podinfo")["metadata"]["annotations"][annotation] == "3"
    assert cluster.get(REPLICA_SET, first)["metadata"]["annotations"][annotation] == "3"
    assert len(cluster.named(REPLICA_SET)) == 2
    assert images(cluster) == ["podinfo:6.0.0"]


def test_history_is_limited():
    cluster = started(revisionHistoryLimit=2)
    for number in range(1, 6):
        cluster.patch(DEP, with_image(f"podinfo:6.0.{number}"))
        cluster.run(20)
    assert len(cluster.named(REPLICA_SET)) == 3


def test_scaled_to_zero_and_up_again():
    cluster = started(replicas=3)
    cluster.patch(DEP, {"spec": {"replicas": 0}})
    cluster.run(5)
    assert cluster.named(POD) == []
    status = cluster.status(DEPLOYMENT, "podinfo")
    assert set(status) == {"observedGeneration", "conditions"}, "zero numbers are left out"
    assert status["observedGeneration"] == 2
    cluster.patch(DEP, {"spec": {"replicas": 2}})
    cluster.run(5)
    assert cluster.ready("podinfo") == 2
    assert len(cluster.named(REPLICA_SET)) == 1


@pytest.mark.parametrize("index", [0, 1, 2])
def test_scale_down_takes_pods_that_are_not_ready_first(index):
    cluster = started(replicas=3)
    names = cluster.named(POD)
    cluster.behaviour = Behaviour(images=(ImageBehaviour(pod_prefix=names[index], never_ready=True),))
    cluster.run(5)
    cluster.patch(DEP, {"spec": {"replicas": 2}})
    cluster.run(5)
    assert cluster.named(POD) == names[:index] + names[index + 1 :]


def test_deleted_pod_is_replaced_by_one_with_another_name():
    cluster = started()
    name = cluster.named(POD)[0]
    cluster.delete(Ref.to(POD, NS, name))
    cluster.run(5)
    assert cluster.ready("podinfo") == 1
    assert cluster.named(POD) != [name]


def test_deleted_pod_stays_for_its_termination_time_without_being_ready():
    cluster = Cluster(Behaviour(termination_s=5))
    cluster.create(a_deployment())
    cluster.run(10)
    cluster.patch(DEP, {"spec": {"replicas": 0}})
    cluster.run(3)
    assert len(cluster.named(POD)) == 1
    assert "replicas" not in cluster.status(DEPLOYMENT, "podinfo"), "a pod that is going counts for nobody"
    cluster.run(3)
    assert cluster.named(POD) == []


def test_label_on_a_running_pod_takes_its_readiness_away():
    cluster = started()
    pod = Ref.to(POD, NS, cluster.named(POD)[0])
    cluster.patch(pod, {"metadata": {"labels": {"canarykit.dev/never-ready": "true"}}})
    cluster.run(1)
    assert cluster.ready("podinfo") == 0
    assert "readyReplicas" not in cluster.status(DEPLOYMENT, "podinfo")


def test_paused_deployment_starts_no_rollout_but_follows_its_size():
    cluster = started()
    cluster.patch(DEP, {"spec": {"paused": True}})
    cluster.patch(DEP, with_image("podinfo:6.0.1"))
    cluster.patch(DEP, {"spec": {"replicas": 2}})
    cluster.run(10)
    assert images(cluster) == ["podinfo:6.0.0"] * 2
    assert cluster.condition(DEPLOYMENT, "podinfo", "Progressing") == ("Unknown", "DeploymentPaused")
    cluster.patch(DEP, {"spec": {"paused": None}})
    cluster.run(20)
    assert images(cluster) == ["podinfo:6.0.1"] * 2


def test_template_with_the_same_meaning_is_no_new_revision():
    cluster = started()
    cluster.patch(DEP, {"spec": {"template": {"metadata": {"annotations": {}}}}})
    cluster.run(5)
    assert len(cluster.named(REPLICA_SET)) == 1


def test_deadline_ends_a_bad_template_pushed_while_pods_run():
    """Trace n4: pushed with replicas 1, the Deployment controller gives up after progressDeadlineSeconds."""
    cluster = started(progressDeadlineSeconds=15)
    cluster.patch(DEP, with_image("podinfo:bad"))
    cluster.run(14)
    assert cluster.condition(DEPLOYMENT, "podinfo", "Progressing")[0] == "True"
    cluster.run(3)
    assert cluster.condition(DEPLOYMENT, "podinfo", "Progressing") == ("False", "ProgressDeadlineExceeded")
    assert cluster.condition(DEPLOYMENT, "podinfo", "Available")[0] == "True", "one pod may be missing of one"


@pytest.mark.parametrize(("unavailable", "available"), [(1, "True"), (0, "False")])
def test_deadline_never_ends_a_bad_template_pushed_at_zero(unavailable, available):
    """Observed item 3 (traces n, n2, n3): complete at 0 of 0, so progress is not judged again after the scale up."""
    cluster = started(progressDeadlineSeconds=15, strategy=rolling("25%", unavailable))
    cluster.patch(DEP, {"spec": {"replicas": 0}})
    cluster.run(5)
    cluster.patch(DEP, with_image("podinfo:bad"))
    cluster.run(1)
    cluster.patch(DEP, {"spec": {"replicas": 1}})
    cluster.run(600)
    assert cluster.condition(DEPLOYMENT, "podinfo", "Progressing") == ("True", "NewReplicaSetAvailable")
    assert cluster.condition(DEPLOYMENT, "podinfo", "Available")[0] == available
    status = cluster.status(DEPLOYMENT, "podinfo")
    assert (status["replicas"], status["updatedReplicas"], status["unavailableReplicas"]) == (1, 1, 1)


def test_orphaned_replica_set_is_taken_back():
    cluster = started()
    name = cluster.named(REPLICA_SET)[0]
    pods = cluster.named(POD)
    cluster.patch(Ref.to(REPLICA_SET, NS, name), {"metadata": {"ownerReferences": None}})
    cluster.delete(DEP)
    cluster.run(1)
    cluster.create(a_deployment())
    cluster.run(5)
    assert (cluster.named(REPLICA_SET), cluster.named(POD)) == ([name], pods)


def test_deadline_counts_again_on_the_way_back_to_a_template_of_before():
    cluster = started(progressDeadlineSeconds=15, strategy=rolling(1, 0))
    cluster.patch(DEP, with_image("podinfo:bad"))
    cluster.run(5)
    cluster.patch(DEP, with_image("podinfo:6.0.0"))
    cluster.run(60)
    assert cluster.condition(DEPLOYMENT, "podinfo", "Progressing") == ("True", "NewReplicaSetAvailable")
    cluster.patch(DEP, with_image("podinfo:bad"))
    cluster.run(1)
    assert cluster.condition(DEPLOYMENT, "podinfo", "Progressing") == ("True", "ReplicaSetUpdated")
    cluster.run(20)
    assert cluster.condition(DEPLOYMENT, "podinfo", "Progressing") == ("False", "ProgressDeadlineExceeded")
    assert cluster.ready("podinfo") == 1


def test_every_bit_of_progress_begins_the_deadline_anew():
    cluster = started(replicas=3, progressDeadlineSeconds=15, strategy=rolling(1, 0))
    cluster.behaviour = Behaviour(pod=PodBehaviour(ready_after_s=8))
    reasons = set()
    cluster.watchers.append(lambda ref, each: reasons.add(cluster.condition(DEPLOYMENT, "podinfo", "Progressing")[1]))
    cluster.patch(DEP, with_image("podinfo:6.0.1"))
    cluster.run(22)
    assert images(cluster) != ["podinfo:6.0.1"] * 3, "it takes longer than the deadline"
    cluster.run(20)
    assert images(cluster) == ["podinfo:6.0.1"] * 3
    assert "ProgressDeadlineExceeded" not in reasons
