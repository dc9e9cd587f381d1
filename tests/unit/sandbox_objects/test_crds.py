"""The CRDs of KEDA and the Gateway API that the embedded cluster brings."""

from typing import Any

import pytest

from canary_controller.sandbox.crds import third_party_crds
from canary_controller.sandbox.objects.schema import process

DEFINITIONS = {crd["spec"]["names"]["kind"]: crd for crd in third_party_crds()}


def stored(kind: str, spec: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    schema = DEFINITIONS[kind]["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    result, causes = process({"metadata": {"name": "x"}, "spec": spec}, schema)
    spec_stored: dict[str, Any] = result["spec"]
    return spec_stored, [f"{cause.field}: {cause.message}" for cause in causes]


def a_scaled_object(**more: Any) -> dict[str, Any]:
    trigger = {"type": "prometheus", "name": "rps", "metadata": {"serverAddress": "http://p", "query": "q", "threshold": "5"}}
    return {"scaleTargetRef": {"name": "web"}, "triggers": [trigger], **more}


@pytest.mark.parametrize("kind", sorted(DEFINITIONS))
def test_a_definition_is_complete_and_structural(kind: str) -> None:
    """Named after plural and group, one stored version, and every property has a type or says why not."""
    crd = DEFINITIONS[kind]
    spec = crd["spec"]
    assert crd["metadata"]["name"] == f"{spec['names']['plural']}.{spec['group']}"
    assert [version["storage"] for version in spec["versions"]].count(True) == 1
    assert all(column["jsonPath"].startswith(".") for column in spec["versions"][0]["additionalPrinterColumns"])
    pending = [spec["versions"][0]["schema"]["openAPIV3Schema"]]
    while pending:
        schema = pending.pop()
        assert "type" in schema or schema.get("x-kubernetes-int-or-string")
        pending.extend(schema.get("properties", {}).values())
        pending.extend(inner for name in ("items", "additionalProperties") if isinstance(inner := schema.get(name), dict))
        for key in schema.get("x-kubernetes-list-map-keys", []):
            assert key in schema["items"]["required"] or "default" in schema["items"]["properties"][key]


def test_every_field_of_a_scaled_object_survives() -> None:
    """The fields that Flagger's own types lose are the point (cloning.md section 4.2)."""
    percent = {"type": "Percent", "value": 10, "periodSeconds": 60}
    spec = a_scaled_object(
        pollingInterval=5,
        cooldownPeriod=10,
        initialCooldownPeriod=20,
        idleReplicaCount=0,
        minReplicaCount=1,
        maxReplicaCount=9,
        fallback={"failureThreshold": 3, "replicas": 4, "behavior": "currentReplicasIfHigher"},
        advanced={
            "restoreToOriginalReplicaCount": True,
            "horizontalPodAutoscalerConfig": {
                "name": "h",
                "behavior": {"scaleDown": {"policies": [percent], "selectPolicy": "Max"}},
            },
            "scalingModifiers": {"formula": "a + b", "target": "5", "activationTarget": "1", "metricType": "AverageValue"},
        },
    )
    spec["triggers"][0] |= {"useCachedMetrics": True, "metricType": "Value", "authenticationRef": {"name": "a", "kind": "X"}}
    spec["scaleTargetRef"] |= {"kind": "Deployment", "apiVersion": "apps/v1", "envSourceContainerName": "c"}
    assert stored("ScaledObject", spec) == (spec, [])


def test_keda_fills_the_fallback_behavior_and_nothing_else() -> None:
    spec = a_scaled_object(fallback={"failureThreshold": 3, "replicas": 4})
    result, causes = stored("ScaledObject", spec)
    assert (result.pop("fallback")["behavior"], causes) == ("static", [])
    assert result == a_scaled_object()


def test_a_trigger_named_under_its_metadata_is_accepted() -> None:
    """As the tutorial writes it (cloning.md T7)."""
    spec = a_scaled_object(triggers=[{"type": "prometheus", "metadata": {"name": "prom-trigger", "query": "q"}}])
    assert stored("ScaledObject", spec) == (spec, [])


@pytest.mark.parametrize(
    ("more", "wanted"),
    [
        ({"triggers": []}, "spec.triggers: Invalid value: 0: spec.triggers in body should have at least 1 items"),
        ({"scaleTargetRef": {}}, "spec.scaleTargetRef.name: Required value"),
        (
            {"pollingInterval": 0},
            "spec.pollingInterval: Invalid value: 0: spec.pollingInterval in body should be greater than or equal to 1",
        ),
        ({"triggers": [{"type": "cron"}]}, "spec.triggers[0].metadata: Required value"),
    ],
)
def test_a_scaled_object_with_a_mistake_is_refused(more: dict[str, Any], wanted: str) -> None:
    assert stored("ScaledObject", a_scaled_object(**more))[1] == [wanted]


def test_an_authentication_keeps_the_secret_stores_it_does_not_declare() -> None:
    spec = {
        "podIdentity": {"provider": "aws", "roleArn": "r"},
        "env": [{"parameter": "p", "name": "N", "containerName": "c"}],
        "hashiCorpVault": {"address": "http://v"},
    }
    assert stored("ClusterTriggerAuthentication", spec) == (spec, [])
    assert DEFINITIONS["ClusterTriggerAuthentication"]["spec"]["scope"] == "Cluster"


def test_a_route_gets_the_defaults_of_the_gateway_api() -> None:
    result, causes = stored(
        "HTTPRoute", {"parentRefs": [{"name": "edge"}], "rules": [{"backendRefs": [{"name": "web", "port": 80}]}]}
    )
    assert causes == []
    assert result == {
        "parentRefs": [{"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "edge"}],
        "rules": [
            {
                "matches": [{"path": {"type": "PathPrefix", "value": "/"}}],
                "backendRefs": [{"group": "", "kind": "Service", "name": "web", "port": 80, "weight": 1}],
            }
        ],
    }
    assert stored("HTTPRoute", {})[0]["rules"] == [{"matches": [{"path": {"type": "PathPrefix", "value": "/"}}]}]


def test_a_header_match_gets_the_path_of_everything() -> None:
    """The server adds the path by itself (routers.md section 3.2)."""
    header = {"type": "RegularExpression", "name": "Cookie", "value": ".*ring.*"}
    result, _ = stored("HTTPRoute", {"rules": [{"matches": [{"headers": [header]}]}]})
    assert result["rules"][0]["matches"] == [{"headers": [header], "path": {"type": "PathPrefix", "value": "/"}}]


def test_filters_of_a_rule_and_of_a_backend_survive() -> None:
    service = {"group": "", "kind": "Service", "name": "web-canary", "port": 80}
    cookie = {"name": "Set-Cookie", "value": "ring=x; Max-Age=86400"}
    backend = {
        **service,
        "weight": 30,
        "filters": [{"type": "ResponseHeaderModifier", "responseHeaderModifier": {"add": [cookie]}}],
    }
    mirror = {"type": "RequestMirror", "requestMirror": {"backendRef": service}}
    rewrite = {
        "type": "URLRewrite",
        "urlRewrite": {"hostname": "a.b", "path": {"type": "ReplaceFullPath", "replaceFullPath": "/x"}},
    }
    matches = [{"path": {"type": "Exact", "value": "/a"}, "method": "GET"}]
    rule = {"matches": matches, "filters": [mirror, rewrite], "backendRefs": [backend], "timeouts": {"request": "4s"}}
    assert stored("HTTPRoute", {"rules": [rule]}) == ({"rules": [rule]}, [])
    cors = {"type": "CORS", "cors": {"allowOrigins": ["https://a"]}}
    assert stored("HTTPRoute", {"rules": [{"filters": [cors]}]})[0]["rules"][0]["filters"][0]["cors"]["maxAge"] == 5


@pytest.mark.parametrize(
    ("rule", "field"),
    [
        ({"backendRefs": [{"name": "web", "port": 80, "weight": -1}]}, "spec.rules[0].backendRefs[0].weight"),
        ({"backendRefs": [{"name": "web", "port": 0}]}, "spec.rules[0].backendRefs[0].port"),
        ({"backendRefs": [{"port": 80}]}, "spec.rules[0].backendRefs[0].name"),
        ({"filters": [{"type": "Magic"}]}, "spec.rules[0].filters[0].type"),
        ({"timeouts": {"request": "4 seconds"}}, "spec.rules[0].timeouts.request"),
        (
            {"matches": [{"headers": [{"name": "a", "value": "1"}, {"name": "a", "value": "2"}]}]},
            "spec.rules[0].matches[0].headers[1]",
        ),
    ],
)
def test_a_route_with_a_mistake_is_refused(rule: dict[str, Any], field: str) -> None:
    assert [text.split(": ")[0] for text in stored("HTTPRoute", {"rules": [rule]})[1]] == [field]


def test_a_gateway_opens_to_its_own_namespace_by_default() -> None:
    listener = {"name": "http", "port": 80, "protocol": "HTTP"}
    result, causes = stored("Gateway", {"gatewayClassName": "c", "listeners": [listener]})
    assert causes == []
    assert result["listeners"][0]["allowedRoutes"] == {"namespaces": {"from": "Same"}}
    assert stored("Gateway", {"gatewayClassName": "c", "listeners": []})[1] != []
