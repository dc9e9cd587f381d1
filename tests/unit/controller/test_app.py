"""How the controller ends: the write in hand is finished, nothing new begins, and ten seconds are never exceeded."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from canarykit.settings import Settings
from harness import Rig, sample

pytestmark = pytest.mark.looptime(idle_timeout=36000)
TUTORIAL = Settings(metrics_server="http://flagger-prometheus.flagger-system:9090")


def slow_writes(seconds: float, begun: list[float]) -> Callable[[Any], Any]:
    """Make every write of the controller take so long; ``begun`` gets the time of each."""

    def wrap(send: Any) -> Any:
        async def slowly(method: str, path: str, headers: Any, body: bytes) -> Any:
            if method != "GET":
                begun.append(asyncio.get_running_loop().time())
                await asyncio.sleep(seconds)
            return await send(method, path, headers, body)

        return slowly

    return wrap


async def stopped_in_a_write(seconds: float) -> tuple[Rig, float, list[float], float]:
    """Stop a controller one second into its first write; return the rig, how long it took to end, and when writes began."""
    begun: list[float] = []
    async with Rig(TUTORIAL, wrap=slow_writes(seconds, begun)) as rig:
        await rig.apply(*sample("tutorial.yaml"))
        await rig.until(lambda: bool(begun), 30)
        await asyncio.sleep(1)
        assert rig.app is not None
        assert rig._task is not None
        asked = asyncio.get_running_loop().time()
        await rig.app.stop()
        await asyncio.wait([rig._task], timeout=60)
        assert rig._task.done()
        return rig, asyncio.get_running_loop().time() - asked, begun, asked


async def test_the_write_in_hand_is_finished():
    """A status that was on its way when SIGTERM came is there afterwards."""
    rig, took_s, begun, _ = await stopped_in_a_write(2.0)
    assert rig.phase == "Initializing"
    assert 1.0 <= took_s <= 10.0
    assert len(begun) >= 1


async def test_a_write_that_hangs_does_not_keep_it_longer_than_ten_seconds():
    rig, took_s, begun, _ = await stopped_in_a_write(1000.0)
    assert rig.phase == ""
    assert took_s <= 10.0
    assert len(begun) == 1
