"""Speed and cost, measured in one run. Run: make bench. Ratios are to one JSON dump of the same objects, on the same machine.

The table says what is measured, what came out and what the goal is (design.md section 10). It fails nothing: figures of a shared
machine are to be read, not to be tested; tests assert the counts (requests of an idle Canary).
"""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import looptime

sys.path.insert(0, str(Path(__file__).resolve().parent))

from canarykit.decide import decide
from canarykit.kinds import CANARY
from canarykit.model import Ref
from canarykit.observe import observe
from canarykit.plan import plan
from canarykit.settings import Settings
from canarykit.spec import load
from harness import Rig, sample
from worlds import KEY, NOW, World, in_analysis, routed

ROUNDS, REPEATS = 50, 20
METRICS = "http://flagger-prometheus.flagger-system:9090"
IMPORT = "import time; began = time.perf_counter(); import {module}; print(time.perf_counter() - began)"


def timed_us(work: Callable[[], object]) -> float:
    """Return the microseconds of processor time that one call takes: the best of several rounds, for neighbours count."""
    work()
    rounds = []
    for _ in range(REPEATS):
        began = time.process_time()
        for _ in range(ROUNDS):
            work()
        rounds.append((time.process_time() - began) / ROUNDS * 1e6)
    return min(rounds)


def pass_us(world: World) -> tuple[float, float]:
    """Return what `observe`, and what `decide` and `plan` together cost on one world (decide lists the questions itself)."""
    objects, settings = world.objects(), world.settings

    def judge() -> None:
        snapshot = observe(objects, KEY, settings, NOW)
        decision = decide(snapshot, {}, NOW, "r2")
        plan(snapshot.with_state(decision.state), NOW)

    seen = timed_us(lambda: observe(objects, KEY, settings, NOW))
    return seen, timed_us(judge) - seen


def import_ms(module: str) -> float:
    """Return the milliseconds that importing ``module`` takes in a fresh process."""
    command = [sys.executable, "-c", IMPORT.format(module=module)]
    times = [float(subprocess.run(command, capture_output=True, text=True, check=True).stdout) for _ in range(5)]
    return min(times) * 1000


async def _idle_requests() -> int:
    """Return how many requests name the objects of a Canary at rest in an hour."""
    async with Rig(Settings(metrics_server=METRICS)) as rig:
        await rig.apply(*sample("tutorial.yaml"))
        await rig.until_phase("Initialized", limit_s=300)
        await rig.rest(120)
        seen = len(rig.cluster.api.requests)
        await rig.rest(3600)
        return sum("podinfo" in str(request) for request in list(rig.cluster.api.requests)[seen:])


async def _tutorial() -> float:
    """Play bootstrap and one successful release; return the virtual seconds."""
    async with Rig(Settings(metrics_server=METRICS)) as rig:
        began = rig.clock.now()
        await rig.apply(*sample("tutorial.yaml"))
        await rig.until_phase("Initialized", limit_s=300)
        await rig.set_image("ghcr.io/stefanprodan/podinfo:6.0.1")
        await rig.until_phase("Succeeded", limit_s=600)
        return rig.clock.now() - began


def in_virtual_time(story: Callable[[], Any]) -> tuple[Any, float]:
    """Run a story on a loop whose time passes at once; return what it returns and the real seconds."""
    loop = looptime.new_event_loop(idle_timeout=36000)
    began = time.perf_counter()
    try:
        return loop.run_until_complete(story()), time.perf_counter() - began
    finally:
        asyncio.set_event_loop(None)
        loop.close()


def rows() -> list[tuple[str, str, str]]:
    """Measure everything; return (what, figure, goal)."""
    found = []
    world = in_analysis()
    objects = world.objects()
    dump = timed_us(lambda: json.dumps([dict(each) for each in objects.values()]))
    for what, each in (("at rest", World()), ("Blue/Green analysis", world), ("weights on a route", routed())):
        seen, judged = pass_us(each)
        found.append(
            (f"decide + plan, {what}", f"{judged:6.0f} us ({judged / dump:.1f} x a JSON dump of the objects)", "< 300 us")
        )
        found.append((f"observe, {what}", f"{seen:6.0f} us ({seen / dump:.1f} x)", ""))
    manifest = objects[Ref.to(CANARY, *KEY)]
    structured = timed_us(lambda: load(dict(manifest)))
    found.append(("structuring a Canary", f"{structured:6.0f} us ({structured / dump:.1f} x)", ""))
    bare, whole = import_ms("canarykit"), import_ms("canarykit.decide, canarykit.plan")
    found.append(("import canarykit", f"{bare:6.1f} ms", "< 60 ms"))
    found.append(("import the whole corridor", f"{whole:6.1f} ms", ""))
    idle, real_s = in_virtual_time(_idle_requests)
    found.append(("requests of an idle Canary in an hour", f"{idle:6d}    ({real_s:.1f} s real)", "0"))
    virtual_s, real_s = in_virtual_time(_tutorial)
    speed = virtual_s / real_s
    found.append(("tutorial, bootstrap to Succeeded", f"{virtual_s:6.0f} s virtual in {real_s:.1f} s real ({speed:.0f} x)", ""))
    return found


def main() -> None:
    """Print the table."""
    print(f"{'what':40} {'figure':58} goal")
    for what, figure, goal in rows():
        print(f"{what:40} {figure:58} {goal}")


if __name__ == "__main__":
    main()
