"""The world models with a person's `plan` in front of them: carries actions out as an API server would, and nothing else.

No controller, no status writes, no faults: for laws about `plan` alone. Simulations of the whole run on `harness.Rig`.
"""

import copy
from collections.abc import Mapping
from typing import Any

import jsonpatch

from canarykit.dicts import at
from canarykit.guards import GUARDED
from canarykit.model import APPLY, CREATE, DELETE, JSON_PATCH, MERGE_PATCH, Action, Ref
from canarykit.observe import observe
from canarykit.plan import plan
from canarykit.settings import Settings
from canarykit.snapshot import Snapshot
from canarykit.status import merge_difference
from canarykit.world import Behaviour
from unit.world.apply import Cluster
from worlds import KEY


class House(Cluster):
    """A small cluster that holds a Canary's objects. ``done`` is the log of actions."""

    def __init__(self, behaviour: Behaviour | None = None, settings: Settings | None = None) -> None:
        super().__init__(behaviour)
        self.settings = settings or Settings()
        self.done: list[Action] = []
        self._applied: dict[Ref, Mapping[str, Any]] = {}

    def place(self, objects: Mapping[Ref, Mapping[str, Any]]) -> None:
        """Put objects in as they are, status of workloads aside; those without a uid get one."""
        for number, (ref, manifest) in enumerate(sorted(objects.items())):
            placed = copy.deepcopy(dict(manifest))
            placed["metadata"] = {"uid": f"placed-{number}", "generation": 1, **placed["metadata"]}
            placed["metadata"].pop("resourceVersion", None)
            if ref.kind in ("Deployment", "HTTPRoute"):
                placed.pop("status", None)
            self._store(ref, placed)

    def snapshot(self) -> Snapshot:
        """What a pass would see now."""
        return observe(self.objects, KEY, self.settings, self.now)

    def plan(self) -> tuple[Action, ...]:
        """What is to be done now."""
        return plan(self.snapshot(), self.now)

    def carry_out(self, action: Action) -> bool:
        """Do one action, a guarded one only if it is still planned; tell whether it was done."""
        if action.guard in GUARDED and action not in self.plan():
            return False
        self.done.append(action)
        match action.verb:
            case verb if verb == CREATE:
                self.create(action.body)
            case verb if verb == APPLY:
                self._apply_manifest(action)
            case verb if verb == MERGE_PATCH:
                self.patch(action.ref, action.body)
            case verb if verb == JSON_PATCH:
                new = jsonpatch.apply_patch(self.objects[action.ref], action.body)
                self.patch(action.ref, merge_difference(self.objects[action.ref], new))
            case verb if verb == DELETE:
                self.delete(action.ref)
            case _:
                raise AssertionError(action)
        self.settle()
        return True

    def _apply_manifest(self, action: Action) -> None:
        """Server-side apply by the only manager there is: what it applied before and does not apply now goes."""
        before = self._applied.get(action.ref, {})
        self._applied[action.ref] = action.body
        if action.ref not in self.objects:
            self.create(action.body)
            return
        gone = merge_difference(before, action.body) if before else {}
        self.patch(action.ref, {**gone, **action.body} if not gone else _joined(gone, action.body))

    def ready(self, name: str) -> int:
        """Ready pods of a Deployment, by its status."""
        return int(at(self.objects.get(Ref("apps", "Deployment", KEY[0], name), {}), "status", "readyReplicas", default=0))


def _joined(gone: Any, body: Any) -> Any:
    if not isinstance(gone, Mapping) or not isinstance(body, Mapping):
        return body
    return {**gone, **{key: _joined(gone.get(key), value) for key, value in body.items()}}
