"""Requests: how much load reaches which pod, as rates that are constant between two looks, and the counters that follow.

`Traffic` is a record, not a queue: a fluid model without single requests and without chance. Loads are spread evenly over
ready pods; errors are a constant share of a pod's requests. Where a load goes is `routing`, what Prometheus would show of it
is `series`. Requests that reach no pod are lost, and counted apart (`Traffic.lost`), since no pod could count them.
"""

from collections.abc import Iterable, Mapping
from math import inf

from attrs import evolve, field, frozen

KEPT_S = 600.0


@frozen
class Load:
    """Requests to a URL, ``rate_per_s`` of them each second while ``start <= now < end`` (epoch seconds)."""

    url: str
    rate_per_s: float
    start: float
    end: float
    headers: Mapping[str, str] = field(factory=dict)


@frozen(order=True, cache_hash=True)
class Flow:
    """Requests that one pod answers in one way. ``pod`` is empty for those that reached none (status 503).

    ``labels`` are the pod's own labels as sorted pairs.
    """

    namespace: str
    pod: str
    status: str
    latency_ms: float
    labels: tuple[tuple[str, str], ...] = ()


@frozen
class Segment:
    """Rates per second that held from ``start`` until ``end``."""

    start: float
    end: float
    rates: Mapping[Flow, float]


@frozen
class Life:
    """When a flow was first seen, and when its pod went away (None: it is there)."""

    since: float
    gone_at: float | None = None


@frozen
class Traffic:
    """All that is known about requests up to ``now``.

    Attributes:
        now: end of the record; minus infinity before the first look.
        segments: of the last ten minutes, oldest first, without gaps; quiet times are left out.
        totals: requests per flow before the first kept segment.
        lives: of every flow whose pod is there, or went away in the last ten minutes.
        rates: what holds from ``now`` on.
        pods: (namespace, name, labels) of the pods that exist.
    """

    now: float = -inf
    segments: tuple[Segment, ...] = ()
    totals: Mapping[Flow, float] = field(factory=dict)
    lives: Mapping[Flow, Life] = field(factory=dict)
    rates: Mapping[Flow, float] = field(factory=dict)
    pods: tuple[tuple[str, str, tuple[tuple[str, str], ...]], ...] = ()

    def count(self, flow: Flow, when: float) -> float:
        """Return how many requests of ``flow`` there were until ``when``, since the beginning of the record."""
        spans = ((each.rates.get(flow, 0.0), min(each.end, when) - each.start) for each in self.segments if each.start < when)
        return self.totals.get(flow, 0.0) + sum(rate * span for rate, span in spans)

    def flows(self, after: float, until: float) -> list[Flow]:
        """Return the flows to pods that had begun by ``until`` and whose pods were still there after ``after``."""
        return [
            flow
            for flow, life in self.lives.items()
            if flow.pod and life.since <= until and (life.gone_at is None or life.gone_at > after)
        ]

    def served(self, pod_prefix: str = "", when: float | None = None) -> float:
        """Return how many requests pods whose name starts with ``pod_prefix`` have answered."""
        return sum(self.count(each, self.now if when is None else when) for each in self._known() if self._of(each, pod_prefix))

    def lost(self, when: float | None = None) -> float:
        """Return how many requests reached no pod."""
        return sum(self.count(each, self.now if when is None else when) for each in self._known() if not each.pod)

    def _of(self, flow: Flow, pod_prefix: str) -> bool:
        return bool(flow.pod) and flow.pod.startswith(pod_prefix)

    def _known(self) -> set[Flow]:
        return {*self.totals, *(flow for segment in self.segments for flow in segment.rates)}


QUIET = Traffic()


def next_change(loads: Iterable[Load], now: float) -> float | None:
    """Return the next time after ``now`` at which a load begins or ends, or None."""
    return min((edge for load in loads for edge in (load.start, load.end) if edge > now), default=None)


def recorded(
    traffic: Traffic,
    now: float,
    rates: Mapping[Flow, float],
    pods: tuple[tuple[str, str, tuple[tuple[str, str], ...]], ...],
) -> Traffic:
    """Return the record until ``now``, with the rates held so far, and with ``rates`` to ``pods`` from then on."""
    segments = traffic.segments
    if now > traffic.now and traffic.rates:
        last = segments[-1] if segments else None
        if last and last.end == traffic.now and last.rates == traffic.rates:
            segments = (*segments[:-1], evolve(last, end=now))
        else:
            segments = (*segments, Segment(traffic.now, now, traffic.rates))
    old = [each for each in segments if each.end <= now - KEPT_S]
    totals = dict(traffic.totals)
    for segment in old:
        for flow, rate in segment.rates.items():
            totals[flow] = totals.get(flow, 0.0) + rate * (segment.end - segment.start)
    return Traffic(
        now=max(now, traffic.now),
        segments=segments[len(old) :],
        totals=totals,
        lives=_lives(traffic, now, rates, {(namespace, name) for namespace, name, _ in pods}),
        rates=rates,
        pods=pods,
    )


def _lives(traffic: Traffic, now: float, rates: Mapping[Flow, float], there: set[tuple[str, str]]) -> dict[Flow, Life]:
    lives = {flow: Life(now) for flow in rates} | dict(traffic.lives)
    for flow, life in tuple(lives.items()):
        if life.gone_at is None and flow.pod and (flow.namespace, flow.pod) not in there:
            lives[flow] = evolve(life, gone_at=now)
    return {flow: life for flow, life in lives.items() if life.gone_at is None or life.gone_at > now - KEPT_S}
