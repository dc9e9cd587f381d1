"""Where a request goes: host to HTTPRoute or Service, weights to backends, backends to ready pods.

`advance` is the one writer of the traffic record: it looks where every load goes now and notes it.
"""

import re
from collections.abc import Iterable, Mapping
from math import inf
from typing import Any
from urllib.parse import urlsplit

from canarykit.dicts import at
from canarykit.kinds import HTTP_ROUTE, POD, SERVICE
from canarykit.model import Ref
from canarykit.world import pods
from canarykit.world.behaviour import Behaviour
from canarykit.world.endpoints import selected_pods
from canarykit.world.traffic import Flow, Load, Traffic, next_change, recorded
from canarykit.world.view import Found, View

Shares = list[tuple[Ref | None, float]]


def advance(
    traffic: Traffic, view: Mapping[Ref, Mapping[str, Any]], loads: Iterable[Load], now: float, behaviour: Behaviour
) -> Traffic:
    """Return the record brought to ``now``.

    The rates noted at the last look hold until now, except that loads that began or ended in between are taken into account
    at their time (by the world of now). Call it after every change of the world and at every `next_change`.
    """
    every, seen = tuple(loads), View.of(view)
    labels = {ref: _labels(pod) for ref, pod in seen.of_kind(POD)}
    there = tuple((ref.namespace, ref.name, found) for ref, found in labels.items())
    edge = next_change(every, traffic.now)
    while traffic.now > -inf and edge is not None and edge < now:
        traffic = recorded(traffic, edge, _rates(seen, every, edge, behaviour, labels), there)
        edge = next_change(every, edge)
    return recorded(traffic, now, _rates(seen, every, now, behaviour, labels), there)


def shares_of(view: View, load: Load) -> Shares:
    """Return which pods the requests of ``load`` reach and with which share; None stands for no pod.

    The shares add up to 1, and to more where a route mirrors requests.
    """
    url = urlsplit(load.url)
    host = url.hostname or ""
    name, _, rest = host.partition(".")
    namespace = rest.split(".")[0]
    route = _route_for(view, host, name, namespace)
    if route is not None:
        return _routed(view, route, url.path or "/", load.headers)
    return _service_pods(view, Ref.to(SERVICE, namespace, name), 1.0)


def _rates(
    view: View, loads: Iterable[Load], now: float, behaviour: Behaviour, labels: Mapping[Ref, tuple[tuple[str, str], ...]]
) -> dict[Flow, float]:
    rates: dict[Flow, float] = {}
    for load in loads:
        if not load.start <= now < load.end or load.rate_per_s <= 0:
            continue
        for ref, share in shares_of(view, load):
            for flow, part in _flows(view, ref, behaviour, labels):
                if share * part > 0:
                    rates[flow] = rates.get(flow, 0.0) + load.rate_per_s * share * part
    return rates | {flow: rates.get(flow, 0.0) + rate for flow, rate in _probes(view, behaviour, labels)}


def _probes(view: View, behaviour: Behaviour, labels: Mapping[Ref, tuple[tuple[str, str], ...]]) -> list[tuple[Flow, float]]:
    """The requests that ready pods get from their own probes; they are always answered well."""
    if behaviour.probe_rate_per_s <= 0:
        return []
    return [
        (Flow(ref.namespace, ref.name, "200", behaviour.of_pod(pod).latency_ms, labels[ref]), behaviour.probe_rate_per_s)
        for ref, pod in view.of_kind(POD)
        if pods.is_ready(pod)
    ]


def _flows(
    view: View, ref: Ref | None, behaviour: Behaviour, labels: Mapping[Ref, tuple[tuple[str, str], ...]]
) -> tuple[tuple[Flow, float], ...]:
    """Return in which ways a pod answers, each with its share."""
    if ref is None:
        return ((Flow("", "", "503", 0.0), 1.0),)
    does = behaviour.of_pod(view[ref])
    return (
        (Flow(ref.namespace, ref.name, "200", does.latency_ms, labels[ref]), 1.0 - does.error_rate),
        (Flow(ref.namespace, ref.name, "500", does.latency_ms, labels[ref]), does.error_rate),
    )


def _labels(pod: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(at(pod, "metadata", "labels", default={}).items()))


def _route_for(view: View, host: str, name: str, namespace: str) -> Mapping[str, Any] | None:
    """Return the HTTPRoute that lists the host, or else the one that is called like the Service in the host."""
    routes = view.of_kind(HTTP_ROUTE)
    listed = (route for _, route in routes if host in at(route, "spec", "hostnames", default=()))
    return next(listed, view.get(Ref.to(HTTP_ROUTE, namespace, name)))


def _routed(view: View, route: Mapping[str, Any], path: str, headers: Mapping[str, str]) -> Shares:
    namespace = route["metadata"]["namespace"]
    rules = at(route, "spec", "rules", default=())
    rule = next((each for each in rules if _rule_matches(each, path, headers)), None)
    backends = at(rule, "backendRefs", default=())
    total = sum(each.get("weight", 1) for each in backends)
    if not total:
        return [(None, 1.0)]
    shares: Shares = []
    for backend in backends:
        if backend.get("weight", 1):
            shares += _service_pods(view, _backend(backend, namespace), backend.get("weight", 1) / total)
    mirrors = (at(each, "requestMirror", "backendRef") for each in at(rule, "filters", default=()))
    for mirror in mirrors:
        # The copies' answers are thrown away: nothing is lost where there is nobody to mirror to.
        shares += [each for each in _service_pods(view, _backend(mirror, namespace), 1.0) if each[0]] if mirror else []
    return shares


def _backend(backend: Mapping[str, Any], namespace: str) -> Ref:
    return Ref.to(SERVICE, backend.get("namespace") or namespace, backend["name"])


def _rule_matches(rule: Mapping[str, Any], path: str, headers: Mapping[str, str]) -> bool:
    matches: Iterable[Mapping[str, Any]] = at(rule, "matches", default=()) or ({},)
    given = {key.lower(): value for key, value in headers.items()}
    return any(_match(each, path, given) for each in matches)


def _match(match: Mapping[str, Any], path: str, headers: Mapping[str, str]) -> bool:
    wanted = at(match, "path", "value", default="/")
    kind = at(match, "path", "type", default="PathPrefix")
    fits = path == wanted if kind == "Exact" else _fits(kind, wanted, path)
    return fits and all(
        _fits(each.get("type", "Exact"), each["value"], headers.get(each["name"].lower()))
        for each in at(match, "headers", default=())
    )


def _fits(kind: str, wanted: str, found: str | None) -> bool:
    if found is None:
        return False
    if kind == "RegularExpression":
        return re.fullmatch(wanted, found) is not None
    if kind == "PathPrefix":
        return found == wanted or found.startswith(wanted.rstrip("/") + "/")
    return found == wanted


def _service_pods(view: View, service: Ref, share: float) -> Shares:
    manifest = view.get(service)
    ready: list[Found] = [each for each in selected_pods(view, manifest) if pods.is_ready(each[1])] if manifest else []
    if not ready:
        return [(None, share)]
    return [(ref, share / len(ready)) for ref, _ in ready]
