"""Carry one action out. Every write carries the version it was compared with; a race answers 409 and skips that action only."""

from typing import Any

from canary_controller.configs import copied_config
from canary_controller.kube import ApiError, Kube
from canarykit.dicts import put
from canarykit.model import APPLY, COPY, CREATE, DELETE, JSON_PATCH, MERGE_PATCH, Action, Ref


class Skipped(Exception):
    """The action was not taken: the object is not what it was compared with any more."""


async def carry_out(kube: Kube, action: Action, canary: dict[str, Any], prefixes: tuple[str, ...]) -> dict[str, Any] | None:
    """Carry ``action`` out and return the object as stored (None: deleted).

    Raises:
        Skipped: a conflict, or the object has vanished.
        ApiError, Unavailable: anything else; the pass ends.
    """
    try:
        return await _carry_out(kube, action, canary, prefixes)
    except ApiError as error:
        if error.is_conflict or error.already_exists or error.is_not_found:
            raise Skipped(f"{action.ref}: {error.message}") from error
        raise


async def _carry_out(kube: Kube, action: Action, canary: dict[str, Any], prefixes: tuple[str, ...]) -> dict[str, Any] | None:
    match action.verb:
        case verb if verb == CREATE:
            return await kube.create(action.body)
        case verb if verb == APPLY:
            return await kube.apply(_fenced(action))
        case verb if verb == MERGE_PATCH:
            return await kube.merge_patch(action.ref, _fenced(action))
        case verb if verb == JSON_PATCH:
            fence = {"op": "replace", "path": "/metadata/resourceVersion", "value": action.version}
            return await kube.json_patch(action.ref, [fence, *action.body])
        case verb if verb == DELETE:
            return await kube.delete(action.ref, resource_version=action.version)
        case verb if verb == COPY:
            return await _copy(kube, action, canary, prefixes)
        case _:
            raise AssertionError(f"unknown verb {action.verb}")


def _fenced(action: Action) -> dict[str, Any]:
    if action.version is None:
        return dict(action.body)
    return put(action.body, ("metadata", "resourceVersion"), action.version)


async def _copy(kube: Kube, action: Action, canary: dict[str, Any], prefixes: tuple[str, ...]) -> dict[str, Any]:
    """Copy a ConfigMap or Secret: read live, and only if its content is still the one that was meant."""
    source_ref: Ref = action.body["source"]
    source = await kube.get(source_ref)
    if source is None:
        raise Skipped(f"{source_ref} has vanished")
    live = await kube.get(action.ref)
    manifest = copied_config(source, action.body["checksum"], action.ref.name, canary, live, prefixes)
    if manifest is None:
        raise Skipped(f"{source_ref} has other content by now")
    if action.version is not None:
        manifest = put(manifest, ("metadata", "resourceVersion"), action.version)
    return await kube.apply(manifest)
