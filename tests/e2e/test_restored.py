"""A Canary that lost its memory: status wiped, or deleted with orphans left behind and applied again.

What the primary runs is adopted (rule N0): no primary pod restarts, and no template that was not analysed reaches the primary.
"""

import pytest

from canarykit import kinds
from canarykit.dicts import at
from canarykit.model import Ref
from canarykit.names import PAUSED_REPLICAS_ANNOTATION
from e2e.scenes import (
    BOOTSTRAP,
    NEW,
    NEWER,
    OLD,
    a_podinfo,
    assert_rested,
    at_rest,
    pause_of,
    primary_pods,
    released,
    rollout_of,
    until_down,
)

pytestmark = pytest.mark.looptime(idle_timeout=36000)
ADOPTED = "Initialization done! podinfo.test adopted the primary as it is"


def primary_images(rig, since):
    """Images that the primary's template had after version ``since`` of the store."""
    return {
        at(change.manifest, "spec", "template", "spec", "containers", 0, "image")
        for change in rig.cluster.store.write_log
        if change.key.plural == "deployments" and change.key.name == "podinfo-primary" and change.version > since
    }


async def wipe(rig):
    await rig.patch(kinds.CANARY, "podinfo", {"status": None}, "status")


@pytest.mark.parametrize("running", [True, False], ids=["controller running", "controller stopped"])
async def test_wiped_status_at_rest_adopts_the_primary(running):
    """Nothing restarts and nothing is analysed: the primary, and the target's equal template, are what is promoted."""
    async with at_rest() as rig:
        await released(rig, NEW)
        serving, since, revision = primary_pods(rig), rig.cluster.store.version, rollout_of(rig)["promotedRevision"]
        if not running:
            await rig.stop_controller()
        await wipe(rig)
        if not running:
            await rig.rest(5)
            await rig.start_controller()
        await rig.until_phase("Initialized", limit_s=10)
        await rig.rest(120)
        assert rig.phase == "Initialized"
        assert primary_pods(rig) == serving
        assert primary_images(rig, since) <= {NEW}
        assert rollout_of(rig)["promotedRevision"] == rollout_of(rig)["revision"] == revision
        assert rig.replicas("podinfo") == (0, 0)
        assert pause_of(rig) == "0"
        assert rig.events()[-1] == ADOPTED
        await released(rig, NEWER)
        assert_rested(rig, NEWER)


async def test_wiped_status_during_an_analysis_starts_the_analysis_again():
    """The target's other template is a new revision: it is analysed from the beginning before the primary gets it."""
    async with at_rest() as rig:
        serving, since = primary_pods(rig), rig.cluster.store.version
        await rig.set_image(NEW)
        await rig.until(lambda: at(rig.canary, "status", "iterations") == 1, 200)
        first = rollout_of(rig)["id"]
        await wipe(rig)
        await rig.until(lambda: rig.phase == "Progressing" and rollout_of(rig).get("id") != first, 30)
        assert primary_images(rig, since) <= {OLD}
        assert primary_pods(rig) == serving
        await rig.until(lambda: at(rig.canary, "status", "iterations") == 2, 200)
        assert primary_images(rig, since) <= {OLD}
        await rig.until_phase("Succeeded", "Failed", limit_s=200)
        await until_down(rig)
        await rig.rest(30)
        assert_rested(rig, NEW)


async def test_wiped_status_while_promoting_analyses_what_the_target_has():
    """In a promotion what the primary's template says is adopted; the target at the same template starts nothing."""
    async with at_rest() as rig:
        await rig.set_image(NEW)
        await rig.until_phase("Promoting", limit_s=300)
        await rig.until(lambda: rig.image("podinfo-primary") == NEW, 10)
        await wipe(rig)
        await rig.until_phase("Initialized", limit_s=30)
        await until_down(rig)
        await rig.rest(60)
        assert_rested(rig, NEW)


async def orphan_and_apply_again(rig, *changed, while_gone=None):
    await rig.cluster.delete(Ref.to(kinds.CANARY, "test", "podinfo"), "Orphan")
    await rig.until(lambda: rig.find(kinds.CANARY, "podinfo") is None, 10)
    await rig.rest(30)
    if while_gone is not None:
        await while_gone()
    await rig.apply(a_podinfo(*changed)[3])


async def test_reapplied_after_an_orphaning_delete_adopts_everything():
    """Every generated object is taken over as it is, with the new Canary as its owner; no pod restarts."""
    async with at_rest() as rig:
        serving, since = primary_pods(rig), rig.cluster.store.version
        await orphan_and_apply_again(rig)
        await rig.until_phase("Initialized", limit_s=10)
        await rig.rest(120)
        assert_rested(rig, OLD)
        assert primary_pods(rig) == serving
        assert primary_images(rig, since) <= {OLD}
        uid = rig.canary["metadata"]["uid"]
        owned = [
            (kinds.DEPLOYMENT, "podinfo-primary"),
            (kinds.SERVICE, "podinfo-svc"),
            (kinds.SERVICE, "podinfo-svc-primary"),
            (kinds.SERVICE, "podinfo-svc-canary"),
            (kinds.SCALED_OBJECT, "podinfo-so-primary"),
        ]
        for kind, name in owned:
            owners = at(rig.get(kind, name), "metadata", "ownerReferences", default=[])
            assert [each["uid"] for each in owners if each.get("controller")] == [uid], name
        await released(rig, NEW)
        assert_rested(rig, NEW)


async def test_push_while_the_canary_is_gone_is_analysed_after_it_is_back():
    """A template that arrived in between never reaches the primary unanalysed."""
    async with at_rest() as rig:
        serving, since = primary_pods(rig), rig.cluster.store.version
        await orphan_and_apply_again(rig, while_gone=lambda: rig.set_image(NEW))
        await rig.until_phase("Progressing", limit_s=30)
        await rig.until(lambda: at(rig.canary, "status", "iterations") == 2, 300)
        assert primary_images(rig, since) <= {OLD}
        assert primary_pods(rig) == serving
        await rig.until_phase("Succeeded", "Failed", limit_s=200)
        await until_down(rig)
        await rig.rest(30)
        assert_rested(rig, NEW)


async def test_deleted_canary_takes_what_it_owns_along_and_can_start_anew():
    """Without an orphaning delete the generated objects go with the Canary, and applying it again is a bootstrap."""
    async with at_rest() as rig:
        await rig.cluster.delete(Ref.to(kinds.CANARY, "test", "podinfo"))
        await rig.until(lambda: rig.find(kinds.DEPLOYMENT, "podinfo-primary") is None, 30)
        await rig.rest(10)
        unpaused = {"metadata": {"annotations": {PAUSED_REPLICAS_ANNOTATION: None}}}
        await rig.patch(kinds.SCALED_OBJECT, "podinfo-so", unpaused)
        await rig.patch(kinds.DEPLOYMENT, "podinfo", {"spec": {"replicas": 1}}, "scale")
        await rig.rest(10)
        await rig.apply(a_podinfo()[3])
        await rig.until_phase("Initialized", limit_s=60)
        await until_down(rig)
        await rig.rest(30)
        assert_rested(rig, OLD)
        assert rig.events()[-2:] == BOOTSTRAP
