"""Discovery, OpenAPI and the questions that store nothing, in both forms."""

from unit.sandbox_api.client import CRDS, Client, a_crd

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json"


async def test_plain_discovery_lists_groups_and_resources(client: Client):
    assert (await client.get("/api"))["versions"] == ["v1"]
    groups = {group["name"]: group["preferredVersion"]["version"] for group in (await client.get("/apis"))["groups"]}
    assert (groups["apps"], groups["autoscaling"], "" in groups) == ("v1", "v2", False)
    assert (await client.get("/apis/apps"))["preferredVersion"]["groupVersion"] == "apps/v1"
    listed = {each["name"]: each for each in (await client.get("/apis/apps/v1"))["resources"]}
    assert listed["deployments"]["shortNames"] == ["deploy"]
    assert (listed["deployments/scale"]["kind"], listed["deployments/scale"]["group"]) == ("Scale", "autoscaling")
    assert listed["deployments/status"]["verbs"] == ["get", "patch", "update"]
    assert "controllerrevisions/status" not in listed
    for missing in ("/apis/nobody.dev", "/apis/apps/v9", "/api/v2"):
        assert (await client.call("GET", missing)).status == 404


async def test_aggregated_discovery_follows_the_crds(client: Client):
    answer = await client.call("GET", "/apis", accept=AGGREGATED)
    assert answer.headers["Content-Type"] == "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
    assert "example.dev" not in {item["metadata"]["name"] for item in answer.body["items"]}
    crd = a_crd()
    older = {**crd["spec"]["versions"][0], "name": "v1beta1", "storage": False}
    crd["spec"]["versions"].insert(0, older)
    await client.create(CRDS, crd)
    items = {item["metadata"]["name"]: item for item in (await client.get("/apis", accept=AGGREGATED))["items"]}
    versions = items["example.dev"]["versions"]
    assert [version["version"] for version in versions] == ["v1", "v1beta1"]
    [widgets] = versions[0]["resources"]
    assert (widgets["resource"], widgets["singularResource"], widgets["shortNames"], widgets["scope"]) == (
        "widgets",
        "widget",
        ["wd"],
        "Namespaced",
    )
    assert [each["subresource"] for each in widgets["subresources"]] == ["scale", "status"]
    [core] = (await client.get("/api", accept=AGGREGATED))["items"]
    assert "pods" in {each["resource"] for each in core["versions"][0]["resources"]}


async def test_openapi_shows_the_schema_of_a_crd(client: Client):
    await client.create(CRDS, a_crd())
    paths = (await client.get("/openapi/v3"))["paths"]
    document = await client.get(paths["apis/example.dev/v1"]["serverRelativeURL"])
    schema = document["components"]["schemas"]["dev.example.v1.Widget"]
    assert schema["properties"]["spec"]["required"] == ["size"]
    assert schema["x-kubernetes-group-version-kind"] == [{"group": "example.dev", "kind": "Widget", "version": "v1"}]
    patch = document["paths"]["/apis/example.dev/v1/namespaces/{namespace}/widgets/{name}"]["patch"]
    assert "fieldValidation" in {parameter["name"] for parameter in patch["parameters"]}
    changed = a_crd()
    changed["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]["size"]["maximum"] = 9
    body = {"spec": changed["spec"]}
    await client.patch(f"{CRDS}/widgets.example.dev", body)
    assert (await client.get("/openapi/v3"))["paths"]["apis/example.dev/v1"] != paths["apis/example.dev/v1"]


async def test_health_version_and_reviews(client: Client):
    assert (await client.get("/readyz?verbose")) == "ok"
    assert (await client.get("/version"))["gitVersion"].startswith("v1.37.")
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    question = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "spec": {"resourceAttributes": {}}}
    version = client.store.version
    answer = await client.call("POST", path, question)
    assert (answer.status, answer.body["status"]["allowed"], client.store.version) == (201, True, version)
