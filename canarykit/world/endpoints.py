"""EndpointSlices: one per Service with a selector, listing the selected pods and whether they are ready."""

from collections.abc import Mapping
from typing import Any

from canarykit.dicts import at
from canarykit.kinds import ENDPOINT_SLICE, POD, SERVICE
from canarykit.model import Ref
from canarykit.world import pods
from canarykit.world.behaviour import Behaviour
from canarykit.world.traffic import QUIET, Traffic
from canarykit.world.view import CREATE, DELETE, MERGE_PATCH, Found, Step, View, Write, is_going, joined, owner_reference

SERVICE_NAME_LABEL = "kubernetes.io/service-name"
MANAGER_LABEL = "endpointslice.kubernetes.io/managed-by"
SUFFIX = "-ck"


def step(view: View, now: float, behaviour: Behaviour, traffic: Traffic = QUIET) -> Step:
    """Bring the slice of every Service to what its selector selects; remove those of Services without a selector."""
    return joined(_service(view, ref, each) for ref, each in view.of_kind(SERVICE) if not is_going(each))


def ready_addresses(view: View, service: Ref) -> tuple[str, ...]:
    """Return the addresses that the EndpointSlices of ``service`` list as ready, sorted."""
    slices = view.labelled(ENDPOINT_SLICE, service.namespace, {SERVICE_NAME_LABEL: service.name})
    endpoints = (each for _, found in slices for each in at(found, "endpoints", default=()))
    ready = (each for each in endpoints if at(each, "conditions", "ready", default=True))
    return tuple(sorted(address for each in ready for address in each["addresses"]))


def selected_pods(view: View, service: Mapping[str, Any]) -> list[Found]:
    """Return the pods that the Service selects, ready or not, without those that have ended."""
    selector = at(service, "spec", "selector", default={})
    found = view.labelled(POD, at(service, "metadata", "namespace", default=""), selector)
    return [each for each in found if at(each[1], "status", "phase") not in ("Failed", "Succeeded")]


def _service(view: View, ref: Ref, service: Mapping[str, Any]) -> Step:
    slice_ref = Ref.to(ENDPOINT_SLICE, ref.namespace, ref.name + SUFFIX)
    live = view.get(slice_ref)
    if not at(service, "spec", "selector") or at(service, "spec", "type") == "ExternalName":
        return Step((Write(DELETE, slice_ref),) if live else ())
    wanted = _slice(view, slice_ref, service)
    if live is None:
        return Step((Write(CREATE, slice_ref, wanted),))
    parts = {key: wanted[key] for key in ("endpoints", "ports") if (live.get(key) or []) != wanted[key]}
    return Step((Write(MERGE_PATCH, slice_ref, parts),) if parts else ())


def _slice(view: View, ref: Ref, service: Mapping[str, Any]) -> dict[str, Any]:
    found = [each for each in selected_pods(view, service) if at(each[1], "status", "podIP")]
    return {
        "apiVersion": ENDPOINT_SLICE.api_version,
        "kind": ENDPOINT_SLICE.kind,
        "metadata": {
            "name": ref.name,
            "namespace": ref.namespace,
            "labels": {SERVICE_NAME_LABEL: service["metadata"]["name"], MANAGER_LABEL: "endpointslice-controller.k8s.io"},
            "ownerReferences": [owner_reference(service)],
        },
        "addressType": "IPv4",
        "endpoints": [_endpoint(pod_ref, pod, service) for pod_ref, pod in found],
        "ports": [_port(port, found) for port in at(service, "spec", "ports", default=())],
    }


def _endpoint(ref: Ref, pod: Mapping[str, Any], service: Mapping[str, Any]) -> dict[str, Any]:
    serving = pods.is_ready(pod)
    endpoint = {
        "addresses": [at(pod, "status", "podIP")],
        "conditions": {
            "ready": serving or bool(at(service, "spec", "publishNotReadyAddresses", default=False)),
            "serving": serving,
            "terminating": is_going(pod),
        },
        "targetRef": {"kind": "Pod", "namespace": ref.namespace, "name": ref.name, "uid": at(pod, "metadata", "uid", default="")},
    }
    node = at(pod, "spec", "nodeName")
    return endpoint | ({"nodeName": node} if node else {})


def _port(port: Mapping[str, Any], found: list[Found]) -> dict[str, Any]:
    wanted = port.get("targetPort") or port["port"]
    number = wanted if isinstance(wanted, int) else _named_port(wanted, found)
    entry = {"name": port.get("name", ""), "protocol": port.get("protocol", "TCP")}
    return entry | ({"port": number} if number else {})


def _named_port(name: str, found: list[Found]) -> int | None:
    """Return the container port of that name; the first pod speaks for all."""
    containers = (each for _, pod in found for each in at(pod, "spec", "containers", default=()))
    ports = (port for each in containers for port in at(each, "ports", default=()))
    return next((port["containerPort"] for port in ports if port.get("name") == name), None)
