"""The tutorial's objects for a namespace of their own on the real cluster, quick enough for tests, and what to look at after."""

from collections.abc import Mapping
from typing import Any

from attrs import frozen

from canarykit import kinds
from canarykit.dicts import at
from e2e.rig.cluster import RealCluster
from e2e.rig.controller import Controller
from e2e.rig.outside import Outside
from e2e.rig.person import Person
from harness import sample

GOOD_IMAGE = "ghcr.io/stefanprodan/podinfo:6.0.1"
BETTER_IMAGE = "ghcr.io/stefanprodan/podinfo:6.0.2"
PAUSED = "autoscaling.keda.sh/paused"


@frozen
class Stage:
    """A cluster with our controller in it and with answers from outside."""

    cluster: RealCluster
    outside: Outside
    controller: Controller

    def person(self, namespace: str) -> Person:
        """Return somebody who works in ``namespace``."""
        return Person(self.cluster.client, namespace)

    def play(self, namespace: str, scaler: str = "keda", **analysis: Any) -> Person:
        """Apply the tutorial to a fresh namespace, wait for Initialized, and return the person who did."""
        person = self.person(namespace)
        person.apply(self.tutorial(namespace, scaler, **analysis))
        person.until_phase("Initialized")
        return person

    def tutorial(self, namespace: str, scaler: str = "keda", **analysis: Any) -> list[dict[str, Any]]:
        """Return the tutorial's manifests with an interval of 2 s, and ``analysis`` over its own."""
        place, deployment, scaled, canary = sample("tutorial.yaml")
        place["metadata"]["name"] = namespace
        for each in (deployment, scaled, canary):
            each["metadata"]["namespace"] = namespace
        for trigger in scaled["spec"]["triggers"]:
            trigger["metadata"]["serverAddress"] = f"http://{self.outside.place}"
        canary["spec"]["analysis"] |= {"interval": "2s", "iterations": 2, **analysis}
        return (
            [place, deployment, scaled, canary] if scaler == "keda" else [place, deployment, _hpa(namespace), _with_hpa(canary)]
        )


def is_paused(scaled_object: Mapping[str, Any]) -> bool:
    """Return whether any of KEDA's pause marks is set."""
    marks = at(scaled_object, "metadata", "annotations", default={})
    return any(name.startswith(PAUSED) and value != "false" for name, value in marks.items())


def image(person: Person, name: str) -> str:
    """Return the image of a Deployment's first container."""
    return str(person.get(kinds.DEPLOYMENT, name)["spec"]["template"]["spec"]["containers"][0]["image"])


def ready(person: Person, name: str) -> int:
    """Return the ready replicas of a Deployment."""
    return int(at(person.get(kinds.DEPLOYMENT, name), "status", "readyReplicas", default=0))


def never_ready(person: Person) -> None:
    """Give the target a revision whose pods run and are never ready."""
    labels = {"canarykit.dev/never-ready": "yes"}
    person.patch(kinds.DEPLOYMENT, person.name, {"spec": {"template": {"metadata": {"labels": labels}}}})


def managed_by(manifest: Mapping[str, Any], manager: str) -> list[dict[str, Any]]:
    """Return the managedFields entries of a manager."""
    return [each for each in at(manifest, "metadata", "managedFields", default=()) if each["manager"] == manager]


def _hpa(namespace: str) -> dict[str, Any]:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "podinfo"}
    metric = {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "podinfo", "namespace": namespace},
        "spec": {"scaleTargetRef": target, "minReplicas": 2, "maxReplicas": 4, "metrics": [metric]},
    }


def _with_hpa(canary: dict[str, Any]) -> dict[str, Any]:
    reference = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "name": "podinfo"}
    return {**canary, "spec": {**canary["spec"], "autoscalerRef": reference}}
