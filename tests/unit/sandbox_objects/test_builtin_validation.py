"""What built-in kinds must obey, and how a mistake is worded."""

import copy
from typing import Any

import pytest
from hypothesis import given

from canary_controller.sandbox.objects.builtin_validation import validate, validate_metadata
from canary_controller.sandbox.objects.decoding import decode_problem
from canary_controller.sandbox.objects.defaults import apply_defaults
from unit.sandbox_objects.samples import JSON, REPEATABLE, a_deployment, a_service, an_autoscaler, containers, deployments


def complete(manifest: dict[str, Any]) -> dict[str, Any]:
    return apply_defaults(manifest, manifest["apiVersion"].rpartition("/")[0], manifest["kind"])


def problems(manifest: dict[str, Any], old: dict[str, Any] | None = None) -> list[str]:
    """Return ``field: message`` of every cause of an object that gets its defaults first."""
    return [f"{cause.field}: {cause.message}" for cause in validate(complete(manifest), complete(old) if old else None)]


def named(kind: str, name: str, api_version: str = "v1", **more: Any) -> dict[str, Any]:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name, "namespace": "shop"}, **more}


@pytest.mark.parametrize("manifest", [a_deployment(), a_service(), an_autoscaler(), named("ConfigMap", "a.b", data={"k": "v"})])
def test_a_sound_object_has_no_problems(manifest: dict[str, Any]) -> None:
    assert problems(manifest) == []
    assert problems(manifest, manifest) == []
    assert decode_problem(manifest) is None


@pytest.mark.parametrize(
    ("spec", "wanted"),
    [
        ({"replicas": -1}, "spec.replicas: Invalid value: -1: must be greater than or equal to 0"),
        ({"selector": None}, "spec.selector: Required value"),
        ({"selector": {}}, "spec.selector: Invalid value: {}: empty selector is invalid for deployment"),
        (
            {"selector": {"matchLabels": {"app": "x"}}},
            'spec.template.metadata.labels: Invalid value: {"app":"web"}: `selector` does not match template `labels`',
        ),
        (
            {"selector": {"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["web"]}]}},
            'spec.template.metadata.labels: Invalid value: {"app":"web"}: `selector` does not match template `labels`',
        ),
        (
            {"strategy": {"type": "Recreate", "rollingUpdate": {}}},
            "spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'",
        ),
        (
            {"strategy": {"type": "Sideways"}},
            'spec.strategy.type: Unsupported value: "Sideways": supported values: "Recreate", "RollingUpdate"',
        ),
        (
            {"strategy": {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 0}}},
            "spec.strategy.rollingUpdate.maxUnavailable: Invalid value: 0: may not be 0 when `maxSurge` is 0",
        ),
        (
            {"strategy": {"rollingUpdate": {"maxUnavailable": "101%"}}},
            'spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "101%": must not be greater than 100%',
        ),
        (
            {"progressDeadlineSeconds": 5, "minReadySeconds": 5},
            "spec.progressDeadlineSeconds: Invalid value: 5: must be greater than minReadySeconds",
        ),
    ],
)
def test_a_deployment_with_a_mistake_is_refused(spec: dict[str, Any], wanted: str) -> None:
    assert problems({**a_deployment(), "spec": a_deployment(**spec)["spec"]}) == [wanted]


@pytest.mark.parametrize("operator", ["In", "Exists"])
def test_selector_expressions_that_hold_are_right(operator: str) -> None:
    values = {"values": ["web"]} if operator == "In" else {}
    assert problems(a_deployment(selector={"matchExpressions": [{"key": "app", "operator": operator, **values}]})) == []


def test_a_selector_cannot_change() -> None:
    old, new = a_deployment(), a_deployment()
    labels = {"app": "web", "tier": "x"}
    new["spec"]["selector"] = {"matchLabels": labels}
    new["spec"]["template"]["metadata"]["labels"] = labels
    wanted = 'spec.selector: Invalid value: {"matchLabels":{"app":"web","tier":"x"}}: field is immutable'
    assert problems(new, old) == [wanted]


@pytest.mark.parametrize(
    ("status", "wanted"),
    [
        ({"replicas": 1, "readyReplicas": 2}, "status.readyReplicas: Invalid value: 2: cannot be greater than status.replicas"),
        (
            {"replicas": 1, "updatedReplicas": 2},
            "status.updatedReplicas: Invalid value: 2: cannot be greater than status.replicas",
        ),
        (
            {"replicas": 2, "readyReplicas": 1, "availableReplicas": 2},
            "status.availableReplicas: Invalid value: 2: cannot be greater than readyReplicas",
        ),
        ({"replicas": -1}, "status.replicas: Invalid value: -1: must be greater than or equal to 0"),
        ({"readyReplicas": 1}, "status.readyReplicas: Invalid value: 1: cannot be greater than status.replicas"),
    ],
)
def test_a_status_that_contradicts_itself_is_refused(status: dict[str, Any], wanted: str) -> None:
    assert wanted in problems({**a_deployment(), "status": status})
    consistent = {"replicas": 2, "updatedReplicas": 1, "readyReplicas": 2, "availableReplicas": 1, "unavailableReplicas": 3}
    assert problems({**a_deployment(), "status": consistent}) == []


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        ({"image": None}, "image: Required value"),
        ({"name": None}, "name: Required value"),
        ({"name": "Web"}, 'name: Invalid value: "Web": a lowercase RFC 1123 label'),
        ({"image": " web"}, 'image: Invalid value: " web": must not have leading or trailing whitespace'),
        (
            {"imagePullPolicy": "Maybe"},
            'imagePullPolicy: Unsupported value: "Maybe": supported values: "Always", "IfNotPresent", "Never"',
        ),
        ({"ports": [{}]}, "ports[0].containerPort: Required value"),
        (
            {"ports": [{"containerPort": 70000}]},
            "ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive",
        ),
        (
            {"ports": [{"containerPort": 1, "name": "a_b"}]},
            'ports[0].name: Invalid value: "a_b": must contain only alpha-numeric',
        ),
        (
            {"ports": [{"containerPort": 1, "name": "a"}, {"containerPort": 2, "name": "a"}]},
            'ports[1].name: Duplicate value: "a"',
        ),
        ({"env": [{"value": "x"}]}, "env[0].name: Required value"),
        ({"env": [{"name": "A", "valueFrom": {}}]}, 'env[0].valueFrom: Invalid value: "": must specify one of'),
        (
            {"env": [{"name": "A", "value": "x", "valueFrom": {"fieldRef": {"fieldPath": "x"}}}]},
            'env[0].valueFrom: Invalid value: "": may not be specified when `value` is not empty',
        ),
        ({"volumeMounts": [{"name": "v", "mountPath": "/v"}]}, 'volumeMounts[0].name: Not found: "v"'),
        ({"volumeMounts": [{"name": "data"}]}, "volumeMounts[0].mountPath: Required value"),
        ({"livenessProbe": {}}, "livenessProbe: Required value: must specify a handler type"),
        (
            {"livenessProbe": {"exec": {"command": ["x"]}, "successThreshold": 2}},
            "livenessProbe.successThreshold: Invalid value: 2: must be 1",
        ),
        ({"readinessProbe": {"httpGet": {"path": "/"}}}, "readinessProbe.httpGet.port: Invalid value: 0: must be between"),
        (
            {"resources": {"requests": {"cpu": "2"}, "limits": {"cpu": "1"}}},
            'resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1',
        ),
    ],
)
def test_a_container_with_a_mistake_is_refused(change: dict[str, Any], wanted: str) -> None:
    manifest = a_deployment()
    manifest["spec"]["template"]["spec"]["volumes"] = [{"name": "data"}]
    container = {**containers(manifest)[0], **change}
    containers(manifest)[:] = [{name: value for name, value in container.items() if value is not None}]
    found = problems(manifest)
    assert [text[: len("spec.template.spec.containers[0].") + len(wanted)] for text in found] == [
        f"spec.template.spec.containers[0].{wanted}"
    ]


def test_limits_are_not_negative_and_zero_is_a_limit() -> None:
    manifest = a_deployment()
    containers(manifest)[0]["resources"] = {"limits": {"cpu": "0", "memory": "-1"}}
    field = "spec.template.spec.containers[0].resources.limits[memory]"
    assert problems(manifest) == [f'{field}: Invalid value: "-1": must be greater than or equal to 0']


def test_a_volume_has_one_source_and_a_probe_one_handler() -> None:
    manifest = a_deployment()
    spec = manifest["spec"]["template"]["spec"]
    spec["volumes"] = [{"name": "v", "emptyDir": {}, "configMap": {"name": "c"}}]
    containers(manifest)[0]["startupProbe"] = {"exec": {"command": ["x"]}, "tcpSocket": {"port": 80}}
    assert problems(manifest) == [
        "spec.template.spec.volumes[0].configMap: Forbidden: may not specify more than 1 volume type",
        "spec.template.spec.containers[0].startupProbe.tcpSocket: Forbidden: may not specify more than 1 handler type",
    ]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("a" * 16, "must be no more than 15 bytes"),
        ("123", "must contain at least one letter (a-z)"),
        ("a--b", "must not contain consecutive hyphens"),
        ("-a", "must not begin or end with a hyphen"),
    ],
)
def test_a_named_target_port_is_a_service_name(name: str, words: str) -> None:
    wanted = f'spec.ports[0].targetPort: Invalid value: "{name}": {words}'
    assert problems(a_service(ports=[{"port": 80, "targetPort": name}])) == [wanted]


def test_a_surge_is_a_number_or_a_percentage() -> None:
    found = problems(a_deployment(strategy={"rollingUpdate": {"maxSurge": "a few"}}))
    assert [text.split(" must ")[0] for text in found] == [
        'spec.strategy.rollingUpdate.maxSurge: Invalid value: "a few": a valid percent string'
    ]


def test_a_metric_of_an_autoscaler_has_a_known_type() -> None:
    assert problems(an_autoscaler(metrics=[{}])) == ["spec.metrics[0].type: Required value: must specify a metric source type"]
    assert problems(an_autoscaler(metrics=[{"type": "Mood"}]))[0].startswith(
        'spec.metrics[0].type: Unsupported value: "Mood": supported values: "ContainerResource", "External"'
    )


def test_a_pod_template_needs_containers_of_different_names() -> None:
    manifest = a_deployment()
    containers(manifest).append(containers(manifest)[0])
    assert problems(manifest) == ['spec.template.spec.containers[1].name: Duplicate value: "web"']
    containers(manifest).clear()
    assert problems(manifest) == ["spec.template.spec.containers: Required value"]


def test_a_workload_restarts_its_pods_always() -> None:
    manifest = a_deployment()
    manifest["spec"]["template"]["spec"]["restartPolicy"] = "Never"
    assert problems(manifest) == ['spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"']


@pytest.mark.parametrize(
    ("spec", "wanted"),
    [
        ({"ports": []}, "spec.ports: Required value"),
        (
            {"ports": [{"port": 0, "targetPort": 1}]},
            "spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive",
        ),
        ({"ports": [{"port": 80, "name": "a"}, {"port": 81}]}, "spec.ports[1].name: Required value"),
        (
            {"ports": [{"port": 80, "name": "a"}, {"port": 80, "name": "b"}]},
            'spec.ports[1]: Duplicate value: {"protocol":"TCP","port":80}',
        ),
        ({"ports": [{"port": 80, "name": "a"}, {"port": 81, "name": "a"}]}, 'spec.ports[1].name: Duplicate value: "a"'),
        (
            {"type": "Ingress"},
            'spec.type: Unsupported value: "Ingress": supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"',
        ),
        ({"type": "ExternalName"}, "spec.externalName: Required value"),
        ({"sessionAffinity": "Maybe"}, 'spec.sessionAffinity: Unsupported value: "Maybe": supported values: "ClientIP", "None"'),
    ],
)
def test_a_service_with_a_mistake_is_refused(spec: dict[str, Any], wanted: str) -> None:
    assert problems(a_service(**spec)) == [wanted]


def test_a_headless_service_needs_no_ports_and_one_port_may_serve_two_protocols() -> None:
    assert problems(a_service(ports=[], clusterIP="None")) == []
    ports = [{"name": "dns", "port": 53, "protocol": "UDP"}, {"name": "dns-tcp", "port": 53}]
    assert problems(a_service(ports=ports)) == []


def test_a_cluster_ip_cannot_change() -> None:
    old = a_service(clusterIP="10.96.0.5", clusterIPs=["10.96.0.5"])
    new = a_service(clusterIP="10.96.0.6", clusterIPs=["10.96.0.6"])
    assert problems(new, old) == ['spec.clusterIPs[0]: Invalid value: ["10.96.0.6"]: may not change once set']
    assert problems(old, old) == []


@pytest.mark.parametrize(
    ("spec", "wanted"),
    [
        ({"minReplicas": 5}, "spec.maxReplicas: Invalid value: 4: must be greater than or equal to `minReplicas`"),
        ({"minReplicas": 0}, "spec.minReplicas: Invalid value: 0: must be greater than or equal to 1"),
        ({"scaleTargetRef": {"kind": "Deployment"}}, "spec.scaleTargetRef.name: Required value"),
        (
            {"metrics": [{"type": "External"}]},
            "spec.metrics[0].external: Required value: must populate information for the given metric source",
        ),
    ],
)
def test_an_autoscaler_with_a_mistake_is_refused(spec: dict[str, Any], wanted: str) -> None:
    assert problems(an_autoscaler(**spec)) == [wanted]


def test_an_autoscaler_needs_a_maximum() -> None:
    manifest = an_autoscaler()
    del manifest["spec"]["maxReplicas"]
    assert "spec.maxReplicas: Invalid value: 0: must be greater than 0" in problems(manifest)


@pytest.mark.parametrize(
    ("metadata", "field", "words"),
    [
        ({}, "metadata.name", "Required value: name or generateName is required"),
        ({"name": "Web"}, "metadata.name", 'Invalid value: "Web": a lowercase RFC 1123 subdomain must consist of'),
        ({"name": "a" * 254}, "metadata.name", "must be no more than 253 bytes"),
        ({"generateName": "A-"}, "metadata.generateName", 'Invalid value: "A-"'),
        ({"name": "a", "labels": {"k": "not ok"}}, "metadata.labels", 'Invalid value: "not ok": a valid label must be'),
        ({"name": "a", "labels": {"/k": "v"}}, "metadata.labels", "prefix part must be non-empty"),
        ({"name": "a", "labels": {"x/y/z": "v"}}, "metadata.labels", "a qualified name"),
        ({"name": "a", "annotations": {"k/": "v"}}, "metadata.annotations", "name part must be non-empty"),
        ({"name": "a", "annotations": {"k": "v" * 262_144}}, "metadata.annotations", "may not be more than 262144 bytes"),
        ({"name": "a", "finalizers": ["not ok"]}, "metadata.finalizers", "name part must consist of"),
        (
            {"name": "a", "ownerReferences": [{"apiVersion": "v1", "kind": "X", "name": "x"}]},
            "metadata.ownerReferences.uid",
            'Invalid value: "": must not be empty',
        ),
    ],
)
def test_metadata_with_a_mistake_is_refused(metadata: dict[str, Any], field: str, words: str) -> None:
    found = validate_metadata({"apiVersion": "g/v1", "kind": "X", "metadata": metadata}, None)
    assert [(cause.field, words in cause.message) for cause in found] == [(field, True)]


def test_names_of_namespaces_and_services_are_labels() -> None:
    assert "RFC 1123 label" in problems(named("Namespace", "a.b"))[0]
    service = a_service()
    service["metadata"]["name"] = "1web"
    assert "DNS-1035 label" in problems(service)[0]


def test_an_object_has_one_controller() -> None:
    owners = [{"apiVersion": "v1", "kind": "X", "name": name, "uid": name, "controller": True} for name in "ab"]
    found = validate_metadata({"metadata": {"name": "x", "ownerReferences": owners}}, None)
    assert [cause.message.endswith('Found "true" in references for a and b') for cause in found] == [True]


def test_a_uid_cannot_change() -> None:
    old, new = a_deployment(), a_deployment()
    old["metadata"]["uid"], new["metadata"]["uid"] = "u1", "u2"
    assert problems(new, old) == ['metadata.uid: Invalid value: "u2": field is immutable']


def test_config_keys_are_checked_and_frozen_maps_stay() -> None:
    assert problems(named("ConfigMap", "c", data={"a b": "x"}))[0].startswith(
        'data[a b]: Invalid value: "a b": a valid config key'
    )
    twice = problems(named("ConfigMap", "c", data={"a": "x"}, binaryData={"a": "eA=="}))
    assert twice == ['binaryData[a]: Invalid value: "a": duplicate of key present in data']
    frozen = named("ConfigMap", "c", data={"a": "x"}, immutable=True)
    text = "Forbidden: field is immutable when `immutable` is set"
    assert problems({**frozen, "data": {"a": "y"}}, frozen) == [f"data: {text}"]
    assert problems({**frozen, "immutable": False}, frozen) == [f"immutable: {text}"]


def test_the_type_of_a_secret_cannot_change() -> None:
    old = named("Secret", "s", type="Opaque")
    assert problems({**old, "type": "other"}, old) == ['type: Invalid value: "other": field is immutable']
    assert "data[tls.crt]: Required value" in problems(named("Secret", "s", type="kubernetes.io/tls"))


def test_the_data_of_a_controller_revision_cannot_change() -> None:
    old = named("ControllerRevision", "r", "apps/v1", data={"a": 1}, revision=1)
    assert problems({**old, "revision": 2}, old) == []
    assert problems({**old, "data": {"a": 2}}, old) == ['data: Invalid value: {"a":2}: field is immutable']
    assert problems(named("ControllerRevision", "r", "apps/v1")) == ["data: Required value: data is mandatory"]


def test_an_event_is_in_the_namespace_of_its_object() -> None:
    assert problems(named("Event", "e", involvedObject={"namespace": "shop"})) == []
    wanted = 'involvedObject.namespace: Invalid value: "other": does not match event.namespace'
    assert problems(named("Event", "e", involvedObject={"namespace": "other"})) == [wanted]
    cluster_wide = {**named("Event", "e", involvedObject={}), "metadata": {"name": "e", "namespace": "default"}}
    assert problems(cluster_wide) == []


def test_leases_and_slices_are_checked() -> None:
    lease = named("Lease", "l", "coordination.k8s.io/v1", spec={"leaseDurationSeconds": 0})
    assert problems(lease) == ["spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0"]
    piece = named("EndpointSlice", "s", "discovery.k8s.io/v1", addressType="IPv4", endpoints=[{"addresses": []}])
    assert problems(piece) == ["endpoints[0].addresses: Required value: must contain at least 1 address"]
    assert problems({**piece, "endpoints": [], "addressType": "IPv6"}, {**piece, "endpoints": []}) == [
        'addressType: Invalid value: "IPv6": field is immutable'
    ]


@pytest.mark.parametrize(
    ("path", "value", "text"),
    [
        (
            ("spec", "replicas"),
            "three",
            "cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32",
        ),
        (("spec", "replicas"), 1.5, "cannot unmarshal number into Go struct field"),
        (("spec", "replicas"), True, "cannot unmarshal bool into"),
        (("spec",), [], "cannot unmarshal array into Go struct field Deployment.spec of type object"),
        (
            ("metadata", "labels"),
            {"a": 1},
            "cannot unmarshal number into Go struct field Deployment.metadata.labels of type string",
        ),
        (("metadata", "labels"), [], "cannot unmarshal array"),
        (("spec", "template", "spec", "containers"), {}, "spec.template.spec.containers of type list"),
    ],
)
def test_a_field_of_the_wrong_json_type_cannot_be_read(path: tuple[str, ...], value: Any, text: str) -> None:
    manifest = a_deployment()
    here: Any = manifest
    for name in path[:-1]:
        here = here[name]
    here[path[-1]] = value
    problem = decode_problem(manifest)
    assert problem is not None
    assert problem.startswith('Deployment in version "v1" cannot be handled as a Deployment: json: ')
    assert text in problem


def test_a_quantity_must_be_one() -> None:
    manifest = a_deployment()
    containers(manifest)[0]["resources"] = {"limits": {"cpu": "lots"}}
    assert "quantities must match the regular expression" in str(decode_problem(manifest))


@REPEATABLE
@given(deployments(), JSON)
def test_whatever_can_be_read_is_judged_without_a_crash(manifest: dict[str, Any], odd: Any) -> None:
    """Any field of the spec or of a container may hold anything: either it cannot be read, or there is a verdict."""
    before = copy.deepcopy(manifest)
    for place in (manifest["spec"], manifest["spec"]["template"]["spec"], containers(manifest)[0]):
        for name in [*place, "replicas", "volumes", "livenessProbe", "resources", "strategy"]:
            kept = place.get(name)
            place[name] = odd
            if decode_problem(manifest) is None:
                assert isinstance(validate(complete(manifest), before), list)
            place[name] = kept
            if kept is None:
                del place[name]
    assert manifest == before
