"""Kubernetes quantities (``100m``, ``64Mi``, ``1.5``) as numbers and back."""

SUFFIXES = {
    "m": 0.001, "": 1.0, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "Ki": 2.0**10, "Mi": 2.0**20, "Gi": 2.0**30, "Ti": 2.0**40,
}  # fmt: skip


def number_of(quantity: object) -> float | None:
    """Return the value of ``quantity`` (cores, bytes, a count), or None when it is none."""
    text = str(quantity).strip()
    digits = text.rstrip("mkMGTi")
    try:
        return float(digits) * SUFFIXES[text[len(digits) :]]
    except (KeyError, ValueError):
        return None


def quantity_of(number: float) -> str:
    """Return ``number`` as a quantity: whole, or in thousandths."""
    thousandths = round(number * 1000)
    return f"{thousandths}m" if thousandths % 1000 else str(thousandths // 1000)
