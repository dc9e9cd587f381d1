"""What the status of a workload says about its pods: ready, rolled, and if not, why not, in Flagger's words.

Source: decisions.md section 1 ("rolled"), cloning.md section 1.1.6 and example G14, engine.md section 1.6.
"""

from attrs import frozen

from canarykit.dicts import Manifest, at

WAITING = "waiting for rollout to finish: "
DEADLINE_EXCEEDED = "ProgressDeadlineExceeded"


@frozen
class Health:
    """Pods of one workload. An absent workload is ``Health()``: nothing wanted, nothing there, not rolled.

    Attributes:
        ready, available, updated: pods, by the workload's status.
        replicas_wanted: by its spec.
        replicas_total: pods of all templates, old ones included.
        generation_observed: the status speaks about the spec of today.
        rolled: at least one replica is wanted, all are updated, enough are available, no old pod is left, generation is observed.
        why_not: the reason why it is not rolled; empty when it is.
    """

    ready: int = 0
    available: int = 0
    updated: int = 0
    replicas_wanted: int = 0
    replicas_total: int = 0
    generation_observed: bool = False
    rolled: bool = False
    why_not: str = "not found"


def health_of(deployment: Manifest, percent: int = 100) -> Health:
    """Return the health of a Deployment.

    Args:
        percent: of the updated pods that have to be available (``primaryReadyThreshold``, ``canaryReadyThreshold``), rounded
            down, but never less than one pod (D10).

    Zero replicas are not rolled (W9, D9): such a side cannot get requests. Deadlines are not judged here, but for the one that
    the Deployment controller itself reports.
    """
    status = at(deployment, "status", default={})
    wanted = at(deployment, "spec", "replicas", default=1)
    ready, available, updated, total = (
        int(status.get(name) or 0) for name in ("readyReplicas", "availableReplicas", "updatedReplicas", "replicas")
    )
    observed = int(status.get("observedGeneration") or 0) >= int(at(deployment, "metadata", "generation", default=0))
    why_not = _why_not(deployment, observed, (wanted, total, updated, available), percent)
    return Health(ready, available, updated, wanted, total, observed, not why_not, why_not)


def _why_not(deployment: Manifest, observed: bool, counts: tuple[int, int, int, int], percent: int) -> str:
    wanted, total, updated, available = counts
    if not observed:
        return WAITING + "observed deployment generation less than desired generation"
    conditions = at(deployment, "status", "conditions", default=())
    if any(each.get("type") == "Progressing" and each.get("reason") == DEADLINE_EXCEEDED for each in conditions):
        return f'deployment "{deployment["metadata"]["name"]}" exceeded its progress deadline'
    if wanted < 1:
        return WAITING + "0 replicas are wanted"
    if updated < wanted:
        return WAITING + f"{updated} out of {wanted} new replicas have been updated"
    if total > updated:
        return WAITING + f"{total - updated} old replicas are pending termination"
    if available < max(1, updated * percent // 100):
        return WAITING + f"{available} of {updated} (readyThreshold {percent}%) updated replicas are available"
    return ""
