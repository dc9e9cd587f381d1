"""Reading: selectors, pages, versions and the forms in which objects are shown."""

import pytest

from unit.sandbox_api.client import (
    CONFIG_MAPS,
    CRDS,
    DEPLOYMENTS,
    TABLE,
    WIDGETS,
    Client,
    a_config_map,
    a_crd,
    a_deployment,
    a_widget,
)

METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"


async def names(client: Client, query: str, collection: str = CONFIG_MAPS) -> list[str]:
    return [item["metadata"]["name"] for item in (await client.get(f"{collection}?{query}"))["items"]]


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ("app=web", ["a", "b"]),
        ("app==web,tier!=back", ["a"]),
        ("app+in+(web,db)", ["a", "b", "c"]),
        ("app+notin+(web)", ["c", "d"]),
        ("tier", ["a", "b"]),
        ("!tier,app", ["c"]),
        ("rank%3E2", ["b"]),
    ],
)
async def test_labels_select(client: Client, selector: str, expected: list[str]):
    for name, labels in (
        ("a", {"app": "web", "tier": "front", "rank": "1"}),
        ("b", {"app": "web", "tier": "back", "rank": "3"}),
        ("c", {"app": "db"}),
        ("d", {}),
    ):
        await client.create(CONFIG_MAPS, a_config_map(name, labels=labels))
    assert await names(client, f"labelSelector={selector}") == expected


async def test_an_unreadable_selector_is_a_bad_request(client: Client):
    answer = await client.call("GET", f"{CONFIG_MAPS}?labelSelector=a+in+web")
    assert (answer.status, "unable to parse requirement" in answer.message) == (400, True)


async def test_fields_select(client: Client):
    events = "/api/v1/namespaces/default/events"
    for name, kind in (("one", "Canary"), ("two", "Pod")):
        event = {"apiVersion": "v1", "kind": "Event", "metadata": {"name": name}, "type": "Normal", "reason": "Synced"}
        await client.create(events, {**event, "involvedObject": {"kind": kind, "name": "podinfo", "namespace": "default"}})
    assert await names(client, "fieldSelector=involvedObject.kind%3DCanary,involvedObject.name%3Dpodinfo", events) == ["one"]
    assert await names(client, "fieldSelector=metadata.name!%3Done", events) == ["two"]
    answer = await client.call("GET", f"{events}?fieldSelector=message%3Dx")
    assert (answer.status, answer.message) == (400, "field label not supported: message")


async def test_lists_are_sorted_over_all_namespaces(client: Client):
    await client.create("/api/v1/namespaces/kube-system/configmaps", a_config_map("a"))
    for name in ("z", "b"):
        await client.create(CONFIG_MAPS, a_config_map(name))
    found = await client.get("/api/v1/configmaps")
    assert [item["metadata"]["name"] for item in found["items"]] == ["b", "z", "a"]
    assert "kind" not in found["items"][0]
    assert found["metadata"]["resourceVersion"] == str(client.store.version)


async def test_pages_show_the_list_as_it_was(client: Client):
    for name in "abcde":
        await client.create(CONFIG_MAPS, a_config_map(name))
    first = await client.get(f"{CONFIG_MAPS}?limit=2")
    assert first["metadata"]["remainingItemCount"] == 3
    await client.call("DELETE", f"{CONFIG_MAPS}/d")
    await client.create(CONFIG_MAPS, a_config_map("bb"))
    second = await client.get(f"{CONFIG_MAPS}?limit=2&continue={first['metadata']['continue']}")
    third = await client.get(f"{CONFIG_MAPS}?limit=2&continue={second['metadata']['continue']}")
    shown = [[item["metadata"]["name"] for item in page["items"]] for page in (first, second, third)]
    assert shown == [["a", "b"], ["c", "d"], ["e"]]
    assert {page["metadata"]["resourceVersion"] for page in (first, second, third)} == {first["metadata"]["resourceVersion"]}
    assert "continue" not in third["metadata"]


async def test_a_page_of_a_forgotten_list_is_expired(client: Client):
    for name in "abc":
        await client.create(CONFIG_MAPS, a_config_map(name))
    token = (await client.get(f"{CONFIG_MAPS}?limit=1"))["metadata"]["continue"]
    await client.create(CONFIG_MAPS, a_config_map("d"))
    client.store.forget_history()
    answer = await client.call("GET", f"{CONFIG_MAPS}?limit=1&continue={token}")
    assert (answer.status, answer.body["reason"]) == (410, "Expired")
    broken = await client.call("GET", f"{CONFIG_MAPS}?continue=nonsense")
    assert (broken.status, "continue key is not valid" in broken.message) == (400, True)


async def test_an_exact_version_shows_the_past(client: Client):
    made = await client.create(CONFIG_MAPS, a_config_map())
    await client.patch(f"{CONFIG_MAPS}/settings", {"data": {"colour": "red"}})
    version = made["metadata"]["resourceVersion"]
    old = await client.get(f"{CONFIG_MAPS}?resourceVersion={version}&resourceVersionMatch=Exact")
    new = await client.get(f"{CONFIG_MAPS}?resourceVersion={version}&resourceVersionMatch=NotOlderThan")
    assert [page["items"][0]["data"]["colour"] for page in (old, new)] == ["blue", "red"]
    late = await client.call("GET", f"{CONFIG_MAPS}?resourceVersion=99999")
    assert (late.status, late.body["details"]["causes"][0]["reason"]) == (504, "ResourceVersionTooLarge")
    assert (await client.call("GET", f"{CONFIG_MAPS}?resourceVersion=new")).status == 400


async def test_metadata_only_shows_no_data(client: Client):
    await client.create(CONFIG_MAPS, a_config_map())
    one = await client.get(f"{CONFIG_MAPS}/settings", accept=METADATA)
    many = await client.get(CONFIG_MAPS, accept=METADATA_LIST)
    assert (one["kind"], one["apiVersion"], "data" in one) == ("PartialObjectMetadata", "meta.k8s.io/v1", False)
    assert (many["kind"], many["items"][0]["kind"]) == ("PartialObjectMetadataList", "PartialObjectMetadata")
    assert "data" not in many["items"][0]


async def test_only_forms_that_we_can_write_are_accepted(client: Client):
    answer = await client.call("GET", CONFIG_MAPS, accept="application/vnd.kubernetes.protobuf")
    assert (answer.status, answer.body["reason"]) == (406, "NotAcceptable")
    assert (await client.get(CONFIG_MAPS, accept="application/vnd.kubernetes.protobuf,application/json"))["items"] == []


async def test_a_deployment_has_the_columns_of_kubectl(client: Client):
    await client.create(DEPLOYMENTS, a_deployment(replicas=2))
    status = {"replicas": 2, "readyReplicas": 1, "updatedReplicas": 2, "availableReplicas": 1, "unavailableReplicas": 1}
    await client.patch(f"{DEPLOYMENTS}/podinfo/status", {"status": status})
    client.now += 200
    table = await client.get(DEPLOYMENTS, accept=TABLE)
    titles = [(column["name"], column["priority"]) for column in table["columnDefinitions"]]
    assert titles[:5] == [("Name", 0), ("Ready", 0), ("Up-to-date", 0), ("Available", 0), ("Age", 0)]
    assert titles[5:] == [("Containers", 1), ("Images", 1), ("Selector", 1)]
    [row] = table["rows"]
    assert row["cells"] == ["podinfo", "1/2", 2, 1, "3m20s", "podinfod", "podinfo:6.0.0", "app=podinfo"]
    assert (row["object"]["kind"], "spec" in row["object"]) == ("PartialObjectMetadata", False)


async def test_tables_include_what_is_asked(client: Client):
    await client.create(CONFIG_MAPS, a_config_map())
    whole = await client.get(f"{CONFIG_MAPS}?includeObject=Object", accept=TABLE)
    bare = await client.get(f"{CONFIG_MAPS}?includeObject=None", accept=TABLE)
    assert whole["rows"][0]["object"]["data"] == {"colour": "blue"}
    assert "object" not in bare["rows"][0]


async def test_custom_resources_have_the_columns_of_their_crd(client: Client):
    await client.create(CRDS, a_crd())
    await client.create(WIDGETS, a_widget())
    conditions = [{"type": "Other", "status": "False"}, {"type": "Ready", "status": "True"}]
    await client.patch(f"{WIDGETS}/gear/status", {"status": {"conditions": conditions}})
    client.now += 3600 * 9
    table = await client.get(f"{WIDGETS}/gear", accept=TABLE)
    assert [column["name"] for column in table["columnDefinitions"]] == ["Name", "Size", "Ready", "Colour", "Age"]
    assert table["rows"][0]["cells"] == ["gear", 3, "True", "grey", "9h"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404),
        ("GET", "/apis/nobody.dev/v1/namespaces/default/things", 404),
        ("GET", f"{CONFIG_MAPS}/settings/scale", 404),
        ("GET", "/api/v1/namespaces/default/nodes", 404),
        ("POST", "/api/v1/configmaps", 404),
        ("POST", f"{CONFIG_MAPS}/settings", 405),
        ("PUT", CONFIG_MAPS, 405),
        ("DELETE", "/version", 405),
    ],
)
async def test_paths_and_verbs_that_do_not_exist_are_refused(client: Client, method: str, path: str, status: int):
    assert (await client.call(method, path, {})).status == status


async def test_every_answer_has_a_date_and_every_request_is_logged(client: Client):
    for path in (f"{CONFIG_MAPS}?watch=true", f"{CONFIG_MAPS}/settings", CONFIG_MAPS, "/version"):
        reply = await client.reply("GET", path)
        assert reply.headers["Date"] == "Tue, 14 Nov 2023 22:13:20 GMT"
    assert [(line.verb, line.status, line.user_agent) for line in client.api.requests] == [
        ("watch", 200, "tester/1.0"),
        ("get", 404, "tester/1.0"),
        ("list", 200, "tester/1.0"),
        ("get", 200, "tester/1.0"),
    ]
    assert client.api.requests[0].path == f"{CONFIG_MAPS}?watch=true"
