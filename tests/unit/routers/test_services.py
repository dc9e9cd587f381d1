"""The three Services: what they are, whom the apex selects, what counts as the same, and how a user's own one is taken over."""

from copy import deepcopy

import jsonpatch
import pytest

from canarykit.dicts import put
from canarykit.metadata import owner_reference
from canarykit.names import FLUX_OPT_OUT, names_for
from canarykit.services import (
    adopt_patch,
    apex_side,
    desired_services,
    discover_ports,
    fit_to_live,
    name_problems,
    port_problems,
    same_service,
)
from canarykit.settings import Settings
from canarykit.spec import UnmanagedMetadata
from unit.routers.shop import a_canary, names_of

TEMPLATE = {
    "spec": {
        "initContainers": [{"name": "init", "ports": [{"name": "never", "containerPort": 1}]}],
        "containers": [
            {"name": "app", "ports": [{"name": "web", "containerPort": 8080}, {"name": "metrics", "containerPort": 9090}]},
            {"name": "helper", "ports": [{"containerPort": 7000}]},
            {"name": "istio-proxy", "ports": [{"name": "proxy", "containerPort": 15090}]},
            {"name": "envoy", "ports": [{"name": "admin", "containerPort": 15000}]},
        ],
    }
}


def a_template(*ports):
    return {"spec": {"containers": [{"name": "app", "ports": list(ports)}]}}


def services(canary=None, template=TEMPLATE, **more):
    canary = canary or a_canary(portDiscovery=True)
    ports = discover_ports(template, canary.spec.service)
    owner = owner_reference(canary.manifest)
    return desired_services(canary, names_of(canary), "app", "podinfo", ports, owner, Settings(), **more)


def ports_of(canary, template=TEMPLATE):
    return discover_ports(template, canary.spec.service)


def as_served(service, **spec):
    """What the API server makes of a Service that we wrote."""
    ports = [{"protocol": "TCP", **port} for port in service["spec"]["ports"]]
    filled = {"type": "ClusterIP", "clusterIP": "10.96.0.7", "clusterIPs": ["10.96.0.7"], "sessionAffinity": "None"}
    return {**service, "spec": {**filled, **service["spec"], "ports": ports, **spec}}


def test_services_are_written_as_the_reference_shows():
    canary = a_canary(portName="http-web", appProtocol="http", portDiscovery=True, apex={"annotations": {"team": "shop"}})
    found = services(canary)
    assert found["apex"] == {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": "podinfo",
            "namespace": "test",
            "labels": {"app": "podinfo"},
            "annotations": {"team": "shop", **FLUX_OPT_OUT},
            "ownerReferences": [owner_reference(canary.manifest)],
        },
        "spec": {
            "selector": {"app": "podinfo-primary"},
            "ports": [
                {"name": "http-web", "protocol": "TCP", "port": 8080, "targetPort": "web", "appProtocol": "http"},
                {"name": "metrics", "protocol": "TCP", "port": 9090, "targetPort": 9090},
                {"name": "tcp-helper-0", "protocol": "TCP", "port": 7000, "targetPort": 7000},
            ],
        },
    }
    for role, selected in (("primary", "podinfo-primary"), ("canary", "podinfo")):
        service = found[role]
        assert service["metadata"]["name"] == f"podinfo-{role}"
        assert service["metadata"]["labels"] == {"app": f"podinfo-{role}"}
        assert service["metadata"]["annotations"] == FLUX_OPT_OUT
        assert service["spec"]["selector"] == {"app": selected}
        assert service["spec"]["ports"] == found["apex"]["spec"]["ports"]


def test_service_metadata_of_each_role_goes_to_that_role_but_not_over_the_selector_label():
    found = services(a_canary(primary={"labels": {"app": "mine", "side": "p"}}, canary={"annotations": {"side": "c"}}))
    assert found["primary"]["metadata"]["labels"] == {"app": "podinfo-primary", "side": "p"}
    assert found["canary"]["metadata"]["annotations"] == {"side": "c", **FLUX_OPT_OUT}
    assert found["apex"]["metadata"]["labels"] == {"app": "podinfo"}


def test_headless_and_traffic_distribution_are_written_where_asked_for():
    asked = services(a_canary(headless=True, trafficDistribution="PreferClose"))["apex"]["spec"]
    assert (asked["clusterIP"], asked["trafficDistribution"]) == ("None", "PreferClose")
    assert services()["apex"]["spec"].keys() == {"selector", "ports"}


def test_d2_selectors_with_all_labels_of_the_target():
    """Two Deployments that share app and differ in tier do not end up in one Service."""
    found = services(match_labels={"app": "podinfo", "tier": "api"})
    assert found["apex"]["spec"]["selector"] == {"app": "podinfo-primary", "tier": "api"}
    assert found["canary"]["spec"]["selector"] == {"app": "podinfo", "tier": "api"}


def test_w12_services_are_the_same_each_time_and_inputs_unchanged():
    template = deepcopy(TEMPLATE)
    assert services(template=template) == services(template=template)
    assert template == TEMPLATE


@pytest.mark.parametrize(
    ("service", "main"),
    [
        ({"targetPort": None}, {"name": "http", "protocol": "TCP", "port": 8080, "targetPort": 8080}),
        ({"targetPort": 0}, {"name": "http", "protocol": "TCP", "port": 8080, "targetPort": 8080}),
        ({"targetPort": "0"}, {"name": "http", "protocol": "TCP", "port": 8080, "targetPort": 8080}),
        ({"targetPort": 9898}, {"name": "http", "protocol": "TCP", "port": 8080, "targetPort": 9898}),
        ({"portName": "grpc"}, {"name": "grpc", "protocol": "TCP", "port": 8080, "targetPort": "web"}),
    ],
)
def test_main_port_stands_alone_without_discovery(service, main):
    assert ports_of(a_canary(**service)) == [main]


@pytest.mark.parametrize(
    ("target_port", "discovered"),
    [
        (None, ["other", "named"]),
        (9090, ["web", "named"]),
        ("named", ["web", "other"]),
    ],
)
def test_main_port_is_not_discovered_again(target_port, discovered):
    template = a_template(
        {"name": "web", "containerPort": 8080}, {"name": "other", "containerPort": 9090}, {"name": "named", "containerPort": 1}
    )
    if target_port is not None:
        template["spec"]["containers"][0]["ports"][0]["containerPort"] = 8081
    found = ports_of(a_canary(portDiscovery=True, targetPort=target_port), template)
    assert [port["name"] for port in found[1:]] == discovered


def test_ports_of_the_tutorial_are_those_that_flagger_made():
    """Trace a-b: http, http-metrics and grpc."""
    ports = [("http", 9898), ("http-metrics", 9797), ("grpc", 9999)]
    template = a_template(*({"name": name, "containerPort": number, "protocol": "TCP"} for name, number in ports))
    assert ports_of(a_canary(port=80, targetPort=9898, portDiscovery=True), template) == [
        {"name": "http", "port": 80, "protocol": "TCP", "targetPort": 9898},
        {"name": "http-metrics", "port": 9797, "protocol": "TCP", "targetPort": 9797},
        {"name": "grpc", "port": 9999, "protocol": "TCP", "targetPort": 9999},
    ]


@pytest.mark.parametrize(
    ("ports", "left_out"),
    [
        ([{"name": "a", "containerPort": 1}, {"name": "b", "containerPort": 1}], "b"),
        ([{"name": "http", "containerPort": 1}], "http"),
        ([{"name": "again", "containerPort": 80}], "again"),
    ],
    ids=["two names for one number", "name of the main port", "number of the main port"],
)
def test_port_that_the_api_server_would_refuse_is_left_out_and_named(ports, left_out):
    service = a_canary(port=80, targetPort=9898, portDiscovery=True).spec.service
    template = a_template(*ports)
    assert left_out not in [port["name"] for port in discover_ports(template, service)[1:]]
    problems = port_problems(template, service)
    assert [(problem.severity, problem.path) for problem in problems] == [("warning", "spec.service.portDiscovery")]
    assert left_out in str(problems[0])


def test_name_of_an_unnamed_port_may_get_too_long_for_a_service():
    service = a_canary(portDiscovery=True).spec.service
    template = {"spec": {"containers": [{"name": "c" * 60, "ports": [{"containerPort": 1}]}]}}
    assert len(discover_ports(template, service)) == 1
    assert "longer than 63" in str(port_problems(template, service)[0])


def test_later_port_of_the_same_name_counts():
    template = a_template({"name": "x", "containerPort": 1}, {"name": "x", "containerPort": 2})
    assert [port["port"] for port in ports_of(a_canary(portDiscovery=True), template)[1:]] == [2]


def test_udp_stays_udp_and_may_share_a_number():
    template = a_template(
        {"name": "dns", "containerPort": 53, "protocol": "UDP"}, {"name": "dns-tcp", "containerPort": 53}, {"containerPort": 54}
    )
    found = ports_of(a_canary(portDiscovery=True), template)[1:]
    assert [(port["name"], port["protocol"]) for port in found] == [("dns", "UDP"), ("dns-tcp", "TCP"), ("tcp-app-2", "TCP")]
    assert port_problems(template, a_canary(portDiscovery=True).spec.service) == ()


@pytest.mark.parametrize(
    ("selector", "side"),
    [
        ({"app": "podinfo"}, "target"),
        ({"app": "podinfo", "extra": "x"}, "target"),
        ({"app": "podinfo-primary"}, "primary"),
        ({"app": "else"}, "other"),
        ({"name": "podinfo"}, "other"),
        (None, "other"),
    ],
)
def test_apex_side_is_whom_the_selector_label_means(selector, side):
    assert apex_side({"spec": {"selector": selector}}, "app", "podinfo") == side


def test_apex_side_of_no_service_is_none():
    assert apex_side(None, "app", "podinfo") is None


def test_service_as_served_is_the_same():
    wanted = services()["apex"]
    live = as_served(wanted)
    live["spec"]["ports"] = [{**port, "nodePort": 30000 + index} for index, port in enumerate(reversed(live["spec"]["ports"]))]
    live = put(live, ("metadata", "labels", "foreign"), "kept")
    live = put(live, ("spec", "type"), "LoadBalancer")
    assert same_service(live, wanted)


@pytest.mark.parametrize(
    "change",
    [
        (("spec", "selector"), {"app": "podinfo"}),
        (("spec", "selector", "extra"), "x"),
        (("spec", "ports"), []),
        (("spec", "ports"), [{"name": "http", "port": 8080, "targetPort": "other"}]),
        (("metadata", "labels"), {}),
        (("metadata", "annotations"), {}),
        (("metadata", "annotations", "helm.toolkit.fluxcd.io/driftDetection"), "enabled"),
    ],
)
def test_hand_edit_of_a_service_is_a_difference(change):
    wanted = services(a_canary())["apex"]
    assert same_service(as_served(wanted), wanted)
    assert not same_service(put(as_served(wanted), *change), wanted)


def test_app_protocol_and_traffic_distribution_are_compared():
    wanted = services(a_canary(appProtocol="http", trafficDistribution="PreferClose"))["apex"]
    assert same_service(as_served(wanted), wanted)
    assert not same_service(as_served(wanted, trafficDistribution="PreferSameZone"), wanted)
    plain = services(a_canary())["apex"]
    assert not same_service(as_served(wanted), plain)


def test_unmanaged_keys_keep_their_live_value():
    canary = a_canary(apex={"labels": {"team": "a"}, "annotations": {"note": "ours"}})
    wanted = services(canary)["apex"]
    live = put(put(as_served(wanted), ("metadata", "labels", "team"), "b"), ("metadata", "annotations", "note"), "theirs")
    unmanaged = UnmanagedMetadata(labels=("team",), annotations=("note", "absent"))
    assert not same_service(live, wanted)
    assert same_service(live, wanted, unmanaged)
    fitted = fit_to_live(wanted, live, unmanaged)
    assert fitted["metadata"]["labels"] == {"app": "podinfo", "team": "b"}
    assert fitted["metadata"]["annotations"] == {**FLUX_OPT_OUT, "note": "theirs"}


def test_unmanaged_key_that_somebody_removed_stays_away():
    wanted = services(a_canary(apex={"labels": {"team": "a"}}))["apex"]
    live = put(as_served(wanted), ("metadata", "labels"), {"app": "podinfo"})
    assert same_service(live, wanted, UnmanagedMetadata(labels=("team",)))
    assert not same_service(live, wanted)


def test_headless_follows_the_living_service():
    """clusterIP is immutable: asking for another one would be refused for ever."""
    headless, plain = services(a_canary(headless=True))["apex"], services(a_canary())["apex"]
    assert "clusterIP" not in fit_to_live(headless, as_served(plain))["spec"]
    assert fit_to_live(plain, as_served(headless, clusterIP="None"))["spec"]["clusterIP"] == "None"
    assert fit_to_live(headless, None) == headless
    assert same_service(as_served(plain), headless)


def a_users_service():
    """Trace apx: the user's Service before the Canary."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "podinfo", "namespace": "test", "labels": {"mine": "yes"}, "annotations": {"a": "b"}},
        "spec": {
            "type": "NodePort",
            "clusterIP": "10.96.0.9",
            "selector": {"app": "podinfo", "extra": "x"},
            "ports": [
                {"name": "web", "port": 8081, "protocol": "TCP", "targetPort": 9898, "nodePort": 30001},
                {"name": "http", "port": 81, "protocol": "TCP", "targetPort": 9898, "nodePort": 30002},
            ],
        },
    }


def test_users_own_service_is_adopted_as_in_trace_apx():
    wanted, before = services()["apex"], a_users_service()
    after = jsonpatch.apply_patch(before, adopt_patch(before, wanted))
    assert before == a_users_service()
    assert after["metadata"] == {
        "name": "podinfo",
        "namespace": "test",
        "labels": {"mine": "yes"},
        "annotations": {"a": "b", **FLUX_OPT_OUT},
    }
    assert after["spec"]["selector"] == {"app": "podinfo-primary"}
    assert [port["name"] for port in after["spec"]["ports"]] == ["http", "metrics", "tcp-helper-0"]
    assert after["spec"]["type"] == "NodePort"


def test_node_port_of_a_port_with_the_same_name_is_kept():
    after = jsonpatch.apply_patch(a_users_service(), adopt_patch(a_users_service(), services()["apex"]))
    assert after["spec"]["ports"][0]["nodePort"] == 30002
    assert "nodePort" not in after["spec"]["ports"][1]


def test_adopted_service_needs_no_second_patch():
    wanted = services()["apex"]
    after = jsonpatch.apply_patch(a_users_service(), adopt_patch(a_users_service(), wanted))
    assert adopt_patch(after, wanted) == []
    assert adopt_patch(put(after, ("spec", "selector", "app"), "podinfo"), wanted) != []


def test_service_without_annotations_or_selector_can_be_adopted():
    bare = {"metadata": {"name": "podinfo", "namespace": "test"}, "spec": {}}
    after = jsonpatch.apply_patch(bare, adopt_patch(bare, services()["apex"]))
    assert after["metadata"]["annotations"] == FLUX_OPT_OUT
    assert after["spec"]["selector"] == {"app": "podinfo-primary"}


def test_d12_service_name_that_gets_too_long_is_named():
    names = names_for("test", "c", "t", "s" * 56)
    problem = name_problems(names)[0]
    assert (problem.path, problem.code) == ("spec.service.name", "D12")
    assert "at most 55 characters" in problem.next_step
    assert name_problems(names_for("test", "c", "t", "s" * 55)) == ()
