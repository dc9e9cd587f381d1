"""What our controller may do on the real cluster: the role that it ships, so that a request beyond it fails a test.

A request that is refused shows up in the audit log with a 403.
"""

from canary_controller.rbac import rules

from .client import Client

_ROLES = "/apis/rbac.authorization.k8s.io/v1"


def grant(client: Client, user: str) -> None:
    """Give ``user`` the shipped rights in all namespaces."""
    group = "rbac.authorization.k8s.io"
    role = {"apiVersion": f"{group}/v1", "kind": "ClusterRole", "metadata": {"name": user}, "rules": rules()}
    binding = {
        "apiVersion": f"{group}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": user},
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": user},
        "subjects": [{"apiGroup": group, "kind": "User", "name": user}],
    }
    client.apply(f"{_ROLES}/clusterroles/{user}", role)
    client.apply(f"{_ROLES}/clusterrolebindings/{user}", binding)
