"""The CRDs: structural, true to the classes, never stricter than Flagger's."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from attrs import has

from canarykit import phases
from canarykit.spec.analysis import WEBHOOK_TYPES
from canarykit.spec.canary import PROVIDER_NAMES, CanarySpec
from canarykit.spec.crd import PHASES, crds
from canarykit.spec.fields import attributes, json_name
from unit.spec.samples import ABSENT, a_canary, tutorial

CANARY, TEMPLATE, PROVIDER = crds()
TYPES = {"object": Mapping, "array": list, "string": str, "boolean": bool, "number": (int, float), "integer": int}
PRESERVE = "x-kubernetes-preserve-unknown-fields"
INT_OR_STRING = "x-kubernetes-int-or-string"


def schema_in(crd: Mapping[str, Any], *path: str) -> dict[str, Any]:
    schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    for key in path:
        schema = schema["items"] if key == "[]" else schema["properties"][key]
    found: dict[str, Any] = schema
    return found


def nodes(schema: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    yield path, schema
    for key, member in schema.get("properties", {}).items():
        yield from nodes(member, f"{path}.{key}")
    for key in ("items", "additionalProperties"):
        if key in schema:
            yield from nodes(schema[key], f"{path}[]")


def faults(value: Any, schema: Mapping[str, Any], path: str = "") -> list[str]:
    """Return what an API server would refuse: a small reading of the keywords that we use."""
    if schema.get(INT_OR_STRING):
        return [] if isinstance(value, int | str) else [path]
    if "type" in schema and (
        not isinstance(value, TYPES[schema["type"]]) or (isinstance(value, bool) and schema["type"] != "boolean")
    ):
        return [path]
    found = [f"{path}: {value}" for broken in _broken(value, schema) if broken]
    if isinstance(value, Mapping):
        known = schema.get("properties", {})
        found += [f"{path}.{key} missing" for key in schema.get("required", ()) if key not in value]
        for key, member in value.items():
            found += faults(member, known.get(key, schema.get("additionalProperties", {})), f"{path}.{key}")
        for word, fits in (("oneOf", lambda n: n == 1), ("anyOf", lambda n: n >= 1)):
            branches = [branch for branch in schema.get(word, ()) if not faults(value, branch)]
            found += [f"{path} {word}"] if word in schema and not fits(len(branches)) else []
    if isinstance(value, list):
        found += [fault for each in value for fault in faults(each, schema.get("items", {}), f"{path}[]")]
    return found


def _broken(value: Any, schema: Mapping[str, Any]) -> Iterator[bool]:
    yield "enum" in schema and value not in schema["enum"]
    yield "pattern" in schema and not re.search(schema["pattern"], value)
    yield "minimum" in schema and value < schema["minimum"]
    yield "maximum" in schema and value > schema["maximum"]
    yield "minLength" in schema and len(value) < schema["minLength"]
    yield "maxLength" in schema and len(value) > schema["maxLength"]
    yield "maxItems" in schema and len(value) > schema["maxItems"]


def test_names_and_scope_are_flaggers() -> None:
    assert [crd["metadata"]["name"] for crd in crds()] == [
        "canaries.flagger.app",
        "metrictemplates.flagger.app",
        "alertproviders.flagger.app",
    ]
    for crd in crds():
        spec = crd["spec"]
        assert (spec["group"], spec["scope"], spec["names"]["categories"]) == ("flagger.app", "Namespaced", ["all"])
        assert "shortNames" not in spec["names"]
        assert [(each["name"], each["served"], each["storage"]) for each in spec["versions"]] == [("v1beta1", True, True)]
        assert spec["versions"][0]["subresources"] == {"status": {}}
        assert crd["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}


def test_columns_are_flaggers() -> None:
    columns = CANARY["spec"]["versions"][0]["additionalPrinterColumns"]
    assert [column["name"] for column in columns if not column.get("priority")] == ["Status", "Weight", "LastTransitionTime"]
    assert [column["name"] for column in columns if column.get("priority")] == [
        "Suspended", "FailedChecks", "Interval", "Mirror", "StepWeight", "StepWeights", "MaxWeight",
    ]  # fmt: skip
    for column in columns:
        schema_in(CANARY, *column["jsonPath"].strip(".").split("."))


@pytest.mark.parametrize("crd", crds(), ids=lambda crd: crd["spec"]["names"]["kind"])
def test_schema_is_structural(crd: Mapping[str, Any]) -> None:
    """Every node says its type (or that it is a number or text), lists say what they hold, choices only require."""
    for path, node in nodes(schema_in(crd)):
        assert "type" in node or node.get(INT_OR_STRING), path
        assert node.get("type") != "array" or "items" in node, path
        assert not ("properties" in node and "additionalProperties" in node), path
        assert all(set(branch) == {"required"} for word in ("oneOf", "anyOf") for branch in node.get(word, ())), path
        assert all(key in node["properties"] for key in node.get("required", ())), path


def _fields(cls: type) -> Iterator[str]:
    for attribute in attributes(cls):
        yield json_name(attribute)


def test_every_field_of_the_classes_is_in_the_schema_and_explained() -> None:
    spec = schema_in(CANARY, "spec")
    assert list(spec["properties"]) == list(_fields(CanarySpec))
    for attribute in attributes(CanarySpec):
        if isinstance(attribute.type, type) and has(attribute.type):
            assert list(spec["properties"][json_name(attribute)]["properties"]) == list(_fields(attribute.type))
    assert all(node["description"] for node in spec["properties"].values())


def test_own_extensions_and_status_are_kept() -> None:
    assert schema_in(CANARY, "spec", "autoscalerRef", "queryRewrite")["enum"] == ["strict", "text"]
    assert schema_in(CANARY, "spec", "autoscalerRef", "primaryScalerSync")["enum"] == ["onPromotion", "overrides", "always"]
    assert schema_in(CANARY, "spec", "analysis", "drainTime")["type"] == "string"
    assert schema_in(CANARY, "status", "rollout")[PRESERVE] is True
    assert schema_in(CANARY, "status", "observedGeneration")["type"] == "integer"


def test_parts_of_other_apis_keep_all_they_hold() -> None:
    for path in (("trafficPolicy",), ("corsPolicy",), ("headers",), ("retries",), ("rewrite",), ("match", "[]")):
        assert schema_in(CANARY, "spec", "service", *path)[PRESERVE] is True, path
    assert schema_in(CANARY, "spec", "analysis", "match", "[]")[PRESERVE] is True


def test_rules_of_flagger_are_there() -> None:
    assert schema_in(CANARY, "spec")["required"] == ["targetRef", "analysis"]
    assert schema_in(CANARY, "spec", "provider")["enum"] == list(PROVIDER_NAMES)
    assert len(PROVIDER_NAMES) == 19
    assert schema_in(CANARY, "spec", "analysis", "webhooks", "[]", "type")["enum"] == ["", *WEBHOOK_TYPES]
    assert schema_in(CANARY, "spec", "analysis", "interval")["pattern"] == "^[0-9]+(m|s)"
    assert schema_in(CANARY, "spec", "service", "gatewayRefs", "[]", "kind")["default"] == "Gateway"
    assert schema_in(CANARY, "spec", "service", "mirror", "[]", "backendRef", "kind")["default"] == "Service"
    assert schema_in(CANARY, "spec", "analysis", "sessionAffinity", "maxAge")["default"] == 86400
    assert "required" not in schema_in(CANARY)


def test_every_phase_can_be_stored() -> None:
    assert set(phases.ALL) <= set(PHASES)
    assert schema_in(CANARY, "status", "phase")["enum"] == list(PHASES)


GATEWAYS = {"service__gatewayRefs": [{"name": "front", "namespace": "gateways", "port": 443}]}


@pytest.mark.parametrize(
    "manifest",
    [
        tutorial()["Canary"],
        {},
        a_canary(service=ABSENT),
        a_canary(analysis__interval="10sgarbage", service__port=80.5, progressDeadlineSeconds=-1.5),
        a_canary(analysis__webhooks=[{"name": "a", "url": "no url", "type": ""}]),
        a_canary("gatewayapi:v1", **GATEWAYS),
        a_canary(analysis__iterations=ABSENT, analysis__stepWeights=[]),
        a_canary(autoscalerRef__primaryScalerQueries={}, service__targetPort="http"),
        {"status": {"iterations": -1, "canaryWeight": 0, "phase": "", "rollout": {"format": 1, "anything": [{}]}}},
    ],
)  # fmt: skip
def test_whatever_flagger_stores_is_valid(manifest: dict[str, Any]) -> None:
    assert faults(manifest, schema_in(CANARY)) == []


@pytest.mark.parametrize(
    "manifest",
    [
        a_canary("nonsense"),
        a_canary(targetRef__kind="Pod"),
        a_canary(autoscalerRef__kind="VPA"),
        a_canary(autoscalerRef__primaryScalerReplicas={"minReplicas": 0}),
        a_canary(analysis__interval="5x"),
        a_canary(analysis__interval="1h"),
        a_canary(analysis__stepWeight=5),
        a_canary(analysis__iterations=ABSENT),
        a_canary(analysis__threshold=ABSENT),
        a_canary(service__port=ABSENT),
        a_canary(service__gatewayRefs=[{"name": ""}]),
        a_canary(analysis__webhooks=[{"name": "a"}]),
        {"status": {"phase": "Sleeping"}},
    ],
)
def test_what_flagger_refuses_is_refused(manifest: dict[str, Any]) -> None:
    assert faults(manifest, schema_in(CANARY)) != []


def test_alert_provider_needs_an_address_or_a_secret_and_may_have_both() -> None:
    schema = schema_in(PROVIDER, "spec")
    both = {"type": "slack", "address": "http://x", "secretRef": {"name": "s"}}
    assert faults(both, schema) == []
    assert faults({key: both[key] for key in ("type", "address")}, schema) == []
    assert faults({"type": "slack"}, schema) != []
    assert faults({**both, "type": "pager"}, schema) != []


def test_metric_template_needs_provider_and_query() -> None:
    schema = schema_in(TEMPLATE, "spec")
    sound = {"query": "", "provider": {"type": "prometheus", "headers": {"a": ["b"]}}}
    assert faults(sound, schema) == []
    assert faults({"query": ""}, schema) != []
    assert faults({**sound, "provider": {"type": "abacus"}}, schema) != []


def test_definitions_are_fresh_each_time() -> None:
    crds()[0]["spec"]["names"]["plural"] = "spoilt"
    assert crds()[0]["spec"]["names"]["plural"] == "canaries"
