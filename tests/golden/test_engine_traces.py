"""The traces that the reference derives from Flagger's engine (A to E without mirror, H to K), on the controller and a route.

Each YAML holds Flagger's rows, one a tick: phase, weight, iterations, routes (primary-canary), Events; and, numbered, the rows
that are ours instead. A row of ours is a decision that changed one of these or said something.
"""

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from attrs import define, field

from canarykit.decide import Decision
from canarykit.kinds import HTTP_ROUTE, SERVICE
from canarykit.model import HttpResponse
from canarykit.settings import Settings
from canarykit.snapshot import Snapshot
from canarykit.steps import next_weight
from harness import Rig, sample

pytestmark = pytest.mark.looptime(idle_timeout=36000)
ENGINE = Path(__file__).parent / "engine"
TRACES = sorted(path.stem for path in ENGINE.glob("*.yaml"))
MIGRATING = Path(__file__).parents[2] / "docs" / "migrating-from-flagger.md"
HOOKS = "127.0.0.1"
RECORDER = f"http://{HOOKS}/recorder"
EDGE = [{"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "edge", "namespace": "infra"}]


def trace_of(name: str) -> dict[str, Any]:
    """The trace as data."""
    return yaml.safe_load((ENGINE / f"{name}.yaml").read_text())


def expected_rows(trace: dict[str, Any]) -> list[list[Any]]:
    """Flagger's rows with ours in the place of those that differ on purpose."""
    ours = {entry["row"]: entry["ours"] for entry in trace["differences"]}
    return [row for number, theirs in enumerate(trace["flagger"], 1) for row in ours.get(number, [theirs])]


@define
class Rows:
    """Notes what every decision changed. The routes of a row are those that the next row found."""

    rig: Rig
    rows: list[list[Any]] = field(factory=list)
    failed: list[int] = field(factory=list)
    said: set[str] = field(factory=set)
    last: Any = None

    def note(self, snapshot: Snapshot, decision: Decision) -> None:
        """Take one decision down."""
        state = decision.state
        news = [each for each in decision.events if not each.once or (each.topic or each.message) not in self.said]
        self.said |= {each.topic or each.message for each in news}
        now = [state.phase, state.split.weight, state.iterations, state.failed_checks]
        if now == self.last and not news:
            return
        self.finish_routes()
        self.rows.append([*now[:3], "", [each.message for each in news]])
        self.failed.append(state.failed_checks)
        self.last = now

    def finish_routes(self) -> None:
        """The last row has ended: its routes are those of now."""
        if self.rows and not self.rows[-1][3]:
            self.rows[-1][3] = routes(self.rig)


def routes(rig: Rig) -> str:
    """Where requests go: by the HTTPRoute's weights, or by what the apex Service selects."""
    route = rig.find(HTTP_ROUTE, "podinfo-svc")
    if route is None:
        return "100-0" if rig.get(SERVICE, "podinfo-svc")["spec"]["selector"]["app"] == "podinfo-primary" else "0-100"
    weights = {each["name"]: each["weight"] for each in route["spec"]["rules"][0]["backendRefs"]}
    return f"{weights['podinfo-svc-primary']}-{weights['podinfo-svc-canary']}"


def manifests(trace: dict[str, Any]) -> list[dict[str, Any]]:
    """Deployment and Canary of the trace."""
    _, deployment, _, canary = sample("tutorial.yaml")
    hooks = [{"name": kind, "type": kind, "url": f"http://{HOOKS}/{kind}"} for kind in trace.get("hooks", {})]
    hooks.append({"name": "recorder", "type": "event", "url": RECORDER})
    service: dict[str, Any] = {"name": "podinfo-svc", "port": 80, "targetPort": 9898}
    if trace["provider"] != "kubernetes":
        service["gatewayRefs"] = EDGE
    spec = {
        "provider": trace["provider"],
        "targetRef": canary["spec"]["targetRef"],
        "progressDeadlineSeconds": 60,
        "service": service,
        "analysis": {"interval": "10s", "threshold": 5, **trace["analysis"], "webhooks": hooks},
    }
    return [deployment, {**canary, "spec": spec}]


async def answer_hooks(rig: Rig, script: dict[str, list[int]]) -> None:
    """Answer each hook as the script says, call by call, and 200 after its end."""
    fixed = rig.cluster.outside.fixed
    while True:
        asked = [path for path, _ in rig.cluster.outside.calls]
        for kind, answers in script.items():
            later = answers[asked.count(f"/{kind}") :]
            fixed[f"{HOOKS}/{kind}"] = HttpResponse(later[0] if later else 200, b"no" if later else b"")
        await asyncio.sleep(0.25)


async def play(trace: dict[str, Any]) -> tuple[Rows, list[str], list[str]]:
    """Return the rows from the change of the target on, the Events as posted since then, and the hooks called."""
    async with Rig(Settings()) as rig:
        rig.cluster.outside.fixed[f"{HOOKS}/recorder"] = HttpResponse(200)
        hooks = asyncio.create_task(answer_hooks(rig, trace.get("hooks", {})))
        await rig.apply(*manifests(trace))
        await rig.until_phase("Initialized")
        await rig.rest(30)
        before = len(rig.cluster.outside.calls)
        rows = Rows(rig)
        assert rig.app is not None
        rig.app.loop.observer = rows.note
        await rig.set_image("ghcr.io/stefanprodan/podinfo:6.0.1")
        await rig.until_phase("Succeeded", "Failed")
        await rig.rest(60)
        rows.finish_routes()
        hooks.cancel()
        calls = rig.cluster.outside.calls[before:]
        told = [body["metadata"]["eventMessage"] for path, body in calls if path == "/recorder"]
        return rows, told, [path.strip("/") for path, _ in calls if path != "/recorder"]


@pytest.mark.parametrize("name", TRACES)
async def test_steps_are_those_of_the_engine(name):
    """Phase, weight, iterations, routes and Events of every step equal Flagger's, but for the numbered rows."""
    trace = trace_of(name)
    rows, told, calls = await play(trace)
    decided = [message for row in rows.rows for message in row[4]]
    rows.rows[-1][4] += told[len(decided) :]  # what is owed is said after the last decision, when the world has followed
    assert rows.rows == expected_rows(trace)
    assert told == [message for row in rows.rows for message in row[4]]
    if "calls" in trace:
        assert calls == trace["calls"]


async def test_a_failed_check_counts_until_the_rollback():
    """Trace J: 0, 0, 1, and at the second one the rollback, which leaves 0 (W29)."""
    rows, _, _ = await play(trace_of("j-threshold"))
    assert rows.failed == [0, 0, 1, 0]


def test_every_difference_from_the_engine_has_its_line_for_people_who_migrate():
    """Each number is a row of docs/migrating-from-flagger.md, and every entry names a row that exists."""
    numbers = set(re.findall(r"^\| (\w+\d+)", MIGRATING.read_text(), re.MULTILINE))
    for name in TRACES:
        trace = trace_of(name)
        assert {entry["number"] for entry in trace["differences"]} <= numbers
        assert all(1 <= entry["row"] <= len(trace["flagger"]) and entry["why"] for entry in trace["differences"])


def test_an_edited_list_goes_on_with_the_next_higher_step():
    """From a weight that is no step (any more) the next higher one follows, never a jump to 100 (W13)."""
    assert next_weight([8, 15, 30], 10) == 15
    assert next_weight([8, 15, 30], 30) is None
    assert next_weight([5, 200], 5) == 100
