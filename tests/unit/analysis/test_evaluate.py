"""Checks of metrics, with the Event texts of real Flagger (observed.md, scenarios c, mt, s and t)."""

import json
from urllib.parse import parse_qs, urlsplit

import promql_parser
import pytest

from canarykit.errors import SpecError, UnknownName
from canarykit.metrics.builtin import DURATION, DURATION_UNIT_MS, QUERIES, SUCCESS_RATE
from canarykit.metrics.evaluate import MetricContext, evaluate, probe
from canarykit.model import FAIL, NO_DATA, PASS, UNAVAILABLE, Answer, HttpResponse
from canarykit.spec import CrossNamespaceRef, Metric, ThresholdRange

CONTEXT = MetricContext("podinfo", "s-mt", "podinfo", "podinfo-svc")


def number(text):
    body = {"status": "success", "data": {"resultType": "vector", "result": [{"metric": {}, "value": [1, text]}]}}
    return HttpResponse(200, json.dumps(body).encode())


NOTHING = HttpResponse(200, b'{"status":"success","data":{"resultType":"vector","result":[]}}')


def asked(metric, *responses, context=CONTEXT):
    """Return the answer of a check that is sent ``responses``, and the queries it asked."""
    queries = []
    check = evaluate(metric, context)
    try:
        request = next(check)
        for response in responses:
            queries.append(parse_qs(urlsplit(request.url).query)["query"][0])
            request = check.send(response)
    except StopIteration as end:
        return end.value, queries
    raise AssertionError(f"a further query was asked: {request.url}")


def success_rate(**bounds):
    return Metric(SUCCESS_RATE, "1m", threshold_range=ThresholdRange(**bounds))


def test_success_rate_in_range_passes():
    answer, queries = asked(success_rate(min=99), number("99.5"))
    assert answer == Answer(PASS, value=99.5, wanted=">= 99%")
    assert queries == [
        'sum(rate(http_request_duration_seconds_count{kubernetes_namespace="s-mt",'
        'kubernetes_pod_name=~"podinfo-[0-9a-zA-Z]+(-[0-9a-zA-Z]+)",status!~"5.*"}[1m]))'
        ' / sum(rate(http_request_duration_seconds_count{kubernetes_namespace="s-mt",'
        'kubernetes_pod_name=~"podinfo-[0-9a-zA-Z]+(-[0-9a-zA-Z]+)"}[1m])) * 100'
    ]


@pytest.mark.parametrize(
    ("bounds", "value", "text"),
    [
        ({"min": 99}, "96.7391304", "Halt podinfo.s-mt advancement success rate 96.74% < 99%"),
        ({"min": 99}, "80", "Halt podinfo.s-mt advancement success rate 80.00% < 99%"),
        ({"min": 99.999, "max": 50}, "100", "Halt podinfo.s-mt advancement success rate 100.00% > 50%"),
    ],
)
def test_success_rate_out_of_range_is_said_as_upstream(bounds, value, text):
    answer, _ = asked(success_rate(**bounds), number(value))
    assert (answer.verdict, answer.text, answer.value) == (FAIL, text, float(value))


def test_duration_is_read_in_seconds_and_judged_in_whole_milliseconds():
    metric = Metric(DURATION, "30s", threshold_range=ThresholdRange(max=500))
    answer, queries = asked(metric, number("2.4854"))
    assert answer == Answer(FAIL, "Halt podinfo.s-mt advancement request duration 2.485s > 500ms", 2485.0, "<= 500ms")
    assert queries == [
        'histogram_quantile(0.99, sum(rate(http_request_duration_seconds_bucket{kubernetes_namespace="s-mt",'
        'kubernetes_pod_name=~"podinfo-[0-9a-zA-Z]+(-[0-9a-zA-Z]+)"}[30s])) by (le))'
    ]
    assert asked(metric, number("0.100"))[0] == Answer(PASS, value=100.0, wanted="<= 500ms")
    assert asked(metric, number("0.5009"))[0].verdict == PASS
    assert asked(metric, number("0.501"))[0].verdict == FAIL


def test_infinite_duration_fails():
    metric = Metric(DURATION, threshold_range=ThresholdRange(max=500))
    answer, _ = asked(metric, number("+Inf"))
    assert (answer.verdict, answer.text) == (FAIL, "Halt podinfo.s-mt advancement request duration +Inf > 500ms")


def test_no_values_names_provider_metric_and_target():
    context = MetricContext("canary", "s-s", "podinfo")
    wanted = "Halt advancement no values found for kubernetes metric {} probably podinfo.s-s is not receiving traffic"
    answer, _ = asked(success_rate(min=99), NOTHING, context=context)
    assert (answer.verdict, answer.text) == (NO_DATA, wanted.format(SUCCESS_RATE) + ": no values found")
    answer, _ = asked(Metric(DURATION), number("NaN"), context=context)
    assert (answer.verdict, answer.text) == (NO_DATA, wanted.format(DURATION))


def test_old_threshold_is_a_minimum_for_success_rate_and_a_maximum_else():
    assert asked(Metric(SUCCESS_RATE, threshold=99), number("98"))[0].text.endswith("success rate 98.00% < 99%")
    assert asked(Metric(SUCCESS_RATE), number("0"))[0].verdict == PASS
    assert asked(Metric(DURATION, threshold=500.9), number("0.501"))[0].text.endswith("request duration 501ms > 500ms")
    assert asked(Metric(DURATION), number("0.001"))[0].verdict == FAIL
    assert asked(Metric(DURATION), number("0.0009"))[0].verdict == PASS
    assert asked(Metric("inl", query="up", threshold=5), number("7"))[0].text == "Halt podinfo.s-mt advancement inl 7.00 > 5"
    assert asked(Metric("inl", query="up"), number("0.1"))[0].text == "Halt podinfo.s-mt advancement inl 0.10 > 0"


def test_range_without_bounds_passes_whatever_the_old_threshold_says():
    metric = Metric("inl", query="up", threshold=1, threshold_range=ThresholdRange())
    assert asked(metric, number("7"))[0] == Answer(PASS, value=7.0, wanted="any value")


def test_inline_query_is_rendered_and_judged():
    query = 'sum(rate(errors{ns="{{ namespace }}",svc="{{ service }}",team="{{ variables.team }}"}[{{ interval }}]))'
    metric = Metric("inl", query=query, threshold_range=ThresholdRange(max=5), template_variables={"team": "a"})
    answer, queries = asked(metric, number("7"))
    assert answer == Answer(FAIL, "Halt podinfo.s-mt advancement inl 7.00 > 5", 7.0, "<= 5")
    assert queries == ['sum(rate(errors{ns="s-mt",svc="podinfo-svc",team="a"}[1m]))']


def test_template_variable_cannot_leave_its_quotes():
    metric = Metric("inl", query='up{team="{{ variables.team }}"}', template_variables={"team": 'a"} or vector(1) #'})
    _, queries = asked(metric, NOTHING)
    assert queries == ['up{team="a\\"} or vector(1) #"}']


@pytest.mark.parametrize(("bound", "said"), [(1e6, "1e+06"), (500000, "500000"), (0.00001, "1e-05"), (2.5, "2.5")])
def test_bound_is_printed_as_go_does(bound, said):
    metric = Metric("inl", query="up", threshold_range=ThresholdRange(max=bound))
    assert asked(metric, number("1234567890"))[0].text == f"Halt podinfo.s-mt advancement inl 1234567890.00 > {said}"


def test_inline_query_without_values_has_its_own_text():
    metric = Metric("inl", query="up", threshold_range=ThresholdRange(max=5))
    answer = Answer(NO_DATA, "Halt advancement no values found for metric: inl", wanted="<= 5")
    assert asked(metric, NOTHING)[0] == answer


def test_query_that_the_server_refuses_is_a_failed_check():
    body = (
        '{"status":"error","errorType":"bad_data",'
        '"error":"invalid parameter \\"query\\": 1:5: parse error: unclosed left parenthesis"}'
    )
    answer, _ = asked(Metric("inl", query="sum("), HttpResponse(400, body.encode()))
    text = f"Prometheus query failed for inl: error response: Status 400 Bad Request: {body}"
    assert (answer.verdict, answer.text) == (FAIL, text)


def test_query_that_cannot_be_rendered_is_a_failed_check_and_not_sent():
    answer, queries = asked(Metric("inl", query="up{{ variables.nope }}"))
    assert (answer.verdict, queries) == (FAIL, [])
    assert answer.text.startswith("Prometheus query failed for inl: spec.analysis.metrics[inl].query is not a usable template")


@pytest.mark.parametrize("response", [HttpResponse(0, error="connection refused"), HttpResponse(503, b"busy")])
def test_server_that_does_not_answer_is_unavailable_w29(response):
    answer, _ = asked(success_rate(min=99), response)
    assert answer.verdict == UNAVAILABLE
    assert answer.text.startswith("Prometheus query failed: ")
    answer, _ = asked(Metric("inl", query="up"), response)
    assert answer.verdict == UNAVAILABLE
    assert answer.text.startswith("Prometheus query failed for inl: ")


def test_builtin_with_query_asks_both_and_stops_at_the_first_failure():
    metric = Metric(SUCCESS_RATE, query="up", threshold_range=ThresholdRange(min=99))
    answer, queries = asked(metric, number("100"), number("99.5"))
    assert (answer.verdict, answer.value, queries[1]) == (PASS, 99.5, "up")
    answer, queries = asked(metric, number("1"))
    assert (answer.verdict, len(queries)) == (FAIL, 1)


def test_metric_without_any_source_fails():
    answer, queries = asked(Metric("lonely"))
    assert answer == Answer(FAIL, "Metric query failed for no usable metrics template and query were configured")
    assert queries == []


def test_template_ref_is_refused_not_failed():
    with pytest.raises(SpecError, match=r"metrics\[rps\]\.templateRef is not supported"):
        asked(Metric("rps", template_ref=CrossNamespaceRef("rps")))


def test_unknown_provider_is_an_error_that_lists_the_known():
    with pytest.raises(UnknownName, match=r"gatewayapi:v1, kubernetes"):
        asked(success_rate(min=99), context=MetricContext("c", "n", "t", provider="istoi"))


@pytest.mark.parametrize("provider", QUERIES)
@pytest.mark.parametrize("metric", [SUCCESS_RATE, DURATION])
def test_builtin_query_is_promql_and_names_the_target_exactly(provider, metric):
    context = MetricContext("c", "n.s", "my.app", provider=provider)
    _, queries = asked(Metric(metric), NOTHING, context=context)
    promql_parser.parse(queries[0])
    assert 'kubernetes_pod_name=~"my\\\\.app-[0-9a-zA-Z]+(-[0-9a-zA-Z]+)"' in queries[0]
    assert 'kubernetes_namespace="n.s"' in queries[0]


def test_every_provider_has_both_metrics_and_a_unit():
    assert all(set(queries) == {SUCCESS_RATE, DURATION} for queries in QUERIES.values())
    assert set(DURATION_UNIT_MS) == set(QUERIES)


def probed(metrics, *responses):
    check = probe(metrics, CONTEXT)
    urls = []
    try:
        request = next(check)
        for response in responses:
            urls.append(request.url)
            request = check.send(response)
    except StopIteration as end:
        return end.value, urls
    raise AssertionError("probed again")


def test_probe_asks_the_server_of_builtin_metrics_once():
    answer, urls = probed([Metric(SUCCESS_RATE), Metric(DURATION)], number("1"))
    assert (answer, urls) == (Answer(PASS), ["http://prometheus:9090/api/v1/query?query=vector%281%29"])


def test_probe_does_not_ask_for_inline_queries():
    assert probed([Metric("inl", query="up")]) == (Answer(PASS), [])


@pytest.mark.parametrize(
    ("response", "why"),
    [
        (HttpResponse(502, b""), "error response: Status 502 Bad Gateway: "),
        (HttpResponse(0, error="refused"), "refused"),
        (HttpResponse(400, b"what?"), "error response: Status 400 Bad Request: what?"),
        (NOTHING, "no values found"),
        (number("2"), "vector(1) is not 1"),
    ],
)
def test_probe_says_why_the_server_is_not_there(response, why):
    answer, _ = probed([Metric(SUCCESS_RATE)], response)
    text = f"Error checking metric providers: http://prometheus:9090 is not available: {why}"
    assert answer == Answer(FAIL, text)


def test_probe_of_an_unusable_address_fails_without_a_request():
    check = probe([Metric(SUCCESS_RATE)], MetricContext("c", "n", "t", metrics_server="prometheus"))
    with pytest.raises(StopIteration) as end:
        next(check)
    assert end.value.value.verdict == FAIL
    assert "spec.metricsServer is not the URL" in end.value.value.text
