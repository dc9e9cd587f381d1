"""What is wrong with the metrics and hooks of ``spec.analysis``: those that could never pass, and those that always do."""

from collections.abc import Iterator

from attrs import evolve

from canarykit.errors import Problem
from canarykit.spec.analysis import BUILTIN_METRICS, WEBHOOK_TYPES, Metric, Webhook
from canarykit.spec.case import WARNING, Case, is_duration, is_web_address, required, unknown, warning
from canarykit.spec.durations import seconds

# Nothing waits for these two, so a broken one stops no release.
HARMLESS_HOOKS = ("event", "post-rollout")
# With skipAnalysis only these are called.
HOOKS_WITHOUT_ANALYSIS = ("confirm-rollout", *HARMLESS_HOOKS)


def check_problems(case: Case) -> Iterator[Problem]:
    """Yield the problems of each metric and each hook that would be used."""
    if not case.spec.skip_analysis:
        for index, metric in enumerate(case.analysis.metrics):
            yield from _metric_problems(metric, f"spec.analysis.metrics[{index}]")
    for index, hook in enumerate(case.analysis.webhooks):
        if case.spec.skip_analysis and hook.type in WEBHOOK_TYPES and hook.type not in HOOKS_WITHOUT_ANALYSIS:
            continue
        for problem in _hook_problems(hook, f"spec.analysis.webhooks[{index}]"):
            yield evolve(problem, severity=WARNING) if hook.type in HARMLESS_HOOKS else problem


def _metric_problems(metric: Metric, path: str) -> Iterator[Problem]:
    if not metric.name:
        yield required(f"{path}.name", "Name the metric.")
    elif not (metric.is_builtin or metric.query or metric.template_ref):
        step = f"Name it {' or '.join(BUILTIN_METRICS)}, or give a query or a templateRef."
        yield Problem(path, "says nothing to ask", metric.name, step, code="C9")
    if metric.interval and not is_duration(metric.interval):
        step = "Write a number and a unit, e.g. 1m."
        yield Problem(f"{path}.interval", "is not a duration", metric.interval, step, code="metric-interval")
    if metric.template_ref and not metric.template_ref.name:
        yield required(f"{path}.templateRef.name", "Name the MetricTemplate.")
    yield from _range_problems(metric, path)


def _range_problems(metric: Metric, path: str) -> Iterator[Problem]:
    bounds = metric.threshold_range
    if bounds is None:
        if metric.is_builtin and metric.threshold is None:
            always = "always passes" if metric.name == BUILTIN_METRICS[0] else "fails on any value above 0"
            step = "Give thresholdRange.min, thresholdRange.max or both."
            yield warning(f"{path}.thresholdRange", f"is not given, so {metric.name} {always}", None, step, "no-threshold")
    elif bounds.min is not None and bounds.max is not None and bounds.min > bounds.max:
        problem = f"is above max ({bounds.max:g}), so that no value passes"
        yield Problem(f"{path}.thresholdRange.min", problem, bounds.min, "Lower min or raise max.", code="C10")


def _hook_problems(hook: Webhook, path: str) -> Iterator[Problem]:
    if not hook.name:
        yield required(f"{path}.name", "Name the hook.")
    if hook.type not in WEBHOOK_TYPES:
        yield unknown(f"{path}.type", hook.type, WEBHOOK_TYPES)
    if not hook.url:
        yield required(f"{path}.url", "Give an http or https address.", "hook-url")
    elif not is_web_address(hook.url):
        yield Problem(
            f"{path}.url", "is not an http or https address", hook.url, "Begin with http:// or https://.", code="hook-url"
        )
    if hook.timeout and not (is_duration(hook.timeout) and seconds(hook.timeout) > 0):
        step = "Write a number and a unit, e.g. 10s."
        yield Problem(f"{path}.timeout", "is not a duration above zero", hook.timeout, step, code="hook-timeout")
    if hook.retries < 0:
        yield warning(f"{path}.retries", "counts as 0", hook.retries, "Write 0 or more.", "hook-retries")
    if hook.disable_tls:
        step = "Leave it out once the hook has a trusted certificate."
        yield warning(f"{path}.disableTLS", "turns off the check of the hook's certificate", True, step, "hook-tls")
