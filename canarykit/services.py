"""The three Services of a Canary (apex, primary, canary): what they shall be, and what is left to do about an existing one.

Their ports come from `canarykit.ports`. Source: routers.md section 4.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from canarykit.dicts import Manifest, at, contains, pruned
from canarykit.errors import Problem
from canarykit.kinds import SERVICE
from canarykit.names import FLUX_OPT_OUT, Names, primary_of
from canarykit.ports import discover_ports, port_problems
from canarykit.settings import Settings
from canarykit.spec import Canary, Metadata, Service, UnmanagedMetadata

__all__ = [
    "adopt_patch",
    "apex_side",
    "desired_services",
    "discover_ports",
    "fit_to_live",
    "name_problems",
    "port_problems",
    "same_service",
]

APEX = "apex"
PRIMARY = "primary"
CANARY = "canary"
TARGET = "target"
OTHER = "other"
NAME_LENGTH = 63
NOTHING_UNMANAGED = UnmanagedMetadata()


def desired_services(
    canary: Canary,
    names: Names,
    label: str,
    value: str,
    ports: Iterable[Manifest],
    owner: Manifest,
    settings: Settings,
    match_labels: Mapping[str, str] | None = None,
) -> dict[str, dict[str, Any]]:
    """Return the complete Services by role: ``apex``, ``primary`` and ``canary``. The apex selects the primary.

    Args:
        canary: its ``spec.service`` gives metadata, headless and traffic distribution.
        names: of the Canary.
        label: the selector label; ``value`` is what the target's pods carry there.
        ports: what `discover_ports` gave.
        owner: the ownerReference to the Canary.
        settings: its ``include_label_prefixes`` do not apply to Services, whose metadata is written in the Canary itself.
        match_labels: the target's matchLabels; those besides ``label`` go into the selectors, too, so that two workloads which
            share that label are not mixed (D2). None keeps upstream's selector of one pair.

    ``spec.type`` is left out: a new Service gets ClusterIP, and a type that somebody gave a living one is not taken back.
    Source: routers.md section 4.1.
    """
    service = canary.spec.service
    others = {key: text for key, text in (match_labels or {}).items() if key != label}
    roles = {
        CANARY: (names.apex_canary, value, service.canary),
        PRIMARY: (names.apex_primary, primary_of(value), service.primary),
        APEX: (names.apex, primary_of(value), service.apex),
    }
    return {
        role: {
            "apiVersion": SERVICE.api_version,
            "kind": SERVICE.kind,
            "metadata": {
                "name": name,
                "namespace": names.namespace,
                **_metadata(metadata, label, name),
                "ownerReferences": [dict(owner)],
            },
            "spec": _spec(service, {**others, label: selected}, ports),
        }
        for role, (name, selected, metadata) in roles.items()
    }


def apex_side(service: Manifest | None, label: str, value: str) -> str | None:
    """Return whom a Service selects: ``primary``, ``target``, ``other`` (anything else), or None when there is no Service."""
    if service is None:
        return None
    return {primary_of(value): PRIMARY, value: TARGET}.get(at(service, "spec", "selector", label, default=""), OTHER)


def same_service(observed: Manifest, wanted: Manifest, unmanaged: UnmanagedMetadata = NOTHING_UNMANAGED) -> bool:
    """Tell whether an observed Service already says what is wanted.

    Selector and ports are compared exactly (nodePorts that the API server gave do not count), labels and annotations by subset
    and without the ``unmanaged`` keys, traffic distribution if it is wanted. Type and clusterIP matter at creation only.
    Source: routers.md section 4.3. Differs: foreign labels and annotations stay.
    """
    fitted = fit_to_live(wanted, observed, unmanaged)
    traffic = at(fitted, "spec", "trafficDistribution")
    return (
        _same_ends(observed, wanted)
        and contains(at(observed, "metadata", "labels", default={}), at(fitted, "metadata", "labels", default={}))
        and contains(at(observed, "metadata", "annotations", default={}), at(fitted, "metadata", "annotations", default={}))
        and traffic in (None, at(observed, "spec", "trafficDistribution"))
    )


def fit_to_live(wanted: Manifest, observed: Manifest | None, unmanaged: UnmanagedMetadata = NOTHING_UNMANAGED) -> dict[str, Any]:
    """Return ``wanted`` as it can be applied to a living Service of ours.

    A clusterIP cannot change, so headless follows the living Service; ``unmanaged`` labels and annotations keep their live value
    (absent ones stay absent); nodePorts of ports with the same name are kept. Without a living Service ``wanted`` comes back.
    """
    if observed is None:
        return dict(wanted)
    spec = {key: member for key, member in wanted["spec"].items() if key != "clusterIP"}
    headless = {"clusterIP": "None"} if at(observed, "spec", "clusterIP") == "None" else {}
    metadata = {
        **wanted["metadata"],
        "labels": _unmanaged(wanted, observed, "labels", unmanaged.labels),
        "annotations": _unmanaged(wanted, observed, "annotations", unmanaged.annotations),
    }
    return {**wanted, "metadata": metadata, "spec": {**spec, **headless, "ports": _with_node_ports(observed, wanted)}}


def adopt_patch(observed: Manifest, wanted: Manifest) -> list[dict[str, Any]]:
    """Return the JSON patch that gives a user's own Service the wanted ports and selector; empty when it has them.

    Both are replaced whole: ports and selector keys of the user's go. Other metadata stays, no owner is added, and Flux is told
    to leave the Service alone, or it would take the selector back. Source: routers.md section 4.3, rule 4.
    """
    if _same_ends(observed, wanted):
        return []
    annotations = at(observed, "metadata", "annotations")
    marks = [
        {"op": "add", "path": f"/metadata/annotations/{key.replace('~', '~0').replace('/', '~1')}", "value": text}
        for key, text in FLUX_OPT_OUT.items()
    ]
    return [
        *(marks if annotations else [{"op": "add", "path": "/metadata/annotations", "value": dict(FLUX_OPT_OUT)}]),
        {"op": "add", "path": "/spec/ports", "value": _with_node_ports(observed, wanted)},
        {"op": "add", "path": "/spec/selector", "value": dict(wanted["spec"]["selector"])},
    ]


def name_problems(names: Names) -> tuple[Problem, ...]:
    """Return a Problem if the longest of the Services' names is more than a Service may be called (D12)."""
    longest = max(names.apex, names.apex_canary, names.apex_primary, key=len)
    if len(longest) <= NAME_LENGTH:
        return ()
    advice = f"Give spec.service.name a name of at most {NAME_LENGTH - len(longest) + len(names.apex)} characters."
    return (Problem("spec.service.name", f"makes a Service name longer than {NAME_LENGTH}", longest, advice, code="D12"),)


def _metadata(metadata: Metadata, label: str, name: str) -> dict[str, dict[str, str]]:
    return {
        "labels": {**metadata.labels, label: name},
        "annotations": {**metadata.annotations, **FLUX_OPT_OUT},
    }


def _spec(service: Service, selector: Mapping[str, str], ports: Iterable[Manifest]) -> dict[str, Any]:
    optional = {
        "clusterIP": "None" if service.headless else "",
        "trafficDistribution": service.traffic_distribution,
    }
    return {
        "selector": dict(selector),
        "ports": [dict(port) for port in ports],
        **{key: text for key, text in optional.items() if text},
    }


def _same_ends(observed: Manifest, wanted: Manifest) -> bool:
    same_selector = pruned(at(observed, "spec", "selector", default={})) == pruned(wanted["spec"]["selector"])
    return same_selector and _by_number(at(observed, "spec", "ports", default=())) == _by_number(wanted["spec"]["ports"])


def _by_number(ports: Iterable[Manifest]) -> list[dict[str, Any]]:
    """Ports in one order, with what the API server fills in, and without the nodePorts that it gives."""
    plain = [
        {"protocol": "TCP", "targetPort": port["port"], **{key: member for key, member in port.items() if key != "nodePort"}}
        for port in ports
    ]
    return sorted((pruned(port) for port in plain), key=lambda port: (port["port"], port["protocol"]))


def _with_node_ports(observed: Manifest, wanted: Manifest) -> list[dict[str, Any]]:
    given = {port.get("name"): port["nodePort"] for port in at(observed, "spec", "ports", default=()) if port.get("nodePort")}
    return [
        {**port, "nodePort": given[port.get("name")]} if port.get("name") in given else dict(port)
        for port in wanted["spec"]["ports"]
    ]


def _unmanaged(wanted: Manifest, observed: Manifest, kind: str, keys: Iterable[str]) -> dict[str, str]:
    live = at(observed, "metadata", kind, default={})
    left_alone = set(keys)
    managed = {key: text for key, text in wanted["metadata"].get(kind, {}).items() if key not in left_alone}
    return managed | {key: live[key] for key in sorted(left_alone) if key in live}
