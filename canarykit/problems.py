"""What is wrong with the objects that a Canary refers to or needs to write, beyond its own spec.

During bootstrap such a problem holds the Canary and nothing in the cluster changes; later it is a Warning, so that an object
which went missing never gates a rollback (W8). Somebody else's object under a name that we need holds in every phase (D16).
"""

from collections.abc import Iterable

from attrs import evolve

from canarykit import phases
from canarykit.errors import Problem
from canarykit.kinds import SERVICE
from canarykit.ports import port_problems
from canarykit.primary_scaler import primary_clone
from canarykit.replicas import check_bounds
from canarykit.routers import route_problems
from canarykit.services import name_problems
from canarykit.snapshot import Snapshot
from canarykit.writing import controlled_by

BOOTSTRAP = (phases.NEW, phases.INITIALIZING)
BOUNDS = "scaler-bounds"


def reference_problems(snapshot: Snapshot) -> tuple[Problem, ...]:
    """Return the problems of the scaler, of the clone we would make of it, and of names that somebody else holds."""
    found = [*_foreign(snapshot), *name_problems(snapshot.names), *_ports(snapshot), *_routes(snapshot), *_scaler(snapshot)]
    return later_warnings(snapshot, found)


def later_warnings(snapshot: Snapshot, problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Return ``problems`` as they count in the snapshot's phase: after bootstrap what is missing is a warning, not a stop."""
    if snapshot.state.phase in BOOTSTRAP:
        return tuple(problems)
    return tuple(
        evolve(problem, severity="warning") if problem.severity == "error" and problem.code != "D16" else problem
        for problem in problems
    )


def _foreign(snapshot: Snapshot) -> list[Problem]:
    names = snapshot.names
    candidates = [
        (snapshot.primary, f"deployment {names.primary}"),
        (snapshot.get(SERVICE, names.apex_primary), f"service {names.apex_primary}"),
        (snapshot.get(SERVICE, names.apex_canary), f"service {names.apex_canary}"),
        (snapshot.primary_scaler, f"scaler {names.primary_scaler}"),
    ]
    return [
        Problem(
            path="metadata.name",
            problem=f"needs {what}, which another controller owns",
            next_step="Rename the Canary's target, service or scaler, or remove the other owner.",
            code="D16",
        )
        for manifest, what in candidates
        if manifest is not None and controlled_by(manifest, snapshot.uid) is False
    ]


def _ports(snapshot: Snapshot) -> tuple[Problem, ...]:
    if snapshot.target is None or snapshot.workload is None:
        return ()
    return port_problems(snapshot.workload.template_of(snapshot.target), snapshot.canary.spec.service)


def _routes(snapshot: Snapshot) -> tuple[Problem, ...]:
    return route_problems(snapshot.router, snapshot.canary, snapshot.names) if snapshot.router else ()


def _scaler(snapshot: Snapshot) -> list[Problem]:
    reference = snapshot.canary.spec.autoscaler_ref
    if reference is None or snapshot.scaler is None:
        return []
    if snapshot.source_scaler is None:
        missing = Problem(
            path="spec.autoscalerRef.name",
            problem=f"names a {reference.kind} that does not exist in namespace {snapshot.names.namespace}",
            value=reference.name,
            next_step="Create it, or correct the name; it is taken up at once.",
            code="missing-scaler",
        )
        return [missing]
    clone = primary_clone(snapshot)
    found = list(clone.diagnostics) if clone else []
    return found if any(problem.code == BOUNDS for problem in found) else [*found, *_source_bounds(snapshot)]


def _source_bounds(snapshot: Snapshot) -> list[Problem]:
    """The source's own bounds, where an override hides from the clone that they cannot be met: the target will not scale."""
    source, scaler = snapshot.source_scaler, snapshot.scaler
    if source is None or scaler is None:
        return []
    where = f"{scaler.kind.kind}/{snapshot.names.source_scaler}"
    advice = "Lower the minimum or raise the maximum of the source scaler: until then nothing scales the target."
    return [
        evolve(problem, path=f"{where} {problem.path}", next_step=advice, severity="warning")
        for problem in check_bounds(scaler.kind, source)
        if problem.code == BOUNDS
    ]
