"""The words that every room of the corridor speaks: references, splits, questions and answers, actions, HTTP.

Everything here is frozen and holds plain data. No room-specific logic lives here.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from attrs import field, frozen

from canarykit.errors import SpecError
from canarykit.kinds import BY_KIND, Kind


@frozen(order=True, cache_hash=True)
class Ref:
    """Names one object of the cluster. ``group`` is ``""`` for core; ``namespace`` is ``""`` for cluster-scoped kinds."""

    group: str
    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.namespace}/{self.name}" if self.namespace else f"{self.kind}/{self.name}"

    @classmethod
    def to(cls, kind: Kind, namespace: str, name: str) -> "Ref":
        """Return the reference to an object of ``kind``."""
        return _known_ref(kind.group, kind.kind, namespace if kind.namespaced else "", name)

    @classmethod
    def of(cls, manifest: Mapping[str, Any]) -> "Ref":
        """Return the reference to the object that ``manifest`` is."""
        group = manifest["apiVersion"].rpartition("/")[0]
        metadata = manifest["metadata"]
        return cls(group, manifest["kind"], metadata.get("namespace", ""), metadata["name"])

    @property
    def served(self) -> Kind:
        """The served kind (group, version, plural); raises SpecError for a kind we do not know."""
        try:
            return BY_KIND[self.group, self.kind]
        except KeyError:
            raise SpecError("kind", "is not a kind this controller knows", f"{self.group}/{self.kind}") from None


@lru_cache(maxsize=65536)
def _known_ref(group: str, kind: str, namespace: str, name: str) -> Ref:
    """The one reference to an object: a pass names the same dozen over and over."""
    return Ref(group, kind, namespace, name)


@frozen
class Split:
    """Where requests go: ``weight`` percent to the canary, the rest to the primary; ``mirror`` copies them to the canary."""

    weight: int = 0
    mirror: bool = False


@frozen
class NotYet:
    """The route's spec was written, but the route does not say yet that it is programmed so."""

    why: str = ""


@frozen
class HttpRequest:
    """One HTTP request that a pure function asks for. ``timeout_s`` is per attempt; ``retries`` are extra attempts."""

    method: str
    url: str
    headers: Mapping[str, str] = field(factory=dict)
    body: bytes = b""
    timeout_s: float = 10.0
    retries: int = 0
    verify_tls: bool = True


@frozen
class HttpResponse:
    """What came back. ``status`` 0 means that nothing did, and ``error`` says why (time-out, refused, …)."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(factory=dict)
    error: str = ""
    attempts: int = 1


# What a question is about: the hook types of the API, a metric, or the probe of the metric providers at bootstrap.
CONFIRM_ROLLOUT = "confirm-rollout"
PRE_ROLLOUT = "pre-rollout"
ROLLOUT = "rollout"
CONFIRM_TRAFFIC_INCREASE = "confirm-traffic-increase"
CONFIRM_PROMOTION = "confirm-promotion"
ROLLBACK = "rollback"
POST_ROLLOUT = "post-rollout"
EVENT_HOOK = "event"
METRIC = "metric"
PROVIDERS = "providers"


@frozen
class Question:
    """Something only the outside world knows.

    Attributes:
        about: one of the constants above.
        name: of the hook or metric; with ``about`` and ``key`` it identifies the question.
        key: rollout id, revision and step for which the answer counts; an answer for another key is no answer.
        subject: the webhook or metric as the spec has it (``canarykit.spec`` class), None for PROVIDERS.
        payload: body of the hook call (name, namespace, phase, checksum, metadata); empty for metrics.
        moot_if: verdicts of the answer after which the later questions need not be asked.
    """

    about: str
    name: str
    key: str
    subject: Any = None
    payload: Mapping[str, Any] = field(factory=dict)
    moot_if: frozenset[str] = frozenset()


# Verdicts of an answer. Hooks: PASS (200-202) or FAIL. Metrics: all. UNAVAILABLE is "unknown": never FAIL, never absent.
PASS = "pass"
FAIL = "fail"
NO_DATA = "no data"
UNAVAILABLE = "unavailable"


@frozen
class Answer:
    """The answer to a question.

    Attributes:
        verdict: PASS, FAIL, NO_DATA or UNAVAILABLE.
        text: the Event text of a failing metric (whole message), or the error text of a failing hook.
        value: of a metric, in its own unit (percent, milliseconds, …).
        wanted: the range as people read it, e.g. ``>= 99``.
    """

    verdict: str
    text: str = ""
    value: float | None = None
    wanted: str = ""


# How an action is carried out.
CREATE = "create"
APPLY = "apply"  # server-side apply, forced, field manager canary-controller
MERGE_PATCH = "merge-patch"
JSON_PATCH = "json-patch"
DELETE = "delete"
COPY = "copy"  # read the config named by body["source"] live and apply its data under the new name; data never enters a plan


@frozen
class Action:
    """One write to the cluster.

    Attributes:
        verb: CREATE, APPLY, MERGE_PATCH, JSON_PATCH, DELETE or COPY.
        ref: the object.
        body: manifest (CREATE, APPLY), partial object (MERGE_PATCH) list of operations (JSON_PATCH),
            ``{"source": Ref, "checksum": str}`` (COPY); None for DELETE.
        version: resourceVersion of the object it was compared with; sent as precondition. None where the object is absent.
        guard: number of the guard in decisions.md section 6 when what it names must be read live just before; else "".
        reason: why, for people.
    """

    verb: str
    ref: Ref
    body: Any
    version: str | None = None
    guard: str = ""
    reason: str = ""
