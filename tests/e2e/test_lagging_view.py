"""Watches that lag: a view that is a moment behind neither ends a rollout early nor keeps its deadline from coming."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from attrs import evolve

from canarykit import kinds
from e2e.scenes import NEW, PROBED, SETTINGS, a_podinfo, bend
from harness import Rig

pytestmark = pytest.mark.looptime(idle_timeout=36000)
LAG_S = 0.3


def lagging(send):
    """Return ``send`` whose watches deliver everything a moment late."""

    async def later(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        async for chunk in chunks:
            await asyncio.sleep(LAG_S)
            yield chunk

    async def sent(method, path, headers, body=b""):
        reply = await send(method, path, headers, body)
        return evolve(reply, chunks=later(reply.chunks)) if "watch=true" in path else reply

    return sent


async def test_objects_that_never_stand_still_do_not_postpone_the_deadline():
    """A canary that never gets ready is rolled back in time although every fresh read finds something newer than the cache."""
    async with Rig(SETTINGS, PROBED, wrap=lagging) as rig:
        await rig.apply(*a_podinfo())
        await rig.until_phase("Initialized", limit_s=120)
        await rig.rest(60)
        bend(rig, NEW, never_ready=True)
        await rig.set_image(NEW)
        started = rig.clock.now()

        async def fidget():
            for number in range(2000):
                note = {"metadata": {"annotations": {"test/number": str(number)}}}
                await rig.patch(kinds.DEPLOYMENT, "podinfo", note)
                await asyncio.sleep(0.1)
                await rig.patch(kinds.SERVICE, "podinfo-svc-canary", note)
                await asyncio.sleep(0.9)

        task = asyncio.create_task(fidget())
        try:
            await rig.until_phase("Failed", limit_s=400)
        finally:
            task.cancel()
        assert rig.clock.now() - started < 60 + 45, rig.story()
