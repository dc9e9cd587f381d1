"""What an idle Canary costs (nothing), and how fast a change is seen (at once)."""

import pytest
from attrs import evolve

from canarykit import kinds
from canarykit.dicts import at
from canarykit.model import Ref
from e2e.scenes import GATEWAY, NEW, OLD, SETTINGS, a_podinfo, at_rest, released, rollout_of

pytestmark = pytest.mark.looptime(idle_timeout=36000)
AGENT = "canary-controller"
AT_ONCE_S = 0.5


def ours(rig, since):
    """The controller's own requests after ``since``."""
    return [each for each in rig.cluster.api.requests if each.at > since and each.user_agent.startswith(AGENT)]


def shared(request):
    """Whether a request is one that all Canaries share: the renewal of a watch, or the list of a whole kind (I10)."""
    path, _, query = request.path.partition("?")
    return request.verb in ("watch", "list") and "fieldSelector" not in query and "podinfo" not in path + query


MODES = {
    "kubernetes with a ScaledObject": {},
    "gatewayapi:v1": {**GATEWAY, "analysis": {"iterations": None, "stepWeight": 50, "maxWeight": 50}},
}


@pytest.mark.parametrize("canary", MODES.values(), ids=MODES.keys())
@pytest.mark.parametrize("phase", ["Initialized", "Succeeded"])
async def test_idle_canary_makes_no_request(canary, phase):
    """Over an hour nothing but watch renewals and shared lists is asked for; no request names the Canary's objects."""
    async with at_rest(*a_podinfo(canary)) as rig:
        if phase == "Succeeded":
            await released(rig, NEW)
            await rig.rest(60)
        since, passes, calls = rig.clock.now(), len(rig.decisions), len(rig.cluster.outside.calls)
        await rig.rest(3600)
        requests = ours(rig, since)
        assert [each for each in requests if not shared(each)] == []
        assert requests, "the shared ones are there, so the log was on"
        served = {each.path.partition("?")[0] for each in requests}
        assert not [path for path in served if "/namespaces/" in path]
        per_kind = len(requests) / len(served)
        assert per_kind <= 2 + 6 + 1, "a renewal in 30 to 60 minutes, a list in ten"
        assert len(rig.decisions) == passes, "not even a pass"
        assert len(rig.cluster.outside.calls) == calls
        assert rig.phase == phase


async def test_idle_canaries_of_a_failed_rollout_cost_nothing_either():
    """Failed is a phase of rest, too."""
    never = {"spec": {"template": {"metadata": {"labels": {"canarykit.dev/never-ready": "true"}}}}}
    async with at_rest() as rig:
        await rig.patch(kinds.DEPLOYMENT, "podinfo", never)
        await rig.until_phase("Failed", limit_s=200)
        await rig.rest(120)
        since = rig.clock.now()
        await rig.rest(3600)
        assert [each for each in ours(rig, since) if not shared(each)] == []
        assert "waiting" not in rollout_of(rig)


async def test_change_of_the_template_is_seen_at_once():
    """A push is a new revision in the same moment, whatever the interval."""
    settings = evolve(SETTINGS, min_interval_s=300.0)
    async with at_rest(settings=settings) as rig:
        await rig.rest(1000)
        await rig.set_image(NEW)
        pushed = rig.clock.now()
        await rig.until_phase("Progressing", limit_s=AT_ONCE_S)
        seen = next(when for when, _, rule, _ in rig.decisions if rule == "R2")
        assert seen - (pushed - 1_790_000_000) < 0.1
        assert rig.replicas("podinfo")[0] == 1, "and the target is up in the same pass"


async def test_other_changes_are_seen_at_once():
    """A new Canary, an edit, a request, a hand on the target, a lost object: each brings a pass in the same moment."""
    async with at_rest() as rig:
        await rig.rest(1000)

        async def seen(what, holds):
            began = len(rig.decisions)
            await what
            await rig.until(holds, AT_ONCE_S)
            assert len(rig.decisions) > began

        await seen(rig.request("abort"), lambda: rollout_of(rig).get("request") == "abort/1")
        edit = {"spec": {"autoscalerRef": {"primaryScalerReplicas": {"maxReplicas": 9}}}}
        primary = Ref.to(kinds.SCALED_OBJECT, "test", "podinfo-so-primary")
        await seen(
            rig.patch(kinds.CANARY, "podinfo", edit), lambda: rig.cluster.store.view()[primary]["spec"]["maxReplicaCount"] == 9
        )
        version = rig.get(kinds.SCALED_OBJECT, "podinfo-so-primary")["metadata"]["uid"]
        await seen(
            rig.cluster.delete(primary),
            lambda: at(rig.find(kinds.SCALED_OBJECT, "podinfo-so-primary") or {}, "metadata", "uid") not in (None, version),
        )
        await seen(
            rig.cluster.delete(Ref.to(kinds.SERVICE, "test", "podinfo-svc")),
            lambda: rig.find(kinds.SERVICE, "podinfo-svc") is not None,
        )
        assert rig.image("podinfo-primary") == OLD
