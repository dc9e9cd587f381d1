"""The production controller over the embedded cluster, in one process and in virtual time: what simulations and traces run on.

A `Rig` is a cluster, a controller and a person. Nothing here is simulated twice: the controller is the one that users run.
"""

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml
from attrs import define, field

from canary_controller.app import App
from canary_controller.clock import LoopClock
from canary_controller.http import Http
from canary_controller.kube import Kube
from canary_controller.sandbox.cluster import Cluster
from canarykit import hooks, kinds
from canarykit.dicts import at
from canarykit.model import Ref
from canarykit.settings import Settings
from canarykit.world.behaviour import Behaviour

SAMPLES = Path(__file__).parent / "samples"
START = 1_790_000_000.0
TIME_LIMIT_S = 3600.0


def sample(name: str) -> list[dict[str, Any]]:
    """Return the manifests of a sample file."""
    return [each for each in yaml.safe_load_all((SAMPLES / name).read_text()) if each]


@define
class Rig:
    """A cluster with our controller in it. Use ``async with``."""

    settings: Settings = field(factory=Settings)
    behaviour: Behaviour = field(factory=Behaviour)
    namespace: str = "test"
    name: str = "podinfo"
    clock: LoopClock = field(factory=lambda: LoopClock(START))
    cluster: Cluster = field(init=False)
    app: App | None = None
    kube: Kube = field(init=False)
    decisions: list[tuple[float, str, str, str]] = field(factory=list)
    wrap: Callable[[Any], Any] = lambda send: send
    _task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "Rig":
        self.cluster = Cluster(self.clock, self.behaviour)
        await self.cluster.start()
        await self.cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.namespace}})
        await self.start_controller()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop_controller()
        await self.cluster.stop()

    async def start_controller(self) -> None:
        """Start a controller process (as it were)."""
        self.kube = Kube(self.wrap(self.cluster.api.send), self.clock)
        http = Http(self.clock, hooks, handlers=(self.cluster.outside.answer,))
        self.app = App(self.kube, http, self.clock, self.settings, observer=self._note)
        self._task = asyncio.create_task(self.app.run())

    async def stop_controller(self) -> None:
        """Stop it cleanly."""
        if self.app is not None and self._task is not None:
            await self.app.stop()
            await asyncio.wait([self._task], timeout=60)
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self.app = self._task = None

    async def kill_controller(self) -> None:
        """Stop it as SIGKILL would: at once, in the middle of anything."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self.app = self._task = None

    def _note(self, snapshot: Any, decision: Any) -> None:
        self.decisions.append((self.clock.now() - START, snapshot.state.phase, decision.rule, decision.reason))

    # -- what a person does ---------------------------------------------------------------------------------------

    async def apply(self, *manifests: Mapping[str, Any]) -> None:
        """Apply manifests, in order."""
        for manifest in manifests:
            await self.cluster.apply(manifest)

    async def patch(self, kind: Any, name: str, body: Mapping[str, Any], subresource: str = "") -> None:
        """Merge-patch an object of the namespace."""
        await self.cluster.patch(Ref.to(kind, self.namespace, name), body, subresource)

    async def set_image(self, image: str, container: str = "podinfod", deployment: str = "podinfo") -> None:
        """Do what ``kubectl set image`` does."""
        found = self.get(kinds.DEPLOYMENT, deployment)
        containers = [
            {**each, "image": image} if each["name"] == container else each
            for each in found["spec"]["template"]["spec"]["containers"]
        ]
        await self.patch(kinds.DEPLOYMENT, deployment, {"spec": {"template": {"spec": {"containers": containers}}}})

    async def request(self, verb: str, token: str = "1") -> None:
        """Ask for something by annotation."""
        await self.patch(kinds.CANARY, self.name, {"metadata": {"annotations": {"canarykit.dev/request": f"{verb}/{token}"}}})

    # -- what a person sees ---------------------------------------------------------------------------------------

    def get(self, kind: Any, name: str) -> Mapping[str, Any]:
        """Return an object of the namespace; KeyError when it is absent."""
        return self.cluster.store.view()[Ref.to(kind, self.namespace, name)]

    def find(self, kind: Any, name: str) -> Mapping[str, Any] | None:
        """Return an object of the namespace, or None."""
        return self.cluster.store.view().get(Ref.to(kind, self.namespace, name))

    @property
    def canary(self) -> Mapping[str, Any]:
        """The Canary."""
        return self.get(kinds.CANARY, self.name)

    @property
    def phase(self) -> str:
        """The Canary's phase."""
        return at(self.canary, "status", "phase", default="")

    def condition(self, type_: str) -> Mapping[str, Any]:
        """Return a condition of the Canary, or {}."""
        found = at(self.canary, "status", "conditions", default=())
        return next((each for each in found if each["type"] == type_), {})

    def events(self) -> list[str]:
        """Return the messages of the Canary's Events in the order in which they were first posted."""
        found = [
            (at(each, "eventTime", default=""), int(each["metadata"]["resourceVersion"]), each["message"])
            for ref, each in self.cluster.store.view().items()
            if ref.kind == "Event" and each["involvedObject"]["kind"] == "Canary" and each["involvedObject"]["name"] == self.name
        ]
        return [message for _, _, message in sorted(found)]

    def image(self, deployment: str) -> str:
        """Return the image of a Deployment's first container."""
        return str(self.get(kinds.DEPLOYMENT, deployment)["spec"]["template"]["spec"]["containers"][0]["image"])

    def replicas(self, deployment: str) -> tuple[int, int]:
        """Return (wanted, ready) of a Deployment."""
        found = self.get(kinds.DEPLOYMENT, deployment)
        return at(found, "spec", "replicas", default=1), at(found, "status", "readyReplicas", default=0)

    async def until(self, what: Callable[[], bool], limit_s: float = TIME_LIMIT_S) -> None:
        """Wait (in virtual time) until ``what`` holds; AssertionError with the story so far when it does not in time."""
        end = self.clock.now() + limit_s
        while not what():
            if self.clock.now() >= end:
                raise AssertionError(self.story())
            await asyncio.sleep(0.25)

    async def until_phase(self, *phases: str, limit_s: float = TIME_LIMIT_S) -> None:
        """Wait until the Canary is in one of ``phases``."""
        await self.until(lambda: self.phase in phases, limit_s)

    async def rest(self, seconds: float) -> None:
        """Let virtual time pass."""
        await asyncio.sleep(seconds)

    def story(self) -> str:
        """Return what happened, for a failing assertion."""
        steps = [f"{when:9.2f} {phase or 'New':17} {rule:4} {reason}" for when, phase, rule, reason in self.decisions[-60:]]
        return "\n".join([f"phase {self.phase}", *steps, *self.events()[-20:], yaml.safe_dump(dict(self.canary).get("status"))])
