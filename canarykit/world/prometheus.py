"""The HTTP face of the simulated Prometheus: the few paths that a rollout controller asks. Source: analysis.md section 3.1."""

import math
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from canarykit.errors import SpecError
from canarykit.times import instant
from canarykit.world.promql import evaluate
from canarykit.world.traffic import Traffic

TEXTS = {"/-/healthy": "Prometheus Server is Healthy.\n", "/-/ready": "Prometheus Server is Ready.\n"}
FACTS: dict[str, dict[str, Any]] = {
    "/api/v1/status/flags": {"web.listen-address": "127.0.0.1:9090", "query.lookback-delta": "5m"},
    "/api/v1/status/buildinfo": {"version": "sandbox"},
}


def prometheus_answer(traffic: Traffic, path: str, params: Mapping[str, str], now: float) -> tuple[int, dict[str, Any] | str]:
    """Return the HTTP status and the body (a dict for JSON, a text otherwise) that Prometheus would answer with.

    ``params`` are those of the query string or form: ``query`` and, if another instant is meant, ``time``.
    """
    if path in TEXTS:
        return 200, TEXTS[path]
    if path in FACTS:
        return 200, {"status": "success", "data": FACTS[path]}
    if path != "/api/v1/query":
        return 404, "404 page not found\n"
    try:
        when = _when(params.get("time", ""), now)
        return 200, {"status": "success", "data": _data(evaluate(params.get("query", ""), traffic, when), when)}
    except SpecError as problem:
        return 400, {"status": "error", "errorType": "bad_data", "error": str(problem)}


def _when(text: str, now: float) -> float:
    if not text:
        return now
    try:
        return float(text)
    except ValueError:
        found = instant(text)
    if found is None:
        raise SpecError("time", "is neither epoch seconds nor an RFC 3339 time", text)
    return found


def _data(value: float | list[tuple[dict[str, str], float]], when: float) -> dict[str, Any]:
    if isinstance(value, float):
        return {"resultType": "scalar", "result": [when, number_text(value)]}
    result = [{"metric": labels, "value": [when, number_text(found)]} for labels, found in value]
    return {"resultType": "vector", "result": result}


def number_text(value: float) -> str:
    """Return a number as Prometheus prints it: shortest digits, never with an exponent."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    text = format(Decimal(repr(value)), "f")
    return text.removesuffix(".0")
