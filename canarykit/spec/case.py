"""What every rule of validation looks at, and the words that rules share."""

from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import urlsplit

from attrs import evolve, frozen

from canarykit.dicts import at
from canarykit.errors import Problem, SpecError, UnknownName
from canarykit.settings import Settings
from canarykit.spec.analysis import Analysis
from canarykit.spec.canary import CanarySpec
from canarykit.spec.durations import seconds

KUBERNETES = "kubernetes"
ERROR = "error"
WARNING = "warning"


@frozen
class Case:
    """One Canary under the rules.

    Attributes:
        spec: as loaded.
        raw: ``spec`` as written, to tell "not given" from zero.
        provider: the one that counts, the Canary's or the controller's.
        providers: those that this version has a router for.
        targets: kinds of target that this version releases.
    """

    spec: CanarySpec
    raw: Mapping[str, Any]
    provider: str
    settings: Settings
    providers: Collection[str]
    targets: Collection[str]

    @property
    def analysis(self) -> Analysis:
        """``spec.analysis``."""
        return self.spec.analysis

    @property
    def routed(self) -> bool:
        """Whether requests can be split; the kubernetes provider cannot."""
        return self.provider != KUBERNETES

    def given(self, *path: str) -> bool:
        """Tell whether something stands at ``path`` under ``spec``."""
        return at(self.raw, *path) is not None


def warning(path: str, problem: str, value: object = None, next_step: str = "", code: str = "") -> Problem:
    """Return a Problem that is said and holds nothing."""
    return Problem(path, problem, value, next_step, WARNING, code)


def required(path: str, next_step: str, code: str = "required") -> Problem:
    """Return the error for a field that must be given."""
    return Problem(path, "is required", None, next_step, ERROR, code)


def unknown(path: str, value: str, known: Collection[str]) -> Problem:
    """Return the error for a name that is none of ``known``."""
    return evolve(UnknownName(path, value, known).problem, code="unknown-name")


def is_duration(text: str) -> bool:
    """Tell whether ``text`` is a duration as Go reads it."""
    try:
        seconds(text)
    except SpecError:
        return False
    return True


def is_web_address(text: str) -> bool:
    """Tell whether ``text`` is an http or https URL with a host."""
    try:
        parts = urlsplit(text)
        return parts.scheme.lower() in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return False
