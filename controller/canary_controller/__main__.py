"""The command line: `canary-controller run`, `sandbox`, `demo`."""

import asyncio
import sys
from pathlib import Path

try:
    import click
    from rich.console import Console
except ModuleNotFoundError as missing:
    sys.exit(f"canary-controller needs {missing.name}: pip install 'canarykit[controller]'")

from canary_controller.flags import run_command
from canary_controller.run import print_crds, program_version, start

SPEED_HELP = "Divide every wait (interval, deadline, drain, pods getting ready) by this number; an object's times are never shifted."


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Progressive delivery for Kubernetes: a drop-in for Flagger that treats KEDA ScaledObjects better."""


main.add_command(run_command(start, program_version()))


@main.command()
def crd() -> None:
    """Print the CustomResourceDefinitions, for kubectl apply --server-side -f -."""
    print_crds()


@main.command()
@click.option("--speed", type=click.FloatRange(min=1), default=10.0, show_default=True, help=SPEED_HELP)
@click.option("--keep", is_flag=True, help="Leave the cluster up after the last act, until Ctrl-C.")
def demo(speed: float, keep: bool) -> None:
    """Play the KEDA tutorial on an embedded cluster and check what it brings about; exit code 0 only if all was seen."""
    from canary_controller.demo.play import play
    from canary_controller.clock import Clock
    from canary_controller.log import setup

    setup("error", "console", Clock())
    try:
        sys.exit(asyncio.run(play(Console(), speed, keep)))
    except KeyboardInterrupt:
        sys.exit(130)


@main.command()
@click.option("--kubeconfig", type=click.Path(path_type=Path, dir_okay=False), help="Where to write it; a new folder by default.")
@click.option("--speed", type=click.FloatRange(min=1), default=1.0, show_default=True, help=SPEED_HELP)
@click.option("--port", type=click.IntRange(0, 65535), default=0, show_default=True, help="Port on 127.0.0.1; 0 takes a free one.")
@click.option("--no-controller", is_flag=True, help="Only the cluster, without our controller in it.")
def sandbox(kubeconfig: Path | None, speed: float, port: int, no_controller: bool) -> None:
    """Run an embedded Kubernetes cluster until Ctrl-C; kubectl follows the tutorial on it."""
    from canary_controller.sandbox.serve import serve

    if no_controller and speed != 1.0:
        raise click.UsageError("--speed is 1 with --no-controller: a foreign controller's waits cannot be divided.")
    try:
        asyncio.run(serve(Console(stderr=True), kubeconfig, speed, port, not no_controller))
    except KeyboardInterrupt:
        sys.exit(0)


if __name__ == "__main__":
    main()
