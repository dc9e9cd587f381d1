"""The real `Send` against a small server on loopback: kubeconfig, credentials, bytes, streams."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import pytest
from aiohttp import web
from attrs import define, field

from canary_controller.clock import Clock
from canary_controller.kube import ApiError, Kube
from canary_controller.kube_client import ClientSend, client_send
from canarykit.errors import SpecError, Unavailable
from canarykit.kinds import DEPLOYMENT
from canarykit.model import Ref
from unit.controller.fakes import line, manifest

TARGET = Ref.to(DEPLOYMENT, "test", "podinfo")


@define
class Cluster:
    """Notes requests; answers by what the path ends with."""

    port: int = 0
    requests: list[tuple[str, str, dict[str, str], bytes]] = field(factory=list)
    watcher_gone: asyncio.Event = field(factory=asyncio.Event)

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        self.requests.append((request.method, request.raw_path, dict(request.headers), await request.read()))
        if request.query.get("watch"):
            return await self.watch(request)
        if request.path.endswith("/absent"):
            return web.json_response({"kind": "Status", "reason": "NotFound", "message": "not found"}, status=404)
        if request.path.endswith("/moved"):
            return web.Response(status=302, headers={"Location": "http://127.0.0.1:1/"})
        return web.json_response(manifest())

    async def watch(self, request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(line("ADDED", manifest(version="6")))
        try:
            while True:
                await asyncio.sleep(0.01)
                await response.write(b"\n")
        except (ConnectionError, asyncio.CancelledError):
            self.watcher_gone.set()
            raise


@pytest.fixture
async def cluster() -> AsyncIterator[Cluster]:
    made = Cluster()
    runner = web.ServerRunner(web.Server(made.answer), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.port = runner.addresses[0][1]
    yield made
    await runner.cleanup()


@pytest.fixture
async def send(cluster: Cluster, tmp_path: Path) -> AsyncIterator[ClientSend]:
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "here",
        "contexts": [{"name": "here", "context": {"cluster": "here", "user": "me"}}],
        "clusters": [{"name": "here", "cluster": {"server": f"http://127.0.0.1:{cluster.port}"}}],
        "users": [{"name": "me", "user": {"token": "s3cret"}}],
    }
    path = tmp_path / "kubeconfig"
    path.write_text(json.dumps(config))
    made = await client_send(str(path))
    yield made
    await made.aclose()


@pytest.fixture
def kube(send: ClientSend) -> Kube:
    return Kube(send, Clock(), user_agent="tests")


async def test_a_request_carries_credentials_and_exact_bytes(cluster: Cluster, kube: Kube):
    assert await kube.get(TARGET) == manifest()
    await kube.json_patch(TARGET, [{"op": "remove", "path": "/spec/of"}])
    (get, path, headers, body), (patch, patched, patch_headers, patch_body) = cluster.requests
    assert (get, path, body) == ("GET", "/apis/apps/v1/namespaces/test/deployments/podinfo", b"")
    assert headers["Authorization"] == "Bearer s3cret"
    assert headers["User-Agent"] == "tests"
    assert (patch, patched) == ("PATCH", f"{path}?fieldManager=canary-controller")
    assert patch_headers["Content-Type"] == "application/json-patch+json"
    assert json.loads(patch_body) == [{"op": "remove", "path": "/spec/of"}]


async def test_a_query_is_not_encoded_twice(cluster: Cluster, kube: Kube):
    await kube.list(DEPLOYMENT, "test", label_selector="app in (a,b),x!=y/z")
    assert cluster.requests[0][1].endswith("?labelSelector=app+in+%28a%2Cb%29%2Cx%21%3Dy%2Fz&limit=500")


async def test_errors_and_the_clock_of_the_server_arrive(kube: Kube):
    assert await kube.get(Ref.to(DEPLOYMENT, "test", "absent")) is None
    assert kube.skew_s is not None
    assert abs(kube.skew_s) < 2


async def test_a_redirect_is_an_error_not_followed(kube: Kube):
    with pytest.raises(ApiError) as caught:
        await kube.get(Ref.to(DEPLOYMENT, "test", "moved"))
    assert caught.value.status == 302


async def test_a_watch_streams_and_lets_go_of_its_connection(cluster: Cluster, kube: Kube):
    async with aclosing(kube.watch(DEPLOYMENT, "test", "5")) as events:
        event = await anext(events)
    assert (event.type, event.object["metadata"]["resourceVersion"]) == ("ADDED", "6")
    async with asyncio.timeout(5):
        await cluster.watcher_gone.wait()


async def test_a_refused_connection_is_unavailable(kube: Kube, cluster: Cluster, send: ClientSend, tmp_path: Path):
    elsewhere = await client_send(str(tmp_path / "kubeconfig"), master="http://127.0.0.1:1/")
    try:
        assert elsewhere.host == "http://127.0.0.1:1"
        with pytest.raises(Unavailable, match=r"127\.0\.0\.1"):
            await Kube(elsewhere, Clock()).merge_patch(TARGET, {})
    finally:
        await elsewhere.aclose()
    assert cluster.requests == []


@pytest.mark.parametrize("content", [None, "", "no: [yaml", "kind: Config"])
async def test_a_bad_kubeconfig_is_the_users_to_mend(tmp_path: Path, content: str | None):
    path = tmp_path / "config"
    if content is not None:
        path.write_text(content)
    with pytest.raises(SpecError, match="kubeconfig"):
        await client_send(str(path))


async def test_outside_a_cluster_a_kubeconfig_is_asked_for(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(SpecError, match="Outside a cluster pass the path of a kubeconfig file"):
        await client_send()
