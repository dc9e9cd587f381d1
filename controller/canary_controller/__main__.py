"""The command line: `canary-controller run`, `crd`, `rbac`, `sandbox`, `demo`."""

import asyncio
import sys
from pathlib import Path

try:
    import click
    from rich.console import Console

    from canary_controller.clock import Clock
    from canary_controller.flags import run_command
    from canary_controller.log import setup
    from canary_controller.run import print_documents, program_version, start
except ModuleNotFoundError as missing:
    if (missing.name or "").startswith("canary"):
        raise
    sys.exit(f"canary-controller needs {missing.name}: pip install 'canarykit[controller]'")

PORT_HELP = "Port on 127.0.0.1 of the API server; the services around the cluster get the next one. 0 takes free ones."
SPEED_HELP = "Divide every wait (interval, deadline, drain, pods getting ready) by this; an object's times are never shifted."


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Progressive delivery for Kubernetes: a drop-in for Flagger that treats KEDA ScaledObjects better."""


main.add_command(run_command(start, program_version()))


@main.command(short_help="Print the CustomResourceDefinitions as YAML.")
def crd() -> None:
    """Print the CustomResourceDefinitions: canary-controller crd | kubectl apply --server-side -f -"""
    from canarykit.spec.crd import crds

    print_documents(*crds())


@main.command(short_help="Print the access rules that run needs.")
@click.option("--namespace", default="", help="A Role for run -namespace=THIS instead of a ClusterRole.")
@click.option("--no-config-tracking", is_flag=True, help="For run -enable-config-tracking=false: without ConfigMaps and Secrets.")
def rbac(namespace: str, no_config_tracking: bool) -> None:
    """Print the ClusterRole that run needs, or the Role for one namespace."""
    from canary_controller.rbac import role

    print_documents(role(namespace, not no_config_tracking))


@main.command(short_help="Play the KEDA tutorial on an embedded cluster.")
@click.option("--speed", type=click.FloatRange(min=1), default=10.0, show_default=True, help=SPEED_HELP)
@click.option("--keep", is_flag=True, help="Leave the cluster up after the last act, until Ctrl-C.")
def demo(speed: float, keep: bool) -> None:
    """Play the KEDA tutorial on an embedded cluster and check what it brings about; exit code 0 only if all was seen."""
    from canary_controller.demo.play import play

    setup("error", "console", Clock())
    try:
        sys.exit(asyncio.run(play(Console(), speed, keep)))
    except KeyboardInterrupt:
        sys.exit(130)


@main.command(short_help="Run an embedded Kubernetes cluster for kubectl.")
@click.option("--kubeconfig", type=click.Path(path_type=Path, dir_okay=False), help="Where to write it; a new folder by default.")
@click.option("--speed", type=click.FloatRange(min=1), default=1.0, show_default=True, help=SPEED_HELP)
@click.option("--port", type=click.IntRange(0, 65534), default=0, show_default=True, help=PORT_HELP)
@click.option("--no-controller", is_flag=True, help="Only the cluster, without our controller in it.")
def sandbox(kubeconfig: Path | None, speed: float, port: int, no_controller: bool) -> None:
    """Run an embedded Kubernetes cluster until Ctrl-C; kubectl follows the tutorial on it."""
    from canary_controller.serve import serve

    setup("warn", "console", Clock())
    if no_controller and speed != 1.0:
        raise click.UsageError("--speed is 1 with --no-controller: a foreign controller's waits cannot be divided.")
    try:
        asyncio.run(serve(Console(stderr=True), kubeconfig, speed, port, not no_controller))
    except OSError as error:
        raise click.ClickException(f"the cluster cannot start: {error}") from error


if __name__ == "__main__":
    main()
