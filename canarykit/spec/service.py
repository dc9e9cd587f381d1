"""How the application is reached: ``spec.service`` of a Canary as classes.

Objects shaped like those of Istio or the Gateway API stay plain dicts: the routers hand them on as the API server stored them.
"""

from collections.abc import Mapping

from attrs import field, frozen

from canarykit.spec.fields import Opaque, api

TRAFFIC_DISTRIBUTIONS = ("PreferClose", "PreferSameZone", "PreferSameNode")
_DNS = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_DNS}(\.{_DNS})*"


def _reference(kind: str, group: str, **more: object) -> dict[str, object]:
    """Return the schema of a Gateway API reference with Flagger's defaults and bounds (api.md section 1.5.3)."""
    text = {"type": "string", "minLength": 1, "maxLength": 253}
    return {
        "type": "object",
        "required": ["name"],
        "properties": {
            "group": {"type": "string", "default": group, "maxLength": 253, "pattern": f"^$|^{_SUBDOMAIN}$"},
            "kind": {**text, "default": kind, "maxLength": 63, "pattern": "^[a-zA-Z]([-a-zA-Z0-9]*[a-zA-Z0-9])?$"},
            "name": text,
            "namespace": {**text, "maxLength": 63, "pattern": f"^{_DNS}$"},
            "port": {"type": "integer", "format": "int32", "minimum": 1, "maximum": 65535},
            **more,
        },
    }


_SECTION = {"type": "string", "minLength": 1, "maxLength": 253, "pattern": f"^{_SUBDOMAIN}$"}
GATEWAY_REF_SCHEMA = _reference("Gateway", "gateway.networking.k8s.io", sectionName=_SECTION)
MIRROR_SCHEMA = {
    "type": "object",
    "required": ["backendRef"],
    "properties": {"backendRef": _reference("Service", "")},
}


@frozen
class Metadata:
    """Labels and annotations for generated objects."""

    labels: Mapping[str, str] = field(factory=dict, metadata=api("Labels to set."))
    annotations: Mapping[str, str] = field(factory=dict, metadata=api("Annotations to set."))


@frozen
class UnmanagedMetadata:
    """Exact keys that others may set on the generated Services; all other foreign keys are removed."""

    labels: tuple[str, ...] = field(default=(), metadata=api("Label keys to leave alone."))
    annotations: tuple[str, ...] = field(default=(), metadata=api("Annotation keys to leave alone."))


def _port_or_none(value: int | str | None) -> int | str | None:
    """Return None for the zero values that stand for "not given" (api.md section 1.5.1)."""
    return None if value in (0, "0", "") else value


def _http_if_empty(given: str) -> str:
    return given or "http"


@frozen
class Service:
    """``spec.service``. An empty ``name`` is the target's name; ``target_port`` None is ``port``; ``port`` 0 is not given."""

    name: str = field(default="", metadata=api("Name of the apex Service, the target's name when omitted."))
    port: int = field(default=0, metadata=api("Port of the Services.", required=True))
    port_name: str = field(default="http", converter=_http_if_empty, metadata=api("Name of the port, http when omitted."))
    target_port: int | str | None = field(
        default=None, converter=_port_or_none, metadata=api("Container port, number or name; the port when omitted.")
    )
    app_protocol: str = field(default="", metadata=api("appProtocol of the port."))
    traffic_distribution: str = field(
        default="", metadata=api("trafficDistribution of the Services.", enum=list(TRAFFIC_DISTRIBUTIONS))
    )
    port_discovery: bool = field(default=False, metadata=api("Expose the other container ports too."))
    headless: bool = field(default=False, metadata=api("Make the Services headless."))
    timeout: str = field(default="", metadata=api("Time limit of a request."))
    backend_timeout: str = field(default="", metadata=api("Time limit of a request to one backend."))
    gateways: tuple[str, ...] = field(default=(), metadata=api("Istio gateways."))
    gateway_refs: tuple[Opaque, ...] = field(
        default=(), metadata=api("Gateway API parents of the route.", maxItems=32, items=GATEWAY_REF_SCHEMA)
    )
    hosts: tuple[str, ...] = field(default=(), metadata=api("Host names of the route."))
    delegation: bool = field(default=False, metadata=api("Make a delegate Istio VirtualService."))
    mesh_name: str = field(default="", metadata=api("App Mesh mesh."))
    backends: tuple[str, ...] = field(default=(), metadata=api("App Mesh backends."))
    match: tuple[Opaque, ...] = field(default=(), metadata=api("Request matches of the route."))
    rewrite: Opaque | None = field(default=None, metadata=api("Rewrite of path and authority."))
    retries: Opaque | None = field(default=None, metadata=api("Retry policy of the route."))
    headers: Opaque | None = field(default=None, metadata=api("Header changes, request and response."))
    mirror: tuple[Opaque, ...] = field(
        default=(), metadata=api("Gateway API backends that get copies of all requests.", items=MIRROR_SCHEMA)
    )
    cors_policy: Opaque | None = field(default=None, metadata=api("CORS policy of the route."))
    traffic_policy: Opaque | None = field(default=None, metadata=api("Istio traffic policy."))
    apex: Metadata = field(default=Metadata(), metadata=api("Metadata of the apex Service and the route."))
    primary: Metadata = field(default=Metadata(), metadata=api("Metadata of the primary Service."))
    canary: Metadata = field(default=Metadata(), metadata=api("Metadata of the canary Service."))
    unmanaged_metadata: UnmanagedMetadata = field(
        default=UnmanagedMetadata(), metadata=api("Keys on generated Services that others may set.")
    )
