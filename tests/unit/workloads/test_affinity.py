"""Scheduling rules of the primary: selectors that mean the workload itself mean the primary afterwards."""

from copy import deepcopy

import pytest

from canarykit.workloads.affinity import matches, rewrite_scheduling

LABELS = {"app": "shop", "name": "x", "tier": "api"}
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"


def rewritten(selector, kind="podAntiAffinity", label="app", value="shop", labels=None):
    pod_spec = {"affinity": {kind: {REQUIRED: [{"topologyKey": "zone", "labelSelector": selector}]}}}
    before = deepcopy(pod_spec)
    result = rewrite_scheduling(pod_spec, labels or LABELS, label, value)
    assert pod_spec == before
    assert result["affinity"][kind][REQUIRED][0]["topologyKey"] == "zone"
    return result["affinity"][kind][REQUIRED][0]["labelSelector"]


def expression(operator, *values, key="app"):
    return {"matchExpressions": [{"key": key, "operator": operator, "values": list(values)}]}


def test_d3_value_of_the_label_counts_not_the_name_of_the_deployment():
    """Deployment shop-api with label app: shop: its rules about shop are its own."""
    assert rewritten(expression("In", "shop")) == expression("In", "shop-primary")
    assert rewritten(expression("In", "shop-api")) == expression("In", "shop-api")


def test_d3_only_the_chosen_label_is_rewritten():
    """With selector label name, the pods keep app: shop, and so do rules about it."""
    assert rewritten({"matchLabels": {"app": "shop"}}, label="name", value="x") == {"matchLabels": {"app": "shop"}}
    assert rewritten({"matchLabels": {"name": "x"}}, label="name", value="x") == {"matchLabels": {"name": "x-primary"}}


def test_d4_pod_affinity_to_itself_means_the_primary():
    """Otherwise primary pods would need a node with canary pods, and stay Pending once those are gone (trace aff)."""
    assert rewritten({"matchLabels": {"app": "shop"}}, kind="podAffinity") == {"matchLabels": {"app": "shop-primary"}}


def test_affinity_to_another_workload_that_shares_the_label_stays():
    selector = {"matchLabels": {"app": "shop", "tier": "cache"}}
    assert rewritten(selector, kind="podAffinity") == selector


@pytest.mark.parametrize(
    ("selector", "wanted"),
    [
        (expression("In", "shop", "other"), expression("In", "shop-primary", "other")),
        (expression("In", "other", "shop"), expression("In", "other", "shop-primary")),
        (expression("NotIn", "shop"), expression("NotIn", "shop-primary")),
        (expression("NotIn", "other"), expression("NotIn", "other")),
        (expression("In", "shop", "shop-primary"), expression("In", "shop", "shop-primary")),
        (expression("Exists"), expression("Exists")),
        (expression("In", "api", key="tier"), expression("In", "api", key="tier")),
        ({}, {}),
    ],
)
def test_selector_takes_primary_pods_as_it_took_those_of_the_target(selector, wanted):
    result = rewritten(selector)
    assert result == wanted
    assert matches(result, {**LABELS, "app": "shop-primary"}) == matches(selector, LABELS)


def test_same_value_under_another_key_stays():
    both = {"matchExpressions": [{"key": key, "operator": "In", "values": ["shop"]} for key in ("app", "team")]}
    result = rewritten(both, labels={**LABELS, "team": "shop"})
    assert [each["values"] for each in result["matchExpressions"]] == [["shop-primary"], ["shop"]]


def test_preferred_terms_and_spread_constraints_are_rewritten_too():
    selector = {"matchLabels": {"app": "shop"}}
    pod_spec = {
        "affinity": {
            "nodeAffinity": {"kept": True},
            "podAffinity": {
                "preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 7, "podAffinityTerm": {"labelSelector": selector}}]
            },
        },
        "topologySpreadConstraints": [{"maxSkew": 1, "labelSelector": selector}, {"maxSkew": 2}],
    }
    result = rewrite_scheduling(pod_spec, LABELS, "app", "shop")
    wanted = {"matchLabels": {"app": "shop-primary"}}
    assert result["affinity"]["nodeAffinity"] == {"kept": True}
    preferred = result["affinity"]["podAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"]
    assert preferred == [{"weight": 7, "podAffinityTerm": {"labelSelector": wanted}}]
    assert result["topologySpreadConstraints"] == [{"maxSkew": 1, "labelSelector": wanted}, {"maxSkew": 2}]


def test_pod_spec_without_rules_comes_back_equal():
    assert rewrite_scheduling({"containers": []}, LABELS, "app", "shop") == {"containers": []}


@pytest.mark.parametrize(
    ("operator", "values", "present", "wanted"),
    [
        ("In", ["a"], "a", True),
        ("In", ["a"], "b", False),
        ("In", ["a"], None, False),
        ("NotIn", ["a"], "a", False),
        ("NotIn", ["a"], None, True),
        ("Exists", [], "a", True),
        ("Exists", [], None, False),
        ("DoesNotExist", [], None, True),
        ("DoesNotExist", [], "a", False),
        ("Gt", ["1"], "2", False),
    ],
)
def test_label_selector_matches_as_in_kubernetes(operator, values, present, wanted):
    labels = {} if present is None else {"k": present}
    assert matches({"matchExpressions": [{"key": "k", "operator": operator, "values": values}]}, labels) is wanted
