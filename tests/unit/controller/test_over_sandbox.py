"""Kube, watcher, cache and queue together over the embedded API server, in memory and in virtual time."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from attrs import define

from canary_controller.cache import Cache
from canary_controller.clock import LoopClock
from canary_controller.kube import ApiError, Kube
from canary_controller.queue import Queue
from canary_controller.sandbox.api import Api
from canary_controller.sandbox.store import Store
from canary_controller.watch import Watcher
from canarykit.dicts import at
from canarykit.kinds import CANARY, CONFIG_MAP, CUSTOM_RESOURCE_DEFINITION, DEPLOYMENT, SCALED_OBJECT, SECRET, Kind
from canarykit.model import Ref
from canarykit.settings import Settings

pytestmark = pytest.mark.looptime
KEY = ("default", "podinfo")
TARGET = Ref.to(DEPLOYMENT, *KEY)
START = 1_700_000_000.0


@define
class Rig:
    """A cluster, and a controller's plumbing on it."""

    api: Api
    kube: Kube
    cache: Cache
    queue: Queue
    watchers: dict[Kind, Watcher]

    async def drained(self) -> list[tuple[str, str]]:
        """Let the watches deliver, and return the keys that were queued."""
        await asyncio.sleep(1)
        found = []
        try:
            async with asyncio.timeout(0.5):
                while True:
                    key = await self.queue.get()
                    found.append(key)
                    self.queue.done(key)
        except TimeoutError:
            return found


@pytest.fixture
def clock() -> LoopClock:
    return LoopClock(START)


async def rig_over(clock: LoopClock, *kinds: Kind) -> tuple[Rig, list[asyncio.Task[None]]]:
    api = Api(Store(clock.now))
    kube = Kube(api.send, clock, user_agent="tests")
    queue = Queue(clock)
    cache = Cache(lambda canary, _: [Ref.to(DEPLOYMENT, *KEY)], lambda objects, key: [], Settings(), queue.add, clock)
    watchers = {kind: Watcher(kube, kind, "", cache, clock) for kind in kinds}
    tasks = [asyncio.create_task(watcher.run()) for watcher in watchers.values()]
    return Rig(api, kube, cache, queue, watchers), tasks


@pytest.fixture
async def tasks() -> AsyncIterator[list[asyncio.Task[None]]]:
    made: list[asyncio.Task[None]] = []
    yield made
    for task in made:
        task.cancel()
    await asyncio.gather(*made, return_exceptions=True)


def canary_crd() -> dict[str, Any]:
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "canaries.flagger.app"},
        "spec": {
            "group": "flagger.app",
            "scope": "Namespaced",
            "names": {"kind": "Canary", "plural": "canaries", "singular": "canary", "listKind": "CanaryList"},
            "versions": [{"name": "v1beta1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}],
        },
    }


def canary() -> dict[str, Any]:
    return {
        "apiVersion": "flagger.app/v1beta1",
        "kind": "Canary",
        "metadata": {"namespace": "default", "name": "podinfo"},
        "spec": {},
    }


def deployment(image: str = "podinfo:1") -> dict[str, Any]:
    labels = {"app": "podinfo"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "app", "image": image}]}}
    spec = {"selector": {"matchLabels": labels}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"namespace": "default", "name": "podinfo"}, "spec": spec}


async def test_a_kind_that_appears_later_is_found_and_its_objects_wake_their_key(
    clock: LoopClock, tasks: list[asyncio.Task[None]]
):
    rig, running = await rig_over(clock, CANARY, DEPLOYMENT)
    tasks += running
    assert await rig.drained() == []
    assert rig.cache.is_absent(CANARY)
    await rig.kube.create(canary_crd())
    await asyncio.sleep(60)
    assert not rig.cache.is_absent(CANARY)
    await rig.kube.create(canary())
    assert await rig.drained() == [KEY]
    await rig.kube.create(deployment())
    assert await rig.drained() == [KEY]
    assert set(rig.cache.related(KEY)) == {Ref.to(CANARY, *KEY), TARGET}
    crd = Ref.to(CUSTOM_RESOURCE_DEFINITION, "", "canaries.flagger.app")
    assert (await rig.kube.get(crd)) is not None


async def test_own_writes_are_in_view_at_once_and_their_echo_wakes_nobody(clock: LoopClock, tasks: list[asyncio.Task[None]]):
    rig, running = await rig_over(clock, CANARY, DEPLOYMENT)
    tasks += running
    await rig.kube.create(canary_crd())
    await asyncio.sleep(60)
    await rig.kube.create(canary())
    await rig.kube.create(deployment())
    await rig.drained()
    rig.cache.wrote(await rig.kube.merge_patch(TARGET, {"spec": {"replicas": 3}}), by=KEY)
    assert at(rig.cache.related(KEY)[TARGET], "spec", "replicas") == 3
    assert await rig.drained() == []
    await rig.kube.merge_patch(TARGET, {"spec": {"replicas": 4}})
    assert await rig.drained() == [KEY]
    await rig.kube.delete(TARGET)
    assert await rig.drained() == [KEY]
    assert TARGET not in rig.cache.related(KEY)


async def test_writes_conflict_and_refuse_as_the_errors_say(clock: LoopClock, tasks: list[asyncio.Task[None]]):
    rig, running = await rig_over(clock)
    tasks += running
    made = await rig.kube.create(deployment())
    with pytest.raises(ApiError) as caught:
        await rig.kube.create(deployment())
    assert caught.value.already_exists
    with pytest.raises(ApiError) as caught:
        await rig.kube.merge_patch(TARGET, {"metadata": {"resourceVersion": "1"}, "spec": {"replicas": 2}})
    assert caught.value.is_conflict
    fence = {"op": "replace", "path": "/metadata/resourceVersion", "value": "1"}
    with pytest.raises(ApiError) as caught:
        await rig.kube.json_patch(TARGET, [fence, {"op": "add", "path": "/spec/replicas", "value": 2}])
    assert caught.value.is_conflict
    with pytest.raises(ApiError) as caught:
        await rig.kube.delete(TARGET, resource_version="1")
    assert caught.value.is_conflict
    assert await rig.kube.get(TARGET) == made
    applied = await rig.kube.apply({**deployment("podinfo:2")}, dry_run=True)
    assert at(applied, "spec", "template", "spec", "containers", 0, "image") == "podinfo:2"
    assert await rig.kube.get(TARGET) == made
    assert await rig.kube.delete(TARGET, uid=made["metadata"]["uid"]) is None
    assert await rig.kube.get(TARGET) is None
    assert rig.kube.skew_s is not None
    assert abs(rig.kube.skew_s) <= 0.5


async def test_secrets_come_without_their_data_in_list_and_watch(clock: LoopClock, tasks: list[asyncio.Task[None]]):
    rig, running = await rig_over(clock, SECRET, CONFIG_MAP)
    tasks += running
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"namespace": "default", "name": "s"}, "data": {"p": "cA=="}}
    await rig.kube.create(secret)
    await rig.drained()
    held = rig.cache.get(Ref.of(secret))
    assert held is not None
    assert (held["apiVersion"], held["kind"]) == ("v1", "Secret")
    assert "data" not in held
    [listed] = (await rig.kube.list(SECRET, metadata_only=True)).items
    assert set(listed) == {"apiVersion", "kind", "metadata"}


async def test_an_hour_of_quiet_costs_a_list_every_ten_minutes_and_at_most_two_watches_per_kind(
    clock: LoopClock, tasks: list[asyncio.Task[None]]
):
    rig, running = await rig_over(clock, DEPLOYMENT, SECRET)
    tasks += running
    await asyncio.sleep(5)
    rig.api.requests.clear()
    await asyncio.sleep(3600)
    asked = [(request.verb, request.path.partition("?")[0]) for request in rig.api.requests]
    for kind in (DEPLOYMENT, SECRET):
        lists = sum(1 for verb, path in asked if path == kind.path() and verb == "list")
        watches = sum(1 for verb, path in asked if path == kind.path() and verb == "watch")
        assert 5 <= lists <= 6
        assert watches <= 2
    assert len(asked) <= 16
    assert all(watcher.is_synced and not watcher.trouble.text for watcher in rig.watchers.values())


async def test_a_kind_nobody_serves_is_no_trouble(clock: LoopClock, tasks: list[asyncio.Task[None]]):
    rig, running = await rig_over(clock, SCALED_OBJECT)
    tasks += running
    await asyncio.sleep(600)
    assert rig.watchers[SCALED_OBJECT].is_absent
    assert len(rig.api.requests) <= 600 / 15 + 2
