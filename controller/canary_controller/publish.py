"""Tell people: Events with deterministic names, the event webhooks of a Canary, and what is owed when a rollout has ended.

An Event's name is made from the Canary's uid, the rollout id, the phase and the text, so a repeat is the same Event: its count
rises instead. Source: decisions.md section 8, engine.md section 4.
"""

import asyncio
from typing import Any

from attrs import define, field

from canary_controller.clock import Clock
from canary_controller.http import Http
from canary_controller.kube import ApiError, Kube
from canarykit import phases
from canarykit.dicts import at
from canarykit.event_names import event_name
from canarykit.events import NORMAL, WARNING, Note
from canarykit.hooks import event_payload, hook_answer, hook_request, payload_checksum
from canarykit.kinds import EVENT
from canarykit.model import EVENT_HOOK, PASS, POST_ROLLOUT, Ref
from canarykit.news import recalled
from canarykit.questions import payload
from canarykit.snapshot import Snapshot
from canarykit.spec import Webhook
from canarykit.times import fine_stamp, instant, stamp

REASON = "Synced"  # Flagger's; tools filter on it
COMPONENT = "flagger"
MESSAGE_LIMIT = 1024
NEWS_S = 1800.0  # older news are not said late: the API server forgets Events after an hour, so they would seem to be new


@define
class Publisher:
    """Posts Events and calls the hooks that only tell.

    Attributes:
        event_webhook: URL that hears of the Events of Canaries without event hooks; "" for none.
        said: the holds that were said, per Canary.
    """

    kube: Kube
    http: Http
    clock: Clock
    event_webhook: str = ""
    said: dict[tuple[str, str], set[str]] = field(factory=dict)

    async def publish(self, snapshot: Snapshot, notes: tuple[Note, ...]) -> None:
        """Post ``notes`` in order. An Event that cannot be posted is not worth a failed pass."""
        key = (snapshot.names.namespace, snapshot.names.canary)
        known = self.said.setdefault(key, set())
        for note in notes:
            name = name_of(snapshot, note)
            if note.once and name in known:
                continue
            await self._post(snapshot, note, name)
            await self._tell_hooks(snapshot, note)
            known.add(name)
        if len(known) > 500:
            known.clear()

    async def catch_up(self, snapshot: Snapshot) -> None:
        """Post what an earlier pass, perhaps of an earlier process, had decided to say and did not come to say."""
        changed_at = instant(at(snapshot.canary.manifest, "status", "lastTransitionTime", default=""))
        if not snapshot.state.news or changed_at is None or self.clock.now() - changed_at > NEWS_S:
            return
        known = self.said.setdefault((snapshot.names.namespace, snapshot.names.canary), set())
        for note in recalled(snapshot.state):
            name = name_of(snapshot, note)
            if name not in known and await self._post(snapshot, note, name):
                await self._tell_hooks(snapshot, note)
            known.add(name)

    def forget(self, key: tuple[str, str]) -> None:
        """Forget a Canary that is gone."""
        self.said.pop(key, None)

    async def _post(self, snapshot: Snapshot, note: Note, name: str) -> bool:
        """Post one Event; return whether it is there for the first time."""
        manifest = event_manifest(snapshot, note, name, self.clock.now())
        try:
            await self.kube.create(manifest)
        except ApiError as error:
            if error.already_exists and not note.once:
                await self._count(Ref.of(manifest))
            return False
        return True

    async def _count(self, ref: Ref) -> None:
        known = await self.kube.get(ref)
        if known is not None:
            raised = {"count": at(known, "count", default=1) + 1, "lastTimestamp": stamp(self.clock.now())}
            await self.kube.merge_patch(ref, raised)

    async def _tell_hooks(self, snapshot: Snapshot, note: Note) -> None:
        """Call the event hooks of the Canary or, where it has none, the controller's own."""
        hooks = [hook for hook in snapshot.canary.spec.analysis.webhooks if hook.type == EVENT_HOOK]
        if not hooks and self.event_webhook:
            hooks = [Webhook(name="event-webhook", type=EVENT_HOOK, url=self.event_webhook)]
        state, names = snapshot.state, snapshot.names
        checksum = payload_checksum(state.tracked_configs or {}, state.attempted)
        moment = int(self.clock.now() * 1000)
        requests = [
            hook_request(
                hook,
                event_payload(
                    names.canary, names.namespace, note.phase, checksum,
                    message=note.message, event_type=note.type, timestamp_ms=moment, metadata=dict(hook.metadata),
                ),
            )
            for hook in hooks
        ]  # fmt: skip
        await asyncio.gather(*(self.http.send(request) for request in requests))

    async def deliver(self, snapshot: Snapshot, owed: str) -> tuple[Note, ...]:
        """Call the post-rollout hooks of an ended rollout and return the Events that go with them (one entry of ``owed``)."""
        what, _, rollout_id = owed.partition("/")
        phase = phases.SUCCEEDED if what in ("succeeded", "skipped") else phases.FAILED
        notes = []
        for hook in snapshot.canary.spec.analysis.webhooks:
            if hook.type != POST_ROLLOUT:
                continue
            body = payload(snapshot, phase, dict(hook.metadata))
            request = hook_request(hook, body, f"{rollout_id}/{hook.name}/{what}")
            answer = hook_answer(hook, request, await self.http.send(request))
            if answer.verdict == PASS:
                notes.append(Note(NORMAL, f"Post-rollout check {hook.name} passed", phase, POST_ROLLOUT))
            else:
                text = f"Post-rollout hook {hook.name} failed {answer.text}".rstrip()
                notes.append(Note(WARNING, text, phase, POST_ROLLOUT))
        return (*notes, *_final(snapshot, what, phase))


def _final(snapshot: Snapshot, what: str, phase: str) -> tuple[Note, ...]:
    target = f"{snapshot.names.target}.{snapshot.names.namespace}"
    texts = {
        "succeeded": f"Promotion completed! Scaling down {target}",
        "skipped": f"Promotion completed! Canary analysis was skipped for {target}",
    }
    return (Note(NORMAL, texts[what], phase, "finish"),) if what in texts else ()


def name_of(snapshot: Snapshot, note: Note) -> str:
    """Return the name that makes two postings of the same news one Event."""
    what = (note.topic,) if note.topic else (note.phase, note.message)
    return event_name(snapshot.names.canary, snapshot.uid, snapshot.state.id, note.message, what)


def event_manifest(snapshot: Snapshot, note: Note, name: str, now: float) -> dict[str, Any]:
    """Return the core/v1 Event of a note, as Flagger's recorder would write it; the verdict is in ``action``."""
    canary = snapshot.canary.manifest
    return {
        "apiVersion": EVENT.api_version,
        "kind": EVENT.kind,
        "metadata": {"name": name, "namespace": snapshot.names.namespace},
        "involvedObject": {
            "apiVersion": canary["apiVersion"],
            "kind": canary["kind"],
            "name": snapshot.names.canary,
            "namespace": snapshot.names.namespace,
            "uid": snapshot.uid,
            "resourceVersion": at(canary, "metadata", "resourceVersion", default=""),
        },
        "type": note.type,
        "reason": REASON,
        "action": note.action or "none",
        "message": note.message[:MESSAGE_LIMIT],
        "source": {"component": COMPONENT},
        "reportingComponent": COMPONENT,
        "reportingInstance": COMPONENT,
        "firstTimestamp": stamp(now),
        "lastTimestamp": stamp(now),
        "eventTime": fine_stamp(now).replace("Z", "000Z"),
        "count": 1,
    }
