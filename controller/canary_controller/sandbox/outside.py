"""The services around a cluster that a rollout talks to, answered in memory: Prometheus and the load tester with its gates.

A Canary's manifest stays untouched: ``http://flagger-loadtester.test/`` and ``http://flagger-prometheus.flagger-system:9090``
are answered here by host name. Source: analysis.md sections 3.1 and 5.4.
"""

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import orjson
from attrs import define, field

from canary_controller.sandbox.drive import World
from canarykit.loadcommand import load_of
from canarykit.model import HttpRequest, HttpResponse
from canarykit.world.prometheus import prometheus_answer
from canarykit.world.traffic import Load

PROMETHEUS = ("prometheus", "flagger-prometheus")
LOADTESTER = ("flagger-loadtester", "loadtester")


@define
class Outside:
    """Answers requests to the services above; others are not ours (None).

    Attributes:
        gates: open gates by key (``name.namespace``); a key that is missing is closed.
        fixed: answers by ``host/path`` that a test or a person sets; they come first.
        calls: every hook call that arrived, as (path, body), for tests and for the summary of the demo.
    """

    world: World
    gates: dict[str, bool] = field(factory=dict)
    fixed: dict[str, HttpResponse] = field(factory=dict)
    calls: list[tuple[str, dict[str, Any]]] = field(factory=list)

    async def answer(self, request: HttpRequest) -> HttpResponse | None:
        """Return the answer to ``request``, or None when its host is none of ours."""
        url = urlsplit(request.url)
        service = (url.hostname or "").partition(".")[0]
        path = url.path or "/"
        fixed = self.fixed.get(f"{url.hostname}{path}")
        if fixed is not None:
            self._note(path, request.body)
            return fixed
        if service in PROMETHEUS:
            return self._prometheus(request, path, dict(parse_qsl(url.query)))
        if service in LOADTESTER:
            return self._loadtester(path, request.body)
        return None

    def _prometheus(self, request: HttpRequest, path: str, params: dict[str, str]) -> HttpResponse:
        if request.method == "POST":
            params |= dict(parse_qsl(request.body.decode(errors="replace")))
        status, body = prometheus_answer(self.world.current_traffic(), path, params, self.world.clock.now())
        text = body.encode() if isinstance(body, str) else orjson.dumps(body)
        return HttpResponse(status, text, {"Content-Type": "application/json"})

    def _note(self, path: str, body: bytes) -> dict[str, Any]:
        try:
            payload = orjson.loads(body) if body else {}
        except orjson.JSONDecodeError:
            payload = {}
        self.calls.append((path, payload))
        return payload if isinstance(payload, dict) else {}

    def _loadtester(self, path: str, body: bytes) -> HttpResponse:
        payload = self._note(path, body)
        if path.startswith(("/gate/", "/rollback/")):
            return self._gate(path, payload)
        metadata = payload.get("metadata") or {}
        load = load_of(metadata)
        if load is not None:
            now = self.world.clock.now()
            self.world.put_load(Load(load.url, load.rate_per_s, now, now + load.duration_s))
        return HttpResponse(202, b"")

    def _gate(self, path: str, payload: dict[str, Any]) -> HttpResponse:
        key = f"{payload.get('name', '')}.{payload.get('namespace', '')}"
        area, _, action = path.strip("/").partition("/")
        key = f"{area}:{key}"
        match action:
            case "approve":
                return HttpResponse(200, b"OK")
            case "halt":
                return HttpResponse(403, b"Forbidden")
            case "open":
                self.gates[key] = True
                return HttpResponse(202, b"")
            case "close":
                self.gates[key] = False
                return HttpResponse(202, b"")
            case "check":
                return HttpResponse(200, b"OK") if self.gates.get(key) else HttpResponse(403, b"Forbidden")
            case _:
                return HttpResponse(404, b"not found")
