"""What a pod spec must obey, in a Pod or in the template of a workload, in Kubernetes' words."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from canary_controller.sandbox.objects.causes import Cause, duplicate, invalid, not_found, required, unsupported
from canary_controller.sandbox.objects.metadata_validation import dns_label
from canary_controller.sandbox.objects.quantities import parsed
from canarykit.dicts import at

_HANDLERS = ("exec", "httpGet", "tcpSocket", "grpc")
_POSITIVE_PROBE_FIELDS = ("initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold")
_PORT_MAX = 65535


def pod_spec_causes(spec: Mapping[str, Any], field: str) -> Iterator[Cause]:
    """Yield what is wrong with a pod spec that has its defaults; ``field`` is where it stands, e.g. ``spec.template.spec``."""
    volumes = list(maps(spec.get("volumes")))
    yield from _volumes(volumes, f"{field}.volumes")
    names = {volume.get("name") for volume in volumes}
    containers = list(maps(spec.get("containers")))
    if not containers:
        yield required(f"{field}.containers")
    seen: set[Any] = set()
    for kind in ("initContainers", "containers"):
        for index, container in enumerate(maps(spec.get(kind))):
            where = f"{field}.{kind}[{index}]"
            yield from _name(container.get("name"), seen, f"{where}.name")
            yield from _container(container, names, where)
    yield from _one_of(spec.get("restartPolicy"), ("Always", "OnFailure", "Never"), f"{field}.restartPolicy")
    yield from _one_of(
        spec.get("dnsPolicy"), ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"), f"{field}.dnsPolicy"
    )
    yield from at_least(spec.get("terminationGracePeriodSeconds"), 0, f"{field}.terminationGracePeriodSeconds")


def maps(items: Any) -> Iterable[Mapping[str, Any]]:
    """Return the maps in a list; anything else has none."""
    return [item for item in items if isinstance(item, Mapping)] if isinstance(items, list) else []


def at_least(value: Any, least: int, field: str) -> Iterator[Cause]:
    """Yield a cause when a number is below ``least``; absent is right."""
    if isinstance(value, int) and value < least:
        yield invalid(field, value, f"must be greater than or equal to {least}")


def port_causes(port: Any, field: str) -> Iterator[Cause]:
    """Yield a cause when a port number is outside 1 to 65535."""
    if isinstance(port, int) and not 1 <= port <= _PORT_MAX:
        yield invalid(field, port, f"must be between 1 and {_PORT_MAX}, inclusive")


def port_name_causes(name: Any, field: str) -> Iterator[Cause]:
    """Yield what is wrong with the name of a port (IANA service name)."""
    if len(name) > 15:
        yield invalid(field, name, "must be no more than 15 bytes")
    if not re.fullmatch("[-a-z0-9]*", name):
        yield invalid(field, name, "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)")
    if not re.search("[a-z]", name):
        yield invalid(field, name, "must contain at least one letter (a-z)")
    if "--" in name:
        yield invalid(field, name, "must not contain consecutive hyphens")
    if name.startswith("-") or name.endswith("-"):
        yield invalid(field, name, "must not begin or end with a hyphen")


def _one_of(value: Any, known: Iterable[str], field: str) -> Iterator[Cause]:
    if value is not None and value not in known:
        yield unsupported(field, value, sorted(known))


def _name(name: Any, seen: set[Any], field: str) -> Iterator[Cause]:
    if not name:
        yield required(field)
        return
    yield from (invalid(field, name, text) for text in dns_label(str(name)))
    if name in seen:
        yield duplicate(field, name)
    seen.add(name)


def _volumes(volumes: Iterable[Mapping[str, Any]], field: str) -> Iterator[Cause]:
    seen: set[Any] = set()
    for index, volume in enumerate(volumes):
        yield from _name(volume.get("name"), seen, f"{field}[{index}].name")
        sources = [name for name in volume if name != "name" and volume[name] is not None]
        for source in sources[1:]:
            yield Cause("FieldValueForbidden", "Forbidden: may not specify more than 1 volume type", f"{field}[{index}].{source}")


def _container(container: Mapping[str, Any], volumes: set[Any], field: str) -> Iterator[Cause]:
    image = container.get("image")
    if not image:
        yield required(f"{field}.image")
    elif str(image) != str(image).strip():
        yield invalid(f"{field}.image", image, "must not have leading or trailing whitespace")
    yield from _one_of(container.get("imagePullPolicy"), ("Always", "IfNotPresent", "Never"), f"{field}.imagePullPolicy")
    yield from _ports(maps(container.get("ports")), f"{field}.ports")
    yield from _variables(maps(container.get("env")), f"{field}.env")
    yield from _mounts(maps(container.get("volumeMounts")), volumes, f"{field}.volumeMounts")
    yield from _resources(at(container, "resources", default={}), f"{field}.resources")
    for name in ("livenessProbe", "readinessProbe", "startupProbe"):
        if isinstance(container.get(name), Mapping):
            yield from _probe(container[name], f"{field}.{name}", name != "readinessProbe")


def _ports(ports: Iterable[Mapping[str, Any]], field: str) -> Iterator[Cause]:
    names: set[Any] = set()
    for index, port in enumerate(ports):
        where = f"{field}[{index}]"
        if name := port.get("name"):
            yield from port_name_causes(str(name), f"{where}.name")
            if name in names:
                yield duplicate(f"{where}.name", name)
            names.add(name)
        if not port.get("containerPort"):
            yield required(f"{where}.containerPort")
        else:
            yield from port_causes(port["containerPort"], f"{where}.containerPort")
        yield from _one_of(port.get("protocol"), ("TCP", "UDP", "SCTP"), f"{where}.protocol")


def _variables(variables: Iterable[Mapping[str, Any]], field: str) -> Iterator[Cause]:
    for index, variable in enumerate(variables):
        if not variable.get("name"):
            yield required(f"{field}[{index}].name")
        source = variable.get("valueFrom")
        if not isinstance(source, Mapping):
            continue
        if variable.get("value"):
            yield invalid(f"{field}[{index}].valueFrom", "", "may not be specified when `value` is not empty")
        given = [name for name in source if source[name] is not None]
        if not given:
            text = "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`"
            yield invalid(f"{field}[{index}].valueFrom", "", text)
        if len(given) > 1:
            yield invalid(f"{field}[{index}].valueFrom", "", "may not have more than one field specified at a time")


def _mounts(mounts: Iterable[Mapping[str, Any]], volumes: set[Any], field: str) -> Iterator[Cause]:
    paths: set[Any] = set()
    for index, mount in enumerate(mounts):
        where, path = f"{field}[{index}]", mount.get("mountPath")
        if not mount.get("name"):
            yield required(f"{where}.name")
        elif mount["name"] not in volumes:
            yield not_found(f"{where}.name", mount["name"])
        if not path:
            yield required(f"{where}.mountPath")
        elif path in paths:
            yield invalid(f"{where}.mountPath", path, "must be unique")
        paths.add(path)


def _resources(resources: Mapping[str, Any], field: str) -> Iterator[Cause]:
    limits = at(resources, "limits", default={})
    for kind in ("limits", "requests"):
        for name, amount in at(resources, kind, default={}).items():
            number = parsed(amount)
            if number is not None and number < 0:
                yield invalid(f"{field}.{kind}[{name}]", amount, "must be greater than or equal to 0")
    for name, amount in at(resources, "requests", default={}).items():
        wanted, limit = parsed(amount), parsed(limits.get(name))
        if wanted is not None and limit is not None and wanted > limit:
            yield invalid(f"{field}.requests", amount, f"must be less than or equal to {name} limit of {limits[name]}")


def _probe(probe: Mapping[str, Any], field: str, once: bool) -> Iterator[Cause]:
    handlers = [name for name in _HANDLERS if probe.get(name) is not None]
    if not handlers:
        yield required(field, "must specify a handler type")
    for name in handlers[1:]:
        yield Cause("FieldValueForbidden", "Forbidden: may not specify more than 1 handler type", f"{field}.{name}")
    for name in _POSITIVE_PROBE_FIELDS:
        yield from at_least(probe.get(name), 0, f"{field}.{name}")
    if once and probe.get("successThreshold", 1) != 1:
        yield invalid(f"{field}.successThreshold", probe["successThreshold"], "must be 1")
    get = probe.get("httpGet")
    if isinstance(get, Mapping):
        if not get.get("port"):
            yield invalid(f"{field}.httpGet.port", get.get("port", 0), f"must be between 1 and {_PORT_MAX}, inclusive")
        yield from port_causes(get.get("port"), f"{field}.httpGet.port") if get.get("port") else ()
        if get.get("scheme") not in (None, "HTTP", "HTTPS"):
            yield unsupported(f"{field}.httpGet.scheme", get["scheme"], ["HTTP", "HTTPS"])
