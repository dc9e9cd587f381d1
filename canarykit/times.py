"""Instants: float epoch seconds in our code, RFC 3339 text in objects. Milliseconds where the analysis interval needs them."""

from datetime import UTC, datetime


def stamp(now: float) -> str:
    """Return ``now`` as Kubernetes writes a time: UTC, whole seconds."""
    return datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def fine_stamp(now: float) -> str:
    """Return ``now`` with milliseconds, as the fields under ``status.rollout`` hold it."""
    return datetime.fromtimestamp(round(now, 3), UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def instant(text: str) -> float | None:
    """Return the epoch seconds of an RFC 3339 text, or None for anything else (an unreadable clock is no clock)."""
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
    except (ValueError, AttributeError):
        return None
