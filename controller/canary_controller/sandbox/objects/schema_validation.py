"""Whether a value obeys a structural schema (OpenAPI v3 as CRDs may use it), with the API server's messages."""

import ipaddress
import json
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import cache
from typing import Any

from canary_controller.sandbox.objects.causes import (
    Cause,
    duplicate,
    invalid,
    required,
    too_long,
    too_many,
    type_invalid,
    unsupported,
)
from canarykit.dicts import at

Schema = Mapping[str, Any]
_INT_OR_STRING = "x-kubernetes-int-or-string"


def value_causes(value: Any, schema: Schema, path: str) -> Iterator[Cause]:
    """Yield what is wrong with a value that stands at ``path``, e.g. ``spec.triggers[0].type``; ``""`` is the root."""
    if value is None:
        if not schema.get("nullable") and not schema.get("x-kubernetes-preserve-unknown-fields"):
            yield from _wrong_type("null", schema, path)
        return
    if not _has_type(value, schema):
        yield from _wrong_type(_json_type(value), schema, path)
        return
    if "enum" in schema and value not in schema["enum"]:
        yield unsupported(path, value, schema["enum"])
    if isinstance(value, str):
        yield from _text(value, schema, path)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield from _number(value, schema, path)
    elif isinstance(value, list):
        yield from _list(value, schema, path)
    elif isinstance(value, Mapping):
        yield from _map(value, schema, path)
    yield from _junctors(value, schema, path)


def _json_type(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    return {float: "number", str: "string", list: "array"}.get(type(value), "object")


def _has_type(value: Any, schema: Schema) -> bool:
    found, wanted = _json_type(value), schema.get("type")
    if schema.get(_INT_OR_STRING):
        return found in ("integer", "string") or _is_whole(value)
    if wanted is None or found == wanted:
        return True
    return (wanted == "number" and found == "integer") or (wanted == "integer" and _is_whole(value))


def _is_whole(value: Any) -> bool:
    return isinstance(value, float) and value.is_integer()


def _wrong_type(found: str, schema: Schema, path: str) -> Iterator[Cause]:
    wanted = "integer,string" if schema.get(_INT_OR_STRING) else schema.get("type")
    if wanted is not None:
        yield type_invalid(path, found, f'{path} in body must be of type {wanted}: "{found}"')


def _text(value: str, schema: Schema, path: str) -> Iterator[Cause]:
    least, most, pattern = schema.get("minLength"), schema.get("maxLength"), schema.get("pattern")
    if most is not None and len(value) > most:
        yield too_long(path, most)
    if least is not None and len(value) < least:
        yield invalid(path, value, f"{path} in body should be at least {least} chars long")
    if pattern is not None and not _regex(pattern).search(value):
        yield invalid(path, value, f"{path} in body should match '{pattern}'")
    check = _FORMATS.get(str(schema.get("format", "")))
    if check is not None and not check(value):
        yield invalid(path, value, f'{path} in body must be of type {schema["format"]}: "{value}"')


@cache
def _regex(pattern: str) -> re.Pattern[str]:
    """Compile a Go (RE2) pattern: there ``$`` is the end of the text, not also before a last line break."""
    return re.compile(re.sub(r"(?<!\\)\$$", r"\\Z", pattern))


def _parses(parse: Callable[[str], Any]) -> Callable[[str], bool]:
    def check(text: str) -> bool:
        try:
            parse(text)
        except ValueError:
            return False
        return True

    return check


def _instant(text: str) -> None:
    if not re.match(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d", text) or datetime.fromisoformat(text.upper()).tzinfo is None:
        raise ValueError(text)


_GO_DURATION = re.compile(r"[-+]?(0|(\d+(\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h))+")
_FORMATS: Mapping[str, Callable[[str], bool]] = {
    "date-time": _parses(_instant),
    "date": _parses(lambda text: datetime.strptime(text, "%Y-%m-%d")),
    "ipv4": _parses(ipaddress.IPv4Address),
    "ipv6": _parses(ipaddress.IPv6Address),
    "duration": lambda text: _GO_DURATION.fullmatch(text) is not None,
}


def _number(value: float, schema: Schema, path: str) -> Iterator[Cause]:
    least, most, step = schema.get("minimum"), schema.get("maximum"), schema.get("multipleOf")
    if least is not None and (value <= least if schema.get("exclusiveMinimum") else value < least):
        yield invalid(path, value, f"{path} in body should be greater than {_or_equal(schema, 'exclusiveMinimum')}{least}")
    if most is not None and (value >= most if schema.get("exclusiveMaximum") else value > most):
        yield invalid(path, value, f"{path} in body should be less than {_or_equal(schema, 'exclusiveMaximum')}{most}")
    if step is not None and value % step:
        yield invalid(path, value, f"{path} in body should be a multiple of {step}")
    bits = {"int32": 31, "int64": 63}.get(str(schema.get("format", "")))
    if bits is not None and not -(2**bits) <= value < 2**bits:
        yield invalid(path, value, f'{path} in body must be of type {schema["format"]}: "{value}"')


def _or_equal(schema: Schema, exclusive: str) -> str:
    return "" if schema.get(exclusive) else "or equal to "


def _list(value: list[Any], schema: Schema, path: str) -> Iterator[Cause]:
    least, most, items = schema.get("minItems"), schema.get("maxItems"), schema.get("items")
    if most is not None and len(value) > most:
        yield too_many(path, len(value), most)
    if least is not None and len(value) < least:
        yield invalid(path, len(value), f"{path} in body should have at least {least} items")
    if isinstance(items, Mapping):
        for index, item in enumerate(value):
            yield from value_causes(item, items, f"{path}[{index}]")
    if schema.get("x-kubernetes-list-type") in ("set", "map") or schema.get("uniqueItems"):
        yield from _twins(value, schema, path)


def _twins(value: list[Any], schema: Schema, path: str) -> Iterator[Cause]:
    names = at(schema, "x-kubernetes-list-map-keys", default=[])
    seen: set[str] = set()
    for index, item in enumerate(value):
        identity = {name: item.get(name) for name in names} if names and isinstance(item, Mapping) else item
        key = json.dumps(identity, sort_keys=True, default=str)
        if key in seen:
            yield duplicate(f"{path}[{index}]", identity)
        seen.add(key)


def _map(value: Mapping[str, Any], schema: Schema, path: str) -> Iterator[Cause]:
    prefix = f"{path}." if path else ""
    for name in at(schema, "required", default=[]):
        if name not in value:
            yield required(f"{prefix}{name}")
    least, most = schema.get("minProperties"), schema.get("maxProperties")
    if least is not None and len(value) < least:
        yield invalid(path, len(value), f"{path} in body should have at least {least} properties")
    if most is not None and len(value) > most:
        yield too_many(path, len(value), most)
    properties, extra = at(schema, "properties", default={}), schema.get("additionalProperties")
    for name, member in value.items():
        inner = properties.get(name, extra)
        if isinstance(inner, Mapping):
            yield from value_causes(member, inner, f"{prefix}{name}")


def _junctors(value: Any, schema: Schema, path: str) -> Iterator[Cause]:
    """allOf, anyOf, oneOf and not. Their own errors carry no place: the API server prints ``<nil>`` there."""
    if "allOf" in schema:
        inner = [cause for part in schema["allOf"] for cause in value_causes(value, part, path)]
        yield from inner
        if inner:
            yield _nowhere(f'"{path}" must validate all the schemas (allOf)')
    if "anyOf" in schema and not any(_obeys(value, part) for part in schema["anyOf"]):
        yield _nowhere(f'"{path}" must validate at least one schema (anyOf)')
    if "oneOf" in schema:
        count = sum(_obeys(value, part) for part in schema["oneOf"])
        if count != 1:
            found = f"{count} valid alternatives" if count else "none valid"
            yield _nowhere(f'"{path}" must validate one and only one schema (oneOf). Found {found}')
    if "not" in schema and _obeys(value, schema["not"]):
        yield _nowhere(f'"{path}" must not validate the schema (not)')


def _obeys(value: Any, schema: Schema) -> bool:
    return next(value_causes(value, schema, ""), None) is None


def _nowhere(text: str) -> Cause:
    return invalid("<nil>", "", text)
