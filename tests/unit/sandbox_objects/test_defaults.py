"""Defaults of built-in kinds, quantities and cluster IPs."""

import base64
import copy
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canary_controller.sandbox.objects.defaults import allocate_cluster_ip, apply_defaults
from canary_controller.sandbox.objects.pod_defaults import pod_spec_defaults, pull_policy
from canary_controller.sandbox.objects.quantities import canonical_quantity, parsed
from unit.sandbox_objects.samples import REPEATABLE, a_deployment, a_service, an_autoscaler, containers, deployments


def test_a_deployment_gets_what_the_api_server_adds() -> None:
    result = apply_defaults(a_deployment(replicas=None), "apps", "Deployment")
    template = result["spec"].pop("template")
    assert result["spec"] == {
        "replicas": 1,
        "revisionHistoryLimit": 10,
        "progressDeadlineSeconds": 600,
        "selector": {"matchLabels": {"app": "web"}},
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}},
    }
    assert template == {
        "metadata": {"labels": {"app": "web"}},
        "spec": {
            "restartPolicy": "Always",
            "dnsPolicy": "ClusterFirst",
            "schedulerName": "default-scheduler",
            "terminationGracePeriodSeconds": 30,
            "securityContext": {},
            "containers": [
                {
                    "name": "web",
                    "image": "web:1",
                    "imagePullPolicy": "IfNotPresent",
                    "ports": [{"name": "http", "containerPort": 8080, "protocol": "TCP"}],
                    "resources": {},
                    "terminationMessagePath": "/dev/termination-log",
                    "terminationMessagePolicy": "File",
                }
            ],
        },
    }


def test_given_values_stay_and_half_a_strategy_is_completed() -> None:
    given = a_deployment(replicas=0, strategy={"rollingUpdate": {"maxUnavailable": 0}}, progressDeadlineSeconds=60)
    spec = apply_defaults(given, "apps", "Deployment")["spec"]
    assert (spec["replicas"], spec["progressDeadlineSeconds"]) == (0, 60)
    assert spec["strategy"] == {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": 0}}
    recreate = apply_defaults(a_deployment(strategy={"type": "Recreate"}), "apps", "Deployment")
    assert recreate["spec"]["strategy"] == {"type": "Recreate"}


@pytest.mark.parametrize(
    ("image", "policy"),
    [
        ("web", "Always"),
        ("web:latest", "Always"),
        ("web:6.0.1", "IfNotPresent"),
        ("host:5000/web", "Always"),
        ("host:5000/web:1", "IfNotPresent"),
        ("web@sha256:abc", "IfNotPresent"),
        ("web:latest@sha256:abc", "IfNotPresent"),
    ],
)
def test_the_pull_policy_follows_the_tag(image: str, policy: str) -> None:
    assert pull_policy(image) == policy


def test_a_pod_spec_is_filled_in_depth() -> None:
    container = {
        "name": "c",
        "image": "c:1",
        "env": [{"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
        "readinessProbe": {"httpGet": {"port": 80}},
        "livenessProbe": {"exec": {"command": ["true"]}, "periodSeconds": 5},
        "lifecycle": {"preStop": {"httpGet": {"port": 80}}},
        "resources": {"limits": {"cpu": "1000m", "memory": "0.5Gi"}},
    }
    volumes = [{"name": "e"}, {"name": "c", "configMap": {"name": "c"}}, {"name": "s", "secret": {"secretName": "s"}}]
    result = pod_spec_defaults({"containers": [container], "volumes": volumes, "serviceAccountName": "me"})
    filled = result["containers"][0]
    assert filled["env"][0]["valueFrom"]["fieldRef"] == {"fieldPath": "metadata.name", "apiVersion": "v1"}
    timing = {"timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3}
    assert filled["readinessProbe"] == {"httpGet": {"port": 80, "path": "/", "scheme": "HTTP"}, **timing}
    assert filled["livenessProbe"]["periodSeconds"] == 5
    assert filled["lifecycle"]["preStop"]["httpGet"] == {"port": 80, "path": "/", "scheme": "HTTP"}
    assert filled["resources"] == {"limits": {"cpu": "1", "memory": "512Mi"}}
    assert [volume.get("emptyDir") for volume in result["volumes"]] == [{}, None, None]
    assert [result["volumes"][n][kind]["defaultMode"] for n, kind in ((1, "configMap"), (2, "secret"))] == [420, 420]
    assert result["serviceAccount"] == "me"


def test_a_host_network_pod_opens_its_ports_on_the_host() -> None:
    spec = {"hostNetwork": True, "containers": [{"name": "c", "image": "c:1", "ports": [{"containerPort": 80}]}]}
    assert pod_spec_defaults(spec)["containers"][0]["ports"] == [{"containerPort": 80, "hostPort": 80, "protocol": "TCP"}]


def test_a_pod_requests_what_it_is_limited_to() -> None:
    container = {"name": "c", "image": "c:1", "resources": {"limits": {"cpu": "2", "memory": "1Gi"}, "requests": {"cpu": "1"}}}
    pod = apply_defaults({"apiVersion": "v1", "kind": "Pod", "spec": {"containers": [container]}}, "", "Pod")
    assert pod["spec"]["containers"][0]["resources"]["requests"] == {"cpu": "1", "memory": "1Gi"}
    assert (pod["spec"]["enableServiceLinks"], pod["status"]["phase"]) == (True, "Pending")


def test_a_service_gets_what_the_api_server_adds() -> None:
    result = apply_defaults(a_service(), "", "Service")
    assert result["spec"] == {
        "type": "ClusterIP",
        "selector": {"app": "web"},
        "ports": [{"port": 80, "protocol": "TCP", "targetPort": 80}],
        "sessionAffinity": "None",
        "internalTrafficPolicy": "Cluster",
        "ipFamilies": ["IPv4"],
        "ipFamilyPolicy": "SingleStack",
    }
    assert result["status"] == {"loadBalancer": {}}
    named = apply_defaults(a_service(ports=[{"port": 80, "targetPort": "http"}]), "", "Service")
    assert named["spec"]["ports"][0]["targetPort"] == "http"
    assert "ipFamilies" not in apply_defaults(a_service(type="ExternalName"), "", "Service")["spec"]


def test_a_service_gets_more_when_it_is_reached_from_outside_or_sticky() -> None:
    spec = apply_defaults(a_service(type="LoadBalancer", sessionAffinity="ClientIP"), "", "Service")["spec"]
    assert (spec["externalTrafficPolicy"], spec["allocateLoadBalancerNodePorts"]) == ("Cluster", True)
    assert spec["sessionAffinityConfig"] == {"clientIP": {"timeoutSeconds": 10800}}


def test_projected_volumes_and_endpoint_ports_and_definitions_are_filled() -> None:
    token = {"serviceAccountToken": {"path": "t"}}
    info = {"downwardAPI": {"items": [{"path": "p", "fieldRef": {"fieldPath": "metadata.name"}}]}}
    volume = pod_spec_defaults({"volumes": [{"name": "v", "projected": {"sources": [token, info]}}]})["volumes"][0]["projected"]
    assert volume["defaultMode"] == 420
    assert volume["sources"][0]["serviceAccountToken"]["expirationSeconds"] == 3600
    assert volume["sources"][1]["downwardAPI"]["items"][0]["fieldRef"]["apiVersion"] == "v1"
    piece = apply_defaults({"ports": [{"port": 80}]}, "discovery.k8s.io", "EndpointSlice")
    assert piece["ports"] == [{"port": 80, "name": "", "protocol": "TCP"}]
    crd = apply_defaults({"spec": {"names": {"kind": "Canary"}}}, "apiextensions.k8s.io", "CustomResourceDefinition")
    assert crd["spec"]["names"] == {"kind": "Canary", "singular": "canary", "listKind": "CanaryList"}
    assert crd["spec"]["conversion"] == {"strategy": "None"}


def test_cluster_ips_are_stable_distinct_and_kept() -> None:
    first = allocate_cluster_ip(a_service(), set())["spec"]
    assert first["clusterIP"].startswith("10.96.") or first["clusterIP"].startswith("10.97.")
    assert first["clusterIPs"] == [first["clusterIP"]]
    assert allocate_cluster_ip(a_service(), set())["spec"] == first
    assert allocate_cluster_ip(a_service(), {first["clusterIP"]})["spec"]["clusterIP"] != first["clusterIP"]
    assert allocate_cluster_ip(a_service(clusterIP="None"), set())["spec"]["clusterIPs"] == ["None"]
    assert allocate_cluster_ip(a_service(clusterIP="10.96.7.7"), set())["spec"]["clusterIP"] == "10.96.7.7"
    assert "clusterIP" not in allocate_cluster_ip(a_service(type="ExternalName"), set())["spec"]


def test_an_autoscaler_without_metrics_goes_by_cpu() -> None:
    spec = apply_defaults(an_autoscaler(), "autoscaling", "HorizontalPodAutoscaler")["spec"]
    assert spec["minReplicas"] == 1
    target = {"type": "Utilization", "averageUtilization": 80}
    assert spec["metrics"] == [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]
    assert "behavior" not in spec


def test_half_a_behavior_is_completed() -> None:
    given = an_autoscaler(behavior={"scaleDown": {"stabilizationWindowSeconds": 5}})
    behavior = apply_defaults(given, "autoscaling", "HorizontalPodAutoscaler")["spec"]["behavior"]
    percent = {"type": "Percent", "value": 100, "periodSeconds": 15}
    assert behavior["scaleDown"] == {"stabilizationWindowSeconds": 5, "selectPolicy": "Max", "policies": [percent]}
    assert behavior["scaleUp"]["policies"] == [{"type": "Pods", "value": 4, "periodSeconds": 15}, percent]


def test_quantities_of_an_autoscaler_take_their_one_form() -> None:
    metric = {
        "type": "External",
        "external": {"metric": {"name": "x"}, "target": {"type": "AverageValue", "averageValue": "5000m"}},
    }
    spec = apply_defaults(an_autoscaler(metrics=[metric]), "autoscaling", "HorizontalPodAutoscaler")["spec"]
    assert spec["metrics"][0]["external"]["target"]["averageValue"] == "5"


def test_a_secret_moves_plain_text_into_data() -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "data": {"a": "QQ=="}, "stringData": {"b": "ß"}}
    result = apply_defaults(secret, "", "Secret")
    assert result["data"] == {"a": "QQ==", "b": base64.b64encode("ß".encode()).decode()}
    assert "stringData" not in result
    assert result["type"] == "Opaque"


def test_a_namespace_is_labelled_and_active() -> None:
    result = apply_defaults(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop", "labels": {"a": "b"}}}, "", "Namespace"
    )
    assert result["metadata"]["labels"] == {"a": "b", "kubernetes.io/metadata.name": "shop"}
    assert (result["spec"], result["status"]) == ({"finalizers": ["kubernetes"]}, {"phase": "Active"})


def test_other_workloads_get_their_own_defaults() -> None:
    daemon = apply_defaults(a_deployment(replicas=None), "apps", "DaemonSet")["spec"]
    assert daemon["updateStrategy"] == {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}
    assert "replicas" not in daemon
    stateful = apply_defaults(a_deployment(replicas=None), "apps", "StatefulSet")["spec"]
    assert (stateful["replicas"], stateful["podManagementPolicy"]) == (1, "OrderedReady")
    replica_set = apply_defaults(a_deployment(replicas=None), "apps", "ReplicaSet")
    assert (replica_set["spec"]["replicas"], replica_set["status"]) == (1, {"replicas": 0})


def test_an_unknown_kind_gets_nothing() -> None:
    assert apply_defaults({"kind": "X", "spec": {}}, "g", "X") == {"kind": "X", "spec": {}}


@REPEATABLE
@given(deployments())
def test_defaults_twice_are_once_and_nothing_lent_changes(manifest: dict[str, Any]) -> None:
    before = copy.deepcopy(manifest)
    once = apply_defaults(manifest, "apps", "Deployment")
    assert apply_defaults(once, "apps", "Deployment") == once
    assert manifest == before
    assert len(containers(once)) == len(containers(manifest))


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("1000m", "1"),
        ("500m", "500m"),
        ("1.5", "1500m"),
        ("0.5Gi", "512Mi"),
        ("1.5Gi", "1536Mi"),
        ("2048Mi", "2Gi"),
        ("1000Ki", "1000Ki"),
        ("0.5Ki", "512"),
        ("1e3", "1e3"),
        ("10E3", "10e3"),
        ("1E", "1E"),
        ("1500", "1500"),
        ("2000", "2k"),
        ("0", "0"),
        ("0.0001", "100u"),
        ("-100m", "-100m"),
        (5, "5"),
        ("abc", "abc"),
        (True, True),
        (None, None),
    ],
)
def test_a_quantity_has_one_form(given: Any, wanted: Any) -> None:
    assert canonical_quantity(given) == wanted


@REPEATABLE
@given(st.integers(-99_999, 99_999), st.sampled_from(["", "m", "k", "M", "Ki", "Mi", "Gi", "e3", "e-3"]))
def test_the_one_form_has_the_same_value_and_is_final(number: int, suffix: str) -> None:
    once = canonical_quantity(f"{number}{suffix}")
    assert parsed(once) == parsed(f"{number}{suffix}")
    assert canonical_quantity(once) == once


def test_a_text_that_is_no_quantity_has_no_value() -> None:
    assert [parsed(text) for text in ("", "m", "1 Gi", "1gi", [], None, True)] == [None] * 7
    assert parsed("100m") == Decimal("0.1")
