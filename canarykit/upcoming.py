"""When to look again: the earliest moment at which time alone can change what a pass concludes.

A Canary with nothing to wait for has no such moment and costs nothing. Source: design.md section 3.1.
"""

from canarykit import phases
from canarykit.facts import Facts
from canarykit.rules.rule import Rule

GRACE_S = 0.001  # a deadline is past only when more than the deadline has gone by


def look_again_s(facts: Facts, rule: Rule) -> float | None:
    """Return the seconds until the next such moment, or None. ``facts`` show the state after the verdict."""
    moments = [*_clock_moments(facts), *_phase_moments(facts, rule)]
    ahead = [moment - facts.now for moment in moments if moment > facts.now]
    return min(ahead) if ahead else None


def _clock_moments(facts: Facts) -> list[float]:
    clocks, snapshot = facts.state.clocks, facts.snapshot
    moments = []
    for clock in (clocks.canary, clocks.primary, clocks.room, clocks.route):
        if clock is not None:
            moments.append(max(clock, facts.watch.not_before) + snapshot.deadline_s + GRACE_S)
    for clock in (clocks.canary, clocks.primary):
        if clock is not None:
            moments.append(clock + snapshot.interval_s)
    if clocks.drain is not None:
        moments.append(clocks.drain + snapshot.drain_s)
    return moments


def _phase_moments(facts: Facts, rule: Rule) -> list[float]:
    state, snapshot = facts.state, facts.snapshot
    if rule.number in ("A1", "A2", "A3", "A4"):
        return []
    moments = []
    if state.phase in phases.ANALYSIS and not state.paused:
        moments.append(facts.next_check_at)
    asks = state.phase in phases.ANALYSIS | {phases.WAITING} or (state.phase == phases.PROMOTING and not facts.is_verified)
    if asks and any(hook.type in ("rollback", "confirm-rollout") for hook in snapshot.canary.spec.analysis.webhooks):
        moments.append(facts.now + snapshot.interval_s)
    if state.phase == phases.PROMOTING and state.split.weight > 0:
        moments.append(facts.next_check_at)
    if state.floor_mark is not None or state.pause_mark is not None:
        moments.append(state.phase_since + GRACE_S)  # marks are dropped later than the phase changed, if only just
    if state.owed:
        moments.append(state.phase_since + snapshot.deadline_s + GRACE_S)
    return moments
