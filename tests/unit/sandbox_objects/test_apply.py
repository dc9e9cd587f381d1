"""Server-side apply."""

import copy
import json
from typing import Any

import pytest
from hypothesis import given

from canary_controller.sandbox.objects.apply import ApplyConflict, server_side_apply
from canary_controller.sandbox.objects.causes import PatchError
from canary_controller.sandbox.objects.defaults import apply_defaults
from canary_controller.sandbox.objects.fieldsets import from_json
from canary_controller.sandbox.objects.managed import track_update
from canary_controller.sandbox.objects.merge_keys import ListTypes
from canarykit.dicts import pruned
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

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def applied(
    live: dict[str, Any] | None, manifest: dict[str, Any], manager: str = "me", force: bool = False, now: float = NOW, **more: Any
) -> dict[str, Any]:
    return server_side_apply(live, manifest, manager, force, now, **more)


def defaulted(manifest: dict[str, Any]) -> dict[str, Any]:
    return apply_defaults(manifest, "apps", "Deployment")


def partial(**spec: Any) -> dict[str, Any]:
    """A manifest that says nothing but these fields of the spec."""
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "shop"}, "spec": spec}


def owned(manifest: dict[str, Any], manager: str) -> frozenset[tuple[str, ...]]:
    entries = [entry for entry in manifest["metadata"]["managedFields"] if entry["manager"] == manager]
    return frozenset().union(*(from_json(entry["fieldsV1"]) for entry in entries))


REPLICAS = ("f:spec", "f:replicas")


def test_a_first_apply_creates_and_owns_what_it_says() -> None:
    result = applied(None, a_deployment())
    entry = result["metadata"].pop("managedFields")[0]
    assert result == a_deployment()
    assert (entry["operation"], entry["manager"], entry["apiVersion"], entry["time"]) == ("Apply", "me", "apps/v1", STAMP)
    assert "." not in entry["fieldsV1"]["f:metadata"]["f:labels"]


def test_an_apply_that_changes_nothing_returns_the_live_object_with_its_times() -> None:
    live = defaulted(applied(None, a_deployment()))
    assert applied(live, a_deployment(), now=LATER) == live


def test_a_field_that_is_no_longer_applied_goes_and_the_default_returns() -> None:
    live = defaulted(applied(None, a_deployment(replicas=4)))
    result = defaulted(applied(live, a_deployment(replicas=None), now=LATER))
    assert result["spec"]["replicas"] == 1
    assert result["metadata"]["managedFields"][0]["time"] == LATER_STAMP
    assert REPLICAS not in owned(result, "me")


def test_replicas_of_a_plain_create_stay_when_the_applied_manifest_has_none() -> None:
    live = track_update(None, defaulted(a_deployment(replicas=4)), "kubectl-create", NOW)
    result = applied(live, a_deployment(replicas=None), force=True, now=LATER)
    assert result["spec"]["replicas"] == 4
    assert REPLICAS in owned(result, "kubectl-create")


def test_a_field_that_somebody_else_owns_too_stays() -> None:
    live = applied(applied(None, a_deployment()), partial(replicas=2), manager="other")
    assert {m for m in ("me", "other") if REPLICAS in owned(live, m)} == {"me", "other"}
    result = applied(live, a_deployment(replicas=None))
    assert result["spec"]["replicas"] == 2
    assert REPLICAS in owned(result, "other") - owned(result, "me")


def test_another_value_for_an_owned_field_is_a_conflict() -> None:
    live = track_update(None, a_deployment(), "kubectl-create", NOW)
    with pytest.raises(ApplyConflict) as refused:
        applied(live, partial(replicas=9))
    assert str(refused.value) == 'Apply failed with 1 conflict: conflict with "kubectl-create" using apps/v1: .spec.replicas'
    cause = refused.value.causes[0]
    assert (cause.reason, cause.field) == ("FieldManagerConflict", ".spec.replicas")
    assert cause.message == 'conflict with "kubectl-create" using apps/v1'


def test_conflicts_are_listed_by_manager_and_appliers_are_named_without_version() -> None:
    live = applied(None, partial(replicas=1, paused=True), manager="b")
    live = applied(live, partial(minReadySeconds=3), manager="a")
    with pytest.raises(ApplyConflict) as refused:
        applied(live, partial(replicas=2, paused=False, minReadySeconds=4))
    assert str(refused.value) == (
        "Apply failed with 3 conflicts: "
        'conflicts with "a":\n- .spec.minReadySeconds\n'
        'conflicts with "b":\n- .spec.paused\n- .spec.replicas'
    )


def test_a_status_owner_is_named_with_its_subresource() -> None:
    live = applied(None, a_deployment())
    live = track_update(live, {**live, "status": {"replicas": 1}}, "controller", NOW, subresource="status")
    wanted = {**partial(), "status": {"replicas": 2}}
    with pytest.raises(ApplyConflict, match=r'"controller" with subresource "status" using apps/v1: \.status\.replicas'):
        applied(live, wanted, subresource="status")


def test_force_takes_the_field_from_its_owner() -> None:
    live = track_update(None, a_deployment(), "kubectl-create", NOW)
    result = applied(live, partial(replicas=9), force=True)
    assert result["spec"]["replicas"] == 9
    assert REPLICAS in owned(result, "me") - owned(result, "kubectl-create")


def test_an_equal_value_is_shared_without_conflict() -> None:
    live = track_update(None, a_deployment(), "kubectl-create", NOW)
    result = applied(live, partial(replicas=2))
    assert REPLICAS in owned(result, "me") & owned(result, "kubectl-create")


def test_list_items_merge_by_key_and_keep_the_applied_order() -> None:
    live = a_deployment()
    containers(live)[:] = [{"name": name, "image": "1"} for name in ("a", "foreign", "b")]
    live = track_update(None, live, "other", NOW)
    template = {"spec": {"containers": [{"name": "b", "image": "1"}, {"name": "a", "image": "1"}, {"name": "new", "image": "1"}]}}
    result = applied(live, partial(template=template))
    assert [container["name"] for container in containers(result)] == ["foreign", "b", "a", "new"]


def test_an_item_that_is_no_longer_applied_goes_with_its_defaults() -> None:
    manifest = a_deployment()
    containers(manifest).append({"name": "proxy", "image": "p"})
    live = defaulted(applied(None, manifest))
    assert [container["name"] for container in containers(applied(live, a_deployment()))] == ["web"]


def test_an_item_in_which_somebody_else_owns_a_field_stays_with_its_key() -> None:
    manifest = a_deployment()
    containers(manifest).append({"name": "proxy", "image": "p"})
    live = applied(None, manifest)
    other = partial(template={"spec": {"containers": [{"name": "proxy", "args": ["-v"]}]}})
    result = applied(applied(live, other, manager="other"), a_deployment())
    assert containers(result)[1] == {"name": "proxy", "args": ["-v"]}


def test_a_struct_goes_with_its_defaults_when_nobody_owns_anything_inside() -> None:
    """A removed probe must not leave its defaulted timeout behind: that would be a probe without a handler."""
    manifest = a_deployment()
    containers(manifest)[0]["livenessProbe"] = {"httpGet": {"path": "/", "port": 80}}
    live = defaulted(applied(None, manifest))
    assert containers(live)[0]["livenessProbe"]["failureThreshold"] == 3
    assert "livenessProbe" not in containers(applied(live, a_deployment()))[0]


def test_dropping_all_labels_keeps_the_identity_of_the_object() -> None:
    live = applied(None, a_deployment())
    live["metadata"] |= {"uid": "u", "resourceVersion": "7", "creationTimestamp": STAMP}
    manifest = a_deployment()
    del manifest["metadata"]["labels"]
    result = applied(live, manifest)
    assert {name: value for name, value in result["metadata"].items() if name != "managedFields"} == {
        "name": "web", "namespace": "shop", "uid": "u", "resourceVersion": "7", "creationTimestamp": STAMP,
    }  # fmt: skip


def test_atomic_values_are_replaced_whole() -> None:
    live = applied(None, a_service(selector={"app": "web", "tier": "x"}))
    assert applied(live, a_service(selector={"app": "web"}))["spec"]["selector"] == {"app": "web"}


def test_service_ports_of_one_number_and_two_protocols_are_two() -> None:
    ports = [{"name": "dns", "port": 53, "protocol": "UDP"}, {"name": "dns-tcp", "port": 53}]
    assert applied(applied(None, a_service(ports=ports)), a_service(ports=ports))["spec"]["ports"] == ports


def test_status_counts_under_its_subresource_only_and_nothing_else_there() -> None:
    live = applied(None, {**a_deployment(), "status": {"replicas": 5}})
    assert "status" not in live
    result = applied(live, {**a_deployment(replicas=8), "status": {"replicas": 5}}, manager="kubelet", subresource="status")
    assert (result["spec"]["replicas"], result["status"]) == (2, {"replicas": 5})
    assert owned(result, "kubelet") == {("f:status", "f:replicas")}


def test_a_custom_resource_without_status_subresource_applies_its_status() -> None:
    schema = {"properties": {"status": {"type": "object", "properties": {"a": {"type": "integer"}}}}}
    manifest = {"apiVersion": "g/v1", "kind": "X", "metadata": {"name": "x"}, "status": {"a": 1}}
    assert applied(None, manifest, types=ListTypes.for_crd(schema, has_status=False))["status"] == {"a": 1}
    assert "status" not in applied(None, manifest, types=ListTypes.for_crd(schema))


def test_null_means_that_the_field_shall_not_be_there() -> None:
    live = applied(None, a_deployment())
    with pytest.raises(ApplyConflict, match=r"\.spec\.replicas"):
        applied(live, partial(replicas=None), manager="you")
    once = applied(live, partial(replicas=None), manager="you", force=True)
    assert "replicas" not in once["spec"]
    assert applied(once, partial(replicas=None), manager="you", now=LATER) == once


def test_an_object_nobody_tracks_is_owned_by_who_came_before() -> None:
    live = a_deployment()
    with pytest.raises(ApplyConflict, match=r'"before-first-apply" using apps/v1: \.spec\.replicas'):
        applied(live, partial(replicas=9))


def test_kubectl_takes_over_what_its_client_side_apply_owned() -> None:
    """Client-side apply, then server-side apply with another image is no conflict, and the annotation stays true."""
    live = a_deployment()
    live["metadata"]["annotations"] = {LAST_APPLIED: json.dumps(a_deployment())}
    live = track_update(None, live, "kubectl-client-side-apply", NOW)
    manifest = a_deployment()
    containers(manifest)[0]["image"] = "web:2"
    result = applied(live, manifest, manager="kubectl")
    assert containers(result)[0]["image"] == "web:2"
    kept = json.loads(result["metadata"]["annotations"][LAST_APPLIED])
    assert containers(kept)[0]["image"] == "web:2"
    with pytest.raises(ApplyConflict):
        applied(live, manifest, manager="me")


def test_kubectl_gets_a_conflict_where_somebody_else_came_in_between() -> None:
    live = a_deployment(replicas=None)
    live["metadata"]["annotations"] = {LAST_APPLIED: json.dumps(a_deployment(replicas=None))}
    live = track_update(None, live, "kubectl-client-side-apply", NOW)
    scaled = copy.deepcopy(live)
    scaled["spec"]["replicas"] = 7
    live = track_update(live, scaled, "scaler", NOW)
    with pytest.raises(ApplyConflict, match='"scaler"'):
        applied(live, a_deployment(replicas=1), manager="kubectl")


def test_an_unreadable_annotation_of_client_side_apply_allows_nothing() -> None:
    live = a_deployment()
    live["metadata"]["annotations"] = {LAST_APPLIED: "{"}
    live = track_update(None, live, "kubectl-client-side-apply", NOW)
    with pytest.raises(ApplyConflict):
        applied(live, a_deployment(replicas=9), manager="kubectl")


def test_an_applied_manifest_may_not_bring_managed_fields() -> None:
    manifest = a_deployment()
    manifest["metadata"]["managedFields"] = [{"manager": "me"}]
    with pytest.raises(PatchError, match="must be nil") as refused:
        applied(None, manifest)
    assert refused.value.status == 400


@REPEATABLE
@given(deployments(), deployments())
def test_the_laws_of_apply(one: dict[str, Any], two: dict[str, Any]) -> None:
    """Twice is once; alone, the last apply is what there is; nothing lent is changed."""
    before = copy.deepcopy((one, two))
    first = applied(None, one)
    frozen = copy.deepcopy(first)
    second = applied(first, two, now=LATER)
    assert applied(second, two, now=LATER + 60) == second
    assert first == frozen
    assert (one, two) == before
    assert owned(second, "me") == owned(applied(None, two), "me")
    assert second["spec"].get("replicas") == two["spec"].get("replicas")
    assert pruned(containers(second)) == pruned(containers(two))


@REPEATABLE
@given(deployments(), deployments())
def test_two_appliers_with_force_leave_what_the_last_one_said(one: dict[str, Any], two: dict[str, Any]) -> None:
    live = applied(applied(None, one, manager="a"), two, manager="b", force=True)
    names = {container["name"]: container for container in containers(live)}
    for container in containers(two):
        assert names[container["name"]].items() >= {"name": container["name"], "image": container["image"]}.items()
    assert applied(live, two, manager="b", now=LATER) == live
    back = applied(live, one, manager="a", force=True)
    assert {c["name"] for c in containers(back)} == {c["name"] for c in (*containers(one), *containers(two))}
