"""What Prometheus would have scraped: traffic as named series with labels, counters and a latency histogram.

Names and labels are those of the demo application behind the bundled Prometheus (analysis.md section 1.2), with
``namespace`` and ``pod`` beside ``kubernetes_namespace`` and ``kubernetes_pod_name``, since users' templates use either.
"""

import re
from collections.abc import Callable, Iterator, Mapping

from canarykit.world.traffic import Flow, Traffic

HISTOGRAM = "http_request_duration_seconds"
# The usual bounds of a Prometheus client, in seconds.
BOUNDS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, float("inf"))
NAMES = ("http_requests_total", f"{HISTOGRAM}_count", f"{HISTOGRAM}_sum", f"{HISTOGRAM}_bucket", "up")

Labels = tuple[tuple[str, str], ...]


def is_counter(name: str) -> bool:
    """Tell whether the series of that name only grow, so that a rate over them makes sense."""
    return name in NAMES and name != "up"


def at_time(traffic: Traffic, name: str, when: float) -> dict[Labels, float]:
    """Return the value at ``when`` of each series called ``name`` that is there then; empty for a name nobody knows."""
    if name == "up":
        return {_labels(namespace, pod, own): 1.0 for namespace, pod, own in traffic.pods}
    return _summed(traffic, name, traffic.flows(when, when), lambda flow: traffic.count(flow, when))


def increases(traffic: Traffic, name: str, start: float, end: float) -> dict[Labels, float]:
    """Return how much each counter called ``name`` grew from ``start`` to ``end``; also those that ended in between."""
    flows = traffic.flows(start, end) if is_counter(name) else []
    return _summed(traffic, name, flows, lambda flow: traffic.count(flow, end) - traffic.count(flow, start))


def _summed(traffic: Traffic, name: str, flows: list[Flow], requests: Callable[[Flow], float]) -> dict[Labels, float]:
    """Add the flows that Prometheus would see as one series (a changed latency does not make another)."""
    found: dict[Labels, float] = {}
    for flow in flows:
        number = requests(flow)
        for labels, factor in _series(flow, name):
            found[labels] = found.get(labels, 0.0) + number * factor
    return found


def _series(flow: Flow, name: str) -> Iterator[tuple[Labels, float]]:
    """Yield the labels of each series that the flow feeds, and by how much one request raises it."""
    labels = _labels(flow.namespace, flow.pod, flow.labels, {"status": flow.status, "method": "GET"})
    seconds = flow.latency_ms / 1000
    if name in ("http_requests_total", f"{HISTOGRAM}_count"):
        yield labels, 1.0
    elif name == f"{HISTOGRAM}_sum":
        yield labels, seconds
    elif name == f"{HISTOGRAM}_bucket":
        for bound in BOUNDS_S:
            yield tuple(sorted({**dict(labels), "le": bound_text(bound)}.items())), float(seconds <= bound)


def bound_text(bound: float) -> str:
    """Return a bucket bound as the label ``le`` has it."""
    return "+Inf" if bound == float("inf") else f"{bound:g}"


def _labels(namespace: str, pod: str, own: Labels, more: Mapping[str, str] | None = None) -> Labels:
    base = {re.sub(r"\W", "_", key): value for key, value in own}
    named = {"kubernetes_namespace": namespace, "kubernetes_pod_name": pod, "namespace": namespace, "pod": pod}
    return tuple(sorted({**base, "job": "kubernetes-pods", **named, **(more or {})}.items()))
