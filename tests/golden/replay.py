"""Plays a recording again: the same objects, deeds and hook answers, on our controller and the embedded cluster, in virtual time.

A deed of the person comes as long after the last thing that was said or called before it as it did in the recording, so that it
meets the same moment of the rollout although our clock runs differently.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from attrs import define, evolve, field

from canary_controller.sandbox.store import ADDED, Change
from canarykit import kinds
from canarykit.model import HttpResponse, Ref
from canarykit.settings import Settings
from canarykit.world.behaviour import Behaviour, ImageBehaviour
from canarykit.world.traffic import Load
from golden.recording import Called, Did, Recording, Said, facts_of
from harness import Rig

SETTINGS = Settings(metrics_server="http://flagger-prometheus.flagger-system:9090")
HOST = "127.0.0.1"
RECORDER = f"http://{HOST}:19200/recorder"
IMAGE = "ghcr.io/stefanprodan/podinfo"
PLURALS = {
    "Deployment": "deployments", "Service": "services", "ScaledObject": "scaledobjects", "HorizontalPodAutoscaler": "hpas",
    "Canary": "canaries",
}  # fmt: skip
NEVER_READY = (
    ImageBehaviour(image_suffix=":bad", never_ready=True),
    ImageBehaviour(image_suffix=":pbad", pod_prefix="podinfo-primary-", never_ready=True),
)
WORLD = Behaviour(images=NEVER_READY, probe_rate_per_s=0.2)
BEFORE_S = 15.0
PATIENCE_S = 400.0
AFTER_S = 120.0


@define
class Played:
    """What our controller said, called and made, and where everything ended."""

    said: list[Said] = field(factory=list)
    called: list[Called] = field(factory=list)
    made: dict[str, Mapping[str, Any]] = field(factory=dict)
    last: dict[str, dict[str, Any]] = field(factory=dict)
    posted: list[str] = field(factory=list)
    story: str = ""


async def replay(recording: Recording, said: Sequence[Said], called: Sequence[Called]) -> Played:
    """Play ``recording`` and return what happened.

    Args:
        recording: what to play.
        said, called: what we expect to say and to call, with the recorded times: the moments for the person's deeds.
    """
    rig = Rig(SETTINGS, WORLD, recording.namespace)
    async with rig:
        player = _Player(rig, recording)
        await player.set_up()
        for deed in recording.did():
            await player.wait_for(deed.t, said, called)
            await player.do(deed)
        await player.wait_for(None, said, called)
        await rig.rest(AFTER_S)
        return player.played()


@define
class _Player:
    rig: Rig
    recording: Recording
    made: dict[str, Mapping[str, Any]] = field(factory=dict)

    async def set_up(self) -> None:
        self.rig.cluster.store.subscribe(self._note)
        self._answer_hooks(-BEFORE_S)
        await self.rig.apply(self.recording.target)
        if self.recording.scaler is not None:
            await self.rig.apply(self.recording.scaler)
        await self.rig.rest(BEFORE_S)
        spec = self.recording.canary["spec"]
        hooks = [*spec["analysis"].get("webhooks", ()), {"name": "recorder", "type": "event", "url": RECORDER}]
        self.rig.cluster.outside.fixed[f"{HOST}/recorder"] = HttpResponse(200)
        await self.rig.apply({**self.recording.canary, "spec": {**spec, "analysis": {**spec["analysis"], "webhooks": hooks}}})

    def _note(self, change: Change) -> None:
        plural = PLURALS.get(change.manifest.get("kind", ""))
        if plural and change.type == ADDED and change.key.namespace == self.recording.namespace:
            self.made.setdefault(f"{plural}/{change.key.name}", change.manifest)

    def _answer_hooks(self, since: float) -> None:
        """Every hook answers from now on as it next did in the recording."""
        following: dict[str, int] = {}
        for call in self.recording.called():
            if call.t >= since:
                following.setdefault(call.path, call.answer)
        urls = [hook["url"] for hook in self.recording.canary["spec"]["analysis"].get("webhooks", ())]
        for path in {urlsplit(url).path for url in urls}:
            self.rig.cluster.outside.fixed[f"{HOST}{path}"] = HttpResponse(following.get(path, 200))

    def _said(self) -> list[Said]:
        told = [(body["metadata"], body["phase"]) for path, body in self.rig.cluster.outside.calls if path == "/recorder"]
        return [Said(told["eventType"], told["eventMessage"], phase) for told, phase in told]

    def _called(self) -> list[Called]:
        calls = self.rig.cluster.outside.calls
        return [Called(path, body, 0, 0.0) for path, body in calls if path != "/recorder" and not path.endswith("/ev")]

    async def wait_for(self, until: float | None, said: Sequence[Said], called: Sequence[Called]) -> None:
        """Wait until all that is expected before ``until`` was said and called, then as long as the person waited after it."""
        before = [each.t for each in said if each.t is not None and (until is None or each.t <= until)]
        timed = max((index + 1 for index, each in enumerate(said) if each.t in before), default=0)
        events = len(said) if until is None else timed
        calls = [each.t for each in called if until is None or each.t <= until]
        await self._patiently(lambda: len(self._said()) >= events and len(self._called()) >= len(calls))
        if until is None:
            return
        await self.rig.rest(max(0.0, until - max([*before, *calls, 0.0])))
        if self.recording.last(until)["deployments/podinfo"].get("replicas") == 0:
            # We drain before the target goes down: what the person met at rest, we wait for.
            await self._patiently(lambda: self.rig.replicas("podinfo") == (0, 0))

    async def _patiently(self, what: Callable[[], bool]) -> None:
        """Wait until ``what`` holds, but not for ever: the comparison shows better than a time-out what is missing."""
        with suppress(AssertionError):
            await self.rig.until(what, PATIENCE_S)

    async def do(self, deed: Did) -> None:
        """Do what the person did."""
        image = deed.text.removeprefix("set image podinfod=")
        if image != deed.text:
            await self.rig.set_image(f"{IMAGE}:{image}")
        elif deed.text not in ("open gate",) and not deed.text.startswith("rollout hook"):
            await DEEDS[deed.text](self.rig)
        self._answer_hooks(deed.t)

    def played(self) -> Played:
        view = self.rig.cluster.store.view()
        last = {
            f"{PLURALS[ref.kind]}/{ref.name}": facts_of(manifest)
            for ref, manifest in view.items()
            if ref.namespace == self.recording.namespace and PLURALS.get(ref.kind, "hpas") != "hpas"
        }
        return Played(self._said(), self._called(), self.made, last, self.rig.events(), self.rig.story())


def _pods_err(rate: float) -> tuple[ImageBehaviour, ...]:
    """The target's pods answer a share of the requests with errors; the primary's do not."""
    return (
        *NEVER_READY, ImageBehaviour(pod_prefix="podinfo-", error_rate=rate),
        ImageBehaviour(pod_prefix="podinfo-primary-", error_rate=0.0),
    )  # fmt: skip


def _load(rig: Rig, rate: float) -> None:
    url = f"http://podinfo-svc-canary.{rig.namespace}/"
    rig.cluster.world.put_load(Load(url, rate, rig.clock.now(), rig.clock.now() + 3600))


async def _errors(rig: Rig) -> None:
    rig.cluster.world.bend(evolve(WORLD, images=_pods_err(0.2)))
    _load(rig, 5)


async def _no_errors(rig: Rig) -> None:
    rig.cluster.world.bend(WORLD)
    _load(rig, 5000)


async def _no_series(rig: Rig) -> None:
    rig.cluster.world.bend(evolve(WORLD, probe_rate_per_s=0.0))


async def _slow(rig: Rig) -> None:
    rig.cluster.world.bend(evolve(WORLD, images=(*NEVER_READY, ImageBehaviour(pod_prefix="podinfo-", latency_ms=1500.0))))


def _canary(**spec: Any) -> Callable[[Rig], Awaitable[None]]:
    async def patch(rig: Rig) -> None:
        await rig.patch(kinds.CANARY, "podinfo", {"spec": spec})

    return patch


def _scaler(name: str, body: Mapping[str, Any]) -> Callable[[Rig], Awaitable[None]]:
    async def patch(rig: Rig) -> None:
        await rig.patch(kinds.SCALED_OBJECT, name, body)

    return patch


def _delete(kind: Any, name: str) -> Callable[[Rig], Awaitable[None]]:
    async def delete(rig: Rig) -> None:
        await rig.cluster.delete(Ref.to(kind, rig.namespace, name))

    return delete


async def _delete_primary_pods(rig: Rig) -> None:
    for ref in list(rig.cluster.store.view()):
        if ref.kind == "Pod" and ref.namespace == rig.namespace and ref.name.startswith("podinfo-primary-"):
            await rig.cluster.delete(ref)


DEEDS: dict[str, Callable[[Rig], Awaitable[None]]] = {
    "suspend=true": _canary(suspend=True),
    "suspend=false": _canary(suspend=False),
    "interval 10s->25s": _canary(analysis={"interval": "25s"}),
    "interval 25s->10s, iterations 5->2": _canary(analysis={"interval": "10s", "iterations": 2}),
    "exporter err=0.2 for podinfo": _errors,
    "exporter err=0": _no_errors,
    "exporter off for podinfo (series removed)": _no_series,
    "latency 1.5s": _slow,
    "source SO: maxReplicaCount 3->6, cooldown 20->40, annotation x=y, label l=m": _scaler(
        "podinfo-so",
        {
            "metadata": {"annotations": {"x": "y"}, "labels": {"l": "m"}},
            "spec": {"maxReplicaCount": 6, "cooldownPeriod": 40},
        },
    ),
    "Canary primaryScalerReplicas max 5->7": _canary(autoscalerRef={"primaryScalerReplicas": {"maxReplicas": 7}}),
    "primary SO: annotation autoscaling.keda.sh/paused-scale-in=true": _scaler(
        "podinfo-so-primary", {"metadata": {"annotations": {"autoscaling.keda.sh/paused-scale-in": "true"}}}
    ),
    "delete primary SO podinfo-so-primary": _delete(kinds.SCALED_OBJECT, "podinfo-so-primary"),
    "delete source SO": _delete(kinds.SCALED_OBJECT, "podinfo-so"),
    "delete primary Deployment": _delete(kinds.DEPLOYMENT, "podinfo-primary"),
    "delete target Deployment": _delete(kinds.DEPLOYMENT, "podinfo"),
    "delete primary pods": _delete_primary_pods,
}
