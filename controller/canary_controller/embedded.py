"""An embedded cluster that people can talk to: TLS server, kubeconfig, and our controller beside it unless told otherwise."""

import asyncio
import tempfile
from pathlib import Path
from types import TracebackType

from attrs import evolve

from canary_controller.app import App
from canary_controller.clock import Clock
from canary_controller.http import Http
from canary_controller.kube import Kube
from canary_controller.log import logger
from canary_controller.sandbox.cluster import Cluster
from canary_controller.sandbox.http import Server
from canary_controller.sandbox.kubeconfig import write_kubeconfig
from canary_controller.sandbox.services import Services
from canarykit import hooks
from canarykit.settings import Settings
from canarykit.world.behaviour import Behaviour

PROMETHEUS = "http://flagger-prometheus.flagger-system:9090"


def sandbox_settings(speed: float = 1.0) -> Settings:
    """Return the settings of a controller on an embedded cluster whose waits are divided by ``speed``."""
    return Settings(mesh_provider="kubernetes", metrics_server=PROMETHEUS, speed=speed)


def faster(behaviour: Behaviour, speed: float) -> Behaviour:
    """Return ``behaviour`` with every wait divided by ``speed``."""
    pod = evolve(behaviour.pod, ready_after_s=behaviour.pod.ready_after_s / speed)
    return evolve(
        behaviour,
        pod=pod,
        running_after_s=behaviour.running_after_s / speed,
        hpa_sync_s=behaviour.hpa_sync_s / speed,
        hpa_downscale_s=behaviour.hpa_downscale_s / speed,
    )


class Sandbox:
    """An embedded cluster with a kubeconfig; ``async with`` starts and stops it.

    Attributes:
        kubeconfig: the file that points kubectl at it.
        services: ``host:port`` at which load tester and Prometheus answer, once it is up.

    Args:
        port: of the API server; the services get the next one. 0 takes free ones.
    """

    def __init__(
        self,
        clock: Clock,
        settings: Settings,
        behaviour: Behaviour | None = None,
        kubeconfig: Path | None = None,
        port: int = 0,
        with_controller: bool = True,
    ) -> None:
        self.cluster = Cluster(clock, faster(behaviour or Behaviour(), settings.speed))
        self._folder = tempfile.TemporaryDirectory(prefix="canarykit-")
        self.kubeconfig = kubeconfig or Path(self._folder.name) / "kubeconfig"
        self._clock = clock
        self._settings = settings
        self._with_controller = with_controller
        self._server = Server(self.cluster.api, clock.now, clock.token(), port)
        self._site = Services(self.cluster.outside, port + 1 if port else 0)
        self.services = ""
        self._app: App | None = None
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "Sandbox":
        await self.cluster.start()
        access = await self._server.start()
        self.services = await self._site.start()
        write_kubeconfig(self.kubeconfig, access)
        if self._with_controller:
            http = Http(self._clock, hooks, handlers=(self.cluster.outside.answer,))
            kube = Kube(self.cluster.api.send, self._clock)
            self._app = App(kube, http, self._clock, self._settings)
            self._task = asyncio.create_task(self._app.run(), name="controller")
            self._task.add_done_callback(_report)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._app is not None and self._task is not None:
            await self._app.stop()
            await asyncio.wait([self._task], timeout=10)
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._site.stop()
        await self._server.stop()
        await self.cluster.stop()
        self._folder.cleanup()


def _report(task: asyncio.Task[None]) -> None:
    """Say so when the controller of the sandbox has ended by a defect."""
    if not task.cancelled() and task.exception() is not None:
        logger().error("the controller has ended", exc_info=task.exception())
