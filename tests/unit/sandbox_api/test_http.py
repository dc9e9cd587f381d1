"""The socket: who may come in, by what, and the files that let kubectl in."""

import asyncio
import base64
import ssl
import stat
import time
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import yaml
from attrs import frozen

from canary_controller.sandbox.api import Api
from canary_controller.sandbox.http import Access, Server, make_certificates
from canary_controller.sandbox.kubeconfig import kubeconfig, write_kubeconfig
from canary_controller.sandbox.store import Store
from unit.sandbox_api.client import CONFIG_MAPS, a_config_map


@frozen
class Running:
    server: Server
    api: Api
    access: Access

    def tls(self, folder: Path | None = None) -> ssl.SSLContext:
        context = ssl.create_default_context(cadata=self.access.ca.decode())
        if folder is not None:
            (folder / "client.pem").write_bytes(self.access.client.certificate + self.access.client.key)
            context.load_cert_chain(folder / "client.pem")
        return context


@pytest.fixture
async def running() -> AsyncIterator[Running]:
    api = Api(Store(time.time))
    server = Server(api, time.time, token="let-me-in")
    yield Running(server, api, await server.start())
    await server.stop()


async def status(running: Running, path: str, context: ssl.SSLContext | None = None, **headers: str) -> int:
    async with aiohttp.ClientSession() as session:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        async with session.get(running.access.url + path, ssl=context or running.tls(), headers=named) as reply:
            return reply.status


async def test_a_token_or_a_certificate_lets_in_and_nothing_else_does(running: Running, tmp_path: Path):
    assert await status(running, CONFIG_MAPS) == 401
    assert await status(running, CONFIG_MAPS, authorization="Bearer wrong") == 401
    assert await status(running, CONFIG_MAPS, authorization="Basic let-me-in") == 401
    assert await status(running, CONFIG_MAPS, authorization="Bearer let-me-in") == 200
    assert await status(running, CONFIG_MAPS, running.tls(tmp_path)) == 200
    assert len(running.api.requests) == 2


async def test_health_and_version_need_no_credentials(running: Running):
    assert [await status(running, path) for path in ("/healthz", "/livez", "/readyz", "/version")] == [200] * 4


async def test_a_certificate_of_another_ca_is_refused(running: Running, tmp_path: Path):
    foreign = make_certificates(time.time()).client
    (tmp_path / "foreign.pem").write_bytes(foreign.certificate + foreign.key)
    context = running.tls()
    context.load_cert_chain(tmp_path / "foreign.pem")
    with pytest.raises((aiohttp.ClientError, ssl.SSLError)):
        await status(running, CONFIG_MAPS, context)


async def test_the_server_listens_on_loopback_only(running: Running):
    assert running.access.url.startswith("https://127.0.0.1:")


async def test_a_client_cannot_say_who_it_is(running: Running):
    path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
    headers = {"Authorization": "Bearer let-me-in", "X-Sandbox-User": "somebody"}
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    async with (
        aiohttp.ClientSession() as session,
        session.post(running.access.url + path, ssl=running.tls(), headers=headers, json=body) as reply,
    ):
        answer = await reply.json()
    assert answer["status"]["userInfo"]["username"] == "sandbox-admin"


async def test_too_large_a_body_is_refused(running: Running):
    headers = {"Authorization": "Bearer let-me-in", "Content-Type": "application/json"}
    async with (
        aiohttp.ClientSession() as session,
        session.post(running.access.url + CONFIG_MAPS, ssl=running.tls(), headers=headers, data=b"x" * 4_000_000) as reply,
    ):
        assert reply.status == 413
        assert (await reply.json())["reason"] == "RequestEntityTooLarge"


async def test_a_watch_streams_and_is_dropped_with_its_client(running: Running):
    listeners = len(running.api.store._listeners)
    headers = {"Authorization": "Bearer let-me-in"}
    async with aiohttp.ClientSession() as session:
        url = running.access.url + CONFIG_MAPS
        async with session.get(f"{url}?watch=true", ssl=running.tls(), headers=headers) as stream:
            await session.post(url, ssl=running.tls(), headers=headers, json=a_config_map())
            assert b'"ADDED"' in await stream.content.readline()
            assert len(running.api.store._listeners) == listeners + 1
    for _ in range(1000):  # the server learns of it from the socket, so there is nothing to await
        if len(running.api.store._listeners) == listeners:
            return
        await asyncio.sleep(0.01)
    pytest.fail("the watch outlived its client by 10 s")


async def test_stopping_the_server_ends_its_watches(running: Running):
    headers = {"Authorization": "Bearer let-me-in"}
    url = f"{running.access.url}{CONFIG_MAPS}?watch=true"
    async with aiohttp.ClientSession() as session, session.get(url, ssl=running.tls(), headers=headers) as stream:
        stop = asyncio.create_task(running.server.stop())
        assert await asyncio.wait_for(stream.content.read(), 10) == b""
        await stop


async def test_the_kubeconfig_is_for_its_owner_only(running: Running, tmp_path: Path):
    path = tmp_path / "deep" / "config"
    write_kubeconfig(path, running.access, namespace="test")
    write_kubeconfig(path, running.access, namespace="other")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in path.parent.iterdir()] == ["config"]
    content = yaml.safe_load(path.read_text())
    assert content["clusters"][0]["cluster"]["server"] == running.access.url
    assert base64.b64decode(content["clusters"][0]["cluster"]["certificate-authority-data"]) == running.access.ca
    assert (content["users"][0]["user"], content["contexts"][0]["context"]["namespace"]) == ({"token": "let-me-in"}, "other")
    assert set(kubeconfig(running.access, certificate=True)["users"][0]["user"]) == {"client-certificate-data", "client-key-data"}
