"""How many replicas a scaler allows: overrides of its bounds, and whether the result would be accepted.

KEDA's and Kubernetes' own rules are checked before anything is written: a scaler that is refused at admission must never hold
up or restart a workload. Nothing is written here, and nothing is corrected by guess.

Source: cloning.md sections 4.11 and 4.12.
"""

from collections.abc import Mapping
from typing import Any

from attrs import frozen

from canarykit.dicts import Manifest, at
from canarykit.errors import Problem, UnknownName
from canarykit.kinds import HPA, SCALED_OBJECT, Kind
from canarykit.trigger_types import WORK, type_of

KEDA_MAXIMUM = 100
NAME_LIMIT = 63
KEDA_HPA_PREFIX = "keda-hpa-"
_RESOURCE_TRIGGERS = frozenset({"cpu", "memory"})


@frozen
class Fields:
    """Where a scaler kind keeps its bounds, and what they are when it does not say."""

    minimum: str
    maximum: str
    minimum_default: int
    maximum_default: int


FIELDS: Mapping[str, Fields] = {
    HPA.kind: Fields("minReplicas", "maxReplicas", 1, 1),
    SCALED_OBJECT.kind: Fields("minReplicaCount", "maxReplicaCount", 0, KEDA_MAXIMUM),
}


def fields_of(kind: Kind | str) -> Fields:
    """Return the replica fields of a scaler kind; raises UnknownName for another one."""
    name = kind if isinstance(kind, str) else kind.kind
    if name not in FIELDS:
        raise UnknownName("spec.autoscalerRef.kind", name, FIELDS)
    return FIELDS[name]


def override_replicas(kind: Kind | str, spec: Manifest, replicas: Mapping[str, int | None] | None) -> dict[str, Any]:
    """Return a copy of a scaler's ``spec`` with the bounds that ``replicas`` gives; what it does not give is inherited.

    Args:
        kind: ``HorizontalPodAutoscaler`` or ``ScaledObject``.
        spec: the scaler's spec.
        replicas: ``primaryScalerReplicas``, ``{"minReplicas": 2, "maxReplicas": 5}``; both optional, null is absent. A minimum of
            0 is possible here, though the CRD of Flagger does not admit it.

    Raises:
        UnknownName: for another kind.

    Source: cloning.md section 4.11.
    """
    fields = fields_of(kind)
    given = {fields.minimum: at(replicas, "minReplicas"), fields.maximum: at(replicas, "maxReplicas")}
    return {**spec, **{key: value for key, value in given.items() if value is not None}}


def check_bounds(kind: Kind | str, manifest: Manifest) -> tuple[Problem, ...]:
    """Return what is wrong with the bounds of a scaler, as errors, and what is risky about them, as warnings.

    Errors are what the API server or KEDA's admission would refuse: minimum above maximum, an idle count that is not below the
    minimum, only cpu and memory triggers without a minimum, a fallback that cannot work, names above 63 characters. Warnings: a
    minimum of 0, a fallback outside the bounds.

    Raises:
        UnknownName: for another kind.

    Source: cloning.md section 4.11.
    """
    fields = fields_of(kind)
    spec = at(manifest, "spec", default={})
    problems = [_crossed(fields, spec)]
    if fields is FIELDS[HPA.kind]:
        problems.append(_hpa_to_zero(spec))
    else:
        problems += [_idle(spec), _resource_only(spec), _to_zero(spec), *_fallback(spec), *_names(manifest)]
    return tuple(problem for problem in problems if problem)


def check_fallback_follows(source_spec: Manifest, spec: Manifest) -> tuple[Problem, ...]:
    """Warn when an override raises a bound of the primary's ScaledObject while its fallback is still the source's."""
    fields = FIELDS[SCALED_OBJECT.kind]
    replicas = at(spec, "fallback", "replicas")
    raised = any(
        _whole(spec.get(key), default) > _whole(source_spec.get(key), default)
        for key, default in ((fields.minimum, fields.minimum_default), (fields.maximum, fields.maximum_default))
    )
    if replicas is None or not raised or replicas != at(source_spec, "fallback", "replicas"):
        return ()
    problem = "is the source's, while the override raises the bounds of the primary"
    advice = "Check that so many replicas are enough for the primary when its metrics fail."
    return (Problem("spec.fallback.replicas", problem, replicas, advice, "warning", "fallback-not-raised"),)


def keda_hpa_name(manifest: Manifest) -> str:
    """Return the name of the HPA that KEDA makes for a ScaledObject."""
    own = at(manifest, "spec", "advanced", "horizontalPodAutoscalerConfig", "name", default="")
    return str(own) or KEDA_HPA_PREFIX + str(at(manifest, "metadata", "name", default=""))


def _crossed(fields: Fields, spec: Manifest) -> Problem | None:
    lowest, highest = _keda_minimum(fields, spec), _whole(spec.get(fields.maximum), fields.maximum_default)
    if lowest <= highest:
        return None
    problem = f"is above {fields.maximum}, which is {highest}"
    advice = "Raise the maximum or lower the minimum in spec.autoscalerRef.primaryScalerReplicas or in the source scaler."
    return Problem(f"spec.{fields.minimum}", problem, lowest, advice, code="scaler-bounds")


def _keda_minimum(fields: Fields, spec: Manifest) -> int:
    """The minimum as KEDA validates it: 0 if absent, otherwise at least 1 (what its HPA gets)."""
    written = spec.get(fields.minimum)
    return fields.minimum_default if written is None else max(_whole(written, 0), 1)


def _idle(spec: Manifest) -> Problem | None:
    idle, lowest = spec.get("idleReplicaCount"), _keda_minimum(FIELDS[SCALED_OBJECT.kind], spec)
    if idle is None or _whole(idle, 0) < lowest:
        return None
    problem = f"must be below minReplicaCount, which is {lowest}"
    advice = "Give a higher minimum, or remove idleReplicaCount from the source ScaledObject."
    return Problem("spec.idleReplicaCount", problem, idle, advice, code="scaler-idle")


def _types(spec: Manifest) -> list[str]:
    return [str(at(trigger, "type", default="")) for trigger in at(spec, "triggers", default=[])]


def _resource_only(spec: Manifest) -> Problem | None:
    types = _types(spec)
    if not types or not set(types) <= _RESOURCE_TRIGGERS or _whole(spec.get("minReplicaCount"), 0) > 0:
        return None
    problem = "must be at least 1 where all triggers are cpu or memory, which say nothing about no pods"
    advice = "Give a minimum, or add another trigger."
    return Problem("spec.minReplicaCount", problem, spec.get("minReplicaCount"), advice, code="scaler-cpu-only")


def _to_zero(spec: Manifest) -> Problem | None:
    """S20: pods that are not there export no metrics, so a scaler that goes to zero on their metrics never comes back."""
    own = [name for name in _types(spec) if type_of(name).group != WORK or name in _RESOURCE_TRIGGERS]
    if _whole(spec.get("minReplicaCount"), 0) > 0 or not own:
        return None
    problem = f"lets the primary go to zero; we cannot verify that {own[0]} is not measured at the primary's own pods"
    advice = "Set primaryScalerReplicas.minReplicas to at least 1."
    return Problem("spec.minReplicaCount", problem, spec.get("minReplicaCount"), advice, "warning", "scale-to-zero")


def _hpa_to_zero(spec: Manifest) -> Problem | None:
    if _whole(spec.get("minReplicas"), 1) > 0:
        return None
    problem = "lets Kubernetes act on a workload at 0 replicas, so an idle canary cannot be held down"
    return Problem("spec.minReplicas", problem, 0, "Set minReplicas to at least 1.", "warning", "H5")


def _fallback(spec: Manifest) -> list[Problem | None]:
    fallback = at(spec, "fallback")
    if not isinstance(fallback, Mapping):
        return []
    problems: list[Problem | None] = [
        Problem(f"spec.fallback.{key}", "must not be negative", fallback[key], "Give 0 or more.", code="scaler-fallback")
        for key in ("failureThreshold", "replicas")
        if _whole(fallback.get(key), 0) < 0
    ]
    formula = at(spec, "advanced", "scalingModifiers", "formula", default="")
    if not formula and set(_types(spec)) <= _RESOURCE_TRIGGERS:
        problem = "needs a trigger that is not cpu or memory, or a scalingModifiers formula"
        problems.append(Problem("spec.fallback", problem, None, "Remove the fallback.", code="scaler-fallback"))
    if fallback.get("behavior") == "scalingModifiers" and not formula:
        problem = "needs advanced.scalingModifiers.formula"
        advice = "Choose another behavior or give the formula."
        problems.append(Problem("spec.fallback.behavior", problem, "scalingModifiers", advice, code="scaler-fallback"))
    return [*problems, _fallback_outside(spec, fallback)]


def _fallback_outside(spec: Manifest, fallback: Mapping[str, Any]) -> Problem | None:
    fields = FIELDS[SCALED_OBJECT.kind]
    lowest, highest = _keda_minimum(fields, spec), _whole(spec.get(fields.maximum), fields.maximum_default)
    replicas = _whole(fallback.get("replicas"), lowest)
    if lowest <= replicas <= highest:
        return None
    problem = f"is outside {lowest}..{highest} and will be cut to it"
    return Problem(
        "spec.fallback.replicas", problem, replicas, "Give a number between the bounds.", "warning", "fallback-outside"
    )


def _names(manifest: Manifest) -> list[Problem | None]:
    name, hpa = str(at(manifest, "metadata", "name", default="")), keda_hpa_name(manifest)
    own = at(manifest, "spec", "advanced", "horizontalPodAutoscalerConfig", "name", default="")
    path = "spec.advanced.horizontalPodAutoscalerConfig.name" if own else "metadata.name"
    advice = "Choose a shorter name for the source ScaledObject, or set a short HPA name in its advanced section."
    return [
        Problem(where, f"makes {what} longer than {NAME_LIMIT} characters", value, advice, code="scaler-name")
        for where, what, value in (("metadata.name", "the name of the ScaledObject", name), (path, "the name of its HPA", hpa))
        if len(value) > NAME_LIMIT
    ]


def _whole(value: Any, default: int) -> int:
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) else default
