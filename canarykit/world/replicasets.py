"""ReplicaSets: as many pods as wanted, with fresh names, and a status counted from the pods that exist."""

import hashlib
from collections.abc import Mapping
from typing import Any

from canarykit.dicts import at, canonical
from canarykit.kinds import POD, REPLICA_SET
from canarykit.model import Ref
from canarykit.times import fine_stamp
from canarykit.world import pods
from canarykit.world.behaviour import Behaviour
from canarykit.world.traffic import QUIET, Traffic
from canarykit.world.view import (
    CREATE,
    DELETE,
    MERGE_PATCH,
    Found,
    Step,
    View,
    Write,
    born,
    controller_of,
    is_going,
    joined,
    owner_reference,
    status_writes,
)

# Letters that Kubernetes uses in generated names: none that spells a word or is taken for another.
SAFE_LETTERS = "bcdfghjklmnpqrstvwxz2456789"


def step(view: View, now: float, behaviour: Behaviour, traffic: Traffic = QUIET) -> Step:
    """Create and delete pods until each ReplicaSet has its number, then write its status."""
    return joined(_replica_set(view, ref, each, now, behaviour) for ref, each in view.of_kind(REPLICA_SET) if not is_going(each))


def safe_name(value: Any, length: int) -> str:
    """Return a name part of ``length`` letters that depends on ``value`` only."""
    raw = hashlib.sha256(canonical(value).encode()).digest()
    return "".join(SAFE_LETTERS[byte % len(SAFE_LETTERS)] for byte in raw[:length])


def pods_of(view: View, replica_set: Mapping[str, Any]) -> list[Found]:
    """Return the pods that the ReplicaSet controls and that have neither ended nor are being deleted."""
    return [each for each in view.owned(POD, replica_set) if not pods.is_over(each[1])]


def counts_of(view: View, replica_set: Mapping[str, Any], now: float) -> pods.Counts:
    """Count the pods of the ReplicaSet; available after its ``minReadySeconds``."""
    min_ready_s = float(at(replica_set, "spec", "minReadySeconds", default=0))
    return pods.counts([pod for _, pod in pods_of(view, replica_set)], min_ready_s, now)


def _replica_set(view: View, ref: Ref, replica_set: Mapping[str, Any], now: float, behaviour: Behaviour) -> Step:
    adopted = adoptions(view, ref, replica_set)
    if adopted:
        return Step(adopted)
    mine = pods_of(view, replica_set)
    missing = int(at(replica_set, "spec", "replicas", default=1)) - len(mine)
    if missing > 0:
        return Step(tuple(_created(view, ref, replica_set, now, index, behaviour) for index in range(missing)))
    if missing < 0:
        return Step(tuple(Write(DELETE, pod_ref) for pod_ref, _ in sorted(mine, key=_worth)[:-missing]))
    return _with_status(view, ref, replica_set, now)


def adoptions(view: View, ref: Ref, replica_set: Mapping[str, Any]) -> tuple[Write, ...]:
    """Return the writes that make pods of nobody, selected by the ReplicaSet, its own."""
    labels = at(replica_set, "spec", "selector", "matchLabels", default={})
    return tuple(
        Write(MERGE_PATCH, pod_ref, {"metadata": {"ownerReferences": [owner_reference(replica_set)]}})
        for pod_ref, pod in view.labelled(POD, ref.namespace, labels)
        if not controller_of(pod) and not pods.is_over(pod)
    )


def _worth(found: Found) -> tuple[bool, float, str]:
    """Order pods by what is deleted first: the not ready ones, then the youngest."""
    return pods.is_ready(found[1]), -born(found[1]), found[0].name


def _created(view: View, ref: Ref, owner: Mapping[str, Any], now: float, index: int, behaviour: Behaviour) -> Write:
    template = at(owner, "spec", "template", default={})
    name = f"{ref.name}-{safe_name([ref.namespace, ref.name, fine_stamp(now), index], 5)}"
    while Ref.to(POD, ref.namespace, name) in view:
        name = f"{ref.name}-{safe_name([name, index], 5)}"
    metadata = {
        "name": name,
        "namespace": ref.namespace,
        "generateName": f"{ref.name}-",
        "labels": dict(at(template, "metadata", "labels", default={})),
        "annotations": {**at(template, "metadata", "annotations", default={}), pods.STARTED_ANNOTATION: fine_stamp(now)},
        "ownerReferences": [owner_reference(owner)],
    }
    if behaviour.termination_s > 0:
        metadata["finalizers"] = [pods.TERMINATION_FINALIZER]
    spec = {**at(template, "spec", default={}), "nodeName": pods.NODE}
    manifest = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
    return Write(CREATE, Ref.to(POD, ref.namespace, name), manifest)


def _with_status(view: View, ref: Ref, replica_set: Mapping[str, Any], now: float) -> Step:
    counted = counts_of(view, replica_set, now)
    numbers = {
        "fullyLabeledReplicas": counted.replicas,
        "readyReplicas": counted.ready,
        "availableReplicas": counted.available,
        "observedGeneration": at(replica_set, "metadata", "generation", default=1),
    }
    status = {"replicas": counted.replicas} | {key: value for key, value in numbers.items() if value}
    return Step(status_writes(ref, replica_set, status), counted.next_available_at)
