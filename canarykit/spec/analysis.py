"""How a release is judged: ``spec.analysis`` of a Canary as classes. What the values mean is decided elsewhere.

Attrs converters turn the zero values that Flagger leaves in stored objects into the defaults they stand for (api.md section 0).
"""

from collections.abc import Mapping

from attrs import field, frozen

from canarykit.spec.durations import seconds_or
from canarykit.spec.fields import Opaque, api

DEFAULT_INTERVAL_S = 60.0
DEFAULT_METRIC_INTERVAL = "1m"
DEFAULT_HOOK_TIMEOUT_S = 10.0
DEFAULT_COOKIE_AGE_S = 86400

# The API server's check as Flagger ships it: the end is open, so ``10sx`` passes it and `validate` has to look again.
DURATION_PATTERN = "^[0-9]+(m|s)"

BUILTIN_METRICS = ("request-success-rate", "request-duration")
WEBHOOK_TYPES = (
    "rollout",
    "confirm-rollout",
    "pre-rollout",
    "confirm-traffic-increase",
    "confirm-promotion",
    "post-rollout",
    "rollback",
    "event",
)


def _rollout_if_empty(given: str) -> str:
    return given or "rollout"


def _info_if_empty(given: str) -> str:
    return given or "info"


def _day_if_zero(given: int) -> int:
    return given or DEFAULT_COOKIE_AGE_S


@frozen
class CrossNamespaceRef:
    """Names an object that may live in another namespace; an empty ``namespace`` is the Canary's own."""

    name: str = field(default="", metadata=api("Name of the object.", required=True))
    namespace: str = field(default="", metadata=api("Namespace of the object; the Canary's own when omitted."))


@frozen
class ThresholdRange:
    """Inclusive bounds; None is no bound. For ``request-duration`` both are milliseconds."""

    min: float | None = field(default=None, metadata=api("Smallest value that passes."))
    max: float | None = field(default=None, metadata=api("Largest value that passes."))


@frozen
class Metric:
    """One metric check: a builtin name, an inline ``query`` or a ``template_ref``."""

    name: str = field(default="", metadata=api("Name of the check; two names are builtin checks.", required=True))
    interval: str = field(default="", metadata=api("Window of the query, 1m when omitted.", pattern=DURATION_PATTERN))
    threshold: float | None = field(
        default=None,
        metadata=api("Deprecated, use thresholdRange. A minimum for request-success-rate, else a maximum."),
    )
    threshold_range: ThresholdRange | None = field(default=None, metadata=api("Range of values that pass."))
    query: str = field(default="", metadata=api("PromQL asked of the metrics server; may hold template variables."))
    template_ref: CrossNamespaceRef | None = field(default=None, metadata=api("MetricTemplate to ask."))
    template_variables: Mapping[str, str] = field(factory=dict, metadata=api("Values that the template sees as variables.<key>."))

    @property
    def is_builtin(self) -> bool:
        """Whether the name alone says what is asked."""
        return self.name in BUILTIN_METRICS


@frozen
class Webhook:
    """One hook: an HTTP service that is asked, or told, at a point of the release. An empty type is ``rollout``."""

    name: str = field(default="", metadata=api("Name of the hook.", required=True))
    type: str = field(
        default="rollout",
        converter=_rollout_if_empty,
        metadata=api("When the hook is called; rollout when omitted.", enum=["", *WEBHOOK_TYPES]),
    )
    url: str = field(default="", metadata=api("Address, http or https.", required=True))
    timeout: str = field(default="", metadata=api("Time for one attempt, 10s when omitted.", pattern=DURATION_PATTERN))
    retries: int = field(default=0, metadata=api("Attempts after the first."))
    disable_tls: bool = field(default=False, metadata=api("Accept any certificate.", name="disableTLS"))
    mute_alert: bool = field(default=False, metadata=api("Send no alert while this gate is closed."))
    metadata: Mapping[str, str] = field(factory=dict, metadata=api("Sent along in the body."))

    @property
    def timeout_s(self) -> float:
        """Seconds for one attempt; 10 where none or no duration is given."""
        return seconds_or(self.timeout, DEFAULT_HOOK_TIMEOUT_S)


@frozen
class Alert:
    """One receiver of alerts. An omitted severity is ``info``, as Flagger's documents say (its code sends nothing)."""

    name: str = field(default="", metadata=api("Name of the alert.", required=True))
    severity: str = field(
        default="info",
        converter=_info_if_empty,
        metadata=api("Least severity that is sent; info when omitted.", enum=["", "info", "warn", "error"]),
    )
    provider_ref: CrossNamespaceRef = field(
        default=CrossNamespaceRef(), metadata=api("AlertProvider to send through.", required=True)
    )


@frozen
class SessionAffinity:
    """Cookies that keep a visitor on one side for the time of a release."""

    cookie_name: str = field(default="", metadata=api("Cookie of visitors sent to the canary.", required=True))
    primary_cookie_name: str = field(default="", metadata=api("Cookie of visitors sent to the primary, if wanted."))
    max_age: int = field(
        default=DEFAULT_COOKIE_AGE_S,
        converter=_day_if_zero,
        metadata=api("Life of the cookie in seconds.", default=DEFAULT_COOKIE_AGE_S),
    )
    domain: str = field(default="", metadata=api("Domain attribute of the cookie."))
    path: str = field(default="", metadata=api("Path attribute of the cookie."))
    http_only: bool = field(default=False, metadata=api("HttpOnly attribute of the cookie."))
    partitioned: bool = field(default=False, metadata=api("Partitioned attribute of the cookie."))
    secure: bool = field(default=False, metadata=api("Secure attribute of the cookie."))
    same_site: str = field(default="", metadata=api("SameSite attribute of the cookie.", enum=["Strict", "Lax", "None"]))


@frozen
class Analysis:
    """``spec.analysis``. Zero means "not given" for the numbers that say how the split moves."""

    interval: str = field(default="", metadata=api("Time between two rounds of checks.", required=True, pattern=DURATION_PATTERN))
    threshold: int = field(default=0, metadata=api("Failed rounds before rollback.", required=True))
    iterations: int = field(default=0, metadata=api("Rounds of a Blue/Green or A/B release."))
    max_weight: int = field(default=0, metadata=api("Weight at which promotion begins, 100 when omitted."))
    step_weight: int = field(default=0, metadata=api("Percent by which the weight rises."))
    step_weights: tuple[int, ...] = field(default=(), metadata=api("Weights to go through, rising."))
    step_weight_promotion: int = field(
        default=0, metadata=api("Percent by which requests return to the primary, all at once when omitted.")
    )
    mirror: bool = field(default=False, metadata=api("Copy requests to the canary before sending any."))
    mirror_weight: int = field(default=0, metadata=api("Percent of requests to copy."))
    primary_ready_threshold: int = field(default=100, metadata=api("Percent of primary pods that must be available."))
    canary_ready_threshold: int = field(default=100, metadata=api("Percent of canary pods that must be available."))
    match: tuple[Opaque, ...] = field(default=(), metadata=api("Conditions of an A/B release."))
    metrics: tuple[Metric, ...] = field(default=(), metadata=api("Metric checks."))
    webhooks: tuple[Webhook, ...] = field(default=(), metadata=api("Hooks."))
    alerts: tuple[Alert, ...] = field(default=(), metadata=api("Receivers of alerts instead of the controller's own."))
    session_affinity: SessionAffinity | None = field(default=None, metadata=api("Cookie stickiness."))
    drain_time: str | None = field(
        default=None,
        metadata=api("Time between the last request to the target and its scale-down; the controller's when omitted."),
    )

    @property
    def interval_s(self) -> float:
        """Seconds between two rounds of checks, before the controller's floor; 60 where it is no duration."""
        return seconds_or(self.interval, DEFAULT_INTERVAL_S)

    @property
    def failures_allowed(self) -> int:
        """Failed rounds at which the release is rolled back, at least 1."""
        return max(1, self.threshold)

    @property
    def drain_time_s(self) -> float | None:
        """Seconds to drain, or None where the controller's setting counts (not given, or no duration)."""
        return seconds_or(self.drain_time, None)
