"""Label and field selectors: from the text in a query string to a predicate over manifests."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from canary_controller.sandbox import status_errors as errors
from canary_controller.sandbox.objects.merge_keys import BUILTIN_GROUPS
from canarykit.dicts import at

Predicate = Callable[[Mapping[str, Any]], bool]

_NAME = r"(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?)"
_KEY = rf"(?P<key>(?:{_NAME}/)?{_NAME})"
_VALUE = r"[-A-Za-z0-9_.]*"
_SET = re.compile(rf"^{_KEY}\s+(?P<op>in|notin)\s*\((?P<values>[^()]*)\)$")
_EQUALITY = re.compile(rf"^{_KEY}\s*(?P<op>==|=|!=)\s*(?P<value>{_VALUE})$")
_ORDER = re.compile(rf"^{_KEY}\s*(?P<op>[<>])\s*(?P<value>-?\d+)$")
_EXISTS = re.compile(rf"^(?P<op>!?)\s*{_KEY}$")

# Fields that may be selected, by (group, plural); metadata.name and metadata.namespace may be for every resource.
_FIELDS: dict[tuple[str, str], tuple[str, ...]] = {
    ("", "events"): (
        "involvedObject.kind",
        "involvedObject.namespace",
        "involvedObject.name",
        "involvedObject.uid",
        "involvedObject.apiVersion",
        "involvedObject.resourceVersion",
        "involvedObject.fieldPath",
        "reason",
        "reportingComponent",
        "source",
        "type",
    ),
    ("", "pods"): (
        "spec.nodeName",
        "spec.restartPolicy",
        "spec.schedulerName",
        "spec.serviceAccountName",
        "status.phase",
        "status.podIP",
        "status.nominatedNodeName",
    ),
    ("", "secrets"): ("type",),
    ("", "namespaces"): ("status.phase",),
    ("", "nodes"): ("spec.unschedulable",),
    ("", "services"): ("spec.clusterIP", "spec.type"),
    ("apps", "replicasets"): ("status.replicas",),
}


def everything(_: Mapping[str, Any]) -> bool:
    """The predicate of an empty selector."""
    return True


def label_selector(text: str) -> Predicate:
    """Return the predicate of a label selector such as ``app=podinfo,tier in (a,b),!legacy``; StatusError 400 if unreadable."""
    tests = [_label_test(part) for part in _split(text)]
    if not tests:
        return everything
    return lambda manifest: _all_pass(tests, at(manifest, "metadata", "labels", default={}))


def field_selector(text: str, group: str, plural: str, selectable: tuple[str, ...] = ()) -> Predicate:
    """Return the predicate of a field selector such as ``metadata.name=podinfo``.

    ``selectable`` are the fields that a CRD offers. Raises StatusError 400 for a field that the resource does not offer.
    """
    offered = ("metadata.name", "metadata.namespace", *_FIELDS.get((group, plural), ()), *selectable)
    tests: list[Predicate] = []
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        matched = re.match(r"^([^=!]+?)(==|=|!=)(.*)$", part)
        if matched is None:
            raise errors.bad_request(f'invalid selector: "{text}"; can\'t understand "{part}"')
        path, operator, value = matched.groups()
        if path not in offered:
            raise errors.bad_request(_unknown_field(path, group, plural, offered))
        tests.append(_field_test(path, value, wanted=operator != "!="))
    if not tests:
        return everything
    return lambda manifest: all(test(manifest) for test in tests)


def _unknown_field(path: str, group: str, plural: str, offered: tuple[str, ...]) -> str:
    if (group, plural) in _FIELDS or group not in BUILTIN_GROUPS:
        return f"field label not supported: {path}"
    known = ", ".join(f'"{each}"' for each in offered)
    return f'"{path}" is not a known field selector: only {known}'


def _all_pass(tests: list[Callable[[Mapping[str, str]], bool]], labels: Mapping[str, str]) -> bool:
    return all(test(labels) for test in tests)


def _field_test(path: str, value: str, wanted: bool) -> Predicate:
    keys = ("source", "component") if path == "source" else tuple(path.split("."))
    return lambda manifest: (_text(at(manifest, *keys)) == value) is wanted


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)


def _split(text: str) -> Iterator[str]:
    """Yield the requirements: commas separate them, except within the parentheses of a set."""
    depth, start = 0, 0
    for position, letter in enumerate(text):
        depth += {"(": 1, ")": -1}.get(letter, 0)
        if letter == "," and depth == 0:
            yield text[start:position].strip()
            start = position + 1
    if last := text[start:].strip():
        yield last


def _label_test(part: str) -> Callable[[Mapping[str, str]], bool]:
    if found := _SET.match(part):
        key, values = found["key"], {value.strip() for value in found["values"].split(",")}
        if found["op"] == "in":
            return lambda labels: labels.get(key) in values
        return lambda labels: labels.get(key) not in values
    if found := _EQUALITY.match(part):
        key, value = found["key"], found["value"]
        if found["op"] == "!=":
            return lambda labels: labels.get(key) != value
        return lambda labels: labels.get(key) == value
    if found := _ORDER.match(part):
        key, limit, rising = found["key"], int(found["value"]), found["op"] == ">"
        return lambda labels: _beyond(labels.get(key), limit, rising)
    if found := _EXISTS.match(part):
        key, wanted = found["key"], not found["op"]
        return lambda labels: (key in labels) is wanted
    rest = part.split(maxsplit=1)[-1]
    raise errors.bad_request(f"unable to parse requirement: found '{rest}', expected: in, notin, =, ==, !=, gt, lt")


def _beyond(value: str | None, limit: int, rising: bool) -> bool:
    if value is None or not re.fullmatch(r"-?\d+", value):
        return False
    return int(value) > limit if rising else int(value) < limit
