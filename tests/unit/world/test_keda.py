"""KEDA: its marks on ScaledObjects, its HPA, pausing, and scaling from and to zero."""

import pytest

from canarykit.dicts import at
from canarykit.kinds import HPA, SCALED_OBJECT
from canarykit.world import Behaviour, Load
from unit.world.apply import DEP, NS, SO, Cluster, a_deployment, a_scaled_object, a_service

HPA_NAME = "keda-hpa-podinfo-so"


def cluster_with(scaled_object=None, replicas: int = 1, behaviour: Behaviour | None = None) -> Cluster:
    cluster = Cluster(behaviour)
    cluster.create(a_deployment(replicas=replicas), a_service(), scaled_object or a_scaled_object())
    cluster.run(5)
    return cluster


def annotate(cluster: Cluster, **marks: str | None) -> None:
    prefix = "autoscaling.keda.sh/"
    cluster.patch(SO, {"metadata": {"annotations": {prefix + key.replace("_", "-"): value for key, value in marks.items()}}})


def load(cluster: Cluster, rate: float, seconds: float) -> None:
    cluster.loads.append(Load(f"http://podinfo.{NS}/", rate, cluster.now, cluster.now + seconds))


def condition(cluster: Cluster, of: str) -> tuple[str, str]:
    return cluster.condition(SCALED_OBJECT, "podinfo-so", of)


def test_scaled_object_gets_what_keda_adds():
    cluster = cluster_with()
    manifest = cluster.get(SCALED_OBJECT, "podinfo-so")
    assert manifest["metadata"]["finalizers"] == ["finalizer.keda.sh"]
    assert manifest["metadata"]["labels"] == {"scaledobject.keda.sh/name": "podinfo-so"}
    assert "advanced" not in manifest["spec"]
    assert manifest["status"]["externalMetricNames"] == ["s0-prometheus"]
    assert manifest["status"]["hpaName"] == HPA_NAME
    statuses = {each: condition(cluster, each)[0] for each in ("Ready", "Active", "Fallback", "Paused")}
    assert statuses == {"Ready": "True", "Active": "False", "Fallback": "False", "Paused": "False"}


def test_empty_scaling_modifiers_come_back_after_every_foreign_write():
    """Observed item 10."""
    cluster = cluster_with(a_scaled_object(advanced={"horizontalPodAutoscalerConfig": {}}))
    assert cluster.get(SCALED_OBJECT, "podinfo-so")["spec"]["advanced"]["scalingModifiers"] == {}
    cluster.patch(SO, {"spec": {"advanced": {"scalingModifiers": None}}})
    cluster.run(0)
    assert cluster.get(SCALED_OBJECT, "podinfo-so")["spec"]["advanced"]["scalingModifiers"] == {}


def test_label_of_a_clone_is_corrected():
    """The clone comes with the source's label, as real Flagger writes it (trace a-b)."""
    clone = a_scaled_object("podinfo-so-primary", "podinfo-primary")
    clone["metadata"]["labels"] = {"scaledobject.keda.sh/name": "podinfo-so", "team": "x"}
    cluster = cluster_with()
    cluster.create(a_deployment("podinfo-primary"), clone)
    cluster.run(1)
    labels = cluster.get(SCALED_OBJECT, "podinfo-so-primary")["metadata"]["labels"]
    assert labels == {"scaledobject.keda.sh/name": "podinfo-so-primary", "team": "x"}


def test_hpa_is_the_one_that_real_keda_makes():
    """Trace a-b, object keda-hpa-podinfo-so-primary."""
    cluster = cluster_with(a_scaled_object(minReplicaCount=2, maxReplicaCount=5))
    hpa = cluster.get(HPA, HPA_NAME)
    selector = {"matchLabels": {"scaledobject.keda.sh/name": "podinfo-so"}}
    assert hpa["spec"] == {
        "minReplicas": 2,
        "maxReplicas": 5,
        "metrics": [
            {
                "type": "External",
                "external": {
                    "metric": {"name": "s0-prometheus", "selector": selector},
                    "target": {"type": "AverageValue", "averageValue": "5"},
                },
            }
        ],
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "podinfo"},
    }
    assert hpa["metadata"]["labels"] == {
        "app.kubernetes.io/managed-by": "keda-operator",
        "app.kubernetes.io/name": HPA_NAME,
        "app.kubernetes.io/part-of": "podinfo-so",
        "app.kubernetes.io/version": "main",
        "scaledobject.keda.sh/name": "podinfo-so",
    }
    assert at(hpa, "metadata", "ownerReferences", 0, "name") == "podinfo-so"


def test_hpa_inherits_labels_but_the_excluded_and_annotations():
    scaled_object = a_scaled_object(minReplicaCount=0)
    scaled_object["metadata"] |= {
        "labels": {"team": "x", "secret": "y"},
        "annotations": {"note": "n", "scaledobject.keda.sh/hpa-excluded-labels": "secret, other"},
    }
    cluster = cluster_with(scaled_object)
    hpa = cluster.get(HPA, HPA_NAME)
    assert hpa["spec"]["minReplicas"] == 1
    assert hpa["metadata"]["labels"]["team"] == "x"
    assert "secret" not in hpa["metadata"]["labels"]
    assert hpa["metadata"]["annotations"]["note"] == "n"
    cluster.patch(SO, {"metadata": {"annotations": {"note": None}}})
    cluster.run(0)
    assert "note" not in cluster.get(HPA, HPA_NAME)["metadata"]["annotations"]


def test_hpa_follows_the_spec_and_its_name():
    cluster = cluster_with()
    cluster.patch(SO, {"spec": {"maxReplicaCount": 7}})
    cluster.run(0)
    assert cluster.get(HPA, HPA_NAME)["spec"]["maxReplicas"] == 7
    cluster.patch(SO, {"spec": {"advanced": {"horizontalPodAutoscalerConfig": {"name": "mine"}}}})
    cluster.run(0)
    assert cluster.named(HPA) == ["mine"]


def test_bounds_bring_the_target_up_at_once():
    cluster = cluster_with(a_scaled_object(minReplicaCount=2))
    assert cluster.replicas("podinfo") == 2


def test_paused_replicas_deletes_the_hpa_and_scales_the_target():
    cluster = cluster_with(replicas=3)
    annotate(cluster, paused_replicas="0")
    cluster.run(0)
    assert cluster.named(HPA) == []
    assert cluster.replicas("podinfo") == 0
    assert cluster.status(SCALED_OBJECT, "podinfo-so")["pausedReplicaCount"] == 0
    assert condition(cluster, "Paused") == ("True", "ScaledObjectPaused")
    assert condition(cluster, "Ready")[0] == "True"


def test_paused_target_scaled_by_hand_stays_as_it_is():
    """KEDA's loop stands still: the correction is the controller's business."""
    cluster = cluster_with()
    annotate(cluster, paused_replicas="0")
    cluster.run(1)
    cluster.patch(DEP, {"spec": {"replicas": 2}})
    cluster.run(60)
    assert cluster.replicas("podinfo") == 2
    annotate(cluster, paused_replicas="1")
    cluster.run(0)
    assert cluster.replicas("podinfo") == 1


def test_unpausing_brings_hpa_and_minimum_back():
    """Observed item 9: KEDA itself scales 0 to 1."""
    cluster = cluster_with()
    annotate(cluster, paused_replicas="0")
    cluster.run(60)
    annotate(cluster, paused_replicas=None)
    cluster.run(0)
    assert cluster.named(HPA) == [HPA_NAME]
    assert cluster.replicas("podinfo") == 1
    assert "pausedReplicaCount" not in cluster.status(SCALED_OBJECT, "podinfo-so")
    assert condition(cluster, "Paused")[0] == "False"


def test_pause_without_a_readable_number_freezes_and_is_not_ready():
    cluster = cluster_with()
    annotate(cluster, paused_replicas="none")
    cluster.run(1)
    assert cluster.named(HPA) == []
    assert cluster.replicas("podinfo") == 1
    assert condition(cluster, "Ready") == ("False", "ScaledObjectCheckFailed")


@pytest.mark.parametrize(("text", "frozen"), [("true", True), ("", True), ("no", True), ("false", False), ("0", False)])
def test_paused_is_true_for_any_text_that_is_not_false(text, frozen):
    cluster = cluster_with(replicas=2)
    annotate(cluster, paused=text)
    cluster.run(1)
    assert (cluster.named(HPA) == []) is frozen
    assert cluster.replicas("podinfo") == 2, "the size stays for now either way"


def test_number_wins_over_the_boolean_pause():
    cluster = cluster_with()
    annotate(cluster, paused="false", paused_replicas="3")
    cluster.run(1)
    assert cluster.replicas("podinfo") == 3


def test_paused_scale_in_keeps_the_hpa_without_its_way_down():
    """Trace k at 101.9."""
    cluster = cluster_with(replicas=3)
    annotate(cluster, paused_scale_in="true")
    cluster.run(120)
    hpa = cluster.get(HPA, HPA_NAME)
    assert hpa["spec"]["behavior"]["scaleDown"]["selectPolicy"] == "Disabled"
    assert hpa["spec"]["behavior"]["scaleUp"]["selectPolicy"] == "Max"
    assert condition(cluster, "Paused")[0] == "True"
    assert cluster.replicas("podinfo") == 3
    annotate(cluster, paused_scale_in=None)
    cluster.run(120)
    assert "behavior" not in cluster.get(HPA, HPA_NAME)["spec"]
    assert cluster.replicas("podinfo") == 1


def test_paused_scale_in_keeps_a_silent_target_from_zero():
    scaled_object = a_scaled_object(minReplicaCount=0)
    scaled_object["metadata"]["annotations"] = {"autoscaling.keda.sh/paused-scale-in": "true"}
    cluster = cluster_with(scaled_object)
    cluster.run(400)
    assert cluster.replicas("podinfo") == 1
    annotate(cluster, paused_scale_in="false")
    cluster.run(20)
    assert cluster.replicas("podinfo") == 0


def test_paused_scale_out_keeps_the_target_at_zero():
    cluster = cluster_with(a_scaled_object(minReplicaCount=0), replicas=0, behaviour=Behaviour(trigger_values={"prometheus": 1}))
    annotate(cluster, paused_scale_out="true")
    cluster.patch(SO, {"spec": {"triggers": [{"type": "kafka", "name": "lag", "metadata": {}}]}})
    cluster.behaviour = Behaviour(trigger_values={"lag": 10})
    cluster.run(60)
    assert cluster.replicas("podinfo") == 0
    annotate(cluster, paused_scale_out=None)
    cluster.run(20)
    assert cluster.replicas("podinfo") >= 1


def test_silent_target_goes_to_zero_at_once_when_it_was_never_active():
    cluster = cluster_with(a_scaled_object(minReplicaCount=0))
    assert cluster.replicas("podinfo") == 0


def test_initial_cooldown_holds_a_fresh_target():
    cluster = cluster_with(a_scaled_object(minReplicaCount=0, initialCooldownPeriod=40))
    cluster.run(30)
    assert cluster.replicas("podinfo") == 1
    cluster.run(10)
    assert cluster.replicas("podinfo") == 0


def test_activity_keeps_the_target_up_and_the_cooldown_counts_from_its_end():
    cluster = cluster_with(a_scaled_object(minReplicaCount=0, initialCooldownPeriod=60))
    load(cluster, rate=2, seconds=60)
    cluster.run(60)
    assert condition(cluster, "Active") == ("True", "ScalerActive")
    ended = cluster.now
    cluster.run(40)
    assert condition(cluster, "Active") == ("False", "ScalerNotActive")
    assert cluster.replicas("podinfo") == 1, "the rate over 30 s lasts, then come 20 s of cooldown"
    cluster.run(30)
    assert cluster.replicas("podinfo") == 0
    [when] = [when for when in cluster.written("scale", DEP) if when > ended]
    assert 30 + 20 - 10 <= when - ended <= 30 + 20 + 10


def test_activity_brings_a_target_up_from_zero_to_its_minimum():
    scaled_object = a_scaled_object(minReplicaCount=0, triggers=[{"type": "kafka", "metadata": {"threshold": "5"}}])
    cluster = cluster_with(scaled_object, replicas=0)
    cluster.behaviour = Behaviour(trigger_values={"kafka": 3})
    cluster.run(10)
    assert cluster.replicas("podinfo") == 1


def test_idle_count_is_below_the_minimum_until_activity_comes():
    spec = {"minReplicaCount": 3, "maxReplicaCount": 6, "idleReplicaCount": 0, "triggers": [{"type": "kafka", "metadata": {}}]}
    cluster = cluster_with(a_scaled_object(**spec), replicas=1)
    cluster.run(20)
    assert cluster.replicas("podinfo") == 0
    cluster.behaviour = Behaviour(trigger_values={"kafka": 1})
    cluster.run(20)
    assert cluster.replicas("podinfo") == 3


def test_activation_threshold_must_be_passed():
    trigger = {"type": "kafka", "metadata": {"activationThreshold": "5", "threshold": "10"}}
    cluster = cluster_with(a_scaled_object(minReplicaCount=0, triggers=[trigger]), replicas=0)
    cluster.behaviour = Behaviour(trigger_values={"kafka": 5})
    cluster.run(20)
    assert cluster.replicas("podinfo") == 0
    cluster.behaviour = Behaviour(trigger_values={"kafka": 6})
    cluster.run(20)
    assert cluster.replicas("podinfo") == 1


def test_only_resource_triggers_never_go_to_zero():
    cluster = cluster_with(a_scaled_object(minReplicaCount=0, triggers=[{"type": "cpu", "metadata": {"value": "60"}}]))
    cluster.run(300)
    assert cluster.replicas("podinfo") == 1
    assert cluster.get(HPA, HPA_NAME)["spec"]["metrics"] == [
        {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 60}}}
    ]


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"scaleTargetRef": {"name": "nobody"}}, "nobody does not exist"),
        ({"minReplicaCount": 4}, "above maxReplicaCount 3"),
        ({"triggers": []}, "no triggers"),
        ({"triggers": [{"type": "prometheus", "metadata": {"query": "sum("}}]}, "no trigger can be read"),
        ({"scaleTargetRef": {"kind": "StatefulSet", "name": "podinfo"}}, "Deployments only, not StatefulSet"),
    ],
)
def test_scaled_object_that_cannot_work_says_why_and_does_nothing(spec, message):
    cluster = cluster_with(a_scaled_object(**spec))
    [found] = [each for each in cluster.status(SCALED_OBJECT, "podinfo-so")["conditions"] if each["type"] == "Ready"]
    assert found["status"] == "False"
    assert message in found["message"]
    assert cluster.named(HPA) == []
    assert cluster.replicas("podinfo") == 1


def test_second_scaled_object_of_one_workload_is_refused():
    cluster = cluster_with()
    cluster.now += 1
    cluster.create(a_scaled_object("another"))
    cluster.run(5)
    assert cluster.condition(SCALED_OBJECT, "another", "Ready")[0] == "False"
    assert condition(cluster, "Ready")[0] == "True"


def test_deleted_scaled_object_goes_with_its_hpa_and_leaves_the_size():
    cluster = cluster_with(replicas=2)
    cluster.delete(SO)
    cluster.run(1)
    assert (cluster.named(SCALED_OBJECT), cluster.named(HPA)) == ([], [])
    assert cluster.replicas("podinfo") == 2


def test_deleted_scaled_object_restores_the_first_size_if_asked_to():
    cluster = cluster_with(a_scaled_object(minReplicaCount=2, advanced={"restoreToOriginalReplicaCount": True}))
    assert cluster.replicas("podinfo") == 2
    cluster.delete(SO)
    cluster.run(1)
    assert cluster.replicas("podinfo") == 1


def test_at_rest_keda_writes_nothing():
    cluster = cluster_with()
    annotate(cluster, paused_replicas="0")
    cluster.run(30)
    before = len(cluster.writes)
    cluster.run(3600)
    assert len(cluster.writes) == before


def test_clone_and_source_scale_apart():
    """The tutorial at work: the source paused at 0, the primary's copy within its own bounds by its own query."""
    cluster = cluster_with()
    cluster.create(
        a_deployment("podinfo-primary"),
        a_service("podinfo-svc", "podinfo-primary"),
        a_scaled_object("podinfo-so-primary", "podinfo-primary", minReplicaCount=2, maxReplicaCount=5),
    )
    annotate(cluster, paused_replicas="0")
    cluster.loads.append(Load(f"http://podinfo-svc.{NS}/", 22, cluster.now, cluster.now + 100))
    cluster.run(90)
    assert (cluster.replicas("podinfo"), cluster.replicas("podinfo-primary")) == (0, 5)
    cluster.run(200)
    assert (cluster.replicas("podinfo"), cluster.replicas("podinfo-primary")) == (0, 2)
    assert cluster.named(HPA) == ["keda-hpa-podinfo-so-primary"]


def test_forced_activation_brings_a_silent_target_up():
    scaled_object = a_scaled_object(minReplicaCount=0)
    scaled_object["metadata"]["annotations"] = {"autoscaling.keda.sh/force-activation": "true"}
    cluster = cluster_with(scaled_object, replicas=0)
    assert cluster.replicas("podinfo") == 1
    cluster.run(400)
    assert cluster.replicas("podinfo") == 1
