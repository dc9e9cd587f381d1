"""Reading: one object, or a list with selectors, pages and versions. Watches are in `watch`."""

import base64
import binascii
from typing import Any

import orjson
from attrs import frozen

from canary_controller.sandbox import status_errors as errors
from canary_controller.sandbox.request import Request
from canary_controller.sandbox.resources import Resource
from canary_controller.sandbox.scale import scale_of
from canary_controller.sandbox.selectors import Predicate, everything, field_selector, label_selector
from canary_controller.sandbox.store import Manifest, Store
from canarykit.dicts import at


@frozen
class Page:
    """A part of a list: the objects, the version they are of, and how to get the rest."""

    items: tuple[Manifest, ...]
    version: int
    token: str = ""
    remaining: int | None = None

    @property
    def metadata(self) -> dict[str, Any]:
        """The metadata of the list object."""
        metadata: dict[str, Any] = {"resourceVersion": str(self.version)}
        if self.token:
            metadata["continue"] = self.token
        if self.remaining is not None:
            metadata["remainingItemCount"] = self.remaining
        return metadata


def read(store: Store, request: Request, resource: Resource) -> Manifest:
    """Return one object, or its Scale; raises StatusError 404."""
    wanted_version(store, request)
    manifest = store.fetch(resource.key(request.namespace, request.name))
    if request.subresource == "scale":
        return scale_of(resource, manifest)
    return resource.served(manifest)


def read_page(store: Store, request: Request, resource: Resource) -> Page:
    """Return a list or one page of it; raises StatusError 400, 410 or 504 for versions and tokens that make no sense."""
    matches = predicate(request, resource)
    limit = request.number("limit") or 0
    version, start = store.version, None
    if token := request.query.get("continue", ""):
        version, start = _position(token)
    elif (wanted := wanted_version(store, request)) and request.query.get("resourceVersionMatch") == "Exact":
        version = wanted
    found = _objects(store, version, request, resource)
    chosen = [manifest for manifest in found if matches(manifest)]
    if start is not None:
        chosen = [manifest for manifest in chosen if _place(manifest) > start]
    rest = len(chosen) - limit if 0 < limit < len(chosen) else 0
    if not rest:
        return Page(tuple(map(resource.served, chosen)), version)
    page = chosen[:limit]
    exact = matches is everything
    return Page(tuple(map(resource.served, page)), version, _token(version, page[-1]), rest if exact else None)


def predicate(request: Request, resource: Resource) -> Predicate:
    """Return what the selectors of a request ask for, or `everything` itself."""
    by_label = label_selector(request.query.get("labelSelector", ""))
    fields = request.query.get("fieldSelector", "")
    by_field = field_selector(fields, resource.group, resource.plural, resource.selectable)
    named = request.name
    if named:  # a watch of one object by its path
        by_name: Predicate = lambda manifest: at(manifest, "metadata", "name") == named  # noqa: E731
    else:
        by_name = everything
    tests = [test for test in (by_label, by_field, by_name) if test is not everything]
    if not tests:
        return everything
    return tests[0] if len(tests) == 1 else lambda manifest: all(test(manifest) for test in tests)


def wanted_version(store: Store, request: Request) -> int:
    """Return the resourceVersion option as a number (0 without one); raises StatusError 400, or 504 if it is in the future."""
    text = request.query.get("resourceVersion", "")
    if not text:
        return 0
    if not text.isdigit():
        raise errors.bad_request(f'resourceVersion: Invalid value: "{text}": strconv.ParseUint: parsing "{text}": invalid syntax')
    wanted = int(text)
    if wanted > store.version:
        raise errors.version_too_large(wanted, store.version)
    return wanted


def _objects(store: Store, version: int, request: Request, resource: Resource) -> list[Manifest]:
    if version == store.version:
        return store.objects(resource.group, resource.plural, request.namespace)
    try:
        return store.objects_at(version, resource.group, resource.plural, request.namespace)
    except errors.StatusError:
        raise errors.expired(
            "The provided continue parameter is too old to display a consistent list result. You can start a new list "
            "without the continue parameter, or use the continue token in this response to retrieve the remainder of the results."
            if request.query.get("continue")
            else "The resourceVersion for the provided list is too old."
        ) from None


def _place(manifest: Manifest) -> tuple[str, str]:
    return at(manifest, "metadata", "namespace", default=""), manifest["metadata"]["name"]


def _token(version: int, last: Manifest) -> str:
    return base64.urlsafe_b64encode(orjson.dumps({"v": "sandbox", "rv": version, "after": _place(last)})).decode().rstrip("=")


def _position(token: str) -> tuple[int, tuple[str, str]]:
    try:
        content = orjson.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        namespace, name = content["after"]
        return int(content["rv"]), (namespace, name)
    except (binascii.Error, orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        raise errors.bad_request(
            "invalid continue token: continue key is not valid: the token was not made by this server"
        ) from None
