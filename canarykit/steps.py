"""Step arithmetic: where the split goes next, as total functions. Nothing here looks at the world.

Source: decisions.md section 3 ("The next step"), engine.md sections 1.2 and 3.3 to 3.5, golden traces A to E.
"""

from collections.abc import Sequence
from itertools import pairwise

from attrs import frozen

from canarykit.errors import SpecError
from canarykit.snapshot import Snapshot
from canarykit.spec.analysis import Analysis
from canarykit.state import State

PROGRESSIVE = "canary"
BLUE_GREEN = "blue-green"
DEFAULT_ITERATIONS = 10  # of the kubernetes provider, when the spec gives none


@frozen
class Step:
    """The next step. ``kind``: ``weight``, ``iteration``, ``switch``, or "" when none is left (the promotion point)."""

    kind: str = ""
    weight: int = 0
    of: int = 0

    def __bool__(self) -> bool:
        return bool(self.kind)


NO_STEP = Step()


def next_weight(steps_pct: Sequence[int], now_pct: int) -> int | None:
    """Return the canary's next share of requests, or None when the last step is reached.

    Args:
        steps_pct: shares in percent, strictly rising, each at least 1; above 100 counts as 100. Example: ``[5, 20, 60]``.
        now_pct: the weight in the status, 0..100. It need not be one of the steps: the list may have been edited
            since; then the next higher step is taken.

    Raises:
        SpecError: steps are empty, not rising, or below 1.

    Source: engine.md section 3.3. Differs (W13): upstream jumps to 100 from a weight that is no step.
    """
    if not steps_pct or any(step < 1 for step in steps_pct):
        raise SpecError("spec.analysis.stepWeights", "needs at least one step, each at least 1", list(steps_pct))
    if any(later <= earlier for earlier, later in pairwise(steps_pct)):
        raise SpecError("spec.analysis.stepWeights", "must rise from step to step", list(steps_pct))
    return next((min(step, 100) for step in steps_pct if min(step, 100) > now_pct), None)


def strategy_of(snapshot: Snapshot) -> str:
    """Return ``blue-green`` or ``canary``; ``kubernetes`` runs everything as Blue/Green."""
    routed = snapshot.router is not None and snapshot.router.routed
    return PROGRESSIVE if routed and snapshot.canary.spec.analysis.iterations < 1 else BLUE_GREEN


def iterations_of(snapshot: Snapshot) -> int:
    """Return how many iterations a Blue/Green analysis has."""
    return max(0, snapshot.canary.spec.analysis.iterations) or DEFAULT_ITERATIONS


def next_step(snapshot: Snapshot) -> Step:
    """Return the step after the state's weight and iterations, by the spec of today; NO_STEP at the promotion point."""
    if strategy_of(snapshot) == BLUE_GREEN:
        return _next_iteration(snapshot.state, iterations_of(snapshot))
    return _next_progressive(snapshot.state, snapshot.canary.spec.analysis)


def _next_iteration(state: State, iterations: int) -> Step:
    if state.iterations < iterations:
        return Step("iteration", state.split.weight, iterations)
    return NO_STEP if state.switched else Step("switch", 100, iterations)


def _next_progressive(state: State, analysis: Analysis) -> Step:
    weight = state.split.weight
    if analysis.step_weights:
        following = next_weight(analysis.step_weights, weight)
        return NO_STEP if following is None else Step("weight", following)
    top = min(100, analysis.max_weight) if analysis.max_weight > 0 else 100
    if weight >= top or analysis.step_weight < 1:
        return NO_STEP
    return Step("weight", min(100, weight + analysis.step_weight))
