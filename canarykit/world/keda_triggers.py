"""What KEDA's triggers say: their value now, whether they are active, and the metric that the HPA is given for each.

Prometheus triggers are evaluated against the simulated traffic; CPU and memory become resource metrics of the HPA; all
others have the value that the behaviour gives them. Not modelled: formulas, cached metrics, authentication, fallback.
"""

from collections.abc import Mapping
from typing import Any

from attrs import frozen

from canarykit.dicts import at
from canarykit.errors import SpecError
from canarykit.world.behaviour import Behaviour
from canarykit.world.promql import single
from canarykit.world.traffic import Traffic

RESOURCES = ("cpu", "memory")
NAME_LABEL = "scaledobject.keda.sh/name"


@frozen
class Reading:
    """What one trigger said. ``value`` is None when it could not be read, and ``error`` says why."""

    metric: str
    value: float | None
    active: bool
    error: str = ""


def triggers_of(scaled_object: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the triggers in order."""
    return list(at(scaled_object, "spec", "triggers", default=()))


def metric_name(index: int, trigger: Mapping[str, Any]) -> str:
    """Return the name of the external metric that KEDA gives trigger number ``index``."""
    return f"s{index}-{trigger.get('type', '')}"


def readings(scaled_object: Mapping[str, Any], traffic: Traffic, when: float, behaviour: Behaviour) -> tuple[Reading, ...]:
    """Return what each trigger but CPU and memory says at ``when``."""
    return tuple(
        _reading(metric_name(index, each), each, traffic, when, behaviour)
        for index, each in enumerate(triggers_of(scaled_object))
        if each.get("type") not in RESOURCES
    )


def metric_values(scaled_object: Mapping[str, Any], traffic: Traffic, when: float, behaviour: Behaviour) -> dict[str, float]:
    """Return the external metrics that KEDA serves for the ScaledObject at ``when``, by name; unreadable ones are missing."""
    found = readings(scaled_object, traffic, when, behaviour)
    return {each.metric: each.value for each in found if each.value is not None}


def is_active(scaled_object: Mapping[str, Any], found: tuple[Reading, ...]) -> bool:
    """Tell whether any of the readings is active; a ScaledObject with triggers of CPU and memory alone always is."""
    return any(each.active for each in found) if found else bool(triggers_of(scaled_object))


def _reading(metric: str, trigger: Mapping[str, Any], traffic: Traffic, when: float, behaviour: Behaviour) -> Reading:
    try:
        value = _value(trigger, traffic, when, behaviour)
    except SpecError as problem:
        return Reading(metric, None, False, str(problem))
    activation = float(at(trigger, "metadata", "activationThreshold", default=0))
    return Reading(metric, value, value > activation)


def _value(trigger: Mapping[str, Any], traffic: Traffic, when: float, behaviour: Behaviour) -> float:
    if trigger.get("type") != "prometheus":
        fallback = behaviour.trigger_values.get(str(trigger.get("type")), 0.0)
        return behaviour.trigger_values.get(str(trigger.get("name")), fallback)
    value = single(str(at(trigger, "metadata", "query", default="")), traffic, when)
    if value is None and str(at(trigger, "metadata", "ignoreNullValues", default="true")).lower() == "false":
        raise SpecError("spec.triggers.metadata.query", "has no value and ignoreNullValues is false")
    return value or 0.0


def hpa_metrics(scaled_object: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return ``spec.metrics`` of the HPA that KEDA makes: external metrics in order of the triggers, after the resources."""
    name = scaled_object["metadata"]["name"]
    triggers = list(enumerate(triggers_of(scaled_object)))
    resources = [_resource(each) for _, each in triggers if each.get("type") in RESOURCES]
    return resources + [_external(index, each, name) for index, each in triggers if each.get("type") not in RESOURCES]


def _resource(trigger: Mapping[str, Any]) -> dict[str, Any]:
    value = str(at(trigger, "metadata", "value", default="80"))
    utilization = trigger.get("metricType", "Utilization") == "Utilization"
    target: dict[str, Any] = {"type": "Utilization", "averageUtilization": int(float(value))}
    if not utilization:
        target = {"type": "AverageValue", "averageValue": value}
    return {"type": "Resource", "resource": {"name": trigger["type"], "target": target}}


def _external(index: int, trigger: Mapping[str, Any], name: str) -> dict[str, Any]:
    kind = trigger.get("metricType", "AverageValue")
    threshold = str(at(trigger, "metadata", "threshold", default="1"))
    target = {"type": kind, "averageValue" if kind == "AverageValue" else "value": threshold}
    metric = {"name": metric_name(index, trigger), "selector": {"matchLabels": {NAME_LABEL: name}}}
    return {"type": "External", "external": {"metric": metric, "target": target}}
