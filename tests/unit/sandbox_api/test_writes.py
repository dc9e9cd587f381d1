"""Create, update, patch and delete of built-in kinds: what is stored, and every refusal in Kubernetes' own form."""

import pytest

from unit.sandbox_api.client import (
    APPLY,
    CONFIG_MAPS,
    DEPLOYMENTS,
    JSON_PATCH,
    MERGE,
    STRATEGIC,
    Client,
    a_config_map,
    a_deployment,
    managers,
)


async def test_create_adds_what_the_server_says(client: Client):
    made = await client.create(DEPLOYMENTS, a_deployment())
    metadata = made["metadata"]
    assert metadata["namespace"] == "default"
    assert metadata["generation"] == 1
    assert metadata["creationTimestamp"] == "2023-11-14T22:13:20Z"
    assert metadata["uid"]
    assert int(metadata["resourceVersion"]) == client.store.version
    assert made["status"] == {}
    assert made["spec"]["revisionHistoryLimit"] == 10
    assert managers(made) == [("tester", "Update", "")]


async def test_create_ignores_system_fields_and_status_of_the_client(client: Client):
    manifest = a_deployment()
    manifest["metadata"] |= {"uid": "mine", "generation": 7, "creationTimestamp": "2001-01-01T00:00:00Z"}
    made = await client.create(DEPLOYMENTS, {**manifest, "status": {"replicas": 5}})
    assert made["metadata"]["uid"] != "mine"
    assert made["metadata"]["generation"] == 1
    assert made["status"] == {}


async def test_create_of_a_taken_name_is_already_exists(client: Client):
    await client.create(CONFIG_MAPS, a_config_map())
    answer = await client.call("POST", CONFIG_MAPS, a_config_map())
    assert answer.status == 409
    assert answer.body == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": 'configmaps "settings" already exists',
        "reason": "AlreadyExists",
        "details": {"name": "settings", "kind": "configmaps"},
        "code": 409,
    }


async def test_generate_name_makes_different_names(client: Client):
    manifest = {**a_config_map(), "metadata": {"generateName": "run-"}}
    first, second = [(await client.create(CONFIG_MAPS, manifest))["metadata"]["name"] for _ in range(2)]
    assert first != second
    assert first.startswith("run-")
    assert len(first) == len("run-") + 5


@pytest.mark.parametrize(
    ("change", "status", "text"),
    [
        ({"kind": "Secret"}, 400, "unknown conversion"),
        ({"kind": ""}, 400, "Object 'Kind' is missing"),
        ({"metadata": {"name": "x", "namespace": "other"}}, 400, "namespace of the provided object does not match"),
        ({"metadata": {"name": "x", "resourceVersion": "1"}}, 500, "resourceVersion should not be set on objects to be created"),
        ({"metadata": {}}, 422, "name or generateName is required"),
    ],
)
async def test_create_refuses_what_does_not_fit_the_path(client: Client, change, status, text):
    answer = await client.call("POST", CONFIG_MAPS, {**a_config_map(), **change})
    assert (answer.status, answer.body["kind"]) == (status, "Status")
    assert text in answer.message
    assert await client.get(CONFIG_MAPS) | {"metadata": 0} == {
        "kind": "ConfigMapList",
        "apiVersion": "v1",
        "metadata": 0,
        "items": [],
    }


async def test_a_body_that_is_no_json_is_a_bad_request(client: Client):
    answer = await client.call("POST", CONFIG_MAPS, b"{nope")
    assert (answer.status, answer.body["reason"]) == (400, "BadRequest")


async def test_create_in_a_namespace_that_is_missing_is_not_found(client: Client):
    answer = await client.call("POST", "/api/v1/namespaces/nowhere/configmaps", a_config_map())
    assert (answer.status, answer.message) == (404, 'namespaces "nowhere" not found')


async def test_invalid_objects_are_refused_with_causes(client: Client):
    answer = await client.call("POST", DEPLOYMENTS, a_deployment(replicas=-1))
    assert (answer.status, answer.body["reason"]) == (422, "Invalid")
    assert answer.message.startswith('Deployment.apps "podinfo" is invalid: spec.replicas: Invalid value: -1')
    assert answer.body["details"]["group"] == "apps"
    assert answer.body["details"]["causes"][0]["field"] == "spec.replicas"


async def test_dry_run_shows_the_object_and_stores_nothing(client: Client):
    answer = await client.call("POST", f"{CONFIG_MAPS}?dryRun=All", a_config_map())
    assert answer.status == 201
    assert answer.body["metadata"]["uid"]
    assert (await client.call("GET", f"{CONFIG_MAPS}/settings")).status == 404
    await client.create(CONFIG_MAPS, a_config_map())
    before = client.store.version
    patched = await client.patch(f"{CONFIG_MAPS}/settings?dryRun=All", {"data": {"colour": "red"}})
    removed = await client.call("DELETE", f"{CONFIG_MAPS}/settings?dryRun=All")
    assert patched.body["data"] == {"colour": "red"}
    assert removed.status == 200
    assert client.store.version == before


async def test_dry_run_takes_no_other_value(client: Client):
    answer = await client.call("POST", f"{CONFIG_MAPS}?dryRun=yes", a_config_map())
    assert answer.status == 422
    assert 'Unsupported value: "yes"' in answer.message


async def test_put_with_a_stale_version_is_a_conflict(client: Client):
    made = await client.create(CONFIG_MAPS, a_config_map())
    await client.patch(f"{CONFIG_MAPS}/settings", {"data": {"colour": "red"}})
    answer = await client.call("PUT", f"{CONFIG_MAPS}/settings", made)
    assert (answer.status, answer.body["reason"]) == (409, "Conflict")
    assert answer.message == (
        'Operation cannot be fulfilled on configmaps "settings": the object has been modified; '
        "please apply your changes to the latest version and try again"
    )
    assert (await client.get(f"{CONFIG_MAPS}/settings"))["data"] == {"colour": "red"}


async def test_put_without_a_version_is_unconditional_for_config_maps_only(client: Client):
    await client.create(CONFIG_MAPS, a_config_map())
    answer = await client.call("PUT", f"{CONFIG_MAPS}/settings", {**a_config_map(), "data": {"a": "b"}})
    assert (answer.status, answer.body["data"]) == (200, {"a": "b"})
    leases = "/apis/coordination.k8s.io/v1/namespaces/default/leases"
    lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "lead"}, "spec": {}}
    await client.create(leases, lease)
    answer = await client.call("PUT", f"{leases}/lead", lease)
    assert answer.status == 422
    assert "metadata.resourceVersion: Invalid value: 0: must be specified for an update" in answer.message


async def test_put_of_another_name_or_uid_is_refused(client: Client):
    made = await client.create(CONFIG_MAPS, a_config_map())
    other = await client.call("PUT", f"{CONFIG_MAPS}/settings", a_config_map("other"))
    assert (other.status, other.message) == (400, "the name of the object (other) does not match the name on the URL (settings)")
    made["metadata"]["uid"] = "0000"
    stranger = await client.call("PUT", f"{CONFIG_MAPS}/settings", made)
    assert stranger.status == 409
    assert "UID in precondition: 0000" in stranger.message


async def test_put_of_a_missing_object_is_not_found(client: Client):
    answer = await client.call("PUT", f"{DEPLOYMENTS}/podinfo", a_deployment())
    assert (answer.status, answer.message) == (404, 'deployments.apps "podinfo" not found')


async def test_generation_counts_changes_of_the_spec_only(client: Client):
    await client.create(DEPLOYMENTS, a_deployment())
    path = f"{DEPLOYMENTS}/podinfo"
    labelled = await client.patch(path, {"metadata": {"labels": {"a": "b"}}})
    reported = await client.patch(f"{path}/status", {"status": {"observedGeneration": 1, "replicas": 2}})
    scaled = await client.patch(path, {"spec": {"replicas": 3}})
    assert [each.body["metadata"]["generation"] for each in (labelled, reported, scaled)] == [1, 1, 2]


async def test_status_is_written_through_its_subresource_only(client: Client):
    await client.create(DEPLOYMENTS, a_deployment())
    path = f"{DEPLOYMENTS}/podinfo"
    main = await client.patch(path, {"status": {"replicas": 9}, "spec": {"replicas": 4}})
    assert (main.body["status"], main.body["spec"]["replicas"]) == ({}, 4)
    status = await client.patch(f"{path}/status", {"status": {"replicas": 4}, "spec": {"replicas": 1}})
    assert (status.body["status"], status.body["spec"]["replicas"]) == ({"replicas": 4}, 4)
    assert ("tester", "Update", "status") in managers(status.body)


async def test_a_status_patch_with_a_stale_version_is_a_conflict(client: Client):
    """The write that our controller relies on (rig.md): fenced by the observed resourceVersion."""
    made = await client.create(DEPLOYMENTS, a_deployment())
    path = f"{DEPLOYMENTS}/podinfo"
    fence = {"metadata": {"resourceVersion": made["metadata"]["resourceVersion"]}, "status": {"replicas": 1}}
    assert (await client.patch(f"{path}/status", fence)).status == 200
    assert (await client.patch(f"{path}/status", {**fence, "status": {"replicas": 2}})).status == 409
    assert (await client.get(path))["status"] == {"replicas": 1}


async def test_a_write_that_changes_nothing_keeps_the_version(client: Client):
    await client.create(CONFIG_MAPS, a_config_map())
    version = client.store.version
    client.now += 60
    answer = await client.patch(f"{CONFIG_MAPS}/settings", {"data": {"colour": "blue"}})
    assert answer.status == 200
    assert client.store.version == version


async def test_json_patch_replaces_removes_and_tests(client: Client):
    await client.create(CONFIG_MAPS, a_config_map())
    path = f"{CONFIG_MAPS}/settings"
    good = [{"op": "test", "path": "/data/colour", "value": "blue"}, {"op": "add", "path": "/data/size", "value": "9"}]
    assert (await client.patch(path, good, JSON_PATCH)).body["data"] == {"colour": "blue", "size": "9"}
    failed = await client.patch(path, [{"op": "test", "path": "/data/colour", "value": "red"}], JSON_PATCH)
    assert (failed.status, failed.body["reason"]) == (422, "Invalid")
    stale = await client.patch(path, [{"op": "replace", "path": "/metadata/resourceVersion", "value": "1"}], JSON_PATCH)
    assert (stale.status, stale.body["reason"]) == (409, "Conflict")


async def test_strategic_patch_merges_containers_by_name(client: Client):
    await client.create(DEPLOYMENTS, a_deployment())
    change = {
        "spec": {
            "template": {"spec": {"containers": [{"name": "podinfod", "image": "podinfo:6.0.1"}, {"name": "log", "image": "l"}]}}
        }
    }
    answer = await client.patch(f"{DEPLOYMENTS}/podinfo", change, STRATEGIC)
    images = {each["name"]: each["image"] for each in answer.body["spec"]["template"]["spec"]["containers"]}
    assert images == {"podinfod": "podinfo:6.0.1", "log": "l"}


async def test_merge_patch_removes_what_is_null(client: Client):
    await client.create(CONFIG_MAPS, a_config_map(labels={"a": "b"}))
    answer = await client.patch(f"{CONFIG_MAPS}/settings", {"metadata": {"labels": None}, "data": {"size": "1"}}, MERGE)
    assert "labels" not in answer.body["metadata"]
    assert answer.body["data"] == {"colour": "blue", "size": "1"}


async def test_unknown_patch_types_are_refused(client: Client):
    await client.create(CONFIG_MAPS, a_config_map())
    answer = await client.patch(f"{CONFIG_MAPS}/settings", {}, "application/json")
    assert (answer.status, answer.body["reason"]) == (415, "UnsupportedMediaType")


async def test_system_fields_cannot_be_patched(client: Client):
    made = await client.create(CONFIG_MAPS, a_config_map())
    answer = await client.patch(f"{CONFIG_MAPS}/settings", {"metadata": {"creationTimestamp": "2001-01-01T00:00:00Z"}})
    assert answer.body["metadata"]["creationTimestamp"] == made["metadata"]["creationTimestamp"]


async def test_apply_creates_and_then_changes_nothing(client: Client):
    path = f"{DEPLOYMENTS}/podinfo?fieldManager=ck"
    first = await client.patch(path, a_deployment(), APPLY)
    version = client.store.version
    client.now += 60
    second = await client.patch(path, a_deployment(), APPLY)
    assert (first.status, second.status) == (201, 200)
    assert client.store.version == version
    assert managers(second.body) == [("ck", "Apply", "")]


async def test_apply_takes_yaml(client: Client):
    text = b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {day: '2020-01-01'}\n"
    answer = await client.patch(f"{CONFIG_MAPS}/settings?fieldManager=ck", text, APPLY)
    assert answer.body["data"] == {"day": "2020-01-01"}


async def test_apply_of_a_field_of_somebody_else_is_a_conflict_unless_forced(client: Client):
    await client.create(DEPLOYMENTS, a_deployment(replicas=2))
    path = f"{DEPLOYMENTS}/podinfo?fieldManager=ck"
    answer = await client.patch(path, a_deployment(replicas=5), APPLY)
    assert (answer.status, answer.body["reason"]) == (409, "Conflict")
    assert answer.message == 'Apply failed with 1 conflict: conflict with "tester" using apps/v1: .spec.replicas'
    assert answer.body["details"]["causes"][0]["reason"] == "FieldManagerConflict"
    forced = await client.patch(path + "&force=true", a_deployment(replicas=5), APPLY)
    assert forced.body["spec"]["replicas"] == 5


async def test_replicas_dropped_by_their_applier_become_one(client: Client):
    path = f"{DEPLOYMENTS}/podinfo?fieldManager=ck"
    await client.patch(path, a_deployment(replicas=5), APPLY)
    without = a_deployment()
    del without["spec"]["replicas"]
    assert (await client.patch(path, without, APPLY)).body["spec"]["replicas"] == 1


async def test_apply_needs_a_field_manager_and_no_managed_fields(client: Client):
    path = f"{CONFIG_MAPS}/settings"
    unnamed = await client.patch(path, a_config_map(), APPLY)
    assert (unnamed.status, "fieldManager: Required value" in unnamed.message) == (422, True)
    owned = await client.patch(f"{path}?fieldManager=ck", a_config_map(managedFields=[]), APPLY)
    assert (owned.status, owned.message) == (400, "metadata.managedFields must be nil")
    forced = await client.patch(f"{path}?force=true", {"data": {}}, MERGE)
    assert forced.status == 422


async def test_apply_with_a_stale_version_is_a_conflict(client: Client):
    await client.create(CONFIG_MAPS, a_config_map())
    answer = await client.patch(f"{CONFIG_MAPS}/settings?fieldManager=ck&force=true", a_config_map(resourceVersion="1"), APPLY)
    assert answer.status == 409


async def test_scale_reads_and_writes_replicas(client: Client):
    await client.create(DEPLOYMENTS, a_deployment(replicas=2))
    path = f"{DEPLOYMENTS}/podinfo/scale"
    scale = await client.get(path)
    assert (scale["kind"], scale["apiVersion"], scale["spec"], scale["status"]["selector"]) == (
        "Scale",
        "autoscaling/v1",
        {"replicas": 2},
        "app=podinfo",
    )
    scale["spec"]["replicas"] = 4
    put = await client.call("PUT", path, scale)
    patched = await client.patch(path, {"spec": {"replicas": 6}})
    assert (put.body["spec"], patched.body["spec"]) == ({"replicas": 4}, {"replicas": 6})
    stored = await client.get(f"{DEPLOYMENTS}/podinfo")
    assert (stored["spec"]["replicas"], stored["metadata"]["generation"]) == (6, 3)
    assert ("tester", "Update", "scale") in managers(stored)
    assert (await client.patch(path, {"spec": {"replicas": -1}})).status == 422
    assert (await client.call("PUT", path, scale)).status == 409


async def test_services_get_a_cluster_ip_and_keep_it(client: Client):
    services = "/api/v1/namespaces/default/services"
    manifest = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": {"ports": [{"port": 80}]}}
    first = await client.create(services, manifest)
    second = await client.create(services, {**manifest, "metadata": {"name": "web2"}})
    addresses = [each["spec"]["clusterIP"] for each in (first, second)]
    assert addresses[0] != addresses[1]
    assert addresses[0].startswith("10.96.")
    put = await client.call("PUT", f"{services}/web", manifest)
    assert put.body["spec"]["clusterIP"] == addresses[0]
