"""CustomResourceDefinitions: served at once, pruned, defaulted, validated, with status, scale and several versions."""

import pytest

from unit.sandbox_api.client import APPLY, CRDS, STRATEGIC, WIDGETS, Client, a_crd, a_widget


@pytest.fixture
async def widgets(client: Client) -> Client:
    await client.create(CRDS, a_crd())
    return client


async def test_a_crd_is_served_at_once_and_says_so(client: Client):
    assert (await client.call("GET", WIDGETS)).status == 404
    await client.create(CRDS, a_crd())
    assert (await client.get(WIDGETS))["kind"] == "WidgetList"
    crd = await client.get(f"{CRDS}/widgets.example.dev")
    assert {each["type"]: each["status"] for each in crd["status"]["conditions"]} == {
        "NamesAccepted": "True",
        "Established": "True",
    }
    assert crd["status"]["storedVersions"] == ["v1"]
    assert crd["spec"]["names"]["listKind"] == "WidgetList"


async def test_a_crd_must_fit_its_name_and_have_one_storage_version(client: Client):
    crd = a_crd(storage=False)
    crd["metadata"]["name"] = "gadgets.example.dev"
    answer = await client.call("POST", CRDS, crd)
    fields = {cause["field"] for cause in answer.body["details"]["causes"]}
    assert (answer.status, fields) == (422, {"metadata.name", "spec.versions"})
    assert (await client.call("GET", WIDGETS)).status == 404


async def test_custom_resources_are_defaulted_and_pruned(widgets: Client):
    answer = await widgets.call("POST", WIDGETS, a_widget(shape="round"))
    assert answer.body["spec"] == {"size": 3, "colour": "grey"}
    assert answer.headers["Warning"] == '299 - "unknown field \\"spec.shape\\""'


async def test_strict_validation_refuses_unknown_fields(widgets: Client):
    answer = await widgets.call("POST", f"{WIDGETS}?fieldValidation=Strict", a_widget(shape="round"))
    assert answer.status == 400
    assert answer.message == (
        'Widget in version "v1" cannot be handled as a Widget: strict decoding error: unknown field "spec.shape"'
    )
    ignored = await widgets.call("POST", f"{WIDGETS}?fieldValidation=Ignore", a_widget(shape="round"))
    assert (ignored.status, "Warning" in ignored.headers) == (201, False)


async def test_apply_refuses_unknown_fields(widgets: Client):
    answer = await widgets.patch(f"{WIDGETS}/gear?fieldManager=ck", a_widget(shape="round"), APPLY)
    assert (answer.status, ".spec.shape: field not declared in schema" in answer.message) == (500, True)


async def test_wrong_values_are_refused_with_causes(widgets: Client):
    answer = await widgets.call("POST", WIDGETS, a_widget(size=0))
    assert (answer.status, answer.body["details"]["causes"][0]["field"]) == (422, "spec.size")
    assert answer.message.startswith('Widget.example.dev "gear" is invalid: spec.size: Invalid value: 0')


async def test_put_needs_the_version_it_was_compared_with(widgets: Client):
    made = await widgets.create(WIDGETS, a_widget())
    assert (await widgets.call("PUT", f"{WIDGETS}/gear", a_widget())).status == 422
    assert (await widgets.call("PUT", f"{WIDGETS}/gear", made)).status == 200


async def test_status_of_a_custom_resource_changes_nothing_else(widgets: Client):
    await widgets.create(WIDGETS, a_widget())
    change = {"status": {"size": 2, "secret": 1}, "spec": {"size": 9}, "metadata": {"labels": {"a": "b"}}}
    answer = await widgets.patch(f"{WIDGETS}/gear/status", change)
    assert answer.body["status"] == {"size": 2}
    assert answer.body["spec"]["size"] == 3
    assert "labels" not in answer.body["metadata"]
    assert answer.body["metadata"]["generation"] == 1


async def test_scale_of_a_custom_resource_follows_its_paths(widgets: Client):
    await widgets.create(WIDGETS, a_widget())
    await widgets.patch(f"{WIDGETS}/gear/status", {"status": {"size": 2, "selector": "app=gear"}})
    scale = await widgets.get(f"{WIDGETS}/gear/scale")
    assert (scale["spec"], scale["status"]) == ({"replicas": 3}, {"replicas": 2, "selector": "app=gear"})
    await widgets.patch(f"{WIDGETS}/gear/scale", {"spec": {"replicas": 7}})
    assert (await widgets.get(f"{WIDGETS}/gear"))["spec"]["size"] == 7


async def test_strategic_patch_is_not_for_custom_resources(widgets: Client):
    await widgets.create(WIDGETS, a_widget())
    answer = await widgets.patch(f"{WIDGETS}/gear", {"spec": {"size": 4}}, STRATEGIC)
    assert answer.status == 415
    assert "application/merge-patch+json" in answer.message
    assert "strategic" not in answer.message


async def test_every_served_version_shows_the_same_objects(client: Client):
    crd = a_crd()
    newer = {**crd["spec"]["versions"][0], "name": "v2", "storage": False, "deprecated": True}
    crd["spec"]["versions"].append(newer)
    await client.create(CRDS, crd)
    await client.create(WIDGETS, a_widget())
    shown = await client.call("GET", WIDGETS.replace("/v1/", "/v2/") + "/gear")
    assert (shown.body["apiVersion"], shown.body["spec"]["size"]) == ("example.dev/v2", 3)
    assert "deprecated" in shown.headers["Warning"]
    [stored] = client.store.objects("example.dev", "widgets")
    assert stored["apiVersion"] == "example.dev/v1"


async def test_a_version_that_is_no_longer_served_is_gone(widgets: Client):
    crd = await widgets.get(f"{CRDS}/widgets.example.dev")
    crd["spec"]["versions"].append({**crd["spec"]["versions"][0], "name": "v2", "storage": False})
    crd["spec"]["versions"][0]["served"] = False
    assert (await widgets.call("PUT", f"{CRDS}/widgets.example.dev", crd)).status == 200
    assert (await widgets.call("GET", WIDGETS)).status == 404
    assert (await widgets.call("GET", WIDGETS.replace("/v1/", "/v2/"))).status == 200
