"""Garbage collection: objects whose owners are all gone are deleted, and references to owners that are gone are dropped.

Deletion is in the background. Finalizers are respected by the API server: the object waits, and its own model lets it go.
Orphaning is not seen here: the API server has already removed the references. The view must hold every object.
"""

from collections.abc import Mapping
from typing import Any

from canarykit.dicts import at
from canarykit.model import Ref
from canarykit.world.behaviour import Behaviour
from canarykit.world.traffic import QUIET, Traffic
from canarykit.world.view import DELETE, MERGE_PATCH, Step, View, Write, is_going


def step(view: View, now: float, behaviour: Behaviour, traffic: Traffic = QUIET) -> Step:
    """Delete what nobody owns any more. References without a uid say nothing and are left alone."""
    return Step(tuple(write for ref in sorted(view) if not is_going(view[ref]) for write in _object(view, ref, view[ref])))


def _object(view: View, ref: Ref, manifest: Mapping[str, Any]) -> tuple[Write, ...]:
    owners = [each for each in at(manifest, "metadata", "ownerReferences", default=()) if each.get("uid")]
    present = [each for each in owners if each["uid"] in view.uids]
    if len(present) == len(owners):
        return ()
    if not present:
        return (Write(DELETE, ref),)
    return (Write(MERGE_PATCH, ref, {"metadata": {"ownerReferences": present}}),)
