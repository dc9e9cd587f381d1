"""The cache: order by version, tombstones, and which Canary cares about what."""

import copy
from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from canary_controller.cache import Cache, trimmed
from canary_controller.clock import LoopClock
from canarykit.dicts import at
from canarykit.kinds import CANARY, CONFIG_MAP, CONTROLLER_REVISION, DEPLOYMENT, ENDPOINT_SLICE, SECRET, SERVICE
from canarykit.model import Ref
from canarykit.settings import Settings
from unit.controller.fakes import manifest

pytestmark = pytest.mark.looptime
KEY, OTHER = ("test", "podinfo"), ("test", "backend")
CANARY_REF = Ref.to(CANARY, *KEY)
TARGET = Ref.to(DEPLOYMENT, "test", "podinfo")
PRIMARY = Ref.to(DEPLOYMENT, "test", "podinfo-primary")
APEX = Ref.to(SERVICE, "test", "podinfo")
CONFIG = Ref.to(CONFIG_MAP, "test", "settings")
OWNER = [{"apiVersion": "flagger.app/v1beta1", "kind": "Canary", "name": "podinfo", "controller": True}]


def references(canary: dict[str, Any], settings: Settings) -> Iterable[Ref]:
    """A target, its primary, and a Service, all by the name in ``spec.of``."""
    space, name = canary["metadata"]["namespace"], canary["spec"]["of"]
    return [Ref.to(DEPLOYMENT, space, name), Ref.to(DEPLOYMENT, space, f"{name}-primary"), Ref.to(SERVICE, space, name)]


def more_references(objects: Mapping[Ref, dict[str, Any]], key: tuple[str, str]) -> Iterable[Ref]:
    """The ConfigMap that a target's ``spec.config`` names."""
    names = [at(each, "spec", "config") for ref, each in objects.items() if ref.kind == "Deployment"]
    return [Ref.to(CONFIG_MAP, key[0], name) for name in names if name]


class Woken(list[tuple[str, str]]):
    """The keys that were woken; ``take`` empties it."""

    def take(self) -> list[tuple[str, str]]:
        taken = list(self)
        self.clear()
        return taken


@pytest.fixture
def woken() -> Woken:
    return Woken()


@pytest.fixture
def cache(woken: Woken) -> Cache:
    return Cache(references, more_references, Settings(), woken.append, LoopClock(1000.0))


def canary(name: str = "podinfo", of: str = "podinfo", version: str = "2") -> dict[str, Any]:
    return {**manifest("Canary", name, version), "spec": {"of": of}}


def target(version: str = "5", config: str | None = None, name: str = "podinfo", **metadata: Any) -> dict[str, Any]:
    return {**manifest("Deployment", name, version, **metadata), "spec": {"config": config}}


def endpoint_slice(service: str, version: str = "5") -> dict[str, Any]:
    return manifest("EndpointSlice", f"{service}-x1", version, labels={"kubernetes.io/service-name": service})


def version_of(cache: Cache, ref: Ref) -> str:
    return at(cache.get(ref), "metadata", "resourceVersion", default="absent")


async def test_a_canary_cares_about_what_it_names(cache: Cache, woken: Woken):
    for each in (canary(), target(), target(name="podinfo-primary"), target(name="stranger"), manifest("Service")):
        cache.put(each)
    assert set(cache.related(KEY)) == {CANARY_REF, TARGET, PRIMARY, APEX}
    assert cache.keys_for(target()) == {KEY}
    assert cache.keys_for(target(name="stranger")) == set()
    assert cache.canaries() == (KEY,)
    assert set(woken.take()) == {KEY}


async def test_objects_that_came_before_their_canary_are_found(cache: Cache, woken: Woken):
    cache.put(target())
    cache.put(endpoint_slice("podinfo"))
    assert woken.take() == []
    cache.put(canary())
    assert woken.take() == [KEY]
    assert cache.related(KEY)[TARGET] == target()
    assert Ref.to(ENDPOINT_SLICE, "test", "podinfo-x1") in cache.related(KEY)


async def test_a_canary_that_is_not_there_has_nothing(cache: Cache):
    cache.put(target())
    assert cache.related(KEY) == {}
    assert cache.canaries() == ()


async def test_a_canary_cares_about_what_it_owns(cache: Cache, woken: Woken):
    cache.put(canary())
    woken.take()
    owned = {
        **manifest("Deployment", "some-copy"),
        "metadata": {**manifest(name="some-copy")["metadata"], "ownerReferences": OWNER},
    }
    cache.put(owned)
    assert woken.take() == [KEY]
    assert Ref.of(owned) in cache.related(KEY)
    cache.drop(Ref.of(owned))
    assert woken.take() == [KEY]
    assert Ref.of(owned) not in cache.related(KEY)


@pytest.mark.parametrize(
    "change",
    [{"controller": False}, {"kind": "Deployment", "apiVersion": "apps/v1"}, {"apiVersion": "other.app/v1"}, {"name": "another"}],
)
async def test_other_owners_do_not_count(cache: Cache, change: dict[str, Any]):
    cache.put(canary())
    cache.put(target(name="x", ownerReferences=[{**OWNER[0], **change}]))
    assert Ref.to(DEPLOYMENT, "test", "x") not in cache.related(KEY)


async def test_an_owner_of_the_same_name_in_another_namespace_is_another(cache: Cache, woken: Woken):
    cache.put(canary())
    woken.take()
    cache.put(target(name="x", namespace="elsewhere", ownerReferences=OWNER))
    assert KEY not in woken.take()


async def test_an_object_that_loses_its_owner_wakes_it_a_last_time(cache: Cache, woken: Woken):
    cache.put(canary())
    cache.put(target(name="x", ownerReferences=OWNER))
    woken.take()
    cache.put(target(name="x", version="6"))
    assert woken.take() == [KEY]
    assert Ref.to(DEPLOYMENT, "test", "x") not in cache.related(KEY)


async def test_endpoint_slices_belong_to_whoever_names_the_service(cache: Cache, woken: Woken):
    cache.put(canary())
    woken.take()
    cache.put(endpoint_slice("podinfo"))
    cache.put(endpoint_slice("stranger"))
    assert woken.take() == [KEY]
    assert [ref.name for ref in cache.related(KEY) if ref.kind == "EndpointSlice"] == ["podinfo-x1"]
    cache.drop(Ref.to(ENDPOINT_SLICE, "test", "podinfo-x1"), "9")
    assert woken.take() == [KEY]
    assert [ref for ref in cache.related(KEY) if ref.kind == "EndpointSlice"] == []


async def test_configs_that_the_target_names_are_discovered_and_forgotten(cache: Cache, woken: Woken):
    cache.put(canary())
    cache.put(manifest("ConfigMap", "settings"))
    assert CONFIG not in cache.related(KEY)
    cache.put(target(config="settings"))
    assert CONFIG in cache.related(KEY)
    woken.take()
    cache.put(manifest("ConfigMap", "settings", "6"))
    assert woken.take() == [KEY]
    cache.put(target(version="7"))
    assert CONFIG not in cache.related(KEY)
    assert cache.keys_for(manifest("ConfigMap", "settings")) == set()


async def test_a_canary_that_names_another_target_follows_that_one(cache: Cache, woken: Woken):
    cache.put(canary())
    cache.put(target())
    cache.put(canary(of="backend", version="3"))
    assert TARGET not in cache.related(KEY)
    woken.take()
    cache.put(target(version="6"))
    assert woken.take() == []
    cache.put(target(name="backend"))
    assert woken.take() == [KEY]


async def test_two_canaries_may_care_about_one_object(cache: Cache, woken: Woken):
    cache.put(canary())
    cache.put(canary("backend"))
    woken.take()
    cache.put(target())
    assert woken.take() == [OTHER, KEY]


async def test_older_never_overwrites_newer_whoever_brings_it(cache: Cache, woken: Woken):
    cache.put(canary())
    cache.put(target("10"))
    woken.take()
    cache.put(target("9"))
    cache.wrote(target("9"))
    cache.replace(DEPLOYMENT, [target("9")], "9")
    assert version_of(cache, TARGET) == "10"
    assert woken.take() == []
    cache.put(target("11"))
    assert version_of(cache, TARGET) == "11"
    assert woken.take() == [KEY]


async def test_the_same_version_again_wakes_nobody(cache: Cache, woken: Woken):
    cache.put(canary())
    cache.put(target("10"))
    woken.take()
    cache.put(target("10"))
    assert woken.take() == []


async def test_own_writes_go_in_at_once_and_their_echo_is_old_news(cache: Cache, woken: Woken):
    cache.put(canary())
    cache.put(target("10"))
    woken.take()
    cache.wrote(target("12"), by=KEY)
    assert version_of(cache, TARGET) == "12"
    cache.put(target("11"))
    cache.put(target("12"))
    assert version_of(cache, TARGET) == "12"
    assert woken.take() == []


async def test_what_one_pass_read_fresh_wakes_the_others_who_care(cache: Cache, woken: Woken):
    """The watch's event for that version will be no news, so it could not wake them."""
    cache.put(canary())
    cache.put(canary("backend"))
    woken.take()
    cache.wrote(target("12"), by=KEY)
    assert woken.take() == [OTHER]


async def test_a_fresh_read_of_the_same_version_may_add_what_the_watch_leaves_out(cache: Cache, woken: Woken):
    cache.put(canary())
    cache.put(target(config="settings"))
    cache.put(manifest("ConfigMap", "settings"))
    woken.take()
    cache.wrote({**manifest("ConfigMap", "settings"), "checksum": "abc"}, by=OTHER)
    assert cache.related(KEY)[CONFIG]["checksum"] == "abc"
    cache.put(manifest("ConfigMap", "settings"))
    assert cache.related(KEY)[CONFIG]["checksum"] == "abc"
    cache.put(manifest("ConfigMap", "settings", "6"))
    assert "checksum" not in cache.related(KEY)[CONFIG]
    assert woken.take() == [KEY]


async def test_a_late_event_does_not_bring_a_deleted_object_back(cache: Cache, woken: Woken):
    cache.put(canary())
    cache.put(target("10"))
    cache.drop(TARGET, "12")
    woken.take()
    for late in ("10", "11", "12"):
        cache.put(target(late))
        cache.wrote(target(late))
    assert cache.get(TARGET) is None
    assert woken.take() == []


async def test_an_object_made_anew_under_the_same_name_is_taken_in(cache: Cache):
    cache.put(canary())
    cache.put(target("10"))
    cache.drop(TARGET, "12")
    cache.put(target("13", uid="another"))
    assert version_of(cache, TARGET) == "13"


async def test_a_write_that_was_answered_late_does_not_bring_a_deleted_object_back(cache: Cache):
    """We deleted it and know no version of the deletion; the uid tells."""
    cache.put(target("10"))
    cache.drop(TARGET)
    cache.put(target("11"))
    assert cache.get(TARGET) is None


async def test_a_late_deletion_does_not_remove_a_newer_object(cache: Cache):
    cache.put(target("10"))
    cache.wrote(target("20", uid="another"))
    cache.drop(TARGET, "12", "uid-Deployment-podinfo")
    assert version_of(cache, TARGET) == "20"


async def test_a_list_is_the_whole_truth_but_for_what_is_newer(cache: Cache, woken: Woken):
    cache.put(canary())
    cache.put(target("10"))
    cache.put(target("11", name="podinfo-primary"))
    woken.take()
    cache.wrote(target("60", name="podinfo-primary"), by=KEY)
    cache.replace(DEPLOYMENT, [target("12", name="podinfo-canary")], "50")
    assert cache.get(TARGET) is None
    assert version_of(cache, PRIMARY) == "60"
    assert cache.versions(DEPLOYMENT) == {PRIMARY: "60", Ref.to(DEPLOYMENT, "test", "podinfo-canary"): "12"}
    assert woken.take() == [KEY]


async def test_a_list_made_after_a_deletion_proves_that_the_object_lives(cache: Cache):
    cache.put(target("10"))
    cache.drop(TARGET, "12")
    cache.replace(DEPLOYMENT, [target("10")], "50")
    assert version_of(cache, TARGET) == "10"


async def test_a_kind_is_wanted_when_a_canary_names_an_object_of_it(cache: Cache, woken: Woken):
    assert not cache.is_wanted(DEPLOYMENT)
    assert cache.is_wanted(CANARY)
    cache.put(canary())
    assert cache.is_wanted(DEPLOYMENT)
    cache.drop(Ref.to(CANARY, *KEY))
    assert not cache.is_wanted(DEPLOYMENT)


async def test_a_kind_that_is_not_served_has_no_objects_and_may_come_back(cache: Cache, woken: Woken):
    cache.put(canary())
    cache.put(target("10"))
    woken.take()
    cache.absent(DEPLOYMENT)
    assert (cache.is_synced(DEPLOYMENT), cache.is_absent(DEPLOYMENT)) == (True, True)
    assert cache.get(TARGET) is None
    assert woken.take() == [KEY]
    cache.replace(DEPLOYMENT, [target("10")], "50")
    cache.synced(DEPLOYMENT)
    assert not cache.is_absent(DEPLOYMENT)
    assert TARGET in cache.related(KEY)


async def test_a_kind_is_synced_only_when_it_was_told(cache: Cache):
    assert not cache.is_synced(SERVICE)
    cache.synced(SERVICE)
    assert cache.is_synced(SERVICE)
    assert not cache.is_synced(CONTROLLER_REVISION)


async def test_a_deleted_canary_is_woken_once_more_and_then_forgotten(cache: Cache, woken: Woken):
    cache.put(canary())
    cache.put(target())
    cache.behind(DEPLOYMENT, [TARGET])
    woken.take()
    cache.drop(CANARY_REF, "9")
    assert woken.take() == [KEY]
    assert cache.related(KEY) == {}
    assert cache.behind_at == {}
    cache.put(target("6"))
    assert woken.take() == []


async def test_being_behind_is_noted_for_those_who_care(cache: Cache):
    cache.put(canary())
    cache.put(canary("backend", of="backend"))
    cache.put(target())
    cache.behind(DEPLOYMENT, [TARGET])
    assert cache.behind_at == {KEY: 1000.0}


async def test_a_deletion_that_the_watch_lost_counts_as_behind_too(cache: Cache):
    cache.put(canary())
    owned = target(name="x", ownerReferences=OWNER)
    cache.put(owned)
    cache.drop(Ref.of(owned), "40")
    cache.behind(DEPLOYMENT, [Ref.of(owned)])
    assert cache.behind_at == {KEY: 1000.0}


async def test_managed_fields_and_the_last_applied_copy_are_not_kept(cache: Cache):
    annotations = {"kubectl.kubernetes.io/last-applied-configuration": "{}", "team": "a"}
    given = target(managedFields=[{"manager": "kubectl"}], annotations=annotations)
    before = copy.deepcopy(given)
    cache.put(canary())
    cache.put(given)
    kept = cache.related(KEY)[TARGET]["metadata"]
    assert "managedFields" not in kept
    assert kept["annotations"] == {"team": "a"}
    assert given == before


@pytest.mark.parametrize("kind", ["ConfigMap", "Secret"])
async def test_the_content_of_configs_is_never_kept(cache: Cache, kind: str):
    content = {"data": {"a": "b"}, "binaryData": {"a": "Yg=="}, "stringData": {"a": "b"}}
    cache.wrote({**manifest(kind, "settings"), **content, "checksum": "abc"})
    kept = cache.get(Ref.to(SECRET if kind == "Secret" else CONFIG_MAP, "test", "settings"))
    assert kept is not None
    assert content.keys().isdisjoint(kept)
    assert kept["checksum"] == "abc"


async def test_other_kinds_keep_a_field_called_data():
    revision = {"apiVersion": "apps/v1", "kind": "ControllerRevision", "metadata": {"name": "r"}, "data": {"template": {}}}
    assert trimmed(revision)["data"] == {"template": {}}


async def test_what_nobody_cares_about_is_kept_all_the_same(cache: Cache):
    given = target(name="stranger")
    cache.put(given)
    given["spec"]["config"] = "changed"
    assert cache.get(Ref.to(DEPLOYMENT, "test", "stranger")) == target(name="stranger"), "not the dict itself, which is large"
    assert cache.versions(DEPLOYMENT) == {Ref.to(DEPLOYMENT, "test", "stranger"): "5"}
