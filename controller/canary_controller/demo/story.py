"""What the tutorial has to bring about: objects, Events and states, each checked against the cluster. No printing here."""

from collections.abc import Mapping
from typing import Any

from attrs import define, field, frozen

from canary_controller.sandbox.cluster import Cluster
from canarykit.dicts import at
from canarykit.names import PAUSED_REPLICAS_ANNOTATION

SPACE = "test"
GENERATED = (
    ("Deployment", "podinfo-primary"),
    ("Service", "podinfo-svc"),
    ("Service", "podinfo-svc-canary"),
    ("Service", "podinfo-svc-primary"),
    ("ScaledObject", "podinfo-so-primary"),
    ("HorizontalPodAutoscaler", "keda-hpa-podinfo-so-primary"),
)
PRIMARY_QUERY = 'sum(rate(http_requests_total{ app="podinfo-primary" }[30s]))'
BOOTSTRAP_EVENTS = ("all the metrics providers are available!", "Initialization done! podinfo.test")
SUCCESS_EVENTS = (
    "New revision detected! Scaling up podinfo.test",
    "Starting canary analysis for podinfo.test",
    *(f"Advance podinfo.test canary iteration {number}/5" for number in range(1, 6)),
    "Copying podinfo.test template spec to podinfo-primary.test",
    "Promotion completed! Scaling down podinfo.test",
)
ROLLBACK_EVENTS = (
    "New revision detected! Scaling up podinfo.test",
    "Starting canary analysis for podinfo.test",
    "Halt podinfo.test advancement success rate",
    "Rolling back podinfo.test failed checks threshold reached 5",
    "Canary failed! Scaling down podinfo.test",
)


@frozen
class Check:
    """One thing that had to be seen, and whether it was."""

    what: str
    passed: bool
    seen: str = ""


@define
class Story:
    """Looks at a cluster and keeps what was expected and what was seen."""

    cluster: Cluster
    checks: list[Check] = field(factory=list)
    released: bool = False

    def see(self, what: str, passed: bool, seen: object = "") -> None:
        """Note one expectation."""
        self.checks.append(Check(what, passed, "" if passed else str(seen)))

    @property
    def failed(self) -> list[Check]:
        """The expectations that were not met."""
        return [check for check in self.checks if not check.passed]

    def get(self, kind: str, name: str) -> Mapping[str, Any]:
        """Return an object of the tutorial's namespace, {} when absent."""
        return self.cluster.get(kind, SPACE, name) or {}

    def phase(self) -> str:
        """Return the Canary's phase."""
        return str(at(self.get("Canary", "podinfo"), "status", "phase", default=""))

    def image(self, deployment: str) -> str:
        """Return the image tag that a Deployment runs."""
        found = at(self.get("Deployment", deployment), "spec", "template", "spec", "containers", 0, "image", default="")
        return str(found).rpartition(":")[2]

    def replicas(self, deployment: str) -> str:
        """Return ``ready/wanted`` of a Deployment."""
        found = self.get("Deployment", deployment)
        if not found:
            return "-"
        return f"{at(found, 'status', 'readyReplicas', default=0)}/{at(found, 'spec', 'replicas', default=1)}"

    def pause(self) -> str | None:
        """Return the pause annotation of the source ScaledObject."""
        found = at(self.get("ScaledObject", "podinfo-so"), "metadata", "annotations", PAUSED_REPLICAS_ANNOTATION)
        return None if found is None else str(found)

    def events(self) -> list[Mapping[str, Any]]:
        """Return the Canary's Events in the order in which they were first posted."""
        found = [each for each in self.cluster.all("Event", SPACE) if each["involvedObject"]["kind"] == "Canary"]
        return sorted(found, key=lambda each: (each.get("eventTime") or "", int(each["metadata"]["resourceVersion"])))

    def bootstrap(self) -> None:
        """Check what has to be there once the Canary is Initialized and at rest."""
        for kind, name in GENERATED:
            self.see(f"{kind} {name} exists", bool(self.get(kind, name)))
        spec = at(self.get("ScaledObject", "podinfo-so-primary"), "spec", default={})
        bounds = (spec.get("minReplicaCount"), spec.get("maxReplicaCount"))
        self.see("primary ScaledObject scales from 2 to 5", bounds == (2, 5), bounds)
        query = at(spec, "triggers", 0, "metadata", "query")
        self.see("primary ScaledObject asks for podinfo-primary", query == PRIMARY_QUERY, query)
        self.at_rest()
        self._events(BOOTSTRAP_EVENTS)

    def at_rest(self) -> None:
        """Check that the target is down and its scaler paused, and that the primary's is not."""
        self.see("source ScaledObject is paused at rest", self.pause() == "0", self.pause())
        self.see("target is scaled to zero", self.replicas("podinfo") == "0/0", self.replicas("podinfo"))
        annotations = at(self.get("ScaledObject", "podinfo-so-primary"), "metadata", "annotations", default={})
        self.see("primary ScaledObject is not paused", PAUSED_REPLICAS_ANNOTATION not in annotations, annotations)

    def success(self) -> None:
        """Check the end of the good release."""
        self.see("source ScaledObject was released during the analysis", self.released)
        self.see("phase is Succeeded", self.phase() == "Succeeded", self.phase())
        self.see("primary runs 6.0.1", self.image("podinfo-primary") == "6.0.1", self.image("podinfo-primary"))
        self.at_rest()
        self._events(SUCCESS_EVENTS)

    def rollback(self) -> None:
        """Check the end of the bad release."""
        self.see("phase is Failed", self.phase() == "Failed", self.phase())
        self.see("primary still runs 6.0.1", self.image("podinfo-primary") == "6.0.1", self.image("podinfo-primary"))
        self.at_rest()
        self._events(ROLLBACK_EVENTS)

    def _events(self, expected: tuple[str, ...]) -> None:
        """Check that the latest Events contain ``expected`` (by their beginnings), in order, each message posted once."""
        messages = [str(event["message"]) for event in self.events()]
        start = max((index for index, text in enumerate(messages) if text.startswith(expected[0])), default=len(messages))
        rest = iter(messages[start:])
        for text in expected:
            seen = any(message.startswith(text) for message in rest)
            self.see(f"Event: {text}", seen, messages[start:])
