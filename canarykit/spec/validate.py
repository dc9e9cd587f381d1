"""What is wrong with a Canary, as far as the object alone can tell: all of it at once, each with path, value and next step.

An error holds the Canary; a warning is said once and holds nothing. A value that Flagger takes and that can work is never an
error, so that nothing stored for Flagger is held. Rules for what can only fail (class A of api.md section 5.3) are errors;
those that matter in an analysis only do not count with ``skipAnalysis``. What a Canary refers to is looked at elsewhere.

Source: api.md sections 5.3 and 5.4; the codes C4, C8, … are theirs.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from canarykit.dicts import at
from canarykit.errors import Problem, SpecError
from canarykit.kinds import CANARY
from canarykit.settings import Settings
from canarykit.spec.canary import (
    PROVIDER_NAMES,
    QUERY_REWRITES,
    SCALER_KINDS,
    SCALER_SYNCS,
    TARGET_KINDS,
    AutoscalerRef,
    Canary,
)
from canarykit.spec.case import Case, is_web_address, required, unknown, warning
from canarykit.spec.convert import load, type_problems
from canarykit.spec.validate_analysis import analysis_problems
from canarykit.spec.validate_checks import check_problems
from canarykit.spec.validate_later import later_problems
from canarykit.spec.validate_service import service_problems

SUPPORTED_PROVIDERS = ("gatewayapi:v1", "kubernetes")
SUPPORTED_TARGETS = ("Deployment",)


def validate(
    manifest: Mapping[str, Any],
    settings: Settings,
    providers: Collection[str] = SUPPORTED_PROVIDERS,
    targets: Collection[str] = SUPPORTED_TARGETS,
) -> tuple[Problem, ...]:
    """Return all problems of the Canary ``manifest``, in the order of its fields; none for one that is being deleted.

    Args:
        manifest: the Canary as stored or written.
        settings: of the controller; its provider counts where the Canary names none.
        providers: names that this version has a router for; other names of Flagger's are "not supported by this version".
        targets: kinds of target, likewise.
    """
    if at(manifest, "metadata", "deletionTimestamp"):
        return ()
    misfits = [*_object_problems(manifest)]
    if misfits:
        return tuple(misfits)
    mistyped = type_problems(manifest)
    raw = at(manifest, "spec", default={})
    if not isinstance(raw, Mapping):
        return mistyped
    spec = load(manifest).spec
    case = Case(spec, raw, spec.provider or settings.mesh_provider, settings, providers, targets)
    # A value of the wrong type counts as not given; saying that it is missing as well would only confuse.
    wrong = tuple(problem.path for problem in mistyped)
    found = [problem for rule in _RULES for problem in rule(case) if not _within(problem.path, wrong)]
    return (*mistyped, *found)


def parse(manifest: Mapping[str, Any], settings: Settings | None = None) -> Canary:
    """Return the Canary that ``manifest`` is, if it is sound.

    Raises:
        SpecError: the first error that `validate` finds, with its path. Warnings raise nothing.
    """
    for problem in validate(manifest, settings or Settings()):
        if problem.severity == "error":
            raise SpecError(problem.path, problem.problem, problem.value, problem.next_step)
    return load(manifest)


def _within(path: str, roots: tuple[str, ...]) -> bool:
    return any(path == root or path.startswith((f"{root}.", f"{root}[")) for root in roots)


def _object_problems(manifest: Mapping[str, Any]) -> Iterator[Problem]:
    kind, version = manifest.get("kind", CANARY.kind), manifest.get("apiVersion", CANARY.api_version)
    if kind != CANARY.kind or version != CANARY.api_version:
        yield Problem("kind", "is not a Canary", f"{version} {kind}", f"Give a {CANARY.kind} of {CANARY.api_version}.")
    elif not at(manifest, "metadata", "name"):
        yield required("metadata.name", "Name the Canary.")
    elif at(manifest, "spec") is None:
        yield required("spec", "Say what to release (spec.targetRef) and how (spec.analysis).")


def _provider_problems(case: Case) -> Iterator[Problem]:
    path = "spec.provider"
    if case.provider in case.providers:
        return
    if case.provider not in PROVIDER_NAMES:
        yield unknown(path, case.provider, case.providers)
    else:
        yield _not_yet(path, case.provider, case.providers)


def _not_yet(path: str, value: str, supported: Collection[str]) -> Problem:
    return Problem(
        path, "is not supported by this version", value, f"Use one of: {', '.join(sorted(supported))}.", code="not-yet"
    )


def _metrics_server_problems(case: Case) -> Iterator[Problem]:
    server = case.spec.metrics_server
    if server and not is_web_address(server):
        step = "Give the address of a Prometheus, e.g. http://prometheus:9090."
        yield Problem("spec.metricsServer", "is not an http address", server, step, code="metrics-server")


def _target_problems(case: Case) -> Iterator[Problem]:
    target, path = case.spec.target_ref, "spec.targetRef"
    if not case.given("targetRef"):
        yield required(path, "Name the workload to release.")
        return
    if not target.kind:
        yield required(f"{path}.kind", f"Use one of: {', '.join(sorted(case.targets))}.")
    elif target.kind not in TARGET_KINDS:
        yield unknown(f"{path}.kind", target.kind, case.targets)
    elif target.kind not in case.targets:
        yield _not_yet(f"{path}.kind", target.kind, case.targets)
    if not target.name:
        yield required(f"{path}.name", "Name the workload to release.")


def _scaler_problems(case: Case) -> Iterator[Problem]:
    scaler, path = case.spec.autoscaler_ref, "spec.autoscalerRef"
    if scaler is None:
        return
    if not scaler.kind:
        yield required(f"{path}.kind", f"Use one of: {', '.join(SCALER_KINDS)}.")
    elif scaler.kind not in SCALER_KINDS:
        yield unknown(f"{path}.kind", scaler.kind, SCALER_KINDS)
    if not scaler.name:
        yield required(f"{path}.name", "Name the scaler of the target.")
    if scaler.query_rewrite not in QUERY_REWRITES:
        yield unknown(f"{path}.queryRewrite", scaler.query_rewrite, QUERY_REWRITES)
    if scaler.primary_scaler_sync not in SCALER_SYNCS:
        yield unknown(f"{path}.primaryScalerSync", scaler.primary_scaler_sync, SCALER_SYNCS)
    if scaler.kind == "HorizontalPodAutoscaler" and scaler.primary_scaler_queries:
        yield warning(
            f"{path}.primaryScalerQueries",
            "has no effect on a HorizontalPodAutoscaler",
            sorted(scaler.primary_scaler_queries),
            "Leave it out, or scale with a ScaledObject.",
            "scaler-queries",
        )
    yield from _bounds_problems(scaler)


def _bounds_problems(scaler: AutoscalerRef) -> Iterator[Problem]:
    bounds, path = scaler.primary_scaler_replicas, "spec.autoscalerRef.primaryScalerReplicas"
    if bounds is None:
        return
    for key, count in (("minReplicas", bounds.min_replicas), ("maxReplicas", bounds.max_replicas)):
        if count is not None and count < 1:
            yield Problem(f"{path}.{key}", "must be at least 1", count, "The primary serves; give it a pod.", code="C15")
    if bounds.min_replicas is not None and bounds.max_replicas is not None and bounds.min_replicas > bounds.max_replicas:
        yield Problem(
            f"{path}.minReplicas",
            f"is above maxReplicas ({bounds.max_replicas})",
            bounds.min_replicas,
            "Lower minReplicas or raise maxReplicas.",
            code="C15",
        )


def _deadline_problems(case: Case) -> Iterator[Problem]:
    deadline = case.spec.progress_deadline_seconds
    if deadline < 1:
        problem = "gives no time: the first wait is already too long"
        yield warning("spec.progressDeadlineSeconds", problem, deadline, "Give the seconds that a rollout may take.", "deadline")


_RULES: tuple[Callable[[Case], Iterator[Problem]], ...] = (
    _provider_problems,
    _metrics_server_problems,
    _target_problems,
    _scaler_problems,
    service_problems,
    analysis_problems,
    check_problems,
    _deadline_problems,
    later_problems,
)
