"""Snapshots for tests of the corridor, made from plain dict objects: a `World` says how things stand, `objects()` spells it out.

`World` is frozen; tests change it with `evolve`. By default: KEDA, Blue/Green on ``kubernetes``, the promoted revision at rest,
two primary pods, target held down. Images stand for revisions: ``OLD`` was promoted before ``PROMOTED``, ``NEXT`` is newer.
"""

from collections.abc import Mapping
from typing import Any

from attrs import evolve, field, frozen

from canarykit import phases
from canarykit.decide import Decision, decide
from canarykit.facts import Facts, question_id
from canarykit.guards import Watch
from canarykit.kinds import DEPLOYMENT, ENDPOINT_SLICE, HPA, HTTP_ROUTE, SCALED_OBJECT, SERVICE
from canarykit.model import PASS, Action, Answer, Ref, Split
from canarykit.names import names_for
from canarykit.observe import observe
from canarykit.plan import plan
from canarykit.questions import questions
from canarykit.revisions import controller_revision, revision_of
from canarykit.settings import Settings
from canarykit.snapshot import Snapshot
from canarykit.state import Clocks, Mark, State, write_state
from canarykit.workloads import workload_for

NOW = 1_800_000_000.0
NS = "test"
KEY = (NS, "podinfo")
UID = "c0de"
NAMES = names_for(NS, "podinfo", "podinfo", "podinfo-svc", "podinfo-so")
GATEWAY = {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "edge", "namespace": "infra"}
OLD, PROMOTED, NEXT, NEWEST = "podinfo:0.9", "podinfo:1.0", "podinfo:2.0", "podinfo:3.0"
ROUTED = "gatewayapi:v1"
SO, HORIZONTAL = "ScaledObject", "HorizontalPodAutoscaler"
PORT = {"name": "http", "port": 80, "targetPort": 80, "protocol": "TCP"}
BLUE_GREEN = {"interval": "10s", "threshold": 2, "iterations": 2}
PROGRESSIVE = {"interval": "10s", "threshold": 2, "maxWeight": 50, "stepWeight": 20}


def template(image: str) -> dict[str, Any]:
    """The pod template of a revision."""
    return {"metadata": {"labels": {"app": "podinfo"}}, "spec": {"containers": [{"name": "podinfod", "image": image}]}}


def rev(image: str) -> str:
    """The revision that an image stands for."""
    return revision_of(template(image), {})


@frozen
class Pods:
    """Pods of one side as the workload's status tells: ``ready`` of ``wanted``, ``old`` ones of an earlier template besides."""

    wanted: int = 2
    ready: int = 2
    old: int = 0
    observed: bool = True
    reachable: int | None = None

    def status(self, generation: int) -> dict[str, Any]:
        """The Deployment's status."""
        counts = {"replicas": self.wanted + self.old, "updatedReplicas": self.wanted, "readyReplicas": self.ready,
                  "availableReplicas": self.ready}  # fmt: skip
        return {**counts, "observedGeneration": generation if self.observed else generation - 1}


DOWN, ONE, TWO, DEAD = Pods(0, 0), Pods(1, 1), Pods(2, 2), Pods(2, 0)


@frozen
class World:
    """How things stand around the Canary ``test/podinfo``. None for a side or object means that it is absent."""

    phase: str = phases.INITIALIZED
    provider: str = "kubernetes"
    scaler: str | None = SO
    image: str = PROMOTED
    primary_image: str = PROMOTED
    target: Pods | None = DOWN
    primary: Pods | None = TWO
    apex: str | None = "primary"  # primary, target, other
    weight: int | None = 0  # of the route, if the provider has one
    programmed: bool = True
    paused: str | None = "0"
    minimum: int | None = 1
    primary_scaler: bool = True
    analysis: Mapping[str, Any] = BLUE_GREEN
    spec: Mapping[str, Any] = {}
    request: str = ""
    deleted: bool = False
    kept: tuple[str, ...] = (OLD, PROMOTED, NEXT)
    state: Mapping[str, Any] = field(factory=dict)
    settings: Settings = field(factory=Settings)

    def with_state(self, **changes: Any) -> "World":
        """The same with further fields of the status."""
        return evolve(self, state={**self.state, **changes})

    def as_state(self) -> State:
        """The status as a value: what the phase implies, then what the test says."""
        if self.phase == phases.NEW:
            return State()
        attempted = NEXT if self.phase in phases.ACTIVE else PROMOTED
        given = {
            "id": "r1", "promoted": rev(PROMOTED), "attempted": rev(attempted), "pin": rev(PROMOTED), "previous": rev(OLD),
            "base": 2, "phase_since": NOW - 5000, "phase_before": phases.INITIALIZED, "pause_mark": Mark(None),
        }  # fmt: skip
        if self.phase == phases.INITIALIZING:
            given |= {"promoted": "", "attempted": "", "previous": "", "phase_before": "", "pause_mark": None}
        if self.phase == phases.PROMOTING:
            given |= {"pin": rev(NEXT)}
        if self.phase == phases.FINALISING:
            given |= {"pin": rev(NEXT), "promoted": rev(NEXT), "previous": rev(PROMOTED)}
        if self.phase in phases.ANALYSIS | {phases.PROMOTING}:
            given |= {
                "pause_mark": None,
                "floor_mark": Mark(self.minimum),
                "last_check_at": NOW - 100,
                "pre_rollout_passed": True,
            }
        if self.scaler != SO:
            given |= {"pause_mark": None}
        if self.scaler is None:
            given |= {"floor_mark": None}
        return State(phase=self.phase, **{**given, **self.state})

    def canary(self) -> dict[str, Any]:
        """The Canary's manifest, status included."""
        state = self.as_state()
        metadata: dict[str, Any] = {"name": "podinfo", "namespace": NS, "uid": UID, "generation": 3, "resourceVersion": "77"}
        if self.request:
            metadata["annotations"] = {"canarykit.dev/request": self.request}
        if self.deleted:
            metadata["deletionTimestamp"] = "2027-01-15T08:00:00Z"
        service = {"port": 80, "name": "podinfo-svc"} | ({"gatewayRefs": [dict(GATEWAY)]} if self.provider == ROUTED else {})
        reference = {
            "apiVersion": "keda.sh/v1alpha1" if self.scaler == SO else "autoscaling/v2",
            "kind": self.scaler,
            "name": "podinfo-so",
        }
        spec = {
            "provider": self.provider,
            "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "podinfo"},
            "progressDeadlineSeconds": 60,
            "service": service,
            "analysis": dict(self.analysis),
            **({"autoscalerRef": reference} if self.scaler else {}),
            **self.spec,
        }
        status = {} if state.phase == phases.NEW else {
            "phase": state.phase, "canaryWeight": state.split.weight, "iterations": state.iterations,
            "failedChecks": state.failed_checks, "lastAppliedSpec": state.attempted, "lastPromotedSpec": state.promoted,
            "trackedConfigs": dict(state.tracked_configs or {}), "rollout": write_state(state), "observedGeneration": 3,
        }  # fmt: skip
        return {"apiVersion": "flagger.app/v1beta1", "kind": "Canary", "metadata": metadata, "spec": spec, "status": status}

    def objects(self) -> dict[Ref, dict[str, Any]]:
        """Every object around the Canary, fresh dicts."""
        found = [self.canary(), *self._workloads(), *self._services(), *self._scalers(), *self._revisions()]
        if self.provider == ROUTED and self.weight is not None:
            found.append(self._route(self.weight))
        return {Ref.of(manifest): manifest for manifest in found}

    def snapshot(self, now: float = NOW) -> Snapshot:
        """What a pass sees."""
        return observe(self.objects(), KEY, self.settings, now)

    def facts(self, now: float = NOW) -> Facts:
        """The facts of a pass without answers."""
        return Facts(self.snapshot(now), Watch(now))

    def asked(self, now: float = NOW) -> list[str]:
        """What is asked, as ``about`` or ``about/name``."""
        return [question.about for question in questions(self.snapshot(now), now)]

    def decide(self, now: float = NOW, not_before: float = 0.0, **answers: str | Answer | None) -> Decision:
        """Decide with answers by ``about`` (underscores for hyphens); what else is asked passes; None leaves one out."""
        snapshot = self.snapshot(now)
        given: dict[tuple[str, str, str], Answer] = {}
        for question in questions(snapshot, now, not_before):
            answer = answers.get(question.about.replace("-", "_"), PASS if question.about != "rollback" else "fail")
            if answer is not None:
                given[question_id(question)] = Answer(answer) if isinstance(answer, str) else answer
        return decide(snapshot, given, now, "r2", not_before)

    def plan(self, now: float = NOW, not_before: float = 0.0) -> tuple[Action, ...]:
        """What is to be done."""
        return plan(self.snapshot(now), now, not_before)

    # -- objects --------------------------------------------------------------------------------------------------

    def _workloads(self) -> list[dict[str, Any]]:
        workload = workload_for("Deployment")
        found = []
        if self.target is not None:
            found.append(_deployment("podinfo", "podinfo", template(self.image), self.target))
        if self.primary is not None:
            kept = template(self.primary_image)
            made = workload.primary_template(kept, "app", "podinfo", "podinfo", (), rev(self.primary_image))
            primary = _deployment("podinfo-primary", "podinfo-primary", made, self.primary)
            primary["metadata"]["ownerReferences"] = [_owner()]
            found.append(primary)
        return found

    def _services(self) -> list[dict[str, Any]]:
        selected = {"primary": "podinfo-primary", "target": "podinfo", "other": "somebody"}
        pairs = [("podinfo-svc-canary", "podinfo"), ("podinfo-svc-primary", "podinfo-primary")]
        if self.apex is not None:
            pairs.append(("podinfo-svc", selected[self.apex]))
        services = [
            {
                "apiVersion": "v1", "kind": "Service",
                "metadata": {"name": name, "namespace": NS, "resourceVersion": "5", "ownerReferences": [_owner()]},
                "spec": {"selector": {"app": value}, "ports": [dict(PORT)]},
            }
            for name, value in pairs
        ]  # fmt: skip
        sides = (("podinfo-svc-canary", self.target), ("podinfo-svc-primary", self.primary))
        return services + [_slice(name, pods.reachable) for name, pods in sides if pods and pods.reachable is not None]

    def _scalers(self) -> list[dict[str, Any]]:
        if self.scaler is None:
            return []
        found = [_scaler(self.scaler, "podinfo-so", "podinfo", self.minimum, self.paused)]
        if self.primary_scaler:
            copy = _scaler(self.scaler, "podinfo-so-primary", "podinfo-primary", self.minimum, None)
            copy["metadata"]["ownerReferences"] = [_owner()]
            found.append(copy)
        return found

    def _revisions(self) -> list[dict[str, Any]]:
        canary = self.canary()
        return [
            controller_revision(canary, NAMES, rev(image), template(image), {}, number)
            for number, image in enumerate(self.kept, start=1)
        ]

    def _route(self, weight: int) -> dict[str, Any]:
        bare = evolve(self, weight=None)
        snapshot = bare.snapshot()
        assert snapshot.router is not None
        route = snapshot.router.desired(snapshot.canary, NAMES, Split(weight))[0]
        generation = 4
        condition = {
            "type": "Accepted",
            "status": "True",
            "observedGeneration": generation if self.programmed else generation - 1,
        }
        route["metadata"] |= {"generation": generation, "resourceVersion": "9"}
        return {**route, "status": {"parents": [{"parentRef": dict(GATEWAY), "conditions": [condition]}]}}


def in_analysis(**changes: Any) -> World:
    """A Canary in Progressing, target up with two pods, everything ready, the next check due."""
    return World(phase=phases.PROGRESSING, image=NEXT, target=TWO, paused=None, **changes)


def routed(**changes: Any) -> World:
    """The same behind a Gateway, progressive, at 20 %."""
    given = {"provider": ROUTED, "analysis": PROGRESSIVE, "weight": 20, "state": {"split": Split(20)}} | changes
    return in_analysis(**given)


def promoting(**changes: Any) -> World:
    """A Canary in Promoting whose primary does not run the pin yet."""
    return World(phase=phases.PROMOTING, image=NEXT, target=TWO, paused=None, **changes)


def verified(**changes: Any) -> World:
    """A Canary in Promoting whose primary was seen running the pin."""
    state = {"promoted": rev(NEXT), "previous": rev(PROMOTED)} | changes.pop("state", {})
    return promoting(primary_image=NEXT, state=state, **changes)


def finalising(**changes: Any) -> World:
    """A Canary in Finalising: the primary runs the promoted revision, the target is still up."""
    return World(phase=phases.FINALISING, image=NEXT, primary_image=NEXT, **{"target": TWO, "paused": None, **changes})


def hook(kind: str, name: str = "gate") -> dict[str, Any]:
    """A webhook of the spec."""
    return {"name": name, "type": kind, "url": f"http://hooks.test/{name}"}


def with_hooks(analysis: Mapping[str, Any], *kinds: str, metrics: tuple[str, ...] = ()) -> dict[str, Any]:
    """An analysis with a hook of each kind, and metrics."""
    found = dict(analysis) | {"webhooks": [hook(kind) for kind in kinds]}
    if metrics:
        found["metrics"] = [{"name": name, "thresholdRange": {"min": 99}} for name in metrics]
    return found


def late(*names: str, seconds: float = 61.0) -> Clocks:
    """Clocks that have run for longer than the deadline (60 s)."""
    return Clocks(**{name: NOW - seconds for name in names})


def action_on(actions: tuple[Action, ...], kind: Any, name: str) -> list[Action]:
    """The actions on one object, in order."""
    return [action for action in actions if action.ref == Ref.to(kind, NS, name)]


def _owner() -> dict[str, Any]:
    return {"apiVersion": "flagger.app/v1beta1", "kind": "Canary", "name": "podinfo", "uid": UID, "controller": True,
            "blockOwnerDeletion": True}  # fmt: skip


def _deployment(name: str, value: str, pod_template: Mapping[str, Any], pods: Pods) -> dict[str, Any]:
    return {
        "apiVersion": DEPLOYMENT.api_version,
        "kind": DEPLOYMENT.kind,
        "metadata": {"name": name, "namespace": NS, "generation": 2, "resourceVersion": "3"},
        "spec": {"replicas": pods.wanted, "selector": {"matchLabels": {"app": value}}, "template": dict(pod_template)},
        "status": pods.status(2),
    }


def _slice(service: str, ready: int) -> dict[str, Any]:
    return {
        "apiVersion": ENDPOINT_SLICE.api_version,
        "kind": ENDPOINT_SLICE.kind,
        "metadata": {"name": f"{service}-1", "namespace": NS, "labels": {"kubernetes.io/service-name": service}},
        "endpoints": [{"addresses": [f"10.0.0.{n}"], "conditions": {"ready": True}} for n in range(ready)],
    }


def _scaler(kind_name: str, name: str, workload: str, minimum: int | None, paused: str | None) -> dict[str, Any]:
    kind = SCALED_OBJECT if kind_name == SO else HPA
    metadata: dict[str, Any] = {"name": name, "namespace": NS, "resourceVersion": "8"}
    if paused is not None and kind_name == SO:
        metadata["annotations"] = {"autoscaling.keda.sh/paused-replicas": paused}
    lowest, highest = ("minReplicaCount", "maxReplicaCount") if kind_name == SO else ("minReplicas", "maxReplicas")
    spec: dict[str, Any] = {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": workload}, highest: 4}
    if minimum is not None:
        spec[lowest] = minimum
    if kind_name == SO:
        query = f'sum(rate(http_requests_total{{app="{workload}"}}[30s]))'
        spec["triggers"] = [{"type": "prometheus", "name": "rps", "metadata": {"query": query, "threshold": "5"}}]
    else:
        target = {"type": "Utilization", "averageUtilization": 80}
        spec["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]
    return {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": metadata, "spec": spec}


ROUTE = Ref.to(HTTP_ROUTE, NS, "podinfo-svc")
APEX = Ref.to(SERVICE, NS, "podinfo-svc")
