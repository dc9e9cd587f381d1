"""The Kubernetes kinds we speak about, as data: group, version, plural, scope. A version is data, not a second file."""

from attrs import frozen


@frozen
class Kind:
    """A served kind. ``group`` is ``""`` for core."""

    group: str
    version: str
    kind: str
    plural: str
    namespaced: bool = True

    @property
    def api_version(self) -> str:
        """``v1`` or ``group/version``."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str = "", name: str = "") -> str:
        """Return the REST path of the collection, or of one object when ``name`` is given."""
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        scope = f"/namespaces/{namespace}" if self.namespaced and namespace else ""
        leaf = f"/{name}" if name else ""
        return f"{root}{scope}/{self.plural}{leaf}"


CANARY = Kind("flagger.app", "v1beta1", "Canary", "canaries")
METRIC_TEMPLATE = Kind("flagger.app", "v1beta1", "MetricTemplate", "metrictemplates")
ALERT_PROVIDER = Kind("flagger.app", "v1beta1", "AlertProvider", "alertproviders")
NAMESPACE = Kind("", "v1", "Namespace", "namespaces", namespaced=False)
SERVICE = Kind("", "v1", "Service", "services")
CONFIG_MAP = Kind("", "v1", "ConfigMap", "configmaps")
SECRET = Kind("", "v1", "Secret", "secrets")
EVENT = Kind("", "v1", "Event", "events")
POD = Kind("", "v1", "Pod", "pods")
DEPLOYMENT = Kind("apps", "v1", "Deployment", "deployments")
REPLICA_SET = Kind("apps", "v1", "ReplicaSet", "replicasets")
CONTROLLER_REVISION = Kind("apps", "v1", "ControllerRevision", "controllerrevisions")
ENDPOINT_SLICE = Kind("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices")
HPA = Kind("autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers")
SCALED_OBJECT = Kind("keda.sh", "v1alpha1", "ScaledObject", "scaledobjects")
LEASE = Kind("coordination.k8s.io", "v1", "Lease", "leases")
HTTP_ROUTE = Kind("gateway.networking.k8s.io", "v1", "HTTPRoute", "httproutes")
CUSTOM_RESOURCE_DEFINITION = Kind(
    "apiextensions.k8s.io", "v1", "CustomResourceDefinition", "customresourcedefinitions", namespaced=False
)

ALL = (
    CANARY, METRIC_TEMPLATE, ALERT_PROVIDER, NAMESPACE, SERVICE, CONFIG_MAP, SECRET, EVENT, POD, DEPLOYMENT, REPLICA_SET,
    CONTROLLER_REVISION, ENDPOINT_SLICE, HPA, SCALED_OBJECT, LEASE, HTTP_ROUTE, CUSTOM_RESOURCE_DEFINITION,
)  # fmt: skip
BY_KIND = {(kind.group, kind.kind): kind for kind in ALL}
