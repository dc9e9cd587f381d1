"""Reads a recording of real Flagger: what the person did, what Flagger said, called and made, and where everything ended."""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from attrs import frozen

TRACES = Path(__file__).parent / "traces"
EVENT_PATH = "/ev"
# The recorder's exporter outlived the pods, so that the last errors stayed in the metric's window for a minute; our pods take
# theirs along. The deed is moved to behind the last check that failed because of them.
MOVED = {("c-rollback-metric-keda", "exporter err=0"): 212.5}
LABELLED = re.compile(r"spec\.template\.spec\.containers\[(\w+)\]\.image")


@frozen
class Said:
    """One Event: type, message and the phase in its payload. ``t``: seconds since the Canary was created (None: not recorded)."""

    type: str
    message: str
    phase: str
    t: float | None = None


@frozen
class Called:
    """One hook call: path, body and what the hook answered."""

    path: str
    body: Mapping[str, Any]
    answer: int
    t: float


@frozen
class Did:
    """One thing that the person did."""

    text: str
    t: float


@frozen
class Recording:
    """One trace. ``made`` maps ``<plural>/<name>`` to the object as first seen."""

    name: str
    namespace: str
    canary: Mapping[str, Any]
    target: Mapping[str, Any]
    scaler: Mapping[str, Any] | None
    made: Mapping[str, Mapping[str, Any]]
    steps: tuple[Mapping[str, Any], ...]

    def said(self) -> list[Said]:
        """Return the Events; a Canary with event hooks was recorded through those."""
        found = []
        for step in self.steps:
            if "event" in step:
                found.append(Said(step["event"]["type"], step["event"]["message"], step["event"]["phase"], step["t"]))
            elif "hook" in step and step["hook"]["path"].endswith(EVENT_PATH):
                body = step["hook"]["body"]
                told = body["metadata"]
                found.append(Said(told["eventType"], told["eventMessage"], body["phase"], step["t"]))
        return found

    def called(self) -> list[Called]:
        """Return the hook calls but those of event hooks."""
        hooks = [(step["t"], step["hook"]) for step in self.steps if "hook" in step]
        return [
            Called(hook["path"], hook["body"], hook["answer"], when)
            for when, hook in hooks
            if not hook["path"].endswith(EVENT_PATH)
        ]

    def did(self) -> list[Did]:
        """Return what the person did after the Canary was created, without the recorder's own waiting."""
        found = [Did(step["did"], MOVED.get((self.name, step["did"]), step["t"])) for step in self.steps if "did" in step]
        kept = [each for each in found if not each.text.startswith(("OBS", "create "))]
        return sorted(kept, key=lambda each: each.t)

    def last(self, until: float = float("inf")) -> dict[str, dict[str, Any]]:
        """Return, per object, what is compared of its last state: replicas, image, pause, selector, spec fields that were edited.

        ``until``: only what became of it before that time.
        """
        state = {key: dict(_facts(manifest)) for key, manifest in self.made.items()}
        state["deployments/podinfo"] = dict(_facts(self.target))
        state["canaries/podinfo"] = {}
        if self.scaler is not None:
            state["scaledobjects/podinfo-so"] = dict(_facts(self.scaler))
        for step in self.steps:
            became = step.get("became") if step["t"] < until else None
            if isinstance(became, str):
                name, _, what = became.partition(" ")
                if what == "DELETED":
                    state.pop(name, None)
                elif what == "CREATED":
                    state.setdefault(name, {})  # made again: the recording does not say what it holds
            elif became is not None and became["object"] in state:
                _change(state[became["object"]], became["changed"])
        return {key: value for key, value in state.items() if not key.startswith("hpas/")}


def _change(state: dict[str, Any], changed: Mapping[str, Any]) -> None:
    for path, (_, new) in changed.items():
        if LABELLED.fullmatch(path):
            state["image"] = new
        elif path == "spec.replicas":
            state["replicas"] = new
        elif path in ("metadata.annotations.autoscaling.keda.sh/paused-replicas", *SCALER_FACTS):
            state[path.rpartition(".")[2] if path in SCALER_FACTS else "paused"] = new
        elif path in CANARY_FACTS:
            state[path.removeprefix("status.")] = new


SCALER_FACTS = ("spec.maxReplicaCount", "spec.minReplicaCount", "spec.cooldownPeriod")
CANARY_FACTS = (
    "status.phase", "status.canaryWeight", "status.iterations", "status.failedChecks", "status.conditions[Promoted].reason",
    "status.conditions[Promoted].status", "status.conditions[Promoted].message",
)  # fmt: skip


def facts_of(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is compared of an object's last state."""
    return dict(_facts(manifest))


def _facts(manifest: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    spec = manifest.get("spec", {})
    match manifest.get("kind"):
        case "Deployment":
            yield "replicas", spec.get("replicas", 1)
            yield "image", spec["template"]["spec"]["containers"][0]["image"]
        case "Service":
            yield "selector", dict(spec["selector"])
        case "ScaledObject":
            yield "paused", manifest["metadata"].get("annotations", {}).get("autoscaling.keda.sh/paused-replicas")
            for path in SCALER_FACTS:
                yield path.rpartition(".")[2], spec.get(path.rpartition(".")[2])
        case "Canary":
            status = manifest.get("status", {})
            promoted = next((each for each in status.get("conditions", ()) if each["type"] == "Promoted"), {})
            for path in CANARY_FACTS:
                name = path.rpartition(".")[2]
                yield path.removeprefix("status."), promoted.get(name) if "Promoted" in path else status.get(name)


@cache
def recording(name: str) -> Recording:
    """Return the trace whose file name begins with ``name``."""
    path = next(TRACES.glob(f"{name}.yaml"))
    data = yaml.load(path.read_text(), getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # the C one is ten times as fast
    return Recording(
        name=data["scenario"],
        namespace=data["namespace"],
        canary=data["canary"],
        target=data["target"],
        scaler=data.get("scaledObject"),
        made=data["made"],
        steps=tuple(data["steps"]),
    )


def names() -> list[str]:
    """Return the names of all traces."""
    return sorted(path.stem for path in TRACES.glob("*.yaml"))
