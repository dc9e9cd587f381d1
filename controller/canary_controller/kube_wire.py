"""One exchange with the API server over the seam `Send`: headers, deadlines, errors by status and reason, repeated reads.

Bytes in and documents out; `canary_controller.kube` knows the verbs and paths. Writes are never repeated here: one that
timed out may have taken effect, and the next pass compares.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from email.utils import parsedate_to_datetime
from typing import Any, Protocol

import orjson
import tenacity
from attrs import frozen

from canary_controller.clock import Clock
from canarykit.dicts import at
from canarykit.errors import CanarykitError, Unavailable

JSON_TYPE = "application/json"
READ_ATTEMPTS = 3
LONGEST_RETRY_AFTER_S = 5.0


@frozen
class Reply:
    """What the API server answered. ``chunks`` is the body as it arrives; of a watch it does not end for a long time."""

    status: int
    headers: Mapping[str, str]
    chunks: AsyncIterator[bytes]


class Answered(Protocol):
    """The shape of a `Reply`, whoever makes it. Where ``chunks`` has ``aclose``, that is called when no more is wanted."""

    @property
    def status(self) -> int:
        """HTTP status."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Header fields; case does not matter."""

    @property
    def chunks(self) -> AsyncIterator[bytes]:
        """The body."""


class Send(Protocol):
    """The seam: one request. ``path`` starts with a slash and holds the query. Raises OSError when nothing answers."""

    async def __call__(self, method: str, path: str, headers: Mapping[str, str], body: bytes, /) -> Answered:
        """Return the answer as soon as its headers are there."""


class ApiError(CanarykitError):
    """The API server refused. ``status`` and ``reason`` are both part of the meaning: 409 is Conflict or AlreadyExists.

    ``causes`` are the field errors of a 422. 429 and 5xx come as `ServerUnavailable`, which is `Unavailable` too.
    """

    def __init__(
        self,
        status: int,
        reason: str,
        message: str,
        retry_after_s: float | None = None,
        causes: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        self.status = status
        self.reason = reason
        self.message = message
        self.retry_after_s = retry_after_s
        self.causes = tuple(causes)
        super().__init__(f"{status} {reason}: {message}")

    @property
    def is_conflict(self) -> bool:
        """The object has changed since it was compared (409 Conflict)."""
        return self.status == 409 and self.reason != "AlreadyExists"

    @property
    def already_exists(self) -> bool:
        """An object of that name is there already (409 AlreadyExists)."""
        return self.status == 409 and self.reason == "AlreadyExists"

    @property
    def is_gone(self) -> bool:
        """The resourceVersion or page token is too old (410 Gone, Expired)."""
        return self.status == 410 or self.reason == "Expired"

    @property
    def is_not_found(self) -> bool:
        """The object is absent, or its kind is not served (404)."""
        return self.status == 404


class ServerUnavailable(ApiError, Unavailable):
    """The API server is overloaded or broken (429, 5xx); a write may have taken effect all the same."""


class Wire:
    """Requests over one `Send`.

    Attributes:
        skew_s: the API server's clock minus ours, from the last ``Date`` header, right to about a second; None before.
    """

    def __init__(self, send: Send, clock: Clock, user_agent: str, deadline_s: float) -> None:
        self._send = send
        self._clock = clock
        self._user_agent = user_agent
        self._deadline_s = deadline_s
        self.skew_s: float | None = None

    async def read(self, path: str, accept: str = JSON_TYPE) -> dict[str, Any]:
        """GET with a few repetitions when the server is overloaded, broken, or does not answer."""
        attempts = tenacity.AsyncRetrying(
            stop=tenacity.stop_after_attempt(READ_ATTEMPTS),
            retry=tenacity.retry_if_exception(_worth_a_retry),
            wait=self._wait_s,
            sleep=self._clock.sleep,
            reraise=True,
        )
        answer: dict[str, Any] = await attempts(self.once, "GET", path, accept)
        return answer

    def _wait_s(self, state: tenacity.RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked = error.retry_after_s if isinstance(error, ApiError) else None
        backoff: float = 0.2 * 4 ** (state.attempt_number - 1) * (1 + self._clock.fraction()) / 2
        return max(backoff, asked or 0.0)

    async def write(self, method: str, path: str, content_type: str, body: Any) -> dict[str, Any]:
        """Send ``body`` as JSON, once, and return the answer."""
        return await self.once(method, path, JSON_TYPE, content_type, orjson.dumps(body))

    async def once(self, method: str, path: str, accept: str, content_type: str = "", body: bytes = b"") -> dict[str, Any]:
        """Make one request within the deadline and return the document of the answer."""
        async with (
            _deadline(self._deadline_s, f"{method} {path}"),
            self._exchange(method, path, accept, content_type, body) as reply,
        ):
            await _check(reply)
            return _decoded(await _whole(reply.chunks), path)

    async def stream(self, path: str, accept: str, silence_s: float) -> AsyncGenerator[dict[str, Any], None]:
        """GET a document per line for as long as the server sends; ``silence_s`` without a byte raises Unavailable."""
        async with self._exchange("GET", path, accept) as reply:
            async with _deadline(self._deadline_s, f"GET {path}"):
                await _check(reply)
            async for line in _lines(reply.chunks, silence_s, path):
                yield _decoded(line, path)

    @asynccontextmanager
    async def _exchange(
        self, method: str, path: str, accept: str, content_type: str = "", body: bytes = b""
    ) -> AsyncIterator[Answered]:
        """Send, note the server's clock, hand over the reply, and let go of the connection however it ends."""
        headers = {"Accept": accept, "User-Agent": self._user_agent}
        if content_type:
            headers["Content-Type"] = content_type
        before = self._clock.now()
        try:
            async with _deadline(self._deadline_s, f"{method} {path}"):
                reply = await self._send(method, path, headers, body)
        except OSError as error:
            raise Unavailable(f"{method} {path}: {error or type(error).__name__}") from error
        try:
            self._note_date(reply.headers, before)
            yield reply
        except OSError as error:
            raise Unavailable(f"{method} {path}: {error or type(error).__name__}") from error
        finally:
            close = getattr(reply.chunks, "aclose", None)
            if close is not None:
                await close()

    def _note_date(self, headers: Mapping[str, str], before: float) -> None:
        text = _header(headers, "date")
        try:
            # The header has whole seconds: on the average half of one was cut off.
            server = parsedate_to_datetime(text).timestamp() + 0.5
        except ValueError:
            return
        self.skew_s = server - (before + self._clock.now()) / 2


@asynccontextmanager
async def _deadline(seconds: float, what: str) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as error:
        raise Unavailable(f"{what}: no answer within {seconds:g} s") from error


async def _check(reply: Answered) -> None:
    """Raise the ApiError that a status of 300 and more stands for."""
    if reply.status >= 300:
        text = await _whole(reply.chunks)
        try:
            status = orjson.loads(text)
        except orjson.JSONDecodeError:
            status = {}
        raise error_of(reply.status, status, text[:300].decode(errors="replace").strip(), reply.headers)


def error_of(code: int, status: Any, text: str, headers: Mapping[str, str]) -> ApiError:
    """Make the error of a ``Status`` object, or of a bare ``text`` where a proxy answered instead."""
    after = _header(headers, "retry-after") or at(status, "details", "retryAfterSeconds")
    try:
        retry_after_s = float(after) if after else None
    except ValueError:
        retry_after_s = None
    kind = ServerUnavailable if code == 429 or code >= 500 else ApiError
    reason = at(status, "reason", default="") or "Unknown"
    causes = at(status, "details", "causes", default=())
    return kind(code, reason, at(status, "message", default="") or text, retry_after_s, causes)


def _worth_a_retry(error: BaseException) -> bool:
    if isinstance(error, ApiError) and (error.retry_after_s or 0.0) > LONGEST_RETRY_AFTER_S:
        return False  # the caller's back-off waits that long, a pass does not
    return isinstance(error, Unavailable)


def _header(headers: Mapping[str, str], name: str) -> str:
    return next((value for key, value in headers.items() if key.lower() == name), "")


def _decoded(text: bytes, path: str) -> dict[str, Any]:
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise Unavailable(f"{path}: the answer is not JSON: {text[:80]!r}") from error
    if not isinstance(document, dict):
        raise Unavailable(f"{path}: the answer is not an object: {text[:80]!r}")
    return document


async def _whole(chunks: AsyncIterator[bytes]) -> bytes:
    return b"".join([chunk async for chunk in chunks])


async def _lines(chunks: AsyncIterator[bytes], silence_s: float, path: str) -> AsyncIterator[bytes]:
    """Yield the lines of a stream; raise Unavailable when nothing comes for ``silence_s``. A cut-off last line is dropped."""
    rest: list[bytes] = []
    while True:
        async with _deadline(silence_s, f"watch {path}"):
            chunk = await anext(chunks, None)
        if chunk is None:
            return
        *whole, last = chunk.split(b"\n")
        for part in whole:
            line = b"".join([*rest, part])
            rest = []
            if line.strip():
                yield line
        if last:
            rest.append(last)
