"""Make the primary's ScaledObject from the user's, with other replica bounds. Run: python examples/02-clone-a-scaledobject.py"""

import json

from canarykit import CloneRequest, Identities, clone_for_primary

source = {
    "apiVersion": "keda.sh/v1alpha1",
    "kind": "ScaledObject",
    "metadata": {"name": "shop-so", "namespace": "test", "annotations": {"autoscaling.keda.sh/paused-replicas": "0"}},
    "spec": {
        "scaleTargetRef": {"name": "shop"},
        "minReplicaCount": 1,
        "maxReplicaCount": 3,
        "triggers": [{"type": "prometheus", "name": "rps", "metadata": {"query": 'sum(rate(requests_total{app="shop"}[1m]))'}}],
    },
}
request = CloneRequest(
    primary_name="shop-so-primary",
    primary_workload="shop-primary",
    owner={},
    identities=Identities("shop"),
    selector_label="app",
    namespace="test",
    replicas={"minReplicas": 2, "maxReplicas": 6},
)
clone = clone_for_primary(source, None, request)
print(json.dumps(clone.manifest, indent=2))
assert clone.manifest["spec"]["minReplicaCount"] == 2
assert "autoscaling.keda.sh/paused-replicas" not in clone.manifest["metadata"].get("annotations", {})
