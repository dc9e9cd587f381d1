"""The cluster around us as pure models: `step_all` says which writes Kubernetes, KEDA and a gateway would do next.

Deployments, ReplicaSets, pods, EndpointSlices, HTTPRoutes, HPAs, ScaledObjects and garbage collection are one module each,
with the same ``step(view, now, behaviour, traffic)``. Models compare what is wanted with what is there, hold no memory and
answer with no writes when nothing is to be done. Whoever drives them applies the writes, brings the traffic to now
(`advance`) and asks again until there are none; then waits until ``again_at`` or until something changes.
"""

from collections.abc import Callable, Mapping

from canarykit.model import Ref
from canarykit.world import deployments, endpoints, garbage, hpa, keda, pods, replicasets, routes
from canarykit.world.behaviour import Behaviour, ImageBehaviour, PodBehaviour
from canarykit.world.endpoints import ready_addresses
from canarykit.world.prometheus import prometheus_answer
from canarykit.world.routing import advance
from canarykit.world.traffic import QUIET, Load, Traffic, next_change
from canarykit.world.view import Manifest, Step, View, Write, joined

Model = Callable[[View, float, Behaviour, Traffic], Step]

# KEDA comes after the HPA: where both scale one workload in the same step, a pause must have the last word.
MODELS: dict[str, Model] = {
    "deployments": deployments.step,
    "endpoints": endpoints.step,
    "garbage": garbage.step,
    "hpa": hpa.step,
    "keda": keda.step,
    "pods": pods.step,
    "replicasets": replicasets.step,
    "routes": routes.step,
}

__all__ = [
    "MODELS",
    "QUIET",
    "Behaviour",
    "ImageBehaviour",
    "Load",
    "PodBehaviour",
    "Step",
    "Traffic",
    "View",
    "Write",
    "advance",
    "next_change",
    "prometheus_answer",
    "ready_addresses",
    "step_all",
]


def step_all(view: Mapping[Ref, Manifest], now: float, behaviour: Behaviour, traffic: Traffic = QUIET) -> Step:
    """Run every model once on the same view; return all their writes and the earliest time to look again."""
    seen = View.of(view)
    return joined(model(seen, now, behaviour, traffic) for model in MODELS.values())
