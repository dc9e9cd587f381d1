"""`canary-controller run` as a process: against a sandbox over a socket, and against clusters that are not ready for it."""

import re
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml

from e2e.terminal import Process, Terminal, process, sandbox, wait_until
from harness import sample

pytestmark = pytest.mark.kubectl
FLAGS = ("-mesh-provider=kubernetes", "-metrics-server=http://flagger-prometheus.flagger-system:9090")
QUICK = ("-port=0", "-min-interval=1s", "-drain-time=1s", "-log-level=info")


@contextmanager
def controller(terminal: Terminal, *flags: str) -> Iterator[Process]:
    """Run our controller against the sandbox of ``terminal``."""
    kubeconfig = f"-kubeconfig={terminal.home / 'kubeconfig'}"
    with process(terminal.home, "run", "run", kubeconfig, *FLAGS, *QUICK, *flags) as running:
        yield running


def get(url: str, body: bytes | None = None) -> str:
    """Make a request and return the answer's text."""
    with urllib.request.urlopen(url, body, timeout=10) as answer:
        return str(answer.read().decode())


def log(running: Process) -> list[dict[str, Any]]:
    """Return the log lines; every one has to be JSON."""
    return [orjson.loads(line) for line in running.text().splitlines()]


def address(running: Process) -> str:
    """Return where a controller serves its metrics."""
    running.wait_for('"msg":"started"')
    return f"http://127.0.0.1:{log(running)[0]['port']}"


def tutorial(terminal: Terminal) -> None:
    """Apply the tutorial, with two iterations of a second and a gate before the rollout."""
    manifests = sample("tutorial.yaml")
    analysis = manifests[3]["spec"]["analysis"]
    analysis |= {"interval": "1s", "iterations": 2}
    gate = {"name": "may-it", "type": "confirm-rollout", "url": "http://flagger-loadtester.test.svc.cluster.local/gate/check"}
    analysis["webhooks"].append(gate)
    path = terminal.home / "tutorial.yaml"
    path.write_text(yaml.safe_dump_all(manifests))
    terminal.run("apply", "-f", str(path))


def test_the_controller_works_over_a_socket(tmp_path: Path):
    """The tutorial's Canary gets to Initialized and, once its gate is opened with a plain request, to Succeeded."""
    with sandbox(tmp_path, "--no-controller") as (terminal, cluster):
        services = re.search(r"-resolve=\*=([\d.:]+)", cluster.text())
        assert services, cluster.text()
        with controller(terminal, f"-resolve=*={services[1]}") as running:
            own = address(running)
            wait_until(lambda: "watch_synced" in get(f"{own}/metrics") and get(f"{own}/healthz") == "OK", running.text)
            tutorial(terminal)
            terminal.phase("Initialized")
            assert get(f"{own}/readyz") == "OK"
            terminal.run("-n", "test", "set", "image", "deploy/podinfo", "podinfod=ghcr.io/stefanprodan/podinfo:6.0.1")
            terminal.phase("Waiting")
            get(f"http://{services[1]}/gate/open", b'{"name":"podinfo","namespace":"test"}')
            terminal.phase("Succeeded")
            shown = get(f"{own}/metrics").splitlines()
            assert 'flagger_info{mesh_provider="kubernetes",version="0.1.0"} 1.0' in shown
            assert 'flagger_canary_total{namespace="test"} 1.0' in shown
            assert 'flagger_canary_status{name="podinfo",namespace="test"} 1.0' in shown
            assert 'flagger_canary_weight{namespace="test",workload="podinfo-primary"} 100.0' in shown
            assert 'flagger_canary_metric_analysis{metric="request-success-rate",name="podinfo",namespace="test"} 100.0' in shown
            ended = '{analysis_status="completed",deployment_strategy="blue-green",name="podinfo",namespace="test"} 1.0'
            assert f"flagger_canary_successes_total{ended}" in shown
            terminal.run("-n", "test", "delete", "canary", "podinfo")
            wait_until(lambda: 'name="podinfo"' not in get(f"{own}/metrics"), lambda: get(f"{own}/metrics"))
            assert running.end(10) == 0
            assert log(running)[-1]["msg"] == "stopped"
            assert "Traceback" not in running.text()


def test_a_crd_that_drops_our_status_ends_it_with_78_and_the_command_that_helps(tmp_path: Path):
    """With Flagger's CRD in place a rollout would forget everything; `canary-controller crd` is what mends it."""
    with sandbox(tmp_path, "--no-controller") as (terminal, _):
        drop = '[{"op":"remove","path":"/spec/versions/0/schema/openAPIV3Schema/properties/status/properties/rollout"}]'
        terminal.run("patch", "crd", "canaries.flagger.app", "--type=json", "-p", drop)
        with controller(terminal) as running:
            assert running.popen.wait(20) == 78
            assert "the served Canary CRD drops status.rollout" in running.text()
            command = "canary-controller crd | kubectl apply --server-side --force-conflicts -f -"
            assert f"Run: {command}\n" in running.text()


def test_an_api_server_that_is_down_is_waited_for(tmp_path: Path):
    """An outage at the start is no reason to die: it says so, is alive and not ready, and still obeys SIGTERM."""
    terminal = Terminal(tmp_path)
    with sandbox(tmp_path, "--no-controller") as (_, cluster):
        assert cluster.end() == 0
    with controller(terminal) as running:
        own = address(running)
        running.wait_for("the API server does not answer yet")
        assert get(f"{own}/healthz") == "OK"
        with pytest.raises(urllib.error.HTTPError) as refused:
            get(f"{own}/readyz")
        assert refused.value.code == 503
        assert running.end(10) == 0


@pytest.mark.parametrize(
    ("flag", "text"),
    [
        ("-kubeconfig=/nowhere", "canary-controller: -kubeconfig leads to no cluster"),
        ("-event-webhook=ftp://x", "canary-controller: -event-webhook is not an http or https URL (found 'ftp://x')"),
    ],
)
def test_a_wrong_flag_ends_it_with_one_line(tmp_path: Path, flag: str, text: str):
    """The text names flag, value and what to do; no traceback."""
    with process(tmp_path, "run", "run", flag) as running:
        assert running.popen.wait(20) == 78
        assert text in running.text()
        assert "Traceback" not in running.text()
