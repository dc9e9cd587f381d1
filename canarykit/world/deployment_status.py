"""What a Deployment says about its rollout: numbers, and the conditions Available and Progressing with their traps.

The order of the tests is the Deployment controller's own, because what follows from it is a trap that users meet: a Deployment
that once was complete (also at 0 of 0) and whose pods are all of the new template is never judged again, so its deadline
never ends. Source: observed.md item 3, cloning.md section 1.1.6.
"""

from collections.abc import Mapping
from typing import Any

from attrs import frozen

from canarykit.dicts import at
from canarykit.times import instant
from canarykit.world.pods import Counts
from canarykit.world.view import Condition, condition_of, with_condition

NO_DEADLINE = 2**31 - 1


@frozen
class Rollout:
    """The facts that the status is made of.

    Attributes:
        name: of the new ReplicaSet; empty when there is none (paused, or old pods still leaving).
        updated: pods of the new ReplicaSet.
        counted: pods of all ReplicaSets.
        sized: sum of the sizes given to all ReplicaSets.
        least_available: replicas less the pods that may be missing.
    """

    name: str
    updated: int
    counted: Counts
    sized: int
    least_available: int


def created_status(deployment: Mapping[str, Any], name: str, now: float) -> dict[str, Any]:
    """Return the status right after the new ReplicaSet ``name`` was made."""
    status = dict(at(deployment, "status", default={}))
    if not _deadline_s(deployment):
        return status
    created = Condition("Progressing", "True", "NewReplicaSetCreated", f'Created new replica set "{name}"', updated=True)
    return {**status, "conditions": with_condition(status.get("conditions", ()), created, now)}


def status_of(deployment: Mapping[str, Any], rollout: Rollout, now: float) -> tuple[dict[str, Any], float | None]:
    """Return the whole status of the Deployment, and when its progress deadline ends (None: it does not run)."""
    counted = rollout.counted
    numbers = {
        "observedGeneration": at(deployment, "metadata", "generation", default=1),
        "replicas": counted.replicas,
        "updatedReplicas": rollout.updated,
        "readyReplicas": counted.ready,
        "availableReplicas": counted.available,
        "unavailableReplicas": max(0, rollout.sized - counted.available),
    }
    conditions = _with_available(deployment, rollout, now)
    condition, touch, again_at = _progress(deployment, rollout, now)
    if condition:
        conditions = with_condition(conditions, condition, now, touch)
    return {key: value for key, value in numbers.items() if value} | {"conditions": conditions}, again_at


def _with_available(deployment: Mapping[str, Any], rollout: Rollout, now: float) -> list[dict[str, Any]]:
    enough = rollout.counted.available >= rollout.least_available
    condition = Condition(
        "Available",
        "True" if enough else "False",
        "MinimumReplicasAvailable" if enough else "MinimumReplicasUnavailable",
        f"Deployment {'has' if enough else 'does not have'} minimum availability.",
        updated=True,
    )
    return with_condition(at(deployment, "status", "conditions", default=()), condition, now)


def _deadline_s(deployment: Mapping[str, Any]) -> float:
    """Return ``progressDeadlineSeconds`` (600 when unset), 0 for none."""
    seconds = int(at(deployment, "spec", "progressDeadlineSeconds", default=600))
    return 0.0 if seconds == NO_DEADLINE else float(seconds)


def _progress(deployment: Mapping[str, Any], rollout: Rollout, now: float) -> tuple[Condition | None, bool, float | None]:
    """Return the condition Progressing to set (None: leave it), whether to renew its time, and when the deadline ends."""
    present = condition_of(deployment, "Progressing")
    deadline_s = _deadline_s(deployment)
    if not deadline_s:
        return None, False, None
    if at(deployment, "spec", "paused", default=False):
        return Condition("Progressing", "Unknown", "DeploymentPaused", "Deployment is paused", updated=True), False, None
    if present.get("reason") == "DeploymentPaused":
        return Condition("Progressing", "Unknown", "DeploymentResumed", "Deployment is resumed", updated=True), False, None
    counted = rollout.counted
    if counted.replicas == rollout.updated and present.get("reason") == "NewReplicaSetAvailable":
        return None, False, None
    what = f'ReplicaSet "{rollout.name}"'
    replicas = int(at(deployment, "spec", "replicas", default=1))
    if replicas == rollout.updated == counted.replicas == counted.available and rollout.name:
        message = f"{what} has successfully progressed."
        return Condition("Progressing", "True", "NewReplicaSetAvailable", message, updated=True), True, None
    if _has_progressed(at(deployment, "status", default={}), rollout):
        return Condition("Progressing", "True", "ReplicaSetUpdated", f"{what} is progressing.", updated=True), True, None
    since = instant(str(present.get("lastUpdateTime", "")))
    # Back on a ReplicaSet of before: the time of the last success is not when this rollout began.
    if since is None or present.get("reason") in ("ProgressDeadlineExceeded", "NewReplicaSetAvailable"):
        return None, False, None
    if since + deadline_s > now:
        return None, False, since + deadline_s
    message = f"{what} has timed out progressing."
    return Condition("Progressing", "False", "ProgressDeadlineExceeded", message, updated=True), False, None


def _has_progressed(status: Mapping[str, Any], rollout: Rollout) -> bool:
    """Tell whether the numbers are better than those written: more new, fewer old, more ready or available pods."""
    counted = rollout.counted
    updated = at(status, "updatedReplicas", default=0)
    old_before, old_now = at(status, "replicas", default=0) - updated, counted.replicas - rollout.updated
    return bool(
        rollout.updated > updated
        or old_now < old_before
        or counted.ready > at(status, "readyReplicas", default=0)
        or counted.available > at(status, "availableReplicas", default=0)
    )
