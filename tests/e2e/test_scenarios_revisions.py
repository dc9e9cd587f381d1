"""What starts a rollout and what does not: templates, defaults, configs, restarts; and what is kept for later (W16, W19)."""

import pytest

from canary_controller.sandbox.store import Key
from canarykit import kinds
from canarykit.dicts import at
from canarykit.model import Ref
from e2e.scenes import (
    BOOTSTRAP,
    GATEWAY,
    NEW,
    OLD,
    SUCCESS,
    a_podinfo,
    assert_rested,
    at_rest,
    bend,
    primary_pods,
    put_load,
    released,
    rollout_of,
    until_down,
)

pytestmark = pytest.mark.looptime(idle_timeout=36000)


def template_of(rig, name="podinfo"):
    return rig.get(kinds.DEPLOYMENT, name)["spec"]["template"]


async def change_container(rig, **changes):
    container = template_of(rig)["spec"]["containers"][0]
    body = {"spec": {"template": {"spec": {"containers": [{**container, **changes}]}}}}
    await rig.patch(kinds.DEPLOYMENT, "podinfo", body)


async def finished(rig):
    await rig.until_phase("Progressing", limit_s=5)
    await rig.until_phase("Succeeded", "Failed", limit_s=300)
    await until_down(rig)
    await rig.rest(30)
    assert rig.events() == BOOTSTRAP + SUCCESS, rig.story()
    assert_rested(rig, OLD)


async def test_rollout_restart_starts_a_rollout():
    """``kubectl rollout restart`` is a new template like any other."""
    async with at_rest() as rig:
        stamp = {"kubectl.kubernetes.io/restartedAt": "2026-09-21T10:00:00Z"}
        await rig.patch(kinds.DEPLOYMENT, "podinfo", {"spec": {"template": {"metadata": {"annotations": stamp}}}})
        await finished(rig)
        assert at(template_of(rig, "podinfo-primary"), "metadata", "annotations").items() >= stamp.items()


async def test_set_env_starts_a_rollout():
    """``kubectl set env`` is a new template like any other."""
    async with at_rest() as rig:
        await change_container(rig, env=[{"name": "COLOUR", "value": "green"}])
        await finished(rig)
        assert template_of(rig, "podinfo-primary")["spec"]["containers"][0]["env"] == [{"name": "COLOUR", "value": "green"}]


async def test_added_probe_starts_a_rollout():
    """A probe that somebody adds is a new template, with or without defaults in it."""
    async with at_rest() as rig:
        await change_container(rig, readinessProbe={"httpGet": {"path": "/readyz", "port": 9898}})
        await finished(rig)
        assert at(template_of(rig, "podinfo-primary"), "spec", "containers", 0, "readinessProbe", "httpGet", "path") == "/readyz"


async def test_new_defaults_of_the_server_start_nothing():
    """A field that nobody owns and that only appeared (an upgraded API server's default) is no new revision; a later push is."""
    async with at_rest() as rig:
        events, revision = rig.events(), rollout_of(rig)["revision"]
        found = rig.get(kinds.DEPLOYMENT, "podinfo")
        spec = found["spec"]["template"]["spec"]
        container = {**spec["containers"][0], "newDefault": "Always"}
        template = {**found["spec"]["template"], "spec": {**spec, "hostUsers": True, "containers": [container]}}
        upgraded = {**found, "spec": {**found["spec"], "template": template}}
        rig.cluster.store.replace(Key("apps", "deployments", "test", "podinfo"), upgraded)
        await rig.rest(120)
        assert rig.phase == "Initialized"
        assert rig.events() == events
        assert rollout_of(rig)["revision"] == revision
        assert template_of(rig)["spec"]["hostUsers"] is True, "the default is really there"
        await rig.stop_controller()
        await rig.start_controller()
        await rig.rest(120)
        assert rig.phase == "Initialized"
        await released(rig, NEW)
        assert_rested(rig, NEW)


def with_configs():
    """A podinfo that reads a ConfigMap and a Secret, and both."""
    named = {"name": "settings", "namespace": "test"}
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": named, "data": {"mode": "blue"}}
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "keys", "namespace": "test"},
        "type": "Opaque",
        "data": {"token": "aHVudGVyMg=="},
    }
    namespace, deployment, scaler, canary = a_podinfo()
    container = deployment["spec"]["template"]["spec"]["containers"][0]
    sources = [{"configMapRef": {"name": "settings"}}, {"secretRef": {"name": "keys"}}]
    spec = {"containers": [{**container, "envFrom": sources}]}
    template = {**deployment["spec"]["template"], "spec": spec}
    return [namespace, config, secret, {**deployment, "spec": {**deployment["spec"], "template": template}}, scaler, canary]


def data_of(rig, name, kind=kinds.CONFIG_MAP):
    found = rig.find(kind, name)
    return None if found is None else found["data"]


async def test_changed_config_starts_a_rollout_and_is_copied_at_promotion():
    """The primary reads copies: the new content reaches it with the promotion, never before."""
    async with at_rest(*with_configs()) as rig:
        assert data_of(rig, "settings-primary") == {"mode": "blue"}
        assert data_of(rig, "keys-primary", kinds.SECRET) == {"token": "aHVudGVyMg=="}
        sources = template_of(rig, "podinfo-primary")["spec"]["containers"][0]["envFrom"]
        assert sources == [{"configMapRef": {"name": "settings-primary"}}, {"secretRef": {"name": "keys-primary"}}]
        await rig.patch(kinds.CONFIG_MAP, "settings", {"data": {"mode": "green"}})
        await rig.until_phase("Progressing", limit_s=5)
        await rig.rest(15)
        assert rig.phase == "Progressing"
        assert data_of(rig, "settings-primary") == {"mode": "blue"}
        await rig.until_phase("Succeeded", "Failed", limit_s=300)
        await until_down(rig)
        await rig.rest(30)
        assert_rested(rig, OLD)
        assert data_of(rig, "settings-primary") == {"mode": "green"}
        configs = [ref.name for ref in rig.cluster.store.view() if ref.kind == "ConfigMap"]
        kept = [name for name in configs if name.startswith("settings-primary-")]
        assert [data_of(rig, name) for name in kept] == [{"mode": "blue"}], "the content before, for undo (W19)"
        assert rig.events() == BOOTSTRAP + SUCCESS
        assert set(rig.canary["status"]["trackedConfigs"]) == {"configmap/settings", "secret/keys"}


async def test_failed_config_change_leaves_the_primarys_copy():
    """A rollout by config that fails never touches what the primary reads; putting the content back forgets the attempt (W19)."""
    async with at_rest(*with_configs()) as rig:
        bend(rig, "", "podinfo-", error_rate=1.0)
        put_load(rig, 10, "podinfo-svc-canary.test")
        await rig.patch(kinds.SECRET, "keys", {"data": {"token": "bmV3"}})
        await rig.until_phase("Failed", limit_s=300)
        await until_down(rig)
        await rig.rest(30)
        assert data_of(rig, "keys-primary", kinds.SECRET) == {"token": "aHVudGVyMg=="}
        assert_rested(rig, OLD)
        await rig.patch(kinds.SECRET, "keys", {"data": {"token": "aHVudGVyMg=="}})
        await rig.rest(30)
        assert rollout_of(rig)["revision"] == rollout_of(rig)["promotedRevision"]
        assert rig.phase == "Failed"


async def test_undo_brings_the_earlier_config_back():
    """After a promoted config change ``undo`` gives the primary the content of before (W19)."""
    async with at_rest(*with_configs()) as rig:
        await rig.patch(kinds.CONFIG_MAP, "settings", {"data": {"mode": "green"}})
        await rig.until_phase("Succeeded", limit_s=300)
        await until_down(rig)
        await rig.rest(30)
        await rig.request("undo")
        await rig.until(lambda: rollout_of(rig).get("request") == "undo/1", 5)
        await rig.until_phase("Succeeded", "Failed", limit_s=300)
        await rig.rest(60)
        assert rig.phase == "Succeeded", rig.story()
        assert data_of(rig, "settings-primary") == {"mode": "blue"}
        assert data_of(rig, "settings") == {"mode": "green"}, "the user's own object is the user's"
        assert rig.replicas("podinfo") == (0, 0)


async def test_secrets_are_never_in_status_revisions_or_events():
    """Data of Secrets stays in Secrets, plain or encoded: many may read revisions who may not read Secrets."""
    async with at_rest(*with_configs()) as rig:
        await rig.patch(kinds.SECRET, "keys", {"data": {"token": "c3dvcmRmaXNo"}})
        await rig.until_phase("Succeeded", limit_s=300)
        await rig.rest(60)
        for ref, manifest in rig.cluster.store.view().items():
            if ref.kind != "Secret":
                text = str(manifest)
                assert not [word for word in ("aHVudGVyMg", "hunter2", "c3dvcmRmaXNo", "swordfish") if word in text], ref
        assert any(ref.kind == "ControllerRevision" for ref in rig.cluster.store.view())


async def test_deleted_primary_is_rebuilt_from_what_was_promoted():
    """W16: a primary that somebody deletes comes back with the promoted template at its size, not with the target's newer one."""
    async with at_rest() as rig:
        bend(rig, NEW, never_ready=True)
        await rig.set_image(NEW)
        await rig.until_phase("Failed", limit_s=300)
        await until_down(rig)
        await rig.rest(30)
        before = template_of(rig, "podinfo-primary")
        await rig.cluster.delete(Ref.to(kinds.DEPLOYMENT, "test", "podinfo-primary"))
        await rig.until(lambda: rig.find(kinds.DEPLOYMENT, "podinfo-primary") is not None, 2)
        await rig.rest(60)
        assert rig.phase == "Failed"
        assert template_of(rig, "podinfo-primary") == before
        assert rig.replicas("podinfo-primary") == (2, 2)
        assert_rested(rig, OLD)


async def test_deleted_apex_service_comes_back_on_the_primary():
    """The apex Service is made again at once, selecting the primary."""
    async with at_rest() as rig:
        serving = primary_pods(rig)
        await rig.cluster.delete(Ref.to(kinds.SERVICE, "test", "podinfo-svc"))
        await rig.until(lambda: rig.find(kinds.SERVICE, "podinfo-svc") is not None, 2)
        await rig.rest(30)
        assert_rested(rig, OLD)
        assert primary_pods(rig) == serving
        assert rig.phase == "Initialized"


@pytest.mark.parametrize("moment", ["at rest", "in the analysis"])
async def test_deleted_route_comes_back(moment):
    """An HTTPRoute that somebody deletes is made again: at rest for the primary alone, in a rollout at the step's split."""
    steps = {"iterations": None, "maxWeight": 60, "stepWeight": 30}
    async with at_rest(*a_podinfo({**GATEWAY, "analysis": steps})) as rig:
        if moment == "in the analysis":
            await rig.set_image(NEW)
            await rig.until(lambda: at(rig.canary, "status", "canaryWeight") == 30, 200)
            await rig.rest(3)
        expected = weights(rig)
        assert expected == ([100, 0] if moment == "at rest" else [70, 30])
        await rig.cluster.delete(Ref.to(kinds.HTTP_ROUTE, "test", "podinfo-svc"))
        await rig.until(lambda: rig.find(kinds.HTTP_ROUTE, "podinfo-svc") is not None, 2)
        await rig.rest(2)
        assert weights(rig) == expected
        if moment == "in the analysis":
            await rig.until_phase("Succeeded", "Failed", limit_s=300)
            await until_down(rig)
            await rig.rest(30)
            assert_rested(rig, NEW)


def weights(rig):
    rule = rig.get(kinds.HTTP_ROUTE, "podinfo-svc")["spec"]["rules"][0]
    return [backend["weight"] for backend in rule["backendRefs"]]
