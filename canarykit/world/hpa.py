"""HorizontalPodAutoscalers: how many pods the metrics ask for, within bounds, slowly down.

What a metric says at a moment is `hpa_metrics`. A sync is at every whole multiple of the sync period since the creation. The
model keeps no memory: what it recommended at earlier syncs is computed again from the traffic record. Not modelled: scaling
policies other than Disabled and the built-in limit for growth.
"""

from collections.abc import Iterator, Mapping
from math import floor
from typing import Any

from attrs import evolve, frozen

from canarykit.dicts import at
from canarykit.kinds import DEPLOYMENT, HPA
from canarykit.model import Ref
from canarykit.times import instant, stamp
from canarykit.world.behaviour import Behaviour
from canarykit.world.hpa_metrics import Measured, Moment, read
from canarykit.world.traffic import QUIET, Traffic
from canarykit.world.view import Condition, Step, View, born, is_going, joined, scale_write, status_writes, with_condition


@frozen
class _Sync:
    """One look of one HPA: its target, the time of the present sync, the world that metrics are read from, what they said."""

    manifest: Mapping[str, Any]
    target: Mapping[str, Any]
    slot: float
    now: float
    moment: Moment
    measured: tuple[Measured | None, ...] = ()

    @property
    def current(self) -> int:
        """Size of the target."""
        return int(at(self.target, "spec", "replicas", default=1))

    @property
    def bounds(self) -> tuple[int, int]:
        """Minimum and maximum."""
        spec = self.manifest["spec"]
        return int(at(spec, "minReplicas", default=1)), int(at(spec, "maxReplicas", default=1))


def step(view: View, now: float, behaviour: Behaviour, traffic: Traffic = QUIET) -> Step:
    """Sync every HPA: scale its target if the metrics say so, and write its status."""
    found = view.of_kind(HPA)
    return joined(_hpa(view, ref, each, now, behaviour, traffic) for ref, each in found if not is_going(each))


def _hpa(view: View, ref: Ref, manifest: Mapping[str, Any], now: float, behaviour: Behaviour, traffic: Traffic) -> Step:
    target_ref = Ref.to(DEPLOYMENT, ref.namespace, at(manifest, "spec", "scaleTargetRef", "name", default=""))
    target = view.get(target_ref)
    if target is None or at(manifest, "spec", "scaleTargetRef", "kind") != DEPLOYMENT.kind:
        lost = Condition("AbleToScale", "False", "FailedGetScale", f"the scale target {target_ref.name} cannot be read")
        status = {
            **at(manifest, "status", default={}),
            "conditions": with_condition(at(manifest, "status", "conditions", default=()), lost, now),
        }
        return Step(status_writes(ref, manifest, {"desiredReplicas": 0, **status}))
    slot = born(manifest) + floor((now - born(manifest)) / behaviour.hpa_sync_s) * behaviour.hpa_sync_s
    moment = Moment(view, manifest, target, traffic, behaviour)
    sync = _Sync(manifest, target, slot, now, moment)
    if sync.current == 0:
        return Step(status_writes(ref, manifest, _disabled(sync)))
    sync = evolve(sync, measured=_measured(sync, slot))
    desired, conditions = _desired(sync)
    # One decision per sync, since growth is limited relative to the size that the sync began with.
    decided = instant(at(manifest, "status", "lastScaleTime", default="")) or 0.0
    scales = desired != sync.current and decided < slot
    scaled = (scale_write(target_ref, desired),) if scales else ()
    status = _status(sync, desired if scales else sync.current, conditions, scales)
    return Step((*scaled, *status_writes(ref, manifest, status)), slot + behaviour.hpa_sync_s)


def _disabled(sync: _Sync) -> dict[str, Any]:
    """Return the status while the target is at 0: Kubernetes does not scale it then."""
    conditions = at(sync.manifest, "status", "conditions", default=())
    able = Condition("AbleToScale", "True", "SucceededGetScale", "the HPA controller was able to get the target's current scale")
    off = Condition("ScalingActive", "False", "ScalingDisabled", "scaling is off since the target has zero replicas")
    for each in (able, off):
        conditions = with_condition(conditions, each, sync.now)
    before = at(sync.manifest, "status", "lastScaleTime")
    status = {"desiredReplicas": 0, "currentReplicas": 0, "conditions": conditions}
    return status | ({"lastScaleTime": before} if before else {})


def _desired(sync: _Sync) -> tuple[int, tuple[Condition, ...]]:
    """Return the size that the HPA wants now, and what it says about that."""
    least, most = sync.bounds
    proposed = _proposed(sync, sync.measured)
    if proposed is None:
        why = Condition("ScalingActive", "False", "FailedGetMetrics", "the HPA was unable to compute the replica count")
        return max(least, min(most, sync.current)), (why,)
    active = Condition("ScalingActive", "True", "ValidMetricFound", "the HPA was able to compute a replica count from metrics")
    wanted = proposed if proposed >= sync.current else _stabilized(sync, proposed)
    wanted = min(wanted, max(2 * sync.current, 4)) if wanted > sync.current else wanted
    blocked = "scaleUp" if wanted > sync.current else "scaleDown"
    if at(sync.manifest, "spec", "behavior", blocked, "selectPolicy") == "Disabled":
        wanted = sync.current
    clamped = max(least, min(most, wanted))
    limited = Condition("ScalingLimited", "False", "DesiredWithinRange", "the desired count is within the acceptable range")
    if clamped != wanted:
        side = "Few" if clamped > wanted else "Many"
        bound = "less than the minimum" if side == "Few" else "more than the maximum"
        limited = Condition("ScalingLimited", "True", f"Too{side}Replicas", f"the desired replica count is {bound} replica count")
    return clamped, (active, limited)


def _measured(sync: _Sync, when: float) -> tuple[Measured | None, ...]:
    metrics = at(sync.manifest, "spec", "metrics", default=())
    return tuple(read(metric, sync.moment, sync.current, when) for metric in metrics)


def _proposed(sync: _Sync, measured: tuple[Measured | None, ...]) -> int | None:
    """Return the largest size that any metric asked for; None when a metric failed and no other asks for more."""
    known = [each.replicas for each in measured if each is not None]
    highest = max(known, default=None)
    return None if highest is None or (len(known) < len(measured) and highest <= sync.current) else highest


def _stabilized(sync: _Sync, proposed: int) -> int:
    """Return the largest recommendation within the window; what it began with counts until the window has passed."""
    behaviour = sync.moment.behaviour
    path = ("spec", "behavior", "scaleDown", "stabilizationWindowSeconds")
    window_s = float(at(sync.manifest, *path, default=behaviour.hpa_downscale_s))
    if born(sync.manifest) > sync.now - window_s:
        return sync.current
    earlier = (_proposed(sync, _measured(sync, when)) for when in _slots(sync, behaviour.hpa_sync_s, window_s))
    return min(sync.current, max([proposed, *(each for each in earlier if each is not None)]))


def _slots(sync: _Sync, period_s: float, window_s: float) -> Iterator[float]:
    slot = sync.slot - period_s
    while slot > sync.now - window_s:
        yield slot
        slot -= period_s


def _status(sync: _Sync, desired: int, found: tuple[Condition, ...], scales: bool) -> dict[str, Any]:
    conditions = at(sync.manifest, "status", "conditions", default=())
    text = "recommended size matches current size" if not scales else "the HPA controller was able to update the target scale"
    able = Condition("AbleToScale", "True", "SucceededRescale" if scales else "ReadyForNewScale", text)
    for each in (able, *found):
        conditions = with_condition(conditions, each, sync.now)
    status: dict[str, Any] = {
        "observedGeneration": at(sync.manifest, "metadata", "generation", default=1),
        "currentReplicas": int(at(sync.target, "status", "replicas", default=0)),
        "desiredReplicas": desired,
        "currentMetrics": [each.status for each in sync.measured if each is not None],
        "conditions": conditions,
    }
    last = stamp(sync.now) if scales else at(sync.manifest, "status", "lastScaleTime")
    return status | ({"lastScaleTime": last} if last else {})
