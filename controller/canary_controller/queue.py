"""Which Canary has a pass next: keys, not events. At most one entry per key, at most one pass per key at a time.

An entry has a due time; of two additions the earlier one counts. A key that is added while its pass runs has another pass
afterwards. A pass that failed comes back after a time that doubles; a watch event cannot bring it back sooner than
`EVENT_FLOOR_S`, so a pass that fails after a write does not spin on its own echo.
"""

import asyncio
import heapq
import math

from canary_controller.clock import Clock

Key = tuple[str, str]
"""Namespace and name of a Canary."""

EVENT_FLOOR_S = 1.0
# Loops with virtual time count in microseconds: two times closer than this are the same time.
_RESOLUTION_S = 1e-6


class Queue:
    """A work queue with delays and per-key back-off, in the time of ``clock.monotonic()``.

    Args:
        first_s: longest wait after a first failure; doubles with each further one.
        longest_s: upper bound of the wait.
    """

    def __init__(self, clock: Clock, first_s: float = 0.25, longest_s: float = 60.0) -> None:
        self._clock = clock
        self._first_s = first_s
        self._longest_s = longest_s
        self._due: dict[Key, float] = {}
        self._heap: list[tuple[float, int, Key]] = []
        self._sequence = 0
        self._running: set[Key] = set()
        self._failures: dict[Key, int] = {}
        self._not_before: dict[Key, float] = {}
        self._changed = asyncio.Event()

    def __len__(self) -> int:
        """Return how many keys are due, waiting for their time, or in a pass."""
        return len(self._due.keys() | self._running)

    @property
    def running(self) -> frozenset[Key]:
        """The keys whose pass runs now."""
        return frozenset(self._running)

    def overdue(self) -> int:
        """Return how many keys are due now and wait for a free worker."""
        now = self._clock.monotonic()
        return sum(1 for key, due in self._due.items() if due <= now and key not in self._running)

    def next_due(self, key: Key) -> float | None:
        """Return the monotonic time of the key's next pass, or None when nothing is planned."""
        return self._due.get(key)

    def failures(self, key: Key) -> int:
        """Return how many passes of the key failed in a row."""
        return self._failures.get(key, 0)

    def add(self, key: Key, in_s: float = 0.0) -> None:
        """Ask for a pass in ``in_s`` seconds, or at once; an earlier entry of the key stays as it is."""
        self._plan(key, max(self._clock.monotonic() + max(0.0, in_s), self._not_before.get(key, 0.0)))

    async def get(self) -> Key:
        """Wait for the next due key that is in no pass, and return it; the caller owes `done` or `failed`."""
        while True:
            key, wait_s = self._pop()
            if key is not None:
                return key
            self._changed.clear()
            try:
                async with asyncio.timeout(wait_s):
                    await self._changed.wait()
            except TimeoutError:
                continue

    def done(self, key: Key, again_in: float | None = None) -> None:
        """End the key's pass well: its failures are forgotten, and it comes back in ``again_in`` seconds if that is given."""
        self._running.discard(key)
        self._failures.pop(key, None)
        self._not_before.pop(key, None)
        self._push(key)
        if again_in is not None:
            self.add(key, again_in)

    def failed(self, key: Key, at_least_s: float = 0.0) -> float:
        """End the key's pass badly and plan the next by back-off, not before ``at_least_s``; return the seconds until then.

        A key that was added during the failed pass comes back after `EVENT_FLOOR_S` at the latest.
        """
        self._running.discard(key)
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        longest_s = min(self._longest_s, self._first_s * 2.0 ** min(failures, 30))
        # Between half and all of it, so that the many that failed together in an outage do not come back together.
        wait_s = max(at_least_s, longest_s * (1 + self._clock.fraction()) / 2)
        now = self._clock.monotonic()
        floor_s = max(at_least_s, min(wait_s, EVENT_FLOOR_S))
        self._not_before[key] = now + floor_s
        pending = self._due.pop(key, math.inf)
        self._plan(key, min(now + wait_s, max(pending, now + floor_s)))
        return self._due[key] - now

    def forget(self, key: Key) -> None:
        """Drop what is planned and known about a key whose Canary is gone; a pass that runs still ends with `done`."""
        for known in (self._due, self._failures, self._not_before):
            known.pop(key, None)

    def _plan(self, key: Key, wanted: float) -> None:
        # Rounded up to a millisecond: never early, so no pass finds its moment not yet come.
        due = math.ceil(round(wanted * 1000, 3)) / 1000
        if due < self._due.get(key, math.inf):
            self._due[key] = due
            self._push(key)

    def _push(self, key: Key) -> None:
        """Make a planned key visible to `get`, which passes over it while its pass runs; the end of the pass pushes again."""
        if key in self._due:
            self._sequence += 1
            heapq.heappush(self._heap, (self._due[key], self._sequence, key))
            self._changed.set()

    def _pop(self) -> tuple[Key | None, float | None]:
        """Take the next key if one is due; else return the seconds until one will be (None: not before `_changed`)."""
        now = self._clock.monotonic()
        while self._heap:
            due, _, key = self._heap[0]
            if self._due.get(key) != due or key in self._running:
                heapq.heappop(self._heap)  # void: replaced by an earlier entry, taken already, or forgotten
            elif due <= now + _RESOLUTION_S:
                heapq.heappop(self._heap)
                del self._due[key]
                self._running.add(key)
                return key, None
            else:
                return None, due - now
        return None, None
