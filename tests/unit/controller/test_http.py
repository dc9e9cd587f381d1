"""Requests to the outside: attempts in virtual time with handlers in memory, the network over loopback."""

import asyncio
import gzip
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from aiohttp import web

from canary_controller.clock import LoopClock
from canary_controller.http import BODY_LIMIT, Http
from canarykit import hooks
from canarykit.model import HttpRequest, HttpResponse

HOOK = HttpRequest("POST", "http://gate.test/check", {"Content-Type": "application/json"}, b"{}", timeout_s=2.0)


def evolved(**changes: object) -> HttpRequest:
    return HttpRequest(**{**{name: getattr(HOOK, name) for name in ("method", "url", "headers", "body", "timeout_s")}, **changes})


class Script:
    """A handler that plays answers; a number of seconds is a pause before the next answer."""

    def __init__(self, *script: HttpResponse | Exception | float) -> None:
        self.script = list(script)
        self.requests: list[HttpRequest] = []
        self.times: list[float] = []

    async def __call__(self, request: HttpRequest) -> HttpResponse | None:
        self.requests.append(request)
        self.times.append(asyncio.get_running_loop().time())
        step = self.script.pop(0)
        if isinstance(step, float):
            await asyncio.sleep(step)
            step = self.script.pop(0)
        if isinstance(step, Exception):
            raise step
        assert isinstance(step, HttpResponse)
        return step

    def http(self) -> Http:
        return Http(LoopClock(), hooks, handlers=[self])


@pytest.mark.looptime
async def test_a_handler_in_memory_answers_first():
    asked: list[str] = []

    async def not_mine(request: HttpRequest) -> HttpResponse | None:
        asked.append(request.url)
        return None

    script = Script(HttpResponse(202, b"started"))
    response = await Http(LoopClock(), hooks, handlers=[not_mine, script]).send(HOOK)
    assert response == HttpResponse(202, b"started", attempts=1)
    assert asked == [HOOK.url]


@pytest.mark.looptime
async def test_attempts_after_the_first_follow_the_policy_of_hooks():
    script = Script(HttpResponse(500), ConnectionRefusedError("refused"), HttpResponse(200))
    response = await script.http().send(evolved(retries=5))
    assert (response.status, response.attempts) == (200, 3)
    assert script.times == pytest.approx([0, 1, 3])


@pytest.mark.looptime
async def test_without_retries_there_is_one_attempt():
    script = Script(HttpResponse(500), HttpResponse(200))
    response = await script.http().send(HOOK)
    assert (response.status, response.attempts) == (500, 1)


@pytest.mark.looptime
async def test_a_refusal_is_final():
    script = Script(HttpResponse(403, b"closed"), HttpResponse(200))
    assert (await script.http().send(evolved(retries=5))).status == 403


@pytest.mark.looptime
async def test_the_last_answer_counts_when_the_attempts_are_used_up():
    script = Script(*(HttpResponse(503) for _ in range(9)))
    response = await script.http().send(evolved(retries=2))
    assert (response.status, response.attempts) == (503, 3)
    assert len(script.requests) == 3


@pytest.mark.looptime
async def test_the_deadline_is_per_attempt():
    script = Script(1.5, HttpResponse(500), 60.0, HttpResponse(200), 1.0, HttpResponse(200, b"late"))
    response = await script.http().send(evolved(retries=1))
    assert (response.status, response.error, response.attempts) == (0, "no answer within 2 s", 2)
    assert asyncio.get_running_loop().time() == pytest.approx(1.5 + 1 + 2)


@pytest.mark.looptime
@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("ftp://gate.test/", "the scheme of 'ftp://gate.test/' is not http or https"),
        ("file:///etc/passwd", "the scheme of 'file:///etc/passwd' is not http or https"),
        ("gate.test", "the scheme of 'gate.test' is not http or https"),
        ("http://", "'http://' names no host"),
        ("http://gate.test:99999/", "is not a URL"),
        ("http://[bad/", "is not a URL"),
    ],
)
async def test_a_url_that_cannot_be_called_is_an_answer(url: str, error: str):
    script = Script()
    response = await script.http().send(evolved(url=url))
    assert response.status == 0
    assert error in response.error
    assert script.requests == []


def redirect(location: str, status: int = 302) -> HttpResponse:
    return HttpResponse(status, b"moved", {"Location": location})


@pytest.mark.looptime
async def test_a_redirect_within_the_host_is_followed_as_clients_do():
    script = Script(redirect("/there", 308), redirect("http://gate.test:81/final", 303), HttpResponse(200, b"done"))
    assert (await script.http().send(HOOK)).body == b"done"
    assert [(each.method, each.url, each.body) for each in script.requests] == [
        ("POST", "http://gate.test/check", b"{}"),
        ("POST", "http://gate.test/there", b"{}"),
        ("GET", "http://gate.test:81/final", b""),
    ]
    assert "Content-Type" not in script.requests[-1].headers


@pytest.mark.looptime
@pytest.mark.parametrize("location", ["http://169.254.169.254/latest", "//elsewhere.test/x", "file:///etc/passwd", ""])
async def test_a_redirect_to_another_host_is_not_followed(location: str):
    script = Script(redirect(location), HttpResponse(200))
    assert (await script.http().send(HOOK)).status == 302
    assert len(script.requests) == 1


@pytest.mark.looptime
async def test_a_redirect_out_of_tls_is_not_followed():
    script = Script(redirect("http://gate.test/"), HttpResponse(200))
    assert (await script.http().send(evolved(url="https://gate.test/"))).status == 302


@pytest.mark.looptime
async def test_redirects_in_a_circle_end_and_are_not_tried_again():
    script = Script(*(redirect("/check") for _ in range(50)))
    response = await script.http().send(evolved(retries=3))
    assert response.status == 0
    assert "redirects" in response.error
    assert len(script.requests) == 6


# Over loopback, in real time.

Serve = Callable[[Callable[[web.Request], Awaitable[web.StreamResponse]]], Awaitable[int]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    runners = []

    async def start(handler: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> int:
        runner = web.ServerRunner(web.Server(handler))
        runners.append(runner)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        return int(runner.addresses[0][1])

    yield start
    for runner in runners:
        await runner.cleanup()


@pytest.fixture
async def http() -> AsyncIterator[Http]:
    client = Http(LoopClock(), hooks)
    yield client
    await client.aclose()


async def test_the_network_carries_method_headers_and_body(serve: Serve, http: Http):
    async def echo(request: web.Request) -> web.Response:
        text = f"{request.method} {request.path} {request.headers['X-Key']} {await request.text()}"
        return web.Response(status=201, text=text, headers={"x-answer": "yes"})

    port = await serve(echo)
    response = await http.send(evolved(url=f"http://127.0.0.1:{port}/p", headers={"X-Key": "k"}, body=b"hello"))
    assert (response.status, response.body) == (201, b"POST /p k hello")
    assert response.headers["X-Answer"] == "yes"


async def test_connections_are_used_again_but_no_cookies_and_no_credentials_of_this_machine(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "netrc").write_text("machine loadtester.test login me password s3cret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    peers = set()
    sent = []

    async def note(request: web.Request) -> web.Response:
        assert request.transport is not None
        peers.add(request.transport.get_extra_info("peername"))
        sent.append((request.headers.get("Cookie"), request.headers.get("Authorization")))
        return web.Response(headers={"Set-Cookie": "a=b"})

    http = Http(LoopClock(), hooks, resolve={"loadtester.test": ("127.0.0.1", await serve(note))})
    try:
        for _ in range(3):
            assert (await http.send(evolved(url="http://loadtester.test/"))).status == 200
    finally:
        await http.aclose()
    assert len(peers) == 1
    assert sent == [(None, None)] * 3


async def test_an_answer_that_is_too_large_is_not_read(serve: Serve, http: Http):
    async def large(request: web.Request) -> web.Response:
        size = BODY_LIMIT + int(request.path[1:])
        return web.Response(body=gzip.compress(b"x" * size), headers={"Content-Encoding": "gzip"})

    port = await serve(large)
    assert len((await http.send(evolved(url=f"http://127.0.0.1:{port}/0"))).body) == BODY_LIMIT
    response = await http.send(evolved(url=f"http://127.0.0.1:{port}/1"))
    assert (response.status, response.error) == (0, f"the answer is larger than {BODY_LIMIT} bytes")


async def test_a_refused_connection_is_an_answer(http: Http):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound but not listening: nobody else can have the port, and nobody answers
        response = await http.send(evolved(url=f"http://127.0.0.1:{unused.getsockname()[1]}/"))
    assert response.status == 0
    assert "onnect" in response.error


async def test_hosts_are_resolved_as_told_with_their_names_kept(serve: Serve):
    async def host(request: web.Request) -> web.Response:
        return web.Response(text=request.headers["Host"])

    port = await serve(host)
    http = Http(LoopClock(), hooks, resolve={"loadtester.test": ("127.0.0.1", port)})
    try:
        response = await http.send(evolved(url="http://loadtester.test:8080/x"))
        assert (response.status, response.body) == (200, b"loadtester.test:8080")
    finally:
        await http.aclose()


async def test_a_header_that_cannot_be_sent_is_an_answer(serve: Serve, http: Http):
    async def nothing(request: web.Request) -> web.Response:
        return web.Response()

    port = await serve(nothing)
    response = await http.send(evolved(url=f"http://127.0.0.1:{port}/", headers={"X-Key": "a\r\nX-Evil: b"}))
    assert response.status == 0


async def test_proxies_are_used_but_for_the_hosts_that_are_exempt(serve: Serve):
    async def proxy(request: web.Request) -> web.Response:
        return web.Response(text=f"proxied {request.raw_path}")

    async def direct(request: web.Request) -> web.Response:
        return web.Response(text="direct")

    proxy_port, port = await serve(proxy), await serve(direct)
    http = Http(LoopClock(), hooks, proxies={"http": f"http://127.0.0.1:{proxy_port}", "no": "127.0.0.1"})
    try:
        assert (await http.send(evolved(url="http://far.test/x"))).body == b"proxied http://far.test/x"
        assert (await http.send(evolved(url=f"http://127.0.0.1:{port}/x"))).body == b"direct"
    finally:
        await http.aclose()
