"""Differences between the sandbox and reality that are known and not mended yet: paths of answers, by scenario,
and why, in known.json.

The list is exact in both directions: a difference that is not here fails, and so does one that is here and gone.
"""

import json
from pathlib import Path
from typing import Any

FILE = Path(__file__).parent / "known.json"


def _groups() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(FILE.read_text())
    return found


def paths(scenario: str) -> set[str]:
    """Return the paths that may differ in a scenario."""
    return {path for group in _groups() for path in group["where"].get(scenario, ())}


def scenarios() -> set[str]:
    """Return the scenarios that have some."""
    return {name for group in _groups() for name in group["where"]}
