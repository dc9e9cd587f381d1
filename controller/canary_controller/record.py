"""Turns decisions into metrics and log lines: what an operator sees of each pass."""

import structlog
from attrs import define

from canarykit import phases
from canarykit.decide import Decision
from canarykit.model import Split
from canarykit.snapshot import Snapshot
from canarykit.steps import strategy_of

from canary_controller.metrics import Metrics

QUIET = frozenset({"hold", "settle", "verified"})


@define
class Recorder:
    """The observer of the loop: one call per decision."""

    metrics: Metrics

    def __call__(self, snapshot: Snapshot, decision: Decision) -> None:
        """Show a decision."""
        names, state = snapshot.names, decision.state
        if state.phase:
            self.metrics.set_status(names.namespace, names.target, state.phase)
            self.metrics.set_weight(names.namespace, names.target, names.primary, state.split.weight)
        if not snapshot.errors and isinstance(snapshot.observed, Split):
            self.metrics.set_observed_weight(names.namespace, names.target, names.primary, snapshot.observed.weight)
        self._count(snapshot, decision)
        self.metrics.count_pass(decision.verdict)
        self._log(snapshot, decision)

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
