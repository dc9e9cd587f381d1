"""Virtual time follows the loop, and chance follows the seed."""

import asyncio

import pytest

from canary_controller.clock import Clock, LoopClock


@pytest.mark.looptime
async def test_virtual_time_starts_where_told_and_follows_the_loop():
    clock = LoopClock(1_700_000_000.0)
    before = clock.monotonic()
    await clock.sleep(3600)
    assert clock.now() == 1_700_003_600.0
    assert clock.monotonic() - before == 3600
    await clock.sleep(-5)
    assert clock.now() == 1_700_003_600.0


def test_the_same_seed_gives_the_same_tokens_and_fractions():
    one, same, other = LoopClock(seed=7), LoopClock(seed=7), LoopClock(seed=8)
    tokens = [one.token() for _ in range(3)]
    assert tokens == [same.token() for _ in range(3)]
    assert len(set(tokens)) == 3
    assert other.token() not in tokens
    fractions = [one.fraction() for _ in range(3)]
    assert fractions == [same.fraction() for _ in range(3)]
    assert all(0 <= each < 1 for each in fractions)


async def test_real_tokens_do_not_repeat_and_real_time_is_the_loops():
    clock = Clock()
    assert len({clock.token() for _ in range(100)}) == 100
    assert len(clock.token()) == len(LoopClock().token()) == 16
    assert clock.monotonic() == pytest.approx(asyncio.get_running_loop().time(), abs=1)
    assert clock.now() > 1_600_000_000
