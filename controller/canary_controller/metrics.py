"""Prometheus series of the controller: Flagger's names and labels, and a few of ours under ``canarykit_``.

The label ``name`` is the *target's* name, as dashboards for Flagger expect it. Unlike upstream, the series of a Canary that is
gone are removed, and a namespace without Canaries counts 0 no longer. Source: engine.md section 5.7.
"""

from collections.abc import Iterable, Mapping
from typing import Protocol

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

PROGRESSING, FAILED = "Progressing", "Failed"
COMPLETED, SKIPPED = "completed", "skipped"


class Watched(Protocol):
    """What is shown of a watcher."""

    @property
    def is_synced(self) -> bool:
        """Whether its kind is in view."""


class Metrics:
    """One registry of its own, so that several controllers fit into one process.

    Args:
        version: of this program, a label of ``flagger_info``.
        mesh_provider: default provider, the other label.
    """

    def __init__(self, version: str, mesh_provider: str) -> None:
        prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        names, workload = ("name", "namespace"), ("workload", "namespace")
        info = Gauge("flagger_info", "Version and default provider.", ("version", "mesh_provider"), registry=registry)
        info.labels(version, mesh_provider).set(1)
        self._total = Gauge("flagger_canary_total", "Canaries in a namespace.", ("namespace",), registry=registry)
        self._status = Gauge(
            "flagger_canary_status", "0 while Progressing, 2 when Failed, 1 in every other phase.", names, registry=registry
        )
        self._weight = Gauge(
            "flagger_canary_weight",
            "Percent of the requests that go to a workload.",
            workload,
            registry=registry,
        )
        self._analysis = Gauge(
            "flagger_canary_metric_analysis",
            "Last value of a metric; request-duration in seconds.",
            (*names, "metric"),
            registry=registry,
        )
        self._duration = Histogram(
            "flagger_canary_duration_seconds", "Time that a pass with an analysis took.", names, registry=registry
        )
        ends = (*names, "deployment_strategy", "analysis_status")
        self._successes = Counter("flagger_canary_successes", "Rollouts that were promoted.", ends, registry=registry)
        self._failures = Counter("flagger_canary_failures", "Rollouts that were rolled back.", ends, registry=registry)
        self._observed = Gauge(
            "canarykit_observed_weight",
            "Percent that the route says is programmed.",
            workload,
            registry=registry,
        )
        self._skew = Gauge("canarykit_clock_skew_seconds", "The API server's clock minus ours.", registry=registry)
        self._watches = Gauge("canarykit_watch_synced", "1 while a kind is in view.", ("kind",), registry=registry)
        self._queue = Gauge("canarykit_queue_overdue", "Canaries whose pass is due and has not begun.", registry=registry)
        self._passes = Counter("canarykit_passes", "Passes by what they concluded.", ("verdict",), registry=registry)

    def text(self) -> bytes:
        """Return all series in Prometheus' text format."""
        return prometheus_client.generate_latest(self._registry)

    def set_totals(self, namespaces: Iterable[str]) -> None:
        """Count Canaries by namespace; ``namespaces`` has one entry per Canary."""
        self._total.clear()
        for namespace in namespaces:
            self._total.labels(namespace).inc()

    def set_status(self, namespace: str, target: str, phase: str) -> None:
        """Show the phase as Flagger numbers it."""
        self._status.labels(target, namespace).set({PROGRESSING: 0, FAILED: 2}.get(phase, 1))

    def set_weight(self, namespace: str, target: str, primary: str, weight: int) -> None:
        """Show the wanted split: ``weight`` percent to the target, the rest to the primary."""
        _split(self._weight, namespace, target, primary, weight)

    def set_observed_weight(self, namespace: str, target: str, primary: str, weight: int) -> None:
        """Show the split that is in effect."""
        _split(self._observed, namespace, target, primary, weight)

    def set_metric(self, namespace: str, target: str, metric: str, value: float) -> None:
        """Show the last value of a metric, that of ``request-duration`` in seconds (it is judged in milliseconds)."""
        self._analysis.labels(target, namespace, metric).set(value / 1000 if metric == "request-duration" else value)

    def observe_analysis(self, namespace: str, target: str, seconds: float) -> None:
        """Count a pass that asked hooks or metrics."""
        self._duration.labels(target, namespace).observe(seconds)

    def count_success(self, namespace: str, target: str, strategy: str, skipped: bool = False) -> None:
        """Count a promotion; ``strategy`` is canary, blue-green or ab-testing."""
        self._successes.labels(target, namespace, strategy, SKIPPED if skipped else COMPLETED).inc()

    def count_failure(self, namespace: str, target: str, strategy: str) -> None:
        """Count a rollback."""
        self._failures.labels(target, namespace, strategy, COMPLETED).inc()

    def count_pass(self, verdict: str) -> None:
        """Count a pass by its verdict."""
        self._passes.labels(verdict).inc()

    def set_process(self, skew_s: float | None, overdue: int, watchers: Mapping[str, Watched]) -> None:
        """Show the state of the process: clock skew, queue, and the watcher of each kind."""
        if skew_s is not None:
            self._skew.set(skew_s)
        self._queue.set(overdue)
        for kind, watcher in watchers.items():
            self._watches.labels(kind).set(watcher.is_synced)

    def forget(self, namespace: str, target: str, primary: str) -> None:
        """Remove every series of a Canary that is gone."""
        for metric in (self._status, self._analysis, self._duration, self._successes, self._failures):
            metric.remove_by_labels({"name": target, "namespace": namespace})
        for metric in (self._weight, self._observed):
            for workload in (target, primary):
                metric.remove_by_labels({"workload": workload, "namespace": namespace})


def _split(gauge: Gauge, namespace: str, target: str, primary: str, weight: int) -> None:
    gauge.labels(primary, namespace).set(100 - weight)
    gauge.labels(target, namespace).set(weight)
