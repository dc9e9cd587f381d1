"""The table of merge keys."""

import pytest

from canary_controller.sandbox.objects.merge_keys import ATOMIC, MAP, SET, ListTypes


def at(group: str, kind: str, path: str) -> ListTypes:
    """Return the types at a dotted path of a built-in kind; list levels are entered by themselves."""
    here = ListTypes.for_builtin(group, kind)
    for name in path.split("."):
        here = (here.element or here).field(name)
    return here


CONTAINER = "spec.template.spec.containers"


@pytest.mark.parametrize(
    ("group", "kind", "path", "relation", "keys", "patch_key"),
    [
        ("apps", "Deployment", CONTAINER, MAP, ("name",), "name"),
        ("apps", "Deployment", "spec.template.spec.initContainers.env", MAP, ("name",), "name"),
        ("apps", "Deployment", f"{CONTAINER}.ports", MAP, ("containerPort", "protocol"), "containerPort"),
        ("apps", "Deployment", f"{CONTAINER}.volumeMounts", MAP, ("mountPath",), "mountPath"),
        ("apps", "Deployment", f"{CONTAINER}.args", "", (), None),
        ("apps", "Deployment", "spec.template.spec.tolerations", "", (), None),
        (
            "apps",
            "Deployment",
            "spec.template.spec.topologySpreadConstraints",
            MAP,
            ("topologyKey", "whenUnsatisfiable"),
            "topologyKey",
        ),
        ("apps", "Deployment", "spec.selector", ATOMIC, (), None),
        ("apps", "Deployment", "status.conditions", MAP, ("type",), "type"),
        ("apps", "ReplicaSet", f"{CONTAINER}.env", MAP, ("name",), "name"),
        ("", "Pod", "spec.volumes", MAP, ("name",), "name"),
        ("", "Service", "spec.ports", MAP, ("port", "protocol"), "port"),
        ("", "ConfigMap", "metadata.finalizers", SET, (), ""),
        ("", "ConfigMap", "metadata.ownerReferences", MAP, ("uid",), "uid"),
        ("autoscaling", "HorizontalPodAutoscaler", "spec.metrics", "", (), None),
        ("autoscaling", "HorizontalPodAutoscaler", "spec.scaleTargetRef", "", (), None),
        ("apps", "ControllerRevision", "data", ATOMIC, (), None),
    ],
)
def test_a_list_has_the_keys_of_the_api(
    group: str, kind: str, path: str, relation: str, keys: tuple[str, ...], patch_key: str | None
) -> None:
    found = at(group, kind, path)
    assert (found.relation, found.keys, found.patch_key) == (relation, keys, patch_key)


def test_a_port_without_protocol_is_a_tcp_port() -> None:
    assert at("apps", "Deployment", f"{CONTAINER}.ports").key_defaults == {"protocol": "TCP"}
    assert at("", "Service", "spec.ports").key_defaults == {"protocol": "TCP"}


def test_a_crd_schema_says_the_same_in_its_own_words() -> None:
    items = {"type": "object", "properties": {"protocol": {"default": "TCP"}, "port": {}}}
    ports = {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["protocol", "port"], "items": items}
    types = ListTypes.for_crd({"type": "object", "properties": {"ports": ports, "m": {"x-kubernetes-map-type": "granular"}}})
    found = types.field("ports")
    assert (found.relation, found.keys, found.key_defaults) == (MAP, ("port", "protocol"), {"protocol": "TCP"})
    assert types.field("m").relation == ""
    assert types.field("metadata").field("finalizers").relation == SET
