"""The only module that knows the time, waits, or draws at random; everything else is handed a clock.

`Clock` is the machine's. `LoopClock` follows the event loop, so that with a virtual loop an hour passes in a moment and
every run with the same seed is the same run.
"""

import asyncio
import hashlib
import random
import secrets
import time


class Clock:
    """Real time and real chance."""

    def now(self) -> float:
        """Return the time as epoch seconds; may jump when the machine's clock is set."""
        return time.time()

    def monotonic(self) -> float:
        """Return seconds that only ever grow; the running event loop's own time, for durations and deadlines."""
        return asyncio.get_running_loop().time()

    def token(self) -> str:
        """Return 16 hex digits that nobody had before and nobody can guess."""
        return secrets.token_hex(8)

    def rollout_id(self) -> str:
        """Return 16 hex digits that nobody had before and that sort by time: milliseconds, then chance."""
        return f"{int(self.now() * 1000):011x}{self.token()[:5]}"

    def fraction(self) -> float:
        """Return a number from 0 up to, not including, 1, to spread things that would otherwise happen together."""
        return random.random()

    async def sleep(self, seconds: float) -> None:
        """Wait; at once for zero and less."""
        await asyncio.sleep(max(0.0, seconds))


class LoopClock(Clock):
    """Time of the running event loop, counted from ``start`` (epoch seconds at loop time 0), and seeded chance."""

    def __init__(self, start: float = 0.0, seed: int | str = 0) -> None:
        self._start = start
        self._seed = seed
        self._tokens = 0
        self._dice = random.Random(seed)

    def now(self) -> float:
        """Return ``start`` plus the loop's time."""
        return self._start + asyncio.get_running_loop().time()

    def token(self) -> str:
        """Return the next token of the seed's sequence."""
        self._tokens += 1
        return hashlib.sha256(f"{self._seed}/{self._tokens}".encode()).hexdigest()[:16]

    def fraction(self) -> float:
        """Return the next number of the seed's sequence."""
        return self._dice.random()
