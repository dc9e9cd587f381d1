"""Rollouts that do not go straight: reverts, newer pushes, failing checks, gates, and sides that do not get ready."""

import pytest

from canarykit import kinds
from canarykit.dicts import at
from e2e.scenes import (
    BOOTSTRAP,
    NEW,
    NEWER,
    OLD,
    SUCCESS,
    a_podinfo,
    assert_rested,
    at_rest,
    bend,
    hook,
    primary_pods,
    released,
    rollout_of,
    until_down,
)

pytestmark = pytest.mark.looptime(idle_timeout=36000)


async def test_release_and_second_release_succeed():
    """Two good releases in a row: both promoted, each with the full list of Events."""
    async with at_rest() as rig:
        await released(rig, NEW)
        assert rig.events() == BOOTSTRAP + SUCCESS
        assert_rested(rig, NEW)
        await released(rig, NEWER)
        assert_rested(rig, NEWER)
        assert rig.events() == BOOTSTRAP + SUCCESS + SUCCESS
        assert rig.canary["status"]["lastAppliedSpec"] == rig.canary["status"]["lastPromotedSpec"]


async def test_revert_during_analysis_cancels():
    """Taking the image back ends the rollout as a cancel; the primary's pods stay, and the revision can be pushed again."""
    async with at_rest() as rig:
        serving = primary_pods(rig)
        await rig.set_image(NEW)
        await rig.until(lambda: at(rig.canary, "status", "iterations") == 1, 300)
        await rig.set_image(OLD)
        await rig.until_phase("Initialized", limit_s=30)
        await until_down(rig)
        await rig.rest(60)
        assert_rested(rig, OLD)
        assert primary_pods(rig) == serving
        assert rig.events()[2:] == [*SUCCESS[:3], "Rollout cancelled: podinfo.test is back at the promoted revision"]
        assert rig.condition("Promoted")["reason"] == "Initialized"
        assert rollout_of(rig)["revision"] == rollout_of(rig)["promotedRevision"]
        await released(rig, NEW)
        assert_rested(rig, NEW)


async def test_new_revision_during_analysis_restarts_it():
    """A push in the middle of an analysis starts it again; only the newer image is promoted."""
    async with at_rest() as rig:
        await rig.set_image(NEW)
        await rig.until(lambda: at(rig.canary, "status", "iterations") == 1, 300)
        first = rollout_of(rig)["id"]
        await rig.set_image(NEWER)
        await rig.until(lambda: rollout_of(rig)["id"] != first, 5)
        assert rig.phase == "Progressing"
        assert at(rig.canary, "status", "iterations") == 0
        await rig.until_phase("Succeeded", "Failed", limit_s=300)
        await until_down(rig)
        await rig.rest(30)
        assert_rested(rig, NEWER)
        restarted = "New revision detected! Restarting analysis for podinfo.test"
        assert rig.events()[2:] == [*SUCCESS[:3], restarted, *SUCCESS[1:]]
        assert NEW not in seen_images(rig)


def seen_images(rig):
    """Images that the primary's template ever had, from the API server's history."""
    return {
        at(change.manifest, "spec", "template", "spec", "containers", 0, "image")
        for change in rig.cluster.store.write_log
        if change.key.plural == "deployments" and change.key.name == "podinfo-primary"
    }


async def test_failing_metric_rolls_back():
    """Two failed checks in a row end in Failed in the pass that reaches the threshold (W29); the old image serves on."""
    async with at_rest() as rig:
        serving = primary_pods(rig)
        bend(rig, NEW, error_rate=1.0)
        rig.cluster.world.put_load(_load(rig))
        await released(rig, NEW, "Failed")
        assert_rested(rig, OLD)
        assert primary_pods(rig) == serving
        events = rig.events()[2:]
        assert events[:3] == SUCCESS[:3]
        assert events[3].startswith("Halt podinfo.test advancement success rate ")
        assert events[-2:] == [
            "Rolling back podinfo.test failed checks threshold reached 2",
            "Canary failed! Scaling down podinfo.test",
        ]
        assert rig.condition("Promoted")["status"] == "False"
        assert rig.condition("Promoted")["message"] == "Canary analysis failed, Deployment scaled to zero."
        assert seen_images(rig) == {OLD}


def _load(rig):
    from canarykit.world.traffic import Load

    now = rig.clock.now()
    return Load("http://podinfo-svc-canary.test/", 10, now, now + 10_000)


async def test_closed_then_opened_rollout_gate():
    """A closed confirm-rollout keeps the target at zero in Waiting, is said once, and opening it starts the rollout."""
    gate = {"analysis": {"webhooks": [hook("ask-rollout", "confirm-rollout", "/gate/check")]}}
    async with at_rest(*a_podinfo(gate)) as rig:
        await rig.set_image(NEW)
        await rig.until_phase("Waiting", limit_s=30)
        await rig.rest(300)
        assert rig.phase == "Waiting"
        assert rig.replicas("podinfo") == (0, 0)
        assert rig.condition("Promoted")["message"] == "Waiting for approval."
        halt = "Halt podinfo.test advancement waiting for approval ask-rollout"
        assert rig.events()[2:] == [halt]
        asked = [path for path, _ in rig.cluster.outside.calls]
        assert 28 <= asked.count("/gate/check") <= 32, "once per interval"
        assert {payload["phase"] for _, payload in rig.cluster.outside.calls} == {"Initialized", "Waiting"}
        rig.cluster.outside.gates["gate:podinfo.test"] = True
        await rig.until_phase("Succeeded", "Failed", limit_s=300)
        await until_down(rig)
        await rig.rest(30)
        assert_rested(rig, NEW)
        assert rig.events()[2:] == [halt, "Confirm-rollout check ask-rollout passed", *SUCCESS]


async def test_closed_then_opened_promotion_gate():
    """confirm-promotion holds after the last iteration without counting failures, and opening it promotes."""
    gate = {"analysis": {"webhooks": [hook("ask-promotion", "confirm-promotion", "/gate/check")]}}
    async with at_rest(*a_podinfo(gate)) as rig:
        await rig.set_image(NEW)
        await rig.until_phase("WaitingPromotion", limit_s=300)
        await rig.rest(300)
        assert rig.phase == "WaitingPromotion"
        assert at(rig.canary, "status", "failedChecks") == 0
        assert at(rig.canary, "status", "iterations") == 2
        assert rig.replicas("podinfo")[1] >= 1
        assert rig.image("podinfo-primary") == OLD
        halt = "Halt podinfo.test advancement waiting for promotion approval ask-promotion"
        assert rig.events()[2:] == [*SUCCESS[:4], halt]
        rig.cluster.outside.gates["gate:podinfo.test"] = True
        await rig.until_phase("Succeeded", "Failed", limit_s=300)
        await until_down(rig)
        await rig.rest(30)
        assert_rested(rig, NEW)
        passed = "Confirm-promotion check ask-promotion passed"
        assert rig.events()[2:] == [*SUCCESS[:4], halt, passed, passed, *SUCCESS[4:]], "asked at the switch and at the promotion"


NEVER_READY_SHAPES = {
    "tutorial (observed.md item 3: the Deployment itself never notices)": {},
    "maxUnavailable 0": {"spec": {"strategy": {"rollingUpdate": {"maxUnavailable": 0}}}},
    "no deadline of its own": {"spec": {"progressDeadlineSeconds": 2147483647}},
}


@pytest.mark.parametrize("shape", NEVER_READY_SHAPES.values(), ids=NEVER_READY_SHAPES.keys())
async def test_canary_that_never_gets_ready_is_rolled_back(shape):
    """After one progress deadline of waiting the rollout is Failed, with its Events, whatever the Deployment says of itself."""
    async with at_rest(*a_podinfo(deployment=shape)) as rig:
        serving = primary_pods(rig)
        bend(rig, NEW, never_ready=True)
        await rig.set_image(NEW)
        await rig.until_phase("Progressing", limit_s=10)
        began = rig.clock.now()
        await rig.until_phase("Failed", limit_s=200)
        assert 59 <= rig.clock.now() - began <= 70, "one progressDeadlineSeconds"
        await until_down(rig)
        await rig.rest(30)
        assert_rested(rig, OLD)
        assert primary_pods(rig) == serving
        events = rig.events()[2:]
        assert events[0] == SUCCESS[0]
        assert events[1].startswith("canary deployment podinfo.test not ready: waiting for rollout to finish: ")
        assert events[2].startswith("Rolling back podinfo.test progress deadline exceeded canary not ready: ")
        assert events[3:] == ["Canary failed! Scaling down podinfo.test"]


async def test_primary_that_never_gets_ready_fails_the_promotion():
    """M6: the promotion fails after the deadline, the primary goes back to the promoted template, and requests are never lost."""
    async with at_rest(load_per_s=5) as rig:
        bend(rig, NEW, "podinfo-primary-", never_ready=True)
        lost = rig.cluster.world.current_traffic().lost()
        await rig.set_image(NEW)
        await rig.until_phase("Promoting", limit_s=300)
        began = rig.clock.now()
        await rig.until_phase("Failed", limit_s=200)
        assert 59 <= rig.clock.now() - began <= 70
        await until_down(rig)
        await rig.rest(60)
        assert_rested(rig, OLD)
        assert set(primary_pods(rig).values()) == {OLD}
        events = rig.events()[2:]
        assert events[:5] == SUCCESS[:5]
        failed = [text for text in events if text.startswith("Promotion of podinfo.test failed, primary not ready: ")]
        assert len(failed) == 1
        assert events[-1] == "Canary failed! Scaling down podinfo.test"
        assert rig.cluster.world.current_traffic().lost() == lost


async def test_primary_that_dies_while_promoting_and_stays_dead():
    """The old template cannot run any more either: requests stay on the target for as long as that lasts, then come back."""
    async with at_rest(load_per_s=5) as rig:
        await rig.set_image(NEW)
        await rig.until_phase("Promoting", limit_s=300)
        bend(rig, "", "podinfo-primary-", never_ready=True)
        for name in primary_pods(rig):
            await rig.cluster.delete(_pod(rig, name))
        await rig.until_phase("Failed", limit_s=200)
        await rig.rest(120)
        assert rig.image("podinfo-primary") == OLD, "the primary goes back to the promoted template"
        assert rig.replicas("podinfo")[1] > 0, "the target is kept up"
        assert at(rig.get(kinds.SERVICE, "podinfo-svc"), "spec", "selector") == {"app": "podinfo"}
        assert rollout_of(rig)["waiting"] == "primary has no ready pods: requests stay on the target"
        lost = rig.cluster.world.current_traffic().lost()
        bend(rig, "", "podinfo-primary-", never_ready=False)
        await until_down(rig)
        await rig.rest(60)
        assert_rested(rig, OLD)
        assert rig.cluster.world.current_traffic().lost() == lost, "nothing is lost on the way back"


def _pod(rig, name):
    from canarykit.model import Ref

    return Ref.to(kinds.POD, rig.namespace, name)


async def test_primary_that_dies_while_promoting_and_recovers():
    """A primary that is back before the deadline is promoted as if nothing had been."""
    async with at_rest(load_per_s=5) as rig:
        await rig.set_image(NEW)
        await rig.until_phase("Promoting", limit_s=300)
        for name in primary_pods(rig):
            await rig.cluster.delete(_pod(rig, name))
        await rig.until_phase("Succeeded", "Failed", limit_s=200)
        await until_down(rig)
        await rig.rest(60)
        assert_rested(rig, NEW)
        assert rig.events()[2:] == SUCCESS
