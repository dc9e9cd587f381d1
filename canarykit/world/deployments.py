"""Deployments: which ReplicaSet is the new one, and how pods move from the old ones to it.

What the Deployment says about that (status and conditions) is `deployment_status`. Not modelled: proportional scaling of
several ReplicaSets while a rollout is under way; the rolling update itself brings them to the same end.
"""

from collections.abc import Mapping
from math import ceil, floor
from typing import Any

from attrs import evolve, frozen

from canarykit.dicts import at, pruned
from canarykit.kinds import DEPLOYMENT, REPLICA_SET
from canarykit.model import Ref
from canarykit.world.behaviour import Behaviour
from canarykit.world.deployment_status import Rollout, created_status, status_of
from canarykit.world.pods import Counts
from canarykit.world.replicasets import counts_of, pods_of, safe_name
from canarykit.world.traffic import QUIET, Traffic
from canarykit.world.view import (
    CREATE,
    DELETE,
    MERGE_PATCH,
    Step,
    View,
    Write,
    controller_of,
    is_going,
    joined,
    owner_reference,
    scale_write,
    status_writes,
)

HASH_LABEL = "pod-template-hash"
REVISION = "deployment.kubernetes.io/revision"
PREFIX = "deployment.kubernetes.io/"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


@frozen
class Set:
    """One ReplicaSet of a Deployment with its pods counted; ``wanted`` is what it shall have after this step."""

    ref: Ref
    manifest: Mapping[str, Any]
    counted: Counts
    wanted: int

    @property
    def replicas(self) -> int:
        """The size that it was given."""
        return int(at(self.manifest, "spec", "replicas", default=1))

    @property
    def revision(self) -> int:
        """The number of its rollout; 0 when it has none."""
        text = str(at(self.manifest, "metadata", "annotations", REVISION, default="0"))
        return int(text) if text.isdigit() else 0


def step(view: View, now: float, behaviour: Behaviour, traffic: Traffic = QUIET) -> Step:
    """Move the rollout of every Deployment on by one step, and write its status."""
    return joined(_deployment(view, ref, each, now) for ref, each in view.of_kind(DEPLOYMENT) if not is_going(each))


def _deployment(view: View, ref: Ref, deployment: Mapping[str, Any], now: float) -> Step:
    adopted = _adoptions(view, ref, deployment)
    if adopted:
        return Step(adopted)
    sets = [_set(view, found_ref, found, now) for found_ref, found in view.owned(REPLICA_SET, deployment)]
    new = next((each for each in sets if _same_template(each.manifest, deployment)), None)
    old = sorted((each for each in sets if each is not new), key=lambda each: (each.revision, each.ref.name))
    if at(deployment, "spec", "paused", default=False):
        return _reported(view, ref, deployment, new, _sized_alone(deployment, new, old), now)
    if new is None:
        if _recreates(deployment) and any(each.replicas or pods_of(view, each.manifest) for each in old):
            return _reported(view, ref, deployment, None, [evolve(each, wanted=0) for each in old], now)
        return Step(_begun(view, ref, deployment, old, now))
    renumbered = _renumbered(ref, deployment, new, old)
    if renumbered:
        return Step(renumbered)
    new, old = _moved(deployment, new, old)
    reported = _reported(view, ref, deployment, new, [new, *old], now)
    return reported if reported.writes else evolve(reported, writes=_expired(deployment, old))


def _set(view: View, ref: Ref, manifest: Mapping[str, Any], now: float) -> Set:
    replicas = int(at(manifest, "spec", "replicas", default=1))
    return Set(ref, manifest, counts_of(view, manifest, now), replicas)


def _adoptions(view: View, ref: Ref, deployment: Mapping[str, Any]) -> tuple[Write, ...]:
    labels = at(deployment, "spec", "selector", "matchLabels", default={})
    return tuple(
        Write(MERGE_PATCH, set_ref, {"metadata": {"ownerReferences": [owner_reference(deployment)]}})
        for set_ref, each in view.labelled(REPLICA_SET, ref.namespace, labels)
        if not controller_of(each) and not is_going(each)
    )


def _same_template(replica_set: Mapping[str, Any], deployment: Mapping[str, Any]) -> bool:
    return bool(_template(replica_set) == _template(deployment))


def _template(workload: Mapping[str, Any]) -> Any:
    """Return the pod template as far as it decides about a new ReplicaSet: without the hash label, empty parts absent."""
    template = at(workload, "spec", "template", default={})
    metadata = at(template, "metadata", default={})
    labels = {key: value for key, value in at(metadata, "labels", default={}).items() if key != HASH_LABEL}
    return pruned({**template, "metadata": {**metadata, "labels": labels, "creationTimestamp": None}})


def _recreates(deployment: Mapping[str, Any]) -> bool:
    return bool(at(deployment, "spec", "strategy", "type") == "Recreate")


def _begun(view: View, ref: Ref, deployment: Mapping[str, Any], old: list[Set], now: float) -> tuple[Write, ...]:
    """Return the writes that begin a rollout: the new ReplicaSet, the revision, the condition that says so."""
    template = at(deployment, "spec", "template", default={})
    digest = safe_name(_template(deployment), 10)
    while Ref.to(REPLICA_SET, ref.namespace, f"{ref.name}-{digest}") in view:
        digest = safe_name([digest], 10)
    name = f"{ref.name}-{digest}"
    labels = {**at(template, "metadata", "labels", default={}), HASH_LABEL: digest}
    selector = {**at(deployment, "spec", "selector", "matchLabels", default={}), HASH_LABEL: digest}
    revision = str(max((each.revision for each in old), default=0) + 1)
    wanted = _replicas(deployment)
    first = wanted if _recreates(deployment) else max(0, min(wanted, wanted + _surge(deployment) - sum(x.replicas for x in old)))
    own = at(deployment, "metadata", "annotations", default={})
    manifest = {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {
            "name": name,
            "namespace": ref.namespace,
            "labels": labels,
            "annotations": {key: value for key, value in own.items() if key != LAST_APPLIED and not key.startswith(PREFIX)}
            | {REVISION: revision},
            "ownerReferences": [owner_reference(deployment)],
        },
        "spec": {
            "replicas": first,
            "minReadySeconds": at(deployment, "spec", "minReadySeconds", default=0),
            "selector": {"matchLabels": selector},
            "template": {**template, "metadata": {**at(template, "metadata", default={}), "labels": labels}},
        },
    }
    return (
        Write(CREATE, Ref.to(REPLICA_SET, ref.namespace, name), manifest),
        *_revision_write(ref, deployment, revision),
        *status_writes(ref, deployment, created_status(deployment, name, now)),
    )


def _renumbered(ref: Ref, deployment: Mapping[str, Any], new: Set, old: list[Set]) -> tuple[Write, ...]:
    """Return the writes that give the new ReplicaSet the highest number (an old one that came back has a lower)."""
    revision = max(new.revision, max((each.revision for each in old), default=0) + 1)
    ours = {"metadata": {"annotations": {REVISION: str(revision)}}}
    renumber = () if new.revision == revision else (Write(MERGE_PATCH, new.ref, ours),)
    min_ready_s = at(deployment, "spec", "minReadySeconds", default=0)
    differs = at(new.manifest, "spec", "minReadySeconds", default=0) != min_ready_s
    patient = (Write(MERGE_PATCH, new.ref, {"spec": {"minReadySeconds": min_ready_s}}),) if differs else ()
    return (*renumber, *patient, *_revision_write(ref, deployment, str(revision)))


def _revision_write(ref: Ref, deployment: Mapping[str, Any], revision: str) -> tuple[Write, ...]:
    if at(deployment, "metadata", "annotations", REVISION) == revision:
        return ()
    return (Write(MERGE_PATCH, ref, {"metadata": {"annotations": {REVISION: revision}}}),)


def _replicas(deployment: Mapping[str, Any]) -> int:
    return int(at(deployment, "spec", "replicas", default=1))


def _share(value: Any, replicas: int, rounded: Any) -> int:
    """Return a number of pods given as a number or in percent."""
    text = str(value)
    return int(rounded(replicas * float(text[:-1]) / 100)) if text.endswith("%") else int(text)


def _surge(deployment: Mapping[str, Any]) -> int:
    return _share(at(deployment, "spec", "strategy", "rollingUpdate", "maxSurge", default="25%"), _replicas(deployment), ceil)


def _unavailable(deployment: Mapping[str, Any]) -> int:
    """Return how many pods may be missing; 1 when neither that nor a surge was allowed. Recreate allows none in status."""
    replicas = _replicas(deployment)
    if _recreates(deployment):
        return 0
    share = at(deployment, "spec", "strategy", "rollingUpdate", "maxUnavailable", default="25%")
    allowed = _share(share, replicas, floor)
    if allowed == 0 and _surge(deployment) == 0:
        allowed = 1
    return min(allowed, replicas)


def _sized_alone(deployment: Mapping[str, Any], new: Set | None, old: list[Set]) -> list[Set]:
    """Return the sets of a paused Deployment: it rolls nothing, but its only (or newest) set still follows the size."""
    sets = [*old, new] if new else old
    active = [each for each in sets if each.replicas]
    if len(active) > 1 or not sets:
        return sets
    chosen = active[0] if active else sets[-1]
    return [evolve(each, wanted=_replicas(deployment)) if each is chosen else each for each in sets]


def _moved(deployment: Mapping[str, Any], new: Set, old: list[Set]) -> tuple[Set, list[Set]]:
    """Return the sets with the sizes that they shall have next: first the new one grows, then the old ones shrink."""
    wanted = _replicas(deployment)
    if _recreates(deployment):
        return evolve(new, wanted=wanted), [evolve(each, wanted=0) for each in old]
    total = new.replicas + sum(each.replicas for each in old)
    if new.replicas > wanted:
        return evolve(new, wanted=wanted), old
    growth = min(wanted - new.replicas, max(0, wanted + _surge(deployment) - total))
    if growth > 0:
        return evolve(new, wanted=new.replicas + growth), old
    return new, _shrunk(deployment, new, old, total)


def _shrunk(deployment: Mapping[str, Any], new: Set, old: list[Set], total: int) -> list[Set]:
    """Return the old sets after this step: their pods that serve nobody go first, then as many as availability allows."""
    least = _replicas(deployment) - _unavailable(deployment)
    spare = total - least - (new.replicas - new.counted.available)
    cleaned = []
    for each in old:
        useless = max(0, min(spare, each.replicas - each.counted.available))
        spare -= useless
        cleaned.append(evolve(each, wanted=each.replicas - useless))
    # Pods beyond the size of their set are about to go and must not be counted on.
    available = new.counted.available + sum(min(each.counted.available, each.wanted) for each in cleaned)
    surplus = max(0, available - least)
    shrunk = []
    for each in cleaned:
        fewer = min(each.wanted, surplus)
        surplus -= fewer
        shrunk.append(evolve(each, wanted=each.wanted - fewer))
    return shrunk


def _reported(view: View, ref: Ref, deployment: Mapping[str, Any], new: Set | None, sets: list[Set], now: float) -> Step:
    """Return the writes of the sizes and of the status."""
    scaled = tuple(scale_write(each.ref, each.wanted) for each in sets if each.wanted != each.replicas)
    counted = sum((each.counted for each in sets), Counts())
    rollout = Rollout(
        name=new.ref.name if new else "",
        updated=new.counted.replicas if new else 0,
        counted=counted,
        sized=sum(each.wanted for each in sets),
        least_available=_replicas(deployment) - _unavailable(deployment),
    )
    status, again_at = status_of(deployment, rollout, now)
    return joined([Step((*scaled, *status_writes(ref, deployment, status)), again_at), Step((), counted.next_available_at)])


def _expired(deployment: Mapping[str, Any], old: list[Set]) -> tuple[Write, ...]:
    """Return the deletes of empty old sets beyond ``revisionHistoryLimit``, once the rollout is complete."""
    if any(each.replicas for each in old):
        return ()
    limit = int(at(deployment, "spec", "revisionHistoryLimit", default=10))
    empty = [each for each in old if each.counted.replicas == 0]
    return tuple(Write(DELETE, each.ref) for each in empty[: max(0, len(empty) - limit)])
