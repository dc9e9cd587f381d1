"""A watch: what is there, then every change that the watcher may see, with bookmarks, until its time is over.

Its state is taken when it is made, not when it is first read, so nothing between the two is lost. It waits on asyncio futures
only, so it runs in virtual time. Who drops a watch without closing it leaves nothing behind: the store knows it weakly.
"""

import asyncio
import weakref
from collections import deque
from typing import Any

import orjson
from attrs import frozen

from canary_controller.sandbox import status_errors as errors
from canary_controller.sandbox.objects import causes
from canary_controller.sandbox.reads import predicate
from canary_controller.sandbox.render import Form
from canary_controller.sandbox.request import Request
from canary_controller.sandbox.selectors import Predicate
from canary_controller.sandbox.store import ADDED, DELETED, MODIFIED, Change, Manifest, Store
from canarykit.dicts import at
from canarykit.kinds import CUSTOM_RESOURCE_DEFINITION

BOOKMARK, ERROR = "BOOKMARK", "ERROR"
DEFAULT_TIMEOUT_S = 1800.0
BOOKMARK_EVERY_S = 60.0


@frozen
class WatchSpec:
    """What a watch was asked for.

    Attributes:
        version: events after this one; None starts with the present state as ADDED events.
        marks_initial_end: a bookmark says when the present state is complete (``sendInitialEvents``).
    """

    form: Form
    namespace: str
    matches: Predicate
    version: int | None
    bookmarks: bool
    marks_initial_end: bool
    timeout_s: float


def watch_spec(request: Request, form: Form, current: int) -> WatchSpec:
    """Return what a watch request asks for, ``current`` being the store's version; raises StatusError 400 or 422."""
    text = request.query.get("resourceVersion", "")
    if text and not text.isdigit():
        why = f'resourceVersion: Invalid value: "{text}": strconv.ParseUint: parsing "{text}": invalid syntax'
        raise errors.StatusError(500, "", why)
    initial = request.flag("sendInitialEvents")
    match = request.query.get("resourceVersionMatch", "")
    if initial is not None and match != "NotOlderThan":
        raise _forbidden_match("sendInitialEvents requires setting resourceVersionMatch to NotOlderThan")
    if match and initial is None:
        raise _forbidden_match("resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided")
    version = int(text or 0) or (current if initial is False else 0)
    return WatchSpec(
        form=form,
        namespace=request.namespace,
        matches=predicate(request, form.resource),
        version=None if initial or not version else version,
        bookmarks=bool(request.flag("allowWatchBookmarks")),
        marks_initial_end=bool(initial),
        timeout_s=float(request.number("timeoutSeconds") or DEFAULT_TIMEOUT_S),
    )


def _forbidden_match(why: str) -> errors.StatusError:
    return errors.invalid("meta.k8s.io", "ListOptions", "", [causes.forbidden("resourceVersionMatch", why)])


class Watch:
    """The chunks of a watch: one JSON event per chunk. Ends after its time-out, when its CRD goes, or with `aclose`."""

    def __init__(self, store: Store, spec: WatchSpec) -> None:
        self._spec = spec
        self._store = store
        self._due: deque[bytes] = deque()
        self._sent_one = False
        self._ended = False
        self._waiter: asyncio.Future[None] | None = None
        loop = asyncio.get_running_loop()
        self._deadline = loop.time() + spec.timeout_s
        self._next_bookmark = loop.time() + BOOKMARK_EVERY_S
        self._begin()
        me = weakref.ref(self)

        def notify(change: Change) -> None:
            if (watch := me()) is not None:
                watch._notice(change)

        self._unsubscribe = store.subscribe(notify)
        weakref.finalize(self, self._unsubscribe)

    def __aiter__(self) -> "Watch":
        return self

    async def __anext__(self) -> bytes:
        while True:
            if self._due:
                return self._due.popleft()
            if self._ended:
                self._unsubscribe()
                raise StopAsyncIteration
            await self._wait()

    async def aclose(self) -> None:
        """End the watch; a reader that waits gets the end of the stream."""
        self.end()

    def end(self) -> None:
        """End the watch after what is due."""
        self._ended = True
        self._unsubscribe()
        self._wake()

    def _begin(self) -> None:
        spec, store = self._spec, self._store
        resource = spec.form.resource
        if spec.version is None:
            for manifest in store.objects(resource.group, resource.plural, spec.namespace):
                if spec.matches(manifest):
                    self._send(ADDED, manifest)
            if spec.marks_initial_end and spec.bookmarks:
                self._due.append(_event(BOOKMARK, spec.form.bookmark(store.version, initial_events_end=True)))
            return
        try:
            missed = store.changes_since(spec.version, resource.group, resource.plural)
        except errors.StatusError as error:
            self._due.append(_event(ERROR, error.body))
            self._ended = True
            return
        for change in missed:
            self._notice(change)

    def _notice(self, change: Change) -> None:
        resource = self._spec.form.resource
        if change.key[:2] != (resource.group, resource.plural):
            if change.type == DELETED and resource.custom and _defines(change, resource.plural, resource.group):
                self.end()
            return
        if self._spec.namespace and change.key.namespace != self._spec.namespace:
            return
        kind = self._seen_as(change)
        if kind:
            self._send(kind, _last_seen(change) if kind == DELETED else change.manifest)
            self._wake()

    def _seen_as(self, change: Change) -> str:
        """Return the event type for this watcher: an object that starts to match is new to it, one that stops is gone."""
        before = change.before is not None and self._spec.matches(change.before)
        after = change.type != DELETED and self._spec.matches(change.manifest)
        if after:
            return MODIFIED if before else ADDED
        return DELETED if before else ""

    def _send(self, kind: str, manifest: Manifest) -> None:
        shown = self._spec.form.event(self._spec.form.resource.served(manifest), first=not self._sent_one)
        self._sent_one = True
        self._due.append(_event(kind, shown))

    async def _wait(self) -> None:
        loop = asyncio.get_running_loop()
        until = min(self._deadline, self._next_bookmark) if self._spec.bookmarks else self._deadline
        self._waiter = loop.create_future()
        timer = loop.call_at(until, self._wake)
        try:
            await self._waiter
        finally:
            timer.cancel()
            self._waiter = None
        if not self._due and loop.time() >= until:
            self._time_passed(loop.time())

    def _time_passed(self, now: float) -> None:
        if self._spec.bookmarks:
            self._due.append(_event(BOOKMARK, self._spec.form.bookmark(self._store.version, initial_events_end=False)))
            self._next_bookmark = now + BOOKMARK_EVERY_S
        self._ended = self._ended or now >= self._deadline

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


def _last_seen(change: Change) -> Manifest:
    """Return the object as a watcher that loses it knew it, at the version of the change."""
    if change.type == DELETED or change.before is None:
        return change.manifest
    return {**change.before, "metadata": {**change.before["metadata"], "resourceVersion": str(change.version)}}


def _defines(change: Change, plural: str, group: str) -> bool:
    crd = CUSTOM_RESOURCE_DEFINITION
    return change.key[:2] == (crd.group, crd.plural) and at(change.manifest, "metadata", "name") == f"{plural}.{group}"


def _event(kind: str, shown: dict[str, Any]) -> bytes:
    return orjson.dumps({"type": kind, "object": shown}) + b"\n"
