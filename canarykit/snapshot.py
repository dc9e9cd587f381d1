"""What one pass sees of one Canary, as one frozen value with the questions that everybody asks of it. `observe` makes it."""

from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

from attrs import evolve, field, frozen

from canarykit import configs, revisions, services
from canarykit.dicts import at
from canarykit.errors import Problem
from canarykit.kinds import CONFIG_MAP, CONTROLLER_REVISION, DEPLOYMENT, ENDPOINT_SLICE, SECRET, SERVICE
from canarykit.metadata import owner_reference
from canarykit.model import NotYet, Ref, Split
from canarykit.names import Names
from canarykit.routers import Router
from canarykit.scalers import Scaler
from canarykit.settings import Settings
from canarykit.spec import Canary
from canarykit.state import State
from canarykit.workloads import Workload
from canarykit.workloads.readiness import Health

Objects = Mapping[Ref, Mapping[str, Any]]
CONFIG_KINDS = {"configmap": CONFIG_MAP, "secret": SECRET}
ABSENT = Health()
T = TypeVar("T")


class remembered(Generic[T]):  # noqa: N801 - used like a property
    """A property that depends on the objects and the spec alone: worked out once for all states of the same view."""

    def __init__(self, work_out: Callable[[Any], T]) -> None:
        self.work_out = work_out
        self.name = work_out.__name__
        self.__doc__ = work_out.__doc__

    def __get__(self, snapshot: Any, owner: type | None = None) -> T:
        """Return the value, from memory if it is there."""
        if snapshot is None:
            return self  # type: ignore[return-value]
        memory: dict[Any, Any] = snapshot.memory
        if self.name not in memory:
            memory[self.name] = self.work_out(snapshot)
        found: T = memory[self.name]
        return found


@frozen
class Snapshot:
    """What one pass sees of one Canary.

    Attributes:
        problems: what is wrong with the spec or with what it refers to; an ``error`` holds the Canary (rule A4).
        revision: of the target's template and tracked configs as they are now (``cur`` in decisions.md); "" without a target.
        objects: everything related, by reference.
        memory: what was worked out from the objects already; shared with what `with_state` and `with_problems` return, no others.
    """

    canary: Canary
    names: Names
    settings: Settings
    state: State
    objects: Objects
    problems: tuple[Problem, ...] = ()
    router: Router | None = None
    workload: Workload | None = None
    scaler: Scaler | None = None
    label: str = ""
    label_value: str = ""
    configs: Mapping[str, str] = {}
    revision: str = ""
    memory: dict[Any, Any] = field(factory=dict, init=False, eq=False, repr=False)

    def with_state(self, state: State) -> "Snapshot":
        """Return the same view of the world with another state."""
        return self._changed(state=state)

    def with_problems(self, problems: tuple[Problem, ...]) -> "Snapshot":
        """Return the same view of the world with other problems."""
        return self._changed(problems=problems)

    def _changed(self, **changes: Any) -> "Snapshot":
        other = evolve(self, **changes)
        object.__setattr__(other, "memory", self.memory)
        return other

    def once(self, what: tuple[Any, ...], work_out: Callable[[], Any]) -> Any:
        """Return what ``work_out`` gives, from memory if ``what`` was worked out before; never for what depends on the state."""
        if what not in self.memory:
            self.memory[what] = work_out()
        return self.memory[what]

    def get(self, kind: Any, name: str) -> Mapping[str, Any] | None:
        """Return the object of ``kind`` called ``name`` in the Canary's namespace, or None."""
        return self.objects.get(Ref.to(kind, self.names.namespace, name)) if name else None

    @property
    def uid(self) -> str:
        """The Canary's uid."""
        return self.canary.uid

    @property
    def errors(self) -> tuple[Problem, ...]:
        """The problems that hold this Canary."""
        return tuple(problem for problem in self.problems if problem.severity == "error")

    @remembered
    def interval_s(self) -> float:
        """Seconds between two checks."""
        return max(self.settings.min_interval_s, self.canary.spec.analysis.interval_s) / self.settings.speed

    @remembered
    def deadline_s(self) -> float:
        """Seconds that anything may be awaited (``progressDeadlineSeconds``)."""
        return self.canary.spec.progress_deadline_seconds / self.settings.speed

    @property
    def drain_s(self) -> float:
        """Seconds between the last request to the target and its scale-down."""
        own = self.canary.spec.analysis.drain_time_s
        return (self.settings.drain_time_s if own is None else own) / self.settings.speed

    @remembered
    def target_ref(self) -> Ref:
        """The target workload."""
        return Ref.to(DEPLOYMENT, self.names.namespace, self.names.target)

    @remembered
    def primary_ref(self) -> Ref:
        """The primary workload."""
        return Ref.to(DEPLOYMENT, self.names.namespace, self.names.primary)

    @remembered
    def target(self) -> Mapping[str, Any] | None:
        """The target workload as observed."""
        return self.objects.get(self.target_ref)

    @remembered
    def primary(self) -> Mapping[str, Any] | None:
        """The primary workload as observed."""
        return self.objects.get(self.primary_ref)

    @remembered
    def source_scaler(self) -> Mapping[str, Any] | None:
        """The user's scaler, if the Canary names one and it exists."""
        return self.get(self.scaler.kind, self.names.source_scaler) if self.scaler else None

    @remembered
    def primary_scaler(self) -> Mapping[str, Any] | None:
        """The generated scaler of the primary, if it exists."""
        return self.get(self.scaler.kind, self.names.primary_scaler) if self.scaler else None

    @remembered
    def apex(self) -> Mapping[str, Any] | None:
        """The apex Service as observed."""
        return self.get(SERVICE, self.names.apex)

    @remembered
    def target_health(self) -> Health:
        """Readiness of the target; nothing of anything when it is missing."""
        return self._health(self.target, self.canary.spec.analysis.canary_ready_threshold)

    @remembered
    def primary_health(self) -> Health:
        """Readiness of the primary; nothing of anything when it is missing."""
        return self._health(self.primary, self.canary.spec.analysis.primary_ready_threshold)

    @remembered
    def owner(self) -> dict[str, Any]:
        """The ownerReference that every generated object carries."""
        return owner_reference(self.canary.manifest)

    @remembered
    def apex_side(self) -> str | None:
        """Which pods the apex Service selects: ``primary``, ``target``, ``other``; None without one."""
        return services.apex_side(self.apex, self.label, self.label_value) if self.apex else None

    @remembered
    def written(self) -> Split | None:
        """The split in the spec of our route (``kubernetes``: in the apex selector); None while there is none."""
        if self.router is not None and self.router.routed:
            return self.router.written(self.canary, self.names, self.objects)
        return {"primary": Split(0), "target": Split(100)}.get(self.apex_side or "")

    @remembered
    def observed(self) -> Split | NotYet | None:
        """The split that the route says is programmed."""
        if self.router is not None and self.router.routed:
            return self.router.observed(self.canary, self.names, self.objects)
        return self.written

    @remembered
    def handed_over(self) -> bool:
        """Whether the hand-over from the user's Service to ours has begun (decisions.md section 5, health override)."""
        routed = self.router is not None and self.router.routed and self.written is not None
        return routed or self.apex_side == "primary"

    def template(self, revision: str) -> Mapping[str, Any] | None:
        """Return the pod template of ``revision``: recorded, or the target's own while it still is that revision."""
        recorded = self.recorded(revision)
        if recorded is not None:
            return revisions.template_in(recorded)
        if self.target is not None and self.workload is not None and revision == self.revision:
            return self.workload.template_of(self.target)
        return None

    def recorded(self, revision: str) -> Mapping[str, Any] | None:
        """Return the ControllerRevision that holds ``revision``, or None."""
        return self.get(CONTROLLER_REVISION, revisions.revision_name(self.names.canary, revision)) if revision else None

    def recorded_configs(self, revision: str) -> Mapping[str, str]:
        """Return the tracked configs (key to checksum) that belong to ``revision``."""
        recorded = self.recorded(revision)
        if recorded is not None:
            return dict(at(recorded, "data", "configs", default={}))
        return self.configs if revision == self.revision else {}

    @remembered
    def primary_stamp(self) -> str:
        """The revision that the primary's stamp names, or "" without a stamp."""
        return self.workload.stamp_of(self.primary) if self.primary and self.workload else ""

    def primary_wanted(self, revision: str) -> dict[str, Any] | None:
        """Return the pod template that the primary shall have at ``revision``, or None while it is unknown."""
        template = self.template(revision)
        if template is None or self.workload is None:
            return None
        if at(self.recorded(revision) or {}, "data", "form") == "primary":
            return dict(template)
        return self.workload.primary_template(
            template, self.label, self.label_value, self.names.target, self.recorded_configs(revision), revision
        )

    def primary_at(self, revision: str) -> bool:
        """Tell whether the primary's template is that of ``revision`` (which says nothing of its pods).

        A primary without a stamp (taken over from Flagger) runs it if the content is the same: stamping would roll its pods.
        """
        return bool(self.once(("primary at", revision), lambda: self._primary_at(revision)))

    def _primary_at(self, revision: str) -> bool:
        wanted = self.primary_wanted(revision)
        if wanted is None or self.primary is None or self.workload is None:
            return False
        if self.workload.runs(self.primary, wanted):
            return True
        return self.primary_stamp in ("", revision) and self.workload.same_content(self.primary, wanted)

    @remembered
    def adopted_revision(self) -> str:
        """The revision that a serving primary counts as: its stamp, the target's if the contents agree, or its own."""
        if self.primary is None or self.workload is None:
            return ""
        if self.primary_stamp:
            return self.primary_stamp
        if self.revision and self.primary_at(self.revision):
            return self.revision
        return revisions.revision_of(self.workload.template_of(self.primary), {})

    @property
    def primary_rolled(self) -> bool:
        """Whether the primary is rolled at the pin."""
        return self.primary_health.rolled and self.primary_at(self.state.pin)

    def checksum_of(self, config: Mapping[str, Any]) -> str:
        """Return the checksum of a ConfigMap's or Secret's content; a cache may hold it instead of the data."""
        return str(config.get("checksum") or configs.checksum_of(config))

    def reachable(self, service: str) -> int | None:
        """Return how many ready addresses the EndpointSlices of ``service`` list; None when none is known."""
        found: int | None = self.once(("reachable", service), lambda: self._reachable(service))
        return found

    def _reachable(self, service: str) -> int | None:
        slices = [
            manifest
            for ref, manifest in self.objects.items()
            if ref.kind == ENDPOINT_SLICE.kind and at(manifest, "metadata", "labels", "kubernetes.io/service-name") == service
        ]
        if not slices:
            return None
        endpoints = (endpoint for each in slices for endpoint in at(each, "endpoints", default=()))
        return sum(1 for endpoint in endpoints if at(endpoint, "conditions", "ready", default=True))

    def _health(self, workload: Mapping[str, Any] | None, percent: int) -> Health:
        return self.workload.health(workload, percent) if workload and self.workload else ABSENT
