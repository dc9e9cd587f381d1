"""The queue: keys not events, one pass per key, delays, back-off. All in virtual time."""

import asyncio

import pytest

from canary_controller.clock import LoopClock
from canary_controller.queue import EVENT_FLOOR_S, Queue

pytestmark = pytest.mark.looptime
A, B = ("test", "a"), ("test", "b")


def now() -> float:
    return asyncio.get_running_loop().time()


async def is_quiet(queue: Queue, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await queue.get()
    except TimeoutError:
        return True
    return False


async def test_many_additions_are_one_pass():
    queue = Queue(LoopClock())
    for _ in range(5):
        queue.add(A)
    assert len(queue) == 1
    assert await queue.get() == A
    queue.done(A)
    assert len(queue) == 0
    assert await is_quiet(queue, 3600)


async def test_keys_come_in_the_order_in_which_they_fell_due():
    queue = Queue(LoopClock())
    queue.add(B, in_s=2)
    queue.add(A, in_s=5)
    assert [await queue.get(), await queue.get()] == [B, A]
    assert now() == pytest.approx(5)


async def test_the_earlier_of_two_additions_counts():
    queue = Queue(LoopClock())
    queue.add(A, in_s=10)
    queue.add(A, in_s=3)
    queue.add(A, in_s=20)
    assert await queue.get() == A
    assert now() == pytest.approx(3)
    queue.done(A)
    assert await is_quiet(queue, 3600)


async def test_a_waiting_worker_wakes_for_an_earlier_addition():
    queue = Queue(LoopClock())
    queue.add(A, in_s=100)
    worker = asyncio.create_task(queue.get())
    await asyncio.sleep(1)
    queue.add(B, in_s=1)
    assert await worker == B
    assert now() == pytest.approx(2)


async def test_a_key_in_a_pass_is_not_given_out_again_until_done():
    queue = Queue(LoopClock())
    queue.add(A)
    assert await queue.get() == A
    queue.add(A)
    assert queue.running == {A}
    assert await is_quiet(queue, 50)
    queue.done(A)
    assert await queue.get() == A
    assert now() == pytest.approx(50)


async def test_done_plans_the_next_look_and_an_event_in_between_wins():
    queue = Queue(LoopClock())
    queue.add(A)
    await queue.get()
    queue.add(A, in_s=7)
    queue.done(A, again_in=30)
    assert await queue.get() == A
    assert now() == pytest.approx(7)
    queue.done(A, again_in=30)
    assert await queue.get() == A
    assert now() == pytest.approx(37)


async def test_a_due_time_is_never_early():
    queue = Queue(LoopClock())
    for delay in (0.1, 1 / 3, 0.0004, 2.0000001):
        start = now()
        queue.add(A, in_s=delay)
        await queue.get()
        queue.done(A)
        assert delay - 2e-6 <= now() - start <= delay + 0.0011


async def test_failures_back_off_exponentially_up_to_the_limit_and_success_resets():
    queue = Queue(LoopClock(), first_s=2, longest_s=16)
    waits = []
    queue.add(A)
    for _ in range(6):
        await queue.get()
        waits.append(queue.failed(A))
    longest = [2, 4, 8, 16, 16, 16]
    assert all(most / 2 <= wait <= most + 0.001 for wait, most in zip(waits, longest, strict=True)), waits
    assert queue.failures(A) == 6
    await queue.get()
    queue.done(A)
    assert queue.failures(A) == 0
    queue.add(A)
    await queue.get()
    assert queue.failed(A) <= 2.001


async def test_a_failure_waits_as_long_as_the_server_asked_for():
    queue = Queue(LoopClock())
    queue.add(A)
    await queue.get()
    queue.failed(A, at_least_s=45)
    queue.add(A)
    assert await queue.get() == A
    assert now() == pytest.approx(45)


async def test_an_event_shortens_the_back_off_but_not_below_the_floor():
    queue = Queue(LoopClock(), first_s=40)
    queue.add(A)
    await queue.get()
    queue.failed(A)
    queue.add(A)
    assert await queue.get() == A
    assert now() == pytest.approx(EVENT_FLOOR_S)


async def test_a_failing_pass_that_wakes_itself_does_not_spin():
    """A pass that writes, sees its own write, and fails, runs about once a second, not as fast as the loop turns."""
    queue = Queue(LoopClock(), first_s=1, longest_s=60)
    queue.add(A)
    passes = 0
    while now() < 60:
        await queue.get()
        queue.add(A)
        queue.failed(A)
        passes += 1
    assert 30 < passes < 70


async def test_one_key_that_fails_does_not_hold_another():
    queue = Queue(LoopClock(), first_s=60)
    queue.add(A)
    await queue.get()
    queue.failed(A)
    queue.add(B)
    assert await queue.get() == B
    assert now() == 0


async def test_a_forgotten_key_never_comes():
    queue = Queue(LoopClock())
    queue.add(A, in_s=5)
    queue.forget(A)
    assert len(queue) == 0
    assert queue.next_due(A) is None
    assert await is_quiet(queue, 3600)


async def test_a_key_planned_anew_for_the_same_moment_is_still_given_out_once():
    queue = Queue(LoopClock())
    queue.add(A, in_s=10)
    queue.forget(A)
    queue.add(A, in_s=10)
    assert await queue.get() == A
    queue.add(A)
    assert await is_quiet(queue, 5)
    queue.done(A)
    assert await queue.get() == A


async def test_workers_share_the_keys():
    queue = Queue(LoopClock())
    seen: list[tuple[str, str]] = []

    async def work() -> None:
        while True:
            key = await queue.get()
            await asyncio.sleep(10)
            seen.append(key)
            queue.done(key)

    workers = [asyncio.create_task(work()) for _ in range(2)]
    queue.add(A)
    queue.add(B)
    await asyncio.sleep(10.5)
    assert seen == [A, B]
    for worker in workers:
        worker.cancel()
    await asyncio.gather(*workers, return_exceptions=True)
    assert queue.running == frozenset()
    assert queue.overdue() == 0
