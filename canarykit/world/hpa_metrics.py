"""What one metric of an HPA says at a moment: the size that it asks for, and how it shows in ``status.currentMetrics``."""

from collections.abc import Mapping
from math import ceil
from typing import Any

from attrs import frozen

from canarykit.dicts import at
from canarykit.kinds import SCALED_OBJECT
from canarykit.model import Ref
from canarykit.world.behaviour import Behaviour
from canarykit.world.keda_triggers import NAME_LABEL, metric_values
from canarykit.world.quantities import number_of, quantity_of
from canarykit.world.traffic import Traffic
from canarykit.world.view import View

# An HPA leaves the size alone while the metric is within a tenth of its target.
TOLERANCE = 0.1
RATE_WINDOW_S = 30.0
MIB = 2.0**20


@frozen
class Moment:
    """Where metrics are read from: the world, the HPA, its target, the traffic and how pods behave."""

    view: View
    hpa: Mapping[str, Any]
    target: Mapping[str, Any]
    traffic: Traffic
    behaviour: Behaviour


@frozen
class Measured:
    """The size that one metric asks for, and its entry in ``status.currentMetrics``."""

    replicas: int
    status: dict[str, Any]


def read(metric: Mapping[str, Any], moment: Moment, current: int, when: float) -> Measured | None:
    """Return what ``metric`` (an entry of ``spec.metrics``) said at ``when`` for ``current`` pods; None when it failed."""
    if metric.get("type") == "External":
        return _external(metric["external"], moment, current, when)
    if metric.get("type") == "Resource":
        return _resource(metric["resource"], moment, current, when)
    return None


def _asked(ratio: float, total: float, per_pod: float, current: int) -> int:
    return current if abs(ratio - 1) <= TOLERANCE else ceil(total / per_pod - 1e-9)


def _external(metric: Mapping[str, Any], moment: Moment, current: int, when: float) -> Measured | None:
    name = at(metric, "metric", "name", default="")
    owner = at(metric, "metric", "selector", "matchLabels", NAME_LABEL, default="")
    scaled_object = moment.view.get(Ref.to(SCALED_OBJECT, moment.hpa["metadata"]["namespace"], owner))
    if scaled_object is None:
        return None
    total = metric_values(scaled_object, moment.traffic, when, moment.behaviour).get(name)
    kind = at(metric, "target", "type")
    limit = number_of(at(metric, "target", "averageValue" if kind == "AverageValue" else "value"))
    if total is None or not limit:
        return None
    identity = at(metric, "metric")
    if kind == "AverageValue":
        shown = {"averageValue": quantity_of(total / current)}
        asked = _asked(total / limit / current, total, limit, current)
    else:
        shown = {"value": quantity_of(total)}
        asked = _asked(total / limit, total * current, limit, current)
    return Measured(asked, {"type": "External", "external": {"metric": dict(identity), "current": shown}})


def _resource(metric: Mapping[str, Any], moment: Moment, current: int, when: float) -> Measured | None:
    name = metric["name"]
    requested = _requested(moment.target, name)
    utilization = at(metric, "target", "averageUtilization")
    limit = number_of(at(metric, "target", "averageValue"))
    if utilization is not None:
        limit = requested * utilization / 100 if requested else None
    total = _used(name, moment, current, when)
    if not limit or total is None:
        return None
    shown: dict[str, Any] = {"averageValue": quantity_of(total / current)}
    if requested:
        shown["averageUtilization"] = round(100 * total / current / requested)
    asked = _asked(total / limit / current, total, limit, current)
    return Measured(asked, {"type": "Resource", "resource": {"name": name, "current": shown}})


def _requested(target: Mapping[str, Any], resource: str) -> float | None:
    """Return the sum of the containers' requests; None when one of them has none, as then no utilization is known."""
    containers = at(target, "spec", "template", "spec", "containers", default=())
    found = [number_of(at(each, "resources", "requests", resource)) for each in containers]
    return None if None in found else sum(each for each in found if each is not None)


def _used(resource: str, moment: Moment, current: int, when: float) -> float | None:
    """Return what the target's pods used together at ``when``, in cores or bytes."""
    if resource == "memory":
        return moment.behaviour.memory_per_pod_mi * MIB * current
    if resource != "cpu" or not at(moment.target, "status", "readyReplicas"):
        return None
    labels = at(moment.target, "spec", "selector", "matchLabels", default={})
    namespace = moment.target["metadata"]["namespace"]
    start = when - RATE_WINDOW_S
    flows = moment.traffic.flows(start, when)
    wanted = set(labels.items())
    mine = [each for each in flows if each.namespace == namespace and wanted <= set(each.labels)]
    requests = sum(moment.traffic.count(each, when) - moment.traffic.count(each, start) for each in mine)
    return requests / RATE_WINDOW_S * moment.behaviour.cpu_per_request_m / 1000
