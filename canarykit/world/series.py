"""What Prometheus would have scraped: traffic as named series with labels, counters and a latency histogram.

Names and labels are those of the demo application behind the bundled Prometheus (analysis.md section 1.2), with
``namespace`` and ``pod`` beside ``kubernetes_namespace`` and ``kubernetes_pod_name``, since users' templates use either.
"""

import re
from collections.abc import Callable
from functools import lru_cache

from canarykit.world.traffic import Flow, Traffic

HISTOGRAM = "http_request_duration_seconds"
# The usual bounds of a Prometheus client, in seconds.
BOUNDS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, float("inf"))
NAMES = ("http_requests_total", f"{HISTOGRAM}_count", f"{HISTOGRAM}_sum", f"{HISTOGRAM}_bucket", "up")

Labels = tuple[tuple[str, str], ...]
Wanted = Callable[[dict[str, str]], bool]


def is_counter(name: str) -> bool:
    """Tell whether the series of that name only grow, so that a rate over them makes sense."""
    return name in NAMES and name != "up"


def at_time(traffic: Traffic, name: str, when: float, wanted: Wanted) -> dict[Labels, float]:
    """Return the value at ``when`` of each wanted series called ``name`` that is there then; empty for a name nobody knows."""
    if name == "up":
        found = [_labels(namespace, pod, own) for namespace, pod, own in traffic.pods]
        return {labels: 1.0 for labels in found if wanted(dict(labels))}
    return _summed(name, traffic.flows(when, when), wanted, lambda flow: traffic.count(flow, when))


def increases(traffic: Traffic, name: str, start: float, end: float, wanted: Wanted) -> dict[Labels, float]:
    """Return how much each wanted counter called ``name`` grew from ``start`` to ``end``; also those that ended in between."""
    flows = traffic.flows(start, end) if is_counter(name) else []
    return _summed(name, flows, wanted, lambda flow: traffic.count(flow, end) - traffic.count(flow, start))


def _summed(name: str, flows: list[Flow], wanted: Wanted, requests: Callable[[Flow], float]) -> dict[Labels, float]:
    """Add the flows that Prometheus would see as one series (a changed latency does not make another)."""
    found: dict[Labels, float] = {}
    for flow in flows:
        matching = [(labels, factor) for labels, factor in _series(flow, name) if wanted(dict(labels))]
        number = requests(flow) if matching else 0.0
        for labels, factor in matching:
            found[labels] = found.get(labels, 0.0) + number * factor
    return found


# The labels of a flow never change, and every query over every pod asks for them.
@lru_cache(maxsize=8192)
def _series(flow: Flow, name: str) -> tuple[tuple[Labels, float], ...]:
    """Return the labels of each series that the flow feeds, and by how much one request raises it."""
    labels = _labels(flow.namespace, flow.pod, flow.labels, (("status", flow.status), ("method", "GET")))
    seconds = flow.latency_ms / 1000
    if name in ("http_requests_total", f"{HISTOGRAM}_count"):
        return ((labels, 1.0),)
    if name == f"{HISTOGRAM}_sum":
        return ((labels, seconds),)
    if name == f"{HISTOGRAM}_bucket":
        bounds = ((tuple(sorted((*labels, ("le", bound_text(bound))))), bound) for bound in BOUNDS_S)
        return tuple((found, float(seconds <= bound)) for found, bound in bounds)
    return ()


def bound_text(bound: float) -> str:
    """Return a bucket bound as the label ``le`` has it."""
    return "+Inf" if bound == float("inf") else f"{bound:g}"


def _labels(namespace: str, pod: str, own: Labels, more: Labels = ()) -> Labels:
    base = {re.sub(r"\W", "_", key): value for key, value in own}
    named = {"kubernetes_namespace": namespace, "kubernetes_pod_name": pod, "namespace": namespace, "pod": pod}
    return tuple(sorted({**base, "job": "kubernetes-pods", **named, **dict(more)}.items()))
