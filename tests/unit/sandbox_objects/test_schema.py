"""Custom resources under their structural schema, and CEL rules."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canary_controller.sandbox.objects.cel import cel_refusal
from canary_controller.sandbox.objects.schema import process
from unit.sandbox_objects.samples import JSON_MAPS, REPEATABLE

INTEGER: dict[str, Any] = {"type": "integer"}
TEXT: dict[str, Any] = {"type": "string"}


def a_schema(**fields: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {"spec": {"type": "object", "properties": fields}}}


def stored(spec: Any, **fields: Any) -> dict[str, Any]:
    """Return the spec as it is stored under a schema with these fields."""
    result: dict[str, Any] = process(
        {"apiVersion": "g/v1", "kind": "X", "metadata": {"name": "x"}, "spec": spec}, a_schema(**fields)
    )[0]
    spec_stored: dict[str, Any] = result["spec"]
    return spec_stored


def wrong(value: Any, schema: dict[str, Any]) -> list[str]:
    """Return ``field: message`` of every cause for ``spec.x`` with this value."""
    causes = process({"metadata": {"name": "x"}, "spec": {"x": value}}, a_schema(x=schema))[1]
    return [f"{cause.field}: {cause.message}" for cause in causes]


def test_what_is_not_declared_is_dropped_and_open_maps_are_kept() -> None:
    free = {"type": "object", "x-kubernetes-preserve-unknown-fields": True, "properties": {"a": {"type": "object"}}}
    result = stored(
        {"known": 1, "unknown": 2, "free": {"b": {"c": [1]}, "a": {"gone": 1}}, "map": {"k": "v"}, "list": [{"n": 1, "z": 2}]},
        known=INTEGER,
        free=free,
        map={"type": "object", "additionalProperties": TEXT},
        list={"type": "array", "items": {"type": "object", "properties": {"n": INTEGER}}},
    )
    assert result == {"known": 1, "free": {"b": {"c": [1]}, "a": {}}, "map": {"k": "v"}, "list": [{"n": 1}]}


def test_identity_is_kept_and_unknown_metadata_is_dropped() -> None:
    manifest = {"apiVersion": "g/v1", "kind": "X", "metadata": {"name": "x", "labels": {"a": "b"}, "odd": 1}, "other": 1}
    assert process(manifest, a_schema())[0] == {
        "apiVersion": "g/v1",
        "kind": "X",
        "metadata": {"name": "x", "labels": {"a": "b"}},
    }


def test_an_object_inside_an_object_keeps_its_identity() -> None:
    inner = {"type": "object", "x-kubernetes-embedded-resource": True, "properties": {"spec": {"type": "object"}}}
    value = {"apiVersion": "v1", "kind": "Y", "metadata": {"name": "y"}, "spec": {}, "odd": 1}
    assert "odd" not in stored({"x": value}, x=inner)["x"]
    assert stored({"x": value}, x=inner)["x"]["kind"] == "Y"


def test_defaults_are_added_in_depth_also_inside_defaults_and_list_items() -> None:
    inner = {"type": "object", "default": {}, "properties": {"n": {**INTEGER, "default": 3}}}
    result = stored({"list": [{}, {"n": 1}]}, x=inner, list={"type": "array", "items": inner})
    assert result == {"x": {"n": 3}, "list": [{"n": 3}, {"n": 1}]}
    assert stored({"x": {"k": {}}}, x={"type": "object", "additionalProperties": inner})["x"] == {"k": {"n": 3}}
    assert stored({}, y={"type": "object", "properties": {"n": {**INTEGER, "default": 3}}}) == {}


def test_null_makes_way_for_the_default_unless_it_is_allowed() -> None:
    assert stored({"x": None}, x={**INTEGER, "default": 3}) == {"x": 3}
    assert stored({"x": None}, x=INTEGER) == {}
    assert stored({"x": None}, x={**INTEGER, "default": 3, "nullable": True}) == {"x": None}
    assert wrong(None, {**INTEGER, "nullable": True}) == []


@pytest.mark.parametrize(
    ("value", "schema", "wanted"),
    [
        ("a", INTEGER, 'spec.x: Invalid value: "string": spec.x in body must be of type integer: "string"'),
        (True, INTEGER, 'spec.x: Invalid value: "boolean": spec.x in body must be of type integer: "boolean"'),
        (1.5, INTEGER, 'spec.x: Invalid value: "number": spec.x in body must be of type integer: "number"'),
        (1, TEXT, 'spec.x: Invalid value: "integer": spec.x in body must be of type string: "integer"'),
        ([], {"type": "object"}, 'spec.x: Invalid value: "array": spec.x in body must be of type object: "array"'),
        (
            [],
            {"x-kubernetes-int-or-string": True},
            'spec.x: Invalid value: "array": spec.x in body must be of type integer,string: "array"',
        ),
        ("c", {**TEXT, "enum": ["a", "b"]}, 'spec.x: Unsupported value: "c": supported values: "a", "b"'),
        ("b", {**TEXT, "pattern": "^a$"}, "spec.x: Invalid value: \"b\": spec.x in body should match '^a$'"),
        ("a\n", {**TEXT, "pattern": "^a$"}, "spec.x: Invalid value: \"a\\n\": spec.x in body should match '^a$'"),
        ("", {**TEXT, "minLength": 1}, 'spec.x: Invalid value: "": spec.x in body should be at least 1 chars long'),
        ("abc", {**TEXT, "maxLength": 2}, "spec.x: Too long: may not be more than 2 bytes"),
        ("1s", {**TEXT, "format": "date-time"}, 'spec.x: Invalid value: "1s": spec.x in body must be of type date-time: "1s"'),
        (0, {**INTEGER, "minimum": 1}, "spec.x: Invalid value: 0: spec.x in body should be greater than or equal to 1"),
        (
            1,
            {**INTEGER, "minimum": 1, "exclusiveMinimum": True},
            "spec.x: Invalid value: 1: spec.x in body should be greater than 1",
        ),
        (9, {**INTEGER, "maximum": 8}, "spec.x: Invalid value: 9: spec.x in body should be less than or equal to 8"),
        (3, {**INTEGER, "multipleOf": 2}, "spec.x: Invalid value: 3: spec.x in body should be a multiple of 2"),
        (
            2**31,
            {**INTEGER, "format": "int32"},
            'spec.x: Invalid value: 2147483648: spec.x in body must be of type int32: "2147483648"',
        ),
        ([], {"type": "array", "minItems": 1}, "spec.x: Invalid value: 0: spec.x in body should have at least 1 items"),
        ([1, 2], {"type": "array", "maxItems": 1}, "spec.x: Too many: 2: must have at most 1 items"),
        (["a", "a"], {"type": "array", "x-kubernetes-list-type": "set"}, 'spec.x[1]: Duplicate value: "a"'),
        (
            [{"n": 1, "m": 2}, {"n": 1}],
            {
                "type": "array",
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["n"],
                "items": {"type": "object", "properties": {"n": INTEGER, "m": INTEGER}},
            },
            'spec.x[1]: Duplicate value: {"n":1}',
        ),
        ({}, {"type": "object", "required": ["a"], "properties": {"a": INTEGER}}, "spec.x.a: Required value"),
        (
            [{"a": "x"}],
            {"type": "array", "items": {"type": "object", "properties": {"a": INTEGER}}},
            'spec.x[0].a: Invalid value: "string": spec.x[0].a in body must be of type integer: "string"',
        ),
        (
            {"k": 1},
            {"type": "object", "additionalProperties": TEXT},
            'spec.x.k: Invalid value: "integer": spec.x.k in body must be of type string: "integer"',
        ),
        (
            {},
            {"type": "object", "minProperties": 1, "additionalProperties": TEXT},
            "spec.x: Invalid value: 0: spec.x in body should have at least 1 properties",
        ),
        (
            5,
            {**INTEGER, "anyOf": [{"minimum": 6}, {"maximum": 4}]},
            '<nil>: Invalid value: "": "spec.x" must validate at least one schema (anyOf)',
        ),
        (
            5,
            {**INTEGER, "oneOf": [{"minimum": 6}, {"maximum": 4}]},
            '<nil>: Invalid value: "": "spec.x" must validate one and only one schema (oneOf). Found none valid',
        ),
        (
            5,
            {**INTEGER, "oneOf": [{"minimum": 4}, {"maximum": 6}]},
            '<nil>: Invalid value: "": "spec.x" must validate one and only one schema (oneOf). Found 2 valid alternatives',
        ),
        (5, {**INTEGER, "not": {"minimum": 4}}, '<nil>: Invalid value: "": "spec.x" must not validate the schema (not)'),
    ],
)
def test_a_value_that_breaks_its_schema_is_refused_in_the_api_servers_words(
    value: Any, schema: dict[str, Any], wanted: str
) -> None:
    assert wrong(value, schema) == [wanted]


def test_all_of_names_each_part_that_is_broken() -> None:
    found = wrong(5, {**INTEGER, "allOf": [{"minimum": 6}, {"maximum": 9}]})
    assert found[0] == "spec.x: Invalid value: 5: spec.x in body should be greater than or equal to 6"
    assert found[1] == '<nil>: Invalid value: "": "spec.x" must validate all the schemas (allOf)'


@pytest.mark.parametrize(
    ("value", "schema"),
    [
        (2.0, INTEGER),
        (1, {"type": "number"}),
        ("5", {"x-kubernetes-int-or-string": True}),
        (5, {"x-kubernetes-int-or-string": True}),
        ("2024-01-02T03:04:05Z", {**TEXT, "format": "date-time"}),
        ("2024-01-02T03:04:05.123+02:00", {**TEXT, "format": "date-time"}),
        ("1h30m", {**TEXT, "format": "duration"}),
        ("xay", {**TEXT, "pattern": "a"}),
        ("cost$", {**TEXT, "pattern": r"\$$"}),
        (5, {**INTEGER, "oneOf": [{"minimum": 5}, {"maximum": 4}]}),
        (5, {**INTEGER, "not": {"minimum": 6}}),
        (["a", "b"], {"type": "array", "x-kubernetes-list-type": "set"}),
        ("anything", {**TEXT, "format": "unheard-of"}),
    ],
)
def test_a_value_that_obeys_its_schema_is_right(value: Any, schema: dict[str, Any]) -> None:
    assert wrong(value, schema) == []


def test_the_schema_need_not_mention_metadata_to_require_it() -> None:
    schema = {"type": "object", "required": ["metadata", "spec"], "properties": {"spec": {"type": "object"}}}
    assert [cause.field for cause in process({"metadata": {"name": "x"}}, schema)[1]] == ["spec"]


FIELDS = {
    "a": {**INTEGER, "default": 1, "minimum": 0},
    "b": {"type": "object", "properties": {"a": {**TEXT, "default": "x"}, "c": {"type": "object", "default": {}}}},
    "c": {"type": "array", "items": {"type": "object", "properties": {"b": {**INTEGER, "default": 2}}}},
}


@REPEATABLE
@given(JSON_MAPS)
def test_processing_twice_is_once_and_changes_nothing_lent(spec: dict[str, Any]) -> None:
    manifest, schema = {"apiVersion": "g/v1", "kind": "X", "metadata": {"name": "x"}, "spec": spec}, a_schema(**FIELDS)
    before = copy.deepcopy((manifest, schema))
    once, causes = process(manifest, schema)
    assert process(once, schema) == (once, causes)
    assert (manifest, schema) == before


@REPEATABLE
@given(st.integers() | st.text(max_size=3))
def test_a_default_that_obeys_its_schema_is_never_refused(value: Any) -> None:
    schema = {"x-kubernetes-int-or-string": True, "default": value}
    assert process({"metadata": {"name": "x"}, "spec": {}}, a_schema(x=schema)) == (
        {"metadata": {"name": "x"}, "spec": {"x": value}},
        [],
    )


def test_cel_rules_are_named_as_not_evaluated() -> None:
    rule = {"x-kubernetes-validations": [{"rule": "self.a <= self.b"}]}
    spec = {"type": "object", **rule, "properties": {"l": {"type": "array", "items": {"type": "object", **rule}}}}
    schema = {"type": "object", "properties": {"spec": spec}}
    versions = [{"name": "v1", "schema": {"openAPIV3Schema": schema}}]
    crd = {"metadata": {"name": "xs.g"}, "spec": {"versions": versions}}
    text = cel_refusal(crd)
    assert text is not None
    assert text.startswith("xs.g: x-kubernetes-validations at spec, spec.l[] not evaluated")
    assert cel_refusal({**crd, "spec": {"versions": [{"schema": {"openAPIV3Schema": a_schema(x=INTEGER)}}]}}) is None
