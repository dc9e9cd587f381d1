"""Errors, sorted by who must act. The library raises; it never logs.

`SpecError` the user must edit; `UnknownName` likewise, and lists the known names; `NoData` the metrics server
answered with nothing; `Unavailable` the world did not answer, look again later; `IllegalTransition` we are wrong.
"""

from collections.abc import Iterable

from attrs import frozen


@frozen
class Problem:
    """One thing that is wrong with, or worth knowing about, an object.

    Attributes:
        path: where in the object, e.g. ``spec.analysis.interval``.
        problem: what is wrong, as a clause, e.g. ``is not a duration``.
        value: what was found there, printable; None when nothing was there.
        next_step: what the user should do, as a sentence.
        severity: ``error`` (the object is held) or ``warning`` (it works, probably not as meant).
        code: a stable short name for tools, e.g. ``C3`` or ``scaler-bounds``.
    """

    path: str
    problem: str
    value: object = None
    next_step: str = ""
    severity: str = "error"
    code: str = ""

    def __str__(self) -> str:
        found = "" if self.value is None else f" (found {self.value!r})"
        advice = f" {self.next_step}" if self.next_step else ""
        return f"{self.path} {self.problem}{found}.{advice}"


class CanarykitError(Exception):
    """Base of all errors raised by this library."""


class SpecError(CanarykitError):
    """The user must edit an object; retrying does not help."""

    def __init__(self, path: str, problem: str, value: object = None, next_step: str = "") -> None:
        self.problem = Problem(path, problem, value, next_step)
        super().__init__(str(self.problem))


class UnknownName(SpecError):
    """A provider, scaler kind, target kind or metric type that nobody registered."""

    def __init__(self, path: str, value: str, known: Iterable[str]) -> None:
        names = ", ".join(sorted(known))
        super().__init__(path, "is not a known name", value, f"Use one of: {names}.")


class NoData(CanarykitError):
    """The metrics server answered, with nothing to judge by."""


class Unavailable(CanarykitError):
    """The world did not answer (time-out, refused, 5xx). Unknown is neither absent, unchanged nor failed."""


class IllegalTransition(CanarykitError):
    """A phase change that the table does not have: a defect of ours."""
