"""Strategic merge patch."""

import copy
from typing import Any

import pytest
from hypothesis import given

from canary_controller.sandbox.objects.causes import PatchError
from canary_controller.sandbox.objects.strategic import strategic_merge
from unit.sandbox_objects.samples import REPEATABLE, a_deployment, containers, deployments


def patched(target: dict[str, Any], patch: dict[str, Any], group: str = "apps", kind: str = "Deployment") -> dict[str, Any]:
    return strategic_merge(target, patch, group, kind)


def with_containers(*patch: Any, **more: Any) -> dict[str, Any]:
    return {"spec": {"template": {"spec": {"containers": list(patch), **more}}}}


def two_containers() -> dict[str, Any]:
    manifest = a_deployment()
    containers(manifest).append({"name": "proxy", "image": "proxy:1"})
    return manifest


def names(manifest: dict[str, Any]) -> list[str]:
    return [container["name"] for container in containers(manifest)]


def test_a_container_is_found_by_its_name() -> None:
    """What ``kubectl set image`` sends."""
    result = patched(two_containers(), with_containers({"name": "proxy", "image": "proxy:2"}))
    assert containers(result)[0]["image"] == "web:1"
    assert next(c for c in containers(result) if c["name"] == "proxy")["image"] == "proxy:2"
    assert names(result) == ["web", "proxy"]


def test_a_new_container_comes_before_those_that_the_patch_does_not_name() -> None:
    assert names(patched(two_containers(), with_containers({"name": "new", "image": "n"}))) == ["new", "web", "proxy"]


def test_an_element_order_is_followed() -> None:
    order = {"$setElementOrder/containers": [{"name": "proxy"}, {"name": "web"}]}
    assert names(patched(two_containers(), with_containers({"name": "web", "image": "web:2"}, **order))) == ["proxy", "web"]


def test_an_element_order_alone_reorders() -> None:
    patch = {"spec": {"template": {"spec": {"$setElementOrder/containers": [{"name": "proxy"}, {"name": "web"}]}}}}
    assert names(patched(two_containers(), patch)) == ["proxy", "web"]


def test_items_only_the_server_has_keep_their_place_between_ordered_ones() -> None:
    manifest = two_containers()
    containers(manifest).insert(1, {"name": "injected", "image": "i"})
    order = {"$setElementOrder/containers": [{"name": "web"}, {"name": "proxy"}]}
    assert names(patched(manifest, with_containers({"name": "web", "image": "web:2"}, **order))) == ["web", "injected", "proxy"]


def test_an_element_is_deleted_by_directive() -> None:
    assert names(patched(two_containers(), with_containers({"name": "web", "$patch": "delete"}))) == ["proxy"]


def test_a_list_is_replaced_by_directive() -> None:
    patch = with_containers({"$patch": "replace"}, {"name": "only", "image": "o"})
    assert containers(patched(two_containers(), patch)) == [{"name": "only", "image": "o"}]


def test_a_map_is_replaced_or_emptied_by_directive() -> None:
    replaced = patched(a_deployment(), {"metadata": {"labels": {"$patch": "replace", "tier": "x"}}})
    emptied = patched(a_deployment(), {"metadata": {"labels": {"$patch": "delete"}}})
    assert replaced["metadata"]["labels"] == {"tier": "x"}
    assert emptied["metadata"]["labels"] == {}


def test_retain_keys_drops_the_others() -> None:
    """What ``kubectl apply`` sends to turn RollingUpdate into Recreate."""
    target = a_deployment(strategy={"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}})
    result = patched(target, {"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}})
    assert result["spec"]["strategy"] == {"type": "Recreate"}


def test_retain_keys_must_list_what_the_patch_sets() -> None:
    with pytest.raises(PatchError, match="rollingUpdate") as refused:
        patched(a_deployment(), {"spec": {"strategy": {"$retainKeys": ["type"], "rollingUpdate": {"maxSurge": 1}}}})
    assert refused.value.status == 400


def test_finalizers_merge_as_a_set_and_leave_by_directive() -> None:
    target = a_deployment()
    target["metadata"]["finalizers"] = ["a", "b"]
    patch = {"metadata": {"finalizers": ["b", "c"], "$deleteFromPrimitiveList/finalizers": ["a"]}}
    assert patched(target, patch)["metadata"]["finalizers"] == ["b", "c"]
    order = {"metadata": {"finalizers": ["c"], "$setElementOrder/finalizers": ["c", "b", "a"]}}
    assert patched(target, order)["metadata"]["finalizers"] == ["c", "b", "a"]


def test_null_deletes_also_inside_new_elements() -> None:
    result = patched(a_deployment(), {"spec": {"replicas": None}, "metadata": {"annotations": {"a": None, "b": "x"}}})
    assert "replicas" not in result["spec"]
    assert result["metadata"]["annotations"] == {"b": "x"}


def test_container_ports_go_by_number_alone_and_service_ports_too() -> None:
    """Server-side apply would add the protocol to the key."""
    result = patched(a_deployment(), with_containers({"name": "web", "ports": [{"containerPort": 8080, "protocol": "UDP"}]}))
    assert containers(result)[0]["ports"] == [{"name": "http", "containerPort": 8080, "protocol": "UDP"}]
    service = {"spec": {"ports": [{"port": 80, "name": "http"}, {"port": 81, "name": "admin"}]}}
    changed = patched(service, {"spec": {"ports": [{"port": 81, "targetPort": 9}]}}, "", "Service")
    assert {"port": 81, "name": "admin", "targetPort": 9} in changed["spec"]["ports"]
    assert len(changed["spec"]["ports"]) == 2


def test_a_list_without_merge_key_is_replaced() -> None:
    target = a_deployment()
    target["spec"]["template"]["spec"]["tolerations"] = [{"key": "a"}]
    patch = {"spec": {"template": {"spec": {"tolerations": [{"key": "b"}]}}}}
    assert patched(target, patch)["spec"]["template"]["spec"]["tolerations"] == [{"key": "b"}]
    metrics = {"spec": {"metrics": [{"type": "Resource"}, {"type": "Pods"}]}}
    changed = patched(metrics, {"spec": {"metrics": [{"type": "Pods"}]}}, "autoscaling", "HorizontalPodAutoscaler")
    assert changed["spec"]["metrics"] == [{"type": "Pods"}]


def test_conditions_go_by_type() -> None:
    target = {"status": {"conditions": [{"type": "Available", "status": "True"}, {"type": "Progressing", "status": "True"}]}}
    result = patched(target, {"status": {"conditions": [{"type": "Available", "status": "False"}]}})
    assert {c["type"]: c["status"] for c in result["status"]["conditions"]} == {"Available": "False", "Progressing": "True"}


@pytest.mark.parametrize(
    ("patch", "status", "word"),
    [
        (with_containers({"image": "x"}), 422, "merge key: name"),
        (with_containers("web"), 422, "merge key name"),
        ({"spec": {"$patch": "explode"}}, 400, "explode"),
        ({"spec": {"$retainKeys": "type"}}, 400, "retainKeys"),
        ({"metadata": {"$deleteFromPrimitiveList/finalizers": "a"}}, 400, "deleteFromPrimitiveList"),
        (with_containers(**{"$setElementOrder/containers": "web"}), 400, "setElementOrder"),
        ([], 400, "object"),
    ],
)
def test_a_malformed_patch_is_refused(patch: Any, status: int, word: str) -> None:
    with pytest.raises(PatchError, match=word) as refused:
        patched(a_deployment(), patch)
    assert refused.value.status == status


def test_custom_resources_have_no_strategic_merge() -> None:
    with pytest.raises(PatchError) as refused:
        strategic_merge({}, {}, "keda.sh", "ScaledObject")
    assert (refused.value.status, refused.value.reason) == (415, "UnsupportedMediaType")
    assert "application/merge-patch+json" in refused.value.message


@REPEATABLE
@given(deployments(), deployments())
def test_the_laws_of_strategic_merge(target: dict[str, Any], patch: dict[str, Any]) -> None:
    """Nothing patched changes nothing; twice is once; nothing lent is changed; everything patched is there."""
    before = copy.deepcopy((target, patch))
    assert patched(target, {}) == target
    once = patched(target, patch)
    assert patched(once, patch) == once
    assert (target, patch) == before
    assert set(names(once)) == set(names(target)) | set(names(patch))
