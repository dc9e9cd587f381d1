"""The kinds that the battery plays with: core, apps, autoscaling and CRDs; of each a good object and ways to spoil it."""

from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

LABELS = {"app": "web"}


@frozen
class Subject:
    """One kind.

    Attributes:
        collection: its path, with ``{ns}``.
        spec: everything of a good object besides apiVersion, kind and metadata.
        change: a merge patch that changes it and moves its generation, if it has one.
        pointer: JSON pointer of a member that exists, with (the value there, another good value).
        invalid: a merge patch that must be refused.
        owned: a member of the object and a value that an applier may own, as an apply body.
        has_status: whether there is a status subresource.
    """

    name: str
    collection: str
    version: str
    kind: str
    spec: Mapping[str, Any]
    change: Mapping[str, Any]
    pointer: tuple[str, Any, Any]
    invalid: Mapping[str, Any]
    owned: tuple[Mapping[str, Any], Mapping[str, Any]]
    has_status: bool = True
    status: Mapping[str, Any] = field(factory=dict)

    def manifest(self, name: str = "one", labels: Mapping[str, str] | None = None, **metadata: Any) -> dict[str, Any]:
        """Return a good object."""
        about = {"name": name, "labels": dict(LABELS if labels is None else labels), **metadata}
        return {"apiVersion": self.version, "kind": self.kind, "metadata": about, **self.spec}

    def bare(self, name: str = "one", **parts: Any) -> dict[str, Any]:
        """Return only the identity, and ``parts``: the body of an apply."""
        return {"apiVersion": self.version, "kind": self.kind, "metadata": {"name": name}, **parts}


_TEMPLATE = {
    "metadata": {"labels": LABELS},
    "spec": {"containers": [{"name": "web", "image": "web:1", "ports": [{"containerPort": 8080, "name": "http"}]}]},
}
_DEPLOYMENT = {"replicas": 2, "selector": {"matchLabels": LABELS}, "template": _TEMPLATE}
_CANARY = {
    "provider": "kubernetes",
    "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
    "service": {"port": 80},
    "analysis": {"interval": "1m", "threshold": 5, "iterations": 3},
}
_SCALED = {
    "scaleTargetRef": {"name": "web"},
    "minReplicaCount": 1,
    "maxReplicaCount": 3,
    "triggers": [
        {"type": "cron", "metadata": {"timezone": "UTC", "start": "0 0 * * *", "end": "1 0 * * *", "desiredReplicas": "2"}}
    ],
}
_HPA = {
    "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
    "minReplicas": 1,
    "maxReplicas": 4,
    "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}}],
}
_CONDITION = {
    "type": "Seen",
    "status": "True",
    "reason": "Looked",
    "message": "as the battery says",
    "lastTransitionTime": "2026-01-01T00:00:00Z",
}
SUBJECTS = (
    Subject(
        "configmap",
        "/api/v1/namespaces/{ns}/configmaps",
        "v1",
        "ConfigMap",
        {"data": {"colour": "blue"}},
        {"data": {"colour": "red"}},
        ("/data/colour", "blue", "green"),
        {"data": {"a b": "no such key"}},
        ({"data": {"colour": "blue"}}, {"data": {"colour": "red"}}),
        has_status=False,
    ),
    Subject(
        "service",
        "/api/v1/namespaces/{ns}/services",
        "v1",
        "Service",
        {"spec": {"selector": LABELS, "ports": [{"name": "http", "port": 80, "targetPort": "http"}]}},
        {"spec": {"selector": {"app": "other"}}},
        ("/spec/selector/app", "web", "third"),
        {"spec": {"ports": [{"port": 70000}]}},
        ({"spec": {"selector": {"app": "web"}}}, {"spec": {"selector": {"app": "red"}}}),
        status={"conditions": [_CONDITION]},
    ),
    Subject(
        "deployment",
        "/apis/apps/v1/namespaces/{ns}/deployments",
        "apps/v1",
        "Deployment",
        {"spec": _DEPLOYMENT},
        {"spec": {"minReadySeconds": 3}},
        ("/spec/replicas", 2, 4),
        {"spec": {"replicas": -1}},
        ({"spec": {"replicas": 2}}, {"spec": {"replicas": 5}}),
        status={"replicas": 2, "readyReplicas": 1, "observedGeneration": 1},
    ),
    Subject(
        "hpa",
        "/apis/autoscaling/v2/namespaces/{ns}/horizontalpodautoscalers",
        "autoscaling/v2",
        "HorizontalPodAutoscaler",
        {"spec": _HPA},
        {"spec": {"maxReplicas": 6}},
        ("/spec/maxReplicas", 4, 7),
        {"spec": {"minReplicas": 9}},
        ({"spec": {"maxReplicas": 4}}, {"spec": {"maxReplicas": 5}}),
        status={"currentReplicas": 2, "desiredReplicas": 3, "currentMetrics": None},
    ),
    Subject(
        "scaledobject",
        "/apis/keda.sh/v1alpha1/namespaces/{ns}/scaledobjects",
        "keda.sh/v1alpha1",
        "ScaledObject",
        {"spec": _SCALED},
        {"spec": {"maxReplicaCount": 9}},
        ("/spec/maxReplicaCount", 3, 4),
        {"spec": {"maxReplicaCount": "many"}},
        ({"spec": {"maxReplicaCount": 3}}, {"spec": {"maxReplicaCount": 5}}),
        status={"pausedReplicaCount": 0, "hpaName": "keda-hpa-one"},
    ),
    Subject(
        "canary",
        "/apis/flagger.app/v1beta1/namespaces/{ns}/canaries",
        "flagger.app/v1beta1",
        "Canary",
        {"spec": _CANARY},
        {"spec": {"analysis": {"threshold": 7}}},
        ("/spec/service/port", 80, 81),
        {"spec": {"service": {"port": "eighty"}}},
        ({"spec": {"service": {"port": 80}}}, {"spec": {"service": {"port": 81}}}),
        status={
            "phase": "Initialized",
            "failedChecks": 0,
            "canaryWeight": 0,
            "iterations": 0,
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        },
    ),
    Subject(
        "lease",
        "/apis/coordination.k8s.io/v1/namespaces/{ns}/leases",
        "coordination.k8s.io/v1",
        "Lease",
        {"spec": {"holderIdentity": "me", "leaseDurationSeconds": 15}},
        {"spec": {"holderIdentity": "you"}},
        ("/spec/leaseDurationSeconds", 15, 16),
        {"spec": {"leaseDurationSeconds": 0}},
        ({"spec": {"holderIdentity": "me"}}, {"spec": {"holderIdentity": "you"}}),
        has_status=False,
    ),
)
