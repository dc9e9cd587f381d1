"""What a cluster's own pods would answer, on one loopback port: a stand-in for Prometheus, and a receiver of hooks.

There is no Prometheus and no load tester behind it: a test says what a query yields and which hooks are refused, and reads
what was asked. KEDA and the controller both reach it.
"""

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from attrs import define, field

GOOD_SHARE, GOOD_SECONDS = 100.0, 0.05


def good(query: str) -> float | None:
    """Return what a healthy system yields: full success, quick answers, and 1 where a client asks whether anybody is there."""
    if "vector(1)" in query:
        return 1.0
    return GOOD_SECONDS if "histogram_quantile" in query else GOOD_SHARE


@define
class Outside:
    """Use as a context manager.

    Attributes:
        value: query -> the number that Prometheus yields for it; None yields an empty vector.
        hook: path and payload of a hook -> HTTP status.
        queries: every query asked, in order.
        hooks: every (path, payload) posted, in order.
    """

    value: Callable[[str], float | None] = good
    hook: Callable[[str, Any], int] = lambda _path, _payload: 200
    queries: list[str] = field(factory=list)
    hooks: list[tuple[str, Any]] = field(factory=list)
    _server: ThreadingHTTPServer = field(init=False)

    def __enter__(self) -> "Outside":
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def place(self) -> str:
        """``address:port``."""
        return f"127.0.0.1:{self._server.server_address[1]}"

    def _query(self, text: str) -> dict[str, Any]:
        self.queries.append(text)
        found = self.value(text)
        result = [] if found is None else [{"metric": {}, "value": [0, f"{found:g}"]}]
        return {"status": "success", "data": {"resultType": "vector", "result": result}}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        outside = self

        class Handler(BaseHTTPRequestHandler):
            """Answers GET of a query and POST of a hook."""

            def do_GET(self) -> None:
                asked = parse_qs(urlsplit(self.path).query).get("query", [""])[0]
                self._answer(200, json.dumps(outside._query(asked)).encode())

            def do_POST(self) -> None:
                text = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                if "/api/v1/query" in self.path:
                    self._answer(200, json.dumps(outside._query(parse_qs(text.decode()).get("query", [""])[0])).encode())
                    return
                payload = json.loads(text) if text else None
                outside.hooks.append((self.path, payload))
                self._answer(outside.hook(self.path, payload), b"{}")

            def _answer(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                """Say nothing: what was asked is kept in lists."""

        return Handler
