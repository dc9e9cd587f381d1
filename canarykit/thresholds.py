"""Judges a measured value by the range that a metric allows, and says so in the words of Flagger's Events.

One comparison for all metrics; what differs (percent, milliseconds, plain numbers) is how bounds are read and printed.
Source: engine.md section 6.5, analysis.md section 0.
"""

import math
from collections.abc import Callable

from attrs import frozen

from canarykit.model import FAIL, NO_DATA, PASS
from canarykit.spec.durations import go_duration, go_float

Show = Callable[[float], str]


@frozen
class Limits:
    """The allowed range; a bound that is None does not bound. Bounds themselves are allowed values."""

    minimum: float | None = None
    maximum: float | None = None

    @property
    def in_whole_units(self) -> "Limits":
        """The same without fractions, as upstream reads bounds of durations: 500.9 ms allow 500 ms."""
        return Limits(
            None if self.minimum is None else float(math.trunc(self.minimum)),
            None if self.maximum is None else float(math.trunc(self.maximum)),
        )

    def wanted(self, show: Show) -> str:
        """Return the range as people read it: ``>= 99%``, ``>= 1, <= 5``; ``any value`` without bounds."""
        bounds = ((">=", self.minimum), ("<=", self.maximum))
        return ", ".join(f"{sign} {show(bound)}" for sign, bound in bounds if bound is not None) or "any value"


def judge(value: float, range_min: float | None, range_max: float | None) -> str:
    """Return PASS, FAIL or NO_DATA (for NaN) for a value in the range, both ends included.

    An infinite value fails as soon as there is any bound: it is a division by zero, not a measurement.
    """
    if math.isnan(value):
        return NO_DATA
    if range_min is None and range_max is None:
        return PASS
    too_low = range_min is not None and value < range_min
    too_high = range_max is not None and value > range_max
    return FAIL if too_low or too_high or math.isinf(value) else PASS


def breach(value: float, limits: Limits, show_value: Show, show_bound: Show) -> str:
    """Return how a failing value leaves the range: ``98.69% < 99%``, ``1.515s > 500ms``.

    Args:
        value: for which `judge` says FAIL.
        limits: by which it was judged.
        show_value: prints the value; Events show fewer digits than are compared.
        show_bound: prints the bound.
    """
    if limits.minimum is not None and value < limits.minimum:
        return f"{show_value(value)} < {show_bound(limits.minimum)}"
    if limits.maximum is not None and value > limits.maximum:
        return f"{show_value(value)} > {show_bound(limits.maximum)}"
    return f"{show_value(value)} is not a number to judge by"


def percent(value: float) -> str:
    """Return a success rate as Events print it: ``98.69%``."""
    return f"{two_digits(value)}%"


def percent_bound(value: float) -> str:
    """Return a bound of a success rate as Events print it: ``99%``, ``99.5%``."""
    return f"{go_float(value)}%"


def milliseconds(value: float) -> str:
    """Return a duration that is given in milliseconds as Events print it: ``500ms``, ``1.515s``."""
    return go_duration(value / 1000) if math.isfinite(value) else go_float(value)


def two_digits(value: float) -> str:
    """Return a value with two decimals: ``7.00``."""
    return f"{value:.2f}" if math.isfinite(value) else go_float(value)
