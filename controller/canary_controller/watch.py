"""Keeps one kind in view: list, then watch, for ever, whatever the API server does. It holds no objects, its sink does.

A watch that ends or breaks goes on from the last version heard of; 410 means list again. Beside it a paged list every ten
minutes checks what the watch delivered: watches have been known to lose events, and a view found behind counts in decisions.
"""

import asyncio
from collections.abc import Iterable, Mapping
from contextlib import aclosing
from typing import Any, Protocol

from attrs import frozen

from canary_controller.clock import Clock
from canary_controller.kube import ApiError, Kube, Listing, WatchEvent
from canarykit.dicts import at
from canarykit.errors import Unavailable
from canarykit.kinds import CONFIG_MAP, SECRET, Kind
from canarykit.model import Ref

METADATA_ONLY = frozenset({CONFIG_MAP, SECRET})
"""Kinds whose data is never watched; it is read when a Canary needs it."""

STUCK_AFTER = 5


@frozen
class Pace:
    """Times of a watcher, in seconds.

    Attributes:
        relist_s: between two checks of the whole collection.
        settle_s: how long a difference found there may last before it counts (its event may be on the way).
        silence_s: without a byte for so long (bookmarks come about every minute) a watch counts as broken.
        absent_s: between two looks for a kind that the cluster does not serve; while nobody wants it there is none.
        first_s, longest_s: back-off after failures.
        renew_s: shortest time after which the server is asked to end a watch; the longest is twice that.
    """

    relist_s: float = 600.0
    settle_s: float = 5.0
    silence_s: float = 180.0
    absent_s: float = 30.0
    first_s: float = 0.5
    longest_s: float = 30.0
    renew_s: float = 1800.0


class Sink(Protocol):
    """Who gets what a watcher sees. Nothing here may wait or raise."""

    def replace(self, kind: Kind, items: Iterable[dict[str, Any]], version: str) -> None:
        """The whole collection is ``items``, as of resourceVersion ``version``."""

    def put(self, manifest: dict[str, Any]) -> None:
        """The object was added or changed."""

    def drop(self, ref: Ref, version: str = "", uid: str = "") -> None:
        """The object was deleted, with resourceVersion ``version``."""

    def synced(self, kind: Kind) -> None:
        """The kind is in view."""

    def absent(self, kind: Kind) -> None:
        """The cluster does not serve the kind: there are no objects of it."""

    def is_wanted(self, kind: Kind) -> bool:
        """Return whether anybody would look at objects of the kind if there were some."""

    def behind(self, kind: Kind, refs: Iterable[Ref]) -> None:
        """The view of these objects was found behind; it has just been put right."""

    def versions(self, kind: Kind) -> Mapping[Ref, str]:
        """Return the resourceVersion of every object of the kind that was delivered and not deleted."""


@frozen
class Trouble:
    """Why the last attempt failed, for logs and readiness. ``failures`` in a row."""

    text: str = ""
    failures: int = 0


class Watcher:
    """Watches one kind in one namespace ("" is all) and tells ``sink``.

    Attributes:
        is_synced: whether the kind is in view (or not served at all), but for breaks that just began.
        is_absent: whether the cluster does not serve the kind.
        trouble: what stands in the way at present; empty text when nothing does.
    """

    def __init__(self, kube: Kube, kind: Kind, namespace: str, sink: Sink, clock: Clock, pace: Pace | None = None) -> None:
        self.kind = kind
        self.is_synced = False
        self.is_absent = False
        self.trouble = Trouble()
        self._kube = kube
        self._namespace = namespace
        self._sink = sink
        self._clock = clock
        self._pace = pace or Pace()
        self._metadata_only = kind in METADATA_ONLY
        self._version = ""
        self._listed_once = False
        self._audit_at = 0.0

    async def run(self) -> None:
        """List and watch until cancelled."""
        while True:
            try:
                await self._look()
            except (ApiError, Unavailable) as error:
                await self._recover(error)

    async def _look(self) -> None:
        """List unless there is a version to go on from, then watch until the watch ends; a failure ends it early."""
        if not self._version:
            self._take(await self._list())
        audit = asyncio.create_task(self._audit())
        try:
            await self._follow()
        finally:
            audit.cancel()
            await asyncio.wait([audit])
            if not audit.cancelled():
                audit.result()

    async def _list(self) -> Listing:
        return await self._kube.list(self.kind, self._namespace, metadata_only=self._metadata_only)

    def _take(self, listing: Listing) -> None:
        """Hand over a list. What it shows and the watch had not delivered was missed, except in the very first one."""
        missed = self._differences(listing) if self._listed_once else {}
        self._sink.replace(self.kind, listing.items, listing.resource_version)
        if missed:
            self._sink.behind(self.kind, tuple(missed))
        self._version = listing.resource_version
        self._listed_once = True
        self._plan_audit()
        self.is_absent = False
        self.is_synced = True
        # The count stays until the watch is heard: lists that succeed between watches that fail are no recovery.
        self.trouble = Trouble("", self.trouble.failures)
        self._sink.synced(self.kind)

    def _well(self) -> None:
        self.is_synced = True
        self.trouble = Trouble()

    async def _follow(self) -> None:
        """Watch from the last version until the server ends it."""
        pace, started, heard = self._pace, self._clock.monotonic(), False
        events = self._kube.watch(
            self.kind,
            self._namespace,
            self._version,
            metadata_only=self._metadata_only,
            timeout_s=pace.renew_s * (1 + self._clock.fraction()),
            silence_s=pace.silence_s,
        )
        async with aclosing(events):
            async for event in events:
                heard = True
                self._well()
                self._tell(event)
        if not heard and self._clock.monotonic() - started < pace.first_s:
            raise Unavailable(f"the watch of {self.kind.plural} ended at once")
        self._well()

    def _tell(self, event: WatchEvent) -> None:
        version = at(event.object, "metadata", "resourceVersion", default="")
        if event.type == "DELETED":
            self._sink.drop(Ref.of(event.object), version, at(event.object, "metadata", "uid", default=""))
        elif event.type != "BOOKMARK":
            self._sink.put(event.object)
        self._version = version or self._version

    async def _recover(self, error: ApiError | Unavailable) -> None:
        """Note the trouble and wait as long as it calls for."""
        pace = self._pace
        failures = self.trouble.failures + 1
        self.trouble = Trouble(f"{self.kind.plural}: {error}", failures)
        wait_s, asked_s = min(pace.longest_s, pace.first_s * 2.0 ** min(failures - 1, 30)), 0.0
        if failures >= STUCK_AFTER:
            # Perhaps the version itself is what the server cannot answer for; a list tells.
            self._version, self.is_synced = "", False
        if isinstance(error, ApiError):
            asked_s = error.retry_after_s or 0.0
            if error.is_not_found:
                self._lose_kind()
                wait_s = pace.absent_s
            elif error.is_gone:
                self._version = ""
                wait_s = 0.0 if failures == 1 else wait_s
        await self._clock.sleep(max(asked_s, wait_s * (1 + self._clock.fraction()) / 2))
        while self.is_absent and not self._sink.is_wanted(self.kind):
            await self._clock.sleep(pace.absent_s)

    def _lose_kind(self) -> None:
        self._version, self._listed_once = "", False
        if not self.is_absent:
            self.is_absent = True
            self._sink.absent(self.kind)
        self.is_synced = True

    def _plan_audit(self) -> None:
        self._audit_at = self._clock.monotonic() + self._pace.relist_s * (1 + self._clock.fraction() / 10)

    async def _audit(self) -> None:
        """Every ``relist_s`` compare a fresh list with what the sink holds, and put right what stays different."""
        while True:
            await self._clock.sleep(self._audit_at - self._clock.monotonic())
            self._plan_audit()
            try:
                listing = await self._list()
            except (ApiError, Unavailable):
                continue  # the watch notices an outage by itself
            suspects = self._differences(listing)
            if not suspects:
                continue
            await self._clock.sleep(self._pace.settle_s)
            known = self._sink.versions(self.kind)
            missed = [ref for ref, version in suspects.items() if known.get(ref) == version]
            self._correct(listing, missed)

    def _correct(self, listing: Listing, missed: list[Ref]) -> None:
        """Deliver what the watch did not."""
        items = {Ref.of(item): item for item in listing.items}
        for ref in missed:
            if ref in items:
                self._sink.put(items[ref])
            else:
                self._sink.drop(ref, listing.resource_version)
        if missed:
            self._sink.behind(self.kind, missed)

    def _differences(self, listing: Listing) -> dict[Ref, str | None]:
        """Return what the list has newer, or no longer, than the sink, each with the version that the sink holds (None: none)."""
        known = self._sink.versions(self.kind)
        listed = {Ref.of(item): at(item, "metadata", "resourceVersion", default="") for item in listing.items}
        found: dict[Ref, str | None] = {
            ref: known.get(ref) for ref, version in listed.items() if ref not in known or is_newer(version, known[ref])
        }
        gone = {ref: known[ref] for ref in known.keys() - listed.keys() if not is_newer(known[ref], listing.resource_version)}
        return {**found, **gone}


def is_newer(version: str, than: str) -> bool:
    """Tell whether a resourceVersion is newer; two that are not numbers cannot be ordered, so any other one counts as newer."""
    if version.isdecimal() and than.isdecimal():
        return int(version) > int(than)
    return version != than
