"""Refusals in Kubernetes' own form: every error of the sandbox is a `Status` object with reason, details and code.

The words are the API server's, because clients (kubectl, informers, our controller) decide by reason and people read the
message. Nothing here knows about HTTP beyond the number.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from canary_controller.sandbox.objects.causes import Cause


class StatusError(Exception):
    """A request that is refused. ``body`` is the whole Status object; ``code`` its HTTP status."""

    def __init__(self, code: int, reason: str, message: str, details: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.body = failure(code, reason, message, details)


def failure(code: int, reason: str, message: str, details: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return a Status object for a failure; ``reason`` may be empty (then it is left out, as the API server does)."""
    body: dict[str, Any] = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message}
    if reason:
        body["reason"] = reason
    if details is not None:
        body["details"] = dict(details)
    body["code"] = code
    return body


def success(details: Mapping[str, Any]) -> dict[str, Any]:
    """Return the Status object that answers a delete."""
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": dict(details)}


def qualified(group: str, name: str) -> str:
    """Return ``deployments.apps``, or ``pods`` for the core group."""
    return f"{name}.{group}" if group else name


def about(group: str, kind: str, name: str) -> dict[str, Any]:
    """Return the `details` of a Status: empty members are left out."""
    return {key: value for key, value in (("name", name), ("group", group), ("kind", kind)) if value}


def not_found(group: str, plural: str, name: str) -> StatusError:
    """The object does not exist."""
    return StatusError(404, "NotFound", f'{qualified(group, plural)} "{name}" not found', about(group, plural, name))


def already_exists(group: str, plural: str, name: str) -> StatusError:
    """A create of a name that is taken."""
    return StatusError(409, "AlreadyExists", f'{qualified(group, plural)} "{name}" already exists', about(group, plural, name))


MODIFIED = "the object has been modified; please apply your changes to the latest version and try again"


def conflict(group: str, plural: str, name: str, why: str = MODIFIED) -> StatusError:
    """A write that was compared with another version of the object."""
    message = f'Operation cannot be fulfilled on {qualified(group, plural)} "{name}": {why}'
    return StatusError(409, "Conflict", message, about(group, plural, name))


def apply_conflict(message: str, causes: Iterable[Cause]) -> StatusError:
    """A server-side apply of fields that other managers own."""
    return StatusError(409, "Conflict", message, {"causes": _listed(causes)})


def invalid(group: str, kind: str, name: str, causes: Iterable[Cause]) -> StatusError:
    """An object that breaks the rules of its kind."""
    listed = list(causes)
    texts = list(dict.fromkeys(f"{cause.field}: {cause.message}" if cause.field else cause.message for cause in listed))
    text = texts[0] if len(texts) == 1 else "[" + ", ".join(texts) + "]"
    details = {**about(group, kind, name), "causes": _listed(listed)}
    return StatusError(422, "Invalid", f'{qualified(group, kind)} "{name}" is invalid: {text}', details)


def bad_request(message: str) -> StatusError:
    """A request that makes no sense."""
    return StatusError(400, "BadRequest", message)


def forbidden(group: str, plural: str, name: str, why: str, causes: Iterable[Cause] = ()) -> StatusError:
    """A request that is understood and refused."""
    details = about(group, plural, name)
    if listed := _listed(causes):
        details["causes"] = listed
    return StatusError(403, "Forbidden", f'{qualified(group, plural)} "{name}" is forbidden: {why}', details)


def unauthorized() -> StatusError:
    """No credentials, or wrong ones."""
    return StatusError(401, "Unauthorized", "Unauthorized")


def method_not_allowed() -> StatusError:
    """A verb that the resource does not have."""
    return StatusError(405, "MethodNotAllowed", "the server does not allow this method on the requested resource", {})


def not_acceptable(offered: str, custom: bool) -> StatusError:
    """No media type in Accept that we can write."""
    if custom:
        return StatusError(406, "NotAcceptable", f"only the following media types are accepted: {offered}")
    return StatusError(406, "NotAcceptable", f"406: Not Acceptable\n\nAvailable representations: {offered}", {})


def unsupported_media_type(accepted: Iterable[str]) -> StatusError:
    """A body in a form that we cannot read."""
    names = ", ".join(accepted)
    message = f"the body of the request was in an unknown format - accepted media types include: {names}"
    return StatusError(415, "UnsupportedMediaType", message)


def unknown_patch_type() -> StatusError:
    """A patch of a built-in kind in a form that is no patch."""
    return StatusError(415, "UnsupportedMediaType", "415: Unsupported Media Type", {})


def expired(message: str) -> StatusError:
    """A resourceVersion or continue token that is too old: list again."""
    return StatusError(410, "Expired", message)


def version_too_large(wanted: int, current: int) -> StatusError:
    """A resourceVersion that has not happened yet."""
    cause = {"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}
    details = {"causes": [cause], "retryAfterSeconds": 1}
    message = f"Timeout: Too large resource version: {wanted}, current: {current}"
    return StatusError(504, "Timeout", message, details)


def _listed(causes: Iterable[Cause]) -> list[dict[str, str]]:
    return [{"reason": cause.reason, "message": cause.message, "field": cause.field} for cause in causes]
