"""Pods: from Pending over Running to Ready, with the status that kubectl prints; removal after the grace period.

Nothing here creates pods (replica sets do) and nothing runs in them.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

from attrs import frozen

from canarykit.dicts import at
from canarykit.kinds import POD
from canarykit.model import Ref
from canarykit.times import instant, stamp
from canarykit.world.behaviour import Behaviour
from canarykit.world.traffic import QUIET, Traffic
from canarykit.world.view import (
    MERGE_PATCH,
    Condition,
    Step,
    View,
    Write,
    born,
    condition_of,
    is_going,
    joined,
    status_writes,
    with_condition,
)

STARTED_ANNOTATION = "sandbox.canarykit.dev/started-at"
TERMINATION_FINALIZER = "sandbox.canarykit.dev/termination"
NODE = "sandbox-node"


@frozen
class Counts:
    """How many pods there are; of them how many are ready, and available (ready for ``minReadySeconds``)."""

    replicas: int = 0
    ready: int = 0
    available: int = 0
    next_available_at: float | None = None

    def __add__(self, other: "Counts") -> "Counts":
        times = [each for each in (self.next_available_at, other.next_available_at) if each is not None]
        return Counts(
            self.replicas + other.replicas, self.ready + other.ready, self.available + other.available, min(times, default=None)
        )


def step(view: View, now: float, behaviour: Behaviour, traffic: Traffic = QUIET) -> Step:
    """Move every pod on: status by age and behaviour, and the end of those that were deleted."""
    taken = {at(pod, "status", "podIP") for _, pod in view.of_kind(POD)}
    return joined(_pod(ref, pod, now, behaviour, taken) for ref, pod in view.of_kind(POD))


def is_ready(pod: Mapping[str, Any]) -> bool:
    """Tell whether the pod is Ready and not being deleted."""
    return condition_of(pod, "Ready").get("status") == "True" and not is_going(pod)


def is_over(pod: Mapping[str, Any]) -> bool:
    """Tell whether the pod has ended or is being deleted, so that it counts for nobody."""
    return is_going(pod) or at(pod, "status", "phase") in ("Failed", "Succeeded")


def counts(pods: list[Mapping[str, Any]], min_ready_s: float, now: float) -> Counts:
    """Count ``pods``; those that have ended or are being deleted do not count."""
    total = Counts()
    for pod in pods:
        if is_over(pod):
            continue
        if not is_ready(pod):
            total += Counts(replicas=1)
            continue
        due = (instant(str(condition_of(pod, "Ready").get("lastTransitionTime", ""))) or 0.0) + min_ready_s
        available = min_ready_s <= 0 or due <= now
        total += Counts(1, 1, int(available), None if available else due)
    return total


def _pod(ref: Ref, pod: Mapping[str, Any], now: float, behaviour: Behaviour, taken: set[Any]) -> Step:
    if is_going(pod):
        return _ending(ref, pod, now, behaviour)
    if at(pod, "status", "phase") in ("Failed", "Succeeded"):
        return Step()
    does = behaviour.of_pod(pod)
    started = instant(at(pod, "metadata", "annotations", STARTED_ANNOTATION, default="")) or born(pod)
    running_at = started + min(behaviour.running_after_s, does.ready_after_s)
    ready_at = started + does.ready_after_s
    is_now_ready = not does.never_ready and now >= ready_at
    status = _status(ref, pod, now, now >= running_at, is_now_ready, taken)
    due = [running_at] if does.never_ready else [running_at, ready_at]
    return Step(status_writes(ref, pod, status), min((each for each in due if each > now), default=None))


def _ending(ref: Ref, pod: Mapping[str, Any], now: float, behaviour: Behaviour) -> Step:
    finalizers = at(pod, "metadata", "finalizers", default=[])
    if TERMINATION_FINALIZER not in finalizers:
        return Step()
    gone_at = (instant(pod["metadata"]["deletionTimestamp"]) or now) + behaviour.termination_s
    if gone_at > now:
        return Step((), gone_at)
    kept = [each for each in finalizers if each != TERMINATION_FINALIZER]
    return Step((Write(MERGE_PATCH, ref, {"metadata": {"finalizers": kept}}),))


def _status(ref: Ref, pod: Mapping[str, Any], now: float, running: bool, ready: bool, taken: set[Any]) -> dict[str, Any]:
    address = at(pod, "status", "podIP") or (_address(ref, taken) if running else None)
    conditions = at(pod, "status", "conditions", default=())
    unready = ("ContainersNotReady", "containers with unready status")
    for kind, holds in (("PodScheduled", True), ("Initialized", True), ("ContainersReady", ready), ("Ready", ready)):
        reason, message = ("", "") if holds else unready
        conditions = with_condition(conditions, Condition(kind, str(holds), reason, message), now)
    status = {
        "phase": "Running" if running else "Pending",
        "conditions": conditions,
        "startTime": at(pod, "status", "startTime", default=stamp(now)),
        "hostIP": "127.0.0.1",
        "hostIPs": [{"ip": "127.0.0.1"}],
        "qosClass": "Burstable",
        "containerStatuses": [_container(each, pod, now, running, ready) for each in at(pod, "spec", "containers", default=())],
    }
    return status | ({"podIP": address, "podIPs": [{"ip": address}]} if address else {})


def _container(container: Mapping[str, Any], pod: Mapping[str, Any], now: float, running: bool, ready: bool) -> dict[str, Any]:
    statuses = at(pod, "status", "containerStatuses", default=())
    before: Mapping[str, Any] = next((each for each in statuses if each.get("name") == container["name"]), {})
    since = at(before, "state", "running", "startedAt", default=stamp(now))
    image = container.get("image", "")
    return {
        "name": container["name"],
        "image": image,
        "imageID": f"sha256:{hashlib.sha256(image.encode()).hexdigest()}" if running else "",
        "ready": ready,
        "started": running,
        "restartCount": 0,
        "state": {"running": {"startedAt": since}} if running else {"waiting": {"reason": "ContainerCreating"}},
    }


def _address(ref: Ref, taken: set[Any]) -> str:
    """Return a free pod address: the hash of the name, or the next one that nobody has. ``taken`` gains it."""
    number = int.from_bytes(hashlib.sha256(f"{ref.namespace}/{ref.name}".encode()).digest()[:2], "big")
    while True:
        address = f"10.244.{number // 254 % 256}.{number % 254 + 1}"
        if address not in taken:
            taken.add(address)
            return address
        number += 1
