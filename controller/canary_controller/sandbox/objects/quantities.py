"""Quantities (``500m``, ``1Gi``) in the one form that the API server answers with."""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

_FORM = re.compile(r"^(?P<number>[+-]?(?:\d+\.?\d*|\.\d+))(?P<suffix>[KMGTPE]i|[numkMGTPE]?|[eE][+-]?\d+)$")
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"": 0, "Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4, "Pi": 5, "Ei": 6}


def parsed(text: Any) -> Decimal | None:
    """Return the number that a quantity (text or JSON number) stands for, or None when it is none."""
    found = _FORM.match(str(text)) if isinstance(text, str | int | float) and not isinstance(text, bool) else None
    if not found:
        return None
    number, suffix = Decimal(found["number"]), found["suffix"]
    if suffix.endswith("i"):
        return number * Decimal(1024 ** _BINARY[suffix])
    if suffix[:1] in ("e", "E") and len(suffix) > 1:
        return number.scaleb(int(suffix[1:]))
    return number.scaleb(_DECIMAL[suffix])


def canonical_quantity(text: Any) -> Any:
    """Return a quantity as the API server writes it, e.g. ``1000m`` as ``1`` and ``0.5Gi`` as ``512Mi``.

    Binary suffixes stay binary, exponents stay exponents; digits below one billionth round up.
    What is no quantity comes back as it is.
    """
    value = parsed(text)
    if value is None:
        return text
    value = value.quantize(Decimal("1e-9"), rounding="ROUND_CEILING" if value >= 0 else "ROUND_FLOOR")
    if str(text).endswith("i") and value == value.to_integral_value() and abs(value) >= 1024:
        return _shortest(int(value), [(name, 1024**power) for name, power in reversed(_BINARY.items())])
    nanos = int(value.scaleb(9))
    if re.search(r"\d[eE][+-]?\d", str(text)):
        steps = [("" if power == 0 else f"e{power}", 10 ** (power + 9)) for power in range(18, -10, -3)]
    else:
        steps = [(name, 10 ** (power + 9)) for name, power in reversed(_DECIMAL.items())]
    return _shortest(nanos, steps)


def _shortest(amount: int, units: list[tuple[str, int]]) -> str:
    """Return the amount in the largest unit that divides it."""
    if amount == 0:
        return "0"
    name, unit = next((name, unit) for name, unit in units if amount % unit == 0)
    return f"{amount // unit}{name}"


def canonical_quantities(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a map of quantities, such as ``resources.limits``, each in its one form."""
    return {name: canonical_quantity(value) for name, value in values.items()}
