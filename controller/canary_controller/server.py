"""The port that Prometheus and the kubelet look at: /metrics, /healthz, /readyz.

/healthz is about this process alone: that it answers shows that the event loop turns, and no pass may exceed its limit. It
says nothing of the API server, or every outage would restart every controller. /readyz waits for the watches.
"""

import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from aiohttp import web

from canary_controller.clock import Clock
from canary_controller.metrics import Metrics
from canary_controller.queue import Key

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
SHUTDOWN_S = 3.0


class Health:
    """Knows which passes run since when.

    Args:
        limit_s: longest time that a pass may take; beyond it the process counts as stuck.
    """

    def __init__(self, clock: Clock, limit_s: float = 900.0) -> None:
        self._clock = clock
        self._limit_s = limit_s
        self._since: dict[Key, float] = {}

    @contextmanager
    def passing(self, key: Key) -> Iterator[None]:
        """Mark the time of one pass."""
        self._since[key] = self._clock.monotonic()
        try:
            yield
        finally:
            del self._since[key]

    def stuck(self) -> tuple[Key, ...]:
        """Return the Canaries whose pass exceeds the limit, sorted."""
        oldest = self._clock.monotonic() - self._limit_s
        return tuple(sorted(key for key, since in self._since.items() if since < oldest))


class Server:
    """Serves the three paths.

    Args:
        metrics: what /metrics prints.
        health: what /healthz asks.
        waiting: returns what is not ready yet, one text each; empty means ready.
        refresh: called before /metrics is printed, to bring gauges of the process up to date.
    """

    def __init__(
        self,
        metrics: Metrics,
        health: Health,
        waiting: Callable[[], Sequence[str]],
        refresh: Callable[[], None] = lambda: None,
    ) -> None:
        self._metrics = metrics
        self._health = health
        self._waiting = waiting
        self._refresh = refresh
        self._runner: web.ServerRunner | None = None

    async def start(self, port: int, host: str | None = None) -> int:
        """Listen on ``port`` (0: any free one) of all interfaces or of ``host``, and return the port.

        Raises:
            OSError: the port is taken.
        """
        self._runner = web.ServerRunner(web.Server(self._answer, access_log=None), shutdown_timeout=SHUTDOWN_S)
        await self._runner.setup()
        await web.SockSite(self._runner, _listening(port, host)).start()
        return int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        """Stop listening; a request under way gets `SHUTDOWN_S` to end."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _answer(self, request: web.BaseRequest) -> web.Response:
        if request.method not in ("GET", "HEAD"):
            return web.Response(status=405, text="only GET\n", headers={"Allow": "GET, HEAD"})
        match request.path:
            case "/metrics":
                self._refresh()
                return web.Response(body=self._metrics.text(), headers={"Content-Type": METRICS_TYPE})
            case "/healthz":
                stuck = self._health.stuck()
                return _verdict([f"the pass of {name}.{namespace} exceeds its limit" for namespace, name in stuck])
            case "/readyz":
                return _verdict(self._waiting())
            case _:
                return web.Response(status=404, text="try /metrics, /healthz or /readyz\n")


def _listening(port: int, host: str | None) -> socket.socket:
    """Return one socket for all interfaces, IPv4 and IPv6 alike where the machine has both, or for ``host``."""
    if host is None and socket.has_dualstack_ipv6():
        return socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True)
    return socket.create_server((host or "", port))


def _verdict(troubles: Sequence[str]) -> web.Response:
    return web.Response(status=503 if troubles else 200, text="\n".join(troubles) or "OK")
