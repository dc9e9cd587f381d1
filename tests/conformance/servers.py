"""The two servers that the battery meets: the embedded one over TLS, and a real kube-apiserver on its etcd, nothing else.

Without controllers no one but the battery writes, so answers do not depend on who was faster.
"""

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson

from canary_controller.kube import Send
from canary_controller.kube_client import client_send
from canary_controller.sandbox.api import Api
from canary_controller.sandbox.crds import keda as keda_schemas
from canary_controller.sandbox.http import Server
from canary_controller.sandbox.kubeconfig import write_kubeconfig
from canary_controller.sandbox.store import Store
from canarykit.spec.crd import crds
from conformance.wire import APPLY
from e2e.rig import binaries, keda

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
SERVED_POLLS = 200


@asynccontextmanager
async def sandbox() -> AsyncIterator[Send]:
    """Run the embedded API server in this process and yield a client that speaks to it over TLS."""
    server = Server(Api(Store(time.time)), time.time, token="battery")
    access = await server.start()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "kubeconfig"
        write_kubeconfig(path, access)
        send = await client_send(str(path))
        try:
            await install(send, (*crds(), *keda_schemas.crds()))
            yield send
        finally:
            await send.aclose()
            await server.stop()


def keda_crds() -> tuple[dict[str, Any], ...]:
    """Return KEDA's own CRDs where its operator was built here, else those that the sandbox serves."""
    operator = binaries.find("keda-operator")
    found = keda.crds(operator) if operator is not None else ()
    return tuple(found) or keda_schemas.crds()


async def install(send: Send, manifests: Iterable[Mapping[str, Any]]) -> None:
    """Apply CRDs and wait until they are served; AssertionError when the server refuses one."""
    headers = {"Content-Type": APPLY, "Accept": "application/json"}
    manifests = tuple(manifests)
    for manifest in manifests:
        path = f"{CRDS}/{manifest['metadata']['name']}?fieldManager=battery&force=true"
        reply = await send("PATCH", path, headers, orjson.dumps(manifest))
        body = b"".join([chunk async for chunk in reply.chunks])
        assert reply.status in (200, 201), body
    for manifest in manifests:
        group, plural = manifest["spec"]["group"], manifest["spec"]["names"]["plural"]
        path = f"/apis/{group}/{manifest['spec']['versions'][0]['name']}/{plural}"
        await _until_served(send, path)


async def _until_served(send: Send, path: str) -> None:
    for _ in range(SERVED_POLLS):
        reply = await send("GET", path, {"Accept": "application/json"}, b"")
        async for _ in reply.chunks:
            pass
        if reply.status == 200:
            return
        await asyncio.sleep(0.1)
    raise AssertionError(f"{path} is not served")
