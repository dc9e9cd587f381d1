"""What a manifest becomes before it is stored: system fields kept, defaults added, unknown fields pruned, rules checked.

Every write goes through `shaped`. The rules of kinds and schemas live in `objects`; this module says in which order they act
and turns what they find into the API server's refusals.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import orjson
from attrs import field, frozen

from canary_controller.sandbox import status_errors as errors
from canary_controller.sandbox.crd_rules import complete_crd, crd_causes
from canary_controller.sandbox.objects import builtin_validation, cel, defaults, known_fields, schema
from canary_controller.sandbox.objects.causes import Cause, forbidden
from canary_controller.sandbox.objects.decoding import decode_problem
from canary_controller.sandbox.objects.metadata_validation import validate_metadata
from canary_controller.sandbox.objects.ratcheting import touched
from canary_controller.sandbox.resources import Resource
from canary_controller.sandbox.store import Key, Manifest, Store, next_generation
from canarykit.dicts import at
from canarykit.kinds import CUSTOM_RESOURCE_DEFINITION, DEPLOYMENT, HPA, NAMESPACE, SERVICE

_KEPT_ON_UPDATE = (
    "name",
    "namespace",
    "uid",
    "creationTimestamp",
    "generation",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
)
_EMPTY_IS_NONE = ("labels", "annotations", "ownerReferences", "finalizers")
_STATUS_TAKES_METADATA = (SERVICE, HPA)
_PREPARED = {SERVICE: ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"), NAMESPACE: ("finalizers",)}
_REMOVED_ON_CREATE = ("uid", "creationTimestamp", "generation", "deletionTimestamp", "deletionGracePeriodSeconds", "selfLink")


@frozen
class Writing:
    """Who writes how: the field manager, the clock, what happens to unknown fields, and warnings for the caller."""

    manager: str
    now: float
    field_validation: str = "Warn"
    operation: str = "create"
    warnings: list[str] = field(factory=list)


def new_object(resource: Resource, manifest: Manifest) -> Manifest:
    """Return a manifest sent for creation without what only the server may say: system fields and status.

    Raises StatusError 500 when it carries a resourceVersion, as the real one does.
    """
    metadata = at(manifest, "metadata", default={})
    if metadata.get("resourceVersion"):
        raise errors.StatusError(500, "", "resourceVersion should not be set on objects to be created")
    kept = {name: value for name, value in metadata.items() if name not in _REMOVED_ON_CREATE and name != "resourceVersion"}
    created = {**manifest, "metadata": kept}
    if resource.has_status:
        created.pop("status", None)
    if resource.has_status and not resource.custom:
        created["status"] = {}
    return created


def next_object(resource: Resource, before: Manifest, after: Manifest, subresource: str) -> Manifest:
    """Return what a write may make of an object: only the status through ``/status``, everything but it otherwise.

    System fields stay as they are. Some kinds take metadata through ``/status`` too.
    """
    metadata = dict(at(after, "metadata", default={}))
    kept = at(before, "metadata", default={})
    if subresource == "status" and resource.kind not in _STATUS_TAKES_METADATA:
        metadata = {**kept, "managedFields": metadata.get("managedFields", kept.get("managedFields", []))}
        unchanged = {name: value for name, value in before.items() if name != "status"}
        return {**unchanged, "metadata": metadata, **_status_of(after)}
    for name in _KEPT_ON_UPDATE:
        metadata.pop(name, None)
        if name in kept:
            metadata[name] = kept[name]
    metadata["resourceVersion"] = kept["resourceVersion"]
    if subresource == "status":
        return {**{name: value for name, value in before.items() if name != "status"}, "metadata": metadata, **_status_of(after)}
    after = {**after, "metadata": metadata}
    if resource.has_status:
        after.pop("status", None)
        after.update(_status_of(before))
    return after


def _status_of(manifest: Manifest) -> Manifest:
    return {"status": manifest["status"]} if "status" in manifest else {}


def shaped(resource: Resource, manifest: Manifest, before: Manifest | None, writing: Writing, store: Store) -> Manifest:
    """Return the manifest with defaults and without unknown fields.

    Raises StatusError 422 with all causes, 400 for unknown fields under ``fieldValidation=Strict``.
    """
    if problem := decode_problem(manifest):
        raise errors.bad_request(problem)
    if resource.custom:
        manifest = without_empty_metadata(manifest)
        complete, causes = schema.process(manifest, resource.schema or {})
        _report_unknown(resource, manifest, list(dropped(manifest, complete)), writing)
        causes = [*validate_metadata(complete, before), *(causes if before is None else touched(causes, before, complete))]
    else:
        known = known_fields.pruned(manifest, resource.group, resource.kind.kind)
        _report_unknown(resource, manifest, list(dropped(manifest, known)), writing)
        complete = defaults.apply_defaults(without_empty_metadata(known), resource.group, resource.kind.kind)
        complete = _allocated(resource, complete, before, store)
        causes = list(builtin_validation.validate(complete, before))
    if resource.kind == CUSTOM_RESOURCE_DEFINITION:
        causes.extend(crd_causes(complete))
        if not causes:
            complete = complete_crd(complete)
            writing.warnings.extend(filter(None, [cel.cel_refusal(complete)]))
    # The real server checks the metadata of a custom resource twice.
    causes.extend(_finalizer_causes(complete, before) * (2 if resource.custom else 1))
    if causes:
        raise errors.invalid(resource.group, resource.kind.kind, at(complete, "metadata", "name", default=""), causes)
    if before is None:
        return complete
    return next_generation(before, complete, not resource.has_status, annotations_count=resource.kind == DEPLOYMENT)


def without_empty_metadata(manifest: Manifest) -> Manifest:
    """Return a manifest without empty labels, annotations, owners and finalizers: they mean the same as none."""
    metadata = at(manifest, "metadata", default={})
    if not any(name in metadata and not metadata[name] for name in _EMPTY_IS_NONE):
        return manifest
    kept = {name: value for name, value in metadata.items() if value or name not in _EMPTY_IS_NONE}
    return {**manifest, "metadata": kept}


def prepared_by_server(resource: Resource, sent: Manifest, complete: Manifest) -> Manifest:
    """Return a new built-in without what the server itself put in after it had decoded the request: nobody owns that.

    Its defaults stay, which belong to the creator; its status, a Service's addresses and a namespace's finalizers do not.
    """
    if resource.custom:
        return complete
    dropped_here = {"status"} if resource.has_status else set()
    kept = {name: value for name, value in complete.items() if name not in dropped_here}
    names = _PREPARED.get(resource.kind, ())
    if names and isinstance(kept.get("spec"), Mapping):
        given = at(sent, "spec", default={})
        kept["spec"] = {name: value for name, value in kept["spec"].items() if name not in names or name in given}
    return kept


def _finalizer_causes(after: Manifest, before: Manifest | None) -> list[Cause]:
    if before is None or not at(before, "metadata", "deletionTimestamp"):
        return []
    known = at(before, "metadata", "finalizers", default=[])
    added = [name for name in at(after, "metadata", "finalizers", default=[]) if name not in known]
    if not added:
        return []
    found = ", ".join(f'"{name}"' for name in added)
    why = f"no new finalizers can be added if the object is being deleted, found new finalizers []string{{{found}}}"
    return [forbidden("metadata.finalizers", why)]


def _allocated(resource: Resource, manifest: Manifest, before: Manifest | None, store: Store) -> Manifest:
    """Return a Service with its cluster IP: the one it had, or a free one. Other kinds come back as they are."""
    if resource.kind != SERVICE or at(manifest, "spec", "type") == "ExternalName":
        return manifest
    spec = at(manifest, "spec", default={})
    if before is not None and not spec.get("clusterIP"):
        had = at(before, "spec", default={})
        kept = {name: had[name] for name in ("clusterIP", "clusterIPs") if name in had}
        return {**manifest, "spec": {**spec, **kept}}
    taken = {address for each in store.objects("", "services") if (address := at(each, "spec", "clusterIP"))}
    return defaults.allocate_cluster_ip(manifest, taken)


def _report_unknown(resource: Resource, sent: Manifest, paths: list[str], writing: Writing) -> None:
    if not paths or writing.field_validation == "Ignore":
        return
    kind = resource.kind
    if writing.operation == "apply":
        # The typed merge of server-side apply refuses undeclared fields whatever fieldValidation says.
        raise errors.StatusError(
            500,
            "",
            f"failed to create typed patch object ({kind.api_version}, Kind={kind.kind}): "
            f".{paths[0]}: field not declared in schema",
        )
    texts = [f'unknown field "{path}"' for path in paths]
    if writing.field_validation == "Warn":
        writing.warnings.extend(texts)
        return
    strict = "strict decoding error: " + ", ".join(texts)
    if writing.operation == "patch":
        quoted = orjson.dumps(orjson.dumps(sent).decode()).decode()
        cause = Cause("FieldValueInvalid", f"Invalid value: {quoted}: {strict}", "patch")
        raise errors.invalid("", "", "", [cause])
    raise errors.bad_request(f'{kind.kind} in version "{kind.version}" cannot be handled as a {kind.kind}: {strict}')


def dropped(sent: Any, kept: Any, path: str = "") -> Iterator[str]:
    """Yield the paths that are in ``sent`` and no longer in ``kept``, e.g. ``spec.analysis.metrics[0].treshold``."""
    if isinstance(sent, Mapping) and isinstance(kept, Mapping):
        for name, value in sent.items():
            here = f"{path}.{name}" if path else name
            if name in kept:
                yield from dropped(value, kept[name], here)
            elif value is not None:
                yield here
    elif isinstance(sent, list) and isinstance(kept, list):
        for index, (mine, theirs) in enumerate(zip(sent, kept, strict=False)):
            yield from dropped(mine, theirs, f"{path}[{index}]")


def refuse_where_namespace_is_missing(store: Store, namespace: str, resource: Resource, name: str) -> None:
    """Raise StatusError 404 or 403 when nothing may be created in this namespace."""
    if not resource.kind.namespaced:
        return
    found = store.get(Key("", NAMESPACE.plural, "", namespace))
    if found is None:
        raise errors.not_found("", NAMESPACE.plural, namespace)
    if at(found, "metadata", "deletionTimestamp"):
        why = f"unable to create new content in namespace {namespace} because it is being terminated"
        cause = Cause("NamespaceTerminating", f"namespace {namespace} is being terminated", "metadata.namespace")
        raise errors.forbidden(resource.group, resource.plural, name, why, [cause])
