"""Checks a metric: a generator yields the requests to the metrics server, gets the responses, and returns the answer.

The texts are whole Event messages, in Flagger's words. Source: analysis.md sections 0 and 1, engine.md section 6.5.
Differs: "the server did not answer" is its own verdict instead of a failed check (W29, W30); a query that cannot be rendered
is reported instead of being sent empty; durations that are not finite fail.
"""

import math
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping

from attrs import frozen

from canarykit.errors import NoData, SpecError, Unavailable, UnknownName
from canarykit.metrics.builtin import DURATION, DURATION_UNIT_MS, QUERIES, SUCCESS_RATE
from canarykit.metrics.escape import PromqlEscape, pattern
from canarykit.metrics.prometheus import probe_request, query_request, read_answer
from canarykit.model import FAIL, NO_DATA, PASS, UNAVAILABLE, Answer, HttpRequest, HttpResponse
from canarykit.spec import Metric
from canarykit.spec.analysis import DEFAULT_METRIC_INTERVAL
from canarykit.spec.durations import go_float
from canarykit.templates import render
from canarykit.thresholds import Limits, breach, judge, milliseconds, percent, percent_bound, two_digits

Asking = Generator[HttpRequest, HttpResponse, Answer]

NOTHING_TO_ASK = "Metric query failed for no usable metrics template and query were configured"


@frozen
class MetricContext:
    """What queries may name, and whom to ask.

    Attributes:
        name, namespace: of the Canary.
        target: name of the workload under test.
        service: name of the apex Service; the target's name when empty.
        ingress, route: names of the objects of the same kind in the spec; the target's name when empty.
        provider: mesh provider, a key of `canarykit.metrics.builtin.QUERIES`.
        metrics_server: base URL, from the spec or the controller's settings.
        interval: window of metrics that give none.
    """

    name: str
    namespace: str
    target: str
    service: str = ""
    ingress: str = ""
    route: str = ""
    provider: str = "kubernetes"
    metrics_server: str = "http://prometheus:9090"
    interval: str = DEFAULT_METRIC_INTERVAL


@frozen
class _Check:
    """One query with everything that is said about its result."""

    template: str
    variables: Mapping[str, str | Mapping[str, str]]
    path: str
    limits: Limits
    measured: Callable[[float], float]  # from the server's number to the unit of the limits
    subject: str
    show_value: Callable[[float], str]
    show_bound: Callable[[float], str]
    no_values: str
    failed: str


def evaluate(metric: Metric, context: MetricContext) -> Asking:
    """Check ``metric`` once: yields requests, is sent their responses, returns the answer.

    A builtin name asks its builtin query, a ``query`` is asked in addition; the first one that does not pass is the answer.

    Returns:
        PASS; FAIL or NO_DATA with the whole Event text; UNAVAILABLE with what was wrong. A query that is malformed, or that the
        server refuses, is FAIL: only the user can help. ``value`` is percent, milliseconds, or what the query says;
        ``wanted`` is the range, e.g. ``>= 99%``.

    Raises:
        SpecError: the metric has a ``templateRef``, or the metrics server is no URL.
        UnknownName: a builtin metric of a provider that has no builtin queries.

    Source: engine.md section 6.5.
    """
    if metric.template_ref is not None:
        raise SpecError(
            f"spec.analysis.metrics[{metric.name}].templateRef",
            "is not supported by this version",
            metric.template_ref.name,
            "Give the query inline, as spec.analysis.metrics[].query.",
        )
    answer = Answer(FAIL, NOTHING_TO_ASK)
    for check in _checks(metric, context):
        answer = yield from _measure(check, context)
        if answer.verdict != PASS:
            break
    return answer


def probe(metrics: Iterable[Metric], context: MetricContext) -> Asking:
    """Ask once whether the metrics server of builtin metrics is there; inline queries are not probed, as upstream.

    Returns:
        PASS (also where nothing needs probing), or FAIL with the Event text ``Error checking metric providers: …``.

    Source: analysis.md section 1.5.
    """
    if not any(metric.name in (SUCCESS_RATE, DURATION) for metric in metrics):
        return Answer(PASS)
    try:
        response = yield probe_request(context.metrics_server)
        if read_answer(response) == 1:
            return Answer(PASS)
        problem = "vector(1) is not 1"
    except (NoData, Unavailable, SpecError) as error:
        problem = str(error)
    return Answer(FAIL, f"Error checking metric providers: {context.metrics_server} is not available: {problem}")


def _checks(metric: Metric, context: MetricContext) -> Iterator[_Check]:
    variables = _variables(metric, context)
    if metric.name == SUCCESS_RATE:
        yield _success_rate(metric, context, variables)
    elif metric.name == DURATION:
        yield _duration(metric, context, variables)
    if metric.query:
        yield _inline(metric, context, variables)


def _variables(metric: Metric, context: MetricContext) -> dict[str, str | Mapping[str, str]]:
    return {
        "name": context.name,
        "namespace": context.namespace,
        "target": context.target,
        "service": context.service or context.target,
        "ingress": context.ingress or context.target,
        "route": context.route or context.target,
        "interval": metric.interval or context.interval,
        "variables": metric.template_variables,
    }


def _range(metric: Metric) -> Limits | None:
    given = metric.threshold_range
    return None if given is None else Limits(given.min, given.max)


def _builtin(metric: Metric, context: MetricContext) -> str:
    if context.provider not in QUERIES:
        raise UnknownName("spec.provider", context.provider, QUERIES)
    return QUERIES[context.provider][metric.name]


def _patterns(variables: Mapping[str, str | Mapping[str, str]]) -> dict[str, str]:
    return {name: pattern(text) for name, text in variables.items() if isinstance(text, str)}


def _no_traffic(metric: Metric, context: MetricContext) -> str:
    who = f"{context.target}.{context.namespace}"
    return f"Halt advancement no values found for {context.provider} metric {metric.name} probably {who} is not receiving traffic"


def _success_rate(metric: Metric, context: MetricContext, variables: Mapping[str, str | Mapping[str, str]]) -> _Check:
    return _Check(
        template=_builtin(metric, context),
        variables={**variables, "pattern": _patterns(variables)},
        path=metric.name,
        limits=_range(metric) or Limits(minimum=metric.threshold),
        measured=float,
        subject="success rate",
        show_value=percent,
        show_bound=percent_bound,
        no_values=f"{_no_traffic(metric, context)}: no values found",
        failed="Prometheus query failed",
    )


def _duration(metric: Metric, context: MetricContext, variables: Mapping[str, str | Mapping[str, str]]) -> _Check:
    unit_ms = DURATION_UNIT_MS.get(context.provider, 1.0)
    limits = _range(metric) or Limits(maximum=metric.threshold or 0.0)
    return _Check(
        template=_builtin(metric, context),
        variables={**variables, "pattern": _patterns(variables)},
        path=metric.name,
        limits=limits.in_whole_units,
        measured=lambda value: float(math.trunc(value * unit_ms)) if math.isfinite(value) else value,
        subject="request duration",
        show_value=milliseconds,
        show_bound=milliseconds,
        no_values=_no_traffic(metric, context),
        failed="Prometheus query failed",
    )


def _inline(metric: Metric, context: MetricContext, variables: Mapping[str, str | Mapping[str, str]]) -> _Check:
    return _Check(
        template=metric.query,
        variables=variables,
        path=f"spec.analysis.metrics[{metric.name}].query",
        limits=_range(metric) or Limits(maximum=metric.threshold or 0.0),
        measured=float,
        subject=metric.name,
        show_value=two_digits,
        show_bound=go_float,
        no_values=f"Halt advancement no values found for metric: {metric.name}",
        failed=f"Prometheus query failed for {metric.name}",
    )


def _measure(check: _Check, context: MetricContext) -> Asking:
    wanted = check.limits.wanted(check.show_bound)
    try:
        promql = render(check.template, check.variables, check.path, PromqlEscape())
    except SpecError as error:
        return Answer(FAIL, f"{check.failed}: {error}", wanted=wanted)
    response = yield query_request(context.metrics_server, promql)
    try:
        value = check.measured(read_answer(response))
    except NoData:
        return Answer(NO_DATA, check.no_values, wanted=wanted)
    except Unavailable as error:
        return Answer(UNAVAILABLE, f"{check.failed}: {error}", wanted=wanted)
    except SpecError as error:
        return Answer(FAIL, f"{check.failed}: {error}", wanted=wanted)
    verdict = judge(value, check.limits.minimum, check.limits.maximum)
    if verdict == PASS:
        return Answer(PASS, value=value, wanted=wanted)
    how = breach(value, check.limits, check.show_value, check.show_bound)
    return Answer(verdict, f"Halt {context.name}.{context.namespace} advancement {check.subject} {how}", value, wanted)
