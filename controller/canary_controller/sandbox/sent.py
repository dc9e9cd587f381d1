"""What a client sent, read and checked against the path it was sent to: type, name, namespace, uid and version."""

import json
from collections.abc import Mapping

import orjson
import yaml

from canary_controller.sandbox import status_errors as errors
from canary_controller.sandbox.objects import causes
from canary_controller.sandbox.protobuf import PROTOBUF, decoded_protobuf
from canary_controller.sandbox.request import Request, decoded
from canary_controller.sandbox.resources import Resource
from canary_controller.sandbox.store import Manifest
from canarykit.dicts import at
from canarykit.kinds import BY_KIND, SERVICE

# The C loader is several times faster; it is missing where PyYAML was built without libyaml.
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def decoded_body(request: Request) -> Manifest:
    """Return the body as an object, from JSON, YAML or protobuf; raises StatusError 415 for another type, 400 if broken."""
    if request.content_type == PROTOBUF:
        return decoded_protobuf(request.body)
    if request.content_type in ("application/yaml", "application/x-yaml"):
        return applied_body(request)
    if request.content_type not in ("", "application/json", "*/*"):
        raise errors.unsupported_media_type(["application/json", "application/yaml", PROTOBUF])
    return decoded(request.body)


def require_same_kind(resource: Resource, before: Manifest, after: Manifest) -> None:
    """Raise StatusError 422 when a patch made an object of another kind."""
    kind = after.get("kind")
    if kind == before.get("kind"):
        return
    if resource.custom:
        raise _other_kind(str(kind), after, resource)
    quoted = orjson.dumps(orjson.dumps(after).decode()).decode()
    why = f'no kind "{kind}" is registered for version "{resource.kind.api_version}" in scheme "sandbox"'
    raise errors.invalid("", "", "", [causes.Cause("FieldValueInvalid", f"Invalid value: {quoted}: {why}", "patch")])


def applied_body(request: Request) -> Manifest:
    """Return the body of an apply, which is YAML or JSON; raises StatusError 400."""
    try:
        value = orjson.loads(request.body)
    except orjson.JSONDecodeError:
        try:
            # Through JSON text, since YAML has dates and other things that a manifest cannot have.
            value = json.loads(json.dumps(yaml.load(request.body, Loader=_Loader), default=str))
        except yaml.YAMLError as error:
            raise errors.bad_request(f"error decoding YAML: {error}") from None
    if not isinstance(value, dict):
        raise errors.bad_request("error decoding YAML: the body must be an object")
    return value


def sent_object(request: Request, resource: Resource) -> Manifest:
    """Return the object that was sent, checked against the path; raises StatusError 400."""
    try:
        sent = decoded_body(request)
    except errors.StatusError as error:
        if error.code != 400:
            raise
        raise errors.bad_request(
            f"the object provided is unrecognized (must be of type {resource.kind.kind}): {error.message}"
        ) from None
    return checked(sent, request, resource)


def checked(manifest: Manifest, request: Request, resource: Resource) -> Manifest:
    """Return ``manifest`` if its kind, version and namespace are those of the path; raises StatusError 400 or 422."""
    kind, api_version = manifest.get("kind"), manifest.get("apiVersion")
    if not kind:
        raise errors.bad_request(f"Object 'Kind' is missing in '{orjson.dumps(manifest).decode()[:200]}'")
    if not api_version:
        raise errors.bad_request(f"Object 'apiVersion' is missing in '{orjson.dumps(manifest).decode()[:200]}'")
    if kind != resource.kind.kind and api_version == resource.kind.api_version:
        raise _other_kind(str(kind), manifest, resource)
    if (kind, api_version) != (resource.kind.kind, resource.kind.api_version):
        found = f"{api_version}, Kind={kind}"
        wanted = f"{resource.kind.api_version}, Kind={resource.kind.kind}"
        raise errors.bad_request(f"the API version in the data ({found}) does not match the expected API version ({wanted})")
    if not isinstance(manifest.get("metadata", {}), Mapping):
        raise errors.bad_request(f"{kind} cannot be handled as a {kind}: metadata must be an object")
    namespace = at(manifest, "metadata", "namespace", default="")
    if resource.kind.namespaced and namespace and namespace != request.namespace:
        raise errors.bad_request("the namespace of the provided object does not match the namespace sent on the request")
    return manifest


def _other_kind(kind: str, manifest: Manifest, resource: Resource) -> errors.StatusError:
    own = resource.kind
    if resource.custom:
        cause = causes.Cause("FieldValueInvalid", f'Invalid value: "{kind}": must be {own.kind}', "kind")
        return errors.invalid(own.group, kind, at(manifest, "metadata", "name", default=""), [cause])
    text = f'{kind} in version "{own.version}" cannot be handled as a {own.kind}: '
    if (own.group, kind) in BY_KIND:
        internal = own.group or "core"
        return errors.bad_request(f"{text}converting ({own.version}.{kind}) to ({internal}.{own.kind}): unknown conversion")
    return errors.bad_request(f'{text}no kind "{kind}" is registered for version "{own.api_version}" in scheme "sandbox"')


def placed(manifest: Manifest, request: Request, resource: Resource, name: str) -> Manifest:
    """Return ``manifest`` under ``name`` in the namespace of the path."""
    metadata = {**at(manifest, "metadata", default={}), "name": name}
    metadata.pop("namespace", None)
    if resource.kind.namespaced:
        metadata["namespace"] = request.namespace
    return {**manifest, "metadata": metadata}


def require_same_name(request: Request, manifest: Manifest) -> None:
    """Raise StatusError 400 when the object has another name than the path."""
    name = at(manifest, "metadata", "name", default="")
    if name != request.name:
        raise errors.bad_request(f"the name of the object ({name}) does not match the name on the URL ({request.name})")


def require_same_object(resource: Resource, before: Manifest, after: Manifest) -> None:
    """Raise StatusError 409 when the sent object is of another version, or another object of the same name."""
    name, had = before["metadata"]["name"], before["metadata"]
    uid, version = at(after, "metadata", "uid"), at(after, "metadata", "resourceVersion")
    if uid and uid != had["uid"]:
        place = "services/specs" if resource.kind == SERVICE else resource.plural
        root = f"{resource.group}/{place}" if resource.custom else place
        where = "/".join(filter(None, (root, had.get("namespace", ""), name)))
        why = (
            f"StorageError: invalid object, Code: 4, Key: /registry/{where}, ResourceVersion: 0, AdditionalErrorMsg: "
            f"Precondition failed: UID in precondition: {uid}, UID in object meta: {had['uid']}"
        )
        raise errors.conflict(resource.group, resource.plural, name, why)
    if version and version != had["resourceVersion"]:
        raise errors.conflict(resource.group, resource.plural, name)


def bad_option(option: str, message: str) -> errors.StatusError:
    """Return the 422 for an option of a patch that may not be there, or is missing."""
    reason = "FieldValueForbidden" if message.startswith("Forbidden") else "FieldValueRequired"
    return errors.invalid("meta.k8s.io", "PatchOptions", "", [causes.Cause(reason, message, option)])
