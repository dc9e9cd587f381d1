"""Plan, part: where requests go: the Services, the route, and the apex (guards G5 to G9)."""

from collections.abc import Mapping
from typing import Any

from canarykit import phases
from canarykit.desired import Desired
from canarykit.dicts import at
from canarykit.guards import Watch, g5, g9, split_move
from canarykit.kinds import SERVICE
from canarykit.model import JSON_PATCH, Action, Ref, Split
from canarykit.ports import discover_ports
from canarykit.services import adopt_patch, desired_services, fit_to_live, same_service
from canarykit.snapshot import Snapshot
from canarykit.writing import apply_action, controlled_by, version_of, was_ours


def wanted_services(snapshot: Snapshot, side: str = "primary") -> dict[str, dict[str, Any]]:
    """Return the three Services as wanted, by role; the apex selects the pods of ``side``."""
    template = snapshot.target and snapshot.workload and snapshot.workload.template_of(snapshot.target)
    ports = discover_ports(template or {}, snapshot.canary.spec.service)
    found = desired_services(
        snapshot.canary, snapshot.names, snapshot.label, snapshot.label_value, ports, snapshot.owner, snapshot.settings,
        at(snapshot.target, "spec", "selector", "matchLabels"),
    )  # fmt: skip
    if side != "target":
        return found
    apex, selector = found["apex"], found["canary"]["spec"]["selector"]
    return {**found, "apex": {**apex, "spec": {**apex["spec"], "selector": selector}}}


def _written(
    snapshot: Snapshot, observed: Mapping[str, Any] | None, wanted: Mapping[str, Any], reason: str, guard: str = ""
) -> list[Action]:
    """Apply a Service of ours; of a user's own Service only ports and selector are changed."""
    unmanaged = snapshot.canary.spec.service.unmanaged_metadata
    if observed is not None and not controlled_by(observed, snapshot.uid) and not was_ours(observed):
        operations = adopt_patch(observed, wanted)
        return [Action(JSON_PATCH, Ref.of(wanted), operations, version_of(observed), guard, reason)] if operations else []
    fitted = fit_to_live(wanted, observed, unmanaged)
    action = apply_action(observed, fitted, lambda seen, meant: same_service(seen, meant, unmanaged), reason, guard)
    return [action] if action else []


def service_actions(snapshot: Snapshot) -> list[Action]:
    """The Services of the canary and of the primary, in every phase."""
    if snapshot.target is None:
        return []
    found = wanted_services(snapshot)
    actions: list[Action] = []
    for role, name in (("canary", snapshot.names.apex_canary), ("primary", snapshot.names.apex_primary)):
        actions += _written(snapshot, snapshot.get(SERVICE, name), found[role], f"the Service of the {role}")
    return actions


def route_actions(snapshot: Snapshot, wanted: Desired, watch: Watch) -> list[Action]:
    """Move the split where a guard lets it move; else repair the route at the split that is written. Never both in one pass."""
    router = snapshot.router
    if router is None or not router.routed:
        return []
    if snapshot.state.phase == phases.INITIALIZING and not snapshot.handed_over:
        return [] if g5(snapshot, wanted, watch) else _route(snapshot, Split(0), "G9", "begin the hand-over")
    move = split_move(snapshot, wanted, watch)
    if move.weight is not None:
        return _route(snapshot, Split(move.weight), move.guard, f"{move.weight} % of the requests to the canary")
    return _route(snapshot, snapshot.written, "", "the route was changed by somebody else") if snapshot.written else []


def _route(snapshot: Snapshot, split: Split, guard: str, reason: str) -> list[Action]:
    assert snapshot.router is not None
    actions = []
    for manifest in snapshot.router.desired(snapshot.canary, snapshot.names, split):
        observed = snapshot.objects.get(Ref.of(manifest))
        action = apply_action(observed, manifest, snapshot.router.same, reason, guard)
        actions += [action] if action else []
    return actions


def apex_actions(snapshot: Snapshot, wanted: Desired, watch: Watch) -> list[Action]:
    """The apex Service: its side where a guard lets it change, its ports and metadata always."""
    if snapshot.target is None and snapshot.apex is None:
        return []
    side, guard = _apex_side(snapshot, wanted, watch)
    if side is None:
        return []
    manifest = wanted_services(snapshot, side)["apex"]
    return _written(snapshot, snapshot.apex, manifest, f"the apex selects the {side}", guard)


def _apex_side(snapshot: Snapshot, wanted: Desired, watch: Watch) -> tuple[str | None, str]:
    """Which side the apex shall select now, and the guard of a change; None leaves the apex alone."""
    routed = snapshot.router is not None and snapshot.router.routed
    present = snapshot.apex_side
    if snapshot.state.phase == phases.INITIALIZING and present != "primary":
        ready = snapshot.written is not None if routed else True
        return ("primary", "G9") if ready and not g9(snapshot, wanted, watch) else (None, "")
    if routed:
        if present == "primary":
            return "primary", ""
        return ("primary", "G9") if not g9(snapshot, wanted, watch) else (None, "")
    move = split_move(snapshot, wanted, watch)
    if move.weight is not None:
        return ("target", "G8") if move.weight == 100 else ("primary", "G9")
    return (present, "") if present in ("primary", "target") else (None, "")
