"""The two ends of a Prometheus query: the request for a PromQL text, and the one number in the answer.

Three ways to have no number are kept apart: the server says that the query is wrong (`QueryRefused`: the user must edit), it
has nothing to say (`NoData`), it does not answer properly (`Unavailable`: look again later).
Source: analysis.md sections 1.3, 1.5 and 3.1. Differs: upstream counts all three as failed checks (W29, W30).
"""

import json
import math
from base64 import b64encode
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import quote_plus, unquote, urlsplit, urlunsplit

from canarykit.dicts import at
from canarykit.errors import NoData, SpecError, Unavailable
from canarykit.model import HttpRequest, HttpResponse

TIMEOUT_S = 5.0
PROBE = "vector(1)"
NO_VALUES = "no values found"
_BODY_MAX = 500  # characters of a server's own words that are worth an Event
_REFUSALS = (HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY)  # bad_data and execution, says Prometheus' API


class QueryRefused(SpecError):
    """The metrics server cannot carry out the query; asking again does not help."""

    def __init__(self, text: str) -> None:
        super().__init__("query", text)
        self.args = (text,)


def query_request(server: str, promql: str) -> HttpRequest:
    """Return the instant query for ``promql``.

    Args:
        server: base URL, e.g. ``http://prometheus.monitoring:9090/sub/path``. A user and password in it become basic
            authentication; a query string is dropped.
        promql: every run of white space in it counts as one space.

    Raises:
        SpecError: the server is not an http or https URL.
    """
    try:
        parts = urlsplit(server)
        host = parts.netloc.rpartition("@")[2]
        usable = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        usable = False
    if not usable:
        raise SpecError("spec.metricsServer", "is not the URL of a metrics server", server, "Write http://host:port.")
    query = "query=" + quote_plus(_one_line(promql))
    url = urlunsplit((parts.scheme, host, parts.path.rstrip("/") + "/api/v1/query", query, ""))
    headers = {"Accept": "application/json"}
    if parts.username and parts.password:
        user = f"{unquote(parts.username)}:{unquote(parts.password)}"
        headers["Authorization"] = "Basic " + b64encode(user.encode()).decode()
    return HttpRequest("GET", url, headers, timeout_s=TIMEOUT_S)


def _one_line(promql: str) -> str:
    words = promql.split()
    before = " " if promql[:1].isspace() else ""
    return before + " ".join(words) + (" " if words and promql[-1:].isspace() else "")


def probe_request(server: str) -> HttpRequest:
    """Return the query that every healthy Prometheus answers with 1: `read_answer` of its answer is 1.0."""
    return query_request(server, PROBE)


def read_answer(response: HttpResponse) -> float:
    """Return the number in the answer to an instant query; of several series the last one, as upstream does. May be infinite.

    Raises:
        QueryRefused: 400 or 422, or an answer that is no instant vector (several values per series, a histogram, a text).
        NoData: no series, or NaN.
        Unavailable: no answer, any other status, or a body that is not one of Prometheus.
    """
    if response.status == 0:
        raise Unavailable(response.error or "no answer")
    if response.status != HTTPStatus.OK:
        text = _status_text(response)
        raise QueryRefused(text) if response.status in _REFUSALS else Unavailable(text)
    try:
        body = json.loads(response.body)
    except ValueError:
        raise Unavailable("the answer is not JSON") from None
    if at(body, "status") != "success" or not isinstance(at(body, "data", "result"), list):
        raise Unavailable(f"the answer is not one of Prometheus: {at(body, 'error', default='no result in it')}")
    return _last_value(at(body, "data", "resultType", default="vector"), body["data"]["result"])


def _status_text(response: HttpResponse) -> str:
    try:
        phrase = f" {HTTPStatus(response.status).phrase}"
    except ValueError:
        phrase = ""
    said = response.body.decode(errors="replace").strip()
    cut = said if len(said) <= _BODY_MAX else said[:_BODY_MAX] + "…"
    return f"error response: Status {response.status}{phrase}: {cut}"


def _last_value(result_type: str, result: list[Any]) -> float:
    # A scalar, e.g. of the query `1`, is one sample by itself. Upstream cannot read it.
    samples = [result] if result_type == "scalar" else [_sample(series) for series in result]
    if result_type not in ("vector", "scalar"):
        raise QueryRefused("multiple values returned" if result_type == "matrix" else f"the query returns a {result_type}")
    if not samples:
        raise NoData(NO_VALUES)
    try:
        value = float(samples[-1][1])
    except (ValueError, TypeError, IndexError):
        raise Unavailable("the answer holds no number") from None
    if math.isnan(value):
        raise NoData(NO_VALUES)
    return value


def _sample(series: Any) -> Any:
    if isinstance(series, Mapping) and "values" in series:
        raise QueryRefused("multiple values returned")
    if isinstance(series, Mapping) and "histogram" in series:
        raise QueryRefused("the query returns a histogram: take a quantile or a rate of it")
    return at(series, "value")
