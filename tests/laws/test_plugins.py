"""Laws that every registered router, scaler and workload keeps. A new plug-in is under them with its registry line."""

from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

import pytest
from attrs import evolve

from canarykit.errors import UnknownName
from canarykit.model import Ref, Split
from canarykit.names import Names
from canarykit.routers import ROUTERS, Router, router_for
from canarykit.scalers import SCALERS, CloneRequest, Identities, Scaler, clone_for_primary, plan_primary, scaler_for
from canarykit.settings import Settings
from canarykit.spec import Canary
from canarykit.workloads import WORKLOADS, Workload, workload_for
from worlds import HORIZONTAL, NAMES, ROUTED, SO, World, routed

SPLITS = [Split(0), Split(1), Split(50), Split(99), Split(100), Split(0, mirror=True)]
REGISTRIES = [
    ("router", router_for, ROUTERS, "spec.provider"),
    ("scaler", scaler_for, SCALERS, "spec.autoscalerRef.kind"),
    ("workload", workload_for, WORKLOADS, "spec.targetRef.kind"),
]


@pytest.mark.parametrize(("what", "find", "registry", "path"), REGISTRIES, ids=[each[0] for each in REGISTRIES])
def test_unknown_name_lists_the_known_ones(what: str, find: Callable[[str], Any], registry: Mapping[str, Any], path: str):
    """Never a guess (style.md 3.6)."""
    for name in ("nginx", "", "kubernete", next(iter(registry)).upper()):
        with pytest.raises(UnknownName) as caught:
            find(name)
        assert caught.value.problem.path == path
        assert caught.value.problem.value == name
        assert all(known in caught.value.problem.next_step for known in registry)


@pytest.mark.parametrize(("what", "find", "registry", "path"), REGISTRIES, ids=[each[0] for each in REGISTRIES])
def test_registry_is_sorted_and_gives_back_what_it_holds(what, find, registry, path):
    """A plain dict next to the imports."""
    assert list(registry) == sorted(registry)
    assert all(find(name) is plugin for name, plugin in registry.items())


# -- routers ----------------------------------------------------------------------------------------------------------


def _canary(provider: str) -> tuple[Canary, Names]:
    world = routed(weight=None) if provider == ROUTED else World()
    return evolve(world, spec={**world.spec, "provider": provider}).snapshot().canary, NAMES


def _stored(router: Router, split: Split, programmed: bool = True) -> dict[Ref, dict[str, Any]]:
    """The router's objects as a cluster would hold them."""
    world = evolve(routed(weight=split.weight), programmed=programmed) if router.routed else World()
    canary, names = _canary(router.name)
    found = {}
    for manifest in router.desired(canary, names, split):
        ref = Ref.of(manifest)
        live = world.objects()[ref]
        found[ref] = {**live, "spec": manifest["spec"]}
    return found


EACH_ROUTER = pytest.mark.parametrize("router", ROUTERS.values(), ids=ROUTERS)


@EACH_ROUTER
def test_router_is_what_its_registry_line_says(router):
    """Its name is the provider; a router with weights says which kinds it writes and what it can do."""
    assert ROUTERS[router.name] is router
    assert bool(router.kinds) == router.routed == ("weights" in router.capabilities)


@EACH_ROUTER
@pytest.mark.parametrize("split", SPLITS, ids=str)
def test_router_writes_the_same_twice_and_changes_nothing_it_was_given(router, split):
    """One writer for first time, step and repair (W12)."""
    canary, names = _canary(router.name)
    before = deepcopy(canary.manifest)
    first = router.desired(canary, names, split)
    assert first == router.desired(canary, names, split)
    assert [Ref.of(manifest) for manifest in first] == list(router.refs(canary, names))
    assert all(manifest["metadata"]["ownerReferences"][0]["uid"] == "c0de" for manifest in first)
    first_copy = deepcopy(first)
    for manifest in first:
        manifest["metadata"]["labels"]["spoilt"] = "yes"
    assert router.desired(canary, names, split) == first_copy
    assert canary.manifest == before


@EACH_ROUTER
@pytest.mark.parametrize("split", SPLITS, ids=str)
def test_router_reads_back_what_it_wrote(router, split):
    """As written in the spec, and as programmed once it is accepted; nothing before."""
    if not router.routed:
        return
    canary, names = _canary(router.name)
    objects = _stored(router, split)
    before = deepcopy(objects)
    assert router.written(canary, names, objects) == split
    assert router.observed(canary, names, objects) == split
    waiting = _stored(router, split, programmed=False)
    assert router.written(canary, names, waiting) == split
    assert not isinstance(router.observed(canary, names, waiting), Split)
    assert objects == before


@EACH_ROUTER
def test_router_without_objects_has_no_split(router):
    """None, not 0 %."""
    canary, names = _canary(router.name)
    assert router.written(canary, names, {}) is None
    assert router.observed(canary, names, {}) is None


@EACH_ROUTER
def test_router_tells_its_own_object_from_a_changed_one(router):
    """Same: nothing to write. Another weight: something."""
    if not router.routed:
        return
    canary, names = _canary(router.name)
    (wanted,) = router.desired(canary, names, Split(20))
    (stored,) = _stored(router, Split(20)).values()
    assert router.same(stored, wanted)
    (other,) = _stored(router, Split(21)).values()
    assert not router.same(other, wanted)


# -- scalers ----------------------------------------------------------------------------------------------------------

EACH_SCALER = pytest.mark.parametrize("kind", SCALERS)


def _source(kind: str) -> dict[str, Any]:
    world = World(scaler=kind, paused=None)
    return next(each for ref, each in world.objects().items() if ref.name == "podinfo-so")


def _request(**changes: Any) -> CloneRequest:
    given = CloneRequest(
        "podinfo-so-primary", "podinfo-primary", {}, Identities("podinfo", "podinfo", "podinfo-svc"), "app", "test"
    )
    return evolve(given, **changes)


@EACH_SCALER
@pytest.mark.parametrize("replicas", [None, {"minReplicas": 2, "maxReplicas": 6}, {"maxReplicas": 9}])
def test_clone_is_the_same_twice_and_changes_nothing_it_was_given(kind, replicas):
    """And it is a copy for the primary: its name, its workload, the overridden bounds."""
    source, request = _source(kind), _request(replicas=replicas)
    before = deepcopy(source)
    first = clone_for_primary(source, None, request)
    assert first == clone_for_primary(source, None, request)
    assert source == before
    assert first.writable
    assert first.manifest["metadata"]["name"] == "podinfo-so-primary"
    assert first.manifest["spec"]["scaleTargetRef"]["name"] == "podinfo-primary"
    assert scaler_for(kind).bounds(first.manifest)[1] == (replicas or {}).get("maxReplicas", 4)
    assert scaler_for(kind).same(first.manifest, first.manifest)
    assert "status" not in first.manifest


@EACH_SCALER
@pytest.mark.parametrize("policy", ["always", "onPromotion", "overrides"])
@pytest.mark.parametrize("promoting", [True, False])
def test_planning_again_from_the_planned_manifest_changes_nothing(kind, policy, promoting):
    """Quiet objects cost nothing, under every policy."""
    scaler, source, request = scaler_for(kind), _source(kind), _request(replicas={"minReplicas": 2})
    first = plan_primary(scaler, policy, promoting, source, None, request)
    again = plan_primary(scaler, policy, promoting, source, first.manifest, request)
    assert again.manifest == first.manifest
    assert scaler.same(first.manifest, again.manifest)


@EACH_SCALER
@pytest.mark.parametrize("n", [0, 1, 3, 4, 9])
def test_floor_lies_between_minimum_and_maximum_and_can_be_given_back(kind, n):
    """A floor never lowers, never exceeds the maximum, and what stood there comes back."""
    scaler: Scaler = scaler_for(kind)
    source = _source(kind)
    before = deepcopy(source)
    floored = scaler.with_minimum(source, n)
    assert scaler.bounds(floored) == (min(max(n, scaler.bounds(source)[0]), 4), 4)
    patched = _merged(source, scaler.minimum_patch(source, max(1, n)))
    assert scaler.minimum_in(scaler.minimum_as_written(patched)) == min(max(1, n), 4)
    mark = scaler.minimum_as_written(source)
    assert scaler.fewest_in(mark) == scaler.bounds(source)[0]
    assert _merged(patched, scaler.restore_minimum_patch(mark))["spec"] == source["spec"]
    assert source == before


@EACH_SCALER
@pytest.mark.parametrize("before", [None, "3"])
def test_pause_holds_at_0_and_release_brings_back_what_stood_there(kind, before):
    """Kinds without a pause have nothing to patch."""
    scaler: Scaler = scaler_for(kind)
    source = next(each for ref, each in World(scaler=kind, paused=before).objects().items() if ref.name == "podinfo-so")
    mark = scaler.paused_value(source)
    patch = scaler.pause_patch(source)
    assert (patch is None) == (not scaler.has_pause)
    if patch is None:
        assert not scaler.is_paused(source)
        assert scaler.release_patch(source, None) is None
        return
    paused = _merged(source, patch)
    assert scaler.is_paused(paused)
    assert scaler.pause_patch(paused) is None
    released = _merged(paused, scaler.release_patch(paused, mark) or {})
    assert scaler.paused_value(released) == before
    assert scaler.release_patch(released, mark) is None


def _merged(old: Any, patch: Any) -> Any:
    if not isinstance(patch, Mapping):
        return patch
    result = dict(old) if isinstance(old, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = _merged(result.get(key), value)
    return result


def test_worlds_know_every_scaler():
    """The builder of these tests speaks all registered kinds."""
    assert set(SCALERS) == {SO, HORIZONTAL}


# -- workloads --------------------------------------------------------------------------------------------------------

EACH_WORKLOAD = pytest.mark.parametrize("kind", WORKLOADS)


def _target() -> dict[str, Any]:
    return next(each for ref, each in World().objects().items() if (ref.kind, ref.name) == ("Deployment", "podinfo"))


def _primary(workload: Workload, revision: str) -> dict[str, Any]:
    target = _target()
    template = workload.primary_template(workload.template_of(target), "app", "podinfo", "podinfo", (), revision)
    return workload.create_primary(target, template, NAMES, "app", "podinfo", {"uid": "c0de"}, 2, Settings())


@EACH_WORKLOAD
def test_primary_is_the_same_twice_and_changes_nothing_it_was_given(kind):
    """The same revision never rolls the pods twice (D5)."""
    workload, target = workload_for(kind), _target()
    before = deepcopy(target)
    assert _primary(workload, "ck1-a") == _primary(workload, "ck1-a")
    label = workload.select_label(target, ("app",))
    template = workload.primary_template(workload.template_of(target), *label, "podinfo", (), "ck1-a")
    workload.promotion_patch(_primary(workload, "ck1-b"), template, target, *label, Settings())
    workload.health(target)
    assert target == before


@EACH_WORKLOAD
def test_primary_runs_what_it_was_made_of_and_no_other_revision(kind):
    """Nothing to promote when it runs the template; a stamp or content that differs is promoted."""
    workload, target = workload_for(kind), _target()
    primary = _primary(workload, "ck1-a")
    same, other = [
        workload.primary_template(workload.template_of(target), "app", "podinfo", "podinfo", (), revision)
        for revision in ("ck1-a", "ck1-b")
    ]
    assert workload.runs(primary, same)
    assert workload.promotion_patch(primary, same, target, "app", "podinfo", Settings()) is None
    assert not workload.runs(primary, other)
    assert workload.same_content(primary, other)
    assert workload.promotion_patch(primary, other, target, "app", "podinfo", Settings())
    assert workload.stamp_of(primary) == "ck1-a"
    assert workload.stamp_of(target) == ""


@EACH_WORKLOAD
@pytest.mark.parametrize("replicas", [0, 1, 7])
def test_scale_patch_asks_for_replicas_and_nothing_else(kind, replicas):
    """Never a PUT of the user's object."""
    assert workload_for(kind).scale_patch(replicas) == {"spec": {"replicas": replicas}}
