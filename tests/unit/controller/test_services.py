"""The services around the sandbox over plain HTTP, as a controller in another process finds them."""

from collections.abc import AsyncIterator

import aiohttp
import pytest

from canary_controller.clock import Clock
from canary_controller.http import Http
from canary_controller.sandbox.cluster import Cluster
from canary_controller.sandbox.services import Services
from canarykit import hooks
from canarykit.model import HttpRequest


@pytest.fixture
async def site() -> AsyncIterator[str]:
    cluster = Cluster(Clock())
    services = Services(cluster.outside)
    yield await services.start()
    await services.stop()


async def send(http: Http, url: str, body: bytes = b"") -> tuple[int, bytes]:
    answer = await http.send(HttpRequest("POST" if body else "GET", url, body=body))
    assert not answer.error
    return answer.status, answer.body


async def test_services_answer_under_their_names_in_the_cluster(site: str):
    host, _, port = site.partition(":")
    http = Http(Clock(), hooks, resolve={"flagger-loadtester.test": (host, int(port)), "*": (host, int(port))})
    who = b'{"name":"podinfo","namespace":"test"}'
    for name in ("flagger-loadtester.test", "flagger-loadtester.test.svc", "flagger-loadtester.test.svc.cluster.local"):
        assert (await send(http, f"http://{name}/gate/check", who))[0] == 403
    assert (await send(http, "http://flagger-loadtester.test/gate/open", who))[0] == 202
    assert (await send(http, "http://flagger-loadtester.other/gate/check", who))[0] == 200
    status, body = await send(http, "http://flagger-prometheus.flagger-system:9090/api/v1/query?query=vector(1)")
    assert (status, b'"success"' in body) == (200, True)
    status, body = await send(http, "http://podinfo.test/")
    assert (status, b"the sandbox answers for" in body) == (404, True)
    await http.aclose()


async def test_a_person_needs_no_name(site: str):
    """At the bare address the path tells which service is meant."""
    async with aiohttp.ClientSession() as session:
        async with session.post(f"http://{site}/gate/open", data=b'{"name":"podinfo","namespace":"test"}') as answer:
            assert answer.status == 202
        async with session.get(f"http://{site}/api/v1/query", params={"query": "vector(1)"}) as answer:
            assert (await answer.json())["status"] == "success"
