"""Ratcheting: what was wrong before a write, and is not touched by it, does not refuse the write.

So an object stored under looser rules still takes status writes and unrelated edits. Elements of lists are not matched with
each other: a list counts as touched when anything in it differs. Source: Kubernetes documentation, "Extend the Kubernetes API
with CustomResourceDefinitions" (validation ratcheting).
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from canary_controller.sandbox.objects.causes import Cause

_STEP = re.compile(r"\[([^\]]*)\]|([^.\[\]]+)")
_MISSING = object()


def touched(causes: Iterable[Cause], before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Cause]:
    """Return the causes that the write from ``before`` to ``after`` answers for."""
    return [cause for cause in causes if not _is_old(cause.field, before, after)]


def _is_old(field: str, before: Any, after: Any) -> bool:
    """Tell whether the value at ``field``, or one that it is part of, is the same as before."""
    for in_brackets, name in _STEP.findall(field):
        if not isinstance(before, Mapping) or not isinstance(after, Mapping):
            return False
        step = in_brackets or name
        before, after = before.get(step, _MISSING), after.get(step, _MISSING)
        if before is _MISSING or after is _MISSING:
            return False
        if before == after:
            return True
    return False
