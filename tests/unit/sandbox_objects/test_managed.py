"""managedFields as create, update and patch leave them."""

import copy
from typing import Any

from hypothesis import given

from canary_controller.sandbox.objects.fieldsets import from_json
from canary_controller.sandbox.objects.managed import track_update
from unit.sandbox_objects.samples import (
    LATER,
    LATER_STAMP,
    NOW,
    REPEATABLE,
    STAMP,
    a_deployment,
    a_service,
    containers,
    deployments,
)


def managed(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = manifest["metadata"].get("managedFields", [])
    return found


def owners(manifest: dict[str, Any], *path: str) -> set[str]:
    """Return the managers that own a field."""
    return {entry["manager"] for entry in managed(manifest) if path in from_json(entry["fieldsV1"])}


def created(manager: str = "kubectl-create") -> dict[str, Any]:
    return track_update(None, a_deployment(), manager, NOW)


def test_the_creator_owns_everything_including_the_places_that_came_to_be() -> None:
    """The shape a real API server gives: dots at maps and lists that were not in the empty Go struct, none at structs."""
    entry = managed(created())[0]
    assert {**entry, "fieldsV1": ...} == {
        "manager": "kubectl-create",
        "operation": "Update",
        "apiVersion": "apps/v1",
        "time": STAMP,
        "fieldsType": "FieldsV1",
        "fieldsV1": ...,
    }
    assert entry["fieldsV1"]["f:metadata"] == {"f:labels": {".": {}, "f:app": {}}}
    spec = entry["fieldsV1"]["f:spec"]
    assert (spec["f:replicas"], spec["f:selector"]) == ({}, {})
    assert list(spec["f:template"]) == ["f:metadata", "f:spec"]
    assert list(spec["f:template"]["f:spec"]) == ["f:containers"]
    ports = {".": {}, 'k:{"containerPort":8080,"protocol":"TCP"}': {".": {}, "f:containerPort": {}, "f:name": {}}}
    assert spec["f:template"]["f:spec"]["f:containers"] == {
        'k:{"name":"web"}': {".": {}, "f:image": {}, "f:name": {}, "f:ports": ports}
    }


def test_an_empty_status_is_not_owned_by_the_creator() -> None:
    manifest = {**a_service(), "status": {"loadBalancer": {}}}
    assert "f:status" not in managed(track_update(None, manifest, "me", NOW))[0]["fieldsV1"]


def test_a_changed_field_moves_to_who_changed_it() -> None:
    old = created()
    new = copy.deepcopy(old)
    new["spec"]["replicas"] = 5
    result = track_update(old, new, "scaler", LATER)
    assert owners(result, "f:spec", "f:replicas") == {"scaler"}
    assert [(entry["manager"], entry["time"]) for entry in managed(result)] == [
        ("kubectl-create", STAMP),
        ("scaler", LATER_STAMP),
    ]


def test_a_removed_field_is_nobodys() -> None:
    old = created()
    new = copy.deepcopy(old)
    del new["spec"]["replicas"]
    result = track_update(old, new, "me", LATER)
    assert owners(result, "f:spec", "f:replicas") == set()
    assert [entry["manager"] for entry in managed(result)] == ["kubectl-create"]


def test_nothing_changed_leaves_entries_and_times() -> None:
    old = created()
    assert track_update(old, copy.deepcopy(old), "me", LATER) == old
    without_fields = copy.deepcopy(old)
    del without_fields["metadata"]["managedFields"]
    assert track_update(old, without_fields, "me", LATER) == old


def test_an_entry_that_loses_its_last_field_goes() -> None:
    old = created("first")
    new = {**a_deployment(), "metadata": {"name": "web", "namespace": "shop"}, "spec": {}}
    assert managed(track_update(old, new, "me", LATER)) == []


def test_the_same_manager_keeps_one_entry_per_subresource_and_version() -> None:
    old = created("me")
    new = copy.deepcopy(old)
    new["status"] = {"replicas": 1}
    with_status = track_update(old, new, "me", LATER, subresource="status")
    assert [(entry["manager"], entry.get("subresource")) for entry in managed(with_status)] == [("me", None), ("me", "status")]
    assert owners(with_status, "f:status", "f:replicas") == {"me"}
    again = copy.deepcopy(with_status)
    again["spec"]["replicas"] = 9
    assert len(managed(track_update(with_status, again, "me", LATER))) == 2


def test_an_empty_entry_clears_the_tracking_and_it_stays_off() -> None:
    old = created()
    cleared = copy.deepcopy(old)
    cleared["metadata"]["managedFields"] = [{}]
    result = track_update(old, cleared, "me", LATER)
    assert "managedFields" not in result["metadata"]
    changed = copy.deepcopy(result)
    changed["spec"]["replicas"] = 7
    assert "managedFields" not in track_update(result, changed, "me", LATER)["metadata"]


def test_an_empty_list_clears_nothing() -> None:
    """On purpose in Kubernetes: a client that does not know the field must not wipe it."""
    old = created()
    new = copy.deepcopy(old)
    new["metadata"]["managedFields"] = []
    assert managed(track_update(old, new, "me", LATER)) == managed(old)


def test_a_writer_may_rewrite_the_entries_but_not_through_a_subresource() -> None:
    """How fields of Flagger are turned into ours on take-over."""
    old = created("flagger")
    new = copy.deepcopy(old)
    new["metadata"]["managedFields"][0] |= {"manager": "canary-controller", "operation": "Apply"}
    assert [entry["manager"] for entry in managed(track_update(old, new, "me", LATER))] == ["canary-controller"]
    assert managed(track_update(old, new, "me", LATER, subresource="status")) == managed(old)


@REPEATABLE
@given(deployments(), deployments(), deployments())
def test_every_changed_field_has_exactly_one_updater(one: dict[str, Any], two: dict[str, Any], three: dict[str, Any]) -> None:
    """However objects change: updaters never share a field, what is gone is owned by nobody, nothing lent is changed."""
    before = copy.deepcopy((one, two, three))
    first = track_update(None, one, "a", NOW)
    second = track_update(first, {**two, "metadata": {**two["metadata"], "managedFields": managed(first)}}, "b", NOW)
    third = track_update(second, {**three, "metadata": {**three["metadata"], "managedFields": managed(second)}}, "c", NOW)
    sets = [from_json(entry["fieldsV1"]) for entry in managed(third)]
    everything = from_json(managed(track_update(None, three, "all", NOW))[0]["fieldsV1"])
    assert sum(map(len, sets)) == len(frozenset().union(*sets))
    assert frozenset().union(*sets) <= everything
    assert {path for path in everything if len(path) > 1 and path[-1].startswith("f:image")} <= frozenset().union(*sets)
    assert (one, two, three) == before
    assert containers(third) == containers(three)
