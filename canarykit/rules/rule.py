"""What a rule is, and the few ways in which a rule changes the state.

The tables are in `rules.idle`, `rules.analysis` and `rules.promotion`.

A rule never looks at more than `Facts` and never does anything but return the next `State`.
"""

from collections.abc import Callable
from typing import Any

from attrs import evolve, frozen

from canarykit import phases
from canarykit.facts import Facts
from canarykit.model import Split
from canarykit.state import Clocks, State

BEFORE = "before"  # the idle phase that a cancelled rollout returns to


@frozen
class Rule:
    """One line of the decision table.

    Attributes:
        number: of the line in decisions.md section 3, e.g. ``P18``.
        verdict: what a pass concludes when the rule matches; the ``action`` of its Events.
        when: the condition over the facts; the first rule of a phase whose condition holds, matches.
        text: the condition in words, for docs/decision-table.md.
        to: the next phase, ``BEFORE``, or "" to stay.
        then: the next state; None leaves the state as it is.
        reason: in words, for people; the text where it does not depend on the facts.
        told: a long wait whose reason goes to ``status.rollout.waiting`` once.
    """

    number: str
    verdict: str
    text: str
    when: Callable[[Facts], bool]
    to: str = ""
    then: Callable[[Facts], State] | None = None
    reason: Callable[[Facts], str] | str = ""
    told: bool = False

    def why(self, facts: Facts) -> str:
        """Return the reason for this pass."""
        return self.reason if isinstance(self.reason, str) else self.reason(facts)


def enter(facts: Facts, phase: str, **changes: Any) -> State:
    """Return the state after a change to ``phase`` (or a restart): clocks but the drain are cleared, ``phaseSince`` is now."""
    state = facts.state
    keeps_pause = phase in phases.ANALYSIS | {phases.WAITING}
    return evolve(
        state,
        phase=phase,
        phase_since=facts.now,
        clocks=Clocks(drain=state.clocks.drain),
        unsettled=False,
        **({"paused": state.paused and keeps_pause} | changes),
    )


def start(facts: Facts, **changes: Any) -> State:
    """Return the state at the start of an analysis of the target's present revision (R2, H2, P2, M4, F2)."""
    return enter(
        facts,
        phases.PROGRESSING,
        **(
            {
                "id": facts.token,
                "attempted": facts.snapshot.revision,
                "tracked_configs": dict(facts.snapshot.configs),
                "pin": facts.state.promoted,
                "base": base_now(facts),
                "split": Split(),
                "iterations": 0,
                "failed_checks": 0,
                "switched": False,
                "pre_rollout_passed": False,
                "last_check_at": None,
                "approved": "",
                "undo": False,
                "retry": False,
                "checks": (),
            }
            | changes
        ),
    )


def base_now(facts: Facts) -> int:
    """Return how many pods the primary has, counted for ``base``: never fewer than an unhealthy moment would show."""
    snapshot, health = facts.snapshot, facts.snapshot.primary_health
    counts = [1, health.replicas_wanted]
    if not health.rolled or facts.wanted.override == "target" or facts.state.phase in phases.ACTIVE:
        counts.append(facts.state.base)
    if facts.wanted.override == "target":
        counts.append(snapshot.target_health.replicas_wanted)
    return max(counts)


def end(facts: Facts, phase: str, owed: str, **changes: Any) -> State:
    """Return the state at the end of a rollout: counters zero, split 0, and what is owed once the world follows."""
    zero = {"split": Split(), "iterations": 0, "failed_checks": 0, "undo": False, "retry": False}
    owes = (*facts.state.owed, f"{owed}/{facts.state.id}")
    return enter(facts, phase, **(zero | {"owed": owes} | changes))


def cancel(facts: Facts) -> State:
    """Return the state after the user took the revision back: the attempt is forgotten, the primary stays as it was."""
    promoted = facts.state.promoted
    before = facts.state.phase_before or phases.INITIALIZED
    return end(facts, before, "cancelled", attempted=promoted, pin=promoted)


def roll_back(facts: Facts) -> State:
    """Return the state after a rollback: Failed, the primary keeps (or gets back) what was promoted."""
    return end(facts, phases.FAILED, "failed", pin=facts.state.promoted)


def checked(facts: Facts, **changes: Any) -> State:
    """Return the state after a due check was made: the next one is an interval away."""
    return evolve(facts.state, last_check_at=facts.now, **changes)
