"""Processes of the rig: started on loopback, logs kept, watched until healthy, and only those ended that we started."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from attrs import define, field

LOG_LINES = 25
POLL_S = 0.05
STOP_LIMIT_S = 10.0


class NotHealthy(Exception):
    """A process ended, or did not become healthy in time; the text has the end of its log."""


def free_port() -> int:
    """Return a TCP port of loopback that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@define
class Processes:
    """The running processes, in the order in which they were started. Use from the main thread only.

    Attributes:
        folder: where each writes ``<name>.log``.
    """

    folder: Path
    _running: dict[str, subprocess.Popen[bytes]] = field(factory=dict)
    _started: dict[str, tuple[Sequence[str | Path], Mapping[str, str] | None]] = field(factory=dict)

    def start(self, name: str, command: Sequence[str | Path], environment: Mapping[str, str] | None = None) -> None:
        """Start a process that dies with us (where setpriv is there to ask for it), in a session of its own."""
        self._started[name] = command, environment
        leash = ["setpriv", "--pdeathsig", "KILL", "--"] if shutil.which("setpriv") else []
        with (self.folder / f"{name}.log").open("ab") as log:
            self._running[name] = subprocess.Popen(
                [*leash, *(str(word) for word in command)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(environment or {})},
                start_new_session=True,
            )

    def again(self, name: str) -> None:
        """Start a process that has ended once more, as it was started before."""
        self.start(name, *self._started[name])

    def pid(self, name: str) -> int:
        """Return the process id of a running process."""
        return self._running[name].pid

    def is_running(self, name: str) -> bool:
        """Return whether it was started and has not ended."""
        return name in self._running and self._running[name].poll() is None

    def returncode(self, name: str) -> int | None:
        """Return what a started process ended with; None while it runs."""
        return self._running[name].poll()

    def wait_until(self, name: str, is_healthy: Callable[[], bool], limit_s: float = 60.0) -> None:
        """Wait until ``is_healthy`` says so (OSError from it counts as "not yet").

        Raises:
            NotHealthy: it ended, or ``limit_s`` passed.
        """
        end = time.monotonic() + limit_s
        while True:
            try:
                if is_healthy():
                    return
            except OSError:
                pass
            if not self.is_running(name):
                raise NotHealthy(f"{name} ended with {self.returncode(name)}. Its last lines:\n{self.log_end(name)}")
            if time.monotonic() >= end:
                raise NotHealthy(f"{name} was not healthy after {limit_s:g} s. Its last lines:\n{self.log_end(name)}")
            time.sleep(POLL_S)

    def kill(self, name: str) -> None:
        """End it at once, as SIGKILL does."""
        self._signal(name, signal.SIGKILL)
        self._running[name].wait(STOP_LIMIT_S)

    def stop(self, name: str, limit_s: float = STOP_LIMIT_S) -> int:
        """Ask it to end, insist after ``limit_s``, and return its exit code."""
        self._signal(name, signal.SIGTERM)
        process = self._running[name]
        try:
            return process.wait(limit_s)
        except subprocess.TimeoutExpired:
            self.kill(name)
            return int(process.returncode)

    def stop_all(self) -> None:
        """End all that were started, the last one first."""
        for name in reversed(self._running):
            if self.is_running(name):
                self.stop(name, limit_s=3.0)

    def log_end(self, name: str) -> str:
        """Return the last lines of its log."""
        return "\n".join((self.folder / f"{name}.log").read_text(errors="replace").splitlines()[-LOG_LINES:])

    def _signal(self, name: str, number: signal.Signals) -> None:
        if self.is_running(name):
            os.killpg(self._running[name].pid, number)
