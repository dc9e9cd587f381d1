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

# The C loader is several times faster; it is missing where PyYAML was built without libyaml.
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def decoded_body(request: Request) -> Manifest:
    if request.content_type == PROTOBUF:
        return decoded_protobuf(request.body)
    if request.content_type in ("application/yaml", "application/x-yaml"):
        return applied_body(request)
    if request.content_type not in ("", "application/json", "*/*"):
        raise errors.unsupported_media_type(["application/json", "application/yaml", PROTOBUF])
    return decoded(request.body)


def applied_body(request: Request) -> Manifest:
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
    return checked(decoded_body(request), request, resource)


def checked(manifest: Manifest, request: Request, resource: Resource) -> Manifest:
    kind, api_version = manifest.get("kind"), manifest.get("apiVersion")
    if not kind:
        raise errors.bad_request(f"Object 'Kind' is missing in '{orjson.dumps(manifest).decode()[:200]}'")
    if not api_version:
        raise errors.bad_request(f"Object 'apiVersion' is missing in '{orjson.dumps(manifest).decode()[:200]}'")
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


def placed(manifest: Manifest, request: Request, resource: Resource, name: str) -> Manifest:
    metadata = {**at(manifest, "metadata", default={}), "name": name}
    metadata.pop("namespace", None)
    if resource.kind.namespaced:
        metadata["namespace"] = request.namespace
    return {**manifest, "metadata": metadata}


def require_same_name(request: Request, manifest: Manifest) -> None:
    name = at(manifest, "metadata", "name", default="")
    if name != request.name:
        raise errors.bad_request(f"the name of the object ({name}) does not match the name on the URL ({request.name})")


def require_same_object(resource: Resource, before: Manifest, after: Manifest) -> None:
    """Raise StatusError 409 when the sent object is of another version, or another object of the same name."""
    name, had = before["metadata"]["name"], before["metadata"]
    uid, version = at(after, "metadata", "uid"), at(after, "metadata", "resourceVersion")
    if uid and uid != had["uid"]:
        why = f"Precondition failed: UID in precondition: {uid}, UID in object meta: {had['uid']}"
        raise errors.conflict(resource.group, resource.plural, name, why)
    if version and version != had["resourceVersion"]:
        raise errors.conflict(resource.group, resource.plural, name)


def bad_option(option: str, message: str) -> errors.StatusError:
    reason = "FieldValueForbidden" if message.startswith("Forbidden") else "FieldValueRequired"
    return errors.invalid("meta.k8s.io", "PatchOptions", "", [causes.Cause(reason, message, option)])
