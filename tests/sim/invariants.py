"""What has to hold after every write of ours (decisions.md section 11): small functions over the store's view before and after.

Each returns what is wrong in one sentence, or "". `Inspector` is a way to the API server that looks at every write.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from attrs import define, field, frozen

from canarykit import kinds
from canarykit.dicts import at
from canarykit.kinds import Kind
from canarykit.model import Ref
from canarykit.names import PAUSED_REPLICAS_ANNOTATION, REVISION_ANNOTATION

View = Mapping[Ref, Mapping[str, Any]]
IDLE_AT_PROMOTED = ("Initialized", "Succeeded")


@frozen
class Seen:
    """One Canary's world in a view; names are those of the samples (Service ``<target>-svc``, scaler ``<target>-so``)."""

    view: View
    namespace: str = "test"
    target: str = "podinfo"

    def get(self, kind: Kind, name: str) -> Mapping[str, Any]:
        """Return an object, {} when absent."""
        return self.view.get(Ref.to(kind, self.namespace, name), {})

    @property
    def status(self) -> Mapping[str, Any]:
        """The Canary's status."""
        found: Mapping[str, Any] = at(self.get(kinds.CANARY, self.target), "status", default={})
        return found

    @property
    def rollout(self) -> Mapping[str, Any]:
        """``status.rollout``."""
        found: Mapping[str, Any] = at(self.status, "rollout", default={})
        return found

    @property
    def phase(self) -> str:
        """The phase."""
        return str(self.status.get("phase", ""))

    @property
    def apex_is_primary(self) -> bool:
        """Whether the apex Service selects the primary."""
        return bool(at(self.get(kinds.SERVICE, f"{self.target}-svc"), "spec", "selector") == {"app": f"{self.target}-primary"})

    @property
    def is_routed(self) -> bool:
        """Whether a route splits the requests."""
        return bool(self.get(kinds.HTTP_ROUTE, f"{self.target}-svc"))

    @property
    def share(self) -> int | None:
        """Percent of the users' requests that go to the target; None while there is no apex."""
        route = self.get(kinds.HTTP_ROUTE, f"{self.target}-svc")
        if route:
            weights = {each["name"]: each["weight"] for each in route["spec"]["rules"][0]["backendRefs"]}
            return int(weights[f"{self.target}-svc-canary"])
        if not self.get(kinds.SERVICE, f"{self.target}-svc"):
            return None
        return 0 if self.apex_is_primary else 100

    def ready(self, workload: str) -> int:
        """Return how many pods of a workload are ready."""
        return sum(
            1
            for ref, pod in self.view.items()
            if ref.kind == "Pod"
            and at(pod, "metadata", "labels", "app") == workload
            and "deletionTimestamp" not in pod["metadata"]
            and any(each["type"] == "Ready" and each["status"] == "True" for each in at(pod, "status", "conditions", default=()))
        )

    @property
    def target_ready(self) -> int:
        """Ready pods of the target."""
        return self.ready(self.target)

    @property
    def primary_ready(self) -> int:
        """Ready pods of the primary."""
        return self.ready(f"{self.target}-primary")

    @property
    def replicas(self) -> int:
        """What the target's spec asks for."""
        return int(at(self.get(kinds.DEPLOYMENT, self.target), "spec", "replicas", default=1))

    @property
    def pause(self) -> str | None:
        """The pause annotation of the source's scaler."""
        found: str | None = at(
            self.get(kinds.SCALED_OBJECT, f"{self.target}-so"), "metadata", "annotations", PAUSED_REPLICAS_ANNOTATION
        )
        return found

    @property
    def primary_template(self) -> Mapping[str, Any]:
        """The primary's pod template, {} without a primary."""
        found: Mapping[str, Any] = at(self.get(kinds.DEPLOYMENT, f"{self.target}-primary"), "spec", "template", default={})
        return found

    @property
    def primary_stamp(self) -> str:
        """The revision that the primary's template names."""
        return str(at(self.primary_template, "metadata", "annotations", REVISION_ANNOTATION, default=""))

    @property
    def feeds_the_dead(self) -> str:
        """Which side gets requests without having a ready pod while the other has some; "" when none does."""
        share = self.share
        if share is None:
            return ""
        if share > 0 and not self.target_ready and self.primary_ready:
            return "target"
        return "primary" if share < 100 and not self.primary_ready and self.target_ready else ""


def i1_requests_go_where_pods_are_ready(before: Seen, after: Seen) -> str:
    """No write of ours sends requests to a side without ready pods while the other has some."""
    side = after.feeds_the_dead
    return f"I1: this write sends requests to the {side}, which has no ready pods" if side and not before.feeds_the_dead else ""


def i3_marks_come_first(before: Seen, after: Seen) -> str:
    """A pause of ours is in the status, with the user's value, before it is on the object."""
    set_now = after.pause == "0" != before.pause
    return "I3: paused without a mark in the status" if set_now and at(before.rollout, "marks", "pause") is None else ""


def i7_target_goes_down_last(before: Seen, after: Seen, quiet_s: float | None, drain_s: float) -> str:
    """The target goes down only when nobody sends it requests, the primary serves, and the drain time is over.

    ``quiet_s``: for how long the target has had no share of the requests.
    """
    goes_down = (before.replicas > 0 == after.replicas) or (after.pause == "0" != before.pause)
    if not goes_down:
        return ""
    if before.share != 0 or not before.apex_is_primary:
        return "I7: the target goes down while requests reach it"
    if not before.primary_ready:
        return "I7: the target goes down while the primary has no ready pods"
    drained = quiet_s is not None and quiet_s >= drain_s - 1e-6
    return "" if drained or not before.target_ready else f"I7: the target goes down {quiet_s} s after its last request"


def i11_primary_runs_what_was_analysed(before: Seen, after: Seen, checks: int) -> str:
    """The primary's template is the promoted one, or the pin of a promotion (or bootstrap) whose ``checks`` have passed."""
    if after.phase in IDLE_AT_PROMOTED and after.primary_stamp != after.rollout.get("promotedRevision"):
        return f"I11: at rest the primary runs {after.primary_stamp}"
    if after.primary_template == before.primary_template:
        return ""
    allowed = {after.rollout.get("promotedRevision")}
    if after.phase == "Initializing" or (after.phase == "Promoting" and int(after.status.get("iterations", 0)) >= checks):
        allowed.add(after.rollout.get("pin"))
    return "" if after.primary_stamp in allowed else f"I11: the primary is given {after.primary_stamp} in {after.phase}"


def i12_weight_was_checked(before: Seen, after: Seen) -> str:
    """A share that rises is never above the step in the status, unless the primary has no ready pods."""
    if before.share is None or after.share is None or after.share <= before.share or not before.primary_ready:
        return ""
    step = int(at(after.rollout, "split", "weight", default=0)) if after.is_routed else 0
    return "" if after.share <= step else f"I12: {after.share} % of the requests go to the target at step {step}"


Send = Callable[..., Awaitable[Any]]


@define
class Inspector:
    """Looks at the store after every write that goes through `wrap`, and can strike at one of them.

    Attributes:
        view: the store's view now.
        now: epoch seconds.
        drain_s: of the controller.
        checks: iterations that a promotion needs.
        strike_at: number of the write (from 1) at which `strike` is awaited; 0 never.
        loses: whether that write is lost on its way; else it takes effect and only its answer is lost.
        strike: what happens then; it does not return if the controller is killed.
    """

    view: Callable[[], View]
    now: Callable[[], float]
    drain_s: float
    checks: int
    strike_at: int = 0
    loses: bool = False
    strike: Callable[[], Awaitable[None]] | None = None
    writes: int = 0
    broken: list[str] = field(factory=list)
    _quiet_since: float | None = None

    def look(self) -> None:
        """Note whether the target has a share of the requests; called after every change of the cluster."""
        share = Seen(self.view()).share
        if share != 0:
            self._quiet_since = None
        elif self._quiet_since is None:
            self._quiet_since = self.now()

    def wrap(self, send: Send) -> Send:
        """Return a way to the API server that is inspected."""

        async def inspected(method: str, path: str, headers: Mapping[str, str], body: bytes) -> Any:
            if method == "GET":
                return await send(method, path, headers, body)
            self.writes += 1
            struck = self.writes == self.strike_at and self.strike is not None
            if struck and self.loses:
                await self.strike()  # type: ignore[misc]
                raise TimeoutError("nothing answered")
            before = Seen(self.view())
            reply = await send(method, path, headers, body)
            self._inspect(f"{method} {path.partition('?')[0]}", before, Seen(self.view()))
            if struck:
                await self.strike()  # type: ignore[misc]
                raise TimeoutError("nothing answered")
            return reply

        return inspected

    def _inspect(self, what: str, before: Seen, after: Seen) -> None:
        quiet_s = None if self._quiet_since is None else self.now() - self._quiet_since
        found = (
            i1_requests_go_where_pods_are_ready(before, after),
            i3_marks_come_first(before, after),
            i7_target_goes_down_last(before, after, quiet_s, self.drain_s),
            i11_primary_runs_what_was_analysed(before, after, self.checks),
            i12_weight_was_checked(before, after),
        )
        self.broken += [f"{text} (write {self.writes}: {what})" for text in found if text]
