"""KEDA's operator: what it adds to ScaledObjects, how it pauses, and how it scales from and to zero.

Source: cloning.md section 4.12; rig.md and observed.md for what was measured. Polls are at whole multiples of the polling
interval since the creation, so that a look between two polls sees what the last one saw.
"""

from collections.abc import Mapping
from math import floor
from typing import Any

from attrs import frozen

from canarykit.dicts import at
from canarykit.kinds import DEPLOYMENT, SCALED_OBJECT
from canarykit.model import Ref
from canarykit.times import fine_stamp, instant
from canarykit.world.behaviour import Behaviour
from canarykit.world.keda_hpa import (
    PAUSED,
    PAUSED_IN,
    PAUSED_OUT,
    PAUSED_REPLICAS,
    hpa_name,
    hpa_writes,
    is_marked,
    maximum,
    minimum,
)
from canarykit.world.keda_triggers import NAME_LABEL, RESOURCES, is_active, metric_name, readings, triggers_of
from canarykit.world.traffic import QUIET, Traffic
from canarykit.world.view import MERGE_PATCH, Step, View, Write, born, condition_of, is_going, joined, scale_write, status_writes

FINALIZER = "finalizer.keda.sh"
FORCE_ACTIVATION = "autoscaling.keda.sh/force-activation"
TEXTS = {
    "ScaledObjectReady": "ScaledObject is defined correctly and is ready for scaling",
    "ScaledObjectPaused": "ScaledObject is paused",
    "ScaledObjectUnpaused": "ScaledObject is not paused",
    "ScalerActive": "Scaling is performed because triggers are active",
    "ScalerNotActive": "Scaling is not performed because triggers are not active",
    "NoFallbackFound": "No fallbacks are active on this scaled object",
}


@frozen
class _Facts:
    """One ScaledObject with what concerns it. ``paused_at`` is the number of a valid paused-replicas annotation."""

    ref: Ref
    manifest: Mapping[str, Any]
    target: Mapping[str, Any] | None
    problem: str
    frozen: bool
    paused_at: int | None
    poll: float
    active: bool

    @property
    def replicas(self) -> int:
        """Size of the target."""
        return int(at(self.target, "spec", "replicas", default=1))

    @property
    def target_ref(self) -> Ref:
        """The target, a Deployment."""
        return Ref.to(DEPLOYMENT, self.ref.namespace, at(self.manifest, "spec", "scaleTargetRef", "name", default=""))


def step(view: View, now: float, behaviour: Behaviour, traffic: Traffic = QUIET) -> Step:
    """Reconcile every ScaledObject: its marks, its HPA, the size of its target, its status."""
    return joined(_scaled_object(view, ref, each, now, behaviour, traffic) for ref, each in view.of_kind(SCALED_OBJECT))


def _scaled_object(view: View, ref: Ref, manifest: Mapping[str, Any], now: float, behaviour: Behaviour, traffic: Traffic) -> Step:
    if is_going(manifest):
        return Step(_released(view, ref, manifest))
    added = _added(manifest)
    if added:
        return Step((Write(MERGE_PATCH, ref, added),))
    facts = _facts(view, ref, manifest, now, behaviour, traffic)
    # A check that fails leaves the HPA as it is; a pause removes it, even one whose number cannot be read.
    managed = () if facts.problem and not facts.frozen else hpa_writes(view, manifest, wanted=not facts.frozen)
    size, due = _size(facts, now)
    scaled = (scale_write(facts.target_ref, size),) if size is not None and size != facts.replicas else ()
    status = status_writes(ref, manifest, _status(facts))
    return Step((*managed, *scaled, *status), due)


def _poll_s(manifest: Mapping[str, Any]) -> float:
    return max(1.0, float(at(manifest, "spec", "pollingInterval", default=30)))


def _facts(view: View, ref: Ref, manifest: Mapping[str, Any], now: float, behaviour: Behaviour, traffic: Traffic) -> _Facts:
    mark = at(manifest, "metadata", "annotations", PAUSED_REPLICAS)
    number = int(mark) if mark is not None and mark.isdigit() else None
    target = view.get(Ref.to(DEPLOYMENT, ref.namespace, at(manifest, "spec", "scaleTargetRef", "name", default="")))
    poll = born(manifest) + floor((now - born(manifest)) / _poll_s(manifest)) * _poll_s(manifest)
    forced = is_marked(manifest, FORCE_ACTIVATION)
    problem = _problem(view, ref, manifest, target)
    if mark is not None and number is None:
        problem = problem or f"the annotation {PAUSED_REPLICAS} is not a number: {mark!r}"
    found = readings(manifest, traffic, poll, behaviour)
    errors = [each.error for each in found if each.error]
    if not problem and errors and len(errors) == len(triggers_of(manifest)):
        problem = f"no trigger can be read: {errors[0]}"
    paused = mark is not None or is_marked(manifest, PAUSED)
    return _Facts(ref, manifest, target, problem, paused, number, poll, forced or is_active(manifest, found))


def _problem(view: View, ref: Ref, manifest: Mapping[str, Any], target: Mapping[str, Any] | None) -> str:
    """Return why KEDA would not scale with this ScaledObject, or nothing."""
    kind = at(manifest, "spec", "scaleTargetRef", "kind", default="Deployment")
    name = at(manifest, "spec", "scaleTargetRef", "name", default="")
    if kind != "Deployment":
        return f"the simulated KEDA scales Deployments only, not {kind}"
    if target is None:
        return f"the scale target Deployment {name} does not exist"
    if minimum(manifest) > maximum(manifest):
        return f"minReplicaCount {minimum(manifest)} is above maxReplicaCount {maximum(manifest)}"
    if not triggers_of(manifest):
        return "there are no triggers"
    rivals = [
        other.name
        for other, each in view.of_kind(SCALED_OBJECT, ref.namespace)
        if at(each, "spec", "scaleTargetRef", "name") == name and (born(each), other.name) < (born(manifest), ref.name)
    ]
    return f"the workload {name} is already scaled by ScaledObject {rivals[0]}" if rivals else ""


def _added(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return what KEDA puts into every ScaledObject: finalizer, name label, an empty scalingModifiers."""
    metadata: dict[str, Any] = {}
    finalizers = at(manifest, "metadata", "finalizers", default=[])
    if FINALIZER not in finalizers:
        metadata["finalizers"] = [*finalizers, FINALIZER]
    name = manifest["metadata"]["name"]
    if at(manifest, "metadata", "labels", NAME_LABEL) != name:
        metadata["labels"] = {NAME_LABEL: name}
    advanced = at(manifest, "spec", "advanced")
    modifiers = advanced is not None and "scalingModifiers" not in advanced
    added: dict[str, Any] = {"metadata": metadata} if metadata else {}
    return added | ({"spec": {"advanced": {"scalingModifiers": {}}}} if modifiers else {})


def _released(view: View, ref: Ref, manifest: Mapping[str, Any]) -> tuple[Write, ...]:
    """Return the last writes for a deleted ScaledObject: HPA away, the original size if asked for, then the finalizer goes."""
    finalizers = at(manifest, "metadata", "finalizers", default=[])
    if FINALIZER not in finalizers:
        return ()
    # An HPA that lived on would scale once more, against the size restored here.
    unmanaged = hpa_writes(view, manifest, wanted=False)
    if unmanaged:
        return unmanaged
    kept = [each for each in finalizers if each != FINALIZER]
    gone = Write(MERGE_PATCH, ref, {"metadata": {"finalizers": kept}})
    target = Ref.to(DEPLOYMENT, ref.namespace, at(manifest, "spec", "scaleTargetRef", "name", default=""))
    original = at(manifest, "status", "originalReplicaCount")
    wanted = at(manifest, "spec", "advanced", "restoreToOriginalReplicaCount", default=False) and original is not None
    differs = wanted and at(view.get(target), "spec", "replicas", default=1) != original
    return (scale_write(target, original), gone) if differs and target in view else (gone,)


def _size(facts: _Facts, now: float) -> tuple[int | None, float | None]:
    """Return the size that KEDA itself gives the target (None: it does not touch it), and when it looks again."""
    if facts.problem or facts.target is None:
        return None, None
    if facts.paused_at is not None:
        # Scaled once: when the status has the number, KEDA's loop stands still and foreign changes stay.
        reached = at(facts.manifest, "status", "pausedReplicaCount") == facts.paused_at
        return (None if reached else facts.paused_at), None
    if facts.frozen:
        return None, None
    least, idle = minimum(facts.manifest), at(facts.manifest, "spec", "idleReplicaCount")
    next_poll = facts.poll + _poll_s(facts.manifest)
    current = facts.replicas
    may_grow, may_shrink = not is_marked(facts.manifest, PAUSED_OUT), not is_marked(facts.manifest, PAUSED_IN)
    if facts.active:
        activates = current == 0 or (idle is not None and current < least)
        return (max(1, least) if activates and may_grow else None), next_poll
    floor_size = least if idle is None else int(idle)
    if current < floor_size:
        return (floor_size if may_grow else None), next_poll
    if current > floor_size and (least == 0 or idle is not None) and may_shrink:
        due = _idle_at(facts)
        return (floor_size, next_poll) if due <= now else (None, min(due, next_poll))
    return None, next_poll


def _idle_at(facts: _Facts) -> float:
    """Return when a target without active triggers may go to its floor."""
    last = instant(at(facts.manifest, "status", "lastActiveTime", default=""))
    if _activity(facts)[1]:
        last = facts.poll - _poll_s(facts.manifest)
    if last is None:
        return born(facts.manifest) + float(at(facts.manifest, "spec", "initialCooldownPeriod", default=0))
    return last + float(at(facts.manifest, "spec", "cooldownPeriod", default=300))


def _activity(facts: _Facts) -> tuple[bool, bool]:
    """Return whether activity begins, and whether it ends, with the present poll."""
    was = condition_of(facts.manifest, "Active").get("status") == "True"
    return facts.active and not was, was and not facts.active


def _status(facts: _Facts) -> dict[str, Any]:
    """Return the whole status: what is known once, the pause, the activity, the conditions."""
    manifest = facts.manifest
    status = dict(at(manifest, "status", default={}))
    triggers = list(enumerate(triggers_of(manifest)))
    status["scaleTargetKind"] = "apps/v1.Deployment"
    if facts.target is not None:
        status.setdefault("originalReplicaCount", facts.replicas)
    status["externalMetricNames"] = [metric_name(index, each) for index, each in triggers if each.get("type") not in RESOURCES]
    if facts.frozen:
        status.pop("hpaName", None)
    elif not facts.problem:
        status["hpaName"] = hpa_name(manifest)
    status.pop("pausedReplicaCount", None)
    if facts.paused_at is not None and not facts.problem:
        status["pausedReplicaCount"] = facts.paused_at
    begins, ends = _activity(facts)
    if not facts.frozen and (begins or ends):
        # Written when activity begins or ends only; KEDA writes it at each active poll.
        status["lastActiveTime"] = fine_stamp(facts.poll if begins else facts.poll - _poll_s(manifest))
    status["conditions"] = _conditions(facts)
    return status


def _conditions(facts: _Facts) -> list[dict[str, Any]]:
    paused = facts.frozen or is_marked(facts.manifest, PAUSED_IN) or is_marked(facts.manifest, PAUSED_OUT)
    if facts.problem:
        ready = {"type": "Ready", "status": "False", "reason": "ScaledObjectCheckFailed", "message": facts.problem}
    else:
        ready = _condition("Ready", "True", "ScaledObjectPaused" if facts.frozen else "ScaledObjectReady")
    active = _condition("Active", str(facts.active), "ScalerActive" if facts.active else "ScalerNotActive")
    if facts.frozen:
        active = dict(condition_of(facts.manifest, "Active")) or {"type": "Active", "status": "Unknown"}
    return [
        ready,
        active,
        _condition("Fallback", "False", "NoFallbackFound"),
        _condition("Paused", str(paused), "ScaledObjectPaused" if paused else "ScaledObjectUnpaused"),
    ]


def _condition(kind: str, status: str, reason: str) -> dict[str, Any]:
    return {"type": kind, "status": status, "reason": reason, "message": TEXTS[reason]}
