"""A terminal: sandbox and controller as processes of their own, and the real kubectl against them."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from attrs import frozen

BIN = Path(sys.executable).parent
PROGRAM = [sys.executable, "-m", "canary_controller"]
PATIENCE_S = 60.0


def wait_until(there: Callable[[], bool], what: Callable[[], str], limit_s: float = PATIENCE_S) -> None:
    """Wait until ``there`` holds; AssertionError with ``what`` when it does not in time."""
    end = time.monotonic() + limit_s
    while not there():
        assert time.monotonic() < end, what()
        time.sleep(0.05)


@frozen
class Process:
    """A running process whose output goes to a file."""

    popen: subprocess.Popen[bytes]
    log: Path

    def text(self) -> str:
        """Return what it has printed so far."""
        return self.log.read_text()

    def wait_for(self, text: str) -> None:
        """Wait until it has printed ``text``."""
        wait_until(lambda: text in self.text() or self.popen.poll() is not None, self.text)
        assert text in self.text(), self.text()

    def end(self, limit_s: float = 15.0) -> int:
        """Send SIGTERM and return the exit code."""
        self.popen.send_signal(signal.SIGTERM)
        return self.popen.wait(limit_s)


@contextmanager
def process(home: Path, name: str, *arguments: str) -> Iterator[Process]:
    """Run ``canary-controller`` with an empty environment; it is gone afterwards."""
    log = home / f"{name}.log"
    with log.open("wb") as out:
        popen = subprocess.Popen([*PROGRAM, *arguments], stdout=out, stderr=out, env=environment(home))
    try:
        yield Process(popen, log)
    finally:
        if popen.poll() is None:
            popen.kill()
        popen.wait()


def environment(home: Path) -> dict[str, str]:
    """Return the variables of a person who has nothing but a home."""
    return {"HOME": str(home), "PATH": os.environ.get("PATH", ""), "KUBECONFIG": str(home / "kubeconfig")}


@frozen
class Terminal:
    """Runs kubectl as a person with this home would."""

    home: Path

    def run(self, *arguments: str, code: int = 0, **variables: str) -> str:
        """Run kubectl and return what it prints, errors included; the exit code has to be ``code``."""
        command = [str(BIN / "kubectl"), *arguments]
        given = environment(self.home) | variables
        ran = subprocess.run(command, env=given, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=PATIENCE_S)
        assert ran.returncode == code, f"kubectl {' '.join(arguments)} ended with {ran.returncode}:\n{ran.stdout}"
        return ran.stdout

    def lines(self, *arguments: str) -> list[list[str]]:
        """Run kubectl and return its table as rows of words."""
        return [line.split() for line in self.run(*arguments).splitlines()]

    def start(self, name: str, *arguments: str) -> Process:
        """Start a kubectl that goes on, such as ``get -w``; its caller ends it."""
        log = self.home / f"{name}.log"
        with log.open("wb") as out:
            command = [str(BIN / "kubectl"), *arguments]
            return Process(subprocess.Popen(command, stdout=out, stderr=out, env=environment(self.home)), log)

    def phase(self, expected: str) -> None:
        """Wait for a phase of the tutorial's Canary."""
        self.run("-n", "test", "wait", "canary/podinfo", f"--for=jsonpath={{.status.phase}}={expected}", "--timeout=60s")


@contextmanager
def sandbox(home: Path, *arguments: str) -> Iterator[tuple[Terminal, Process]]:
    """Run a sandbox process and wait until its API server answers."""
    terminal = Terminal(home)
    with process(home, "sandbox", "sandbox", f"--kubeconfig={home / 'kubeconfig'}", *arguments) as running:
        running.wait_for("Ctrl-C ends the cluster")
        wait_until(lambda: terminal.run("get", "--raw", "/readyz") == "ok", running.text)
        yield terminal, running
