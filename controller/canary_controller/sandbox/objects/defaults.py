"""The defaults that the API server adds to built-in kinds, when they are written and when they are read."""

import base64
from collections.abc import Callable, Collection, Mapping
from hashlib import sha256
from ipaddress import IPv4Address
from typing import Any

from canary_controller.sandbox.objects.pod_defaults import changed, each, filled, pod_spec_defaults
from canary_controller.sandbox.objects.quantities import canonical_quantity
from canarykit.dicts import at

_SERVICE_NETWORK = int(IPv4Address("10.96.0.0"))
_SERVICE_ADDRESSES = 65_000  # of the /16; the first 10 belong to the API server and the DNS of a real cluster
_FIRST_ADDRESS = 10
_NO_SPEC: Mapping[str, Any] = {}


def apply_defaults(manifest: Mapping[str, Any], group: str, kind: str) -> dict[str, Any]:
    """Return the manifest with the defaults of its kind; of an unknown kind, a copy. Given values, also wrong ones, stay.

    Source: defaults of Kubernetes 1.37 as its API reference states them.
    """
    return _DEFAULTS.get((group, kind), dict)(manifest)


def allocate_cluster_ip(manifest: Mapping[str, Any], taken: Collection[str]) -> dict[str, Any]:
    """Return a Service with ``clusterIP`` and ``clusterIPs``: its own, ``None`` if headless, or a free one of 10.96.0.0/16.

    The choice depends on namespace and name alone, so a replayed run has the same addresses. ``taken`` lists addresses in use.
    An ExternalName Service has none.
    """
    spec = at(manifest, "spec", default=_NO_SPEC)
    if spec.get("type") == "ExternalName":
        return dict(manifest)
    address = spec.get("clusterIP") or at(spec, "clusterIPs", 0) or _free_address(manifest, taken)
    return {**manifest, "spec": {**spec, "clusterIP": address, "clusterIPs": spec.get("clusterIPs") or [address]}}


def _free_address(manifest: Mapping[str, Any], taken: Collection[str]) -> str:
    key = f"{at(manifest, 'metadata', 'namespace', default='')}/{at(manifest, 'metadata', 'name', default='')}"
    start = int.from_bytes(sha256(key.encode()).digest()[:4])
    offsets = ((start + step) % _SERVICE_ADDRESSES + _FIRST_ADDRESS for step in range(_SERVICE_ADDRESSES))
    addresses = (str(IPv4Address(_SERVICE_NETWORK + offset)) for offset in offsets)
    return next(address for address in addresses if address not in taken)


def _template(spec: Mapping[str, Any]) -> dict[str, Any]:
    return changed(spec, "template", lambda template: {**template, "spec": pod_spec_defaults(template.get("spec"))})


def _rolling(strategy: Any, values: Mapping[str, Any]) -> dict[str, Any]:
    complete = filled(strategy, {"type": "RollingUpdate"})
    if complete["type"] == "RollingUpdate":
        complete["rollingUpdate"] = filled(complete.get("rollingUpdate"), values)
    return complete


def _deployment(manifest: Mapping[str, Any]) -> dict[str, Any]:
    spec = filled(manifest.get("spec"), {"replicas": 1, "revisionHistoryLimit": 10, "progressDeadlineSeconds": 600})
    spec["strategy"] = _rolling(spec.get("strategy"), {"maxSurge": "25%", "maxUnavailable": "25%"})
    return _with_status({**manifest, "spec": _template(spec)}, {})


def _replica_set(manifest: Mapping[str, Any]) -> dict[str, Any]:
    return _with_status({**manifest, "spec": _template(filled(manifest.get("spec"), {"replicas": 1}))}, {"replicas": 0})


def _daemon_set(manifest: Mapping[str, Any]) -> dict[str, Any]:
    spec = filled(manifest.get("spec"), {"revisionHistoryLimit": 10})
    spec["updateStrategy"] = _rolling(spec.get("updateStrategy"), {"maxSurge": 0, "maxUnavailable": 1})
    counters = ("currentNumberScheduled", "numberMisscheduled", "desiredNumberScheduled", "numberReady")
    return _with_status({**manifest, "spec": _template(spec)}, dict.fromkeys(counters, 0))


def _stateful_set(manifest: Mapping[str, Any]) -> dict[str, Any]:
    kept = {"whenDeleted": "Retain", "whenScaled": "Retain"}
    basics = {"replicas": 1, "revisionHistoryLimit": 10, "podManagementPolicy": "OrderedReady"}
    spec = filled(manifest.get("spec"), {**basics, "persistentVolumeClaimRetentionPolicy": kept})
    spec["updateStrategy"] = _rolling(spec.get("updateStrategy"), {"partition": 0})
    return _with_status({**manifest, "spec": _template(spec)}, {"replicas": 0, "availableReplicas": 0})


def _pod(manifest: Mapping[str, Any]) -> dict[str, Any]:
    spec = filled(pod_spec_defaults(manifest.get("spec")), {"enableServiceLinks": True})
    for name in ("containers", "initContainers"):
        spec = changed(spec, name, each(_requests_from_limits), list)
    return _with_status({**manifest, "spec": spec}, {"phase": "Pending"})


def _requests_from_limits(container: dict[str, Any]) -> dict[str, Any]:
    limits = at(container, "resources", "limits", default=_NO_SPEC)
    if not limits:
        return container
    return changed(container, "resources", lambda given: {**given, "requests": filled(given.get("requests"), limits)})


def _service(manifest: Mapping[str, Any]) -> dict[str, Any]:
    spec = filled(manifest.get("spec"), {"type": "ClusterIP", "sessionAffinity": "None"})
    spec = changed(spec, "ports", each(_service_port), list)
    if spec["sessionAffinity"] == "ClientIP":
        spec = filled(spec, {"sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 10800}}})
    if spec["type"] != "ExternalName":
        # A headless Service without a selector may have endpoints of any family.
        open_to_all = spec.get("clusterIP") == "None" and not spec.get("selector")
        families, policy = (["IPv4", "IPv6"], "RequireDualStack") if open_to_all else (["IPv4"], "SingleStack")
        spec = filled(spec, {"internalTrafficPolicy": "Cluster", "ipFamilies": families, "ipFamilyPolicy": policy})
    if spec["type"] in ("NodePort", "LoadBalancer"):
        spec = filled(spec, {"externalTrafficPolicy": "Cluster"})
    if spec["type"] == "LoadBalancer":
        spec = filled(spec, {"allocateLoadBalancerNodePorts": True})
    return _with_status({**manifest, "spec": spec}, {"loadBalancer": {}})


def _service_port(port: dict[str, Any]) -> dict[str, Any]:
    target = {"targetPort": port["port"]} if port.get("targetPort") in (None, 0, "") and "port" in port else {}
    return {**filled(port, {"protocol": "TCP"}), **target}


def _autoscaler(manifest: Mapping[str, Any]) -> dict[str, Any]:
    spec = filled(manifest.get("spec"), {"minReplicas": 1})
    if not spec.get("metrics"):
        target = {"type": "Utilization", "averageUtilization": 80}
        spec["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]
    spec = changed(spec, "metrics", each(_metric), list)
    spec = changed(spec, "behavior", _behavior)
    return _with_status({**manifest, "spec": spec}, {"currentMetrics": None, "desiredReplicas": 0})


def _metric(metric: dict[str, Any]) -> dict[str, Any]:
    """Return a metric with its quantities in their one form."""
    for name in ("resource", "containerResource", "pods", "object", "external"):
        metric = changed(metric, name, lambda source: changed(source, "target", _metric_target))
    return metric


def _metric_target(target: dict[str, Any]) -> dict[str, Any]:
    return {name: canonical_quantity(value) if name in ("value", "averageValue") else value for name, value in target.items()}


def _behavior(behavior: Mapping[str, Any]) -> dict[str, Any]:
    """Return a behavior whose two halves are whole, as soon as it says anything."""
    percent = {"type": "Percent", "value": 100, "periodSeconds": 15}
    pods = {"type": "Pods", "value": 4, "periodSeconds": 15}
    up = {"stabilizationWindowSeconds": 0, "selectPolicy": "Max", "policies": [pods, percent]}
    down = {"selectPolicy": "Max", "policies": [percent]}
    return {**behavior, "scaleUp": filled(behavior.get("scaleUp"), up), "scaleDown": filled(behavior.get("scaleDown"), down)}


def _secret(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Move ``stringData``, which can only be written, into ``data``."""
    plain = at(manifest, "stringData", default={})
    rest = {name: value for name, value in manifest.items() if name != "stringData"}
    if isinstance(plain, Mapping) and plain:
        coded = {name: base64.b64encode(str(text).encode()).decode() for name, text in plain.items()}
        rest["data"] = {**at(manifest, "data", default={}), **coded}
    return filled(rest, {"type": "Opaque"})


def _namespace(manifest: Mapping[str, Any]) -> dict[str, Any]:
    metadata = at(manifest, "metadata", default={})
    labels = {**(at(metadata, "labels", default={})), "kubernetes.io/metadata.name": metadata.get("name", "")}
    spec = filled(manifest.get("spec"), {"finalizers": ["kubernetes"]})
    return _with_status({**manifest, "metadata": {**metadata, "labels": labels}, "spec": spec}, {"phase": "Active"})


def _endpoint_slice(manifest: Mapping[str, Any]) -> dict[str, Any]:
    return changed(manifest, "ports", each(lambda port: filled(port, {"name": "", "protocol": "TCP"})), list)


def _definition(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """A CustomResourceDefinition."""
    spec = filled(manifest.get("spec"), {"conversion": {"strategy": "None"}})
    kind = str(at(spec, "names", "kind", default=""))
    return {
        **manifest,
        "spec": changed(spec, "names", lambda names: filled(names, {"singular": kind.lower(), "listKind": f"{kind}List"})),
    }


def _with_status(manifest: dict[str, Any], status: Mapping[str, Any]) -> dict[str, Any]:
    return {**manifest, "status": filled(manifest.get("status"), status)}


_DEFAULTS: Mapping[tuple[str, str], Callable[[Mapping[str, Any]], dict[str, Any]]] = {
    ("", "Namespace"): _namespace,
    ("", "Pod"): _pod,
    ("", "Secret"): _secret,
    ("", "Service"): _service,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): _definition,
    ("apps", "DaemonSet"): _daemon_set,
    ("apps", "Deployment"): _deployment,
    ("apps", "ReplicaSet"): _replica_set,
    ("apps", "StatefulSet"): _stateful_set,
    ("autoscaling", "HorizontalPodAutoscaler"): _autoscaler,
    ("discovery.k8s.io", "EndpointSlice"): _endpoint_slice,
}
