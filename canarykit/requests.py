"""What a person asks of one Canary through the annotation ``canarykit.dev/request: <verb>/<token>``.

A request is new when the whole value differs from the one in the status; the first pass that sees it obeys it or refuses it.
Source: decisions.md section 7.
"""

from attrs import evolve, frozen

from canarykit import phases
from canarykit.dicts import at
from canarykit.names import REQUEST_ANNOTATION
from canarykit.snapshot import Snapshot

WORKS_IN = {
    "abort": phases.ANALYSIS | {phases.PROMOTING, phases.WAITING},
    "pause": phases.ANALYSIS | {phases.WAITING},
    "promote": frozenset({phases.WAITING_PROMOTION}),
    "release": frozenset({"Terminating"}),
    "resume": phases.ANALYSIS | {phases.WAITING},
    "retry": phases.IDLE,
    "undo": phases.IDLE | {phases.PROMOTING, phases.FINALISING},
}
VERBS = tuple(sorted(WORKS_IN))
DOES = {
    "abort": "rolls back; in Waiting it cancels, and the revision counts as attempted. Once the promotion is verified: refused",
    "pause": "nothing is asked but the rollback hooks, no step, no promotion; deadlines go on",
    "promote": "opens confirm-promotion for this rollout; the due checks still have to pass",
    "release": "lets a Canary go that is being deleted (not there yet)",
    "resume": "ends a pause; the interval starts again",
    "retry": "starts a rollout of the revision that was attempted and not promoted, through the gate",
    "undo": "promotes the revision before, without analysis; in Promoting and Finalising only if the promoted primary is dead",
}


@frozen
class Request:
    """A request seen for the first time. ``verb`` is "" when the annotation names none that exists."""

    value: str
    verb: str


def request_of(snapshot: Snapshot) -> Request | None:
    """Return the request that the Canary carries and the status does not know yet."""
    value = at(snapshot.canary.manifest, "metadata", "annotations", REQUEST_ANNOTATION, default="")
    if not isinstance(value, str) or not value or value == snapshot.state.request:
        return None
    verb = value.partition("/")[0]
    return Request(value, verb if verb in WORKS_IN else "")


def obeyed(snapshot: Snapshot, now: float) -> Snapshot:
    """Return the snapshot with what promote, pause and resume change before questions are asked and rules looked at."""
    request, state = request_of(snapshot), snapshot.state
    verb = request.verb if request and state.phase in WORKS_IN.get(request.verb, ()) else ""
    match verb:
        case "promote":
            return snapshot.with_state(evolve(state, approved=state.id))
        case "pause":
            return snapshot.with_state(evolve(state, paused=True))
        case "resume" if state.paused:
            return snapshot.with_state(evolve(state, paused=False, last_check_at=now))
        case _:
            return snapshot


def refusal(request: Request, phase: str, reason: str) -> str:
    """Return why ``request`` was not obeyed in ``phase``, as a clause with the next step; ``reason`` is that of the pass."""
    if not request.verb:
        return f"{request.value!r} names no request; use <verb>/<token> with one of {', '.join(VERBS)}"
    where = WORKS_IN[request.verb]
    if phase not in where:
        return f"{request.verb} works in {', '.join(sorted(where))}, not in {phase or 'a new Canary'}"
    if request.verb == "retry":
        return f"there is no failed attempt of the present revision to retry ({reason})"
    if request.verb == "undo":
        return f"no earlier promoted revision is kept, or the primary is healthy ({reason})"
    if request.verb == "abort" and phase == phases.PROMOTING:
        return f"the revision is verified in the primary already; undo takes it back ({reason})"
    return f"there is nothing to do for it now ({reason})"
