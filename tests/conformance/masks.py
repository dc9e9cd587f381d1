"""What two right answers may differ in, and nothing else: identities, versions, times and addresses.

Each value of these becomes a name by the order of its first appearance in the scenario, so that it still shows *which* values
are equal: a version that did not move, a uid that stayed. Only what is a server's free choice is masked.
"""

import re
from collections.abc import Mapping
from typing import Any

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
UID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
AGE = re.compile(r"\d+[smhd]")
ADDRESS = re.compile(r"10\.96\.\d+\.\d+")
VERSION_KEYS = frozenset({"resourceVersion"})
TIMES = frozenset({"creationTimestamp", "deletionTimestamp", "time"})
OPAQUE = frozenset({"continue"})
ABSENT = frozenset({"storageVersionHash"})
SETS = frozenset({"verbs", "causes", "resources"})
PROSE = frozenset({"description"})
"""Texts about columns, which are the real server's own documentation."""
INSIDE = (
    # Versions that are quoted in a message.
    (re.compile(r'(resourceVersion\\*":\\*")\d+'), r"\1<version>"),
    (re.compile(r"(match the ResourceVersion in record \()\d+"), r"\1<version>"),
    (re.compile(r"(Too large resource version: \d+, current: )\d+"), r"\1<version>"),
    # A whole object that is quoted in a message: each server writes its members in an order of its own.
    (re.compile(r'Invalid value: "\{.*\}"', re.DOTALL), 'Invalid value: "<object>"'),
    # What the JSON reader of each server's language says about bad JSON, and a line number of the real server's source.
    (re.compile(r"(json parse error: |invalid continue token: ).*", re.DOTALL), r"\1<parser>"),
    (re.compile(r'in scheme "[^"]*"'), 'in scheme "<source>"'),
)


class Masks:
    """Masks the answers of one scenario, in order; equal values get equal names."""

    def __init__(self) -> None:
        self._names: dict[tuple[str, str], str] = {}

    def mask(self, value: Any, key: str = "") -> Any:
        """Return ``value`` (found under ``key``) with what may differ replaced; the input is not changed."""
        if isinstance(value, Mapping):
            return {name: self.mask(each, name) for name, each in sorted(value.items()) if name not in ABSENT}
        if isinstance(value, list) and key == "managedFields":
            return [self.mask(each, key) for each in sorted(value, key=_rank)]
        if isinstance(value, list):
            return [self.mask(each, key) for each in (sorted(value, key=str) if key in SETS else value)]
        if not isinstance(value, str):
            return value
        if key in VERSION_KEYS and value.isdecimal() and value != "0":
            return self._name("version", value)
        if key in TIMES and TIME.fullmatch(value):
            return "<time>"
        if key in OPAQUE and value:
            return "<opaque>"
        if key in PROSE:
            return "<prose>"
        if key == "cells" and AGE.fullmatch(value):
            return "<age>"
        masked = UID.sub(lambda found: self._name("uid", found.group()), value)
        masked = ADDRESS.sub(lambda found: self._name("address", found.group()), masked)
        for pattern, name in INSIDE:
            masked = pattern.sub(name, masked)
        return TIME.sub("<time>", masked)

    def _name(self, kind: str, value: str) -> str:
        known = sum(1 for each, _ in self._names if each == kind)
        return self._names.setdefault((kind, value), f"<{kind} {known + 1}>")


def _rank(entry: Mapping[str, Any]) -> tuple[str, ...]:
    """Appliers first, then who has no time, then by name: the server sorts by time, which depends on how quick a run is."""
    return entry["operation"], str("time" in entry), entry["manager"], entry.get("subresource", ""), entry["apiVersion"]


def masked(answers: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the answers of a scenario, masked; steps keep their order."""
    masks = Masks()
    return {step: masks.mask(dict(answer)) for step, answer in answers.items()}


def differences(real: Any, ours: Any, path: str = "") -> list[str]:
    """Return one line per difference, by path: what the real server said and what the other said."""
    if isinstance(real, Mapping) and isinstance(ours, Mapping):
        keys = list(dict.fromkeys((*real, *ours)))
        return [line for key in keys for line in _of_key(real, ours, key, path)]
    if isinstance(real, list) and isinstance(ours, list):
        lines = [
            line for number, (a, b) in enumerate(zip(real, ours, strict=False)) for line in differences(a, b, f"{path}[{number}]")
        ]
        return lines if len(real) == len(ours) else [*lines, f"{path}: {len(real)} items in reality, {len(ours)} here"]
    return [] if real == ours and type(real) is type(ours) else [f"{path}: {real!r} in reality, {ours!r} here"]


def _of_key(real: Mapping[str, Any], ours: Mapping[str, Any], key: str, path: str) -> list[str]:
    here = f"{path}.{key}" if path else key
    if key not in ours:
        return [f"{here}: {real[key]!r} in reality, absent here"]
    if key not in real:
        return [f"{here}: absent in reality, {ours[key]!r} here"]
    return differences(real[key], ours[key], here)
