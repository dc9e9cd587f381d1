"""Deleting: preconditions, finalizers, propagation, namespaces and collections."""

from typing import Any

import pytest

from unit.sandbox_api.client import CONFIG_MAPS, CRDS, DEPLOYMENTS, WIDGETS, Client, a_config_map, a_crd, a_deployment, a_widget


def owned_by(owner: dict[str, Any], blocks: bool = False) -> list[dict[str, Any]]:
    reference = {"apiVersion": owner["apiVersion"], "kind": owner["kind"], "name": "owner", "uid": owner["metadata"]["uid"]}
    return [{**reference, "blockOwnerDeletion": True} if blocks else reference]


async def test_delete_answers_a_status_with_the_uid(client: Client):
    made = await client.create(CONFIG_MAPS, a_config_map())
    answer = await client.call("DELETE", f"{CONFIG_MAPS}/settings")
    assert answer.body == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": {"name": "settings", "kind": "configmaps", "uid": made["metadata"]["uid"]},
    }
    assert (await client.call("DELETE", f"{CONFIG_MAPS}/settings")).status == 404


@pytest.mark.parametrize("precondition", [{"uid": "0000"}, {"resourceVersion": "1"}])
async def test_delete_of_another_object_than_meant_is_a_conflict(client: Client, precondition):
    await client.create(CONFIG_MAPS, a_config_map())
    answer = await client.call("DELETE", f"{CONFIG_MAPS}/settings", {"preconditions": precondition})
    assert (answer.status, "in the precondition" in answer.message) == (409, True)
    assert (await client.call("GET", f"{CONFIG_MAPS}/settings")).status == 200


async def test_delete_waits_for_finalizers(client: Client):
    path = f"{DEPLOYMENTS}/podinfo"
    manifest = a_deployment()
    manifest["metadata"]["finalizers"] = ["example.dev/hold"]
    await client.create(DEPLOYMENTS, manifest)
    marked = await client.call("DELETE", path)
    assert marked.body["metadata"]["deletionTimestamp"] == "2023-11-14T22:13:20Z"
    assert marked.body["metadata"]["generation"] == 2
    version = client.store.version
    assert (await client.call("DELETE", path)).status == 200
    assert client.store.version == version
    more = await client.patch(path, {"metadata": {"finalizers": ["example.dev/hold", "example.dev/late"]}})
    assert (more.status, "no new finalizers can be added" in more.message) == (422, True)
    assert (await client.patch(path, {"metadata": {"finalizers": []}})).status == 200
    assert (await client.call("GET", path)).status == 404


async def test_orphan_removes_the_owner_from_its_dependents(client: Client):
    owner = await client.create(CONFIG_MAPS, a_config_map("owner"))
    await client.create(CONFIG_MAPS, a_config_map("child", ownerReferences=owned_by(owner)))
    await client.call("DELETE", f"{CONFIG_MAPS}/owner", {"propagationPolicy": "Orphan"})
    child = await client.get(f"{CONFIG_MAPS}/child")
    assert "ownerReferences" not in child["metadata"]


async def test_background_leaves_dependents_to_the_collector(client: Client):
    owner = await client.create(CONFIG_MAPS, a_config_map("owner"))
    await client.create(CONFIG_MAPS, a_config_map("child", ownerReferences=owned_by(owner)))
    await client.call("DELETE", f"{CONFIG_MAPS}/owner?propagationPolicy=Background")
    assert (await client.get(f"{CONFIG_MAPS}/child"))["metadata"]["ownerReferences"] == owned_by(owner)


async def test_foreground_waits_for_the_dependents_that_block(client: Client):
    owner = await client.create(CONFIG_MAPS, a_config_map("owner"))
    held = a_config_map("held", ownerReferences=owned_by(owner, blocks=True), finalizers=["example.dev/hold"])
    await client.create(CONFIG_MAPS, held)
    await client.create(CONFIG_MAPS, a_config_map("free", ownerReferences=owned_by(owner, blocks=True)))
    answer = await client.call("DELETE", f"{CONFIG_MAPS}/owner", {"propagationPolicy": "Foreground"})
    assert answer.body["metadata"]["finalizers"] == ["foregroundDeletion"]
    assert (await client.call("GET", f"{CONFIG_MAPS}/free")).status == 404
    assert (await client.call("GET", f"{CONFIG_MAPS}/owner")).status == 200
    await client.patch(f"{CONFIG_MAPS}/held", {"metadata": {"finalizers": None}})
    assert (await client.call("GET", f"{CONFIG_MAPS}/owner")).status == 404


async def test_unknown_propagation_is_refused(client: Client):
    await client.create(CONFIG_MAPS, a_config_map())
    answer = await client.call("DELETE", f"{CONFIG_MAPS}/settings", {"propagationPolicy": "Sideways"})
    assert (answer.status, 'Unsupported value: "Sideways"' in answer.message) == (422, True)


async def test_a_namespace_takes_its_contents_along(client: Client):
    await client.create("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "test"}})
    inside = "/api/v1/namespaces/test/configmaps"
    await client.create(inside, a_config_map("held", finalizers=["example.dev/hold"]))
    await client.create(inside, a_config_map("free"))
    answer = await client.call("DELETE", "/api/v1/namespaces/test")
    assert answer.body["status"]["phase"] == "Terminating"
    assert (await client.call("GET", f"{inside}/free")).status == 404
    late = await client.call("POST", inside, a_config_map("late"))
    assert (late.status, late.body["details"]["causes"][0]["reason"]) == (403, "NamespaceTerminating")
    await client.patch(f"{inside}/held", {"metadata": {"finalizers": []}})
    assert (await client.call("GET", "/api/v1/namespaces/test")).status == 404


async def test_a_collection_is_deleted_by_selector(client: Client):
    for name, colour in (("a", "red"), ("b", "blue"), ("c", "red")):
        await client.create(CONFIG_MAPS, a_config_map(name, labels={"colour": colour}))
    answer = await client.call("DELETE", f"{CONFIG_MAPS}?labelSelector=colour%3Dred")
    assert [item["metadata"]["name"] for item in answer.body["items"]] == ["a", "c"]
    assert [item["metadata"]["name"] for item in (await client.get(CONFIG_MAPS))["items"]] == ["b"]


async def test_a_crd_takes_its_objects_along(client: Client):
    await client.create(CRDS, a_crd())
    await client.create(WIDGETS, {**a_widget(), "metadata": {"name": "gear", "finalizers": ["example.dev/hold"]}})
    await client.call("DELETE", f"{CRDS}/widgets.example.dev")
    assert (await client.get(f"{WIDGETS}/gear"))["metadata"]["deletionTimestamp"]
    await client.patch(f"{WIDGETS}/gear", {"metadata": {"finalizers": None}})
    assert (await client.call("GET", f"{CRDS}/widgets.example.dev")).status == 404
    assert (await client.call("GET", WIDGETS)).status == 404
