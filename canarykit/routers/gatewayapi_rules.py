"""HTTPRoute rules made from ``spec.service``: matches, filters and timeouts, in the words of the Gateway API.

Source: routers.md section 3.2. What cannot be said in an HTTPRoute is a SpecError; upstream leaves it out, and requests then go
where nobody meant them to.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from canarykit.dicts import Manifest, at
from canarykit.errors import SpecError
from canarykit.spec import Service
from canarykit.spec.durations import seconds

EVERY_PATH = {"path": {"type": "PathPrefix", "value": "/"}}
PATH_TYPES = {"regex": "RegularExpression", "exact": "Exact", "prefix": "PathPrefix"}
VALUE_TYPES = {"exact": "Exact", "regex": "RegularExpression"}


def matches_of(entries: Iterable[Manifest], path: str = "spec.service.match") -> list[dict[str, Any]]:
    """Return HTTPRoute matches for Istio-shaped ones; every path when there are none. Each says its path, as servers do.

    Lists made from maps are sorted by name, so that the same spec always gives the same route.

    Raises:
        SpecError: a matcher that HTTPRoute does not have (``prefix`` of a header, ``regex`` of a method, …).
    """
    found = [_match(entry, f"{path}[{index}]") for index, entry in enumerate(entries)]
    return [match for match in found if match] or [EVERY_PATH]


def filters_of(service: Service) -> list[dict[str, Any]]:
    """Return the filters of every rule: header changes, rewrite, mirrors of the user's own, CORS; in this order."""
    found = [
        _headers("RequestHeaderModifier", "requestHeaderModifier", at(service.headers, "request")),
        _headers("ResponseHeaderModifier", "responseHeaderModifier", at(service.headers, "response")),
        _rewrite(service.rewrite),
        *({"type": "RequestMirror", "requestMirror": dict(mirror)} for mirror in service.mirror),
        _cors(service.cors_policy),
    ]
    return [one for one in found if one]


def timeouts_of(service: Service) -> dict[str, str]:
    """Return the rule's timeouts; empty without any. Values are durations as the Gateway API writes them (``4s``)."""
    given = {"request": service.timeout, "backendRequest": service.backend_timeout}
    return {name: text for name, text in given.items() if text}


def _match(entry: Manifest, path: str) -> dict[str, Any]:
    result: dict[str, Any] = {}
    if entry.get("uri"):
        kind, text = _one_of(entry["uri"], PATH_TYPES, f"{path}.uri")
        result["path"] = {"type": kind, "value": text}
    if entry.get("headers"):
        result["headers"] = _named(entry["headers"], f"{path}.headers")
    if entry.get("queryParams"):
        result["queryParams"] = _named(entry["queryParams"], f"{path}.queryParams")
    if entry.get("method"):
        result["method"] = _one_of(entry["method"], {"exact": "Exact"}, f"{path}.method")[1]
    return {**EVERY_PATH, **result} if result else {}


def _named(matchers: Mapping[str, Manifest], path: str) -> list[dict[str, Any]]:
    found = []
    for name, matcher in sorted(matchers.items()):
        kind, text = _one_of(matcher, VALUE_TYPES, f"{path}[{name}]")
        found.append({"type": kind, "name": name, "value": text})
    return found


def _one_of(matcher: Manifest, types: Mapping[str, str], path: str) -> tuple[str, str]:
    for word, kind in types.items():
        if matcher.get(word):
            return kind, matcher[word]
    advice = f"Use one of: {', '.join(types)}."
    raise SpecError(path, "cannot be matched by an HTTPRoute", dict(matcher), advice)


def _headers(kind: str, member: str, changes: Manifest | None) -> dict[str, Any]:
    lists: dict[str, Any] = {
        word: [{"name": name, "value": text} for name, text in sorted(at(changes, word, default={}).items())]
        for word in ("add", "set")
    }
    lists["remove"] = list(at(changes, "remove", default=()))
    said = {word: entries for word, entries in lists.items() if entries}
    return {"type": kind, member: said} if said else {}


def _rewrite(rewrite: Manifest | None) -> dict[str, Any]:
    said: dict[str, Any] = {}
    if at(rewrite, "authority"):
        said["hostname"] = at(rewrite, "authority")
    uri = at(rewrite, "uri")
    if uri:
        prefix = at(rewrite, "type") == "ReplacePrefixMatch"
        said["path"] = (
            {"type": "ReplacePrefixMatch", "replacePrefixMatch": uri}
            if prefix
            else {"type": "ReplaceFullPath", "replaceFullPath": uri}
        )
    return {"type": "URLRewrite", "urlRewrite": said} if said else {}


def _cors(policy: Manifest | None) -> dict[str, Any]:
    if not policy:
        return {}
    lists = {
        "allowOrigins": at(policy, "allowOrigin", default=()),
        "allowMethods": at(policy, "allowMethods", default=()),
        "allowHeaders": at(policy, "allowHeaders", default=()),
        "exposeHeaders": at(policy, "exposeHeaders", default=()),
    }
    said: dict[str, Any] = {name: list(entries) for name, entries in lists.items() if entries}
    if at(policy, "allowCredentials"):
        said["allowCredentials"] = True
    if at(policy, "maxAge"):
        said["maxAge"] = int(seconds(policy["maxAge"]))
    return {"type": "CORS", "cors": said} if said else {}
