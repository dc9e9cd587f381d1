"""Scenarios of the battery and how they are played: steps over the wire, each with the whole answer that came back.

It speaks through `canary_controller.kube.Send`, so one client and one code path meet the sandbox and the real API server.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson
from attrs import field, frozen

from canary_controller.kube import Send

JSON = "application/json"
MERGE = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
APPLY = "application/apply-patch+yaml"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
METADATA = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"
METADATA_LIST = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"
STEP_LIMIT_S = 20.0

Seen = Mapping[str, Any]
"""Name of each earlier step -> the body that it was answered with."""


@frozen
class Step:
    """One request.

    Attributes:
        name: unique in its scenario.
        path: with ``{ns}`` for the scenario's namespace; or made from what was seen.
        body: a document, bytes as they are, or made from what was seen; None sends none.
        events: how many events of a watch to read before it is closed; 0 reads a whole answer.
    """

    name: str
    method: str
    path: str | Callable[[Seen], str]
    body: Any = None
    content_type: str = JSON
    accept: str = JSON
    events: int = 0


@frozen
class Scenario:
    """Steps on objects in a namespace of their own, which exists when they begin."""

    name: str
    steps: tuple[Step, ...] = field(converter=tuple)

    @property
    def namespace(self) -> str:
        """The namespace, the same on every server."""
        return "c-" + self.name.replace("_", "-")


async def play(send: Send, scenario: Scenario) -> dict[str, dict[str, Any]]:
    """Return step name -> answer (``status``, ``type``, ``warnings``, ``body``; of a watch ``events``), unmasked."""
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": scenario.namespace}}
    await _ask(send, Step("", "POST", "/api/v1/namespaces", namespace), {}, scenario.namespace)
    seen: dict[str, Any] = {}
    answers: dict[str, dict[str, Any]] = {}
    for step in scenario.steps:
        answers[step.name] = await asyncio.wait_for(_ask(send, step, seen, scenario.namespace), STEP_LIMIT_S)
        seen[step.name] = answers[step.name].get("body")
    return answers


async def _ask(send: Send, step: Step, seen: Seen, namespace: str) -> dict[str, Any]:
    path = step.path(seen) if callable(step.path) else step.path
    body = step.body(seen) if callable(step.body) else step.body
    sent = b"" if body is None else body if isinstance(body, bytes) else orjson.dumps(body)
    headers = {"Content-Type": step.content_type, "Accept": step.accept, "User-Agent": "battery/1"}
    reply = await send(step.method, path.replace("{ns}", namespace), headers, sent)
    found: dict[str, Any] = {"status": reply.status, "type": reply.headers.get("Content-Type", "")}
    if reply.headers.get("Warning"):
        found["warnings"] = _warnings(reply.headers)
    if step.events:
        return {**found, "events": await _events(reply, step.events)}
    text = b"".join([chunk async for chunk in reply.chunks])
    is_json = str(found["type"]).startswith(JSON)
    return {**found, "body": orjson.loads(text) if is_json and text else text.decode()}


def _warnings(headers: Any) -> Sequence[str]:
    everyone = headers.getall("Warning") if hasattr(headers, "getall") else [headers["Warning"]]
    return sorted(part.strip() for each in everyone for part in each.split(", 299"))


async def _events(reply: Any, count: int) -> list[Any]:
    """Return the first events of a watch, then close it."""
    rest, found = b"", []
    try:
        async for chunk in reply.chunks:
            *lines, rest = (rest + chunk).split(b"\n")
            found += [orjson.loads(line) for line in lines if line]
            if len(found) >= count:
                break
    finally:
        close = getattr(reply.chunks, "aclose", None)
        if close is not None:
            await close()
    return found[:count]
