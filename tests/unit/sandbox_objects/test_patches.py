"""JSON merge patch and JSON patch."""

import copy
from typing import Any

import pytest
from hypothesis import given

from canary_controller.sandbox.objects.patches import PatchError, json_patch, merge_patch
from unit.sandbox_objects.samples import JSON, JSON_MAPS, REPEATABLE

# The table of RFC 7386, appendix A.
RFC_7386: list[tuple[Any, Any, Any]] = [
    ({"a": "b"}, {"a": "c"}, {"a": "c"}),
    ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
    ({"a": "b"}, {"a": None}, {}),
    ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
    ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
    ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
    ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
    ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
    (["a", "b"], ["c", "d"], ["c", "d"]),
    ({"a": "b"}, ["c"], ["c"]),
    ({"a": "foo"}, None, None),
    ({"a": "foo"}, "bar", "bar"),
    ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
    ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
    ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
]


@pytest.mark.parametrize(("target", "patch", "wanted"), RFC_7386)
def test_merge_patch_does_what_the_rfc_lists(target: Any, patch: Any, wanted: Any) -> None:
    assert merge_patch(target, patch) == wanted


@REPEATABLE
@given(JSON_MAPS, JSON)
def test_merge_patch_twice_is_once_and_shares_nothing(target: dict[str, Any], patch: Any) -> None:
    before = copy.deepcopy((target, patch))
    once = merge_patch(target, patch)
    assert merge_patch(once, patch) == once
    assert (target, patch) == before
    if isinstance(once, dict):
        for value in once.values():
            if isinstance(value, dict | list):
                value.clear()
        assert (target, patch) == before


@REPEATABLE
@given(JSON_MAPS)
def test_an_empty_merge_patch_changes_nothing(target: dict[str, Any]) -> None:
    assert merge_patch(target, {}) == target


def test_json_patch_carries_out_operations_in_order() -> None:
    target = {"spec": {"list": [1, 2]}, "metadata": {"labels": {"a/b": "x"}}}
    ops = [
        {"op": "test", "path": "/metadata/labels/a~1b", "value": "x"},
        {"op": "add", "path": "/spec/list/0", "value": 0},
        {"op": "add", "path": "/spec/list/-", "value": {"deep": []}},
        {"op": "add", "path": "/spec/list/3/deep/-", "value": 1},
        {"op": "remove", "path": "/metadata/labels/a~1b"},
    ]
    before = copy.deepcopy((target, ops))
    assert json_patch(target, ops) == {"spec": {"list": [0, 1, 2, {"deep": [1]}]}, "metadata": {"labels": {}}}
    assert (target, ops) == before


@pytest.mark.parametrize(
    ("ops", "status", "reason"),
    [
        ([{"op": "test", "path": "/a", "value": 2}], 422, "Invalid"),
        ([{"op": "test", "path": "/missing", "value": 2}], 422, "Invalid"),
        ([{"op": "remove", "path": "/missing"}], 422, "Invalid"),
        ([{"op": "add", "path": "/missing/deep", "value": 2}], 422, "Invalid"),
        ([{"op": "add", "path": "/a/deep", "value": 2}], 422, "Invalid"),
        ([{"op": "invent", "path": "/a"}], 422, "Invalid"),
        ([{"path": "/a"}], 422, "Invalid"),
        (["add"], 400, "BadRequest"),
        ({"op": "add"}, 400, "BadRequest"),
        ([{"op": "replace", "path": "", "value": 1}], 422, "Invalid"),
    ],
)
def test_json_patch_refuses_with_the_status_of_the_api_server(ops: Any, status: int, reason: str) -> None:
    with pytest.raises(PatchError) as refused:
        json_patch({"a": 1}, ops)
    assert (refused.value.status, refused.value.reason) == (status, reason)
    assert refused.value.message


def test_json_patch_adds_what_it_is_to_replace_and_is_not_there() -> None:
    """RFC 6902 forbids it; the API server does it, in maps only."""
    assert json_patch({"a": {}}, [{"op": "replace", "path": "/a/b", "value": 2}]) == {"a": {"b": 2}}
    with pytest.raises(PatchError):
        json_patch({"a": []}, [{"op": "replace", "path": "/a/0", "value": 2}])
