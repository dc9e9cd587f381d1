"""Whether a JSON object can be read as a built-in kind at all: fields of the wrong JSON type are a 400, before any rule."""

from collections.abc import Iterator, Mapping
from typing import Any

from canary_controller.sandbox.objects.quantities import parsed

_POD_SPEC = {
    "": "map",
    "containers": "list",
    "containers[].name": "text",
    "containers[].image": "text",
    "containers[].command": "list",
    "containers[].args": "list",
    "containers[].ports": "list",
    "containers[].ports[].containerPort": "int",
    "containers[].ports[].name": "text",
    "containers[].env": "list",
    "containers[].env[].name": "text",
    "containers[].env[].value": "text",
    "containers[].resources": "map",
    "containers[].resources.limits": "quantities",
    "containers[].resources.requests": "quantities",
    "containers[].volumeMounts": "list",
    "containers[].volumeMounts[].name": "text",
    "containers[].volumeMounts[].mountPath": "text",
    "initContainers": "list",
    "initContainers[].name": "text",
    "initContainers[].image": "text",
    "nodeSelector": "texts",
    "terminationGracePeriodSeconds": "int",
    "volumes": "list",
    "volumes[].name": "text",
}


def _workload(kind: str) -> dict[str, str]:
    return {
        "spec": "map",
        "spec.replicas": "int",
        "spec.minReadySeconds": "int",
        "spec.revisionHistoryLimit": "int",
        "spec.selector": "map",
        "spec.selector.matchLabels": "texts",
        "spec.template": "map",
        "spec.template.metadata.labels": "texts",
        "spec.template.metadata.annotations": "texts",
        **{f"spec.template.spec.{path}".rstrip("."): wanted for path, wanted in _POD_SPEC.items()},
        "status.replicas": "int",
        "status.readyReplicas": "int",
        "status.availableReplicas": "int",
        "status.conditions": "list",
        **(
            {"spec.strategy": "map", "spec.paused": "bool", "spec.progressDeadlineSeconds": "int"} if kind == "Deployment" else {}
        ),
    }


_EVERY = {
    "metadata": "map",
    "metadata.name": "text",
    "metadata.labels": "texts",
    "metadata.annotations": "texts",
    "metadata.finalizers": "list",
    "metadata.ownerReferences": "list",
    "status": "map",
}
_FIELDS: Mapping[tuple[str, str], Mapping[str, str]] = {
    **{("apps", kind): _workload(kind) for kind in ("DaemonSet", "Deployment", "ReplicaSet", "StatefulSet")},
    ("", "Pod"): {f"spec.{path}".rstrip("."): wanted for path, wanted in _POD_SPEC.items()},
    ("", "Service"): {
        "spec": "map",
        "spec.type": "text",
        "spec.selector": "texts",
        "spec.ports": "list",
        "spec.ports[].name": "text",
        "spec.ports[].port": "int",
        "spec.ports[].nodePort": "int",
        "spec.clusterIP": "text",
    },
    ("", "ConfigMap"): {"data": "texts", "immutable": "bool"},
    ("", "Secret"): {"data": "texts", "stringData": "texts", "type": "text", "immutable": "bool"},
    ("", "Event"): {"involvedObject": "map", "message": "text", "reason": "text", "count": "int"},
    ("autoscaling", "HorizontalPodAutoscaler"): {
        "spec": "map",
        "spec.scaleTargetRef": "map",
        "spec.minReplicas": "int",
        "spec.maxReplicas": "int",
        "spec.metrics": "list",
        "spec.behavior": "map",
    },
    ("apps", "ControllerRevision"): {"revision": "int"},
    ("coordination.k8s.io", "Lease"): {"spec": "map", "spec.leaseDurationSeconds": "int", "spec.leaseTransitions": "int"},
    ("discovery.k8s.io", "EndpointSlice"): {"addressType": "text", "endpoints": "list", "ports": "list"},
}
_GO_TYPES = {"int": "int32", "text": "string", "texts": "string", "bool": "bool", "list": "list", "map": "object"}
_QUANTITY = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"


def decode_problem(manifest: Mapping[str, Any]) -> str | None:
    """Return the message of the 400 answer when a built-in object has a field of the wrong JSON type, else None.

    Call it before adding defaults. Only fields that matter here are looked at; an unknown kind has its metadata checked.
    """
    api_version, kind = str(manifest.get("apiVersion", "")), str(manifest.get("kind", ""))
    group, _, version = api_version.rpartition("/")
    for path, wanted in {**_EVERY, **_FIELDS.get((group, kind), {})}.items():
        for value in _values(manifest, path.replace("[]", ".[]").split(".")):
            if text := _complaint(value, wanted, kind, path.replace("[]", "")):
                return f'{kind} in version "{version}" cannot be handled as a {kind}: {text}'
    return None


def _values(here: Any, path: list[str]) -> Iterator[Any]:
    """Every value at a path; ``[]`` stands for each element of a list. What is absent or null is not looked at."""
    if here is None:
        return
    if not path:
        yield here
    elif path[0] == "[]":
        for item in here if isinstance(here, list) else ():
            yield from _values(item, path[1:])
    elif isinstance(here, Mapping):
        yield from _values(here.get(path[0]), path[1:])


def _complaint(value: Any, wanted: str, kind: str, path: str) -> str:
    if wanted == "quantities":
        wrong = not isinstance(value, Mapping) or any(parsed(amount) is None for amount in value.values())
        return _QUANTITY if wrong else ""
    if wanted == "texts" and isinstance(value, Mapping):
        odd = [item for item in value.values() if item is not None and not isinstance(item, str)]
        return _mismatch(odd[0], "string", kind, path) if odd else ""
    fits = {
        "int": isinstance(value, int) and not isinstance(value, bool),
        "text": isinstance(value, str),
        "bool": isinstance(value, bool),
        "list": isinstance(value, list),
        "map": isinstance(value, Mapping),
        "texts": False,
    }[wanted]
    return "" if fits else _mismatch(value, _GO_TYPES[wanted], kind, path)


def _mismatch(value: Any, go_type: str, kind: str, path: str) -> str:
    found = {bool: "bool", int: "number", float: "number", str: "string", list: "array", dict: "object"}[type(value)]
    owner = f"{kind}Spec" if path.startswith("spec.") else kind
    return f"json: cannot unmarshal {found} into Go struct field {owner}.{path} of type {go_type}"
