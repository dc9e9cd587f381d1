"""What is wrong with how ``spec.analysis`` says to move on: times, thresholds, steps. Metrics and hooks: `validate_checks`."""

import re
from collections.abc import Iterator
from itertools import pairwise

from canarykit.dicts import at
from canarykit.errors import Problem
from canarykit.spec.analysis import DURATION_PATTERN
from canarykit.spec.case import Case, is_duration, required, warning
from canarykit.spec.durations import go_duration, seconds

PATH = "spec.analysis"
HOW = ("iterations", "stepWeight", "stepWeights")


def analysis_problems(case: Case) -> Iterator[Problem]:
    """Yield the problems of ``spec.analysis`` but for its metrics and hooks."""
    if not case.given("analysis"):
        yield required(PATH, "Give interval, threshold, and one of iterations, stepWeight, stepWeights.")
        return
    yield from _interval_problems(case)
    yield from _threshold_problems(case)
    yield from _choice_problems(case)
    yield from (_step_problems(case) if case.routed else _kubernetes_problems(case))
    yield from _ready_problems(case)
    yield from _drain_problems(case)


def _interval_problems(case: Case) -> Iterator[Problem]:
    path, text = f"{PATH}.interval", case.analysis.interval
    least_s = case.settings.min_interval_s
    step = "Write a number and a unit, e.g. 30s or 1m."
    if not text:
        yield required(path, step, "interval")
    elif is_duration(text):
        if seconds(text) < least_s:
            problem = f"is below the least interval and counts as {go_duration(least_s)}"
            yield warning(path, problem, text, "Write at least that.", "interval-floor")
    elif re.match(DURATION_PATTERN, text, re.ASCII):
        # The API server and Flagger let this pass, and Flagger runs it with a minute.
        yield warning(path, "is not a duration and counts as 1m", text, step, "interval")
    else:
        yield Problem(path, "is not a duration", text, step, code="interval")


def _threshold_problems(case: Case) -> Iterator[Problem]:
    path = f"{PATH}.threshold"
    if not case.given("analysis", "threshold"):
        yield required(path, "Give the number of failed rounds before rollback.", "threshold")
    elif case.analysis.threshold < 1:
        yield warning(path, "counts as 1", case.analysis.threshold, "Write at least 1.", "threshold")


def _choice_problems(case: Case) -> Iterator[Problem]:
    given = [key for key in HOW if case.given("analysis", key)]
    if not given:
        yield required(PATH, f"Give exactly one of {', '.join(HOW)}.", "strategy")
    elif len(given) > 1:
        yield Problem(PATH, "has more than one of the ways to move on", given, f"Keep one of {', '.join(HOW)}.", code="strategy")


def _step_problems(case: Case) -> Iterator[Problem]:
    """Yield what would keep a release from ever moving on (C11, C12), or make it move otherwise than written."""
    if case.spec.skip_analysis:
        return
    analysis = case.analysis
    if case.given("analysis", "iterations") and analysis.iterations < 1:
        yield Problem(f"{PATH}.iterations", "must be at least 1", analysis.iterations, "Give the number of rounds.", code="C11")
    if case.given("analysis", "stepWeight") and analysis.step_weight < 1:
        step = "Give the percent by which the weight rises."
        yield Problem(f"{PATH}.stepWeight", "must be at least 1", analysis.step_weight, step, code="C11")
    if case.given("analysis", "stepWeights"):
        yield from _steps_problems(analysis.step_weights)
    if analysis.step_weight_promotion < 0:
        step = "Give the percent by which requests return to the primary, or leave it out."
        yield Problem(f"{PATH}.stepWeightPromotion", "must not be negative", analysis.step_weight_promotion, step, code="C11")
    for key, weight in (("maxWeight", analysis.max_weight), ("stepWeightPromotion", analysis.step_weight_promotion)):
        if weight > 100:
            yield warning(f"{PATH}.{key}", "is above 100 and counts as 100", weight, "Write at most 100.", "C12")


def _steps_problems(steps: tuple[int, ...]) -> Iterator[Problem]:
    path = f"{PATH}.stepWeights"
    step = "List rising percentages, e.g. [5, 20, 50]."
    if not steps:
        yield Problem(path, "is empty", [], step, code="C11")
    elif steps[0] < 1:
        yield Problem(path, "must begin with at least 1", list(steps), step, code="C11")
    for index, (before, after) in enumerate(pairwise(steps), start=1):
        if after <= before:
            yield Problem(f"{path}[{index}]", f"does not rise above the step before it ({before})", after, step, code="C11")


def _kubernetes_problems(case: Case) -> Iterator[Problem]:
    """Yield what the kubernetes provider leaves out, since it cannot split requests."""
    analysis = case.analysis
    key = next((key for key in HOW if case.given("analysis", key)), None)
    if key and analysis.iterations < 1 and not case.spec.skip_analysis:
        problem = "has no effect with the kubernetes provider, which runs 10 iterations instead"
        step = "Give analysis.iterations, or choose a provider that splits requests."
        yield warning(f"{PATH}.{key}", problem, at(case.raw, "analysis", key), step, "kubernetes-progressive")
    ignored = (
        ("match", bool(analysis.match), "kubernetes-match"),
        ("mirror", analysis.mirror, "kubernetes-mirror"),
        ("sessionAffinity", analysis.session_affinity is not None, "kubernetes-affinity"),
    )
    for key, given, code in ignored:
        if given:
            step = "Leave it out, or choose a provider that splits requests."
            yield warning(f"{PATH}.{key}", "has no effect with the kubernetes provider", None, step, code)


def _ready_problems(case: Case) -> Iterator[Problem]:
    thresholds = (
        ("primaryReadyThreshold", case.analysis.primary_ready_threshold),
        ("canaryReadyThreshold", case.analysis.canary_ready_threshold),
    )
    for key, percent in thresholds:
        if percent > 100:
            problem = "is above 100 percent, which no pods can reach"
            yield Problem(f"{PATH}.{key}", problem, percent, "Write at most 100.", code="ready-threshold")
        elif percent < 0:
            yield warning(f"{PATH}.{key}", "counts as 0", percent, "Write 0 to 100.", "ready-threshold")


def _drain_problems(case: Case) -> Iterator[Problem]:
    path, text = f"{PATH}.drainTime", case.analysis.drain_time
    if not text:
        return
    if not is_duration(text):
        yield Problem(path, "is not a duration", text, "Write a number and a unit, e.g. 10s.", code="drain-time")
    elif seconds(text) < 0:
        yield Problem(path, "must not be negative", text, "Write the longest time that a request takes.", code="drain-time")
