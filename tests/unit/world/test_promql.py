"""PromQL over simulated traffic: the builtin queries, arithmetic, and what is refused."""

import math

import promql_parser
import pytest

from canarykit.errors import SpecError
from canarykit.kinds import POD
from canarykit.model import Ref
from canarykit.world import Behaviour, ImageBehaviour, Load, Traffic, prometheus_answer
from canarykit.world.prometheus import number_text
from canarykit.world.promql import evaluate, single
from canarykit.world.promql_syntax import duration_s, parse
from unit.world.apply import DEP, NS, START, Cluster, a_deployment, a_service, with_image

POD_PATTERN = "podinfo-[0-9a-zA-Z]+(-[0-9a-zA-Z]+)"
SELECTOR = f'kubernetes_namespace="{NS}", kubernetes_pod_name=~"{POD_PATTERN}"'
SUCCESS = (
    f'sum(rate(http_request_duration_seconds_count{{{SELECTOR}, status!~"5.*"}}[1m]))'
    f" / sum(rate(http_request_duration_seconds_count{{{SELECTOR}}}[1m])) * 100"
)
P99 = f"histogram_quantile(0.99, sum(rate(http_request_duration_seconds_bucket{{{SELECTOR}}}[30s])) by (le))"
SCALER = 'sum(rate(http_requests_total{ app="podinfo" }[30s]))'


def loaded(rate: float = 10, seconds: float = 600, run: float = 120, **image) -> Cluster:
    cluster = Cluster(Behaviour(images=(ImageBehaviour(image_suffix=":6.0.2", **image),)))
    cluster.create(a_deployment(image="podinfo:6.0.2", replicas=2), a_service())
    cluster.create(a_deployment("podinfo-primary"), a_service("podinfo-primary", "podinfo-primary"))
    cluster.run(5)
    cluster.loads += [
        Load(f"http://{name}.{NS}/", rate, cluster.now, cluster.now + seconds) for name in ("podinfo", "podinfo-primary")
    ]
    cluster.run(run)
    return cluster


def ask(cluster: Cluster, query: str):
    return evaluate(query, cluster.traffic, cluster.now)


@pytest.mark.parametrize(("error_rate", "percent"), [(0.0, 100.0), (0.3, 70.0), (0.01, 99.0)])
def test_builtin_success_rate_is_the_share_without_errors(error_rate, percent):
    assert ask(loaded(error_rate=error_rate), SUCCESS) == [({}, pytest.approx(percent))]


def test_builtin_queries_see_the_target_and_not_the_primary():
    cluster = loaded(error_rate=0.5)
    primary = SUCCESS.replace(POD_PATTERN, POD_PATTERN.replace("podinfo", "podinfo-primary"))
    assert ask(cluster, primary) == [({}, pytest.approx(100))]
    assert ask(cluster, SUCCESS) == [({}, pytest.approx(50))]


def test_success_rate_is_empty_when_every_request_fails():
    """Analysis.md section 1.3: the numerator selects nothing."""
    assert ask(loaded(error_rate=1.0), SUCCESS) == []


@pytest.mark.parametrize(("latency_ms", "seconds"), [(20, 0.02485), (300, 0.4975), (2000, 2.485), (60000, 10.0)])
def test_builtin_duration_lies_within_the_bucket_of_the_latency(latency_ms, seconds):
    """A bucket from 1 to 2.5 s gives 2.485 s, as real Prometheus does; above the last bound it is that bound."""
    assert ask(loaded(latency_ms=latency_ms), P99) == [({}, pytest.approx(seconds))]


@pytest.mark.parametrize("query", [SUCCESS, P99, SCALER])
def test_no_traffic_is_an_empty_answer(query):
    cluster = Cluster()
    cluster.create(a_deployment(), a_service())
    cluster.run(30)
    assert ask(cluster, query) == []


def test_traffic_that_has_ended_is_no_data():
    """The series stay while the pod lives, without growth: 0 / 0 is not a number."""
    cluster = loaded(seconds=10, run=200)
    (_, value), *_ = ask(cluster, SUCCESS)
    assert math.isnan(value)
    assert single(SUCCESS, cluster.traffic, cluster.now) is None


def test_series_of_a_pod_that_is_gone_end_with_the_window():
    cluster = loaded(run=60)
    cluster.patch(DEP, {"spec": {"replicas": 0}})
    cluster.run(20)
    assert single(SCALER, cluster.traffic, cluster.now) == pytest.approx(10 * 10 / 30)
    cluster.run(20)
    assert ask(cluster, SCALER) == []


def test_rate_follows_the_load():
    cluster = loaded(rate=12, run=30)
    assert single(SCALER, cluster.traffic, cluster.now) == pytest.approx(12)
    half = single(SCALER, cluster.traffic, cluster.now - 15)
    assert half == pytest.approx(6), "the load was there for half of the window"


def test_new_template_gives_new_series():
    cluster = loaded(run=30)
    cluster.patch(DEP, with_image("podinfo:6.0.3"))
    cluster.run(60)
    pods = {labels["pod"] for labels, _ in ask(cluster, 'sum(rate(http_requests_total{app="podinfo"}[30s])) by (pod)')}
    assert pods == {name for name in cluster.named(POD) if "primary" not in name}


def test_changed_latency_is_no_new_series():
    cluster = loaded(run=30)
    count = len(ask(cluster, "http_requests_total"))
    cluster.patch(
        Ref.to(POD, NS, cluster.named(POD)[0]), {"metadata": {"annotations": {"sandbox.canarykit.dev/latency-ms": "900"}}}
    )
    cluster.run(30)
    assert len(ask(cluster, "http_requests_total")) == count


@pytest.mark.parametrize(
    ("query", "value"),
    [
        ("vector(1)", 1.0),
        ("1 + 2 * 3", 7.0),
        ("(1 + 2) * 3", 9.0),
        ("-2 + 5", 3.0),
        ("7 % 4", 3.0),
        ("1 / 4", 0.25),
        ("8 - 2 - 1", 5.0),
        ("0x10", 16.0),
        ("1e3", 1000.0),
        ("scalar(vector(3)) * 2", 6.0),
        ("sum(vector(2)) + 1", 3.0),
        ("floor(vector(2.7))", 2.0),
        ("absent(nothing_at_all)", 1.0),
        ("sum(nothing) or vector(0)", 0.0),
        ("count(up)", 3.0),
        ('sum(up{app=~"podinfo"})', 2.0),
        ('sum(up{app!~"podinfo"})', 1.0),
        ('sum(up{app!="podinfo"})', 1.0),
        ("max(up) - min(up)", 0.0),
        ("avg(up{pod=~`podinfo-.*`})", 1.0),
        ("sum(increase(http_requests_total[1m])) / 2", 600.0),
        ("sum(irate(http_requests_total[30s]))", 20.0),
        ('sum(rate(http_requests_total{app="podinfo",}[1m] offset 30s))', 10.0),
        ('sum(rate({__name__="http_requests_total",status="200"}[30s]))', 20.0),
        ("sum by (app) (up) / sum(up) by (app) # one each", 1.0),
        ("sum(rate(http_request_duration_seconds_sum[1m])) / sum(rate(http_request_duration_seconds_count[1m])) * 1000", 20.0),
    ],
)
def test_expression_has_its_value(query, value):
    found = ask(loaded(latency_ms=20), query)
    got = found if isinstance(found, float) else found[0][1]
    assert got == pytest.approx(value)
    promql_parser.parse(query)


def test_division_by_zero_follows_the_floating_point_rules():
    values = [evaluate(query, Traffic(), START) for query in ("1 / 0", "-1 / 0", "0 / 0")]
    assert values[:2] == [math.inf, -math.inf]
    assert math.isnan(values[2])


def test_grouping_keeps_or_drops_labels():
    cluster = loaded()
    kept = ask(cluster, "sum by (app, status) (http_requests_total)")
    assert [labels for labels, _ in kept] == [{"app": each, "status": "200"} for each in ("podinfo", "podinfo-primary")]
    dropped = ask(cluster, "count(http_requests_total) without (pod, kubernetes_pod_name, pod_template_hash)")
    assert [value for _, value in dropped] == [2.0, 1.0]


def test_vectors_are_matched_on_the_labels_named():
    cluster = loaded(error_rate=0.25)
    query = 'sum(http_requests_total{status="500"}) by (app, status) / on(app) sum(http_requests_total) by (app)'
    assert ask(cluster, query) == [({"app": "podinfo"}, pytest.approx(0.25))]


def test_unknown_metric_is_empty_and_unknown_function_an_error():
    assert evaluate("sum(rate(app_requests_total[1m]))", Traffic(), START) == []
    with pytest.raises(SpecError, match="'deriv'"):
        evaluate("deriv(http_requests_total[1m])", Traffic(), START)


@pytest.mark.parametrize(
    "query",
    [
        "",
        "sum(",
        "sum(up",
        "up{app}",
        'up{app="x"',
        'up{app=~"("}',
        "up[5m]",
        "rate(up)",
        "rate(http_requests_total[5])",
        "1 +",
        "1 > 0",
        "up and up",
        '"text"',
        "vector(up)",
        "sum(1)",
        "up @ 5",
        "rate(http_requests_total[5m:1m])",
        "sum(up, up)",
        "up $",
        "podinfo-primary{",
    ],
)
def test_query_that_is_not_understood_is_refused_with_its_place(query):
    with pytest.raises(SpecError, match="query"):
        evaluate(query, loaded(run=1).traffic, START)


@pytest.mark.parametrize("query", [SUCCESS, P99, SCALER, 'sum(rate(a_total{b="c\\"d"}[5m])) by (x) or vector(0)'])
def test_what_we_read_the_reference_parser_reads_too(query):
    parse(query)
    promql_parser.parse(query)


def test_durations():
    assert [duration_s(each) for each in ("500ms", "30s", "1h30m", "1d")] == [0.5, 30.0, 5400.0, 86400.0]


def test_http_answer_has_the_form_of_prometheus():
    cluster = loaded(error_rate=0.3)
    status, body = prometheus_answer(cluster.traffic, "/api/v1/query", {"query": SUCCESS}, cluster.now)
    assert status == 200
    assert body["status"] == "success"
    assert body["data"]["resultType"] == "vector"
    [result] = body["data"]["result"]
    assert result["metric"] == {}
    assert result["value"][0] == cluster.now
    assert float(result["value"][1]) == pytest.approx(70)


def test_http_answers_of_other_kinds():
    def answer(path, **params):
        return prometheus_answer(Traffic(), path, params, START)

    one = {"metric": {}, "value": [START, "1"]}
    assert answer("/api/v1/query", query="vector(1)") == (
        200,
        {"status": "success", "data": {"resultType": "vector", "result": [one]}},
    )
    assert answer("/api/v1/query", query="time()", time="5")[1]["data"] == {"resultType": "scalar", "result": [5.0, "5"]}
    assert answer("/api/v1/query", query="time()", time="2027-01-15T08:00:00Z")[1]["data"]["result"][0] == 1800000000.0
    assert answer("/api/v1/query", query="sum(")[0] == 400
    assert answer("/api/v1/query", query="sum(")[1]["errorType"] == "bad_data"
    assert answer("/api/v1/query", query="1", time="soon")[0] == 400
    assert answer("/-/healthy")[0] == 200
    assert answer("/api/v1/status/flags")[1]["status"] == "success"
    assert answer("/api/v1/nothing")[0] == 404


@pytest.mark.parametrize(
    ("value", "text"),
    [(1.0, "1"), (0.1, "0.1"), (1e21, "1000000000000000000000"), (1e-7, "0.0000001"), (math.nan, "NaN"), (-math.inf, "-Inf")],
)
def test_numbers_are_printed_without_exponent(value, text):
    assert number_text(value) == text
