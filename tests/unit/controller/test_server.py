"""The port for Prometheus and the kubelet, over loopback, and the series behind it."""

import asyncio
from collections.abc import AsyncIterator, Callable

import aiohttp
import pytest
from attrs import define

from canary_controller.clock import LoopClock
from canary_controller.metrics import Metrics
from canary_controller.server import Health, Server

KEY = ("test", "podinfo")


@pytest.fixture
def metrics() -> Metrics:
    return Metrics("0.1.0", "kubernetes")


def lines(metrics: Metrics, start: str = "") -> set[str]:
    return {line for line in metrics.text().decode().splitlines() if line.startswith(start) and not line.startswith("#")}


@define
class Page:
    waiting: list[str]
    health: Health
    refreshed: list[int]
    get: Callable[..., object]


@pytest.fixture
async def page(metrics: Metrics) -> AsyncIterator[Page]:
    waiting: list[str] = []
    refreshed: list[int] = []
    health = Health(LoopClock(), limit_s=-1.0)
    server = Server(metrics, health, lambda: waiting, lambda: refreshed.append(1))
    port = await server.start(0, "127.0.0.1")
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:

        async def get(path: str, method: str = "GET") -> tuple[int, str, str]:
            async with session.request(method, path) as answer:
                return answer.status, await answer.text(), answer.headers["Content-Type"]

        yield Page(waiting, health, refreshed, get)
    await server.stop()


async def test_metrics_are_in_the_text_format_and_fresh(page: Page):
    status, text, content_type = await page.get("/metrics")
    assert status == 200
    assert content_type.startswith("text/plain; version=0.0.4")
    assert 'flagger_info{mesh_provider="kubernetes",version="0.1.0"} 1.0' in text
    assert page.refreshed == [1]


async def test_healthz_is_ok_and_names_the_pass_that_is_stuck(page: Page):
    assert (await page.get("/healthz"))[:2] == (200, "OK")
    with page.health.passing(KEY):
        assert (await page.get("/healthz"))[:2] == (503, "the pass of podinfo.test exceeds its limit")
    assert (await page.get("/healthz"))[0] == 200


async def test_healthz_does_not_care_about_the_watches_but_readyz_does(page: Page):
    page.waiting.append("deployments: connection refused")
    assert (await page.get("/healthz"))[0] == 200
    assert (await page.get("/readyz"))[:2] == (503, "deployments: connection refused")
    page.waiting.clear()
    assert (await page.get("/readyz"))[:2] == (200, "OK")


async def test_other_paths_and_methods_are_refused(page: Page):
    assert (await page.get("/"))[0] == 404
    assert (await page.get("/metrics", "POST"))[0] == 405


@pytest.mark.looptime
async def test_a_pass_is_stuck_only_beyond_its_limit():
    health = Health(LoopClock(), limit_s=100)
    with health.passing(KEY), health.passing(("test", "another")):
        await asyncio.sleep(99)
        assert health.stuck() == ()
        await asyncio.sleep(2)
        assert health.stuck() == (("test", "another"), KEY)
    assert health.stuck() == ()


async def test_a_pass_that_raises_is_over():
    health = Health(LoopClock(), limit_s=-1)
    with pytest.raises(KeyError), health.passing(KEY):
        raise KeyError
    assert health.stuck() == ()


@pytest.mark.parametrize(("phase", "number"), [("Progressing", 0), ("Failed", 2), ("Succeeded", 1), ("Waiting", 1), ("", 1)])
def test_phases_have_flaggers_numbers(metrics: Metrics, phase: str, number: int):
    metrics.set_status("test", "podinfo", phase)
    assert lines(metrics, "flagger_canary_status") == {f'flagger_canary_status{{name="podinfo",namespace="test"}} {number}.0'}


def test_weights_are_shown_for_both_workloads(metrics: Metrics):
    metrics.set_weight("test", "podinfo", "podinfo-primary", 30)
    metrics.set_observed_weight("test", "podinfo", "podinfo-primary", 20)
    assert lines(metrics, "flagger_canary_weight") == {
        'flagger_canary_weight{namespace="test",workload="podinfo"} 30.0',
        'flagger_canary_weight{namespace="test",workload="podinfo-primary"} 70.0',
    }
    assert 'canarykit_observed_weight{namespace="test",workload="podinfo"} 20.0' in lines(metrics)


def test_durations_are_shown_in_seconds_and_other_metrics_as_they_are(metrics: Metrics):
    metrics.set_metric("test", "podinfo", "request-duration", 250)
    metrics.set_metric("test", "podinfo", "request-success-rate", 99.5)
    assert lines(metrics, "flagger_canary_metric_analysis") == {
        'flagger_canary_metric_analysis{metric="request-duration",name="podinfo",namespace="test"} 0.25',
        'flagger_canary_metric_analysis{metric="request-success-rate",name="podinfo",namespace="test"} 99.5',
    }


def test_ends_of_rollouts_are_counted_with_flaggers_labels(metrics: Metrics):
    metrics.count_success("test", "podinfo", "canary")
    metrics.count_success("test", "podinfo", "canary", skipped=True)
    metrics.count_failure("test", "podinfo", "blue-green")
    labels = 'analysis_status="{}",deployment_strategy="{}",name="podinfo",namespace="test"'
    assert lines(metrics, "flagger_canary_successes") == {
        f"flagger_canary_successes_total{{{labels.format('completed', 'canary')}}} 1.0",
        f"flagger_canary_successes_total{{{labels.format('skipped', 'canary')}}} 1.0",
    }
    assert lines(metrics, "flagger_canary_failures") == {
        f"flagger_canary_failures_total{{{labels.format('completed', 'blue-green')}}} 1.0"
    }


def test_a_namespace_without_canaries_is_not_counted_any_more(metrics: Metrics):
    metrics.set_totals(["test", "test", "prod"])
    assert 'flagger_canary_total{namespace="test"} 2.0' in lines(metrics)
    metrics.set_totals(["prod"])
    assert lines(metrics, "flagger_canary_total") == {'flagger_canary_total{namespace="prod"} 1.0'}


def test_the_series_of_a_deleted_canary_are_removed_and_no_others(metrics: Metrics):
    for target in ("podinfo", "backend"):
        metrics.set_status("test", target, "Failed")
        metrics.set_weight("test", target, f"{target}-primary", 0)
        metrics.set_observed_weight("test", target, f"{target}-primary", 0)
        metrics.set_metric("test", target, "error-rate", 1)
        metrics.observe_analysis("test", target, 0.5)
        metrics.count_success("test", target, "canary")
        metrics.count_failure("test", target, "canary")
    backend = {line for line in lines(metrics) if "backend" in line}
    assert len(backend) == len({line for line in lines(metrics) if "podinfo" in line})
    metrics.forget("test", "podinfo", "podinfo-primary")
    assert {line for line in lines(metrics) if "podinfo" in line} == set()
    assert {line for line in lines(metrics) if "backend" in line} == backend
    metrics.forget("test", "never-there", "never-there-primary")


def test_the_process_shows_its_watches_queue_and_skew(metrics: Metrics):
    @define
    class Watcher:
        is_synced: bool

    metrics.set_process(None, 3, {"Deployment": Watcher(True), "Service": Watcher(False)})
    metrics.set_process(-1.5, 4, {})
    metrics.count_pass("advance")
    assert {
        "canarykit_clock_skew_seconds -1.5",
        "canarykit_queue_overdue 4.0",
        'canarykit_watch_synced{kind="Deployment"} 1.0',
        'canarykit_watch_synced{kind="Service"} 0.0',
        'canarykit_passes_total{verdict="advance"} 1.0',
    } <= lines(metrics, "canarykit_")


def test_two_controllers_fit_into_one_process():
    one, other = Metrics("1", "istio"), Metrics("2", "kubernetes")
    one.set_status("test", "podinfo", "Failed")
    assert lines(other, "flagger_canary_status") == set()
