"""Triggers: all 79 types of cloning.md section 4.8, and the explicit queries of section 4.5."""

from copy import deepcopy

import pytest

from canarykit.queries import Identities
from canarykit.triggers import TRIGGER_TYPES, Rewriting, apply_queries, explicit_key, rewrite_trigger, trigger_identity

ORDERS = Rewriting(Identities("orders", "orders", "orders-svc"), "shop", "app")
AS_TEXT = Rewriting(Identities("orders"), "shop", "app", mode="text")

# type: (action, key that an explicit query replaces)
MONITORING = {
    "prometheus": ("R", "query"),
    "predictkube": ("R", "query"),
    "loki": ("R", "query"),
    "graphite": ("R", "query"),
    "influxdb": ("R", "query"),
    "datadog": ("R", "query"),
    "dynatrace": ("R", "query"),
    "new-relic": ("R", "nrql"),
    "splunk-observability": ("R", "query"),
    "splunk": ("E", "savedSearchName"),
    "sumologic": ("R", "query"),
    "solarwinds": ("R", "filter"),
    "elasticsearch": ("R", "query"),
    "opensearch": ("R", "query"),
    "elastic-forecast": ("R", ""),
    "azure-log-analytics": ("R", "query"),
    "azure-data-explorer": ("R", "query"),
    "azure-monitor": ("R", "metricFilter"),
    "azure-app-insights": ("R", "metricFilter"),
    "aws-cloudwatch": ("R", "expression"),
    "huawei-cloudeye": ("R", "dimensionValue"),
    "gcp-stackdriver": ("R", "filter"),
    "metrics-api": ("R", "url"),
    "kubernetes-workload": ("R", "podSelector"),
    "kubernetes-resource": ("E", ""),
}
DATA = {
    "mysql": ("R", "query"),
    "postgresql": ("R", "query"),
    "mssql": ("R", "query"),
    "clickhouse": ("R", "query"),
    "cassandra": ("R", "query"),
    "gcp-spanner": ("R", "query"),
    "arangodb": ("R", "query"),
    "mongodb": ("R", "query"),
    "couchdb": ("R", "query"),
    "solr": ("R", "query"),
    "aws-dynamodb": ("E", "expressionAttributeValues"),
    "etcd": ("E", "watchKey"),
}
NEVER = (
    "kafka", "apache-kafka", "rabbitmq", "activemq", "artemis-queue", "ibmmq", "solace-event-queue", "azure-queue",
    "gcp-cloudtasks", "redis", "redis-cluster", "redis-sentinel", "redis-streams", "redis-cluster-streams",
    "redis-sentinel-streams", "aws-sqs-queue", "aws-kinesis-stream", "aws-dynamodb-streams", "azure-servicebus",
    "azure-eventhub", "azure-blob", "azure-pipelines", "gcp-pubsub", "gcp-storage", "nats-jetstream", "nsq", "pulsar",
    "liiklus", "beanstalkd", "openstack-metric", "openstack-swift", "selenium-grid", "github-runner", "forgejo-runner",
    "cron", "cpu", "memory",
)  # fmt: skip
TOLD = ("temporal", "solace-direct-messaging", "external", "external-push", "external-mock")
WORK = dict.fromkeys(NEVER, ("N", "")) | dict.fromkeys(TOLD, ("E", ""))
EXPECTED = MONITORING | DATA | WORK
# Texts in which the target can be rewritten, by the key of each type that has one.
TEXTS = {
    "graphite": "stats.orders.x",
    "datadog": "avg:x{app:orders}",
    "metrics-api": "http://orders/x",
    "kubernetes-workload": "app=orders",
    "huawei-cloudeye": "orders",
    "elasticsearch": '{"a": "orders"}',
    "opensearch": '{"a": "orders"}',
    "mongodb": '{"a": "orders"}',
    "couchdb": '{"a": "orders"}',
    "solr": "a:orders",
    "sumologic": "a=orders",
    "influxdb": 'r.a == "orders"',
}


def codes(problems):
    return sorted(problem.code for problem in problems)


def test_the_table_has_every_type_of_keda_and_no_other():
    assert set(TRIGGER_TYPES) == set(EXPECTED)
    assert len(EXPECTED) == 79


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_action_and_explicit_key_of(name):
    """What becomes of an unnamed trigger of this type, and where an explicit query goes."""
    action, key = EXPECTED[name]
    assert (TRIGGER_TYPES[name].action, explicit_key({"type": name, "metadata": {}})) == (action, key)


@pytest.mark.parametrize("name", sorted(name for name, (action, key) in EXPECTED.items() if action == "R" and key))
def test_default_rewrite_reaches_the_key_of(name):
    """Every type with action R turns its query to the primary, and nothing else of the trigger."""
    key = EXPECTED[name][1]
    text = TEXTS.get(name, "a = 'orders'")
    trigger = {
        "type": name,
        "name": "t",
        "metricType": "Value",
        "metadata": {key: text, "threshold": "5"},
        "authenticationRef": {"name": "orders"},
    }
    result, _ = rewrite_trigger(trigger, ORDERS)
    assert result == {**trigger, "metadata": {key: text.replace("orders", "orders-primary"), "threshold": "5"}}


@pytest.mark.parametrize("name", sorted(name for name, (action, _) in EXPECTED.items() if action != "R"))
def test_default_rewrite_leaves_alone(name):
    """Types that are told, or never change: their identity is shared work."""
    metadata = {
        key: "orders" for key in ("query", "queueName", "topic", "consumerGroup", "scalerAddress", "watchKey", "savedSearchName")
    }
    trigger = {"type": name, "metadata": metadata}
    assert rewrite_trigger(trigger, ORDERS)[0] == trigger


@pytest.mark.parametrize("name", sorted(name for name, (_, key) in EXPECTED.items() if key))
def test_explicit_query_replaces_the_key_of(name):
    """The Canary's text goes, verbatim, under the key of the type (S3, S21)."""
    key = EXPECTED[name][1]
    trigger = {"type": name, "name": "t", "metadata": {key: "old", "other": "1"}}
    result, problems = apply_queries([trigger], {"t": "mine-primary"}, ORDERS)
    assert result == [{**trigger, "metadata": {key: "mine-primary", "other": "1"}}]
    assert codes(problems) == []


@pytest.mark.parametrize("name", sorted(name for name, (_, key) in EXPECTED.items() if not key))
def test_s21_explicit_query_on_a_type_without_one_changes_nothing(name):
    trigger = {"type": name, "name": "t", "metadata": {"start": "1"}}
    result, problems = apply_queries([trigger], {"t": "mine"}, ORDERS)
    assert result == [trigger]
    assert codes(problems) == ["no-query-key"]


@pytest.mark.parametrize(
    ("name", "metadata", "key"),
    [
        ("dynatrace", {"metricSelector": "x"}, "metricSelector"),
        ("aws-cloudwatch", {"dimensionName": "a", "dimensionValue": "x"}, "dimensionValue"),
        ("aws-cloudwatch", {"expression": "x", "dimensionValue": "x"}, "expression"),
        ("elasticsearch", {"searchTemplateName": "x", "parameters": "a:b"}, "searchTemplateName"),
        ("datadog", {"datadogMetricName": "x"}, "datadogMetricName"),
        ("sumologic", {"query.A": "x", "query.B": "y", "resultQueryRowID": "B"}, "query.B"),
        ("sumologic", {"query.A": "x"}, "query.A"),
        ("brand-new", {"query": "x"}, "query"),
        ("brand-new", {}, "query"),
    ],
)
def test_explicit_query_takes_the_key_that_is_present(name, metadata, key):
    assert explicit_key({"type": name, "metadata": metadata}) == key


def test_t7_a_name_under_metadata_is_taken_and_reported():
    """S4: the tutorial's own manifest names its trigger there."""
    trigger = {"type": "prometheus", "metadata": {"name": "t", "query": 'x{app="orders"}'}}
    result, problems = apply_queries([trigger], {"t": "mine"}, ORDERS)
    assert result[0]["metadata"] == {"name": "t", "query": "mine"}
    assert codes(problems) == ["trigger-name"]
    assert trigger_identity({"name": "own", "metadata": {"name": "t"}}) == "own"


def test_s5_a_map_that_names_one_trigger_leaves_the_default_to_the_others():
    triggers = [{"type": "prometheus", "name": name, "metadata": {"query": 'x{app="orders"}'}} for name in ("a", "b")]
    result, problems = apply_queries(triggers, {"a": "vector(42)"}, ORDERS)
    assert [each["metadata"]["query"] for each in result] == ["vector(42)", 'x{app="orders-primary"}']
    assert codes(problems) == []


@pytest.mark.parametrize("queries", [None, {}])
def test_s5_an_empty_map_is_no_map(queries):
    trigger = {"type": "prometheus", "name": "a", "metadata": {"query": 'x{app="orders"}'}}
    assert apply_queries([trigger], queries, ORDERS)[0][0]["metadata"]["query"] == 'x{app="orders-primary"}'


def test_text_mode_takes_any_map_as_the_whole_truth():
    """cloning.md section 4.5: even an empty map switches the default off, and names under metadata do not count."""
    trigger = {"type": "prometheus", "metadata": {"name": "t", "query": 'x{app="orders"}'}}
    assert apply_queries([trigger], {}, AS_TEXT) == ([trigger], ())
    assert apply_queries([trigger], {"t": "mine"}, AS_TEXT) == ([trigger], ())
    assert apply_queries([trigger], {"": "mine"}, AS_TEXT)[0][0]["metadata"]["query"] == "mine"
    assert apply_queries([trigger], None, AS_TEXT)[0][0]["metadata"]["query"] == 'x{app="orders-primary"}'


def test_text_mode_writes_query_whatever_the_type():
    """S21 as Flagger has it; without metadata it does not crash."""
    assert apply_queries([{"type": "cron", "name": "c"}], {"c": "q"}, AS_TEXT)[0] == [
        {"type": "cron", "name": "c", "metadata": {"query": "q"}}
    ]


def test_text_mode_knows_only_the_key_query():
    trigger = {"type": "new-relic", "metadata": {"nrql": "a = 'orders'", "query": "orders"}}
    assert rewrite_trigger(trigger, AS_TEXT)[0]["metadata"] == {"nrql": "a = 'orders'", "query": "orders-primary"}


def test_keys_of_the_map_that_match_nothing_are_reported_with_the_names_there_are():
    (problem,) = apply_queries([{"type": "cron", "name": "c", "metadata": {}}], {"typo": "x"}, ORDERS)[1]
    assert problem.code == "unmatched-query"
    assert problem.path == "spec.autoscalerRef.primaryScalerQueries.typo"
    assert "Triggers are called: c." in str(problem)


def test_a_map_without_any_named_trigger_is_reported_once():
    triggers = [{"type": "prometheus", "metadata": {"query": 'x{app="orders"}'}}]
    result, problems = apply_queries(triggers, {"a": "x", "b": "y"}, ORDERS)
    assert codes(problems) == ["unnamed-triggers"]
    assert result[0]["metadata"]["query"] == 'x{app="orders-primary"}'


@pytest.mark.parametrize(
    ("kind", "query", "reported"),
    [
        ("prometheus", 'x{app="orders"}', True), ("prometheus", 'x{app="orders-canary"}', True),
        ("prometheus", 'x{app="orders-primary"}', False), ("etcd", "/jobs/orders", True), ("etcd", "/jobs/orders-primary", False),
    ],
)  # fmt: skip
def test_an_explicit_query_that_still_asks_about_the_canary_is_reported_and_kept(kind, query, reported):
    result, problems = apply_queries([{"type": kind, "name": "t", "metadata": {}}], {"t": query}, ORDERS)
    assert query in result[0]["metadata"].values()
    assert codes(problems) == (["explicit-names-canary"] if reported else [])


def test_other_query_keys_of_a_matched_trigger_are_still_rewritten():
    trigger = {"type": "sumologic", "name": "t", "metadata": {"query.A": "app=orders", "query.B": "#A", "resultQueryRowID": "B"}}
    (result,), _ = apply_queries([trigger], {"t": "#A * 2"}, ORDERS)
    assert result["metadata"] == {"query.A": "app=orders-primary", "query.B": "#A * 2", "resultQueryRowID": "B"}


@pytest.mark.parametrize(
    ("kind", "tracked", "name"),
    [
        ("ConfigMap", {"configmap/load"}, "load-primary"), ("Secret", {"secret/load"}, "load-primary"),
        ("Secret", {"configmap/load"}, "load"), ("ConfigMap", set(), "load"),
    ],
)  # fmt: skip
def test_kubernetes_resource_follows_the_copy_of_a_tracked_config(kind, tracked, name):
    rewriting = Rewriting(Identities("orders"), "shop", "app", tracked_configs=frozenset(tracked))
    trigger = {"type": "kubernetes-resource", "metadata": {"resourceKind": kind, "resourceName": "load", "key": "n"}}
    assert rewrite_trigger(trigger, rewriting)[0]["metadata"]["resourceName"] == name


def test_a_mention_in_a_key_that_only_changes_when_told_is_reported():
    trigger = {"type": "prometheus", "metadata": {"query": 'x{app="orders"}', "queryParameters": "app=orders"}}
    result, problems = rewrite_trigger(trigger, ORDERS, index=3)
    assert result["metadata"]["queryParameters"] == "app=orders"
    assert [(problem.code, problem.path) for problem in problems] == [
        ("identity-untouched", "spec.triggers[3].metadata.queryParameters")
    ]


def test_a_query_that_names_nobody_is_reported_when_others_changed():
    triggers = [{"type": "prometheus", "metadata": {"query": query}} for query in ('x{app="orders"}', "sum(up)")]
    problems = apply_queries(triggers, None, ORDERS)[1]
    assert [(problem.code, problem.path) for problem in problems] == [("trigger-unchanged", "spec.triggers[1]")]
    assert apply_queries(triggers[1:], None, ORDERS)[1] == ()


def test_triggers_without_a_query_are_not_reported_when_others_changed():
    others = [{"type": "splunk", "metadata": {"savedSearchName": "x"}}, {"type": "cron", "metadata": {"start": "1"}}]
    triggers = [{"type": "prometheus", "metadata": {"query": 'x{app="orders"}'}}, *others]
    assert apply_queries(triggers, None, ORDERS)[1] == ()


def test_an_unknown_type_is_reported():
    assert codes(rewrite_trigger({"type": "brand-new", "metadata": {"query": "a='orders'"}}, ORDERS)[1]) == ["unknown-trigger"]


def test_triggers_are_not_changed_in_place():
    triggers = [{"type": "prometheus", "name": "a", "metadata": {"query": 'x{app="orders"}'}}, {"type": "cron", "name": "c"}]
    before = deepcopy(triggers)
    for rewriting in (ORDERS, AS_TEXT):
        for queries in (None, {"a": "mine", "c": "mine"}):
            apply_queries(triggers, queries, rewriting)
    assert triggers == before
