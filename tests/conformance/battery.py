"""The battery: every verb on every kind of `kinds`, with success and with each refusal that a client of ours can meet."""

from collections.abc import Callable, Mapping
from typing import Any

from conformance.kinds import LABELS, SUBJECTS, Subject
from conformance.special import SPECIAL
from conformance.wire import APPLY, JSON_PATCH, MERGE, METADATA, METADATA_LIST, STRATEGIC, TABLE, Scenario, Step


def scenarios() -> tuple[Scenario, ...]:
    """Return the whole battery, in a fixed order."""
    made = [Scenario(f"{name}_{subject.name}", steps(subject)) for name, steps in _BY_VERB.items() for subject in SUBJECTS]
    with_status = [Scenario(f"status_{subject.name}", _status(subject)) for subject in SUBJECTS if subject.has_status]
    return (*made, *with_status, *SPECIAL)


def _one(subject: Subject) -> str:
    return f"{subject.collection}/one"


def _made(subject: Subject, step: str = "made", **parts: Any) -> Step:
    return Step(step, "POST", subject.collection, {**subject.manifest(), **parts})


def _merged(base: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``base`` with a merge patch applied (without nulls)."""
    found = dict(base)
    for key, value in change.items():
        is_both = isinstance(value, Mapping) and isinstance(found.get(key), Mapping)
        found[key] = _merged(found[key], value) if is_both else value
    return found


def _create(subject: Subject) -> tuple[Step, ...]:
    wrong_kind = {**subject.manifest(), "kind": "Nonsense"}
    return (
        Step("dry", "POST", f"{subject.collection}?dryRun=All", subject.manifest()),
        Step("dry left nothing", "GET", _one(subject)),
        _made(subject),
        Step("read", "GET", _one(subject)),
        _made(subject, "again"),
        Step("invalid", "POST", subject.collection, _merged(subject.manifest("two"), subject.invalid)),
        Step("wrong kind", "POST", subject.collection, wrong_kind),
        Step("no name", "POST", subject.collection, _merged(subject.manifest(), {"metadata": {"name": ""}})),
        Step("bad name", "POST", subject.collection, subject.manifest("Not_A_Name")),
        Step("bad label", "POST", subject.collection, subject.manifest("two", {"a b": "c"})),
        Step("with a version", "POST", subject.collection, subject.manifest("two", resourceVersion="7")),
        Step("other namespace", "POST", subject.collection, subject.manifest("two", namespace="elsewhere")),
        Step("no such namespace", "POST", subject.collection.replace("{ns}", "nowhere"), subject.manifest()),
        Step("no JSON", "POST", subject.collection, b"{nope"),
        Step("unknown field", "POST", f"{subject.collection}?fieldValidation=Strict", {**subject.manifest("two"), "bogus": 1}),
        Step("warned", "POST", f"{subject.collection}?fieldValidation=Warn", {**subject.manifest("three"), "bogus": 1}),
        Step("named manager", "POST", f"{subject.collection}?fieldManager=boss", subject.manifest("four")),
    )


def _update(subject: Subject) -> tuple[Step, ...]:
    def changed(seen: Mapping[str, Any]) -> Any:
        return _merged(seen["made"], subject.change)

    return (
        Step("missing", "PUT", f"{subject.collection}/two", subject.manifest("two")),
        _made(subject),
        Step("same", "PUT", _one(subject), lambda seen: seen["made"]),
        Step("changed", "PUT", _one(subject), changed),
        Step("stale", "PUT", _one(subject), lambda seen: _merged(seen["made"], {"metadata": {"labels": {"late": "yes"}}})),
        Step("no version", "PUT", _one(subject), subject.manifest()),
        Step("other name", "PUT", _one(subject), subject.manifest("two")),
        Step("other uid", "PUT", _one(subject), lambda seen: _merged(seen["changed"], {"metadata": {"uid": "0000"}})),
        Step("read", "GET", _one(subject)),
    )


def _merge(subject: Subject) -> tuple[Step, ...]:
    def fenced(label: str, step: str) -> Callable[[Mapping[str, Any]], Any]:
        return lambda seen: {
            "metadata": {"labels": {"fenced": label}, "resourceVersion": seen[step]["metadata"]["resourceVersion"]}
        }

    return (
        Step("missing", "PATCH", _one(subject), subject.change, MERGE),
        _made(subject),
        Step("changed", "PATCH", _one(subject), subject.change, MERGE),
        Step("nothing", "PATCH", _one(subject), {}, MERGE),
        Step("label", "PATCH", _one(subject), {"metadata": {"labels": {"more": "yes"}}}, MERGE),
        Step("label gone", "PATCH", _one(subject), {"metadata": {"labels": {"more": None}}}, MERGE),
        Step("annotation", "PATCH", f"{_one(subject)}?fieldManager=noter", {"metadata": {"annotations": {"n": "1"}}}, MERGE),
        Step("fenced", "PATCH", _one(subject), fenced("good", "annotation"), MERGE),
        Step("stale", "PATCH", _one(subject), fenced("late", "made"), MERGE),
        Step("invalid", "PATCH", _one(subject), subject.invalid, MERGE),
        Step("dry", "PATCH", f"{_one(subject)}?dryRun=All", {"metadata": {"labels": {"dry": "yes"}}}, MERGE),
        Step("no object", "PATCH", _one(subject), [1], MERGE),
        Step("other kind", "PATCH", _one(subject), {"kind": "Nonsense"}, MERGE),
        Step("read", "GET", _one(subject)),
    )


def _json(subject: Subject) -> tuple[Step, ...]:
    path, before, after = subject.pointer

    def patch(*operations: Mapping[str, Any]) -> Any:
        return list(operations)

    fence = "/metadata/resourceVersion"
    return (
        Step("missing", "PATCH", _one(subject), patch({"op": "test", "path": path, "value": before}), JSON_PATCH),
        _made(subject),
        Step("replaced", "PATCH", _one(subject), patch({"op": "replace", "path": path, "value": after}), JSON_PATCH),
        Step("test fails", "PATCH", _one(subject), patch({"op": "test", "path": path, "value": before}), JSON_PATCH),
        Step("test holds", "PATCH", _one(subject), patch({"op": "test", "path": path, "value": after}), JSON_PATCH),
        Step("stale", "PATCH", _one(subject), patch({"op": "replace", "path": fence, "value": "1"}), JSON_PATCH),
        Step("no such member", "PATCH", _one(subject), patch({"op": "remove", "path": "/metadata/absent"}), JSON_PATCH),
        Step("replace of nothing", "PATCH", _one(subject), patch({"op": "replace", "path": "/data2", "value": 1}), JSON_PATCH),
        Step("no operation", "PATCH", _one(subject), patch({"op": "juggle", "path": path, "value": 1}), JSON_PATCH),
        Step("no operation's name", "PATCH", _one(subject), patch({"path": path, "value": 1}), JSON_PATCH),
        Step("text", "PATCH", _one(subject), ["replace"], JSON_PATCH),
        Step("no path", "PATCH", _one(subject), patch({"op": "replace", "value": 1}), JSON_PATCH),
        Step("whole document", "PATCH", _one(subject), patch({"op": "replace", "path": "", "value": 1}), JSON_PATCH),
        Step("into a value", "PATCH", _one(subject), patch({"op": "add", "path": f"{path}/deep", "value": 1}), JSON_PATCH),
        Step("into nothing", "PATCH", _one(subject), patch({"op": "add", "path": "/nothing/deep", "value": 1}), JSON_PATCH),
        Step("no list", "PATCH", _one(subject), {"op": "test"}, JSON_PATCH),
        Step("label", "PATCH", _one(subject), patch({"op": "add", "path": "/metadata/labels/x~1y", "value": "z"}), JSON_PATCH),
        Step("read", "GET", _one(subject)),
    )


def _strategic(subject: Subject) -> tuple[Step, ...]:
    return (
        _made(subject),
        Step("changed", "PATCH", _one(subject), subject.change, STRATEGIC),
        Step("unknown type", "PATCH", _one(subject), subject.change, "application/json"),
        Step("read", "GET", _one(subject)),
    )


def _apply(subject: Subject) -> tuple[Step, ...]:
    mine, theirs = subject.owned
    path = _one(subject)
    whole = subject.manifest()
    without = {key: value for key, value in whole["metadata"].items() if key != "labels"}
    return (
        Step("made", "PATCH", f"{path}?fieldManager=first", whole, APPLY),
        Step("same", "PATCH", f"{path}?fieldManager=first", whole, APPLY),
        Step("shared", "PATCH", f"{path}?fieldManager=second", subject.bare(**mine), APPLY),
        Step("conflict", "PATCH", f"{path}?fieldManager=third", subject.bare(**theirs), APPLY),
        Step("forced", "PATCH", f"{path}?fieldManager=third&force=true", subject.bare(**theirs), APPLY),
        Step("labels dropped", "PATCH", f"{path}?fieldManager=first&force=true", {**whole, "metadata": without}, APPLY),
        Step("updated", "PATCH", f"{path}?fieldManager=hand", {"metadata": {"labels": {"hand": "made"}}}, MERGE),
        Step("hand conflict", "PATCH", f"{path}?fieldManager=first", subject.manifest(labels={"hand": "other"}), APPLY),
        Step("no manager", "PATCH", path, whole, APPLY),
        Step("stale", "PATCH", f"{path}?fieldManager=first", subject.manifest(resourceVersion="1"), APPLY),
        Step("managed fields", "PATCH", f"{path}?fieldManager=first", subject.manifest(managedFields=[]), APPLY),
        Step("other name", "PATCH", f"{path}?fieldManager=first", subject.manifest("two"), APPLY),
        Step("no kind", "PATCH", f"{path}?fieldManager=first", {"metadata": {"name": "one"}}, APPLY),
        Step("dry", "PATCH", f"{path}?fieldManager=first&force=true&dryRun=All", subject.manifest(labels={"dry": "yes"}), APPLY),
        Step("forced patch", "PATCH", f"{path}?force=true", {"metadata": {}}, MERGE),
        Step("read", "GET", path),
    )


def _delete(subject: Subject) -> tuple[Step, ...]:
    options = {"apiVersion": "v1", "kind": "DeleteOptions"}
    held = subject.manifest("held", finalizers=["example.dev/hold"])
    path = f"{subject.collection}/held"
    return (
        Step("missing", "DELETE", _one(subject)),
        _made(subject),
        Step("wrong uid", "DELETE", _one(subject), {**options, "preconditions": {"uid": "0000"}}),
        Step("wrong version", "DELETE", _one(subject), {**options, "preconditions": {"resourceVersion": "1"}}),
        Step("dry", "DELETE", f"{_one(subject)}?dryRun=All"),
        Step("gone", "DELETE", _one(subject), {**options, "propagationPolicy": "Background"}),
        Step("no more", "GET", _one(subject)),
        Step("held", "POST", subject.collection, held),
        Step("marked", "DELETE", path),
        Step("marked again", "DELETE", path),
        Step("still there", "GET", path),
        Step("no new finalizer", "PATCH", path, {"metadata": {"finalizers": ["example.dev/hold", "example.dev/more"]}}, MERGE),
        Step("released", "PATCH", path, {"metadata": {"finalizers": None}}, MERGE),
        Step("released is gone", "GET", path),
        Step("a", "POST", subject.collection, subject.manifest("a", {"set": "x"})),
        Step("b", "POST", subject.collection, subject.manifest("b", {"set": "y"})),
        Step("some", "DELETE", f"{subject.collection}?labelSelector=set%3Dx"),
        Step("left", "GET", subject.collection),
    )


def _read(subject: Subject) -> tuple[Step, ...]:
    path = subject.collection
    return (
        Step("empty", "GET", path),
        Step("a", "POST", path, subject.manifest("a", {**LABELS, "set": "x"})),
        Step("b", "POST", path, subject.manifest("b", {"set": "y"})),
        Step("c", "POST", path, subject.manifest("c", {})),
        Step("all", "GET", path),
        Step("equal", "GET", f"{path}?labelSelector=set%3Dx"),
        Step("among", "GET", f"{path}?labelSelector=set%20in%20(x,y)"),
        Step("unequal", "GET", f"{path}?labelSelector=set!%3Dx"),
        Step("absent", "GET", f"{path}?labelSelector=!set"),
        Step("bad selector", "GET", f"{path}?labelSelector=a%20b"),
        Step("by name", "GET", f"{path}?fieldSelector=metadata.name%3Db"),
        Step("bad field", "GET", f"{path}?fieldSelector=spec.nothing%3Db"),
        Step("first page", "GET", f"{path}?limit=2"),
        Step("second page", "GET", lambda seen: f"{path}?limit=2&continue={seen['first page']['metadata']['continue']}"),
        Step("bad token", "GET", f"{path}?limit=2&continue=nonsense"),
        Step("bad limit", "GET", f"{path}?limit=many"),
        Step("metadata", "GET", path, accept=METADATA_LIST),
        Step("metadata of one", "GET", f"{path}/a", accept=METADATA),
        Step("table", "GET", path, accept=TABLE),
        Step("table of one", "GET", f"{path}/a", accept=TABLE),
        Step("not acceptable", "GET", f"{path}/a", accept="image/png"),
        Step("no such subresource", "GET", f"{path}/a/nothing"),
        Step("post to one", "POST", f"{path}/a", subject.manifest("a")),
        Step("put to all", "PUT", path, subject.manifest("a")),
    )


def _watch(subject: Subject) -> tuple[Step, ...]:
    path = subject.collection

    def since(extra: str = "") -> Callable[[Mapping[str, Any]], str]:
        return lambda seen: f"{path}?watch=true&resourceVersion={seen['before']['metadata']['resourceVersion']}{extra}"

    initial = "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
    return (
        Step("before", "GET", path),
        Step("made", "POST", path, subject.manifest("one", {"set": "x"})),
        Step("changed", "PATCH", f"{path}/one", {"metadata": {"labels": {"set": "y"}}}, MERGE),
        Step("second", "POST", path, subject.manifest("two", {"set": "x"})),
        Step("gone", "DELETE", f"{path}/one"),
        Step("events", "GET", since(), events=4),
        Step("events of x", "GET", since("&labelSelector=set%3Dx"), events=3),
        Step("events of y", "GET", since("&labelSelector=set%3Dy"), events=2),
        Step("events of one", "GET", since("&fieldSelector=metadata.name%3Dtwo"), events=1),
        Step("initial", "GET", f"{path}?watch=true{initial}", events=2),
        Step("state first", "GET", f"{path}?watch=true", events=1),
        Step("metadata", "GET", since(), accept=METADATA, events=2),
        Step("table", "GET", since(), accept=TABLE, events=2),
        Step("bad version", "GET", f"{path}?watch=true&resourceVersion=many"),
        Step("initial without match", "GET", f"{path}?watch=true&sendInitialEvents=true"),
        Step("future", "GET", f"{path}?resourceVersion=9999999999&resourceVersionMatch=Exact"),
    )


def _status(subject: Subject) -> tuple[Step, ...]:
    path = f"{_one(subject)}/status"
    change = {"status": dict(subject.status)}

    def fenced(step: str) -> Callable[[Mapping[str, Any]], Any]:
        return lambda seen: {"metadata": {"resourceVersion": seen[step]["metadata"]["resourceVersion"]}, **change}

    return (
        Step("missing", "PATCH", path, change, MERGE),
        _made(subject, status=dict(subject.status)),
        Step("by the main path", "PATCH", _one(subject), change, MERGE),
        Step("reported", "PATCH", f"{path}?fieldManager=reporter", change, MERGE),
        Step("same", "PATCH", f"{path}?fieldManager=reporter", change, MERGE),
        Step("spec stays", "PATCH", path, subject.change, MERGE),
        Step("label by status", "PATCH", path, {"metadata": {"labels": {"more": "yes"}}}, MERGE),
        Step("stale", "PATCH", path, fenced("made"), MERGE),
        Step("fenced", "PATCH", path, fenced("label by status"), MERGE),
        Step("read", "GET", path),
        Step("put", "PUT", path, lambda seen: seen["read"]),
        Step("whole", "GET", _one(subject)),
    )


_BY_VERB: dict[str, Callable[[Subject], tuple[Step, ...]]] = {
    "create": _create,
    "update": _update,
    "merge": _merge,
    "json": _json,
    "strategic": _strategic,
    "apply": _apply,
    "delete": _delete,
    "read": _read,
    "watch": _watch,
}
