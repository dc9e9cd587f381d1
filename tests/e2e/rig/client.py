"""A small blocking client for the rig itself and its tests: requests as one user over TLS, answers as dicts."""

import http.client
import json
import ssl
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from attrs import frozen

from canarykit.model import Ref

JSON = "application/json"
MERGE = "application/merge-patch+json"
APPLY = "application/apply-patch+yaml"


@frozen
class Answer:
    """One whole answer: ``body`` is decoded where it is JSON, else text. ``warnings`` are the raw Warning headers."""

    status: int
    body: Any
    warnings: tuple[str, ...] = ()


class Refused(Exception):
    """The API server did not do it; has its status and message."""


@frozen
class Client:
    """Speaks to one API server as one user; a connection per request, so that it survives the server's restart."""

    port: int
    context: ssl.SSLContext
    agent: str = "rig"

    @classmethod
    def of(cls, port: int, authority: Path, certificate: Path, key: Path) -> "Client":
        """Return a client that proves itself with a certificate."""
        context = ssl.create_default_context(cafile=str(authority))
        context.load_cert_chain(certificate, key)
        return cls(port, context)

    def request(self, method: str, path: str, body: Any = None, content_type: str = JSON) -> Answer:
        """Make one request; raises OSError when nothing answers."""
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, context=self.context, timeout=30)
        try:
            sent = None if body is None else json.dumps(body).encode()
            headers = {"Content-Type": content_type, "Accept": JSON, "User-Agent": self.agent}
            connection.request(method, path, sent, headers)
            response = connection.getresponse()
            text = response.read()
            is_json = (response.headers.get("Content-Type") or "").startswith(JSON)
            decoded = json.loads(text) if is_json and text else text.decode(errors="replace")
            return Answer(response.status, decoded, tuple(response.headers.get_all("Warning") or ()))
        except http.client.HTTPException as error:
            raise ConnectionError(str(error)) from error
        finally:
            connection.close()

    def call(self, method: str, path: str, body: Any = None, content_type: str = JSON) -> Any:
        """Make one request and return its body; raises Refused for every status from 300."""
        answer = self.request(method, path, body, content_type)
        if answer.status >= 300:
            said = answer.body.get("message", "") if isinstance(answer.body, Mapping) else answer.body
            raise Refused(f"{method} {path}: {answer.status} {said}")
        return answer.body

    def is_ok(self, path: str) -> bool:
        """Return whether a GET answers 200."""
        return self.request("GET", path).status == 200

    def apply(self, path: str, manifest: Mapping[str, Any], manager: str = "rig") -> Any:
        """Server-side apply, forced."""
        return self.call("PATCH", f"{path}?fieldManager={manager}&force=true", manifest, APPLY)

    def apply_manifest(self, manifest: Mapping[str, Any], manager: str = "rig") -> Any:
        """Server-side apply a manifest of a kind that canarykit knows."""
        ref = Ref.of(manifest)
        return self.apply(ref.served.path(ref.namespace, ref.name), manifest, manager)

    def find(self, path: str) -> Any:
        """Return an object, or None where there is none."""
        answer = self.request("GET", path)
        return answer.body if answer.status == 200 else None


def wait_for(what: str, is_so: Callable[[], Any], limit_s: float, story: Callable[[], str] = lambda: "") -> Any:
    """Return the first true value of ``is_so``, asked ten times a second; AssertionError with the story when it stays false."""
    end = time.monotonic() + limit_s
    while not (found := is_so()):
        if time.monotonic() >= end:
            raise AssertionError(f"not within {limit_s:g} s: {what}\n{story()}")
        time.sleep(0.1)
    return found
