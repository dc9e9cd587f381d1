"""Drives the pure models of `canarykit.world`: after every change of the store and at every time that a model asked for.

The models say what they want; this module writes it through the API like any other client, so that versions, generations and
managed fields come out as they would from the real controllers.
"""

import asyncio
from typing import Protocol

import orjson
from attrs import define, field

from canary_controller.sandbox.api import Api
from canary_controller.sandbox.store import Change, Store
from canarykit.world import step_all
from canarykit.world.behaviour import Behaviour
from canarykit.world.routing import advance
from canarykit.world.traffic import QUIET, Load, Traffic, next_change
from canarykit.world.view import CREATE, DELETE, MERGE_PATCH, SCALE, STATUS, View, Write

AGENT = "kube-controller-manager/sandbox"
JSON = "application/json"
MERGE = "application/merge-patch+json"
ROUNDS = 50


class Clock(Protocol):
    """What the driver needs of a clock."""

    def now(self) -> float:
        """Epoch seconds."""


@define
class World:
    """The world around the API server: behaviour, loads and the traffic that follows from both.

    Attributes:
        loads: every load that was ever put on; those that ended long ago are dropped.
    """

    store: Store
    api: Api
    clock: Clock
    behaviour: Behaviour = field(factory=Behaviour)
    loads: list[Load] = field(factory=list)
    traffic: Traffic = QUIET
    _changed: asyncio.Event = field(factory=asyncio.Event)
    _task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to drive, until `stop`."""
        self.store.subscribe(self._note)
        self._changed.set()
        self._task = asyncio.get_running_loop().create_task(self._run(), name="world")

    async def stop(self) -> None:
        """End driving."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def put_load(self, load: Load) -> None:
        """Put a load on; it begins to count at once."""
        now = self.clock.now()
        self.loads = [each for each in self.loads if each.end > now - 600] + [load]
        self._changed.set()

    def bend(self, behaviour: Behaviour) -> None:
        """Change how the cluster behaves from now on."""
        self.behaviour = behaviour
        self._changed.set()

    def current_traffic(self) -> Traffic:
        """Return the traffic record, brought up to now."""
        self.traffic = advance(self.traffic, View(self.store.view()), self.loads, self.clock.now(), self.behaviour)
        return self.traffic

    def _note(self, change: Change) -> None:
        if change.key.plural != "events":
            self._changed.set()

    async def _run(self) -> None:
        while True:
            again_at = await self._settle()
            now = self.clock.now()
            edges = [moment for moment in (again_at, next_change(self.loads, now)) if moment is not None]
            wait_s = max(0.001, min(edges) - now) if edges else None
            try:
                async with asyncio.timeout(wait_s):
                    await self._changed.wait()
            except TimeoutError:
                pass

    async def _settle(self) -> float | None:
        """Let the models write until they want nothing more now; return when they want to look again."""
        for _ in range(ROUNDS):
            self._changed.clear()
            view, now = View(self.store.view()), self.clock.now()
            self.traffic = advance(self.traffic, view, self.loads, now, self.behaviour)
            step = step_all(view, now, self.behaviour, self.traffic)
            for write in step.writes:
                await self._write(write)
            if not step.writes and not self._changed.is_set():
                return step.again_at
            await asyncio.sleep(0)
        return self.clock.now() + 0.1

    async def _write(self, write: Write) -> None:
        """Write as a controller would; a refusal is dropped, since the model looks at the world again anyway."""
        kind = write.ref.served
        path = kind.path(write.ref.namespace, "" if write.verb == CREATE else write.ref.name)
        if write.verb in (STATUS, SCALE):
            path += f"/{write.subresource}" if write.verb == STATUS else ""
        method = {CREATE: "POST", DELETE: "DELETE"}.get(write.verb, "PATCH")
        headers = {"content-type": JSON if method != "PATCH" else MERGE, "user-agent": AGENT, "accept": JSON}
        body = orjson.dumps(write.body) if write.body is not None else b""
        assert write.verb in (CREATE, DELETE, MERGE_PATCH, SCALE, STATUS)
        reply = await self.api.send(method, path, headers, body)
        async for _ in reply.chunks:
            pass
