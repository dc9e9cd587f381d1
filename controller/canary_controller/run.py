"""`canary-controller run`: the controller as a process, from its options to its exit code."""

import asyncio
import signal
import sys
from importlib.metadata import version
from typing import Any

import orjson
import structlog

from canarykit import hooks
from canarykit.dicts import at
from canarykit.errors import CanarykitError
from canarykit.kinds import CANARY

from canary_controller.app import App
from canary_controller.clock import Clock
from canary_controller.flags import Options
from canary_controller.http import Http
from canary_controller.kube import Kube
from canary_controller.kube_client import client_send
from canary_controller.log import setup
from canary_controller.metrics import Metrics
from canary_controller.record import Recorder
from canary_controller.server import Server

EXIT_CONFIG = 78
SKEW_LIMIT_S = 5.0
GAUGES_EVERY_S = 10.0


def program_version() -> str:
    """Return the version of the installed distribution."""
    return version("canarykit")


def start(options: Options) -> int:
    """Run until SIGTERM or SIGINT and return the exit code: 0, 1 for a defect, 78 for a cluster that has to be prepared."""
    clock = Clock()
    setup(options.log_level, options.zap_encoding, clock)
    log = structlog.get_logger()
    if options.not_acting:
        log.warning("accepted, but not yet acting", flags=", ".join(options.not_acting))
    try:
        return asyncio.run(_run(options, clock))
    except CanarykitError as error:
        print(f"canary-controller: {error}", file=sys.stderr)
        return EXIT_CONFIG


async def _run(options: Options, clock: Clock) -> int:
    send = await client_send(options.kubeconfig or None, options.master)
    http = Http(clock, hooks, resolve=dict(options.resolve) or None)
    kube = Kube(send, clock)
    try:
        problem = await crd_problem(kube)
        if problem:
            print(f"canary-controller: {problem}", file=sys.stderr)
            return EXIT_CONFIG
        await _serve(options, clock, kube, http)
    finally:
        await http.aclose()
        await send.aclose()
    return 0


async def _serve(options: Options, clock: Clock, kube: Kube, http: Http) -> None:
    metrics = Metrics(program_version(), options.settings.mesh_provider)
    app = App(kube, http, clock, options.settings, options.namespace, observer=Recorder(metrics))
    app.loop.publisher.event_webhook = options.event_webhook
    server = Server(metrics, app.health, app.waiting, lambda: _refresh(app, metrics, kube))
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, lambda: asyncio.ensure_future(app.stop()))
    port = await server.start(options.port)
    log = structlog.get_logger()
    log.info("started", port=port, version=program_version(), namespace=options.namespace or "all namespaces")
    skew = asyncio.create_task(_watch_skew(kube, clock))
    try:
        await app.run()
    finally:
        skew.cancel()
        await server.stop()
        log.info("stopped")


def _refresh(app: App, metrics: Metrics, kube: Kube) -> None:
    metrics.set_totals(namespace for namespace, _ in app.cache.canaries())
    metrics.set_process(kube.skew_s, app.queue.overdue(), {watcher.kind.plural: watcher for watcher in app.watchers})


async def _watch_skew(kube: Kube, clock: Clock) -> None:
    """Warn once when our clock and the API server's are more than five seconds apart."""
    while True:
        await clock.sleep(GAUGES_EVERY_S)
        if kube.skew_s is not None and abs(kube.skew_s) > SKEW_LIMIT_S:
            text = "our clock and the API server's differ; intervals are right, times in objects may surprise"
            structlog.get_logger().warning(text, skew_s=round(kube.skew_s, 1))
            return


async def crd_problem(kube: Kube) -> str:
    """Return what is wrong with the served Canary CRD, with the command that mends it; "" when it keeps ``status.rollout``."""
    advice = "Run: canary-controller crd | kubectl apply --server-side --force-conflicts -f -"
    path = f"/openapi/v3/apis/{CANARY.group}/{CANARY.version}"
    try:
        document = await kube.raw(path)
    except CanarykitError as error:
        return f"the Canary CRD is not served ({error}). {advice}"
    schemas = at(document, "components", "schemas", default={})
    canary = next((each for each in schemas.values() if _is_canary(each)), {})
    status = at(canary, "properties", "status", default={})
    keeps = "rollout" in at(status, "properties", default={}) or status.get("x-kubernetes-preserve-unknown-fields")
    return "" if keeps else f"the served Canary CRD drops status.rollout, which rollouts are remembered in. {advice}"


def _is_canary(schema: dict[str, Any]) -> bool:
    kinds = schema.get("x-kubernetes-group-version-kind", ())
    return any(each.get("kind") == CANARY.kind and each.get("group") == CANARY.group for each in kinds)


def print_crds() -> None:
    """Print the CRDs as a List, for kubectl."""
    from canarykit.spec.crd import crds

    document = {"apiVersion": "v1", "kind": "List", "items": list(crds())}
    sys.stdout.write(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode() + "\n")
