"""The status as a merge patch: Flagger's fields, ours under ``rollout``, and the conditions ``Promoted`` and ``Accepted``.

A patch carries the Canary's observed resourceVersion, so a stale pass loses. Foreign conditions are kept, dropped members are
nulled. Source: design.md section 3.3, engine.md section 1.3.
"""

from collections.abc import Mapping
from typing import Any

from canarykit import phases
from canarykit.dicts import at
from canarykit.errors import Problem
from canarykit.snapshot import Snapshot
from canarykit.state import FORMAT, State, read_state, write_state
from canarykit.times import stamp

MESSAGE_LIMIT = 1024


def status_patch(snapshot: Snapshot, state: State, now: float) -> dict[str, Any] | None:
    """Return the merge patch that makes the Canary's status say ``state``, or None when it says so already.

    The patch has ``metadata.resourceVersion`` (fenced: a Canary that has moved on answers 409) and ``status``.
    """
    observed = at(snapshot.canary.manifest, "status", default={})
    wanted = _wanted(snapshot, state, now, observed)
    difference = merge_difference(observed, wanted)
    if not difference:
        return None
    difference["lastTransitionTime"] = stamp(now)
    version = at(snapshot.canary.manifest, "metadata", "resourceVersion")
    return {"metadata": {"resourceVersion": version} if version else {}, "status": difference}


def _wanted(snapshot: Snapshot, state: State, now: float, observed: Mapping[str, Any]) -> dict[str, Any]:
    if state.format > FORMAT:
        return {"conditions": _conditions(snapshot, state, now, at(observed, "conditions", default=[]))}
    rollout = write_state(state)
    if write_state(read_state(snapshot.canary.manifest, now)) == rollout and at(observed, "rollout") is not None:
        rollout = dict(observed["rollout"])
    wanted: dict[str, Any] = {
        "rollout": rollout,
        "conditions": _conditions(snapshot, state, now, at(observed, "conditions", default=[])),
    }
    generation = at(snapshot.canary.manifest, "metadata", "generation")
    if generation is not None:
        wanted["observedGeneration"] = generation
    if state.phase:
        wanted |= {
            "phase": state.phase,
            "canaryWeight": state.split.weight,
            "failedChecks": state.failed_checks,
            "iterations": state.iterations,
            "lastAppliedSpec": state.attempted,
            "lastPromotedSpec": state.promoted,
            "trackedConfigs": dict(state.tracked_configs or {}),
        }
    return wanted


def _conditions(snapshot: Snapshot, state: State, now: float, observed: list[dict[str, Any]]) -> list[dict[str, Any]]:
    ours = [_accepted(snapshot.problems)]
    if state.phase:
        status, message = phases.condition(state.phase, snapshot.canary.spec.target_ref.kind)
        ours.insert(0, {"type": "Promoted", "status": status, "reason": state.phase, "message": message})
    kept = [each for each in observed if each.get("type") not in ("Promoted", "Accepted")]
    return [_timed(condition, observed, now) for condition in ours] + kept


def _accepted(problems: tuple[Problem, ...]) -> dict[str, Any]:
    errors = [problem for problem in problems if problem.severity == "error"]
    if errors:
        text = " ".join(str(problem) for problem in errors)[:MESSAGE_LIMIT]
        return {"type": "Accepted", "status": "False", "reason": "InvalidSpec", "message": text}
    if problems:
        text = " ".join(str(problem) for problem in problems)[:MESSAGE_LIMIT]
        return {"type": "Accepted", "status": "True", "reason": "Warnings", "message": text}
    return {"type": "Accepted", "status": "True", "reason": "Valid", "message": "The spec is valid."}


def _timed(condition: dict[str, Any], observed: list[dict[str, Any]], now: float) -> dict[str, Any]:
    """Add the times as Flagger keeps them: the transition time moves with the status, the update time with any change."""
    old: Mapping[str, Any] = next((each for each in observed if each.get("type") == condition["type"]), {})
    if all(old.get(key) == value for key, value in condition.items()):
        return dict(old)
    same_status = old.get("status") == condition["status"] and "lastTransitionTime" in old
    moved = old["lastTransitionTime"] if same_status else stamp(now)
    return {**condition, "lastTransitionTime": moved, "lastUpdateTime": stamp(now)}


def merge_difference(observed: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Return the merge patch from ``observed`` to ``wanted`` for the keys of ``wanted``; members to drop become null."""
    changes: dict[str, Any] = {}
    for key, value in wanted.items():
        before = observed.get(key)
        if isinstance(value, Mapping) and isinstance(before, Mapping):
            inner = merge_difference(before, value) | {gone: None for gone in before if gone not in value}
            if inner:
                changes[key] = inner
        elif before != value or key not in observed:
            changes[key] = value
    return changes
