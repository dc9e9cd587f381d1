"""The Canary itself: ``spec`` and the references in it as classes. What is sound and what is not is `validate`'s business."""

from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

from canarykit.spec.analysis import Analysis
from canarykit.spec.fields import api
from canarykit.spec.service import Service

# Every provider name that Flagger's API has, whether or not this version routes for it.
PROVIDER_NAMES = (
    "apisix",
    "appmesh",
    "appmesh:v1beta2",
    "contour",
    "gatewayapi:v1",
    "gatewayapi:v1beta1",
    "gloo",
    "istio",
    "knative",
    "kubernetes",
    "kuma",
    "linkerd",
    "nginx",
    "osm",
    "skipper",
    "smi:v1alpha1",
    "smi:v1alpha2",
    "smi:v1alpha3",
    "traefik",
)
TARGET_KINDS = ("DaemonSet", "Deployment", "Service")
SCALER_KINDS = ("HorizontalPodAutoscaler", "ScaledObject")
QUERY_REWRITES = ("strict", "text")
SCALER_SYNCS = ("onPromotion", "overrides", "always")


@frozen
class TargetRef:
    """Names the target, in the Canary's namespace."""

    api_version: str = field(default="", metadata=api("API version of the target.", required=True))
    kind: str = field(default="", metadata=api("Kind of the target.", required=True, enum=list(TARGET_KINDS)))
    name: str = field(default="", metadata=api("Name of the target.", required=True))


@frozen
class ScalerReplicas:
    """Bounds of the primary's scaler; None is the bound of the target's scaler."""

    min_replicas: int | None = field(
        default=None, metadata=api("Least number of primary pods.", type="integer", format="int32", minimum=1)
    )
    max_replicas: int | None = field(
        default=None, metadata=api("Largest number of primary pods.", type="integer", format="int32", minimum=1)
    )


@frozen
class AutoscalerRef:
    """Names the target's scaler and says how the primary's copy of it differs.

    ``primary_scaler_queries`` None (rewrite every query) is not the same as empty (rewrite none). Source: api.md section 1.4.
    """

    api_version: str = field(default="", metadata=api("API version of the scaler.", required=True))
    kind: str = field(default="", metadata=api("Kind of the scaler.", required=True, enum=list(SCALER_KINDS)))
    name: str = field(default="", metadata=api("Name of the scaler.", required=True))
    primary_scaler_queries: Mapping[str, str] | None = field(
        default=None, metadata=api("Queries of the primary's triggers, by trigger name.")
    )
    primary_scaler_replicas: ScalerReplicas | None = field(default=None, metadata=api("Replica bounds of the primary's scaler."))
    query_rewrite: str = field(
        default="strict",
        metadata=api(
            "How queries without an entry in primaryScalerQueries are turned to the primary: by meaning (strict, the default) or "
            "by replacing text (text, as Flagger does).",
            enum=list(QUERY_REWRITES),
        ),
    )
    primary_scaler_sync: str = field(
        default="overrides",
        metadata=api(
            "When the primary's scaler follows changes: all of them at promotion (onPromotion), this object's own at once "
            "(overrides, the default), all of them at once (always).",
            enum=list(SCALER_SYNCS),
        ),
    )


@frozen
class IngressRef:
    """Names an Ingress to clone."""

    api_version: str = field(default="", metadata=api("API version of the Ingress.", required=True))
    kind: str = field(default="", metadata=api("Kind.", required=True, enum=["Ingress"]))
    name: str = field(default="", metadata=api("Name of the Ingress.", required=True))


@frozen
class RouteRef:
    """Names an APISIX route to clone."""

    api_version: str = field(default="", metadata=api("API version of the route.", required=True))
    kind: str = field(default="", metadata=api("Kind.", required=True, enum=["ApisixRoute"]))
    name: str = field(default="", metadata=api("Name of the route.", required=True))


@frozen
class UpstreamRef:
    """Names a Gloo Upstream; an empty ``namespace`` is the Canary's own."""

    api_version: str = field(default="", metadata=api("API version of the Upstream.", required=True))
    kind: str = field(default="", metadata=api("Kind.", required=True, enum=["Upstream"]))
    name: str = field(default="", metadata=api("Name of the Upstream.", required=True))
    namespace: str = field(default="", metadata=api("Namespace of the Upstream; the Canary's own when omitted."))


@frozen
class CanarySpec:
    """``spec`` of a Canary. ``provider`` and ``metrics_server`` None are the controller's."""

    provider: str | None = field(
        default=None, metadata=api("What splits the requests; the controller's when omitted.", enum=list(PROVIDER_NAMES))
    )
    metrics_server: str | None = field(
        default=None, metadata=api("Prometheus for builtin checks and inline queries; the controller's when omitted.")
    )
    target_ref: TargetRef = field(default=TargetRef(), metadata=api("The workload to release.", required=True))
    autoscaler_ref: AutoscalerRef | None = field(default=None, metadata=api("The scaler of the workload."))
    ingress_ref: IngressRef | None = field(default=None, metadata=api("Ingress to clone (NGINX, Skipper)."))
    route_ref: RouteRef | None = field(default=None, metadata=api("APISIX route to clone."))
    upstream_ref: UpstreamRef | None = field(default=None, metadata=api("Gloo Upstream to take settings from."))
    service: Service = field(factory=Service, metadata=api("The Services and routes to generate."))
    analysis: Analysis = field(factory=Analysis, metadata=api("How a release is judged.", required=True))
    progress_deadline_seconds: int = field(default=600, metadata=api("Seconds that anything may be awaited, 600 when omitted."))
    skip_analysis: bool = field(default=False, metadata=api("Promote without analysis."))
    suspend: bool = field(default=False, metadata=api("Do nothing for this Canary until it is false again."))
    revert_on_deletion: bool = field(
        default=False, metadata=api("Give the target its requests and scaler back when this Canary is deleted.")
    )


@frozen
class Canary:
    """One Canary. ``manifest`` is the object as it was given, with all that these classes do not know."""

    name: str
    namespace: str
    uid: str
    spec: CanarySpec
    manifest: Mapping[str, Any]
