"""A scripted API server behind the seam `Send`, for tests of what speaks to one."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

from attrs import frozen

from canary_controller.kube import Reply


@frozen
class Request:
    """One request as it was sent, taken apart."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any


class Body(AsyncIterator[bytes]):
    """Chunks of bytes, pauses in seconds, or errors, in order; notes that it was closed."""

    def __init__(self, *parts: bytes | float | Exception, endless: bool = False) -> None:
        self.parts = list(parts)
        self.endless = endless
        self.closed = False

    async def __anext__(self) -> bytes:
        while self.parts:
            part = self.parts.pop(0)
            if isinstance(part, Exception):
                raise part
            if isinstance(part, bytes):
                return part
            await asyncio.sleep(part)
        if self.endless:
            await asyncio.Event().wait()
        raise StopAsyncIteration

    async def aclose(self) -> None:
        self.closed = True


def answer(status: int, document: Any, **headers: str) -> Reply:
    """A whole answer at once."""
    return Reply(status, {name.replace("_", "-"): value for name, value in headers.items()}, Body(json.dumps(document).encode()))


def refusal(code: int, reason: str, message: str = "no", **headers: str) -> Reply:
    """An error as Kubernetes words it."""
    status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason, "message": message}
    return answer(code, status, **headers)


def line(what: str, manifest: Mapping[str, Any]) -> bytes:
    """One line of a watch."""
    return json.dumps({"type": what, "object": manifest}).encode() + b"\n"


def stream(*parts: bytes | float | Exception, endless: bool = True) -> Reply:
    """The answer to a watch."""
    return Reply(200, {}, Body(*parts, endless=endless))


def page(*items: Mapping[str, Any], version: str = "1", token: str = "") -> Reply:
    """A list answer; items without apiVersion and kind, as the real server sends them."""
    bare = [{key: value for key, value in item.items() if key not in ("apiVersion", "kind")} for item in items]
    return answer(200, {"kind": "List", "metadata": {"resourceVersion": version, "continue": token}, "items": bare})


class FakeApi:
    """Plays its script: replies or errors in order, lists and watches apart when ``watches`` are given."""

    def __init__(self, *script: Reply | Exception, watches: tuple[Reply | Exception, ...] = ()) -> None:
        self.script = list(script)
        self.watches = list(watches)
        self.requests: list[Request] = []
        self.times: list[float] = []

    async def send(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Reply:
        parts = urlsplit(path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        self.requests.append(Request(method, parts.path, query, dict(headers), json.loads(body) if body else None))
        self.times.append(asyncio.get_running_loop().time())
        script = self.watches if query.get("watch") and self.watches else self.script
        if not script:
            await asyncio.Event().wait()
        reply = script.pop(0)
        if isinstance(reply, Exception):
            raise reply
        return reply

    def of(self, **query: str) -> list[Request]:
        """The requests whose query has these values."""
        return [request for request in self.requests if query.items() <= request.query.items()]


def manifest(kind: str = "Deployment", name: str = "podinfo", version: str = "5", **metadata: Any) -> dict[str, Any]:
    """A small object of namespace ``test``."""
    groups = {"Deployment": "apps/v1", "Canary": "flagger.app/v1beta1", "EndpointSlice": "discovery.k8s.io/v1"}
    meta = {"namespace": "test", "name": name, "uid": f"uid-{kind}-{name}", "resourceVersion": version, **metadata}
    return {"apiVersion": groups.get(kind, "v1"), "kind": kind, "metadata": meta, "spec": {"of": name}}
