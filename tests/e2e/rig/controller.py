"""Our controller as users run it: a process of its own with a kubeconfig, on the real cluster."""

import json
import signal
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from attrs import frozen

from .cluster import AUDITED, RealCluster
from .processes import free_port
from .rights import grant

NAME = "canary-controller"
READY_LIMIT_S = 30.0


@frozen
class Controller:
    """A running controller. ``place`` is where its /metrics, /healthz and /readyz answer."""

    cluster: RealCluster
    command: tuple[str, ...]
    place: str

    def start(self) -> None:
        """Start it and wait until it is ready."""
        self.cluster.processes.start(NAME, self.command)
        self.cluster.processes.wait_until(NAME, self._is_ready, READY_LIMIT_S)

    def stop(self) -> int:
        """Ask it to end and return its exit code."""
        return self.cluster.processes.stop(NAME)

    def kill(self) -> None:
        """End it as SIGKILL does."""
        self.cluster.processes.kill(NAME)

    def log(self) -> list[dict[str, Any]]:
        """Return its log lines; every one has to be JSON."""
        return [json.loads(line) for line in (self.cluster.home / f"{NAME}.log").read_text().splitlines()]

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://{self.place}/readyz", timeout=5) as answer:
                return bool(answer.status == 200)
        except urllib.error.HTTPError:
            return False


@contextmanager
def controller(cluster: RealCluster, outside: str, flags: Sequence[str] = ()) -> Iterator[Controller]:
    """Run our controller; every hook and metrics server is reached at ``outside``, an ``address:port``."""
    grant(cluster.client, AUDITED)
    port = free_port()
    command = (
        sys.executable,
        "-m",
        "canary_controller",
        "run",
        f"-kubeconfig={cluster.kubeconfig(AUDITED)}",
        f"-port={port}",
        "-mesh-provider=kubernetes",
        "-metrics-server=http://prometheus.monitoring:9090",
        f"-resolve=*={outside}",
        "-min-interval=1s",
        "-drain-time=1s",
        "-log-level=info",
        *flags,
    )
    running = Controller(cluster, command, f"127.0.0.1:{port}")
    running.start()
    try:
        yield running
    finally:
        if cluster.processes.is_running(NAME):
            code = cluster.processes.stop(NAME)
            assert code in (0, -signal.SIGTERM), f"the controller ended with {code}"


def audited(cluster: RealCluster, stages: tuple[str, ...] = ("ResponseComplete",)) -> list[dict[str, Any]]:
    """Return what the controller asked of the API server, oldest first, from the audit log: one dict per finished request.

    With ``ResponseStarted`` among the ``stages`` watches that are still open are there, too.
    """
    lines = cluster.audit_log.read_text().splitlines() if cluster.audit_log.exists() else []
    found = [json.loads(line) for line in lines if line.endswith("}")]
    return [each for each in found if each.get("stage") in stages]
