"""Requests to the world outside the API server: hooks, metrics servers, alert receivers. It answers, it never raises.

One connection pool, a deadline per attempt, a limit on what is read, redirects only to the same host, http and https only,
no cookies, no credentials of ours. Handlers in memory come first: so the embedded cluster answers for its Services.
"""

import asyncio
import re
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol
from urllib.parse import urljoin, urlsplit
from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined]

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from attrs import evolve

from canary_controller.clock import Clock
from canarykit.model import HttpRequest, HttpResponse

BODY_LIMIT = 1024 * 1024
REDIRECTS_MAX = 5
POOL = 100
REDIRECTED = frozenset({301, 302, 303, 307, 308})
AS_GET = frozenset({301, 302, 303})
_SERVICE_SUFFIX = re.compile(r"\.svc(\..+)?\.?$")

Handler = Callable[[HttpRequest], Awaitable[HttpResponse | None]]
Resolve = Callable[[str, int], tuple[str, int] | None]
"""Host and port of a URL to the address and port to connect to; None: as the name service says."""


class RetryPolicy(Protocol):
    """When and after how long another attempt is made; ``canarykit.hooks`` is one."""

    def should_retry(self, response: HttpResponse) -> bool:
        """Tell whether another attempt may help."""

    def retry_wait_s(self, attempt: int, response: HttpResponse) -> float:
        """Return the seconds to wait after attempt number ``attempt`` (from 1)."""


class Http:
    """Sends `HttpRequest`.

    Args:
        clock: for the waits between attempts.
        policy: of attempts after the first; how many there may be is in the request.
        resolve: where hosts are, if not where the name service says; a mapping goes from host to (address, port). It also
            finds ``name.namespace`` for ``name.namespace.svc…``, and ``*`` for every host that it does not name.
        handlers: asked in order before the network; the first that answers wins.
        proxies: URL of the proxy by scheme, as ``urllib.request.getproxies_environment`` gives them.
    """

    def __init__(
        self,
        clock: Clock,
        policy: RetryPolicy,
        resolve: Mapping[str, tuple[str, int]] | Resolve | None = None,
        handlers: Sequence[Handler] = (),
        proxies: Mapping[str, str] | None = None,
    ) -> None:
        self._clock = clock
        self._policy = policy
        self._resolve: Resolve | None = _from_mapping(resolve) if isinstance(resolve, Mapping) else resolve
        self._handlers = tuple(handlers)
        self._proxies = dict(proxies or {})
        self._session: aiohttp.ClientSession | None = None

    async def send(self, request: HttpRequest) -> HttpResponse:
        """Return the last attempt's answer; status 0 and ``error`` when nothing usable came back."""
        attempt = 1
        while True:
            response = evolve(await self._attempt(request), attempts=attempt)
            if attempt > request.retries or not self._policy.should_retry(response):
                return response
            await self._clock.sleep(self._policy.retry_wait_s(attempt, response))
            attempt += 1

    async def aclose(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _attempt(self, request: HttpRequest) -> HttpResponse:
        problem = _problem_with(request.url)
        if problem:
            return HttpResponse(0, error=problem)
        try:
            async with asyncio.timeout(request.timeout_s):
                return await self._answer(request)
        except TimeoutError:
            return HttpResponse(0, error=f"no answer within {request.timeout_s:g} s")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return HttpResponse(0, error=str(error) or type(error).__name__)

    async def _answer(self, request: HttpRequest) -> HttpResponse:
        """Follow redirects within the host and return what is at their end."""
        for _ in range(REDIRECTS_MAX + 1):
            response = await self._once(request)
            following = _redirected(request, response)
            if following is None:
                return response
            request = following
        return HttpResponse(0, error=f"more than {REDIRECTS_MAX} redirects, the last to {request.url}")

    async def _once(self, request: HttpRequest) -> HttpResponse:
        for handler in self._handlers:
            response = await handler(request)
            if response is not None:
                return response
        return await self._over_the_network(request)

    async def _over_the_network(self, request: HttpRequest) -> HttpResponse:
        async with self._pool().request(
            request.method,
            request.url,
            headers=request.headers,
            data=request.body or None,
            allow_redirects=False,
            ssl=request.verify_tls,
            proxy=self._proxy_for(request.url),
        ) as answer:
            body = await _limited(answer.content)
            if body is None:
                return HttpResponse(0, error=f"the answer is larger than {BODY_LIMIT} bytes")
            headers = {_titled(name): value for name, value in answer.headers.items()}
            return HttpResponse(answer.status, body, headers)

    def _pool(self) -> aiohttp.ClientSession:
        if self._session is None:
            resolver = _Resolver(self._resolve) if self._resolve else None
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=POOL, resolver=resolver),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None),
                # Not from the environment: that would include credentials of a netrc file.
                trust_env=False,
            )
        return self._session

    def _proxy_for(self, url: str) -> str | None:
        parts = urlsplit(url)
        bypass: bool = proxy_bypass_environment(parts.hostname or "", self._proxies)
        return None if bypass else self._proxies.get(parts.scheme)


class _Resolver(AbstractResolver):
    """Sends some hosts elsewhere, port included, and asks the name service for the others."""

    def __init__(self, resolve: Resolve) -> None:
        self._resolve = resolve
        self._names = aiohttp.ThreadedResolver()

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET) -> list[ResolveResult]:
        """Return where to connect for ``host`` and ``port``."""
        place = self._resolve(host, port)
        if place is None:
            return await self._names.resolve(host, port, family)
        return [
            ResolveResult(
                hostname=host,
                host=place[0],
                port=place[1],
                family=socket.AF_INET6 if ":" in place[0] else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
        ]

    async def close(self) -> None:
        """Nothing is held."""


def _from_mapping(places: Mapping[str, tuple[str, int]]) -> Resolve:
    def find(host: str, port: int) -> tuple[str, int] | None:
        return places.get(host) or places.get(_SERVICE_SUFFIX.sub("", host)) or places.get("*")

    return find


def _problem_with(url: str) -> str:
    """Return why a URL cannot be called, or ""."""
    try:
        parts = urlsplit(url)
        usable = bool(parts.hostname) and parts.port != 0
    except ValueError as error:
        return f"{url!r} is not a URL: {error}"
    if parts.scheme not in ("http", "https"):
        return f"the scheme of {url!r} is not http or https"
    return "" if usable else f"{url!r} names no host"


def _redirected(request: HttpRequest, response: HttpResponse) -> HttpRequest | None:
    """Return the request that a redirect asks for, or None: no redirect, or one to another host, or out of TLS."""
    location = response.headers.get("Location", "")
    if response.status not in REDIRECTED or not location:
        return None
    url = urljoin(request.url, location)
    if _problem_with(url):
        return None
    here, there = urlsplit(request.url), urlsplit(url)
    if there.hostname != here.hostname or (here.scheme == "https" and there.scheme != "https"):
        return None
    if response.status in AS_GET and request.method != "HEAD":
        headers = {name: value for name, value in request.headers.items() if name.lower() != "content-type"}
        return evolve(request, url=url, method="GET", body=b"", headers=headers)
    return evolve(request, url=url)


async def _limited(content: aiohttp.StreamReader) -> bytes | None:
    """Read the body, or return None as soon as it is larger than `BODY_LIMIT`."""
    chunks, size = [], 0
    async for chunk in content.iter_any():
        size += len(chunk)
        if size > BODY_LIMIT:
            return None
        chunks.append(chunk)
    return b"".join(chunks)


def _titled(name: str) -> str:
    return "-".join(part.capitalize() for part in name.split("-"))
