"""The defaults that the API server adds to a pod spec, in a Pod or in the template of a workload."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from canary_controller.sandbox.objects.quantities import canonical_quantities

_FILE_MODE = 0o644
_POD: Mapping[str, Any] = {
    "restartPolicy": "Always",
    "dnsPolicy": "ClusterFirst",
    "schedulerName": "default-scheduler",
    "terminationGracePeriodSeconds": 30,
    "securityContext": {},
}
_CONTAINER: Mapping[str, Any] = {
    "terminationMessagePath": "/dev/termination-log",
    "terminationMessagePolicy": "File",
    "resources": {},
}
_PROBE: Mapping[str, Any] = {"timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3}
_HTTP: Mapping[str, Any] = {"path": "/", "scheme": "HTTP"}
# A volume source and what is added to it.
_VOLUME_SOURCES: Mapping[str, Mapping[str, Any]] = {
    "configMap": {"defaultMode": _FILE_MODE},
    "secret": {"defaultMode": _FILE_MODE},
    "downwardAPI": {"defaultMode": _FILE_MODE},
    "projected": {"defaultMode": _FILE_MODE},
    "hostPath": {"type": ""},
}
_TAG = re.compile(r":(?P<tag>[^/:@]+)$")


def filled(values: Any, defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Return a map with the defaults it lacks; null counts as lacking, and anything but a map as an empty one."""
    given = values if isinstance(values, Mapping) else {}
    return {**given, **{name: value for name, value in defaults.items() if given.get(name) is None}}


def changed(values: Mapping[str, Any], name: str, change: Callable[[Any], Any], wanted: type = dict) -> dict[str, Any]:
    """Return a map with ``change`` applied to one of its members, if that is there and of the ``wanted`` type."""
    found = values.get(name)
    return {**values, name: change(found)} if isinstance(found, wanted) else dict(values)


def each(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Callable[[list[Any]], list[Any]]:
    """Return ``change`` as a function over lists; elements that are no maps stay as they are."""
    return lambda items: [change(item) if isinstance(item, dict) else item for item in items]


def pod_spec_defaults(spec: Any) -> dict[str, Any]:
    """Return a pod spec with every default that a real API server adds when it reads or writes it."""
    complete = filled(spec, _POD)
    host_network = bool(complete.get("hostNetwork"))
    for name in ("containers", "initContainers", "ephemeralContainers"):
        complete = changed(complete, name, each(lambda container: _container(container, host_network)), list)
    complete = changed(complete, "volumes", each(_volume), list)
    account = complete.get("serviceAccountName") or complete.get("serviceAccount")
    return {**complete, "serviceAccountName": account, "serviceAccount": account} if account else complete


def pull_policy(image: str) -> str:
    """Return the imagePullPolicy for an image reference: ``Always`` for ``latest`` and for no tag and no digest."""
    if "@" in image:
        return "IfNotPresent"
    tag = _TAG.search(image)
    return "IfNotPresent" if tag and tag["tag"] != "latest" else "Always"


def _container(container: dict[str, Any], host_network: bool) -> dict[str, Any]:
    complete = filled(container, {"imagePullPolicy": pull_policy(str(container.get("image") or "")), **_CONTAINER})
    complete = changed(complete, "ports", each(lambda port: _port(port, host_network)), list)
    complete = changed(complete, "env", each(_variable), list)
    complete = changed(complete, "resources", _resources)
    for name in ("livenessProbe", "readinessProbe", "startupProbe"):
        complete = changed(complete, name, _probe)
    return changed(complete, "lifecycle", lambda hooks: {name: _handler(hook) for name, hook in hooks.items()})


def _port(port: dict[str, Any], host_network: bool) -> dict[str, Any]:
    host = {"hostPort": port["containerPort"]} if host_network and "containerPort" in port else {}
    return filled(port, {"protocol": "TCP", **host})


def _variable(variable: dict[str, Any]) -> dict[str, Any]:
    return changed(variable, "valueFrom", _with_field_version)


def _with_field_version(source: Mapping[str, Any]) -> dict[str, Any]:
    source = changed(source, "resourceFieldRef", lambda field: filled(field, {"divisor": "0"}))
    return changed(source, "fieldRef", lambda field: filled(field, {"apiVersion": "v1"}))


def _resources(resources: Mapping[str, Any]) -> dict[str, Any]:
    for name in ("limits", "requests"):
        resources = changed(resources, name, canonical_quantities)
    return dict(resources)


def _probe(probe: Mapping[str, Any]) -> dict[str, Any]:
    complete = filled(_handler(probe), _PROBE)
    return changed(complete, "grpc", lambda check: filled(check, {"service": ""}))


def _handler(handler: Any) -> Any:
    if not isinstance(handler, Mapping):
        return handler
    return changed(handler, "httpGet", lambda get: filled(get, _HTTP))


def _volume(volume: dict[str, Any]) -> dict[str, Any]:
    if set(volume) <= {"name"}:
        return {**volume, "emptyDir": {}}
    complete = volume
    for name, defaults in _VOLUME_SOURCES.items():
        if isinstance(complete.get(name), Mapping):
            complete = {**complete, name: filled(complete[name], defaults)}
    complete = changed(complete, "downwardAPI", _downward)
    return changed(complete, "projected", lambda source: changed(source, "sources", each(_projection), list))


def _downward(source: Mapping[str, Any]) -> dict[str, Any]:
    return changed(source, "items", each(_with_field_version), list)


def _projection(source: dict[str, Any]) -> dict[str, Any]:
    complete = changed(source, "downwardAPI", _downward)
    return changed(complete, "serviceAccountToken", lambda token: filled(token, {"expirationSeconds": 3600}))
