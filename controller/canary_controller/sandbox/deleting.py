"""Deleting: one object or many, with preconditions, propagation and what each answers."""

from attrs import frozen

from canary_controller.sandbox import lifecycle
from canary_controller.sandbox import status_errors as errors
from canary_controller.sandbox.objects import causes
from canary_controller.sandbox.outcome import Outcome
from canary_controller.sandbox.reads import predicate
from canary_controller.sandbox.render import list_metadata, listed
from canary_controller.sandbox.request import Request
from canary_controller.sandbox.resources import Resource
from canary_controller.sandbox.sent import decoded_body
from canary_controller.sandbox.store import FOREGROUND, Key, Manifest, Preconditions, Store, timestamp
from canarykit.dicts import at
from canarykit.kinds import CUSTOM_RESOURCE_DEFINITION, NAMESPACE, POD, SERVICE

_SHOWN_WHEN_GONE = (SERVICE, POD)


def delete(store: Store, request: Request, resource: Resource) -> Outcome:
    """Delete one object; raises StatusError 404 or 409. Answers a Status when it is gone, else the object as it ends."""
    return _deleted(store, request, resource, request.name, request.namespace, _delete_options(request))


def delete_collection(store: Store, request: Request, resource: Resource) -> Outcome:
    """Delete everything that the selectors name; answers the list of what was deleted."""
    options = _delete_options(request)
    matches = predicate(request, resource)
    chosen = [each for each in store.objects(resource.group, resource.plural, request.namespace) if matches(each)]
    version = store.version
    for manifest in chosen:
        place = manifest["metadata"]
        _deleted(store, request, resource, place["name"], place.get("namespace", ""), options)
    body = {
        "kind": resource.list_kind,
        "apiVersion": resource.kind.api_version,
        "metadata": list_metadata(resource, {"resourceVersion": str(version)}),
        "items": [listed(resource, manifest) for manifest in chosen],
    }
    return Outcome(200, body, status=True)


@frozen
class _DeleteOptions:
    preconditions: Preconditions
    policy: str
    dry_run: bool


def _delete_options(request: Request) -> _DeleteOptions:
    sent = decoded_body(request) if request.body.strip() else {}
    policy = sent.get("propagationPolicy") or request.query.get("propagationPolicy") or ""
    orphans = sent.get("orphanDependents")
    if policy not in ("", "Orphan", "Background", "Foreground"):
        cause = causes.unsupported("propagationPolicy", policy, ["Foreground", "Background", "Orphan", "nil"])
        raise errors.invalid("meta.k8s.io", "DeleteOptions", "", [cause])
    compared = at(sent, "preconditions", default={})
    return _DeleteOptions(
        Preconditions(compared.get("uid"), compared.get("resourceVersion")),
        policy or ("Orphan" if orphans else "Background"),
        request.dry_run or "All" in (sent.get("dryRun") or ()),
    )


def _deleted(store: Store, request: Request, resource: Resource, name: str, namespace: str, options: _DeleteOptions) -> Outcome:
    key = resource.key(namespace, name)
    before = store.fetch(key)
    _check_preconditions(resource, before, options.preconditions)
    farewell = Outcome(
        200, errors.success({**errors.about(key.group, key.plural, name), "uid": before["metadata"]["uid"]}), status=True
    )
    if resource.kind in _SHOWN_WHEN_GONE:
        farewell = Outcome(200, resource.served(before))
    if options.dry_run:
        return farewell
    if resource.kind == NAMESPACE:
        return Outcome(200, _terminated_namespace(store, key.name))
    finalizer = ""
    if options.policy == "Orphan":
        lifecycle.orphan(store, before["metadata"]["uid"])
    elif options.policy == "Foreground":
        finalizer = FOREGROUND
    if resource.kind == CUSTOM_RESOURCE_DEFINITION:
        finalizer = lifecycle.CRD_FINALIZER
    last, gone = store.delete(key, finalizer=finalizer)
    if gone and resource.kind in _SHOWN_WHEN_GONE:
        return Outcome(200, resource.served(last))
    return farewell if gone else Outcome(200, resource.served(last))


def _check_preconditions(resource: Resource, manifest: Manifest, preconditions: Preconditions) -> None:
    """Raise StatusError 409 when the object is not the one, or not the version, that the caller meant."""
    metadata = manifest["metadata"]
    uid, version = preconditions.uid, preconditions.version
    why = ""
    if uid is not None and uid != metadata["uid"]:
        why = (
            f"the UID in the precondition ({uid}) does not match the UID in record ({metadata['uid']}). "
            "The object might have been deleted and then recreated"
        )
    elif version is not None and version != metadata["resourceVersion"]:
        why = (
            f"the ResourceVersion in the precondition ({version}) does not match the ResourceVersion in record "
            f"({metadata['resourceVersion']}). The object might have been modified"
        )
    if why:
        raise errors.conflict(resource.group, resource.kind.kind, metadata["name"], why)


def _terminated_namespace(store: Store, name: str) -> Manifest:
    key = Key("", NAMESPACE.plural, "", name)
    before = store.fetch(key)
    if at(before, "metadata", "deletionTimestamp"):
        return before
    metadata = {**before["metadata"], "deletionTimestamp": timestamp(store.now())}
    status = {**at(before, "status", default={}), "phase": "Terminating"}
    return store.replace(key, {**before, "metadata": metadata, "status": status})
