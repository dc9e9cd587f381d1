"""Requests to and answers of the Prometheus API. Facts: analysis.md sections 1.3, 1.5 and 3.1."""

import json
import math
from base64 import b64decode
from urllib.parse import parse_qs, urlsplit

import pytest

from canarykit.errors import NoData, SpecError, Unavailable
from canarykit.metrics.prometheus import QueryRefused, probe_request, query_request, read_answer
from canarykit.model import HttpResponse


def answer(result, result_type="vector"):
    body = {"status": "success", "data": {"resultType": result_type, "result": result}}
    return HttpResponse(200, json.dumps(body).encode())


def test_query_is_sent_as_get_with_white_space_collapsed():
    request = query_request("http://prometheus:9090", 'sum(\n\t  rate(x{a="b"}[1m])\n)')
    assert (request.method, request.timeout_s, request.retries, request.body) == ("GET", 5.0, 0, b"")
    assert request.url.startswith("http://prometheus:9090/api/v1/query?query=")
    assert parse_qs(urlsplit(request.url).query) == {"query": ['sum( rate(x{a="b"}[1m]) )']}


def test_sub_path_is_kept_and_query_string_dropped():
    assert query_request("https://mon.example/prom/?a=b", "up").url == "https://mon.example/prom/api/v1/query?query=up"


def test_user_in_the_address_becomes_basic_authentication():
    request = query_request("http://me:s%40cret@prom:9090", "up")
    assert request.url == "http://prom:9090/api/v1/query?query=up"
    assert b64decode(request.headers["Authorization"].removeprefix("Basic ")) == b"me:s@cret"
    assert "Authorization" not in query_request("http://prom:9090", "up").headers


@pytest.mark.parametrize("server", ["", "prometheus:9090", "file:///etc/passwd", "http://", "http://[::1"])
def test_address_that_is_no_url_is_refused(server):
    with pytest.raises(SpecError, match=r"spec\.metricsServer is not the URL"):
        query_request(server, "up")


@pytest.mark.parametrize(
    ("text", "value"), [("100", 100.0), ("0.100", 0.1), ("1e3", 1000.0), ("-Inf", -math.inf), ("+Inf", math.inf)]
)
def test_value_is_read(text, value):
    assert read_answer(answer([{"metric": {}, "value": [1545905245.458, text]}])) == value


def test_last_series_wins():
    assert read_answer(answer([{"value": [1, "1"]}, {"value": [1, "2"]}])) == 2.0


def test_scalar_answer_is_read():
    assert read_answer(answer([1545905245.458, "7"], "scalar")) == 7.0


@pytest.mark.parametrize("result", [[], [{"metric": {}, "value": [1, "NaN"]}]])
def test_nothing_and_nan_are_no_data(result):
    with pytest.raises(NoData, match="no values found"):
        read_answer(answer(result))


@pytest.mark.parametrize(
    ("response", "text"),
    [
        (answer([{"values": [[1, "1"], [2, "2"]]}], "matrix"), "multiple values returned"),
        (answer([{"metric": {}, "values": [[1, "1"]]}]), "multiple values returned"),
        (answer([{"metric": {}, "histogram": [1, {}]}]), "returns a histogram"),
        (answer([1, "text"], "string"), "returns a string"),
        (HttpResponse(422, b"many-to-many"), "error response: Status 422 Unprocessable"),
    ],
)
def test_query_that_can_never_give_a_number_is_refused(response, text):
    with pytest.raises(QueryRefused, match=text):
        read_answer(response)


def test_refusal_carries_the_words_of_the_server():
    body = '{"status":"error","errorType":"bad_data","error":"1:5: parse error: unclosed left parenthesis"}'
    with pytest.raises(QueryRefused) as caught:
        read_answer(HttpResponse(400, body.encode()))
    assert str(caught.value) == f"error response: Status 400 Bad Request: {body}"


@pytest.mark.parametrize(
    ("response", "text"),
    [
        (HttpResponse(0, error="connection refused"), "^connection refused$"),
        (HttpResponse(0), "^no answer$"),
        (HttpResponse(503, b"down"), "^error response: Status 503 Service Unavailable: down$"),
        (HttpResponse(401, b"who?"), "Status 401 Unauthorized"),
        (HttpResponse(429), "Status 429"),
        (HttpResponse(599, b"x" * 9000), "Status 599: x{500}…$"),
        (HttpResponse(302), "Status 302 Found"),
        (HttpResponse(200, b"<html>"), "not JSON"),
        (HttpResponse(200, b"[]"), "not one of Prometheus"),
        (HttpResponse(200, b'{"status":"error","error":"busy"}'), "not one of Prometheus: busy"),
        (answer([{"metric": {}}]), "holds no number"),
        (answer([{"value": [1, "many"]}]), "holds no number"),
    ],
)
def test_server_that_does_not_answer_properly_is_unavailable(response, text):
    with pytest.raises(Unavailable, match=text):
        read_answer(response)


def test_probe_asks_for_a_constant():
    assert probe_request("http://prom:9090").url == "http://prom:9090/api/v1/query?query=vector%281%29"
