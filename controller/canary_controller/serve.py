"""`canary-controller sandbox`: an embedded cluster that stays up, says how to reach it and logs what happens in it."""

import asyncio
import signal
from pathlib import Path

from rich.console import Console

from canary_controller.clock import Clock
from canary_controller.embedded import PROMETHEUS, Sandbox, sandbox_settings
from canary_controller.sandbox.store import Change
from canary_controller.sandbox.tutorial import BAD_IMAGE
from canarykit.names import FIELD_MANAGER
from canarykit.world.behaviour import Behaviour, ImageBehaviour

QUIET = frozenset({"pods", "replicasets", "endpointslices", "leases", "controllerrevisions"})


async def serve(console: Console, kubeconfig: Path | None, speed: float, port: int, with_controller: bool) -> None:
    """Run until SIGINT or SIGTERM."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with Sandbox(Clock(), sandbox_settings(speed), BEHAVIOUR, kubeconfig, port, with_controller) as sandbox:
        for line in _welcome(sandbox, speed, with_controller):
            console.print(line, highlight=False, soft_wrap=True, markup=False)
        sandbox.cluster.store.subscribe(lambda change: _tell(console, change))
        await stop.wait()


BEHAVIOUR = Behaviour(images=(ImageBehaviour(image_suffix=BAD_IMAGE, error_rate=0.2),), probe_rate_per_s=0.2)


def _welcome(sandbox: Sandbox, speed: float, with_controller: bool) -> list[str]:
    """Return what a person needs to know: how to get in, what runs there, and how to end it."""
    lines = [
        "An embedded cluster is up. Point kubectl at it:",
        f"  export KUBECONFIG={sandbox.kubeconfig}",
        "Its load tester and Prometheus answer under plain HTTP; this opens a closed gate:",
        f"""  curl -d '{{"name":"podinfo","namespace":"test"}}' http://{sandbox.services}/gate/open""",
    ]
    if with_controller:
        lines += [f"{FIELD_MANAGER} runs in it, waits divided by {speed:g}."]
    else:
        flags = f"-mesh-provider=kubernetes -metrics-server={PROMETHEUS} '-resolve=*={sandbox.services}'"
        lines += ["No controller runs in it. This starts one:", f"  {FIELD_MANAGER} run -kubeconfig={sandbox.kubeconfig} {flags}"]
    return [*lines, f"Pods of images ending in {BAD_IMAGE} fail one request in five. Ctrl-C ends the cluster."]


def _tell(console: Console, change: Change) -> None:
    """Log one change: Events with their text, other objects by name; what only the models move is left out."""
    key = change.key
    if key.plural in QUIET or (change.before is not None and _same_spec(change)):
        return
    where = f"{key.namespace}/{key.name}" if key.namespace else key.name
    text = f" {change.manifest.get('message', '')}" if key.plural == "events" else ""
    console.print(f"{change.type.lower():<9}{key.plural} {where}{text}", highlight=False, soft_wrap=True, markup=False)


def _same_spec(change: Change) -> bool:
    before, after = change.before or {}, change.manifest
    return before.get("spec") == after.get("spec") and change.type == "MODIFIED"
