"""A small podinfo for end-to-end scenarios: two iterations ten seconds apart, metrics from its own probes, no load test.

`a_podinfo` gives the manifests, `at_rest` a cluster in which it is Initialized and quiet. Scenarios bend both.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from attrs import evolve

from canarykit import kinds
from canarykit.dicts import at
from canarykit.names import PAUSED_REPLICAS_ANNOTATION
from canarykit.settings import Settings
from canarykit.world.behaviour import Behaviour, ImageBehaviour
from canarykit.world.traffic import Load
from harness import Rig, sample

PROMETHEUS = "http://flagger-prometheus.flagger-system:9090"
LOADTESTER = "http://flagger-loadtester.test"
SETTINGS = Settings(metrics_server=PROMETHEUS)
PROBED = Behaviour(probe_rate_per_s=0.2)
OLD, NEW, NEWER = (f"ghcr.io/stefanprodan/podinfo:6.0.{number}" for number in (0, 1, 2))
BOOTSTRAP = ["all the metrics providers are available!", "Initialization done! podinfo.test"]
SUCCESS = [
    "New revision detected! Scaling up podinfo.test",
    "Starting canary analysis for podinfo.test",
    "Advance podinfo.test canary iteration 1/2",
    "Advance podinfo.test canary iteration 2/2",
    "Copying podinfo.test template spec to podinfo-primary.test",
    "Promotion completed! Scaling down podinfo.test",
]
ANALYSIS = {
    "interval": "10s",
    "threshold": 2,
    "iterations": 2,
    "metrics": [{"name": "request-success-rate", "interval": "1m", "thresholdRange": {"min": 99}}],
}
GATEWAY = {
    "provider": "gatewayapi:v1",
    "service": {
        "port": 80,
        "targetPort": 9898,
        "name": "podinfo-svc",
        "gatewayRefs": [{"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "edge", "namespace": "infra"}],
    },
}


def merged(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``base`` with ``changes`` merged in, as a merge patch does it (None removes)."""
    result = dict(base)
    for key, value in changes.items():
        if isinstance(value, Mapping) and isinstance(result.get(key), Mapping):
            result[key] = merged(result[key], value)
        elif value is None:
            result.pop(key, None)
        else:
            result[key] = value
    return result


def hook(name: str, type_: str, path: str, **metadata: str) -> dict[str, Any]:
    """A webhook of the load tester."""
    return {"name": name, "type": type_, "url": f"{LOADTESTER}{path}", "timeout": "5s", "metadata": metadata}


def a_podinfo(canary: Mapping[str, Any] | None = None, **parts: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """Return namespace, Deployment, ScaledObject and Canary of a small podinfo.

    Args:
        canary: changes to the Canary's spec.
        parts: changes to the ``deployment`` or ``scaler`` manifest; None leaves it out.
    """
    namespace, deployment, scaler, tutorial = sample("tutorial.yaml")
    spec = merged({**tutorial["spec"], "analysis": ANALYSIS}, canary or {})
    made = [namespace]
    for name, manifest in (("deployment", deployment), ("scaler", scaler)):
        changes = parts.get(name, {})
        made += [] if changes is None else [merged(manifest, changes)]
    return [*made, {**tutorial, "spec": spec}]


@asynccontextmanager
async def at_rest(
    *manifests: Mapping[str, Any], behaviour: Behaviour = PROBED, settings: Settings = SETTINGS, load_per_s: float = 0.0
) -> AsyncIterator[Rig]:
    """Give a cluster in which podinfo is Initialized, the target is down and nothing moves (default: `a_podinfo`)."""
    async with Rig(settings, behaviour) as rig:
        await rig.apply(*(manifests or a_podinfo()))
        if load_per_s:
            put_load(rig, load_per_s)
        await rig.until_phase("Initialized", limit_s=300)
        await until_down(rig)
        await rig.rest(20)
        yield rig


def put_load(rig: Rig, rate_per_s: float, host: str = "podinfo-svc.test") -> None:
    """Let users call the apex, for ever."""
    now = rig.clock.now()
    rig.cluster.world.put_load(Load(f"http://{host}/", rate_per_s, now, now + 100_000))


async def until_down(rig: Rig, limit_s: float = 300) -> None:
    """Wait until the target has no pods."""
    await rig.until(lambda: rig.replicas("podinfo") == (0, 0), limit_s)


async def released(rig: Rig, image: str = NEW, phase: str = "Succeeded") -> None:
    """Release ``image``, wait for the end, and let the world follow."""
    await rig.set_image(image)
    await rig.until_phase("Progressing", "Waiting", limit_s=30)
    await rig.until_phase("Succeeded", "Failed", limit_s=600)
    assert rig.phase == phase, rig.story()
    await until_down(rig)
    await rig.rest(30)


def bend(rig: Rig, image: str = "", pod_prefix: str = "", **values: Any) -> None:
    """From now on pods of ``image`` (its tag) whose name starts with ``pod_prefix`` behave as ``values`` say."""
    behaviour = rig.cluster.world.behaviour
    entry = ImageBehaviour(image.rpartition("/")[2], pod_prefix, **values)
    rig.cluster.world.bend(evolve(behaviour, images=(*behaviour.images, entry)))


def pause_of(rig: Rig, scaler: str = "podinfo-so") -> str | None:
    """Return the pause annotation of a ScaledObject."""
    found: str | None = at(rig.get(kinds.SCALED_OBJECT, scaler), "metadata", "annotations", PAUSED_REPLICAS_ANNOTATION)
    return found


def rollout_of(rig: Rig) -> Mapping[str, Any]:
    """Return ``status.rollout`` of the Canary."""
    found: Mapping[str, Any] = at(rig.canary, "status", "rollout", default={})
    return found


def pods(rig: Rig, prefix: str) -> dict[str, str]:
    """Return the pods whose name starts with ``prefix``: name to image of the first container."""
    return {
        ref.name: str(at(each, "spec", "containers", 0, "image"))
        for ref, each in rig.cluster.store.view().items()
        if ref.kind == "Pod" and ref.namespace == rig.namespace and ref.name.startswith(prefix)
    }


def primary_pods(rig: Rig) -> dict[str, str]:
    """Return the primary's pods: name to image."""
    return pods(rig, "podinfo-primary-")


def assert_rested(rig: Rig, image: str) -> None:
    """The promoted ``image`` serves, the target is down and held, and no floor or mark but the pause is left."""
    assert rig.image("podinfo-primary") == image, rig.story()
    assert rig.replicas("podinfo") == (0, 0), rig.story()
    wanted, ready = rig.replicas("podinfo-primary")
    assert wanted == ready > 0, rig.story()
    assert at(rig.get(kinds.SERVICE, "podinfo-svc"), "spec", "selector") == {"app": "podinfo-primary"}
    source = rig.find(kinds.SCALED_OBJECT, "podinfo-so")
    if source is not None:
        assert pause_of(rig) == "0"
        assert pause_of(rig, "podinfo-so-primary") is None
        assert source["spec"]["minReplicaCount"] == 1
        assert rollout_of(rig)["marks"] == {"pause": {"absent": True}}
    assert "waiting" not in rollout_of(rig), rig.story()


def said_after(rig: Rig, before: int) -> list[str]:
    """Return the Events after the first ``before``."""
    return rig.events()[before:]
