"""One request, understood: which verb on which resource, by whom, with which options. Source: the API's URL conventions."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import orjson
from attrs import frozen

from canary_controller.sandbox import status_errors as errors
from canary_controller.sandbox.objects import causes

_NAMESPACE_SUBRESOURCES = frozenset({"status", "finalize"})
_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch"}


@frozen
class Request:
    """A request to the embedded API server.

    Attributes:
        verb: get, list, watch, create, update, patch, delete, deletecollection; the lower-case method for other paths.
        group, version, plural, namespace, name, subresource: what the path names; empty where it names nothing.
        is_resource: the path has the form of a resource (which need not be served).
        query: options; of a repeated one the last counts. Header names are in lower case.
    """

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes = b""
    verb: str = ""
    group: str = ""
    version: str = ""
    plural: str = ""
    namespace: str = ""
    name: str = ""
    subresource: str = ""
    is_resource: bool = False

    @property
    def content_type(self) -> str:
        """The media type of the body, without parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def user_agent(self) -> str:
        """Who calls, as the client says."""
        return self.headers.get("user-agent", "")

    @property
    def manager(self) -> str:
        """The field manager: the option, or the first part of the user agent."""
        return self.query.get("fieldManager") or self.user_agent.partition("/")[0][:128] or "unknown"

    @property
    def dry_run(self) -> bool:
        """Nothing is to be stored; raises StatusError 422 for a value other than All."""
        value = self.query.get("dryRun", "")
        if value not in ("", "All"):
            raise errors.invalid("meta.k8s.io", "CreateOptions", "", [causes.unsupported("dryRun", value, ["All"])])
        return value == "All"

    @property
    def field_validation(self) -> str:
        """Strict, Warn (default) or Ignore: what happens to unknown fields."""
        return self.query.get("fieldValidation") or "Warn"

    def flag(self, name: str) -> bool | None:
        """Return a boolean option; None when it is not given. Raises StatusError 400."""
        value = self.query.get(name)
        if value is None or value == "":
            return None
        if value.lower() in ("true", "1", "t"):
            return True
        if value.lower() in ("false", "0", "f"):
            return False
        raise errors.bad_request(f'{name}: strconv.ParseBool: parsing "{value}": invalid syntax')

    def number(self, name: str) -> int | None:
        """Return a number option; None when it is not given. Raises StatusError 400."""
        value = self.query.get(name)
        if value is None or value == "":
            return None
        if not value.isdigit():
            raise errors.bad_request(f'strconv.ParseInt: parsing "{value}": invalid syntax')
        return int(value)


def understand(method: str, path_with_query: str, headers: Mapping[str, str], body: bytes) -> Request:
    """Return the request that these parts mean."""
    parts = urlsplit(path_with_query)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    lower = {name.lower(): value for name, value in headers.items()}
    segments = [unquote(segment) for segment in parts.path.split("/") if segment]
    named = _named(segments)
    if named is None:
        return Request(method, parts.path, query, lower, body, verb=method.lower())
    verb = _VERBS.get(method) or _reading_verb(method, named, query)
    return Request(method, parts.path, query, lower, body, verb, **named, is_resource=True)


def _named(segments: list[str]) -> dict[str, str] | None:
    match segments:
        case ["api", version, *rest] if rest:
            group = ""
        case ["apis", group, version, *rest] if rest:
            pass
        case _:
            return None
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 2 and not (len(rest) == 3 and rest[2] in _NAMESPACE_SUBRESOURCES):
        namespace, rest = rest[1], rest[2:]
    if len(rest) > 3:
        return None
    plural, name, subresource = [*rest, "", ""][:3]
    return {
        "group": group,
        "version": version,
        "plural": plural,
        "namespace": namespace,
        "name": name,
        "subresource": subresource,
    }


def _reading_verb(method: str, named: Mapping[str, str], query: Mapping[str, str]) -> str:
    if method == "DELETE":
        return "delete" if named["name"] else "deletecollection"
    if method not in ("GET", "HEAD"):
        return method.lower()
    if query.get("watch", "").lower() in ("true", "1") and not named["subresource"]:
        return "watch"
    return "get" if named["name"] else "list"


def decoded(body: bytes) -> dict[str, Any]:
    """Return a JSON body as a dict; raises StatusError 400."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        value = _slowly_decoded(body)
    if not isinstance(value, dict):
        raise errors.bad_request("couldn't get version/kind; json parse error: the body must be a JSON object")
    return value


def _slowly_decoded(body: bytes) -> Any:
    # orjson refuses numbers beyond 64 bits, which JSON allows.
    try:
        return json.loads(body)
    except ValueError as error:
        raise errors.bad_request(f"couldn't get version/kind; json parse error: {error}") from None
