"""Turns decisions into metrics and log lines: what an operator sees of each pass."""

from collections.abc import Iterable

import structlog
from attrs import define, field

from canary_controller.clock import Clock
from canary_controller.metrics import Metrics
from canary_controller.queue import Key
from canarykit import phases
from canarykit.decide import Decision
from canarykit.model import Split
from canarykit.snapshot import Snapshot
from canarykit.steps import strategy_of

QUIET = frozenset({"hold", "settle", "verified"})


@define
class Recorder:
    """The observer of the loop: one call per decision. ``shown``: target and primary of each Canary that has series."""

    metrics: Metrics
    clock: Clock
    shown: dict[Key, tuple[str, str]] = field(factory=dict)

    def __call__(self, snapshot: Snapshot, decision: Decision) -> None:
        """Show a decision."""
        names, state = snapshot.names, decision.state
        self.shown[(names.namespace, names.canary)] = (names.target, names.primary)
        if state.phase:
            self.metrics.set_status(names.namespace, names.target, state.phase)
            self.metrics.set_weight(names.namespace, names.target, names.primary, state.split.weight)
        if not snapshot.errors and isinstance(snapshot.observed, Split):
            self.metrics.set_observed_weight(names.namespace, names.target, names.primary, snapshot.observed.weight)
        self._count(snapshot, decision)
        if state.last_check_at != snapshot.state.last_check_at and state.last_check_at is not None:
            self.metrics.observe_analysis(names.namespace, names.target, self.clock.now() - state.last_check_at)
        self.metrics.count_pass(decision.verdict)
        self._log(snapshot, decision)

    def keep(self, canaries: Iterable[Key]) -> None:
        """Remove the series of every Canary that is not among ``canaries``."""
        for key in self.shown.keys() - set(canaries):
            self.metrics.forget(key[0], *self.shown.pop(key))

    def _count(self, snapshot: Snapshot, decision: Decision) -> None:
        names, phase = snapshot.names, decision.state.phase
        for check in decision.state.checks[len(snapshot.state.checks) :]:
            if "value" in check:
                self.metrics.set_metric(names.namespace, names.target, str(check["name"]), float(check["value"]))
        if phase == snapshot.state.phase or snapshot.errors:
            return
        if phase == phases.SUCCEEDED:
            skipped = snapshot.canary.spec.skip_analysis
            self.metrics.count_success(names.namespace, names.target, strategy_of(snapshot), skipped)
        elif phase == phases.FAILED:
            self.metrics.count_failure(names.namespace, names.target, strategy_of(snapshot))

    def _log(self, snapshot: Snapshot, decision: Decision) -> None:
        log = structlog.get_logger().bind(canary=f"{snapshot.names.canary}.{snapshot.names.namespace}")
        level = log.debug if decision.verdict in QUIET else log.info
        level(decision.reason, rule=decision.rule, verdict=decision.verdict, phase=decision.state.phase)
