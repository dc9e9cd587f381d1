"""Durations and numbers as Go reads and prints them, because manifests and Event texts hold them in that form."""

import re
from decimal import Decimal
from typing import TypeVar

from canarykit.errors import SpecError

T = TypeVar("T")

_UNITS_S = {
    "ns": Decimal("1e-9"),
    "us": Decimal("1e-6"),
    "µs": Decimal("1e-6"),  # micro sign
    "μs": Decimal("1e-6"),  # Greek letter mu
    "ms": Decimal("1e-3"),
    "s": Decimal(1),
    "m": Decimal(60),
    "h": Decimal(3600),
}
_PART = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)", re.ASCII)
_MAX_S = Decimal(2**63 - 1) / 10**9  # of Go's time.Duration, 292 years


def seconds(text: str, path: str = "duration") -> float:
    """Return the seconds that a Go duration means: ``1h30m``, ``1.5m``, ``500ms``, ``-2s``, ``0``.

    Args:
        text: a sign if any, then numbers with units ``h m s ms us µs ns``.
        path: where the text stands, for the error.

    Raises:
        SpecError: it is no duration, or longer than Go can hold.
    """
    sign = -1 if text[:1] == "-" else 1
    body = text[1:] if text[:1] in ("-", "+") else text
    if body == "0":
        return 0.0
    parts = list(_PART.finditer(body))
    if not parts or "".join(part.group() for part in parts) != body:
        raise _no_duration(text, path)
    try:
        total = sum((Decimal(part[1]) * _UNITS_S[part[2]] for part in parts), Decimal(0))
    except ArithmeticError:
        raise _no_duration(text, path) from None
    if total > _MAX_S:
        raise _no_duration(text, path)
    return sign * float(total)


def _no_duration(text: str, path: str) -> SpecError:
    return SpecError(path, "is not a duration", text, "Write a number and a unit, e.g. 30s, 1m or 1m30s.")


def seconds_or(text: str | None, default: T) -> float | T:
    """Return the seconds that ``text`` means, or ``default`` where it is empty or no duration."""
    if not text:
        return default
    try:
        return seconds(text)
    except SpecError:
        return default


def go_duration(seconds: float) -> str:
    """Return ``seconds`` as Go prints a duration: ``1.515s``, ``500ms``, ``1m30s``, ``1h0m0s``, ``0s``.

    Rounded to whole nanoseconds, which is what Go can hold.
    """
    nanoseconds = round(Decimal(repr(float(seconds))) * 10**9)
    sign, rest = ("-" if nanoseconds < 0 else ""), abs(nanoseconds)
    if rest == 0:
        return "0s"
    for unit, size in (("ns", 1), ("µs", 10**3), ("ms", 10**6)):
        if rest < size * 1000:
            return f"{sign}{_plain(Decimal(rest) / size)}{unit}"
    minutes, below = divmod(rest, 60 * 10**9)
    hours, minutes = divmod(minutes, 60)
    text = f"{_plain(Decimal(below) / 10**9)}s"
    if hours:
        return f"{sign}{hours}h{minutes}m{text}"
    return f"{sign}{minutes}m{text}" if minutes else f"{sign}{text}"


def _plain(number: Decimal) -> str:
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def go_float(x: float) -> str:
    """Return ``x`` as Go's ``%v`` prints a float64: the fewest digits that read back the same.

    Plain for decimal exponents from -4 to 5 (``99``, ``99.5``, ``500000``, ``0.0001``), with an exponent of at least two
    digits beyond (``1e+06``, ``1.5e-05``); ``NaN``, ``+Inf``, ``-Inf``. Source: engine.md section 4.2.
    """
    if x != x or x in (float("inf"), float("-inf")):
        return "NaN" if x != x else ("+Inf" if x > 0 else "-Inf")
    sign, digits, exponent = Decimal(repr(float(x))).normalize().as_tuple()
    shown = "".join(map(str, digits))
    power = len(shown) - 1 + int(exponent) if x else 0
    if -4 <= power < 6:
        text = _plain(Decimal((0, digits, int(exponent)))) if x else "0"
    else:
        point = f".{shown[1:]}" if len(shown) > 1 else ""
        text = f"{shown[0]}{point}e{'+' if power >= 0 else '-'}{abs(power):02d}"
    return f"-{text}" if sign else text
