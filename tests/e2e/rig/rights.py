"""What our controller may do on the real cluster: just this, so that a request beyond it fails a test.

It stands in for the role that the controller will ship; a request that is refused shows up in the audit log with a 403.
"""

from typing import Any

from .client import Client

_READ = ["get", "list", "watch"]
_WRITE = [*_READ, "create", "patch", "delete"]
_ROLES = "/apis/rbac.authorization.k8s.io/v1"
RULES: list[dict[str, Any]] = [
    {"apiGroups": ["flagger.app"], "resources": ["canaries"], "verbs": [*_READ, "patch"]},
    {"apiGroups": ["flagger.app"], "resources": ["canaries/status"], "verbs": ["patch"]},
    {"apiGroups": ["flagger.app"], "resources": ["metrictemplates", "alertproviders"], "verbs": _READ},
    {"apiGroups": [""], "resources": ["services", "configmaps", "secrets"], "verbs": _WRITE},
    {"apiGroups": [""], "resources": ["events"], "verbs": ["get", "create", "patch"]},
    {"apiGroups": ["apps"], "resources": ["deployments", "controllerrevisions"], "verbs": _WRITE},
    {"apiGroups": ["autoscaling"], "resources": ["horizontalpodautoscalers"], "verbs": _WRITE},
    {"apiGroups": ["keda.sh"], "resources": ["scaledobjects"], "verbs": _WRITE},
    {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": _READ},
    {"apiGroups": ["gateway.networking.k8s.io"], "resources": ["httproutes"], "verbs": _WRITE},
]


def grant(client: Client, user: str) -> None:
    """Give ``user`` these rights in all namespaces."""
    group = "rbac.authorization.k8s.io"
    role = {"apiVersion": f"{group}/v1", "kind": "ClusterRole", "metadata": {"name": user}, "rules": RULES}
    binding = {
        "apiVersion": f"{group}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": user},
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": user},
        "subjects": [{"apiGroup": group, "kind": "User", "name": user}],
    }
    client.apply(f"{_ROLES}/clusterroles/{user}", role)
    client.apply(f"{_ROLES}/clusterrolebindings/{user}", binding)
