"""What `run` says about clocks, about who is gone, and about what is not installed."""

import asyncio
import io
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import orjson
import pytest
from click.testing import CliRunner

from canary_controller.__main__ import main
from canary_controller.clock import LoopClock
from canary_controller.log import setup
from canary_controller.metrics import Metrics
from canary_controller.record import Recorder
from canary_controller.run import crd_problem, problem_of_cluster, tell_troubles, watch_skew
from canary_controller.watch import Trouble
from canarykit import kinds
from canarykit.model import Ref
from canarykit.settings import Settings
from canarykit.spec.crd import crds
from harness import Rig, sample

pytestmark = pytest.mark.looptime(idle_timeout=36000)
TUTORIAL = Settings(metrics_server="http://flagger-prometheus.flagger-system:9090")


async def test_clocks_that_differ_by_more_than_five_seconds_are_warned_of_once():
    clock, out = LoopClock(), io.StringIO()
    setup("info", "json", clock, out)
    kube: Any = SimpleNamespace(skew_s=None)

    async def drift() -> None:
        for skew_s in (4.9, -4.9, -5.5):
            await clock.sleep(25)
            kube.skew_s = skew_s

    drifting = asyncio.create_task(drift())
    await watch_skew(kube, clock)
    await drifting
    assert clock.monotonic() >= 75
    lines = out.getvalue().splitlines()
    assert len(lines) == 1
    assert '"level":"warn"' in lines[0]
    assert '"skew_s":-5.5' in lines[0]


def _ours(text: str) -> list[str]:
    """The series of rollouts; those of the process (CPU, memory) move between two looks."""
    return [line for line in text.splitlines() if line.startswith(("flagger_", "canarykit_"))]


async def test_the_recorder_shows_a_rollout_and_forgets_a_canary_that_is_gone():
    async with Rig(TUTORIAL) as rig:
        metrics = Metrics("0", "kubernetes")
        recorder = Recorder(metrics, rig.clock)
        assert rig.app is not None
        rig.app.loop.observer = recorder
        await rig.apply(*sample("tutorial.yaml"))
        await rig.until_phase("Initialized", limit_s=300)
        await rig.set_image("ghcr.io/stefanprodan/podinfo:6.0.1")
        await rig.until_phase("Succeeded", limit_s=600)
        text = metrics.text().decode()
        assert 'flagger_canary_status{name="podinfo",namespace="test"} 1.0' in text
        assert 'flagger_canary_duration_seconds_count{name="podinfo",namespace="test"}' in text
        assert 'flagger_canary_metric_analysis{metric="request-duration",name="podinfo",namespace="test"} 0.0' in text
        recorder.keep([("test", "podinfo"), ("other", "shop")])
        assert _ours(metrics.text().decode()) == _ours(text)
        recorder.keep([("other", "shop")])
        assert "podinfo" not in metrics.text().decode()


async def test_the_event_webhook_hears_of_canaries_without_event_hooks_of_their_own():
    """Source: engine.md section 4.1: the global hook is for Canaries that have none."""
    async with Rig(TUTORIAL) as rig:
        assert rig.app is not None
        rig.app.loop.publisher.event_webhook = "http://flagger-loadtester.test/all-events"
        await rig.apply(*sample("tutorial.yaml"))
        await rig.until_phase("Initialized", limit_s=300)
        await rig.rest(5)
        told = [body["metadata"]["eventMessage"] for path, body in rig.cluster.outside.calls if path == "/all-events"]
        assert told == rig.events()
        assert told[-1] == "Initialization done! podinfo.test"


async def test_the_event_webhook_is_silent_where_the_canary_has_event_hooks():
    async with Rig(TUTORIAL) as rig:
        assert rig.app is not None
        rig.app.loop.publisher.event_webhook = "http://flagger-loadtester.test/all-events"
        manifests = sample("tutorial.yaml")
        own = {"name": "mine", "type": "event", "url": "http://flagger-loadtester.test/own-events"}
        manifests[3]["spec"]["analysis"]["webhooks"].append(own)
        await rig.apply(*manifests)
        await rig.until_phase("Initialized", limit_s=300)
        await rig.rest(5)
        paths = {path for path, _ in rig.cluster.outside.calls}
        assert paths == {"/own-events"}


def test_what_is_not_installed_is_named_with_the_command_that_installs_it():
    code = "import sys; sys.modules['kubernetes_asyncio'] = None; import canary_controller.__main__"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)
    assert ran.returncode == 1
    assert ran.stderr == "canary-controller needs kubernetes_asyncio: pip install 'canarykit[controller]'\n"


async def test_a_crd_without_our_status_is_found_and_what_the_crd_command_prints_mends_it():
    """Flagger's own CRD prunes ``status.rollout``; a cluster without any Canary CRD gets the same advice."""
    command = "Run: canary-controller crd | kubectl apply --server-side --force-conflicts -f -"
    async with Rig(TUTORIAL) as rig:
        assert await crd_problem(rig.kube) == ""
        ref = Ref.to(kinds.CUSTOM_RESOURCE_DEFINITION, "", "canaries.flagger.app")
        path = ref.served.path("", ref.name)
        drop = [{"op": "remove", "path": "/spec/versions/0/schema/openAPIV3Schema/properties/status/properties/rollout"}]
        await rig.cluster.call("PATCH", path, drop, "application/json-patch+json")
        found = await crd_problem(rig.kube)
        assert found == f"the served Canary CRD drops status.rollout, which rollouts are remembered in. {command}"
        printed = CliRunner().invoke(main, ["crd"])
        await rig.cluster.apply_all(printed.output)
        assert await crd_problem(rig.kube) == ""
        await rig.cluster.call("DELETE", path)
        assert await crd_problem(rig.kube) == f"the Canary CRD is not served. {command}"


async def test_a_watch_that_breaks_is_logged_once_and_so_is_its_recovery():
    clock, out = LoopClock(), io.StringIO()
    setup("info", "json", clock, out)
    watcher: Any = SimpleNamespace(kind=kinds.DEPLOYMENT, trouble=Trouble(), is_absent=False)
    telling = asyncio.create_task(tell_troubles([watcher], clock))
    await clock.sleep(25)
    watcher.trouble = Trouble("deployments: refused", 1)
    await clock.sleep(60)
    watcher.trouble = Trouble()
    await clock.sleep(60)
    telling.cancel()
    lines = [orjson.loads(line) for line in out.getvalue().splitlines()]
    assert [(line["level"], line["kind"], line.get("error")) for line in lines] == [
        ("warn", "deployments", "deployments: refused"),
        ("info", "deployments", None),
    ]


async def test_a_crd_that_is_published_a_moment_later_is_waited_for():
    """A CRD applied just before the controller starts is no reason to exit; one that stays away for seconds is."""
    async with Rig(TUTORIAL) as rig:
        canary_crd = next(crd for crd in crds() if crd["spec"]["names"]["kind"] == "Canary")
        await rig.cluster.delete(Ref.of(canary_crd))
        waiting = asyncio.create_task(problem_of_cluster(rig.kube, rig.clock))
        await rig.rest(3)
        await rig.cluster.apply(canary_crd)
        assert await waiting == ""
        await rig.cluster.delete(Ref.of(canary_crd))
        began = rig.clock.now()
        assert "is not served" in await problem_of_cluster(rig.kube, rig.clock)
        assert rig.clock.now() - began >= 5
