"""What the controller may do at the API server: access rules derived from the registries, least first, never ``*``.

Secrets can be granted whole or not at all; the code watches their metadata and reads those that a pod template refers to.
"""

from typing import Any

from canarykit import kinds
from canarykit.kinds import Kind
from canarykit.names import FIELD_MANAGER
from canarykit.routers import ROUTERS
from canarykit.scalers import SCALERS
from canarykit.workloads import WORKLOADS

LOOK = ("get", "list", "watch")
WRITE = (*LOOK, "create", "patch")
OWN = (*WRITE, "delete")


def rules(config_tracking: bool = True) -> list[dict[str, Any]]:
    """Return the rules of a Role; those of one API group with the same verbs are one rule.

    Args:
        config_tracking: whether ConfigMaps and Secrets are followed and copied.
    """
    wanted: list[tuple[Kind, str, tuple[str, ...]]] = [
        (kinds.CANARY, "", LOOK),
        (kinds.CANARY, "status", ("patch",)),
        (kinds.CANARY, "finalizers", ("update",)),  # asked for when an object that it owns blocks its deletion
        (kinds.EVENT, "", ("get", "create", "patch")),
        (kinds.SERVICE, "", WRITE),
        (kinds.ENDPOINT_SLICE, "", LOOK),
        (kinds.CONTROLLER_REVISION, "", OWN),
        *((workload.kind, "", WRITE) for workload in WORKLOADS.values()),
        *((scaler.kind, "", OWN) for scaler in SCALERS.values()),
        *((kind, "", WRITE) for router in ROUTERS.values() for kind in router.kinds),
    ]
    if config_tracking:
        wanted += [(kinds.CONFIG_MAP, "", WRITE), (kinds.SECRET, "", WRITE)]
    grouped: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for kind, part, verbs in wanted:
        resources = grouped.setdefault((kind.group, verbs), [])
        resource = f"{kind.plural}/{part}" if part else kind.plural
        if resource not in resources:
            resources.append(resource)
    return [
        {"apiGroups": [group], "resources": sorted(resources), "verbs": list(verbs)}
        for (group, verbs), resources in sorted(grouped.items())
    ]


def role(namespace: str = "", config_tracking: bool = True) -> dict[str, Any]:
    """Return the ClusterRole, or the Role for a controller that watches ``namespace`` only."""
    metadata = {"name": FIELD_MANAGER} | ({"namespace": namespace} if namespace else {})
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role" if namespace else "ClusterRole",
        "metadata": metadata,
        "rules": rules(config_tracking),
    }
