"""Scenarios of single kinds: what one kind refuses, defaults or keeps, and what the server says about itself."""

from typing import Any

from conformance.kinds import LABELS, SUBJECTS
from conformance.wire import APPLY, JSON_PATCH, MERGE, STRATEGIC, Scenario, Step

_BY_NAME = {subject.name: subject for subject in SUBJECTS}
SERVICES = _BY_NAME["service"].collection
DEPLOYMENTS = _BY_NAME["deployment"].collection
CANARIES = _BY_NAME["canary"].collection
SCALED = _BY_NAME["scaledobject"].collection
EVENTS = "/api/v1/namespaces/{ns}/events"
REVISIONS = "/apis/apps/v1/namespaces/{ns}/controllerrevisions"


def _service(name: str, **spec: Any) -> dict[str, Any]:
    ports = [{"port": 80}]
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": {"ports": ports, **spec}}


def _event(namespace: str) -> dict[str, Any]:
    """An Event about an object of ``namespace``."""
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": "one.1"},
        "involvedObject": {"apiVersion": "flagger.app/v1beta1", "kind": "Canary", "name": "one", "namespace": namespace},
        "reason": "Synced",
        "message": "said once",
        "type": "Normal",
        "source": {"component": "battery"},
        "count": 1,
    }


_services = (
    Step("plain", "POST", SERVICES, _service("plain", selector=LABELS)),
    Step("headless", "POST", SERVICES, _service("headless", clusterIP="None")),
    Step("external", "POST", SERVICES, _service("external", type="ExternalName", externalName="localhost")),
    Step("two unnamed ports", "POST", SERVICES, _service("bad", ports=[{"port": 80}, {"port": 81}])),
    Step("same name twice", "POST", SERVICES, _service("bad", ports=[{"port": 80, "name": "a"}, {"port": 81, "name": "a"}])),
    Step("no ports", "POST", SERVICES, _service("bad", ports=[])),
    Step("bad type", "POST", SERVICES, _service("bad", type="Sideways")),
    Step("other address", "PATCH", f"{SERVICES}/plain", {"spec": {"clusterIP": "10.96.99.99"}}, MERGE),
    Step("port added", "PATCH", f"{SERVICES}/plain", {"spec": {"ports": [{"name": "b", "port": 81}]}}, STRATEGIC),
    Step("both named", "PATCH", f"{SERVICES}/plain", {"spec": {"ports": [{"name": "b", "port": 81}]}}, MERGE),
    Step("selector gone", "PATCH", f"{SERVICES}/plain", {"spec": {"selector": None}}, MERGE),
    Step("read", "GET", f"{SERVICES}/plain"),
)


def _deployment(name: str = "one", **spec: Any) -> dict[str, Any]:
    manifest = _BY_NAME["deployment"].manifest(name)
    return {**manifest, "spec": {**manifest["spec"], **spec}}


def _containers(*containers: dict[str, Any]) -> dict[str, Any]:
    return {"spec": {"template": {"spec": {"containers": list(containers)}}}}


_template = {"metadata": {"labels": {"app": "stranger"}}, "spec": {"containers": [{"name": "web", "image": "web:1"}]}}
_deployments = (
    Step("strange labels", "POST", DEPLOYMENTS, _deployment(template=_template)),
    Step("no selector", "POST", DEPLOYMENTS, _deployment(selector=None)),
    Step(
        "no containers", "POST", DEPLOYMENTS, _deployment(template={"metadata": {"labels": LABELS}, "spec": {"containers": []}})
    ),
    Step("made", "POST", DEPLOYMENTS, _deployment()),
    Step("selector moved", "PATCH", f"{DEPLOYMENTS}/one", {"spec": {"selector": {"matchLabels": {"x": "y"}}}}, MERGE),
    Step("image", "PATCH", f"{DEPLOYMENTS}/one", _containers({"name": "web", "image": "web:2"}), STRATEGIC),
    Step("sidecar", "PATCH", f"{DEPLOYMENTS}/one", _containers({"name": "side", "image": "side:1"}), STRATEGIC),
    Step("sidecar gone", "PATCH", f"{DEPLOYMENTS}/one", _containers({"name": "side", "$patch": "delete"}), STRATEGIC),
    Step("scale", "GET", f"{DEPLOYMENTS}/one/scale"),
    Step("scaled", "PATCH", f"{DEPLOYMENTS}/one/scale", {"spec": {"replicas": 7}}, MERGE),
    Step("scaled badly", "PATCH", f"{DEPLOYMENTS}/one/scale", {"spec": {"replicas": -7}}, MERGE),
    Step("scale of nothing", "GET", f"{DEPLOYMENTS}/two/scale"),
    Step("contradiction", "PATCH", f"{DEPLOYMENTS}/one/status", {"status": {"replicas": 1, "readyReplicas": 2}}, MERGE),
    Step(
        "template whole",
        "PATCH",
        f"{DEPLOYMENTS}/one",
        [{"op": "replace", "path": "/spec/template", "value": _template}],
        JSON_PATCH,
    ),
    Step(
        "probe",
        "PATCH",
        f"{DEPLOYMENTS}/one",
        _containers({"name": "web", "readinessProbe": {"httpGet": {"port": 8080}}}),
        STRATEGIC,
    ),
    Step(
        "unknown deep",
        "PATCH",
        f"{DEPLOYMENTS}/one?fieldValidation=Strict",
        {"spec": {"template": {"spec": {"bogus": 1}}}},
        MERGE,
    ),
    Step("read", "GET", f"{DEPLOYMENTS}/one"),
)
_no_replicas = _deployment()
del _no_replicas["spec"]["replicas"]
_replicas = (
    Step("created", "POST", f"{DEPLOYMENTS}?fieldManager=maker", _deployment(replicas=3)),
    Step("applied without", "PATCH", f"{DEPLOYMENTS}/one?fieldManager=ck&force=true", _no_replicas, APPLY),
    Step("applied with", "PATCH", f"{DEPLOYMENTS}/one?fieldManager=ck&force=true", _deployment(replicas=5), APPLY),
    Step("applied without again", "PATCH", f"{DEPLOYMENTS}/one?fieldManager=ck&force=true", _no_replicas, APPLY),
    Step("only ours", "PATCH", f"{DEPLOYMENTS}/two?fieldManager=ck", {**_deployment("two", replicas=5)}, APPLY),
    Step(
        "only ours, dropped",
        "PATCH",
        f"{DEPLOYMENTS}/two?fieldManager=ck",
        {**_no_replicas, "metadata": {"name": "two", "labels": LABELS}},
        APPLY,
    ),
)
_canaries = (
    Step("made", "POST", CANARIES, _BY_NAME["canary"].manifest()),
    Step("no target", "POST", CANARIES, {**_BY_NAME["canary"].manifest("two"), "spec": {"analysis": {"interval": "1m"}}}),
    Step("odd provider", "PATCH", f"{CANARIES}/one", {"spec": {"provider": "carrier-pigeon"}}, MERGE),
    Step("odd interval", "PATCH", f"{CANARIES}/one", {"spec": {"analysis": {"interval": "soon"}}}, MERGE),
    Step("unknown field", "PATCH", f"{CANARIES}/one?fieldManager=x", {"spec": {"bogus": 1}}, MERGE),
    Step("unknown strict", "PATCH", f"{CANARIES}/one?fieldValidation=Strict", {"spec": {"bogus": 1}}, MERGE),
    Step("no status without spec", "PATCH", f"{CANARIES}/one/status", {"status": {"phase": 7}}, MERGE),
    Step(
        "rollout is kept",
        "PATCH",
        f"{CANARIES}/one/status",
        {
            "status": {
                "phase": "Progressing",
                "failedChecks": 0,
                "canaryWeight": 0,
                "iterations": 0,
                "lastTransitionTime": "2026-01-01T00:00:00Z",
                "rollout": {"format": 1, "id": "abc"},
            }
        },
        MERGE,
    ),
    Step("null drops", "PATCH", f"{CANARIES}/one/status", {"status": {"rollout": {"id": None}}}, MERGE),
    Step("read", "GET", f"{CANARIES}/one"),
)
_scaled = (
    Step("made", "POST", SCALED, _BY_NAME["scaledobject"].manifest()),
    Step(
        "no triggers", "POST", SCALED, {**_BY_NAME["scaledobject"].manifest("two"), "spec": {"scaleTargetRef": {"name": "web"}}}
    ),
    Step("empty modifiers", "PATCH", f"{SCALED}/one", {"spec": {"advanced": {"scalingModifiers": {}}}}, MERGE),
    Step("paused", "PATCH", f"{SCALED}/one", {"metadata": {"annotations": {"autoscaling.keda.sh/paused-replicas": "0"}}}, MERGE),
    Step(
        "unpaused", "PATCH", f"{SCALED}/one", {"metadata": {"annotations": {"autoscaling.keda.sh/paused-replicas": None}}}, MERGE
    ),
    Step(
        "triggers replaced",
        "PATCH",
        f"{SCALED}/one",
        {"spec": {"triggers": [{"type": "cpu", "metadata": {"value": "50"}}]}},
        MERGE,
    ),
    Step("read", "GET", f"{SCALED}/one"),
)
_events = (
    Step("posted", "POST", EVENTS, _event("c-events")),
    Step("posted twice", "POST", EVENTS, _event("c-events")),
    Step("counted", "PATCH", f"{EVENTS}/one.1", {"count": 2}, MERGE),
    Step("of elsewhere", "POST", EVENTS, {**_event("elsewhere"), "metadata": {"name": "two.1"}}),
    Step("by object", "GET", f"{EVENTS}?fieldSelector=involvedObject.name%3Done"),
    Step("by kind", "GET", f"{EVENTS}?fieldSelector=involvedObject.kind%3DPod"),
)


def _revision(name: str, revision: int, **data: Any) -> dict[str, Any]:
    return {"apiVersion": "apps/v1", "kind": "ControllerRevision", "metadata": {"name": name}, "revision": revision, "data": data}


_revisions = (
    Step("made", "POST", REVISIONS, _revision("one", 1, spec={"a": 1})),
    Step("data moved", "PATCH", f"{REVISIONS}/one", {"data": {"spec": {"a": 2}}}, MERGE),
    Step("revision moved", "PATCH", f"{REVISIONS}/one", {"revision": 2}, MERGE),
    Step("negative", "POST", REVISIONS, _revision("two", -1)),
    Step("read", "GET", f"{REVISIONS}/one"),
)
_server = (
    Step("no such path", "GET", "/nothing/here"),
    Step("no such group", "GET", "/apis/nothing.example.dev/v1/namespaces/{ns}/things"),
    Step("no such resource", "GET", "/api/v1/namespaces/{ns}/things"),
    Step("no such version", "GET", "/apis/apps/v9/namespaces/{ns}/deployments"),
    Step("health", "GET", "/readyz"),
    Step("namespace", "GET", "/api/v1/namespaces/{ns}"),
    Step("no namespace", "GET", "/api/v1/namespaces/nowhere"),
    Step("list in no namespace", "GET", "/api/v1/namespaces/nowhere/configmaps"),
    Step("canary resources", "GET", "/apis/flagger.app/v1beta1"),
    Step("autoscaling group", "GET", "/apis/coordination.k8s.io/v1"),
    Step("unknown parameter", "GET", "/api/v1/namespaces/{ns}/configmaps?colour=blue"),
)
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


def _crd(group: str, name: str = "", **metadata: Any) -> dict[str, Any]:
    schema = {"type": "object", "properties": {"spec": {"type": "object", "properties": {"size": {"type": "integer"}}}}}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    names = {"kind": "Gadget", "listKind": "GadgetList", "plural": "gadgets", "singular": "gadget"}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": name or f"gadgets.{group}", **metadata},
        "spec": {"group": group, "names": names, "scope": "Namespaced", "versions": [version]},
    }


_APPROVED = {"api-approved.kubernetes.io": "unapproved, of a test"}
_crds = (
    Step("no approval", "POST", f"{CRDS}?dryRun=All", _crd("battery.k8s.io")),
    Step("unapproved", "POST", f"{CRDS}?dryRun=All", _crd("battery.k8s.io", annotations=_APPROVED)),
    Step("open group", "POST", f"{CRDS}?dryRun=All", _crd("battery.example.dev")),
    Step("other name", "POST", f"{CRDS}?dryRun=All", _crd("battery.example.dev", "gizmos.battery.example.dev")),
    Step("no versions", "POST", f"{CRDS}?dryRun=All", {**_crd("a.example.dev"), "spec": {"group": "a.example.dev"}}),
    Step("missing", "GET", f"{CRDS}/gadgets.battery.example.dev"),
)
SPECIAL = (
    Scenario("crds", _crds),
    Scenario("services", _services),
    Scenario("deployments", _deployments),
    Scenario("replicas", _replicas),
    Scenario("canaries", _canaries),
    Scenario("scaledobjects", _scaled),
    Scenario("events", _events),
    Scenario("revisions", _revisions),
    Scenario("server", _server),
)
