"""How generated objects are written: server-side apply with a hash of what is wanted, and only when something differs.

The annotation ``canarykit.dev/applied`` holds the hash, so that removals from the wanted object are seen too.
Source: design.md section 4.1.
"""

from collections.abc import Callable, Mapping
from typing import Any

from canarykit.dicts import at, digest, put
from canarykit.metadata import controller_of
from canarykit.model import APPLY, MERGE_PATCH, Action, Ref
from canarykit.names import APPLIED_ANNOTATION

Same = Callable[[Mapping[str, Any], Mapping[str, Any]], bool]


def stamped(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``manifest`` with the hash of itself as annotation."""
    return put(manifest, ("metadata", "annotations", APPLIED_ANNOTATION), digest(manifest))


def version_of(manifest: Mapping[str, Any] | None) -> str | None:
    """Return the resourceVersion of an observed object."""
    return at(manifest, "metadata", "resourceVersion") if manifest is not None else None


def apply_action(
    observed: Mapping[str, Any] | None, wanted: Mapping[str, Any], same: Same, reason: str, guard: str = ""
) -> Action | None:
    """Return the apply that makes ``observed`` like ``wanted``, or None when it is.

    Args:
        observed: the object as it is, None when absent.
        wanted: the manifest without our hash annotation.
        same: tells whether the observed object says what is wanted, hash aside.
        reason: for people.
        guard: number of the guard, if the write is guarded.
    """
    full = stamped(wanted)
    hash_wanted = full["metadata"]["annotations"][APPLIED_ANNOTATION]
    if observed is not None:
        hash_observed = at(observed, "metadata", "annotations", APPLIED_ANNOTATION)
        if hash_observed == hash_wanted and same(observed, wanted):
            return None
    return Action(APPLY, Ref.of(wanted), full, version_of(observed), guard, reason)


def controlled_by(manifest: Mapping[str, Any], uid: str) -> bool | None:
    """Tell whether the controller of ``manifest`` is the Canary ``uid``; None when it has no controller."""
    controller = controller_of(manifest)
    return None if controller is None else bool(controller.get("uid") == uid)


def was_ours(manifest: Mapping[str, Any]) -> bool:
    """Tell whether a generated object was left behind by an orphaning delete: it has our hash, and no controller any more."""
    has_hash = at(manifest, "metadata", "annotations", APPLIED_ANNOTATION) is not None
    return has_hash and controlled_by(manifest, "") is None


def owner_action(observed: Mapping[str, Any], owner: Mapping[str, Any]) -> Action | None:
    """Return the patch that makes a living object of ours ours again, or None when somebody controls it.

    An orphaning delete of the Canary takes the owner away; without one the object would not go with the Canary later.
    """
    if controlled_by(observed, str(owner["uid"])) is not None:
        return None
    owners = [*at(observed, "metadata", "ownerReferences", default=()), dict(owner)]
    body = {"metadata": {"ownerReferences": owners}}
    return Action(MERGE_PATCH, Ref.of(observed), body, version_of(observed), "", "nobody controls it any more")
