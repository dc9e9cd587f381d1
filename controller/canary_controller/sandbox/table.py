"""Tables: the columns that ``kubectl get`` shows, for built-in kinds as functions, for custom resources as their CRD says.

Ages are counted from the sandbox's clock. Column names and contents are those of Kubernetes 1.37.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import orjson
from attrs import frozen

from canary_controller.sandbox.jsonpath import find
from canary_controller.sandbox.resources import Resource
from canary_controller.sandbox.scale import selector_text
from canary_controller.sandbox.store import Manifest
from canarykit.dicts import at

_Cells = Callable[[Manifest, float], list[Any]]
_NONE, _UNKNOWN = "<none>", "<unknown>"


@frozen
class _Printer:
    """Columns as text, ``*`` before those of ``-o wide``, ``#`` after integers; and the function that fills them."""

    columns: str
    cells: _Cells


def columns_of(resource: Resource) -> list[dict[str, Any]]:
    """Return the column definitions of a resource."""
    if resource.custom:
        return [_column("Name", format_="name"), *(_declared(column) for column in _custom_columns(resource))]
    printer = _PRINTERS.get((resource.group, resource.kind.kind), _DEFAULT)
    definitions: list[dict[str, Any]] = []
    for text in printer.columns.split("|"):
        name = text.strip("*#")
        type_ = "integer" if text.endswith("#") else "string"
        definitions.append(
            _column(name, type_, "name" if name == "Name" and not definitions else "", 1 if text.startswith("*") else 0)
        )
    return definitions


def row(resource: Resource, manifest: Manifest, now: float) -> list[Any]:
    """Return the cells of one object."""
    if resource.custom:
        return [_name(manifest), *(_custom_cell(column, manifest, now) for column in _custom_columns(resource))]
    return _PRINTERS.get((resource.group, resource.kind.kind), _DEFAULT).cells(manifest, now)


def human_duration(seconds: float) -> str:
    """Return a duration as kubectl writes ages: ``45s``, ``3m20s``, ``5h``, ``12d``; below -1 s ``<invalid>``."""
    left = int(seconds)
    if left < -1:
        return "<invalid>"
    left = max(left, 0)
    minutes, hours, days, years = left // 60, left // 3600, left // 86400, left // (86400 * 365)
    for limit, text in (
        (120, f"{left}s"),
        (600, _pair(minutes, "m", left % 60, "s")),
        (3 * 3600, f"{minutes}m"),
        (8 * 3600, _pair(hours, "h", minutes % 60, "m")),
        (48 * 3600, f"{hours}h"),
        (8 * 86400, _pair(days, "d", hours % 24, "h")),
        (2 * 365 * 86400, f"{days}d"),
        (8 * 365 * 86400, _pair(years, "y", days % 365, "d")),
    ):
        if left < limit:
            return text
    return f"{years}y"


def age(timestamp: Any, now: float) -> str:
    """Return how long ago an RFC 3339 time was; ``<unknown>`` without one, ``<invalid>`` for something else."""
    if not timestamp:
        return _UNKNOWN
    if not isinstance(timestamp, str):
        return "<invalid>"
    try:
        return human_duration(now - datetime.fromisoformat(timestamp).timestamp())
    except ValueError:
        return "<invalid>"


def _pair(whole: int, unit: str, rest: int, rest_unit: str) -> str:
    return f"{whole}{unit}{rest}{rest_unit}" if rest else f"{whole}{unit}"


def _column(name: str, type_: str = "string", format_: str = "", priority: int = 0, description: str = "") -> dict[str, Any]:
    return {"name": name, "type": type_, "format": format_, "description": description, "priority": priority}


# -- custom resources -------------------------------------------------------------------------------------------------

_CREATED = {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}


def _custom_columns(resource: Resource) -> tuple[Mapping[str, Any], ...]:
    return resource.columns or (_CREATED,)


def _declared(column: Mapping[str, Any]) -> dict[str, Any]:
    rest = {name: at(column, name, default=default) for name, default in (("format", ""), ("priority", 0), ("description", ""))}
    return _column(column["name"], column["type"], rest["format"], rest["priority"], rest["description"])


def _custom_cell(column: Mapping[str, Any], manifest: Manifest, now: float) -> Any:
    found = find(column["jsonPath"], manifest)
    if not found or found[0] is None:
        return None
    value = found[0]
    match column["type"]:
        case "date":
            return age(value, now)
        case "integer" | "number" | "boolean":
            return value
        case _:
            return value if isinstance(value, str) else orjson.dumps(value).decode()


# -- built-in kinds ---------------------------------------------------------------------------------------------------


def _name(manifest: Manifest) -> str:
    return str(at(manifest, "metadata", "name", default=""))


def _age(manifest: Manifest, now: float) -> str:
    return age(at(manifest, "metadata", "creationTimestamp"), now)


def _number(manifest: Manifest, *path: str) -> int:
    return int(at(manifest, *path, default=0))


def _containers(manifest: Manifest) -> list[str]:
    containers = at(manifest, "spec", "template", "spec", "containers", default=[])
    return [
        ",".join(container.get("name", "") for container in containers),
        ",".join(container.get("image", "") for container in containers),
    ]


def _labels(selector: Mapping[str, str]) -> str:
    return ",".join(f"{key}={value}" for key, value in sorted(selector.items())) or _NONE


def _deployment(manifest: Manifest, now: float) -> list[Any]:
    ready = f"{_number(manifest, 'status', 'readyReplicas')}/{_number(manifest, 'spec', 'replicas')}"
    counts = [_number(manifest, "status", "updatedReplicas"), _number(manifest, "status", "availableReplicas")]
    selector = selector_text(at(manifest, "spec", "selector", default={}))
    return [_name(manifest), ready, *counts, _age(manifest, now), *_containers(manifest), selector]


def _replica_set(manifest: Manifest, now: float) -> list[Any]:
    counts = [
        _number(manifest, "spec", "replicas"),
        _number(manifest, "status", "replicas"),
        _number(manifest, "status", "readyReplicas"),
    ]
    selector = selector_text(at(manifest, "spec", "selector", default={}))
    return [_name(manifest), *counts, _age(manifest, now), *_containers(manifest), selector]


def _daemon_set(manifest: Manifest, now: float) -> list[Any]:
    fields = ("desiredNumberScheduled", "currentNumberScheduled", "numberReady", "updatedNumberScheduled", "numberAvailable")
    counts = [_number(manifest, "status", field) for field in fields]
    nodes = _labels(at(manifest, "spec", "template", "spec", "nodeSelector", default={}))
    selector = selector_text(at(manifest, "spec", "selector", default={}))
    return [_name(manifest), *counts, nodes, _age(manifest, now), *_containers(manifest), selector]


def _stateful_set(manifest: Manifest, now: float) -> list[Any]:
    ready = f"{_number(manifest, 'status', 'readyReplicas')}/{_number(manifest, 'spec', 'replicas')}"
    return [_name(manifest), ready, _age(manifest, now), *_containers(manifest)]


def _pod(manifest: Manifest, now: float) -> list[Any]:
    statuses = at(manifest, "status", "containerStatuses", default=[])
    total = len(at(manifest, "spec", "containers", default=[]))
    ready = sum(bool(status.get("ready")) for status in statuses)
    restarts = sum(int(status.get("restartCount", 0)) for status in statuses)
    reason = at(manifest, "status", "reason", default="") or at(manifest, "status", "phase", default="Unknown")
    for status in statuses:
        reason = at(status, "state", "waiting", "reason") or at(status, "state", "terminated", "reason") or reason
    if at(manifest, "metadata", "deletionTimestamp"):
        reason = "Terminating"
    place = [
        at(manifest, "status", "podIP", default=_NONE),
        at(manifest, "spec", "nodeName", default=_NONE),
        at(manifest, "status", "nominatedNodeName", default=_NONE),
        _NONE,
    ]
    return [_name(manifest), f"{ready}/{total}", reason, str(restarts), _age(manifest, now), *place]


def _service(manifest: Manifest, now: float) -> list[Any]:
    spec = at(manifest, "spec", default={})
    ports = []
    for port in spec.get("ports") or ():
        node_port = f":{port['nodePort']}" if port.get("nodePort") else ""
        ports.append(f"{port.get('port')}{node_port}/{port.get('protocol', 'TCP')}")
    external = ",".join(spec.get("externalIPs") or ()) or _NONE
    if spec.get("type") == "ExternalName":
        external = spec.get("externalName", _NONE)
    selector = _labels(spec.get("selector") or {})
    address = spec.get("clusterIP") or _NONE
    kind = spec.get("type", "ClusterIP")
    return [_name(manifest), kind, address, external, ",".join(ports) or _NONE, _age(manifest, now), selector]


def _event(manifest: Manifest, now: float) -> list[Any]:
    involved = at(manifest, "involvedObject", default={})
    first = manifest.get("firstTimestamp") or manifest.get("eventTime")
    series = at(manifest, "series", "lastObservedTime") or manifest.get("lastTimestamp") or first
    source = ", ".join(filter(None, (at(manifest, "source", "component"), at(manifest, "source", "host"))))
    return [
        age(series, now),
        manifest.get("type", ""),
        manifest.get("reason", ""),
        f"{str(involved.get('kind', '')).lower()}/{involved.get('name', '')}",
        involved.get("fieldPath", ""),
        source or manifest.get("reportingComponent", ""),
        str(manifest.get("message", "")).strip(),
        age(first, now),
        int(at(manifest, "series", "count", default=0) or manifest.get("count") or 1),
        _name(manifest),
    ]


def _hpa(manifest: Manifest, now: float) -> list[Any]:
    target = at(manifest, "spec", "scaleTargetRef", default={})
    current = at(manifest, "status", "currentMetrics", default=[])
    targets = [
        _hpa_target(metric, current[index] if index < len(current) else None)
        for index, metric in enumerate(at(manifest, "spec", "metrics", default=[]))
    ]
    least = at(manifest, "spec", "minReplicas")
    return [
        _name(manifest),
        f"{target.get('kind', '')}/{target.get('name', '')}",
        ", ".join(targets) or _NONE,
        "<unset>" if least is None else str(least),
        _number(manifest, "spec", "maxReplicas"),
        _number(manifest, "status", "currentReplicas"),
        _age(manifest, now),
    ]


def _hpa_target(metric: Any, current: Any) -> str:
    kind = str(at(metric, "type", default=""))
    part = kind[:1].lower() + kind[1:]
    wanted = {name: at(metric, part, "target", name) for name in ("averageUtilization", "averageValue", "value")}
    seen = {name: at(current, part, "current", name) for name in wanted}
    if wanted["averageUtilization"] is not None:
        now = _UNKNOWN if seen["averageUtilization"] is None else f"{seen['averageUtilization']}%"
        text = f"{now}/{wanted['averageUtilization']}%"
    elif wanted["averageValue"] is not None:
        text = f"{seen['averageValue'] or _UNKNOWN}/{wanted['averageValue']}{' (avg)' if kind != 'Resource' else ''}"
    else:
        text = f"{seen['value'] or _UNKNOWN}/{wanted['value'] or _UNKNOWN}"
    return f"{at(metric, part, 'name', default='')}: {text}" if kind == "Resource" else text


def _controller_revision(manifest: Manifest, now: float) -> list[Any]:
    owner = next((each for each in at(manifest, "metadata", "ownerReferences", default=[]) if each.get("controller")), None)
    text = _NONE
    if owner is not None:
        group = str(owner["apiVersion"]).rpartition("/")[0]
        kind = str(owner["kind"]).lower()
        text = f"{kind}.{group}/{owner['name']}" if group else f"{kind}/{owner['name']}"
    return [_name(manifest), text, _number(manifest, "revision"), _age(manifest, now)]


def _endpoint_slice(manifest: Manifest, now: float) -> list[Any]:
    ports = [str(port["port"]) for port in manifest.get("ports") or () if port.get("port") is not None]
    addresses = [address for endpoint in manifest.get("endpoints") or () for address in endpoint.get("addresses") or ()]
    return [_name(manifest), manifest.get("addressType", ""), _some(ports), _some(addresses), _age(manifest, now)]


def _some(texts: list[str]) -> str:
    if not texts:
        return "<unset>"
    shown = ",".join(texts[:3])
    return f"{shown} + {len(texts) - 3} more..." if len(texts) > 3 else shown


def _node(manifest: Manifest, now: float) -> list[Any]:
    ready = find('.status.conditions[?(@.type=="Ready")].status', manifest)
    status = {"True": "Ready"}.get(ready[0], "NotReady") if ready else "Unknown"
    if at(manifest, "spec", "unschedulable"):
        status += ",SchedulingDisabled"
    prefix = "node-role.kubernetes.io/"
    roles = sorted(key.removeprefix(prefix) for key in at(manifest, "metadata", "labels", default={}) if key.startswith(prefix))
    version = at(manifest, "status", "nodeInfo", "kubeletVersion", default="")
    return [_name(manifest), status, ",".join(roles) or _NONE, _age(manifest, now), version]


def _with_age(*paths: tuple[str, ...]) -> _Cells:
    return lambda manifest, now: [_name(manifest), *(at(manifest, *path, default="") for path in paths), _age(manifest, now)]


def _data_count(manifest: Manifest) -> int:
    return len(at(manifest, "data", default={})) + len(at(manifest, "binaryData", default={}))


def _created_at(manifest: Manifest, now: float) -> list[Any]:
    return [_name(manifest), at(manifest, "metadata", "creationTimestamp", default="")]


_DEFAULT = _Printer("Name|Created At", _created_at)
_PRINTERS: Mapping[tuple[str, str], _Printer] = {
    ("", "Namespace"): _Printer("Name|Status|Age", _with_age(("status", "phase"))),
    ("", "Node"): _Printer("Name|Status|Roles|Age|Version", _node),
    ("", "Pod"): _Printer("Name|Ready|Status|Restarts|Age|*IP|*Node|*Nominated Node|*Readiness Gates", _pod),
    ("", "Service"): _Printer("Name|Type|Cluster-IP|External-IP|Port(s)|Age|*Selector", _service),
    ("", "ConfigMap"): _Printer("Name|Data|Age", lambda cm, now: [_name(cm), _data_count(cm), _age(cm, now)]),
    ("", "Secret"): _Printer(
        "Name|Type|Data|Age", lambda secret, now: [_name(secret), secret.get("type", ""), _data_count(secret), _age(secret, now)]
    ),
    ("", "ServiceAccount"): _Printer("Name|Age", _with_age()),
    ("", "Event"): _Printer("Last Seen|Type|Reason|Object|*Subobject|*Source|Message|*First Seen|*Count|*Name", _event),
    ("apps", "Deployment"): _Printer("Name|Ready|Up-to-date|Available|Age|*Containers|*Images|*Selector", _deployment),
    ("apps", "ReplicaSet"): _Printer("Name|Desired#|Current#|Ready#|Age|*Containers|*Images|*Selector", _replica_set),
    ("apps", "DaemonSet"): _Printer(
        "Name|Desired#|Current#|Ready#|Up-to-date#|Available#|Node Selector|Age|*Containers|*Images|*Selector", _daemon_set
    ),
    ("apps", "StatefulSet"): _Printer("Name|Ready|Age|*Containers|*Images", _stateful_set),
    ("apps", "ControllerRevision"): _Printer("Name|Controller|Revision|Age", _controller_revision),
    ("autoscaling", "HorizontalPodAutoscaler"): _Printer("Name|Reference|Targets|MinPods|MaxPods|Replicas|Age", _hpa),
    ("coordination.k8s.io", "Lease"): _Printer("Name|Holder|Age", _with_age(("spec", "holderIdentity"))),
    ("discovery.k8s.io", "EndpointSlice"): _Printer("Name|AddressType|Ports|Endpoints|Age", _endpoint_slice),
}
