"""What people do to the scalers and to the target while a Canary rests, and rollouts with an HPA or without any scaler."""

import pytest

from canarykit import kinds
from canarykit.dicts import at
from canarykit.model import Ref
from e2e.scenes import (
    BOOTSTRAP,
    NEW,
    OLD,
    SUCCESS,
    a_podinfo,
    assert_rested,
    at_rest,
    pause_of,
    primary_pods,
    released,
    rollout_of,
)

pytestmark = pytest.mark.looptime(idle_timeout=36000)
PRIMARY_QUERY = 'sum(rate(http_requests_total{ app="podinfo-primary" }[30s]))'


def ref(rig, kind, name):
    return Ref.to(kind, rig.namespace, name)


def primary_spec(rig):
    return rig.get(kinds.SCALED_OBJECT, "podinfo-so-primary")["spec"]


def bounds(rig, name="podinfo-so-primary"):
    spec = rig.get(kinds.SCALED_OBJECT, name)["spec"]
    return spec.get("minReplicaCount"), spec.get("maxReplicaCount")


async def test_source_deleted_at_rest_is_a_warning_and_nothing_breaks():
    """Without its source the primary's scaler stays as it is; the condition says what is missing until it is back."""
    async with at_rest() as rig:
        serving, primary = primary_pods(rig), primary_spec(rig)
        await rig.cluster.delete(ref(rig, kinds.SCALED_OBJECT, "podinfo-so"))
        await rig.rest(2)
        accepted = rig.condition("Accepted")
        assert (accepted["status"], accepted["reason"]) == ("True", "Warnings")
        what = (
            "spec.autoscalerRef.name names a ScaledObject that does not exist in namespace test (found 'podinfo-so'). Create it"
        )
        assert accepted["message"].startswith(what)
        assert any("names a ScaledObject that does not exist" in text for text in rig.events()[2:])
        await rig.rest(120)
        assert rig.replicas("podinfo") == (0, 0)
        assert (primary_pods(rig), primary_spec(rig)) == (serving, primary)
        assert "marks" not in rollout_of(rig), "marks of an object that is gone are gone"
        scaler = a_podinfo()[2]
        await rig.apply(scaler)
        await rig.until(lambda: pause_of(rig) == "0", 5)
        await rig.rest(60)
        assert "does not exist" not in rig.condition("Accepted")["message"]
        assert_rested(rig, OLD)


async def test_rollout_without_its_source_scaler_goes_on():
    """A scaler that went missing never gates a rollout (W8)."""
    async with at_rest() as rig:
        await rig.cluster.delete(ref(rig, kinds.SCALED_OBJECT, "podinfo-so"))
        await rig.rest(10)
        await released(rig, NEW)
        assert rig.image("podinfo-primary") == NEW
        assert rig.events()[-6:] == SUCCESS


async def test_primary_scaler_deleted_at_rest_is_made_again():
    """Deleting the generated ScaledObject brings it back at once, equal to the one before; no pod of the primary restarts."""
    async with at_rest() as rig:
        serving, before = primary_pods(rig), primary_spec(rig)
        await rig.cluster.delete(ref(rig, kinds.SCALED_OBJECT, "podinfo-so-primary"))
        await rig.until(lambda: rig.find(kinds.SCALED_OBJECT, "podinfo-so-primary") is not None, 2)
        await rig.rest(30)
        assert primary_spec(rig) == before
        assert primary_pods(rig) == serving
        assert rig.find(kinds.HPA, "keda-hpa-podinfo-so-primary") is not None
        assert_rested(rig, OLD)


async def test_target_scaled_by_hand_at_rest_goes_down_again():
    """``kubectl scale`` of the idle target is corrected, without a rollout, and requests stay on the primary."""
    async with at_rest() as rig:
        events = rig.events()
        await rig.patch(kinds.DEPLOYMENT, "podinfo", {"spec": {"replicas": 3}}, "scale")
        await rig.until(lambda: rig.replicas("podinfo")[0] == 3, 1)
        await rig.until(lambda: rig.replicas("podinfo") == (0, 0), 60)
        await rig.rest(60)
        assert_rested(rig, OLD)
        assert rig.phase == "Initialized"
        assert rig.events() == events


async def test_pause_removed_by_hand_at_rest_is_set_again():
    """A source that somebody releases at rest is held down again."""
    async with at_rest() as rig:
        annotations = {"metadata": {"annotations": {"autoscaling.keda.sh/paused-replicas": None}}}
        await rig.patch(kinds.SCALED_OBJECT, "podinfo-so", annotations)
        await rig.until(lambda: pause_of(rig) is None, 1)
        await rig.until(lambda: pause_of(rig) == "0", 60)
        await rig.rest(60)
        assert_rested(rig, OLD)


SOURCE_EDIT = {"spec": {"maxReplicaCount": 7, "cooldownPeriod": 33}}


@pytest.mark.parametrize("policy", ["onPromotion", "overrides", "always"])
async def test_source_edited_at_rest(policy):
    """Only ``always`` follows the source at rest; the others take it over with the next promotion (cloning.md section 4.10)."""
    changes = {"autoscalerRef": {"primaryScalerSync": policy, "primaryScalerReplicas": {"minReplicas": 2, "maxReplicas": None}}}
    async with at_rest(*a_podinfo(changes)) as rig:
        serving = primary_pods(rig)
        assert bounds(rig) == (2, 3)
        await rig.patch(kinds.SCALED_OBJECT, "podinfo-so", SOURCE_EDIT)
        await rig.rest(30)
        followed = policy == "always"
        assert bounds(rig) == (2, 7 if followed else 3)
        assert primary_spec(rig)["cooldownPeriod"] == (33 if followed else 20)
        assert primary_pods(rig) == serving
        assert_rested(rig, OLD)
        await released(rig, NEW)
        assert bounds(rig) == (2, 7)
        assert primary_spec(rig)["cooldownPeriod"] == 33
        assert bounds(rig, "podinfo-so") == (1, 7), "the user's own object has the user's values"
        assert_rested(rig, NEW)


@pytest.mark.parametrize("policy", ["onPromotion", "overrides", "always"])
async def test_overrides_edited_at_rest(policy):
    """``primaryScalerReplicas`` and ``primaryScalerQueries`` act at once, unless the policy is Flagger's ``onPromotion``."""
    async with at_rest(*a_podinfo({"autoscalerRef": {"primaryScalerSync": policy}})) as rig:
        query = 'sum(rate(http_requests_total{ app="podinfo-primary" }[2m]))'
        edit = {
            "primaryScalerReplicas": {"minReplicas": 3, "maxReplicas": 6},
            "primaryScalerQueries": {"prom-trigger": query},
        }
        await rig.patch(kinds.CANARY, "podinfo", {"spec": {"autoscalerRef": edit}})
        await rig.rest(60)
        at_once = policy != "onPromotion"
        assert bounds(rig) == ((3, 6) if at_once else (2, 5))
        assert at(primary_spec(rig), "triggers", 0, "metadata", "query") == (query if at_once else PRIMARY_QUERY)
        assert rig.replicas("podinfo-primary") == ((3, 3) if at_once else (2, 2))
        assert rig.phase == "Initialized"
        await released(rig, NEW)
        assert bounds(rig) == (3, 6)
        assert at(primary_spec(rig), "triggers", 0, "metadata", "query") == query


async def test_overrides_removed_at_rest_go_back_to_the_source():
    """An override that is taken away leaves the source's own value behind."""
    async with at_rest() as rig:
        gone = {"primaryScalerReplicas": None, "primaryScalerQueries": None}
        await rig.patch(kinds.CANARY, "podinfo", {"spec": {"autoscalerRef": gone}})
        await rig.rest(60)
        assert bounds(rig) == (1, 3)
        assert at(primary_spec(rig), "triggers", 0, "metadata", "query") == PRIMARY_QUERY
        assert rig.replicas("podinfo-primary") == (1, 1)


async def test_users_own_pause_value_comes_back_during_the_analysis():
    """A pause that the user set before us is restored while the target is up, and again ours at rest (S18)."""
    paused = {"metadata": {"annotations": {"autoscaling.keda.sh/paused-replicas": "1"}}}
    async with at_rest(*a_podinfo(scaler=paused)) as rig:
        assert pause_of(rig) == "0"
        assert rollout_of(rig)["marks"] == {"pause": {"value": "1"}}
        assert pause_of(rig, "podinfo-so-primary") is None
        await rig.set_image(NEW)
        await rig.until(lambda: at(rig.canary, "status", "iterations") == 1, 200)
        assert pause_of(rig) == "1"
        await rig.until_phase("Succeeded", "Failed", limit_s=300)
        await rig.rest(60)
        assert rig.phase == "Succeeded"
        assert pause_of(rig) == "0"
        assert rollout_of(rig)["marks"] == {"pause": {"value": "1"}}


def an_hpa():
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "podinfo", "namespace": "test"},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "podinfo"},
            "minReplicas": 2,
            "maxReplicas": 4,
            "metrics": [
                {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 90}}}
            ],
        },
    }


HPA_REF = {
    "apiVersion": "autoscaling/v2",
    "kind": "HorizontalPodAutoscaler",
    "name": "podinfo",
    "primaryScalerQueries": None,
    "primaryScalerReplicas": {"minReplicas": 3, "maxReplicas": 6},
}


async def test_hpa_instead_of_scaled_object():
    """An HPA is cloned with the overrides, never paused; the target goes down by replicas alone and comes up at its minimum."""
    manifests = [*a_podinfo({"autoscalerRef": HPA_REF}, scaler=None)[:2], an_hpa(), a_podinfo({"autoscalerRef": HPA_REF})[3]]
    async with at_rest(*manifests) as rig:
        primary = rig.get(kinds.HPA, "podinfo-primary")
        assert (primary["spec"]["minReplicas"], primary["spec"]["maxReplicas"]) == (3, 6)
        assert primary["spec"]["scaleTargetRef"]["name"] == "podinfo-primary"
        assert rig.replicas("podinfo-primary") == (3, 3)
        source = rig.get(kinds.HPA, "podinfo")
        assert "marks" not in rollout_of(rig)
        await rig.set_image(NEW)
        await rig.until(lambda: at(rig.canary, "status", "iterations") == 1, 200)
        assert rig.replicas("podinfo")[1] >= 2
        await rig.until_phase("Succeeded", "Failed", limit_s=300)
        await rig.rest(120)
        assert rig.phase == "Succeeded"
        assert rig.replicas("podinfo") == (0, 0)
        assert rig.image("podinfo-primary") == NEW
        assert rig.get(kinds.HPA, "podinfo")["spec"] == source["spec"]
        assert not at(rig.get(kinds.HPA, "podinfo"), "metadata", "annotations")
        assert rig.events() == BOOTSTRAP + SUCCESS


async def test_no_scaler_at_all():
    """Without autoscalerRef the target comes up as big as the primary, and the primary keeps the size it was made with."""
    bare = a_podinfo({"autoscalerRef": None}, scaler=None, deployment={"spec": {"replicas": 2}})
    async with at_rest(*bare) as rig:
        assert rig.replicas("podinfo-primary") == (2, 2)
        await rig.set_image(NEW)
        await rig.until(lambda: at(rig.canary, "status", "iterations") == 1, 200)
        assert rig.replicas("podinfo") == (2, 2)
        await rig.until_phase("Succeeded", "Failed", limit_s=300)
        await rig.rest(60)
        assert rig.phase == "Succeeded"
        assert rig.replicas("podinfo") == (0, 0)
        assert rig.replicas("podinfo-primary") == (2, 2)
        assert rig.image("podinfo-primary") == NEW
        assert rig.events() == BOOTSTRAP + SUCCESS
        assert "marks" not in rollout_of(rig)


async def test_autoscaler_reference_removed_at_rest_prunes_the_clone():
    """A Canary that names no scaler any more loses the primary's copy; the primary's pods go on."""
    async with at_rest() as rig:
        serving = primary_pods(rig)
        await rig.patch(kinds.CANARY, "podinfo", {"spec": {"autoscalerRef": None}})
        await rig.until(lambda: rig.find(kinds.SCALED_OBJECT, "podinfo-so-primary") is None, 10)
        await rig.rest(60)
        assert primary_pods(rig) == serving
        assert rig.replicas("podinfo") == (0, 0)
        await released(rig, NEW)
