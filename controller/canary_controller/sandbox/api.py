"""The one seam of the embedded cluster: `Api.send`, a request in, a reply out, in memory and on a socket alike.

It routes, chooses the form of the answer and writes down who asked for what. What the verbs mean is in `verbs` and `reads`.
"""

import weakref
from collections import deque
from collections.abc import AsyncIterator, Mapping
from email.utils import formatdate
from typing import Any

import orjson
from attrs import frozen

from canary_controller.sandbox import deleting, discovery, openapi, reads, verbs
from canary_controller.sandbox import status_errors as errors
from canary_controller.sandbox.lifecycle import Lifecycle
from canary_controller.sandbox.objects import defaults
from canary_controller.sandbox.render import JSON, accepted, form_of
from canary_controller.sandbox.request import Request, understand
from canary_controller.sandbox.resources import Registry, Resource
from canary_controller.sandbox.sent import decoded_body
from canary_controller.sandbox.store import Store
from canary_controller.sandbox.watch import Watch, watch_spec
from canarykit.kinds import NAMESPACE

FIRST_NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system")
USER_HEADER = "x-sandbox-user"
_HEALTH = ("/healthz", "/livez", "/readyz")


@frozen
class Logged:
    """One line of the request log. ``verb`` as in `Request`; ``path`` with its query; ``at`` epoch seconds."""

    at: float
    verb: str
    path: str
    user_agent: str
    status: int


@frozen
class Reply:
    """An answer. ``chunks`` is the body: one chunk, or one per event of a watch (then close it when done early)."""

    status: int
    headers: Mapping[str, str]
    chunks: AsyncIterator[bytes]

    async def body(self) -> bytes:
        """Return the whole body. Do not use it for a watch, which may not end."""
        return b"".join([chunk async for chunk in self.chunks])


@frozen
class _Answer:
    code: int
    body: bytes
    content_type: str = JSON
    warnings: tuple[str, ...] = ()
    watch: Watch | None = None


class _Once:
    """A body of one chunk."""

    def __init__(self, content: bytes) -> None:
        self._left: deque[bytes] = deque([content] if content else ())

    def __aiter__(self) -> "_Once":
        return self

    async def __anext__(self) -> bytes:
        if not self._left:
            raise StopAsyncIteration
        return self._left.popleft()


class Api:
    """An API server over a store, whose clock stamps everything that is stored or answered. ``log_size`` lines are kept."""

    def __init__(self, store: Store, log_size: int = 100_000) -> None:
        self.now = store.now
        self.store = store
        self.registry = Registry()
        self.requests: deque[Logged] = deque(maxlen=log_size)
        self._watches: weakref.WeakSet[Watch] = weakref.WeakSet()
        self._lifecycle = Lifecycle(self.store, self.registry)
        for name in FIRST_NAMESPACES:
            self._create_namespace(name)

    async def send(self, method: str, path_with_query: str, headers: Mapping[str, str] | None = None, body: bytes = b"") -> Reply:
        """Answer one request. Never raises for what a client does wrong: that is a Status in the reply."""
        request = understand(method.upper(), path_with_query, headers or {}, body)
        try:
            answer = self._answer(request)
        except errors.StatusError as error:
            answer = _Answer(error.code, orjson.dumps(error.body))
        self.requests.append(Logged(self.now(), request.verb, path_with_query, request.user_agent, answer.code))
        reply_headers = {
            "Content-Type": answer.content_type,
            "Date": formatdate(self.now(), usegmt=True),
            "Cache-Control": "no-cache, private",
        }
        if answer.warnings:
            reply_headers["Warning"] = ", ".join(f"299 - {_quoted(text)}" for text in answer.warnings)
        chunks = answer.watch if answer.watch is not None else _Once(b"" if method.upper() == "HEAD" else answer.body)
        return Reply(answer.code, reply_headers, chunks)

    def close(self) -> None:
        """End all watches, as a server does that shuts down."""
        for watch in list(self._watches):
            watch.end()

    def _create_namespace(self, name: str) -> None:
        manifest = defaults.apply_defaults(
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}, "", NAMESPACE.kind
        )
        resource = self.registry.find("", "v1", NAMESPACE.plural)
        if resource is not None and self.store.get(resource.key("", name)) is None:
            self.store.insert(resource.key("", name), manifest)

    def _answer(self, request: Request) -> _Answer:
        if not request.is_resource:
            return self._about_the_server(request)
        if review := self._review(request):
            return review
        resource = self.registry.find(request.group, request.version, request.plural)
        if resource is None:
            if request.group in self.registry.groups():
                raise errors.StatusError(404, "NotFound", "the server could not find the requested resource", {})
            return _nothing_here()
        _refuse_wrong_place(request, resource)
        form = form_of(request, resource, self.now)
        warnings = (resource.warning,) if resource.warning else ()
        match request.verb:
            case "watch":
                watch = Watch(self.store, watch_spec(request, form, self.store.version))
                self._watches.add(watch)
                return _Answer(200, b"", form.content_type, warnings, watch)
            case "list":
                return _Answer(
                    200, orjson.dumps(form.page(reads.read_page(self.store, request, resource))), form.content_type, warnings
                )
            case "get":
                found = reads.read(self.store, request, resource)
                shown = found if request.subresource == "scale" else form.one(found)
                return _Answer(200, orjson.dumps(shown), form.content_type, warnings)
        outcome = _WRITES[request.verb](self.store, request, resource)
        shown = outcome.body if outcome.status else form.one(outcome.body)
        return _Answer(outcome.code, orjson.dumps(shown), form.content_type, (*warnings, *outcome.warnings))

    def _about_the_server(self, request: Request) -> _Answer:
        if request.path in _HEALTH or request.path.startswith(tuple(f"{path}/" for path in _HEALTH)):
            return _Answer(200, b"ok", "text/plain; charset=utf-8")
        if request.method not in ("GET", "HEAD"):
            raise errors.method_not_allowed()
        parts = request.path.strip("/").split("/")
        if request.path.rstrip("/") in ("/api", "/apis") and _wants_aggregated(request):
            found: Any = discovery.aggregated(self.registry, core=parts == ["api"])
            return _Answer(200, orjson.dumps(found), discovery.AGGREGATED_TYPE)
        match parts:
            case ["version"]:
                found = discovery.VERSION
            case ["api"]:
                found = discovery.api_versions()
            case ["apis"]:
                found = discovery.api_groups(self.registry)
            case ["api", version]:
                found = discovery.api_resources(self.registry, "", version)
            case ["apis", group]:
                found = discovery.api_group(self.registry, group)
            case ["apis", group, version]:
                found = discovery.api_resources(self.registry, group, version)
            case ["openapi", "v3"]:
                found = openapi.index(self.registry)
            case ["openapi", "v3", "api", version]:
                found = openapi.document(self.registry, "", version)
            case ["openapi", "v3", "apis", group, version]:
                found = openapi.document(self.registry, group, version)
            case _:
                found = None
        return _nothing_here() if found is None else _Answer(200, orjson.dumps(found))

    def _review(self, request: Request) -> _Answer | None:
        """Answer the questions "who am I" and "may I": everybody is an administrator here."""
        place = (request.group, request.version, request.plural)
        kind = next((kind for group, version, kind, plural in discovery.REVIEWS if (group, version, plural) == place), None)
        if kind is None or request.verb != "create":
            return None
        sent = decoded_body(request)
        user = request.headers.get(USER_HEADER, "system:admin")
        if kind == "SelfSubjectReview":
            status: dict[str, Any] = {"userInfo": {"username": user, "groups": ["system:masters", "system:authenticated"]}}
        else:
            status = {"allowed": True, "reason": "the sandbox lets everybody do everything"}
        shown = {"apiVersion": f"{request.group}/{request.version}", "kind": kind, "metadata": {}, **sent, "status": status}
        return _Answer(201, orjson.dumps(shown))


_WRITES = {
    "create": verbs.create,
    "update": verbs.update,
    "patch": verbs.patch,
    "delete": deleting.delete,
    "deletecollection": deleting.delete_collection,
}


def _nothing_here() -> _Answer:
    # The real server says this in plain text, too: clients decide by the number.
    return _Answer(404, b"404 page not found\n", "text/plain; charset=utf-8")


def _refuse_wrong_place(request: Request, resource: Resource) -> None:
    """Raise StatusError 404 or 405 for paths and verbs that the resource does not have."""
    offered = {
        "": True,
        "status": resource.has_status,
        "scale": resource.scale is not None,
        "finalize": resource.kind == NAMESPACE,
    }
    if not offered.get(request.subresource, False):
        raise errors.StatusError(404, "NotFound", "the server could not find the requested resource", {})
    wrong_scope = bool(request.namespace) and not resource.kind.namespaced
    homeless = resource.kind.namespaced and not request.namespace and request.verb not in ("list", "watch")
    if wrong_scope or homeless:
        raise errors.StatusError(404, "NotFound", "the server could not find the requested resource", {})
    on_one = bool(request.name)
    allowed = {
        "create": not on_one,
        "list": not on_one,
        "deletecollection": not on_one,
        "watch": True,
        "get": on_one,
        "update": on_one,
        "patch": on_one,
        "delete": on_one and not request.subresource,
    }
    if not allowed.get(request.verb, False):
        raise errors.method_not_allowed()


def _wants_aggregated(request: Request) -> bool:
    return any(
        each.parameters.get("as") == "APIGroupDiscoveryList" and each.parameters.get("v") == "v2"
        for each in accepted(request.headers.get("accept", ""))
    )


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")
    return f'"{escaped}"'
