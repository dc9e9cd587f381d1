"""HorizontalPodAutoscaler: cloning, floors, comparison (cloning.md section 3; numbers H of 5.2)."""

from copy import deepcopy

import pytest

from canarykit.scalers import SCALERS, Identities, clone_for_primary
from unit.scalers.scaling_samples import OWNER, a_request, an_hpa, live

SCALER = SCALERS["HorizontalPodAutoscaler"]
HPA_REQUEST = {"primary_name": "podinfo-hpa-primary"}


def cloned(source, current=None, **request):
    return clone_for_primary(source, current, a_request(**HPA_REQUEST, **request))


def codes(clone):
    return sorted(problem.code for problem in clone.diagnostics)


def metrics_of(metric, **request):
    return cloned(an_hpa(metrics=[metric]), **request).manifest["spec"]["metrics"][0]


def test_the_primary_hpa_scales_the_primary_workload_and_keeps_what_it_does_not_know():
    clone = cloned(an_hpa(behavior={"scaleDown": {"x": 1}}, future={"a": 1}))
    spec = clone.manifest["spec"]
    assert spec["scaleTargetRef"] == {"apiVersion": "apps/v1", "kind": "Deployment", "name": "podinfo-primary"}
    assert (spec["behavior"], spec["future"]) == ({"scaleDown": {"x": 1}}, {"a": 1})
    assert clone.manifest["apiVersion"] == "autoscaling/v2"
    assert "status" not in clone.manifest
    assert codes(clone) == []


def test_h1_h2_labels_and_annotations_follow_by_the_rule_of_scaled_objects():
    metadata = {
        "labels": {"team": "a", "x.toolkit.fluxcd.io/n": "1"},
        "annotations": {"n": "1", "kubectl.kubernetes.io/last-applied-configuration": "{}"},
    }
    result = cloned(an_hpa(metadata=metadata)).manifest["metadata"]
    assert result == {
        "name": "podinfo-hpa-primary",
        "namespace": "test",
        "labels": {"team": "a"},
        "annotations": {"n": "1"},
        "ownerReferences": [OWNER],
    }


@pytest.mark.parametrize("part", ["external", "pods", "object"])
@pytest.mark.parametrize(
    ("value", "expected"), [("podinfo", "podinfo-primary"), ("podinfo-canary", "podinfo-primary"), ("other", "other")]
)
def test_h3_selectors_of_metrics_are_rewritten_on_the_selector_label(part, value, expected):
    selector = {"matchLabels": {"app": value, "namespace": "podinfo"}}
    metric = {
        "type": part.title(),
        part: {"metric": {"name": "podinfo", "selector": selector}, "target": {"type": "Value", "value": "1"}},
    }
    result = metrics_of(metric)[part]["metric"]
    assert result == {"name": "podinfo", "selector": {"matchLabels": {"app": expected, "namespace": "podinfo"}}}


def test_h3_selectors_go_by_the_label_value_and_not_by_the_name_of_the_target():
    metric = {"type": "External", "external": {"metric": {"name": "m", "selector": {"matchLabels": {"app": "pi"}}}}}
    result = metrics_of(metric, identities=Identities("podinfo", "pi"))
    assert result["external"]["metric"]["selector"] == {"matchLabels": {"app": "pi-primary"}}


def test_h3_expressions_that_include_are_rewritten_and_those_that_exclude_are_not():
    expressions = [
        {"key": "app", "operator": "In", "values": ["podinfo", "x"]},
        {"key": "app", "operator": "NotIn", "values": ["podinfo-canary"]},
        {"key": "tier", "operator": "In", "values": ["podinfo"]},
    ]
    metric = {"type": "External", "external": {"metric": {"name": "m", "selector": {"matchExpressions": expressions}}}}
    result = metrics_of(metric)["external"]["metric"]["selector"]["matchExpressions"]
    assert result == [{**expressions[0], "values": ["podinfo-primary", "x"]}, *expressions[1:]]


@pytest.mark.parametrize(
    ("kind", "name", "expected"),
    [
        ("Service", "podinfo-svc", "podinfo-svc-primary"),
        ("Service", "podinfo-svc-canary", "podinfo-svc-primary"),
        ("Deployment", "podinfo", "podinfo-primary"),
        ("Service", "podinfo-db", "podinfo-db"),
        ("Ingress", "podinfo", "podinfo"),
    ],
)
def test_h3_described_services_and_deployments_are_those_of_the_primary(kind, name, expected):
    metric = {
        "type": "Object",
        "object": {"metric": {"name": "m"}, "describedObject": {"apiVersion": "v1", "kind": kind, "name": name}},
    }
    assert metrics_of(metric)["object"]["describedObject"] == {"apiVersion": "v1", "kind": kind, "name": expected}


def test_resource_metrics_stay_as_they_are():
    metric = {"type": "ContainerResource", "containerResource": {"name": "cpu", "container": "podinfo", "target": {}}}
    assert metrics_of(metric) == metric


def test_h5_a_source_that_may_go_to_zero_is_reported():
    assert codes(cloned(an_hpa(minReplicas=0))) == ["H5"]


def test_h6_a_scale_target_that_drifted_is_a_difference():
    wanted = cloned(an_hpa()).manifest
    observed = live(wanted)
    assert SCALER.same(observed, wanted)
    drifted = {
        **observed,
        "spec": {**observed["spec"], "scaleTargetRef": {**observed["spec"]["scaleTargetRef"], "name": "podinfo"}},
    }
    assert not SCALER.same(drifted, wanted)


def test_versions_other_than_v2_are_reported():
    assert codes(cloned(an_hpa(), api_version="autoscaling/v2beta2")) == ["hpa-version"]
    assert codes(cloned(an_hpa(), api_version="autoscaling/v2")) == []
    assert not cloned({**an_hpa(), "apiVersion": "autoscaling/v1"}).writable


def test_queries_have_no_meaning_for_an_hpa():
    assert codes(cloned(an_hpa(), queries={"a": "b"})) == ["no-query-key"]


def test_s22_a_source_that_scales_something_else_is_refused():
    assert not cloned(an_hpa(scaleTargetRef={"kind": "Deployment", "name": "other"})).writable


def test_overrides_and_their_bounds():
    assert cloned(an_hpa(), replicas={"minReplicas": 3}).manifest["spec"]["minReplicas"] == 3
    assert [problem.code for problem in cloned(an_hpa(), replicas={"minReplicas": 4}).errors] == ["scaler-bounds"]


def test_an_hpa_has_no_pause():
    assert not SCALER.has_pause
    assert not SCALER.is_paused(an_hpa())
    assert (SCALER.paused_value(an_hpa()), SCALER.pause_patch(an_hpa()), SCALER.release_patch(an_hpa(), "0")) == (
        None,
        None,
        None,
    )


def test_bounds_have_the_defaults_of_kubernetes():
    assert SCALER.bounds(an_hpa(minReplicas=None)) == (1, 3)
    assert SCALER.bounds(an_hpa(minReplicas=0)) == (0, 3)


@pytest.mark.parametrize(("n", "expected"), [(1, 1), (2, 2), (9, 3)])
def test_a_floor_raises_the_minimum_up_to_the_maximum(n, expected):
    source = an_hpa()
    floored = SCALER.with_minimum(source, n)
    assert floored["spec"]["minReplicas"] == expected
    assert (floored == source) == (expected == 1)
    assert SCALER.minimum_patch(source, n) == {"spec": {"minReplicas": expected}}


@pytest.mark.parametrize(("minimum", "number"), [(2, 2), (None, 1)])
def test_what_a_floor_replaced_is_remembered_and_restored(minimum, number):
    mark = SCALER.minimum_as_written(an_hpa(minReplicas=minimum))
    assert (mark, SCALER.minimum_in(mark)) == (minimum, number)
    assert SCALER.fewest_in(mark) == number
    assert SCALER.restore_minimum_patch(mark) == {"spec": {"minReplicas": minimum}}


@pytest.mark.parametrize(
    ("observed", "wanted", "expected"),
    [
        ({"minReplicas": 1}, {"minReplicas": None}, True),
        ({"minReplicas": 2}, {"minReplicas": None}, False),
        ({"maxReplicas": 4}, {}, False),
        ({"behavior": {"scaleDown": {"selectPolicy": "Max", "x": 1}}}, {"behavior": {"scaleDown": {"x": 1}}}, True),
        ({"metrics": []}, {}, False),
        ({}, {"metrics": None}, False),
        ({}, {"metrics": []}, False),
        ({"metrics": [{"type": "Resource", "resource": {"name": "cpu"}}]}, {"metrics": []}, True),
        ({"metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": {}}}]}, {"metrics": None}, True),
    ],
)
def test_defaults_of_the_server_are_no_difference(observed, wanted, expected):
    """An absent minimum is 1; without metrics Kubernetes sets one for cpu. Any other metric is a difference."""
    memory = {"type": "Resource", "resource": {"name": "memory", "target": {}}}
    first, second = {"metrics": [memory], **observed}, {"metrics": [memory], **wanted}
    assert SCALER.same(live(cloned(an_hpa(**first)).manifest), cloned(an_hpa(**second)).manifest) is expected
    assert not SCALER.same(None, an_hpa())


def test_cloning_changes_no_input():
    source = an_hpa(
        metrics=[{"type": "External", "external": {"metric": {"name": "m", "selector": {"matchLabels": {"app": "podinfo"}}}}}]
    )
    before = deepcopy(source)
    cloned(source).manifest["spec"]["metrics"][0]["external"]["metric"]["selector"]["matchLabels"]["app"] = "damaged"
    assert source == before
