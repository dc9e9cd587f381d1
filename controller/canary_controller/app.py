"""The controller as one thing: watches fill the cache, the cache wakes the queue, workers run passes.

Starting order: is the CRD good enough, watches, then workers once every watch has listed. Stopping: no new pass, the pass in hand
ends, then the watches.
"""

import asyncio
from collections.abc import Callable

import structlog
from attrs import define, field

from canary_controller.cache import Cache
from canary_controller.clock import Clock
from canary_controller.http import Http
from canary_controller.kube import ApiError, Kube
from canary_controller.loop import Loop
from canary_controller.publish import Publisher
from canary_controller.queue import Queue
from canary_controller.server import Health
from canary_controller.watch import Pace, Watcher
from canarykit import kinds
from canarykit.decide import Decision
from canarykit.errors import CanarykitError, Unavailable
from canarykit.kinds import Kind
from canarykit.observe import more_references, references
from canarykit.routers import ROUTERS
from canarykit.scalers import SCALERS
from canarykit.settings import Settings
from canarykit.snapshot import Snapshot
from canarykit.workloads import WORKLOADS

DRAIN_LIMIT_S = 9.0
Observer = Callable[[Snapshot, Decision], None]


def watched_kinds(settings: Settings) -> tuple[Kind, ...]:
    """Return the kinds that the controller watches, from the registries."""
    found = [kinds.CANARY, kinds.SERVICE, kinds.CONTROLLER_REVISION, kinds.ENDPOINT_SLICE]
    found += [workload.kind for workload in WORKLOADS.values()]
    found += [scaler.kind for scaler in SCALERS.values()]
    found += [kind for router in ROUTERS.values() for kind in router.kinds]
    if settings.config_tracking:
        found += [kinds.CONFIG_MAP, kinds.SECRET]
    return tuple(dict.fromkeys(found))


@define
class App:
    """A running controller. `run` returns when `stop` was called, or raises what a worker could not survive."""

    kube: Kube
    http: Http
    clock: Clock
    settings: Settings
    namespace: str = ""
    workers: int = 4
    pace: Pace | None = None
    observer: Observer = lambda snapshot, decision: None
    queue: Queue = field(init=False)
    cache: Cache = field(init=False)
    loop: Loop = field(init=False)
    watchers: list[Watcher] = field(init=False)
    health: Health = field(init=False)
    _stopping: asyncio.Event = field(factory=asyncio.Event)

    def __attrs_post_init__(self) -> None:
        self.queue = Queue(self.clock)
        self.health = Health(self.clock)
        self.cache = Cache(references, more_references, self.settings, self.queue.add, self.clock)
        publisher = Publisher(self.kube, self.http, self.clock)
        self.loop = Loop(self.kube, self.cache, self.http, self.clock, self.settings, publisher, self.observer, self.clock.now())
        self.watchers = [
            Watcher(self.kube, kind, self.namespace, self.cache, self.clock, self.pace) for kind in watched_kinds(self.settings)
        ]

    @property
    def is_ready(self) -> bool:
        """Whether every watch has listed its kind."""
        return all(watcher.is_synced for watcher in self.watchers)

    def waiting(self) -> list[str]:
        """Return the kinds whose watch has not listed yet, for /readyz."""
        return [f"the watch of {watcher.kind.plural} has not listed yet" for watcher in self.watchers if not watcher.is_synced]

    async def stop(self) -> None:
        """Ask `run` to end after the passes in hand."""
        self._stopping.set()

    async def run(self) -> None:
        """Watch and work until `stop`."""
        watches = [asyncio.create_task(watcher.run(), name=f"watch {watcher.kind.plural}") for watcher in self.watchers]
        workers: list[asyncio.Task[None]] = []
        stop = asyncio.create_task(self._stopping.wait(), name="stop")
        try:
            await self._synced(watches)
            workers += [asyncio.create_task(self._work(), name=f"worker {number}") for number in range(self.workers)]
            done, _ = await asyncio.wait([stop, *workers, *watches], return_when=asyncio.FIRST_COMPLETED)
            await self._drain(workers)
            for task in done:
                task.result()
        finally:
            for task in (*watches, *workers, stop):
                task.cancel()
            await asyncio.gather(*watches, *workers, stop, return_exceptions=True)

    async def _synced(self, watches: list[asyncio.Task[None]]) -> None:
        while not self.is_ready and not self._stopping.is_set():
            for task in watches:
                if task.done():
                    task.result()
            await self.clock.sleep(0.02)

    async def _drain(self, workers: list[asyncio.Task[None]]) -> None:
        """Let the passes in hand end, at most ten seconds long; workers that wait for a key just end."""
        self._stopping.set()
        end = self.clock.monotonic() + DRAIN_LIMIT_S
        while self.queue.running and self.clock.monotonic() < end:
            await self.clock.sleep(0.02)
        for task in workers:
            task.cancel()
        await asyncio.gather(*workers, return_exceptions=True)

    async def _work(self) -> None:
        while not self._stopping.is_set():
            await self._one(await self.queue.get())

    async def _one(self, key: tuple[str, str]) -> None:
        """Run one pass of ``key``. One Canary's trouble is that Canary's alone."""
        log = structlog.get_logger().bind(canary=f"{key[1]}.{key[0]}")
        try:
            with self.health.passing(key):
                again_s = await self.loop.run_pass(key)
        except ApiError as error:
            wait_s = self.queue.failed(key, error.retry_after_s or 0.0)
            log.warning("pass ended by the API server", error=str(error), again_s=round(wait_s, 1))
        except Unavailable as error:
            wait_s = self.queue.failed(key)
            log.warning("pass ended: something did not answer", error=str(error), again_s=round(wait_s, 1))
        except CanarykitError as error:
            wait_s = self.queue.failed(key)
            log.error("pass ended", error=str(error), again_s=round(wait_s, 1))
        except Exception:
            wait_s = self.queue.failed(key)
            log.exception("a defect ended the pass; other Canaries go on", again_s=round(wait_s, 1))
        else:
            self.queue.done(key, again_s)
