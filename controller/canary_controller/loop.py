"""One pass over one Canary: observe, ask, decide, write the status, plan, act, tell. Intent first, action after.

The pure corridor (`canarykit`) decides everything; this module only carries things between it and the API server, in the order
of decisions.md section 2. Any error ends the pass; the next one compares again, so nothing is ever undone here.
"""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from attrs import define, evolve, field

from canary_controller.apply import Skipped, carry_out
from canary_controller.ask import Memory, ask
from canary_controller.clock import Clock
from canary_controller.configs import is_config, without_data
from canary_controller.http import Http
from canary_controller.kube import ApiError, Kube
from canary_controller.live import read_live
from canary_controller.publish import Publisher
from canarykit import phases
from canarykit.decide import Decision, decide
from canarykit.events import Note
from canarykit.guards import GUARDED, held_down
from canarykit.kinds import CANARY
from canarykit.model import Action, Answer, Ref, Split
from canarykit.observe import observe
from canarykit.plan import plan
from canarykit.questions import questions
from canarykit.settings import Settings
from canarykit.snapshot import Snapshot
from canarykit.state import State
from canarykit.status import status_patch

Key = tuple[str, str]
Objects = dict[Ref, dict[str, Any]]
Id = tuple[str, str, str]
RESYNC_S = 30.0
UNPROCESSABLE = 422
QUICK_PASSES = 10


class Cached(Protocol):
    """What a pass needs of the cache."""

    def related(self, key: Key) -> Objects:
        """Return all objects that one Canary cares about."""

    def wrote(self, manifest: dict[str, Any], by: Key | None = None) -> None:
        """Take an object in as the API server returned it from a write or a fresh read of ``by``."""

    def drop(self, ref: Ref, version: str = "", uid: str = "", by: Key | None = None) -> None:
        """Forget an object that is gone."""

    @property
    def behind_at(self) -> Mapping[Key, float]:
        """When the view of a Canary was last found behind by the watches."""


class Abandoned(Exception):
    """The pass ends here without harm: the Canary has moved on, a newer pass follows."""


@define
class Loop:
    """Runs passes. One instance per process; passes of different Canaries may run side by side.

    Attributes:
        not_before: clocks are trusted from this instant on; process start at first, later also when the view was behind.
        observer: told of every decision, for logs and metrics.
    """

    kube: Kube
    cache: Cached
    http: Http
    clock: Clock
    settings: Settings
    publisher: Publisher
    observer: Callable[[Snapshot, Decision], None] = lambda snapshot, decision: None
    started_at: float = 0.0
    behind_at: dict[Key, float] = field(factory=dict)
    read_at: dict[Key, float] = field(factory=dict)
    memories: dict[Key, Memory] = field(factory=dict)
    busy: dict[Key, int] = field(factory=dict)

    async def run_pass(self, key: Key) -> float | None:
        """Run one pass and return the seconds after which to look again (None: only when something changes)."""
        objects = self.cache.related(key)
        if Ref.to(CANARY, *key) not in objects:
            self.forget(key)
            return None
        try:
            return await self._pass(key, objects)
        except Abandoned:
            return 0.0

    def forget(self, key: Key) -> None:
        """Drop what is remembered of a Canary that is gone."""
        self.behind_at.pop(key, None)
        self.read_at.pop(key, None)
        self.memories.pop(key, None)
        self.busy.pop(key, None)
        self.publisher.forget(key)

    def not_before(self, key: Key) -> float:
        """The instant from which clocks of this Canary may be trusted."""
        return max(self.started_at, self.behind_at.get(key, 0.0), self.cache.behind_at.get(key, 0.0))

    async def _pass(self, key: Key, objects: Objects) -> float | None:
        objects = await self._with_checksums(key, objects)
        snapshot, answers, decision = await self._judge(key, objects, {})
        if decision.needs_fresh_read or self._is_stale(key, snapshot):
            objects = await self._fresh(key, objects)
            if not objects:
                return None
            cached = decision.rule
            snapshot, answers, decision = await self._judge(key, objects, answers)
            if decision.rule != cached:
                # The view was behind in a way that matters: clocks that ran on it are trusted from now on only.
                self.behind_at[key] = self.clock.now()
                snapshot, answers, decision = await self._judge(key, objects, answers)
        self.observer(snapshot, decision)
        await self.publisher.catch_up(snapshot)
        objects, wrote_status = await self._write_status(key, objects, snapshot, decision.state, decision.events)
        after = observe(objects, key, self.settings, self.clock.now())
        acted = await self._act(key, after, wrote_status)
        await self.publisher.publish(after, decision.events)
        delivered = await self._deliver(key, after)
        return self._again(key, decision, acted or delivered or wrote_status, after)

    def _is_stale(self, key: Key, snapshot: Snapshot) -> bool:
        """Whether it is time to read a Canary that is not at rest live, so that a lost event heals (I10)."""
        if snapshot.state.phase in phases.IDLE or snapshot.state.phase == phases.NEW:
            return False
        return self.clock.now() - self.read_at.get(key, self.started_at) >= _resync_s(snapshot)

    async def _fresh(self, key: Key, objects: Objects) -> Objects:
        """Read everything live, for this pass and for the cache. {} when the Canary is gone."""
        live = await read_live(self.kube, key, self.settings, tuple(objects))
        self.read_at[key] = self.clock.now()
        if not live:
            self.cache.drop(Ref.to(CANARY, *key), by=key)
            return {}
        for manifest in live.values():
            self.cache.wrote(manifest, key)
        return live

    async def _with_checksums(self, key: Key, objects: Objects) -> Objects:
        """Read the configs whose version has moved: the cache has their metadata only."""
        filled = dict(objects)
        for ref, manifest in objects.items():
            if is_config(ref) and "checksum" not in manifest:
                live = await self.kube.get(ref)
                if live is None:
                    filled.pop(ref)
                    continue
                filled[ref] = without_data(live)
                self.cache.wrote(filled[ref], key)
        return filled

    async def _judge(self, key: Key, objects: Objects, known: dict[Id, Answer]) -> tuple[Snapshot, dict[Id, Answer], Decision]:
        now = self.clock.now()
        snapshot = observe(objects, key, self.settings, now)
        asked = questions(snapshot, now, self.not_before(key))
        memory = self.memories.setdefault(key, Memory())
        answers = await ask(asked, snapshot, self.http, memory, now, known) if asked else {}
        return snapshot, {**known, **answers}, decide(snapshot, answers, now, self.clock.rollout_id(), self.not_before(key))

    async def _write_status(
        self, key: Key, objects: Objects, snapshot: Snapshot, state: State, notes: tuple[Note, ...] = ()
    ) -> tuple[Objects, bool]:
        """Intent first: the verdict goes into the status before anything is done, fenced by the observed version.

        An API server without validation ratcheting refuses a status below a spec that its CRD's rules rule out: then what
        is wrong (``notes`` that are said once) is told in Events alone, and the pass ends.
        """
        patch = status_patch(snapshot, state, self.clock.now())
        if patch is None:
            return objects, False
        ref = Ref.to(CANARY, *key)
        try:
            written = await self.kube.merge_patch(ref, patch, "status")
        except ApiError as error:
            if error.status == UNPROCESSABLE:
                await self.publisher.publish(snapshot, tuple(note for note in notes if note.once))
            if error.is_conflict or error.is_not_found:
                await self._refresh(key)
                raise Abandoned from error
            raise
        self.cache.wrote(written, key)
        return {**objects, ref: written}, True

    async def _refresh(self, key: Key) -> Any:
        ref = Ref.to(CANARY, *key)
        manifest = await self.kube.get(ref)
        if manifest is None:
            self.cache.drop(ref, by=key)
        else:
            self.cache.wrote(manifest, key)
        return manifest

    async def _act(self, key: Key, after: Snapshot, wrote_status: bool) -> bool:
        """Carry the plan out in order; return whether anything was tried."""
        actions = plan(after, self.clock.now(), self.not_before(key))
        if not actions:
            return False
        if not wrote_status:
            await self._must_be_current(key, after)
        for action in actions:
            current = await self._still_planned(key, after, action) if action.guard in GUARDED else action
            if current is None:
                continue
            await self._carry_out(key, after, current)
        return True

    async def _must_be_current(self, key: Key, after: Snapshot) -> None:
        live = await self._refresh(key)
        if live is None or live["metadata"]["resourceVersion"] != after.canary.manifest["metadata"]["resourceVersion"]:
            raise Abandoned

    async def _still_planned(self, key: Key, after: Snapshot, action: Action) -> Action | None:
        """Read live what the guard names, just before; go on only if the Canary is still ours and the action still planned."""
        live = await read_live(self.kube, key, self.settings, tuple(after.objects))
        for manifest in live.values():
            self.cache.wrote(manifest, key)
        ref = Ref.to(CANARY, *key)
        if ref not in live or live[ref]["metadata"]["resourceVersion"] != after.canary.manifest["metadata"]["resourceVersion"]:
            raise Abandoned
        now = self.clock.now()
        again = plan(observe(live, key, self.settings, now), now, self.not_before(key))
        return next((each for each in again if evolve(each, version=None) == evolve(action, version=None)), None)

    async def _carry_out(self, key: Key, after: Snapshot, action: Action) -> None:
        prefixes = self.settings.include_label_prefixes
        try:
            written = await carry_out(self.kube, action, dict(after.canary.manifest), prefixes)
        except Skipped:
            manifest = await self.kube.get(action.ref)
            if manifest is None:
                self.cache.drop(action.ref, by=key)
            else:
                self.cache.wrote(manifest, key)
            return
        if written is None:
            self.cache.drop(action.ref, by=key)
        else:
            self.cache.wrote(written, key)

    async def _deliver(self, key: Key, after: Snapshot) -> bool:
        """Deliver at most one owed entry, then remove it from the status."""
        state = after.state
        if not state.owed or not self._may_deliver(after):
            return False
        notes: tuple[Note, ...] = await self.publisher.deliver(after, state.owed[0])
        rest = evolve(state, owed=state.owed[1:])
        await self.publisher.publish(after, notes)
        await self._write_status(key, {ref: dict(each) for ref, each in after.objects.items()}, after, rest)
        return True

    def _may_deliver(self, after: Snapshot) -> bool:
        """The world of the phase is observed, or another phase began, or one deadline has passed."""
        state = after.state
        if state.phase not in phases.IDLE:
            return True
        down = after.target is None or held_down(after)
        home = isinstance(after.observed, Split) and after.observed.weight == 0 and down
        return home or self.clock.now() - state.phase_since > after.deadline_s

    def _again(self, key: Key, decision: Decision, wrote: bool, after: Snapshot) -> float | None:
        waits = [decision.look_again_s] if decision.look_again_s is not None else []
        if after.state.phase not in phases.IDLE or after.state.owed or after.state.clocks.drain is not None:
            waits.append(_resync_s(after))
        if wrote:
            waits.append(self._correction_wait_s(key))
        else:
            self.busy.pop(key, None)
        return min(waits) if waits else None

    def _correction_wait_s(self, key: Key) -> float:
        """At once while a rollout moves; slower and slower when the same Canary needs write after write."""
        count = self.busy.get(key, 0) + 1
        self.busy[key] = count
        return 0.0 if count <= QUICK_PASSES else min(RESYNC_S, 2.0 ** (count - QUICK_PASSES - 1))


def _resync_s(snapshot: Snapshot) -> float:
    return min(RESYNC_S, snapshot.deadline_s / 4)
