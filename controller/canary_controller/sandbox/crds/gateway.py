"""gateway.networking.k8s.io: GatewayClass, Gateway and HTTPRoute, as v1 (stored) and v1beta1 of one schema.

Source: Gateway API reference 1.4, standard channel with CORS; routers.md section 3.2.
"""

from typing import Any

from canary_controller.sandbox.crds.schemas import (
    AGE,
    Definition,
    Schema,
    anything,
    choice,
    condition_column,
    conditions,
    flag,
    keyed,
    number,
    record,
    several,
    text,
    texts,
)

_GROUP = "gateway.networking.k8s.io"
_VERSIONS = ("v1", "v1beta1")
_ATOMIC = {"x-kubernetes-list-type": "atomic"}
_DURATION = r"^([0-9]{1,5}(h|m|s|ms)){1,4}$"
_HOST = r"^(\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"
_HEADER_NAME = r"^[A-Za-z0-9!#$%&'*+\-.^_\x60|~]+$"
_GATEWAY_CLASS = Definition(
    _GROUP,
    "GatewayClass",
    "gatewayclasses",
    _VERSIONS,
    columns=(("Controller", ".spec.controllerName"), condition_column("Accepted"), AGE),
    short_names=("gc",),
    categories=("gateway-api",),
    cluster_wide=True,
)
_GATEWAY = Definition(
    _GROUP,
    "Gateway",
    "gateways",
    _VERSIONS,
    columns=(
        ("Class", ".spec.gatewayClassName"),
        ("Address", ".status.addresses[*].value"),
        condition_column("Programmed"),
        AGE,
    ),
    short_names=("gtw",),
    categories=("gateway-api",),
)
_HTTP_ROUTE = Definition(
    _GROUP,
    "HTTPRoute",
    "httproutes",
    _VERSIONS,
    columns=(("Hostnames", ".spec.hostnames"), AGE),
    categories=("gateway-api",),
)


def crds() -> tuple[dict[str, Any], ...]:
    """Return the three CustomResourceDefinitions."""
    return (
        _GATEWAY_CLASS.crd(_gateway_class_spec(), record({"conditions": conditions(), "supportedFeatures": several(anything())})),
        _GATEWAY.crd(_gateway_spec(), _gateway_status()),
        _HTTP_ROUTE.crd(_route_spec(), _route_status()),
    )


def _name() -> Schema:
    return text(minLength=1, maxLength=253)


def _port() -> Schema:
    return number(1, 65535)


def _host(**more: Any) -> Schema:
    return text(minLength=1, maxLength=253, pattern=_HOST, **more)


def _duration() -> Schema:
    return text(pattern=_DURATION)


def _gateway_class_spec() -> Schema:
    parameters = {"group": text(), "kind": text(), "name": _name(), "namespace": text()}
    fields = {
        "controllerName": text(minLength=1, maxLength=253),
        "description": text(maxLength=64),
        "parametersRef": record(parameters, "group", "kind", "name"),
    }
    return record(fields, "controllerName")


def _gateway_spec() -> Schema:
    from_namespaces = record({"from": choice("All", "Selector", "Same", default="Same"), "selector": anything()})
    allowed = record(
        {
            "namespaces": {**from_namespaces, "default": {"from": "Same"}},
            "kinds": several(record({"group": text(default=_GROUP), "kind": text()}, "kind")),
        },
        default={"namespaces": {"from": "Same"}},
    )
    certificate = {"group": text(default=""), "kind": text(default="Secret"), "name": _name(), "namespace": text()}
    tls = {
        "mode": choice("Terminate", "Passthrough", default="Terminate"),
        "certificateRefs": several(record(certificate, "name")),
        "options": texts(),
    }
    listener = {
        "name": _name(),
        "hostname": _host(),
        "port": _port(),
        "protocol": text(minLength=1, maxLength=255),
        "tls": record(tls),
        "allowedRoutes": allowed,
    }
    address = {"type": text(default="IPAddress"), "value": text(maxLength=253)}
    fields = {
        "gatewayClassName": _name(),
        "listeners": keyed(record(listener, "name", "port", "protocol"), "name", minItems=1, maxItems=64),
        "addresses": several(record(address), maxItems=16, **_ATOMIC),
        "infrastructure": anything(),
    }
    return record(fields, "gatewayClassName", "listeners")


def _gateway_status() -> Schema:
    kind = record({"group": text(default=_GROUP), "kind": text()}, "kind")
    listener = {
        "name": _name(),
        "attachedRoutes": number(),
        "supportedKinds": several(kind),
        "conditions": conditions(maxItems=8),
    }
    return record({
        "addresses": several(record({"type": text(default="IPAddress"), "value": text()}, "value"), maxItems=16, **_ATOMIC),
        "conditions": conditions(maxItems=8),
        "listeners": keyed(record(listener, "name", "attachedRoutes", "conditions"), "name", maxItems=64),
    })  # fmt: skip


def _parent() -> Schema:
    fields = {
        "group": text(default=_GROUP, maxLength=253),
        "kind": text(default="Gateway", minLength=1, maxLength=63),
        "namespace": text(minLength=1, maxLength=63),
        "name": _name(),
        "sectionName": _name(),
        "port": _port(),
    }
    return record(fields, "name")


def _route_spec() -> Schema:
    everything = [{"path": {"type": "PathPrefix", "value": "/"}}]
    rule = record({
        "name": _name(),
        "matches": several(_match(), maxItems=64, default=everything, **_ATOMIC),
        "filters": several(_filter(), maxItems=16, **_ATOMIC),
        "backendRefs": several(_backend(), maxItems=16, **_ATOMIC),
        "timeouts": record({"request": _duration(), "backendRequest": _duration()}),
        "retry": record({"attempts": number(), "backoff": _duration(), "codes": several(number(400, 599), **_ATOMIC)}),
        "sessionPersistence": anything(),
    })  # fmt: skip
    return record({
        "parentRefs": several(_parent(), maxItems=32, **_ATOMIC),
        "hostnames": several(_host(), maxItems=16, **_ATOMIC),
        "rules": several(rule, minItems=1, maxItems=16, default=[{"matches": everything}], **_ATOMIC),
    })  # fmt: skip


def _match() -> Schema:
    path = {
        "type": choice("Exact", "PathPrefix", "RegularExpression", default="PathPrefix"),
        "value": text(default="/", maxLength=1024),
    }
    methods = ("GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH")
    return record({
        "path": record(path, default={"type": "PathPrefix", "value": "/"}),
        "headers": _named_values(4096, maxItems=16),
        "queryParams": _named_values(1024, maxItems=16),
        "method": choice(*methods),
    })  # fmt: skip


def _header_name() -> Schema:
    return text(minLength=1, maxLength=256, pattern=_HEADER_NAME)


def _named_values(longest: int, **more: Any) -> Schema:
    """Header or query conditions, one per name."""
    fields = {
        "type": choice("Exact", "RegularExpression", default="Exact"),
        "name": _header_name(),
        "value": text(minLength=1, maxLength=longest),
    }
    return keyed(record(fields, "name", "value"), "name", **more)


def _service_reference() -> dict[str, Schema]:
    return {
        "group": text(default="", maxLength=253),
        "kind": text(default="Service", minLength=1, maxLength=63),
        "name": _name(),
        "namespace": text(minLength=1, maxLength=63),
        "port": _port(),
    }


def _backend() -> Schema:
    fields = {
        **_service_reference(),
        "weight": number(0, 1_000_000, default=1),
        "filters": several(_filter(), maxItems=16, **_ATOMIC),
    }
    return record(fields, "name")


def _filter() -> Schema:
    share = {"numerator": number(0), "denominator": number(1, default=100)}
    mirror = {
        "backendRef": record(_service_reference(), "name"),
        "percent": number(0, 100),
        "fraction": record(share, "numerator"),
    }
    redirect = {
        "scheme": choice("http", "https"),
        "hostname": _host(),
        "path": _path_change(),
        "port": _port(),
        "statusCode": {"type": "integer", "enum": [301, 302, 303, 307, 308], "default": 302},
    }
    kinds = (
        "RequestHeaderModifier",
        "ResponseHeaderModifier",
        "RequestMirror",
        "RequestRedirect",
        "URLRewrite",
        "ExtensionRef",
        "CORS",
    )
    fields = {
        "type": choice(*kinds),
        "requestHeaderModifier": _header_change(),
        "responseHeaderModifier": _header_change(),
        "requestMirror": record(mirror, "backendRef"),
        "requestRedirect": record(redirect),
        "urlRewrite": record({"hostname": _host(), "path": _path_change()}),
        "extensionRef": record({"group": text(), "kind": text(), "name": _name()}, "group", "kind", "name"),
        "cors": _cors(),
    }
    return record(fields, "type")


def _header_change() -> Schema:
    header = record({"name": _header_name(), "value": text(minLength=1, maxLength=4096)}, "name", "value")
    removed = several(text(), maxItems=16, **{"x-kubernetes-list-type": "set"})
    return record({"set": keyed(header, "name", maxItems=16), "add": keyed(header, "name", maxItems=16), "remove": removed})


def _path_change() -> Schema:
    fields = {
        "type": choice("ReplaceFullPath", "ReplacePrefixMatch"),
        "replaceFullPath": text(maxLength=1024),
        "replacePrefixMatch": text(maxLength=1024),
    }
    return record(fields, "type")


def _cors() -> Schema:
    names = several(text(), maxItems=64, **{"x-kubernetes-list-type": "set"})
    return record({
        "allowOrigins": names,
        "allowMethods": names,
        "allowHeaders": names,
        "exposeHeaders": names,
        "allowCredentials": flag(),
        "maxAge": number(1, default=5),
    })  # fmt: skip


def _route_status() -> Schema:
    parent = {
        "parentRef": _parent(),
        "controllerName": text(minLength=1, maxLength=253),
        "conditions": conditions(minItems=1, maxItems=8),
    }
    parents = several(record(parent, "parentRef", "controllerName", "conditions"), maxItems=32, **_ATOMIC)
    return record({"parents": parents}, "parents")
