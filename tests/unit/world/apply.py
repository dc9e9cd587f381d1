"""A very small cluster for the tests of the world models: applies their writes in virtual time until nothing is left to do."""

import copy
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from canarykit.dicts import at
from canarykit.kinds import DEPLOYMENT, HPA, HTTP_ROUTE, SCALED_OBJECT, SERVICE, Kind
from canarykit.model import Ref
from canarykit.times import stamp
from canarykit.world import Behaviour, Load, Traffic, Write, advance, next_change, step_all

NS = "test"
START = 1_800_000_000.0


def merged(old: Any, patch: Any) -> Any:
    """RFC 7386."""
    if not isinstance(patch, Mapping):
        return copy.deepcopy(patch)
    base = dict(old) if isinstance(old, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            base.pop(key, None)
        else:
            base[key] = merged(base.get(key), value)
    return base


class Cluster:
    """Objects, a clock and a traffic record. ``writes`` is the log of (time, write)."""

    def __init__(self, behaviour: Behaviour | None = None) -> None:
        self.now = START
        self.behaviour = behaviour or Behaviour()
        self.objects: dict[Ref, dict[str, Any]] = {}
        self.traffic = Traffic()
        self.loads: list[Load] = []
        self.writes: list[tuple[float, Write]] = []
        self.watchers: list[Callable[[Ref, dict[str, Any] | None], None]] = []
        self._uids = 0

    def create(self, *manifests: Mapping[str, Any]) -> None:
        for manifest in manifests:
            ref = Ref.of(manifest)
            assert ref not in self.objects, f"{ref} exists"
            self._uids += 1
            made = {key: copy.deepcopy(value) for key, value in manifest.items() if key != "status"}
            made["metadata"] |= {"uid": f"uid-{self._uids}", "generation": 1, "creationTimestamp": stamp(self.now)}
            self._store(ref, made)

    def patch(self, ref: Ref, patch: Mapping[str, Any]) -> None:
        old = self.objects[ref]
        new = merged(old, {key: value for key, value in patch.items() if key != "status"})
        if new.get("spec") != old.get("spec"):
            new["metadata"]["generation"] = old["metadata"]["generation"] + 1
        if new["metadata"].get("deletionTimestamp") and not new["metadata"].get("finalizers"):
            self._remove(ref)
        else:
            self._store(ref, new)

    def delete(self, ref: Ref) -> None:
        old = self.objects[ref]
        if not at(old, "metadata", "finalizers"):
            self._remove(ref)
        elif not at(old, "metadata", "deletionTimestamp"):
            self._store(ref, merged(old, {"metadata": {"deletionTimestamp": stamp(self.now)}}))

    def settle(self, limit: int = 200) -> float | None:
        """Step until there are no writes; return when the models want to look again."""
        for _ in range(limit):
            self.traffic = advance(self.traffic, self.objects, self.loads, self.now, self.behaviour)
            before = copy.deepcopy(self.objects)
            step = step_all(self.objects, self.now, self.behaviour, self.traffic)
            assert self.objects == before, "a model changed its input"
            if not step.writes:
                return step.again_at
            for write in step.writes:
                self._apply(write)
        raise AssertionError(f"not quiet after {limit} steps; last writes: {[write for _, write in self.writes[-6:]]}")

    def run(self, seconds: float) -> None:
        """Let time pass; look whenever a model or a load wants it."""
        end = self.now + seconds
        while True:
            times = [self.settle(), next_change(self.loads, self.now)]
            due = [each for each in times if each is not None]
            assert all(each > self.now for each in due), "asked to look again in the past"
            following = min(due, default=end)
            if following >= end:
                self.now = end
                self.settle()
                return
            self.now = following

    def get(self, kind: Kind, name: str) -> dict[str, Any]:
        return self.objects[Ref.to(kind, NS, name)]

    def named(self, kind: Kind) -> list[str]:
        return sorted(ref.name for ref in self.objects if (ref.group, ref.kind) == (kind.group, kind.kind))

    def replicas(self, name: str) -> int:
        return int(self.get(DEPLOYMENT, name)["spec"]["replicas"])

    def status(self, kind: Kind, name: str) -> dict[str, Any]:
        return self.get(kind, name).get("status", {})

    def condition(self, kind: Kind, name: str, of: str) -> tuple[str, str]:
        """Status and reason of a condition."""
        found = next((each for each in self.status(kind, name).get("conditions", ()) if each["type"] == of), {})
        return found.get("status", ""), found.get("reason", "")

    def ready(self, prefix: str) -> int:
        return sum(
            any(each["type"] == "Ready" and each["status"] == "True" for each in at(pod, "status", "conditions", default=()))
            for ref, pod in self.objects.items()
            if ref.kind == "Pod" and ref.name.startswith(prefix)
        )

    def written(self, verb: str, ref: Ref) -> list[float]:
        return [when for when, write in self.writes if write.verb == verb and write.ref == ref]

    def _apply(self, write: Write) -> None:
        self.writes.append((self.now, write))
        if write.verb == "create":
            self.create(write.body)
        elif write.ref not in self.objects:
            return
        elif write.verb == "status":
            old = self.objects[write.ref]
            self._store(write.ref, {**old, "status": merged(old.get("status", {}), write.body["status"])})
            self._check(write.ref)
        elif write.verb == "delete":
            self.delete(write.ref)
        else:
            self.patch(write.ref, write.body)

    def _check(self, ref: Ref) -> None:
        """The API server refuses a Deployment or ReplicaSet status that contradicts itself."""
        if ref.kind in ("Deployment", "ReplicaSet"):
            status = self.objects[ref]["status"]
            total, ready, available = (status.get(each, 0) for each in ("replicas", "readyReplicas", "availableReplicas"))
            assert available <= ready <= total, status
            assert status.get("updatedReplicas", 0) <= total, status

    def _store(self, ref: Ref, manifest: dict[str, Any]) -> None:
        self.objects[ref] = manifest
        for watcher in self.watchers:
            watcher(ref, manifest)

    def _remove(self, ref: Ref) -> None:
        del self.objects[ref]
        for watcher in self.watchers:
            watcher(ref, None)


def a_deployment(name: str = "podinfo", image: str = "podinfo:6.0.0", replicas: int = 1, **spec: Any) -> dict[str, Any]:
    """A Deployment as in the tutorial: one more pod or one fewer while it rolls."""
    container = {
        "name": "podinfod",
        "image": image,
        "ports": [{"name": "http", "containerPort": 9898, "protocol": "TCP"}],
        "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}},
    }
    base = {
        "replicas": replicas,
        "minReadySeconds": 1,
        "progressDeadlineSeconds": 60,
        "revisionHistoryLimit": 5,
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": 1}},
        "selector": {"matchLabels": {"app": name}},
        "template": {"metadata": {"labels": {"app": name}}, "spec": {"containers": [container]}},
    }
    return {
        "apiVersion": DEPLOYMENT.api_version,
        "kind": DEPLOYMENT.kind,
        "metadata": {"name": name, "namespace": NS},
        "spec": base | spec,
    }


def rolling(surge: int | str, unavailable: int | str) -> dict[str, Any]:
    return {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}}


def with_image(image: str) -> dict[str, Any]:
    """The patch of ``kubectl set image``."""
    return {"spec": {"template": a_deployment(image=image)["spec"]["template"]}}


def a_service(name: str = "podinfo", app: str = "podinfo") -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": NS},
        "spec": {"selector": {"app": app}, "ports": [{"name": "http", "port": 80, "targetPort": "http"}]},
    }


def a_route(name: str, weights: Mapping[str, int], **spec: Any) -> dict[str, Any]:
    backends = [{"group": "", "kind": "Service", "name": each, "port": 80, "weight": weight} for each, weight in weights.items()]
    return {
        "apiVersion": HTTP_ROUTE.api_version,
        "kind": HTTP_ROUTE.kind,
        "metadata": {"name": name, "namespace": NS},
        "spec": {"parentRefs": [{"name": "edge"}], "rules": [{"backendRefs": backends}]} | spec,
    }


def a_scaled_object(name: str = "podinfo-so", target: str = "podinfo", **spec: Any) -> dict[str, Any]:
    query = f'sum(rate(http_requests_total{{ app="{target}" }}[30s]))'
    base = {
        "scaleTargetRef": {"name": target},
        "pollingInterval": 10,
        "cooldownPeriod": 20,
        "minReplicaCount": 1,
        "maxReplicaCount": 3,
        "triggers": [{"type": "prometheus", "metadata": {"query": query, "threshold": "5"}}],
    }
    return {
        "apiVersion": SCALED_OBJECT.api_version,
        "kind": SCALED_OBJECT.kind,
        "metadata": {"name": name, "namespace": NS},
        "spec": base | spec,
    }


def an_hpa(target: str = "podinfo", metrics: Iterable[Mapping[str, Any]] = (), **spec: Any) -> dict[str, Any]:
    cpu = {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}}
    base = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": target},
        "minReplicas": 1,
        "maxReplicas": 4,
        "metrics": list(metrics) or [cpu],
    }
    return {"apiVersion": HPA.api_version, "kind": HPA.kind, "metadata": {"name": target, "namespace": NS}, "spec": base | spec}


DEP, SO, SVC = Ref.to(DEPLOYMENT, NS, "podinfo"), Ref.to(SCALED_OBJECT, NS, "podinfo-so"), Ref.to(SERVICE, NS, "podinfo")
