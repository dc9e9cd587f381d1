"""`canary-controller run`: the controller as a process, from its options to its exit code."""

import asyncio
import signal
import sys
from collections.abc import Coroutine, Sequence
from importlib.metadata import version
from typing import Any, TypeVar

import yaml

from canary_controller.app import App
from canary_controller.clock import Clock
from canary_controller.flags import Options
from canary_controller.http import Http
from canary_controller.kube import ApiError, Kube
from canary_controller.kube_client import client_send
from canary_controller.log import logger, setup
from canary_controller.metrics import Metrics
from canary_controller.record import Recorder
from canary_controller.server import Server
from canary_controller.watch import Watcher
from canarykit import hooks
from canarykit.dicts import at
from canarykit.errors import CanarykitError, SpecError, Unavailable
from canarykit.kinds import CANARY

Result = TypeVar("Result")
EXIT_FAILED = 1
EXIT_CONFIG = 78
SKEW_LIMIT_S = 5.0
GAUGES_EVERY_S = 10.0
AGAIN_S = 5.0
CRD_PATIENCE_S = 6.0
CRD_AGAIN_S = 0.5


def program_version() -> str:
    """Return the version of the installed distribution."""
    return version("canarykit")


def start(options: Options) -> int:
    """Run until SIGTERM or SIGINT and return the exit code: 0, 1 when a defect or a taken port ends it, 78 for a cluster or
    command line that a person has to mend."""
    clock = Clock()
    setup(options.log_level, options.zap_encoding, clock)
    if options.not_acting:
        logger().warning("accepted, but not yet acting", flags=", ".join(options.not_acting))
    try:
        _check(options)
        return asyncio.run(_run(options, clock))
    except CanarykitError as error:
        return _complain(str(error), EXIT_CONFIG)


def _complain(text: str, code: int) -> int:
    print(f"canary-controller: {text}", file=sys.stderr)
    return code


def _check(options: Options) -> None:
    if options.event_webhook and not options.event_webhook.startswith(("http://", "https://")):
        raise SpecError("-event-webhook", "is not an http or https URL", options.event_webhook, "Write http://host/path.")


async def _run(options: Options, clock: Clock) -> int:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    send = await client_send(options.kubeconfig or None, options.master)
    http = Http(clock, hooks, resolve=dict(options.resolve) or None)
    try:
        return await _serve(options, clock, Kube(send, clock), http, stop)
    finally:
        await http.aclose()
        await send.aclose()


async def _serve(options: Options, clock: Clock, kube: Kube, http: Http, stop: asyncio.Event) -> int:
    """Open the port, wait for the API server, and work until ``stop``."""
    metrics = Metrics(program_version(), options.settings.mesh_provider)
    recorder = Recorder(metrics, clock)
    app = App(kube, http, clock, options.settings, options.namespace, observer=recorder)
    app.loop.publisher.event_webhook = options.event_webhook
    server = Server(metrics, app.health, app.waiting, lambda: _refresh(app, recorder, kube))
    try:
        port = await server.start(options.port)
    except OSError as error:
        return _complain(f"cannot listen on port {options.port}: {error}. Choose another with -port.", EXIT_FAILED)
    where = options.namespace or "all namespaces"
    logger().info("started", port=port, version=program_version(), namespace=where)
    try:
        problem = await _ended_first(problem_of_cluster(kube, clock), stop)
        if problem:
            return _complain(problem, EXIT_CONFIG)
        await _work(app, kube, clock, stop)
    finally:
        await server.stop()
        logger().info("stopped")
    return 0


async def _work(app: App, kube: Kube, clock: Clock, stop: asyncio.Event) -> None:
    beside = [asyncio.create_task(watch_skew(kube, clock)), asyncio.create_task(tell_troubles(app.watchers, clock))]
    working = asyncio.create_task(app.run(), name="app")
    try:
        await _ended_first(asyncio.wait([working]), stop)
        await app.stop()
        await working
    finally:
        for task in beside:
            task.cancel()


async def _ended_first(work: Coroutine[Any, Any, Result], stop: asyncio.Event) -> Result | None:
    """Return what ``work`` returns, or None when ``stop`` comes first."""
    task, stopped = asyncio.ensure_future(work), asyncio.ensure_future(stop.wait())
    await asyncio.wait([task, stopped], return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if task.done():
        return task.result()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return None


def _refresh(app: App, recorder: Recorder, kube: Kube) -> None:
    canaries = app.cache.canaries()
    recorder.keep(canaries)
    recorder.metrics.set_totals(namespace for namespace, _ in canaries)
    recorder.metrics.set_process(kube.skew_s, app.queue.overdue(), {watcher.kind.plural: watcher for watcher in app.watchers})


async def watch_skew(kube: Kube, clock: Clock) -> None:
    """Warn once when our clock and the API server's are more than five seconds apart."""
    while kube.skew_s is None or abs(kube.skew_s) <= SKEW_LIMIT_S:
        await clock.sleep(GAUGES_EVERY_S)
    text = "our clock and the API server's differ; intervals are right, times in objects may surprise"
    logger().warning(text, skew_s=round(kube.skew_s, 1))


async def tell_troubles(watchers: Sequence[Watcher], clock: Clock) -> None:
    """Log, for as long as it runs, when the watch of a kind breaks and when it works again; each once."""
    broken: set[str] = set()
    while True:
        for watcher in watchers:
            kind, trouble = watcher.kind.plural, watcher.trouble.text
            if trouble and not watcher.is_absent and kind not in broken:
                broken.add(kind)
                logger().warning("a watch is broken; what is known may be old", kind=kind, error=trouble)
            elif not trouble and kind in broken:
                broken.remove(kind)
                logger().info("the watch works again", kind=kind)
        await clock.sleep(GAUGES_EVERY_S)


async def problem_of_cluster(kube: Kube, clock: Clock) -> str:
    """Return `crd_problem` as soon as the API server answers at all; an outage is waited for, not died of.

    A CRD that was applied a moment ago is published a moment later, so what is wrong has to stay wrong for a while.
    """
    patience_until = clock.now() + CRD_PATIENCE_S
    while True:
        try:
            problem = await crd_problem(kube)
            if not problem or clock.now() >= patience_until:
                return problem
            await clock.sleep(CRD_AGAIN_S)
        except Unavailable as error:
            logger().warning("the API server does not answer yet", error=str(error), again_s=AGAIN_S)
            await clock.sleep(AGAIN_S)


async def crd_problem(kube: Kube) -> str:
    """Return what is wrong with the served Canary CRD, with the command that mends it; "" when it keeps ``status.rollout``.

    Raises:
        Unavailable: the API server does not answer.
    """
    advice = "Run: canary-controller crd | kubectl apply --server-side --force-conflicts -f -"
    try:
        document = await kube.raw(f"/openapi/v3/apis/{CANARY.group}/{CANARY.version}")
    except ApiError as error:
        if isinstance(error, Unavailable):
            raise
        if not error.is_not_found:
            return f"the API server refuses its schemas: {error}"
        document = {}
    schemas = at(document, "components", "schemas", default={})
    canary: dict[str, Any] = next((each for each in schemas.values() if _is_canary(each)), {})
    if not canary:
        return f"the Canary CRD is not served. {advice}"
    status = at(canary, "properties", "status", default={})
    keeps = "rollout" in at(status, "properties", default={}) or status.get("x-kubernetes-preserve-unknown-fields")
    return "" if keeps else f"the served Canary CRD drops status.rollout, which rollouts are remembered in. {advice}"


def _is_canary(schema: dict[str, Any]) -> bool:
    kinds = schema.get("x-kubernetes-group-version-kind", ())
    return any(each.get("kind") == CANARY.kind and each.get("group") == CANARY.group for each in kinds)


def print_documents(*manifests: dict[str, Any]) -> None:
    """Print manifests as YAML documents, for kubectl."""
    sys.stdout.write(yaml.safe_dump_all(manifests, sort_keys=False, explicit_start=True, width=130))
