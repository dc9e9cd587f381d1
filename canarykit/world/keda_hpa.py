"""The HPA that KEDA keeps for a ScaledObject: name, bounds, metrics, behaviour, inherited labels and annotations."""

from collections.abc import Mapping
from typing import Any

from canarykit.dicts import at
from canarykit.kinds import HPA
from canarykit.model import Ref
from canarykit.world.keda_triggers import NAME_LABEL, hpa_metrics
from canarykit.world.view import CREATE, DELETE, MERGE_PATCH, View, Write, merge_diff, owner_reference

PAUSED_REPLICAS = "autoscaling.keda.sh/paused-replicas"
PAUSED = "autoscaling.keda.sh/paused"
PAUSED_IN = "autoscaling.keda.sh/paused-scale-in"
PAUSED_OUT = "autoscaling.keda.sh/paused-scale-out"
EXCLUDED_LABELS = "scaledobject.keda.sh/hpa-excluded-labels"
FALSE_TEXTS = ("0", "f", "F", "FALSE", "false", "False")
# What the API server fills in where a behaviour is given.
UP = {
    "stabilizationWindowSeconds": 0,
    "selectPolicy": "Max",
    "policies": [{"type": "Pods", "value": 4, "periodSeconds": 15}, {"type": "Percent", "value": 100, "periodSeconds": 15}],
}
DOWN = {"selectPolicy": "Max", "policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}]}


def is_marked(scaled_object: Mapping[str, Any], annotation: str) -> bool:
    """Tell whether a boolean annotation of KEDA holds: any text but Go's spellings of false, the empty one too."""
    value = at(scaled_object, "metadata", "annotations", annotation)
    return value is not None and value not in FALSE_TEXTS


def minimum(scaled_object: Mapping[str, Any]) -> int:
    """Return ``minReplicaCount``; 0 when unset."""
    return int(at(scaled_object, "spec", "minReplicaCount", default=0))


def maximum(scaled_object: Mapping[str, Any]) -> int:
    """Return ``maxReplicaCount``; 100 when unset."""
    return int(at(scaled_object, "spec", "maxReplicaCount", default=100))


def hpa_name(scaled_object: Mapping[str, Any]) -> str:
    """Return the name of the HPA: the configured one, or ``keda-hpa-`` and the ScaledObject's."""
    default = f"keda-hpa-{scaled_object['metadata']['name']}"
    return str(at(scaled_object, "spec", "advanced", "horizontalPodAutoscalerConfig", "name", default=default))


def hpa_writes(view: View, scaled_object: Mapping[str, Any], wanted: bool) -> tuple[Write, ...]:
    """Return the writes that bring the HPA to what the ScaledObject says, or remove it when it is not ``wanted``."""
    ref = Ref.to(HPA, scaled_object["metadata"].get("namespace", ""), hpa_name(scaled_object))
    mine = view.owned(HPA, scaled_object)
    stale = tuple(Write(DELETE, each) for each, _ in mine if not wanted or each != ref)
    if not wanted:
        return stale
    manifest = _hpa(ref, scaled_object)
    live = next((each for found, each in mine if found == ref), None)
    if live is None:
        return stale if ref in view else (*stale, Write(CREATE, ref, manifest))
    patch = _patch(live, manifest)
    return (*stale, Write(MERGE_PATCH, ref, patch)) if patch else stale


def _patch(live: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Return what differs in the parts that KEDA owns whole: spec, labels, annotations."""
    parts = ("labels", "annotations")
    metadata = {key: merge_diff(at(live, "metadata", key, default={}), wanted["metadata"][key]) for key in parts}
    changed = {key: value for key, value in metadata.items() if value}
    spec = merge_diff(at(live, "spec", default={}), wanted["spec"])
    return ({"metadata": changed} if changed else {}) | ({"spec": spec} if spec else {})


def _hpa(ref: Ref, scaled_object: Mapping[str, Any]) -> dict[str, Any]:
    metadata = scaled_object["metadata"]
    annotations = dict(metadata.get("annotations") or {})
    excluded = [each.strip() for each in annotations.get(EXCLUDED_LABELS, "").split(",")]
    labels = {key: value for key, value in at(metadata, "labels", default={}).items() if key not in excluded}
    own = {
        "app.kubernetes.io/managed-by": "keda-operator",
        "app.kubernetes.io/name": ref.name,
        "app.kubernetes.io/part-of": metadata["name"],
        "app.kubernetes.io/version": "main",
        NAME_LABEL: metadata["name"],
    }
    target = at(scaled_object, "spec", "scaleTargetRef", default={})
    behavior = _behavior(scaled_object)
    spec = {
        "minReplicas": max(1, minimum(scaled_object)),
        "maxReplicas": maximum(scaled_object),
        "metrics": hpa_metrics(scaled_object),
        "scaleTargetRef": {
            "apiVersion": target.get("apiVersion") or "apps/v1",
            "kind": target.get("kind") or "Deployment",
            "name": target.get("name", ""),
        },
    }
    return {
        "apiVersion": HPA.api_version,
        "kind": HPA.kind,
        "metadata": {
            "name": ref.name,
            "namespace": ref.namespace,
            "labels": labels | own,
            "annotations": annotations,
            "ownerReferences": [owner_reference(scaled_object)],
        },
        "spec": spec | ({"behavior": behavior} if behavior else {}),
    }


def _behavior(scaled_object: Mapping[str, Any]) -> dict[str, Any]:
    """Return the HPA's behaviour with the server's defaults; empty when neither configured nor paused in one direction."""
    given = at(scaled_object, "spec", "advanced", "horizontalPodAutoscalerConfig", "behavior", default={})
    paused_in, paused_out = is_marked(scaled_object, PAUSED_IN), is_marked(scaled_object, PAUSED_OUT)
    if not (given or paused_in or paused_out):
        return {}
    up, down = {**UP, **at(given, "scaleUp", default={})}, {**DOWN, **at(given, "scaleDown", default={})}
    return {
        "scaleUp": {**up, "selectPolicy": "Disabled"} if paused_out else up,
        "scaleDown": {**down, "selectPolicy": "Disabled"} if paused_in else down,
    }
