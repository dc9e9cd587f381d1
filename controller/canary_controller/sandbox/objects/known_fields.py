"""Which fields the built-in kinds have, as far down as rollouts touch them: the others are dropped, as the API server does.

A path that no row names is taken as it is. Source: the API reference of Kubernetes 1.37, names of fields only.
"""

from collections.abc import Iterator, Mapping
from typing import Any

_ROOT = frozenset({"apiVersion", "kind", "metadata"})
_SPEC_AND_STATUS = frozenset({"spec", "status"})
_BINDING = frozenset({"subjects", "roleRef"})


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_TOP: dict[tuple[str, str], frozenset[str]] = {
    ("", "ConfigMap"): _names("data binaryData immutable"),
    ("", "Secret"): _names("data stringData type immutable"),
    ("", "ServiceAccount"): _names("secrets imagePullSecrets automountServiceAccountToken"),
    ("", "LimitRange"): _names("spec"),
    ("", "Event"): _names(
        "involvedObject reason message source firstTimestamp lastTimestamp count type eventTime series action related "
        "reportingComponent reportingInstance"
    ),
    ("apps", "ControllerRevision"): _names("data revision"),
    ("coordination.k8s.io", "Lease"): _names("spec"),
    ("discovery.k8s.io", "EndpointSlice"): _names("addressType endpoints ports"),
    ("rbac.authorization.k8s.io", "Role"): _names("rules"),
    ("rbac.authorization.k8s.io", "ClusterRole"): _names("rules aggregationRule"),
    ("rbac.authorization.k8s.io", "RoleBinding"): _BINDING,
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"): _BINDING,
}
_METADATA = _names(
    "name generateName namespace selfLink uid resourceVersion generation creationTimestamp deletionTimestamp "
    "deletionGracePeriodSeconds labels annotations ownerReferences finalizers managedFields"
)
_CONTAINER = _names(
    "name image command args workingDir ports envFrom env resources resizePolicy restartPolicy restartPolicyRules volumeMounts "
    "volumeDevices livenessProbe readinessProbe startupProbe lifecycle terminationMessagePath terminationMessagePolicy "
    "imagePullPolicy securityContext stdin stdinOnce tty"
)
_POD_SPEC = {
    "": _names(
        "volumes initContainers containers ephemeralContainers restartPolicy terminationGracePeriodSeconds activeDeadlineSeconds "
        "dnsPolicy nodeSelector serviceAccountName serviceAccount automountServiceAccountToken nodeName hostNetwork hostPID "
        "hostIPC shareProcessNamespace securityContext imagePullSecrets hostname subdomain affinity schedulerName tolerations "
        "hostAliases priorityClassName priority dnsConfig readinessGates runtimeClassName enableServiceLinks preemptionPolicy "
        "overhead topologySpreadConstraints setHostnameAsFQDN os hostUsers schedulingGates resourceClaims resources "
        "hostnameOverride workloadRef schedulingGroup"
    ),
    ".containers": _CONTAINER,
    ".initContainers": _CONTAINER,
}
_SPECS: dict[tuple[str, str], frozenset[str]] = {
    ("", "Service"): _names(
        "ports selector clusterIP clusterIPs type externalIPs sessionAffinity loadBalancerIP loadBalancerSourceRanges "
        "externalName externalTrafficPolicy healthCheckNodePort publishNotReadyAddresses sessionAffinityConfig ipFamilies "
        "ipFamilyPolicy allocateLoadBalancerNodePorts loadBalancerClass internalTrafficPolicy trafficDistribution"
    ),
    ("apps", "Deployment"): _names(
        "replicas selector template strategy minReadySeconds revisionHistoryLimit paused progressDeadlineSeconds"
    ),
    ("apps", "DaemonSet"): _names("selector template updateStrategy minReadySeconds revisionHistoryLimit"),
    ("apps", "ReplicaSet"): _names("replicas minReadySeconds selector template"),
    ("autoscaling", "HorizontalPodAutoscaler"): _names("scaleTargetRef minReplicas maxReplicas metrics behavior"),
    ("coordination.k8s.io", "Lease"): _names(
        "holderIdentity leaseDurationSeconds acquireTime renewTime leaseTransitions strategy preferredHolder"
    ),
}


def pruned(manifest: Mapping[str, Any], group: str, kind: str) -> dict[str, Any]:
    """Return the manifest of a built-in kind without the fields that the kind does not have. The input is not changed."""
    top = _ROOT | _TOP.get((group, kind), _SPEC_AND_STATUS)
    rows: dict[str, frozenset[str]] = {"": top, "metadata": _METADATA}
    if (group, kind) in _SPECS:
        rows["spec"] = _SPECS[group, kind]
    rows |= dict(_pod_rows(group, kind))
    found: dict[str, Any] = _kept(manifest, "", rows)
    return found


def _pod_rows(group: str, kind: str) -> Iterator[tuple[str, frozenset[str]]]:
    base = "spec.template.spec" if group == "apps" else "spec" if (group, kind) == ("", "Pod") else ""
    if base:
        yield from ((base + suffix, names) for suffix, names in _POD_SPEC.items())


def _kept(value: Any, path: str, rows: Mapping[str, frozenset[str]]) -> Any:
    """Return ``value`` at ``path`` without what its row does not name; the same object where nothing below has a row."""
    below = f"{path}." if path else ""
    if not any(row == path or row.startswith(below) for row in rows):
        return value
    if isinstance(value, list):
        return [_kept(each, path, rows) for each in value]
    if not isinstance(value, Mapping):
        return value
    names = rows.get(path)
    return {name: _kept(each, below + name, rows) for name, each in value.items() if names is None or name in names}
