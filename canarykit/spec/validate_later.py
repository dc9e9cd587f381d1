"""What Flagger's API has and this version does not act on: said, so that nobody believes it acts.

An error where the release would be another one than was asked for; a warning where only something beside it is left out.
"""

from collections.abc import Callable, Iterator

from canarykit.errors import Problem
from canarykit.spec.case import ERROR, WARNING, Case

# (path, whether the Canary asks for it, severity, what is done without it)
_LATER: tuple[tuple[str, Callable[[Case], bool], str, str], ...] = (
    (
        "spec.analysis.mirror",
        lambda case: case.routed and case.analysis.mirror and not case.spec.skip_analysis,
        ERROR,
        "Leave it out: requests then move without being copied first.",
    ),
    (
        "spec.analysis.match",
        lambda case: case.routed and bool(case.analysis.match) and not case.spec.skip_analysis,
        ERROR,
        "Leave it out: the release then covers all requests.",
    ),
    (
        "spec.analysis.sessionAffinity",
        lambda case: case.routed and case.analysis.session_affinity is not None and not case.spec.skip_analysis,
        ERROR,
        "Leave it out: visitors may then change sides from one request to the next.",
    ),
    (
        "spec.analysis.alerts",
        lambda case: bool(case.analysis.alerts),
        WARNING,
        "Follow the Events of the Canary; no alert is sent.",
    ),
    (
        "spec.revertOnDeletion",
        lambda case: case.spec.revert_on_deletion,
        WARNING,
        "After deleting the Canary, scale the target up yourself.",
    ),
)


def later_problems(case: Case) -> Iterator[Problem]:
    """Yield a Problem for each thing asked for that this version does not do yet."""
    for path, asked, severity, step in _LATER:
        if asked(case):
            yield _not_yet(path, None, severity, step)
    if case.spec.skip_analysis:
        return
    for index, metric in enumerate(case.analysis.metrics):
        if metric.template_ref is not None:
            path = f"spec.analysis.metrics[{index}].templateRef"
            yield _not_yet(path, metric.template_ref.name, ERROR, "Give the query itself in metrics[].query.")


def _not_yet(path: str, value: object, severity: str, step: str) -> Problem:
    return Problem(path, "is not supported by this version", value, step, severity, "not-yet")
