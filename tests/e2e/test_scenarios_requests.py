"""What a person asks of a Canary: requests by annotation, obeyed and refused; suspend; skipAnalysis."""

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
    pause_of,
    primary_pods,
    released,
    rollout_of,
    until_down,
)

pytestmark = pytest.mark.looptime(idle_timeout=36000)
PROMOTION_GATE = {"analysis": {"webhooks": [hook("ask-promotion", "confirm-promotion", "/gate/check")]}}
ROLLOUT_GATE = {"analysis": {"webhooks": [hook("ask-rollout", "confirm-rollout", "/gate/check")]}}


async def ended(rig, *phases, image):
    await rig.until_phase(*phases, limit_s=300)
    await until_down(rig)
    await rig.rest(30)
    assert_rested(rig, image)


async def at_iteration(rig, number):
    await rig.until(lambda: at(rig.canary, "status", "iterations") == number, 300)


async def test_retry_analyses_the_failed_revision_again():
    """``retry`` after Failed is a new rollout of the same template, with an id of its own."""
    async with at_rest() as rig:
        bend(rig, NEW, never_ready=True)
        await rig.set_image(NEW)
        await ended(rig, "Failed", image=OLD)
        first, before = rollout_of(rig)["id"], len(rig.events())
        await rig.rest(300)
        assert rig.phase == "Failed", "a failed revision is not tried again by itself"
        bend(rig, NEW, never_ready=False)
        await rig.request("retry")
        await rig.until_phase("Progressing", limit_s=5)
        assert rollout_of(rig)["id"] != first
        await ended(rig, "Succeeded", "Failed", image=NEW)
        assert rig.events()[before:] == [SUCCESS[0], "Request retry/1 accepted", *SUCCESS[1:]]


async def test_undo_promotes_the_revision_before_without_analysis():
    """``undo`` takes the primary back; the target stays down and its template, the undone one, starts nothing; ``retry`` does."""
    async with at_rest() as rig:
        await released(rig, NEW)
        before = len(rig.events())
        await rig.request("undo")
        await rig.until_phase("Promoting", limit_s=5)
        await ended(rig, "Succeeded", "Failed", image=OLD)
        assert rig.phase == "Succeeded"
        assert rig.image("podinfo") == NEW, "the target's template is the user's"
        said = rig.events()[before:]
        assert said[0].startswith("Undo podinfo.test: from revision ck1-")
        assert said[1:] == [SUCCESS[4], "Request undo/1 accepted", SUCCESS[5]]
        await rig.rest(300)
        assert rig.phase == "Succeeded"
        await rig.request("retry", "2")
        await rig.until_phase("Progressing", limit_s=5)
        await ended(rig, "Succeeded", "Failed", image=NEW)
        await rig.set_image(NEWER)
        await rig.until_phase("Progressing", limit_s=5)
        await ended(rig, "Succeeded", "Failed", image=NEWER)


async def test_undo_without_an_earlier_revision_is_refused():
    """There is nothing to go back to after the bootstrap."""
    async with at_rest() as rig:
        await rig.request("undo")
        await rig.rest(10)
        refused = "Request undo/1 refused: no earlier promoted revision is kept, or the primary is healthy"
        assert rig.events()[:-1] == BOOTSTRAP
        assert rig.events()[-1].startswith(refused)
        assert rollout_of(rig)["request"] == "undo/1"
        assert_rested(rig, OLD)


async def test_abort_rolls_back():
    """``abort`` in the analysis is a rollback by hand, once: a push afterwards is not aborted (each request is consumed)."""
    async with at_rest() as rig:
        serving = primary_pods(rig)
        await rig.set_image(NEW)
        await at_iteration(rig, 1)
        await rig.request("abort")
        await rig.until_phase("Failed", limit_s=5)
        await ended(rig, "Failed", image=OLD)
        assert primary_pods(rig) == serving
        said = ["Rolling back podinfo.test manual webhook invoked", "Canary failed! Scaling down podinfo.test"]
        assert rig.events()[2:] == [*SUCCESS[:3], *said, "Request abort/1 accepted"]
        await released(rig, NEWER)
        assert_rested(rig, NEWER)


async def test_abort_at_rest_is_refused_and_not_kept_for_later():
    """A request that cannot be obeyed now is refused with a reason and has no effect on the next rollout."""
    async with at_rest() as rig:
        await rig.request("abort")
        await rig.rest(10)
        where = "Progressing, Promoting, Waiting, WaitingPromotion"
        assert rig.events()[2:] == [f"Request abort/1 refused: abort works in {where}, not in Initialized"]
        await released(rig, NEW)
        assert_rested(rig, NEW)


async def test_unknown_request_is_refused_with_the_known_ones():
    """A typing error is answered with what exists."""
    async with at_rest() as rig:
        await rig.request("promot")
        await rig.rest(10)
        (said,) = rig.events()[2:]
        assert said.startswith("Request promot/1 refused: 'promot/1' names no request; use <verb>/<token> with one of abort, ")


async def test_abort_while_waiting_for_approval():
    """``abort`` at a closed confirm-rollout takes the rollout off the table; the same revision does not ask again."""
    async with at_rest(*a_podinfo(ROLLOUT_GATE)) as rig:
        await rig.set_image(NEW)
        await rig.until_phase("Waiting", limit_s=10)
        await rig.request("abort")
        await rig.until_phase("Initialized", limit_s=5)
        await rig.rest(300)
        assert rig.phase == "Initialized"
        assert_rested(rig, OLD)
        rig.cluster.outside.gates["gate:podinfo.test"] = True
        await rig.set_image(NEWER)
        await rig.until_phase("Progressing", limit_s=10)
        await ended(rig, "Succeeded", "Failed", image=NEWER)


async def test_pause_holds_and_resume_restarts_the_interval():
    """While paused no check, no step and no promotion happens; resuming goes on an interval later."""
    async with at_rest() as rig:
        await rig.set_image(NEW)
        await at_iteration(rig, 1)
        await rig.request("pause")
        await rig.rest(300)
        assert rig.phase == "Progressing"
        assert at(rig.canary, "status", "iterations") == 1
        assert rollout_of(rig)["waiting"].startswith("paused by request")
        await rig.request("resume", "2")
        await rig.rest(8)
        assert at(rig.canary, "status", "iterations") == 1
        await at_iteration(rig, 2)
        await ended(rig, "Succeeded", "Failed", image=NEW)
        said = rig.events()[2:]
        assert said == [*SUCCESS[:3], "Request pause/1 accepted", "Request resume/2 accepted", *SUCCESS[3:]]


async def test_paused_rollout_can_still_be_aborted_and_reverted():
    """A pause holds progress, never a way out."""
    async with at_rest() as rig:
        await rig.set_image(NEW)
        await at_iteration(rig, 1)
        await rig.request("pause")
        await rig.rest(30)
        await rig.set_image(OLD)
        await rig.until_phase("Initialized", limit_s=5)
        await until_down(rig)
        await rig.rest(20)
        assert_rested(rig, OLD)
        assert "paused" not in rollout_of(rig)


async def test_promote_opens_the_promotion_gate_for_this_rollout():
    """``promote`` in WaitingPromotion passes the closed gate, both at the switch and at the promotion, and only this time."""
    async with at_rest(*a_podinfo(PROMOTION_GATE)) as rig:
        await rig.set_image(NEW)
        await rig.until_phase("WaitingPromotion", limit_s=300)
        await rig.request("promote")
        await ended(rig, "Succeeded", "Failed", image=NEW)
        halt = "Halt podinfo.test advancement waiting for promotion approval ask-promotion"
        assert rig.events()[2:] == [*SUCCESS[:4], halt, "Request promote/1 accepted", *SUCCESS[4:]]
        await rig.set_image(NEWER)
        await rig.until_phase("WaitingPromotion", limit_s=300)
        await rig.rest(120)
        assert rig.phase == "WaitingPromotion"


async def test_promote_elsewhere_is_refused():
    """``promote`` does not cut an analysis short."""
    async with at_rest() as rig:
        await rig.set_image(NEW)
        await at_iteration(rig, 1)
        await rig.request("promote")
        await rig.rest(5)
        assert at(rig.canary, "status", "iterations") == 1
        await ended(rig, "Succeeded", "Failed", image=NEW)
        refused = "Request promote/1 refused: promote works in WaitingPromotion, not in Progressing"
        assert rig.events()[2:] == [*SUCCESS[:3], refused, *SUCCESS[3:]]


async def test_suspend_freezes_everything_and_time():
    """A suspended Canary changes nothing, its deadlines stand still, and it goes on where it was."""
    async with at_rest() as rig:
        await rig.set_image(NEW)
        await at_iteration(rig, 1)
        await rig.patch(kinds.CANARY, "podinfo", {"spec": {"suspend": True}})
        await rig.rest(3)
        versions = object_versions(rig)
        await rig.rest(3600)
        assert object_versions(rig) == versions
        assert rig.phase == "Progressing"
        assert pause_of(rig) is None
        await rig.patch(kinds.CANARY, "podinfo", {"spec": {"suspend": False}})
        await ended(rig, "Succeeded", "Failed", image=NEW)
        assert rig.phase == "Succeeded"
        assert [text for text in rig.events()[2:] if "suspended" not in text] == SUCCESS


def object_versions(rig):
    """Versions of what our controller may write; KEDA's own status writes to ScaledObjects go on."""
    ours = ("Canary", "Deployment", "Service", "ControllerRevision", "Event")
    return {ref: each["metadata"]["resourceVersion"] for ref, each in rig.cluster.store.view().items() if ref.kind in ours}


async def test_suspended_at_rest_ignores_a_push_until_it_is_resumed():
    """A push while suspended waits."""
    async with at_rest() as rig:
        await rig.patch(kinds.CANARY, "podinfo", {"spec": {"suspend": True}})
        await rig.set_image(NEW)
        await rig.rest(300)
        assert rig.phase == "Initialized"
        assert rig.replicas("podinfo") == (0, 0)
        await rig.patch(kinds.CANARY, "podinfo", {"spec": {"suspend": False}})
        await rig.until_phase("Progressing", limit_s=2)
        await ended(rig, "Succeeded", "Failed", image=NEW)


async def test_skip_analysis_promotes_without_checks():
    """``skipAnalysis`` copies as soon as the target is ready, and waits for the primary before it says Succeeded."""
    async with at_rest(*a_podinfo({"skipAnalysis": True})) as rig:
        assert rig.events() == ["Initialization done! podinfo.test"], "no metric provider is needed"
        await rig.set_image(NEW)
        await rig.until_phase("Promoting", limit_s=30)
        await rig.until_phase("Succeeded", "Failed", limit_s=100)
        assert set(primary_pods(rig).values()) == {NEW}, "Succeeded is exact"
        await ended(rig, "Succeeded", image=NEW)
        skipped = "Promotion completed! Canary analysis was skipped for podinfo.test"
        assert rig.events()[1:] == [SUCCESS[0], SUCCESS[4], skipped]
