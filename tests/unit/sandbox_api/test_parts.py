"""The small parts on their own: JSONPath, ages, protobuf, paths, selectors of labels as text."""

import pytest

from canary_controller.sandbox.jsonpath import find
from canary_controller.sandbox.protobuf import decoded_protobuf
from canary_controller.sandbox.request import understand
from canary_controller.sandbox.resources import version_rank
from canary_controller.sandbox.scale import selector_text
from canary_controller.sandbox.status_errors import StatusError
from canary_controller.sandbox.table import age, human_duration

OBJECT = {
    "metadata": {"annotations": {"a.b/c": "x"}},
    "status": {"conditions": [{"type": "Ready", "status": "True"}, {"type": "Paused", "status": "False"}], "on": True},
}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (".status.conditions[0].type", ["Ready"]),
        ("status.conditions[-1].type", ["Paused"]),
        ("{.status.conditions[*].type}", ["Ready", "Paused"]),
        ('.status.conditions[?(@.type=="Paused")].status', ["False"]),
        ("$.status.conditions[?(@.type!='Paused')].status", ["True"]),
        (".metadata.annotations.a\\.b/c", ["x"]),
        (".metadata.annotations['a.b/c']", ["x"]),
        ("..type", ["Ready", "Paused"]),
        (".status.missing[3].deep", []),
    ],
)
def test_jsonpath_finds(path: str, expected: list[object]):
    assert find(path, OBJECT) == expected


def test_jsonpath_refuses_what_it_does_not_know():
    with pytest.raises(ValueError, match="not understood"):
        find(".a[?(@.b > 1)]", OBJECT)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "<invalid>"),
        (-0.5, "0s"),
        (119, "119s"),
        (120, "2m"),
        (599, "9m59s"),
        (600, "10m"),
        (3 * 3600, "3h"),
        (5 * 3600 + 120, "5h2m"),
        (9 * 3600, "9h"),
        (49 * 3600, "2d1h"),
        (30 * 86400, "30d"),
        (800 * 86400, "2y70d"),
        (9 * 365 * 86400, "9y"),
    ],
)
def test_durations_are_written_as_kubectl_does(seconds: float, text: str):
    assert human_duration(seconds) == text


def test_ages_of_odd_times_are_named():
    assert (age(None, 0), age("soon", 0), age("1970-01-01T00:00:00.250000Z", 60.25)) == ("<unknown>", "<invalid>", "60s")


def test_versions_are_ranked_as_kubernetes_does():
    versions = ["v1alpha1", "v2beta1", "v1", "v10", "v2", "v2beta2"]
    assert sorted(versions, key=version_rank) == ["v10", "v2", "v1", "v2beta2", "v2beta1", "v1alpha1"]


# As kubectl 1.37 sends them.
_META = b'\n\x13\n\x03foo\x12\x00\x1a\x00"\x00*\x002\x008\x00B\x00'
NAMESPACE = b"k8s\x00\n\x0f\n\x02v1\x12\tNamespace\x12\x1b" + _META + b'\x12\x00\x1a\x02\n\x00\x1a\x00"\x00'
CONFIG_MAP = b"k8s\x00\n\x0f\n\x02v1\x12\tConfigMap\x12\x1d" + _META + b'\x12\x06\n\x01a\x12\x01b\x1a\x00"\x00'


def test_protobuf_bodies_of_kubectl_are_read():
    assert decoded_protobuf(NAMESPACE) == {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "foo"}}
    assert decoded_protobuf(CONFIG_MAP)["data"] == {"a": "b"}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{}", 400),
        (NAMESPACE[:30], 400),
        (NAMESPACE.replace(b"Namespace", b"Frobnicat"), 415),
        (CONFIG_MAP.replace(b"\x12\x06\n\x01a\x12\x01b", b"\x4a\x06\n\x01a\x12\x01b"), 415),
    ],
)
def test_protobuf_that_is_broken_or_unknown_is_refused(body: bytes, code: int):
    with pytest.raises(StatusError) as refused:
        decoded_protobuf(body)
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/api/v1/namespaces", ("list", "namespaces", "", "", "")),
        ("GET", "/api/v1/namespaces/test", ("get", "namespaces", "", "test", "")),
        ("PUT", "/api/v1/namespaces/test/finalize", ("update", "namespaces", "", "test", "finalize")),
        ("GET", "/api/v1/namespaces/test/pods", ("list", "pods", "test", "", "")),
        ("GET", "/apis/apps/v1/namespaces/t/deployments/d/scale", ("get", "deployments", "t", "d", "scale")),
        ("GET", "/apis/apps/v1/deployments?watch=1", ("watch", "deployments", "", "", "")),
        ("DELETE", "/apis/apps/v1/namespaces/t/deployments", ("deletecollection", "deployments", "t", "", "")),
        ("GET", "/api/v1/namespaces/t/configmaps/a%2Fb", ("get", "configmaps", "t", "a/b", "")),
    ],
)
def test_paths_are_understood(method: str, path: str, expected: tuple[str, ...]):
    request = understand(method, path, {}, b"")
    assert (request.verb, request.plural, request.namespace, request.name, request.subresource) == expected


def test_the_manager_comes_from_the_option_or_the_user_agent():
    agent = {"User-Agent": "kubectl/v1.37 (linux)"}
    assert understand("PATCH", "/api/v1/nodes/a", agent, b"").manager == "kubectl"
    assert understand("PATCH", "/api/v1/nodes/a?fieldManager=me", agent, b"").manager == "me"


def test_label_selectors_are_written_as_text():
    rules = [
        {"key": "tier", "operator": "In", "values": ["b", "a"]},
        {"key": "old", "operator": "DoesNotExist"},
        {"key": "new", "operator": "Exists"},
        {"key": "zone", "operator": "NotIn", "values": ["x"]},
    ]
    text = selector_text({"matchLabels": {"app": "web"}, "matchExpressions": rules})
    assert text == "app=web,tier in (a,b),!old,new,zone notin (x)"
