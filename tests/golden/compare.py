"""Compares what we played with what was recorded: texts with measured numbers masked, objects without what the cluster adds."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from attrs import frozen

from golden.recording import Called, Said

MEASURED = re.compile(r"success rate \d+\.\d\d%|request duration [\d.]+m?s")
ADDED_BY_THE_CLUSTER = {"uid", "resourceVersion", "creationTimestamp", "generation", "managedFields", "finalizers"}
KEDA_METRIC = re.compile(r"s\d+-\w+-")  # what KEDA adds to the names of its metrics, our model of it leaves out
ADDRESSES = {"clusterIP", "clusterIPs"}
BOOKKEEPING = ("deployment.kubernetes.io/revision", "canarykit.dev/", "flagger-id")


def event_lines(said: Sequence[Said]) -> list[str]:
    """Return one line per Event: type, phase of the payload, message with measured numbers masked."""
    return [f"{each.type} {each.phase}: {MEASURED.sub('#', each.message)}" for each in said]


def call_lines(called: Sequence[Called]) -> list[tuple[str, Mapping[str, Any]]]:
    """Return path and body per call; the checksum is ours (analysis.md section 5.1) and only has to be there."""
    assert all(re.fullmatch("[0-9a-f]{10}", str(each.body.get("checksum"))) for each in called)
    return [(each.path, {key: value for key, value in each.body.items() if key != "checksum"}) for each in called]


@frozen
class Deviation:
    """A field that is not the same. ``where`` is ``<plural>/<name>``."""

    where: str
    path: str
    theirs: Any
    ours: Any


def deviations(theirs: Mapping[str, Mapping[str, Any]], ours: Mapping[str, Mapping[str, Any]]) -> list[Deviation]:
    """Return every field of the generated objects that differs; objects that Flagger did not make count with path ``""``."""
    found = [
        Deviation(where, path, left, right)
        for where, manifest in theirs.items()
        for path, left, right in _differing("", plain(manifest), plain(ours.get(where, {})))
    ]
    return sorted(found, key=lambda each: (each.where, each.path))


def plain(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return an object without what the cluster adds, without bookkeeping annotations, and without empty members."""
    metadata = {key: value for key, value in manifest.get("metadata", {}).items() if key not in ADDED_BY_THE_CLUSTER}
    owners = [{key: value for key, value in owner.items() if key != "uid"} for owner in metadata.get("ownerReferences", ())]
    cleaned = dict(_without_noise({**manifest, "metadata": {**metadata, "ownerReferences": owners}, "status": {}}))
    if manifest.get("kind") == "Service":
        # Flagger takes discovered ports from a Go map: any order.
        cleaned["spec"]["ports"] = sorted(cleaned["spec"]["ports"], key=lambda port: int(port["port"]))
    return cleaned


def _without_noise(value: Any) -> Any:
    if isinstance(value, Mapping):
        kept = {
            key: _without_noise(inner)
            for key, inner in value.items()
            if key not in ADDRESSES and not str(key).startswith(BOOKKEEPING)
        }
        return {key: inner for key, inner in kept.items() if inner not in ({}, [])}
    if isinstance(value, list):
        return [_without_noise(each) for each in value]
    if isinstance(value, str) and KEDA_METRIC.match(value):
        return "-".join(value.split("-")[:2])
    return value


def _differing(path: str, left: Any, right: Any) -> Iterator[tuple[str, Any, Any]]:
    if {type(left), type(right)} == {dict, type(None)} and path:
        left, right = left or {}, right or {}
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        for key in sorted({*left, *right}):
            yield from _differing(f"{path}.{key}" if path else str(key), left.get(key), right.get(key))
    elif isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
        for index, (one, other) in enumerate(zip(left, right, strict=True)):
            yield from _differing(f"{path}[{index}]", one, other)
    elif left != right:
        yield path, left, right
