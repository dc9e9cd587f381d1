"""Plays the tutorial: objects, a release that succeeds, a release that fails its success rate and is rolled back."""

import asyncio
from collections.abc import Callable

from rich.console import Console

from canary_controller.clock import Clock
from canary_controller.demo.show import Show
from canary_controller.demo.story import SPACE, Story
from canary_controller.embedded import Sandbox, sandbox_settings
from canary_controller.sandbox.tutorial import tutorial
from canary_controller.serve import BEHAVIOUR
from canarykit import kinds
from canarykit.model import Ref

ACT_LIMIT_S = 120.0


async def play(console: Console, speed: float, keep: bool) -> int:
    """Play the tutorial and return the exit code: 0 only if everything expected was seen."""
    clock = Clock()
    began = clock.now()
    async with Sandbox(clock, sandbox_settings(speed), BEHAVIOUR) as sandbox:
        setup_s = clock.now() - began
        story = Story(sandbox.cluster)
        show = Show(console, story, clock, clock.now())
        show.title(f"An embedded cluster is up; waits are divided by {speed:g}. To look around from another terminal:")
        show.line(f"  export KUBECONFIG={sandbox.kubeconfig}")
        try:
            await _acts(sandbox, show, story)
        except TimeoutError:
            story.see("every act ends in time", passed=False, seen=f"phase {story.phase()}")
        show.look()
        show.summary(clock.now() - show.started, setup_s)
        if keep:
            show.title("The cluster stays up until Ctrl-C. Point kubectl at it:")
            show.line(f"  export KUBECONFIG={sandbox.kubeconfig}")
            await asyncio.Event().wait()
    return 1 if story.failed else 0


async def _acts(sandbox: Sandbox, show: Show, story: Story) -> None:
    show.title("1. kubectl apply: namespace, Deployment, ScaledObject, Canary")
    for manifest in tutorial():
        await sandbox.cluster.apply(manifest, agent="kubectl")
    await _until(show, lambda: story.phase() == "Initialized" and _is_down(story))
    story.bootstrap()
    show.title("2. kubectl -n test set image deployment/podinfo podinfod=ghcr.io/stefanprodan/podinfo:6.0.1")
    await _set_image(sandbox, "6.0.1")
    await _until(show, lambda: story.phase() == "Succeeded" and _is_down(story))
    story.success()
    show.title("3. the same with podinfo:6.0.2, which answers one request in five with an error")
    await _set_image(sandbox, "6.0.2")
    await _until(show, lambda: story.phase() == "Failed" and _is_down(story))
    story.rollback()


def _is_down(story: Story) -> bool:
    """At rest: target down and paused, and the primary's own scaler has had its say."""
    down = story.replicas("podinfo") == "0/0" and story.pause() == "0"
    said = not any(entry for entry in story.get("Canary", "podinfo").get("status", {}).get("rollout", {}).get("owed", []))
    return down and said and story.replicas("podinfo-primary") not in ("-", "0/0")


async def _until(show: Show, there: Callable[[], bool]) -> None:
    async with asyncio.timeout(ACT_LIMIT_S):
        while not there():
            show.look()
            await asyncio.sleep(0.05)
    await asyncio.sleep(0.2)
    show.look()


async def _set_image(sandbox: Sandbox, tag: str) -> None:
    image = f"ghcr.io/stefanprodan/podinfo:{tag}"
    body = {"spec": {"template": {"spec": {"containers": [{"name": "podinfod", "image": image}]}}}}
    ref = Ref.to(kinds.DEPLOYMENT, SPACE, "podinfo")
    path = ref.served.path(SPACE, "podinfo") + "?fieldManager=kubectl-set"
    await sandbox.cluster.call("PATCH", path, body, "application/strategic-merge-patch+json", "kubectl")
