"""Samples for the tests of scalers: a request and a source of each kind, small and adjustable."""

from typing import Any

from attrs import evolve

from canarykit.scalers import CloneRequest, Identities

OWNER = {
    "apiVersion": "flagger.app/v1beta1", "kind": "Canary", "name": "podinfo", "uid": "u1", "controller": True,
    "blockOwnerDeletion": True,
}  # fmt: skip
REQUEST = CloneRequest(
    primary_name="podinfo-so-primary",
    primary_workload="podinfo-primary",
    owner=OWNER,
    identities=Identities("podinfo", "podinfo", "podinfo-svc"),
    selector_label="app",
    namespace="test",
)


def a_request(**changes: Any) -> CloneRequest:
    """Return the request of the tutorial's Canary with changes."""
    return evolve(REQUEST, **changes)


def a_scaled_object(name: str = "podinfo-so", metadata: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    """Return the tutorial's ScaledObject; ``spec`` replaces fields, None removes one."""
    full: dict[str, Any] = {
        "scaleTargetRef": {"name": "podinfo"},
        "minReplicaCount": 1,
        "maxReplicaCount": 3,
        "triggers": [
            {"type": "prometheus", "name": "rps", "metadata": {"query": 'sum(rate(x{app="podinfo"}[1m]))', "threshold": "5"}}
        ],
        **spec,
    }
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {"name": name, "namespace": "test", **(metadata or {})},
        "spec": {key: value for key, value in full.items() if value is not None},
    }


def an_hpa(name: str = "podinfo-hpa", metadata: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    """Return a cpu HPA of the tutorial's Deployment; ``spec`` replaces fields, None removes one."""
    cpu = {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 60}}}
    full: dict[str, Any] = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "podinfo"},
        "minReplicas": 1,
        "maxReplicas": 3,
        "metrics": [cpu],
        **spec,
    }
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": name, "namespace": "test", **(metadata or {})},
        "spec": {key: value for key, value in full.items() if value is not None},
    }


def live(manifest: dict[str, Any], **annotations: str) -> dict[str, Any]:
    """Return an applied manifest as the API server shows it, with more annotations and KEDA's additions."""
    metadata = {**manifest["metadata"], "uid": "p1", "resourceVersion": "7", "finalizers": ["finalizer.keda.sh"]}
    if annotations:
        metadata["annotations"] = {**metadata.get("annotations", {}), **annotations}
    return {**manifest, "metadata": metadata, "status": {"conditions": []}}
