"""The controller killed at any write and restarted finishes the same rollout, and no write of ours breaks an invariant.

The podinfo of the tutorial, with short waits: two iterations four seconds apart. "Every n" is every write that a run without
faults makes; each n is a run of its own, from the same saved cluster. (Faults without a crash, and rollouts by weight, take
every second or third n, for time.)
"""

import asyncio
import re
from collections.abc import Mapping
from typing import Any

import pytest
from attrs import define, evolve, frozen

from canary_controller.clock import LoopClock
from canary_controller.sandbox.cluster import Cluster
from canary_controller.sandbox.store import ADDED, Key
from canarykit.dicts import at
from canarykit.model import Ref
from e2e.scenes import GATEWAY, NEW, PROBED, SETTINGS, a_podinfo, bend, put_load, rollout_of, until_down
from harness import Rig
from sim.invariants import Inspector

pytestmark = [pytest.mark.looptime(idle_timeout=36000), pytest.mark.timeout(300)]
QUICK = evolve(SETTINGS, min_interval_s=1.0, drain_time_s=2.0)
DOWNTIME_S = 0.5
NUMBER = re.compile(r"\d+\.\d+%")  # what a metric measured depends on when it was asked


@frozen
class Outcome:
    """What a run led to. ``pods`` is how many pods the primary ever had."""

    state: Mapping[str, Any]
    events: tuple[str, ...]
    pods: int
    writes: int
    broken: tuple[str, ...]


def inspector(rig: Rig, checks: int, strike_at: int, loses: bool, kills: bool) -> Inspector:
    """Put an Inspector between the controller and the cluster; at write ``strike_at`` the controller dies or gets no answer."""

    async def die() -> None:
        killer.append(asyncio.create_task(restart()))
        await asyncio.Event().wait()

    async def restart() -> None:
        await rig.kill_controller()
        await asyncio.sleep(DOWNTIME_S)
        await rig.start_controller()

    async def shrug() -> None:
        return None

    killer: list[asyncio.Task[None]] = []
    strike = die if kills else shrug
    found = Inspector(rig.cluster.store.view, rig.clock.now, QUICK.drain_time_s, checks, strike_at, loses, strike)
    rig.cluster.store.subscribe(lambda change: found.look())
    return found


@frozen
class Saved:
    """A cluster at rest: what its store held, and when."""

    view: Mapping[Ref, Mapping[str, Any]]
    version: int
    now: float


@define
class Resumed(Rig):
    """A rig whose cluster goes on from a saved one, so that a scenario of many runs boots only once."""

    saved: Saved | None = None

    async def __aenter__(self) -> "Resumed":
        if self.saved is None:
            await Rig.__aenter__(self)
            return self
        self.clock = LoopClock(self.saved.now, "resumed")
        self.cluster = Cluster(self.clock, self.behaviour)
        await self.cluster.start()
        store = self.cluster.store
        for ref, manifest in self.saved.view.items():
            key = Key(ref.group, ref.served.plural, ref.namespace, ref.name)
            if store.get(key) is None:
                store._record(ADDED, key, dict(manifest), None)
        store.version = self.saved.version
        await self.start_controller()
        return self


async def bootstrap(rig: Rig) -> None:
    await _bootstrap(rig, {"analysis": {"interval": "4s"}})


async def routed_bootstrap(rig: Rig) -> None:
    steps = {"interval": "4s", "iterations": None, "stepWeight": 40, "maxWeight": 80}
    await _bootstrap(rig, {**GATEWAY, "analysis": steps})


async def _bootstrap(rig: Rig, canary: Mapping[str, Any]) -> None:
    await rig.apply(*a_podinfo(canary))
    await rig.until_phase("Initialized", limit_s=120)
    await until_down(rig)
    await rig.rest(3)


async def good_release(rig: Rig) -> None:
    await rig.set_image(NEW)
    await rig.until_phase("Progressing", limit_s=20)
    await rig.until_phase("Succeeded", "Failed", limit_s=200)
    await until_down(rig)
    await rig.rest(5)


async def good_release_under_load(rig: Rig) -> None:
    put_load(rig, 10)
    await good_release(rig)
    assert rig.cluster.world.current_traffic().lost() == 0


async def bad_release(rig: Rig) -> None:
    bend(rig, NEW, error_rate=1.0)
    put_load(rig, 10, "podinfo-svc-canary.test")
    await good_release(rig)


# Each with the bootstrap that it starts from, and the iterations that a promotion needs.
SCENARIOS = {
    "bootstrap": (None, bootstrap, 2),
    "success": (bootstrap, good_release, 2),
    "rollback": (bootstrap, bad_release, 2),
    "routed success": (routed_bootstrap, good_release_under_load, 0),
    "routed rollback": (routed_bootstrap, bad_release, 0),
}


async def saved_for(scenario: str) -> Saved | None:
    """Return the cluster that a scenario starts from; None for an empty one."""
    boots = SCENARIOS[scenario][0]
    if boots is None:
        return None
    async with Rig(QUICK, PROBED) as rig:
        await boots(rig)
        return Saved(rig.cluster.store.view(), rig.cluster.store.version, rig.clock.now())


async def play(scenario: str, saved: Saved | None, strike_at: int = 0, loses: bool = False, kills: bool = True) -> Outcome:
    """Play a scenario with a fault at its ``strike_at``-th write (0: none)."""
    async with Resumed(QUICK, PROBED, saved=saved) as rig:
        _, plays, checks = SCENARIOS[scenario]
        found = inspector(rig, checks, strike_at, loses, kills)
        await rig.stop_controller()
        rig.wrap = found.wrap
        await rig.start_controller()
        started: set[str] = set()
        rig.cluster.store.subscribe(lambda change: started.update(_primary_pod(change)))
        await plays(rig)
        events = tuple(NUMBER.sub("N%", text) for text in rig.events())
        return Outcome(end_state(rig), events, len(started), found.writes, tuple(found.broken))


def _primary_pod(change: Any) -> list[str]:
    return [change.key.name] if change.key.plural == "pods" and change.key.name.startswith("podinfo-primary-") else []


def end_state(rig: Rig) -> dict[str, Any]:
    """Return what a person would compare: phase, conditions, revisions, images, replicas, annotations, selectors, scalers."""
    status, rollout = rig.canary["status"], rollout_of(rig)
    kept = ("revision", "promotedRevision", "previousRevision", "pin", "marks", "owed", "clocks", "split", "base", "unsettled")
    state: dict[str, Any] = {
        "status": {name: status.get(name) for name in ("phase", "iterations", "failedChecks", "canaryWeight", "trackedConfigs")},
        "conditions": [(each["type"], each["status"], each["reason"], each["message"]) for each in status["conditions"]],
        "rollout": {name: rollout.get(name) for name in kept},
    }
    for ref, manifest in rig.cluster.store.view().items():
        if ref.kind in ("Deployment", "Service", "ScaledObject", "ControllerRevision"):
            annotations = at(manifest, "metadata", "annotations", default={})
            spec = {key: value for key, value in manifest.get("spec", {}).items() if key not in ("clusterIP", "clusterIPs")}
            state[f"{ref.kind}/{ref.name}"] = (annotations, spec, at(manifest, "metadata", "labels"), manifest.get("data"))
    return state


def check(outcome: Outcome, fair: Outcome, what: str) -> None:
    """The run with a fault ends as the one without, broke nothing, and said nothing else."""
    assert not outcome.broken, f"{what}: {outcome.broken}"
    for name, value in fair.state.items():
        assert outcome.state.get(name) == value, f"{what}: {name}"
    assert outcome.state.keys() == fair.state.keys(), what
    assert outcome.pods == fair.pods, f"{what}: pods of the primary were replaced"
    assert set(outcome.events) == set(fair.events), f"{what}: {set(outcome.events) ^ set(fair.events)}"


FAULTS = {
    "killed after": {"loses": False, "kills": True},
    "killed before": {"loses": True, "kills": True},
    "no answer after": {"loses": False, "kills": False},
    "no answer before": {"loses": True, "kills": False},
}


@pytest.mark.parametrize(
    ("scenario", "fault", "every"),
    [
        ("bootstrap", "killed after", 1),
        ("success", "killed after", 1),
        ("rollback", "killed after", 1),
        ("success", "killed before", 2),
        ("bootstrap", "no answer before", 1),
        ("success", "no answer after", 2),
        ("routed success", "killed after", 3),
        ("routed rollback", "killed after", 3),
    ],
)
async def test_after_a_fault_at_any_write_it_finishes_the_same_rollout(scenario, fault, every):
    """At a write of a scenario: kill and restart the controller, or let it hear nothing of what it wrote."""
    saved = await saved_for(scenario)
    fair = await play(scenario, saved)
    assert not fair.broken
    assert fair.writes >= 13
    for number in range(1, fair.writes + 1, every):
        outcome = await play(scenario, saved, number, **FAULTS[fault])
        check(outcome, fair, f"{scenario}, {fault} write {number} of {fair.writes}")
