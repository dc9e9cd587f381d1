"""`Send` for a real API server: kubernetes-asyncio finds the server and proves who we are, aiohttp carries the bytes.

Of kubernetes-asyncio only configuration, authentication and the TLS session are used; its REST layer would turn bytes into
text and errors into exceptions of its own.
"""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import aiohttp
import yaml
import yarl
from kubernetes_asyncio import client, config

from canary_controller.kube import Reply
from canarykit.errors import SpecError


class _Body(AsyncIterator[bytes]):
    """The body of a response; closing it before the end closes the connection, which is how a watch is stopped."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self._chunks = response.content.iter_any()

    async def __anext__(self) -> bytes:
        try:
            return await anext(self._chunks)
        except aiohttp.ClientError as error:
            raise ConnectionError(f"the answer broke off: {error}") from error

    async def aclose(self) -> None:
        """Let go of the response: aiohttp keeps the connection if it was read to its end, and closes it otherwise."""
        self._response.release()


class ClientSend:
    """An open connection pool to one API server. Call it as `canary_controller.kube.Send`; close it at the end."""

    def __init__(self, api: client.ApiClient) -> None:
        self._api = api

    @property
    def host(self) -> str:
        """Base URL of the API server."""
        return str(self._api.configuration.host)

    async def __call__(self, method: str, path: str, headers: Mapping[str, str], body: bytes, /) -> Reply:
        """Send one request; raises OSError when nothing answers. Deadlines are the caller's."""
        sent = dict(headers)
        # Reads the service account's token anew when it is about to expire.
        await self._api.update_params_for_auth(sent, [], ["BearerToken"])
        rest = self._api.rest_client
        options: dict[str, Any] = {"proxy": rest.proxy, "proxy_headers": rest.proxy_headers}
        if rest.server_hostname:
            options["server_hostname"] = rest.server_hostname
        try:
            response = await rest.pool_manager.request(
                method,
                yarl.URL(self.host + path, encoded=True),
                headers=sent,
                data=body or None,
                timeout=aiohttp.ClientTimeout(total=None),
                allow_redirects=False,
                **options,
            )
        except aiohttp.ClientError as error:
            raise ConnectionError(str(error)) from error
        return Reply(response.status, response.headers, _Body(response))

    async def aclose(self) -> None:
        """Close all connections."""
        await self._api.close()


async def client_send(kubeconfig: str | None = None, master: str = "", context: str | None = None) -> ClientSend:
    """Return a `Send` for the cluster that a kubeconfig file names, or for the one we run in when it is empty.

    Args:
        kubeconfig: path of the file; None or empty: the pod's own service account.
        master: base URL that replaces the one of the configuration.
        context: of the kubeconfig; None is its current one.

    Raises:
        SpecError: the configuration is missing or unreadable.
    """
    configuration = client.Configuration()
    try:
        if kubeconfig:
            _check(kubeconfig)
            await config.load_kube_config(kubeconfig, context=context, client_configuration=configuration, persist_config=False)
        else:
            config.load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call]
    except (config.ConfigException, OSError, yaml.YAMLError) as error:
        raise SpecError(
            "-kubeconfig",
            f"leads to no cluster: {error}",
            kubeconfig or "",
            "Outside a cluster pass the path of a kubeconfig file.",
        ) from error
    if master:
        configuration.host = master.rstrip("/")
    return ClientSend(client.ApiClient(configuration))


def _check(kubeconfig: str) -> None:
    """Raise for a file that the loader would stumble over in ways of its own."""
    if not isinstance(yaml.safe_load(Path(kubeconfig).read_text()), dict):
        raise config.ConfigException("the file is not a YAML mapping")
