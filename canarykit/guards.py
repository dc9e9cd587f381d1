"""Guards: what has to be observed before a single action may be taken (decisions.md section 6), as named predicates.

Each guard answers with an empty text when it is open, or with the reason why it is closed. Destructive order follows from
guards alone: floor, route, drain, pause, scale to zero.
"""

from math import ceil

from attrs import frozen

from canarykit import phases
from canarykit.desired import DOWN, Desired, maximum, need
from canarykit.dicts import at
from canarykit.model import Split
from canarykit.snapshot import Snapshot


@frozen
class Watch:
    """What time has to say: ``now``, and the earliest instant from which a clock may be trusted (``not_before``).

    ``not_before`` is the latest of the process start and the last time the view was found behind (decisions.md, late(clock)).
    """

    now: float
    not_before: float = 0.0

    def late(self, clock: float | None, deadline_s: float) -> bool:
        """Tell whether something has been awaited, under our eyes, for longer than the deadline."""
        return clock is not None and self.now - max(clock, self.not_before) > deadline_s


def ready_pods(snapshot: Snapshot, side: str) -> int:
    """Return the ready pods of ``target`` or ``primary`` that requests can reach.

    The workload's status counts pods; the EndpointSlices of the side's Service count addresses. The smaller one is true.
    """
    if side == "target":
        counted, reached = snapshot.target_health.ready, snapshot.reachable(snapshot.names.apex_canary)
    else:
        counted, reached = snapshot.primary_health.ready, snapshot.reachable(snapshot.names.apex_primary)
    return counted if reached is None else min(counted, reached)


def g5(snapshot: Snapshot, wanted: Desired, watch: Watch) -> str:
    """Begin the hand-over: the primary is rolled at the pin, has its scaler, and is as big as the target."""
    if not snapshot.primary_rolled:
        return f"primary not ready: {snapshot.primary_health.why_not or 'it does not run the pinned template yet'}"
    if snapshot.scaler and snapshot.source_scaler is not None and snapshot.primary_scaler is None:
        return "the primary's scaler is not made yet"
    enough = min(snapshot.target_health.ready, maximum(snapshot, "primary"))
    ready = ready_pods(snapshot, "primary")
    return "" if ready >= max(1, enough) else f"primary has {ready} of {enough} ready pods that the target has"


def g6(snapshot: Snapshot, weight: int, watch: Watch) -> str:
    """The split rises for the target: it is rolled and has the pods for ``weight`` (any pod will do if the primary has none)."""
    ready = ready_pods(snapshot, "target")
    if not ready_pods(snapshot, "primary"):
        return "" if ready else "neither side has ready pods"
    if not snapshot.target_health.rolled:
        return f"target not ready: {snapshot.target_health.why_not}"
    wants = need(snapshot, "target", weight)
    return "" if ready >= wants else f"target has {ready} of the {wants} ready pods that {weight} % needs"


def g7(snapshot: Snapshot, weight: int, watch: Watch) -> str:
    """The split falls to ``weight``: the primary has the pods for the rest, and at rest all of them run the pin."""
    if not ready_pods(snapshot, "target"):
        return ""
    ready = ready_pods(snapshot, "primary")
    if ready and watch.late(snapshot.state.clocks.room, snapshot.deadline_s):
        return ""
    strict = snapshot.state.phase in phases.RESTING | {phases.PROMOTING, phases.FINALISING}
    if strict and not primary_only_at_pin(snapshot):
        return "not all primary pods run the pinned template"
    wants = need(snapshot, "primary", 100 - weight)
    return "" if ready >= wants else f"primary has {ready} of the {wants} ready pods that {100 - weight} % needs"


def primary_only_at_pin(snapshot: Snapshot) -> bool:
    """Tell whether every pod of the primary runs the pin: its template is observed and no old pod is left."""
    health = snapshot.primary_health
    return health.generation_observed and snapshot.primary_at(snapshot.state.pin) and health.replicas_total == health.updated


def g7_partial(snapshot: Snapshot, weight: int) -> int | None:
    """Return how far the split may fall with the primary pods that are ready, or None when not at all.

    Only in idle phases (with the primary at the pin) and in Progressing; ``kubernetes`` moves whole or not at all.
    """
    state, written = snapshot.state, snapshot.written
    if snapshot.router is None or not snapshot.router.routed or written is None or not state.base:
        return None
    idle = state.phase in phases.RESTING and primary_only_at_pin(snapshot)
    if not idle and state.phase != phases.PROGRESSING:
        return None
    carries = max(weight, ceil(100 - 100 * ready_pods(snapshot, "primary") / state.base))
    return carries if carries < written.weight else None


def g9(snapshot: Snapshot, wanted: Desired, watch: Watch) -> str:
    """The apex goes to the primary: it has a ready pod; with ``kubernetes`` this moves the requests (G7, or G5 at bootstrap)."""
    if not ready_pods(snapshot, "primary"):
        return "primary has no ready pods"
    if snapshot.state.phase == phases.INITIALIZING and snapshot.apex_side != "primary":
        return g5(snapshot, wanted, watch)
    routed = snapshot.router is not None and snapshot.router.routed
    return "" if routed or snapshot.written is None else g7(snapshot, 0, watch)


def g10(snapshot: Snapshot, wanted: Desired, watch: Watch) -> str:
    """The target goes down: nobody sends it requests any more, the drain is over, and the primary serves."""
    state = snapshot.state
    if wanted.target != DOWN:
        return "the target is wanted up"
    if not isinstance(snapshot.observed, Split) or snapshot.observed.weight != 0:
        return "requests are not observed back on the primary"
    if snapshot.apex_side != "primary":
        return "the apex Service does not select the primary"
    if not ready_pods(snapshot, "primary"):
        return "primary has no ready pods"
    if snapshot.state.phase == phases.INITIALIZING and not snapshot.primary_rolled:
        return "primary is not rolled"
    if has_pause(snapshot) and state.pause_mark is None:
        return "the pause is not in the status yet"
    drained = state.clocks.drain is not None and watch.now - state.clocks.drain >= snapshot.drain_s
    if snapshot.target_health.ready and not drained:
        return f"draining for {snapshot.drain_s:g} s"
    return ""


def has_pause(snapshot: Snapshot) -> bool:
    """Tell whether the source scaler exists and is held down by a pause (KEDA); an HPA needs none."""
    return snapshot.scaler is not None and snapshot.scaler.has_pause and snapshot.source_scaler is not None


def target_pods(snapshot: Snapshot) -> int:
    """Return how many pods the target has or asks for; 0 only when both say so."""
    if snapshot.target is None:
        return 0
    asked = int(at(snapshot.target, "spec", "replicas", default=1))
    return max(asked, snapshot.target_health.replicas_total)


def held_down(snapshot: Snapshot) -> bool:
    """Tell whether the target is observed down: no pods, none asked for, its scaler paused (where it can be)."""
    paused = not has_pause(snapshot) or (
        snapshot.scaler is not None and snapshot.source_scaler is not None and snapshot.scaler.is_paused(snapshot.source_scaler)
    )
    return target_pods(snapshot) == 0 and paused


@frozen
class Move:
    """A change of the split that may be written now: to ``weight`` under ``guard``; or None and the reason why not."""

    weight: int | None = None
    guard: str = ""
    why_not: str = ""


def split_move(snapshot: Snapshot, wanted: Desired, watch: Watch) -> Move:
    """Return what may be written to the route (``kubernetes``: the apex) now to come nearer to the wanted split."""
    written = snapshot.written
    if wanted.weight is None or (written is not None and written.weight == wanted.weight):
        return Move()
    if written is None:
        return _first_route(snapshot, wanted, watch)
    if wanted.weight > written.weight:
        closed = g6(snapshot, wanted.weight, watch)
        return Move(why_not=closed) if closed else Move(wanted.weight, "G6")
    closed = g7(snapshot, wanted.weight, watch)
    if not closed:
        return Move(wanted.weight, "G7")
    partial = g7_partial(snapshot, wanted.weight)
    return Move(partial, "G7") if partial is not None else Move(why_not=closed)


def _first_route(snapshot: Snapshot, wanted: Desired, watch: Watch) -> Move:
    """A route that is not there (deleted, or its first time): made where the guards let requests go at once.

    An apex Service that is gone or selects other pods serves nobody from either side: any ready pod is better than none.
    """
    if snapshot.router is None or not snapshot.router.routed:
        side, guard = ("primary", "G9") if wanted.weight == 0 else ("target", "G8")
        return Move(wanted.weight, guard) if ready_pods(snapshot, side) else Move(why_not=f"{side} has no ready pods")
    if not wanted.weight:
        return Move(0, "G9")
    return Move(0, "G9") if g6(snapshot, wanted.weight, watch) else Move(wanted.weight, "G6")


TEXTS: dict[str, str] = {
    "G1": "create the primary, set its template, size it: template is the pin's; without a scaler never below base",
    "G2": "primary's scaler: create; floor while requests are coming back, else the spec's minimum",
    "G3": "undo the pause on the source's scaler: the target is wanted up",
    "G4": "floor on the source's scaler: the target is wanted up and the mark is in the status",
    "G5": (g5.__doc__ or "").strip(),
    "G6": (g6.__doc__ or "").strip(),
    "G7": (g7.__doc__ or "").strip(),
    "G8": "The apex goes to the target: with kubernetes as G6; with a route only in Terminating.",
    "G9": (g9.__doc__ or "").strip(),
    "G10": (g10.__doc__ or "").strip(),
}
GUARDED = frozenset({"G1", "G3", "G4", "G6", "G7", "G8", "G9", "G10"})
