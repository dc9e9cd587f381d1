"""`PYTHONPATH=tests python -m e2e.rig check|build|up`: say what is missing, build binaries, keep a cluster up for a person."""

import argparse
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from . import binaries
from .cluster import RealCluster, needed


def main(arguments: Sequence[str] | None = None) -> int:
    """Return the exit code: 0, or 1 when something is missing here (the reason is printed)."""
    parser = argparse.ArgumentParser(prog="python -m e2e.rig", description=__doc__)
    parser.add_argument("what", choices=("build", "up", "check"))
    parser.add_argument("--no-keda", action="store_true", help="only the control plane and kwok")
    parser.add_argument("--folder", type=Path, help="where to keep logs, certificates and data; a temporary folder if left out")
    asked = parser.parse_args(arguments)
    names = needed(with_keda=not asked.no_keda)
    try:
        if asked.what == "check":
            problem = binaries.why_not(names)
            if problem:
                print(f"the real control plane cannot run here: {problem}")
            return 1 if problem else 0
        if asked.what == "build":
            for name, path in binaries.ensure(names).items():
                print(f"{name}: {path}")
            return 0
        return _up(not asked.no_keda, asked.folder)
    except binaries.MissingTool as error:
        print(f"the real control plane cannot run here: {error}")
        return 1


def _up(with_keda: bool, folder: Path | None) -> int:
    """Keep a cluster up until SIGINT or SIGTERM."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with RealCluster(with_keda, folder=folder, say=lambda text: print(f"rig: {text}", file=sys.stderr, flush=True)) as cluster:
        print(f"A real control plane is up: {cluster.server}\n  export KUBECONFIG={cluster.kubeconfig('admin')}")
        print(f"Logs are in {cluster.home}. Ctrl-C ends it.", flush=True)
        stop.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
