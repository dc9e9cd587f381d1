"""Writing: create, update, patch and apply, each as the API server does it, over the store. Deleting is in `deleting`.

One write runs from its first check to its last without giving way, so what it compared is still true when it stores.
"""

from collections.abc import Mapping

import orjson

from canary_controller.sandbox import status_errors as errors
from canary_controller.sandbox.admission import (
    Writing,
    new_object,
    next_object,
    prepared_by_server,
    refuse_where_namespace_is_missing,
    shaped,
)
from canary_controller.sandbox.objects import causes
from canary_controller.sandbox.objects.apply import ApplyConflict, server_side_apply
from canary_controller.sandbox.objects.causes import PatchError
from canary_controller.sandbox.objects.managed import track_update
from canary_controller.sandbox.objects.patches import json_patch, merge_patch, unreadable
from canary_controller.sandbox.objects.strategic import strategic_merge
from canary_controller.sandbox.outcome import Outcome
from canary_controller.sandbox.request import Request
from canary_controller.sandbox.resources import Resource
from canary_controller.sandbox.scale import scale_of, scaled
from canary_controller.sandbox.sent import (
    applied_body,
    bad_option,
    checked,
    decoded_body,
    placed,
    require_same_kind,
    require_same_name,
    require_same_object,
    sent_object,
)
from canary_controller.sandbox.store import Manifest, Store
from canarykit.dicts import at, digest
from canarykit.kinds import CUSTOM_RESOURCE_DEFINITION

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"
APPLY_YAML = "application/apply-patch+yaml"
APPLY_JSON = "application/apply-patch+json"
_APPLY = (APPLY_YAML, APPLY_JSON)
_LETTERS = "bcdfghjklmnpqrstvwxz2456789"


def create(store: Store, request: Request, resource: Resource) -> Outcome:
    """Store a new object; raises StatusError 400, 403, 404, 409 or 422."""
    manifest = sent_object(request, resource)
    writing = _writing(store, request, "create")
    metadata = at(manifest, "metadata", default={})
    name = metadata.get("name") or ""
    if not name and (prefix := metadata.get("generateName")):
        name = generated_name(prefix, store.version)
    if not name:
        raise errors.invalid(
            resource.group, resource.kind.kind, "", [causes.required("metadata.name", "name or generateName is required")]
        )
    refuse_where_namespace_is_missing(store, request.namespace, resource, name)
    named = new_object(resource, placed(manifest, request, resource, name))
    complete = shaped(resource, named, None, writing, store)
    return Outcome(201, _inserted(store, request, resource, named, complete, writing), writing.warnings)


def update(store: Store, request: Request, resource: Resource) -> Outcome:
    """Replace an object (or its status, or its size); raises StatusError 400, 404, 409 or 422."""
    if resource.put_creates and not request.subresource and store.get(resource.key(request.namespace, request.name)) is None:
        require_same_name(request, sent_object(request, resource))
        return create(store, request, resource)
    before = store.fetch(resource.key(request.namespace, request.name))
    sent = decoded_body(request)
    if request.subresource == "scale":
        after = scaled(resource, before, sent)
    else:
        after = checked(sent, request, resource)
        require_same_name(request, after)
        if not at(after, "metadata", "resourceVersion") and not resource.blind_update:
            nothing = "0x0" if resource.kind == CUSTOM_RESOURCE_DEFINITION else "0"
            why = f"Invalid value: {nothing}: must be specified for an update"
            cause = causes.Cause("FieldValueInvalid", why, "metadata.resourceVersion")
            raise errors.invalid(resource.group, resource.plural, request.name, [cause])
    return _replaced(store, request, resource, before, after, "update")


def patch(store: Store, request: Request, resource: Resource) -> Outcome:
    """Change an object by one of the patch types; raises StatusError 400, 404, 409, 415 or 422."""
    media_type = request.content_type
    offered = [JSON_PATCH, MERGE_PATCH, *(() if resource.custom else (STRATEGIC_PATCH,)), *_APPLY]
    if media_type not in offered or (media_type in _APPLY and request.subresource == "scale"):
        raise errors.unsupported_media_type(offered[:3]) if resource.custom else errors.unknown_patch_type()
    if media_type in _APPLY:
        return _apply(store, request, resource)
    if request.query.get("force"):
        raise bad_option("force", "Forbidden: may not be specified for non-apply patch")
    before = store.fetch(resource.key(request.namespace, request.name))
    if request.subresource == "scale":
        shown = scale_of(resource, before)
        after = scaled(resource, before, _patched(shown, request, resource))
    else:
        after = _patched(resource.served(before), request, resource)
        require_same_kind(resource, resource.served(before), after)
        require_same_name(request, after)
    return _replaced(store, request, resource, before, after, "patch")


def generated_name(prefix: str, seed: int) -> str:
    """Return ``prefix`` and five letters that follow from ``seed``, so that a run can be repeated."""
    number = int(digest([prefix, seed]), 16)
    letters = []
    for _ in range(5):
        number, rest = divmod(number, len(_LETTERS))
        letters.append(_LETTERS[rest])
    return prefix[:58] + "".join(letters)


# -- shared by the verbs ----------------------------------------------------------------------------------------------


def _writing(store: Store, request: Request, operation: str) -> Writing:
    return Writing(request.manager, store.now(), request.field_validation, operation)


def _inserted(
    store: Store, request: Request, resource: Resource, sent: Manifest, complete: Manifest, writing: Writing
) -> Manifest:
    counted = prepared_by_server(resource, sent, complete)
    tracked = track_update(None, counted, writing.manager, writing.now, "Update", "", resource.types)
    return _stored_new(store, request, resource, {**complete, "metadata": tracked["metadata"]})


def _stored_new(store: Store, request: Request, resource: Resource, manifest: Manifest) -> Manifest:
    key = resource.key(request.namespace, manifest["metadata"]["name"])
    if not request.dry_run:
        return resource.served(store.insert(key, resource.stored(manifest), resource.has_generation))
    if store.get(key) is not None:
        raise errors.already_exists(key.group, key.plural, key.name)
    return resource.served(store.born(key, manifest, resource.has_generation))


def _replaced(store: Store, request: Request, resource: Resource, before: Manifest, after: Manifest, operation: str) -> Outcome:
    require_same_object(resource, before, after)
    writing = _writing(store, request, operation)
    own = "" if request.subresource == "scale" else request.subresource
    named = next_object(resource, before, resource.stored(after), own)
    complete = resource.stored(shaped(resource, named, before, writing, store))
    api_version = resource.kind.api_version
    tracked = track_update(
        before,
        {**complete, "apiVersion": api_version},
        writing.manager,
        writing.now,
        "Update",
        request.subresource,
        resource.types,
    )
    return _kept(store, request, resource, tracked, writing)


def _kept(store: Store, request: Request, resource: Resource, manifest: Manifest, writing: Writing) -> Outcome:
    key = resource.key(request.namespace, request.name)
    stored = resource.stored(manifest)
    if not request.dry_run:
        stored = store.replace(key, stored)
    shown = scale_of(resource, stored) if request.subresource == "scale" else resource.served(stored)
    return Outcome(200, shown, writing.warnings, status=request.subresource == "scale")


def _apply(store: Store, request: Request, resource: Resource) -> Outcome:
    applied = applied_body(request)
    if not applied.get("kind") and not applied.get("apiVersion"):
        raise errors.bad_request("invalid object type: /, Kind=")
    applied = checked(applied, request, resource)
    require_same_name(request, applied)
    if not request.query.get("fieldManager"):
        raise bad_option("fieldManager", "Required value: is required for apply patch")
    if at(applied, "metadata", "managedFields") is not None:
        raise errors.bad_request("metadata.managedFields must be nil")
    live = store.get(resource.key(request.namespace, request.name))
    if live is not None:
        require_same_object(resource, live, applied)
    applied = _only_what_counts(placed(applied, request, resource, request.name), resource, request.subresource)
    if live is None and (request.subresource or at(applied, "metadata", "uid")):
        if request.subresource:
            raise errors.not_found(resource.group, resource.plural, request.name)
        why = (
            f"uid mismatch: the provided object specified uid {at(applied, 'metadata', 'uid')}, and no existing object was found"
        )
        raise errors.conflict(resource.group, resource.plural, request.name, why)
    if live is None:
        refuse_where_namespace_is_missing(store, request.namespace, resource, request.name)
    writing = _writing(store, request, "apply")
    merged = _merged(live, applied, request, resource, writing)
    if live is None:
        return Outcome(201, _applied_new(store, request, resource, merged, writing), writing.warnings)
    named = next_object(resource, live, resource.stored(merged), request.subresource)
    complete = shaped(resource, named, live, writing, store)
    return _kept(store, request, resource, complete, writing)


def _applied_new(store: Store, request: Request, resource: Resource, merged: Manifest, writing: Writing) -> Manifest:
    named = new_object(resource, merged)
    return _stored_new(store, request, resource, shaped(resource, named, None, writing, store))


def _merged(live: Manifest | None, applied: Manifest, request: Request, resource: Resource, writing: Writing) -> Manifest:
    seen = None if live is None else resource.served(live)
    force = bool(request.flag("force"))
    try:
        return server_side_apply(seen, applied, writing.manager, force, writing.now, resource.types, request.subresource)
    except ApplyConflict as conflict:
        raise errors.apply_conflict(str(conflict), conflict.causes) from None
    except PatchError as wrong:
        raise errors.StatusError(wrong.status, wrong.reason, wrong.message) from None


def _only_what_counts(applied: Manifest, resource: Resource, subresource: str) -> Manifest:
    """Return the applied fields that this path may set; a resourceVersion was compared already and is not a field to own."""
    metadata = {
        name: value for name, value in applied["metadata"].items() if name not in ("resourceVersion", "creationTimestamp")
    }
    if subresource == "status":
        metadata = {name: value for name, value in metadata.items() if name in ("name", "namespace", "uid")}
        return {
            "apiVersion": applied["apiVersion"],
            "kind": applied["kind"],
            "metadata": metadata,
            "status": applied.get("status", {}),
        }
    dropped = {"status"} if resource.has_status else set()
    return {**{name: value for name, value in applied.items() if name not in dropped}, "metadata": metadata}


def _patched(shown: Manifest, request: Request, resource: Resource) -> Manifest:
    try:
        change = orjson.loads(request.body)
    except orjson.JSONDecodeError as error:
        raise errors.bad_request(f"error decoding patch: {error}") from None
    try:
        if request.content_type == JSON_PATCH:
            return json_patch(shown, change)
        if not isinstance(change, Mapping):
            raise errors.bad_request(f"error decoding patch: {unreadable(change, 'map[string]interface {}')}")
        if request.content_type == MERGE_PATCH:
            merged: Manifest = merge_patch(shown, change)
            return merged
        return strategic_merge(shown, change, resource.group, shown["kind"])
    except PatchError as wrong:
        details: dict[str, str] | None = {} if wrong.status == 422 else None
        raise errors.StatusError(wrong.status, wrong.reason, wrong.message, details) from None
