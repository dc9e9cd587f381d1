"""Ports of the generated Services: the main one, and those discovered in the target's containers.

Source: routers.md sections 4.1 and 4.2.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from canarykit.dicts import Manifest, at
from canarykit.errors import Problem
from canarykit.spec import Service

SIDECARS = frozenset({"istio-proxy", "envoy"})
TCP = "TCP"
NAME_LENGTH = 63

Port = dict[str, Any]


def discover_ports(pod_template: Manifest, service: Service) -> list[Port]:
    """Return the ports of the generated Services, the main one first.

    With ``service.port_discovery`` every port of every container follows, in the template's order, but for sidecars
    (``istio-proxy``, ``envoy``) and the main port itself. Its name is the container's own, or ``tcp-<container>-<index>``; of two
    with one name the later counts. Ports that the API server would refuse next to the others are left out (`port_problems`).

    Example: ``[{"name": "http", "protocol": "TCP", "port": 80, "targetPort": 9898}, {"name": "grpc", …}]``.
    Source: routers.md section 4.2. Differs: the protocol is the container's; upstream makes all of them TCP.
    """
    return _sorted_out(pod_template, service)[0]


def port_problems(pod_template: Manifest, service: Service) -> tuple[Problem, ...]:
    """Return a warning for each discovered port that `discover_ports` leaves out, and why."""
    return tuple(_sorted_out(pod_template, service)[1])


def _sorted_out(pod_template: Manifest, service: Service) -> tuple[list[Port], list[Problem]]:
    listed = [_main_port(service)]
    problems: list[Problem] = []
    found = {port["name"]: port for port in _container_ports(pod_template, service)} if service.port_discovery else {}
    for port in found.values():
        why_not = _clash(port, listed)
        if why_not:
            problems.append(_left_out(port, why_not))
        else:
            listed.append(port)
    return listed, problems


def _main_port(service: Service) -> Port:
    target = service.port if service.target_port is None else service.target_port
    main = {"name": service.port_name, "protocol": TCP, "port": service.port, "targetPort": target}
    return {**main, "appProtocol": service.app_protocol} if service.app_protocol else main


def _container_ports(pod_template: Manifest, service: Service) -> Iterator[Port]:
    for container in at(pod_template, "spec", "containers", default=()):
        if container.get("name") in SIDECARS:
            continue
        for index, port in enumerate(container.get("ports") or ()):
            if _is_main(port, service):
                continue
            number, protocol = port["containerPort"], port.get("protocol") or TCP
            name = port.get("name") or f"{protocol.lower()}-{container['name']}-{index}"
            yield {"name": name, "protocol": protocol, "port": number, "targetPort": number}


def _is_main(port: Manifest, service: Service) -> bool:
    """A named target port is found by name; a number, or none at all, by number."""
    if isinstance(service.target_port, str):
        return bool(port.get("name") == service.target_port)
    return bool(port["containerPort"] == (service.port if service.target_port is None else service.target_port))


def _clash(port: Port, listed: Iterable[Port]) -> str:
    """Say why the API server would refuse ``port`` next to the listed ones, or ""."""
    if len(port["name"]) > NAME_LENGTH:
        return f"its name would be longer than {NAME_LENGTH} characters"
    for other in listed:
        if other["name"] == port["name"]:
            return f"its name is that of port {other['port']}"
        if (other["port"], other["protocol"]) == (port["port"], port["protocol"]):
            return f"the number is already that of port {other['name']}"
    return ""


def _left_out(port: Port, why_not: str) -> Problem:
    return Problem(
        path="spec.service.portDiscovery",
        problem=f"leaves out container port {port['name']}, since {why_not}",
        value=port["port"],
        next_step="Give the container port another name or number, or set spec.service.portName.",
        severity="warning",
        code="port-clash",
    )
