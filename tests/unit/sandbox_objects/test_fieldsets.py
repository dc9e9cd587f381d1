"""Sets of fields and differences between objects."""

import copy
from typing import Any

import pytest
from hypothesis import given

from canary_controller.sandbox.objects.causes import PatchError
from canary_controller.sandbox.objects.fieldsets import differences, dotted, from_json, of_object, to_json, with_parents, without
from canary_controller.sandbox.objects.merge_keys import ListTypes
from unit.sandbox_objects.samples import REPEATABLE, a_deployment, containers, deployments

DEPLOYMENT = ListTypes.for_builtin("apps", "Deployment")
WEB = ("f:spec", "f:template", "f:spec", "f:containers", 'k:{"name":"web"}')
CUSTOM = ListTypes.for_crd({
    "type": "object",
    "properties": {
        "spec": {
            "type": "object",
            "properties": {
                "named": {
                    "type": "array",
                    "x-kubernetes-list-type": "map",
                    "x-kubernetes-list-map-keys": ["name"],
                    "items": {"type": "object", "properties": {"name": {"type": "string"}, "n": {"type": "integer"}}},
                },
                "tags": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
                "plain": {"type": "array", "items": {"type": "object"}},
                "whole": {"type": "object", "x-kubernetes-map-type": "atomic", "properties": {"a": {"type": "integer"}}},
                "open": {"type": "object", "additionalProperties": {"type": "object", "properties": {"x": {"type": "string"}}}},
                "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                "group": {"type": "object", "properties": {"a": {"type": "integer"}}},
            },
        }
    },
})  # fmt: skip


def test_an_applied_manifest_claims_its_leaves_and_list_items_but_no_structs_and_no_identity() -> None:
    assert to_json(of_object(a_deployment(), DEPLOYMENT)) == {
        "f:metadata": {"f:labels": {"f:app": {}}},
        "f:spec": {
            "f:replicas": {},
            "f:selector": {},
            "f:template": {
                "f:metadata": {"f:labels": {"f:app": {}}},
                "f:spec": {
                    "f:containers": {
                        'k:{"name":"web"}': {
                            ".": {},
                            "f:image": {},
                            "f:name": {},
                            "f:ports": {
                                'k:{"containerPort":8080,"protocol":"TCP"}': {".": {}, "f:containerPort": {}, "f:name": {}}
                            },
                        }
                    }
                },
            },
        },
    }


def test_a_custom_resource_goes_by_its_schema() -> None:
    spec = {
        "named": [{"name": "a", "n": 1}],
        "tags": ["x"],
        "plain": [{"deep": 1}],
        "whole": {"a": 1},
        "open": {"k": {"x": "y"}},
        "free": {"deep": {"er": [1]}},
        "group": {},
    }
    assert to_json(of_object({"apiVersion": "g/v1", "kind": "X", "spec": spec}, CUSTOM)) == {
        "f:spec": {
            "f:named": {'k:{"name":"a"}': {".": {}, "f:n": {}, "f:name": {}}},
            "f:tags": {'v:"x"': {}},
            "f:plain": {},
            "f:whole": {},
            "f:open": {"f:k": {".": {}, "f:x": {}}},
            "f:free": {"f:deep": {".": {}, "f:er": {}}},
            "f:group": {},
        }
    }


def test_metadata_lists_go_by_key_everywhere() -> None:
    owner = {"apiVersion": "v1", "kind": "X", "name": "x", "uid": "u1"}
    metadata = {"name": "a", "uid": "u", "finalizers": ["f/x"], "ownerReferences": [owner]}
    for types in (DEPLOYMENT, CUSTOM):
        assert to_json(of_object({"metadata": metadata}, types)) == {
            "f:metadata": {"f:finalizers": {'v:"f/x"': {}}, "f:ownerReferences": {'k:{"uid":"u1"}': {}}}
        }


def test_items_without_keys_or_with_twins_cannot_be_applied() -> None:
    nameless, twins = a_deployment(), a_deployment()
    containers(nameless)[0].pop("name")
    containers(twins).append({"name": "web", "image": "other"})
    with pytest.raises(PatchError, match=r'spec\.containers: element .* has none of its keys \("name"\)'):
        of_object(nameless, DEPLOYMENT)
    with pytest.raises(PatchError, match=r'duplicate entries for key \[name="web"\]') as refused:
        of_object(twins, DEPLOYMENT)
    assert refused.value.status == 400


def test_differences_name_what_came_changed_and_went() -> None:
    old, new = a_deployment(), a_deployment()
    containers(new)[0]["image"] = "web:2"
    containers(new)[0]["args"] = ["--fast"]
    containers(new)[0]["ports"] = []
    new["spec"]["replicas"] = 3
    new["metadata"]["labels"] = {}
    found = differences(old, new, DEPLOYMENT)
    assert found.modified == {("f:spec", "f:replicas"), (*WEB, "f:image")}
    assert found.added == {(*WEB, "f:args")}
    port = (*WEB, "f:ports", 'k:{"containerPort":8080,"protocol":"TCP"}')
    assert found.removed == {
        ("f:metadata", "f:labels", "f:app"),
        port,
        (*port, "f:containerPort"),
        (*port, "f:name"),
    }


def test_an_order_of_items_alone_is_no_difference() -> None:
    old = a_deployment()
    containers(old).append({"name": "proxy", "image": "p"})
    new = copy.deepcopy(old)
    containers(new).reverse()
    assert not differences(old, new, DEPLOYMENT)


def test_system_fields_are_nobodys() -> None:
    old, new = a_deployment(), a_deployment()
    new["metadata"] |= {"resourceVersion": "2", "generation": 2, "uid": "u", "managedFields": [{}], "creationTimestamp": "x"}
    assert not differences(old, new, DEPLOYMENT)


def test_stored_twins_differ_as_one_field() -> None:
    """The API server stores a container with one variable twice; only apply refuses that."""
    old, new = a_deployment(), a_deployment()
    containers(old)[0]["env"] = [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]
    containers(new)[0]["env"] = [{"name": "A", "value": "1"}, {"name": "A", "value": "3"}]
    assert differences(old, new, DEPLOYMENT).modified == {(*WEB, "f:env", 'k:{"name":"A"}')}


def test_a_change_of_kind_is_a_change() -> None:
    old, new = {"spec": {"free": {"a": {"b": 1}}}}, {"spec": {"free": {"a": [1]}}}
    assert differences(old, new, CUSTOM).modified == {("f:spec", "f:free", "f:a")}


def test_removal_takes_emptied_maps_along_and_keeps_the_keys_of_items() -> None:
    manifest = a_deployment()
    gone = frozenset({("f:metadata", "f:labels", "f:app"), (*WEB, "f:name"), (*WEB, "f:image"), (*WEB, "f:ports")})
    result = without(manifest, gone, DEPLOYMENT)
    assert "labels" not in result["metadata"]
    assert containers(result) == [{"name": "web"}]
    assert manifest == a_deployment()


def test_paths_are_printed_as_conflicts_print_them() -> None:
    assert dotted((*WEB, "f:ports", 'k:{"containerPort":80,"protocol":"TCP"}', "f:name")) == (
        '.spec.template.spec.containers[name="web"].ports[containerPort=80,protocol="TCP"].name'
    )
    assert dotted(("f:metadata", "f:annotations", "f:a.b/c")) == ".metadata.annotations.a.b/c"
    assert dotted(("f:spec", "f:tags", 'v:"x"')) == '.spec.tags[="x"]'
    assert dotted(("f:spec", "f:list", "i:0")) == ".spec.list[0]"


def test_a_set_survives_json_with_members_that_have_members() -> None:
    fields = frozenset({("f:a",), ("f:a", "f:b"), ("f:a", "f:b", "f:c"), ("f:d", "f:e")})
    assert to_json(fields) == {"f:a": {".": {}, "f:b": {".": {}, "f:c": {}}}, "f:d": {"f:e": {}}}
    assert from_json(to_json(fields)) == fields
    assert with_parents(frozenset({("f:d", "f:e")})) == {("f:d",), ("f:d", "f:e")}


@REPEATABLE
@given(deployments(), deployments())
def test_the_laws_of_field_sets(one: dict[str, Any], two: dict[str, Any]) -> None:
    before = copy.deepcopy((one, two))
    claimed = of_object(one, DEPLOYMENT)
    assert from_json(to_json(claimed)) == claimed
    assert not differences(one, copy.deepcopy(one), DEPLOYMENT)
    there, back = differences(one, two, DEPLOYMENT), differences(two, one, DEPLOYMENT)
    assert (there.added, there.modified, there.removed) == (back.removed, back.modified, back.added)
    assert of_object(without(one, claimed, DEPLOYMENT), DEPLOYMENT) == frozenset()
    assert (one, two) == before
