"""The services around the cluster on a port, under plain HTTP: for a controller in another process, and for people with curl.

Which service is meant is told by the Host header, as in the cluster; a request to the bare address is sorted by its path.
"""

import ipaddress
from urllib.parse import urlsplit

from aiohttp import web

from canary_controller.sandbox.http import HOST
from canary_controller.sandbox.outside import LOADTESTER, PROMETHEUS, Outside
from canarykit.model import HttpRequest

UNKNOWN = f"the sandbox answers for {', '.join((*LOADTESTER, *PROMETHEUS))} only; name one in the Host header\n"


class Services:
    """Serves an `Outside` on loopback.

    Args:
        port: 0 takes a free one.
    """

    def __init__(self, outside: Outside, port: int = 0) -> None:
        self._outside = outside
        self._port = port
        self._runner: web.ServerRunner | None = None

    async def start(self) -> str:
        """Listen, and return ``host:port``; raises OSError when the port is taken."""
        self._runner = web.ServerRunner(web.Server(self._handle, access_log=None), shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, HOST, self._port).start()
        return f"{HOST}:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _handle(self, request: web.BaseRequest) -> web.Response:
        host = _service(request.headers.get("Host", ""), request.path)
        url = f"http://{host}{request.raw_path}"
        answer = await self._outside.answer(HttpRequest(request.method, url, dict(request.headers), await request.read()))
        if answer is None:
            return web.Response(status=404, text=UNKNOWN)
        return web.Response(status=answer.status, body=answer.body, headers=answer.headers)


def _service(host: str, path: str) -> str:
    """Return the name of the service that a request is for; a bare address stands for Prometheus' API or the load tester."""
    name = urlsplit(f"//{host}").hostname or "localhost"
    try:
        ipaddress.ip_address(name)
    except ValueError:
        if name != "localhost":
            return name
    return PROMETHEUS[0] if path.startswith("/api/") else LOADTESTER[0]
