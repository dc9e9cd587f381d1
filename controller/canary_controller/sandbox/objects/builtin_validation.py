"""What built-in kinds must obey: the mistakes that people and controllers make, refused in Kubernetes' words.

This is not all of the API server's validation: it lets more through than a real one, and refuses nothing that is valid.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from canary_controller.sandbox.objects.causes import Cause, duplicate, forbidden, invalid, required, too_long, unsupported
from canary_controller.sandbox.objects.metadata_validation import dns_label, immutable, label_causes, validate_metadata
from canary_controller.sandbox.objects.pod_validation import at_least, maps, pod_spec_causes, port_causes, port_name_causes
from canarykit.dicts import at

__all__ = ["Cause", "validate", "validate_metadata"]

_DATA_BYTES_MAX = 1024 * 1024
_CONFIG_KEY = "[-._a-zA-Z0-9]+"
Manifest = Mapping[str, Any]
Check = Callable[[Manifest, Manifest | None], Iterator[Cause]]


def validate(manifest: Manifest, old: Manifest | None) -> list[Cause]:
    """Return every mistake of a built-in object that has its defaults; ``old`` is the stored object of an update.

    Empty when the object is right; of a kind without rules only the metadata is checked. JSON types are taken for granted:
    `decoding.decode_problem` comes first.
    """
    group = str(manifest.get("apiVersion", "")).rpartition("/")[0]
    check = _CHECKS.get((group, str(manifest.get("kind", ""))))
    found = validate_metadata(manifest, old)
    return [*found, *check(manifest, old)] if check else found


def _deployment(manifest: Manifest, old: Manifest | None) -> Iterator[Cause]:
    yield from _workload(manifest, old)
    yield from _strategy(at(manifest, "spec", "strategy", default={}))
    deadline, ready_s = at(manifest, "spec", "progressDeadlineSeconds"), at(manifest, "spec", "minReadySeconds", default=0)
    if isinstance(deadline, int) and isinstance(ready_s, int) and deadline <= ready_s:
        yield invalid("spec.progressDeadlineSeconds", deadline, "must be greater than minReadySeconds")
    yield from at_least(at(manifest, "spec", "revisionHistoryLimit"), 0, "spec.revisionHistoryLimit")


def _workload(manifest: Manifest, old: Manifest | None) -> Iterator[Cause]:
    """Deployment, ReplicaSet, DaemonSet and StatefulSet: selector, template, replicas and a status that adds up."""
    labels = at(manifest, "spec", "template", "metadata", "labels", default={})
    yield from _selector(manifest, labels)
    yield from label_causes(labels, "spec.template.metadata.labels")
    yield from at_least(at(manifest, "spec", "replicas"), 0, "spec.replicas")
    yield from at_least(at(manifest, "spec", "minReadySeconds"), 0, "spec.minReadySeconds")
    template = at(manifest, "spec", "template", "spec", default={})
    yield from pod_spec_causes(template, "spec.template.spec")
    if template.get("restartPolicy") in ("Never", "OnFailure"):
        yield unsupported("spec.template.spec.restartPolicy", template["restartPolicy"], ["Always"])
    if old is not None:
        yield from immutable(manifest, old, "spec", "selector")
    yield from _workload_status(at(manifest, "status", default={}))


def _selector(manifest: Manifest, labels: Manifest) -> Iterator[Cause]:
    selector = at(manifest, "spec", "selector")
    if selector is None:
        yield required("spec.selector")
        return
    wanted, terms = at(selector, "matchLabels", default={}), list(maps(at(selector, "matchExpressions")))
    if not wanted and not terms:
        text = f"empty selector is invalid for {str(manifest.get('kind', '')).lower()}"
        yield invalid("spec.selector", selector, text)
    yield from label_causes(wanted, "spec.selector.matchLabels")
    if any(labels.get(name) != value for name, value in wanted.items()) or not all(_holds(term, labels) for term in terms):
        yield invalid("spec.template.metadata.labels", labels, "`selector` does not match template `labels`")


def _holds(term: Manifest, labels: Manifest) -> bool:
    value, values = labels.get(term.get("key", "")), at(term, "values", default=[])
    match term.get("operator"):
        case "In":
            return value in values
        case "NotIn":
            return value not in values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
    return False


def _strategy(strategy: Manifest) -> Iterator[Cause]:
    rolling = strategy.get("rollingUpdate")
    match strategy.get("type"):
        case "Recreate":
            if rolling is not None:
                yield forbidden("spec.strategy.rollingUpdate", "may not be specified when strategy `type` is 'Recreate'")
        case "RollingUpdate":
            field = "spec.strategy.rollingUpdate"
            surge, unavailable = at(rolling, "maxSurge"), at(rolling, "maxUnavailable")
            yield from _share(surge, f"{field}.maxSurge")
            yield from _share(unavailable, f"{field}.maxUnavailable")
            if isinstance(unavailable, str) and re.fullmatch("[0-9]+%", unavailable) and int(unavailable[:-1]) > 100:
                yield invalid(f"{field}.maxUnavailable", unavailable, "must not be greater than 100%")
            if surge in (0, "0%") and unavailable in (0, "0%"):
                yield invalid(f"{field}.maxUnavailable", unavailable, "may not be 0 when `maxSurge` is 0")
        case other:
            yield unsupported("spec.strategy.type", other, ["Recreate", "RollingUpdate"])


def _share(value: Any, field: str) -> Iterator[Cause]:
    yield from at_least(value, 0, field)
    if isinstance(value, str) and not re.fullmatch("[0-9]+%", value):
        text = "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', "
        yield invalid(field, value, text + "regex used for validation is '[0-9]+%')")


def _workload_status(status: Manifest) -> Iterator[Cause]:
    counts = {name: value for name, value in status.items() if name.lower().endswith("replicas") and isinstance(value, int)}
    for name, value in counts.items():
        yield from at_least(value, 0, f"status.{name}")
    replicas = max(counts.get("replicas", 0), 0)
    for name in ("updatedReplicas", "readyReplicas", "availableReplicas", "fullyLabeledReplicas"):
        if counts.get(name, 0) > replicas:
            yield invalid(f"status.{name}", counts[name], "cannot be greater than status.replicas")
    if counts.get("availableReplicas", 0) > counts.get("readyReplicas", 0):
        yield invalid("status.availableReplicas", counts["availableReplicas"], "cannot be greater than readyReplicas")


def _pod(manifest: Manifest, _old: Manifest | None) -> Iterator[Cause]:
    yield from pod_spec_causes(at(manifest, "spec", default={}), "spec")


def _service(manifest: Manifest, old: Manifest | None) -> Iterator[Cause]:
    spec = at(manifest, "spec", default={})
    kind, ports = spec.get("type"), list(maps(spec.get("ports")))
    if kind not in (None, "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"):
        yield unsupported("spec.type", kind, ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"])
    if not ports and kind != "ExternalName" and spec.get("clusterIP") != "None":
        yield required("spec.ports")
    if kind == "ExternalName" and not spec.get("externalName"):
        yield required("spec.externalName")
    if spec.get("sessionAffinity") not in (None, "None", "ClientIP"):
        yield unsupported("spec.sessionAffinity", spec["sessionAffinity"], ["ClientIP", "None"])
    yield from _service_ports(ports)
    yield from label_causes(spec.get("selector"), "spec.selector")
    before = at(old, "spec", default={})
    had = at(before, "clusterIPs", default=[])
    if had and "ExternalName" not in (kind, before.get("type")) and spec.get("clusterIP") != before.get("clusterIP"):
        yield invalid("spec.clusterIPs[0]", at(spec, "clusterIPs", default=[]), "may not change once set")


def _service_ports(ports: list[Manifest]) -> Iterator[Cause]:
    names: set[Any] = set()
    numbers: set[tuple[Any, Any]] = set()
    for index, port in enumerate(ports):
        field, name, number = f"spec.ports[{index}]", port.get("name"), port.get("port")
        if not name and len(ports) > 1:
            yield required(f"{field}.name")
        if name:
            yield from (invalid(f"{field}.name", name, text) for text in dns_label(str(name)))
            if name in names:
                yield duplicate(f"{field}.name", name)
            names.add(name)
        yield from port_causes(number if number is not None else 0, f"{field}.port")
        if port.get("protocol") not in (None, "TCP", "UDP", "SCTP"):
            yield unsupported(f"{field}.protocol", port["protocol"], ["SCTP", "TCP", "UDP"])
        target = port.get("targetPort")
        yield from (port_name_causes if isinstance(target, str) else port_causes)(target, f"{field}.targetPort")
        key = (number, port.get("protocol", "TCP"))
        if key in numbers:
            yield duplicate(field, {"protocol": key[1], "port": number})
        numbers.add(key)


def _autoscaler(manifest: Manifest, _old: Manifest | None) -> Iterator[Cause]:
    spec = at(manifest, "spec", default={})
    for name in ("kind", "name"):
        if not at(spec, "scaleTargetRef", name):
            yield required(f"spec.scaleTargetRef.{name}")
    least, most = spec.get("minReplicas", 1), spec.get("maxReplicas", 0)
    yield from at_least(least, 1, "spec.minReplicas")
    if isinstance(most, int) and most < 1:
        yield invalid("spec.maxReplicas", most, "must be greater than 0")
    if isinstance(most, int) and isinstance(least, int) and most < least:
        yield invalid("spec.maxReplicas", most, "must be greater than or equal to `minReplicas`")
    for index, metric in enumerate(maps(spec.get("metrics"))):
        yield from _metric(metric, f"spec.metrics[{index}]")


_METRIC_SOURCES = {
    "ContainerResource": "containerResource",
    "External": "external",
    "Object": "object",
    "Pods": "pods",
    "Resource": "resource",
}


def _metric(metric: Manifest, field: str) -> Iterator[Cause]:
    kind = metric.get("type")
    if not kind:
        yield required(f"{field}.type", "must specify a metric source type")
    elif kind not in _METRIC_SOURCES:
        yield unsupported(f"{field}.type", kind, sorted(_METRIC_SOURCES))
    elif not isinstance(metric.get(_METRIC_SOURCES[kind]), Mapping):
        yield required(f"{field}.{_METRIC_SOURCES[kind]}", "must populate information for the given metric source")


def _config_map(manifest: Manifest, old: Manifest | None) -> Iterator[Cause]:
    yield from _data(manifest, ("data", "binaryData"))
    yield from _frozen(manifest, old, ("data", "binaryData"))


def _secret(manifest: Manifest, old: Manifest | None) -> Iterator[Cause]:
    yield from _data(manifest, ("data",))
    yield from _frozen(manifest, old, ("data",))
    if old is not None:
        yield from immutable(manifest, old, "type")
    if manifest.get("type") == "kubernetes.io/tls":
        for name in ("tls.crt", "tls.key"):
            if name not in at(manifest, "data", default={}):
                yield required(f"data[{name}]")


def _data(manifest: Manifest, members: tuple[str, ...]) -> Iterator[Cause]:
    seen: set[str] = set()
    size_bytes = 0
    for member in members:
        for name, value in at(manifest, member, default={}).items():
            if not re.fullmatch(_CONFIG_KEY, name):
                text = "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  "
                rule = f"or 'KEY_NAME',  or 'key-name', regex used for validation is '{_CONFIG_KEY}')"
                yield invalid(f"{member}[{name}]", name, text + rule)
            if name in seen:
                yield invalid(f"{member}[{name}]", name, "duplicate of key present in data")
            seen.add(name)
            size_bytes += len(str(value).encode())
    if size_bytes > _DATA_BYTES_MAX:
        yield too_long("data", _DATA_BYTES_MAX)


def _frozen(manifest: Manifest, old: Manifest | None, members: tuple[str, ...]) -> Iterator[Cause]:
    if not at(old, "immutable"):
        return
    text = "field is immutable when `immutable` is set"
    if not manifest.get("immutable"):
        yield forbidden("immutable", text)
    for member in members:
        if at(manifest, member, default={}) != at(old, member, default={}):
            yield forbidden(member, text)


def _revision(manifest: Manifest, old: Manifest | None) -> Iterator[Cause]:
    if manifest.get("data") is None:
        yield required("data", "data is mandatory")
    yield from at_least(manifest.get("revision"), 0, "revision")
    if old is not None:
        yield from immutable(manifest, old, "data")


def _event(manifest: Manifest, _old: Manifest | None) -> Iterator[Cause]:
    own = at(manifest, "metadata", "namespace", default="")
    about = at(manifest, "involvedObject", "namespace", default="")
    if about != own and not (about == "" and own == "default"):
        yield invalid("involvedObject.namespace", about, "does not match event.namespace")


def _lease(manifest: Manifest, _old: Manifest | None) -> Iterator[Cause]:
    duration_s = at(manifest, "spec", "leaseDurationSeconds")
    if isinstance(duration_s, int) and duration_s <= 0:
        yield invalid("spec.leaseDurationSeconds", duration_s, "must be greater than 0")
    yield from at_least(at(manifest, "spec", "leaseTransitions"), 0, "spec.leaseTransitions")


def _endpoint_slice(manifest: Manifest, old: Manifest | None) -> Iterator[Cause]:
    known = ["FQDN", "IPv4", "IPv6"]
    if not manifest.get("addressType"):
        yield required("addressType")
    elif manifest["addressType"] not in known:
        yield unsupported("addressType", manifest["addressType"], known)
    for index, endpoint in enumerate(maps(manifest.get("endpoints"))):
        if not endpoint.get("addresses"):
            yield required(f"endpoints[{index}].addresses", "must contain at least 1 address")
    if old is not None:
        yield from immutable(manifest, old, "addressType")


_CHECKS: Mapping[tuple[str, str], Check] = {
    ("", "ConfigMap"): _config_map,
    ("", "Event"): _event,
    ("", "Pod"): _pod,
    ("", "Secret"): _secret,
    ("", "Service"): _service,
    ("apps", "ControllerRevision"): _revision,
    ("apps", "DaemonSet"): _workload,
    ("apps", "Deployment"): _deployment,
    ("apps", "ReplicaSet"): _workload,
    ("apps", "StatefulSet"): _workload,
    ("autoscaling", "HorizontalPodAutoscaler"): _autoscaler,
    ("coordination.k8s.io", "Lease"): _lease,
    ("discovery.k8s.io", "EndpointSlice"): _endpoint_slice,
}
