"""Fourth room of the corridor: the only place that says what to do to the world.

`plan` compares the world of the *present* phase with what is observed and returns the difference as ordered actions. Running it
again after they took effect returns nothing; after any crash the next pass finishes what was begun.
Source: decisions.md sections 5 and 6.
"""

from canarykit import phases
from canarykit.desired import desired
from canarykit.dicts import at
from canarykit.guards import Watch
from canarykit.model import Action
from canarykit.plan.primary import primary_actions
from canarykit.plan.records import prune_actions, record_actions
from canarykit.plan.requests import apex_actions, route_actions, service_actions
from canarykit.plan.target import down_actions, up_actions
from canarykit.snapshot import Snapshot


def plan(snapshot: Snapshot, now: float, not_before: float = 0.0) -> tuple[Action, ...]:
    """Return the writes that bring the observed world to the desired one, in order; empty when there are none.

    Args:
        snapshot: observed with the status that `decide` just wrote.
        now: epoch seconds.
        not_before: clocks are trusted from here on.

    Guarded actions (`Action.guard` in `guards.GUARDED`) must be planned again from a live read just before they are carried out.
    """
    if _is_held(snapshot):
        return ()
    watch = Watch(now, not_before)
    wanted = desired(snapshot)
    return (
        *record_actions(snapshot),
        *service_actions(snapshot),
        *primary_actions(snapshot, wanted),
        *up_actions(snapshot, wanted),
        *route_actions(snapshot, wanted, watch),
        *apex_actions(snapshot, wanted, watch),
        *down_actions(snapshot, wanted, watch),
        *prune_actions(snapshot),
    )


def _is_held(snapshot: Snapshot) -> bool:
    return (
        snapshot.state.phase == phases.NEW
        or snapshot.canary.spec.suspend
        or bool(snapshot.errors)
        or not snapshot.label
        or at(snapshot.canary.manifest, "metadata", "deletionTimestamp") is not None
    )
