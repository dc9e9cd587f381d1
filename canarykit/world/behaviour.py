"""How the simulated cluster behaves: how fast pods get ready, what they answer, how the autoscalers are timed.

Everything that a scenario may want to bend is a value in `Behaviour`; the models read it and keep no settings of their own.
"""

from collections.abc import Mapping
from typing import Any

from attrs import evolve, field, frozen

from canarykit.dicts import at

NEVER_READY_LABEL = "canarykit.dev/never-ready"
ERROR_RATE_ANNOTATION = "sandbox.canarykit.dev/error-rate"
LATENCY_ANNOTATION = "sandbox.canarykit.dev/latency-ms"


@frozen
class PodBehaviour:
    """What one pod does: share of requests it answers with 500 (0..1), latency, whether and when it gets ready."""

    error_rate: float = 0.0
    latency_ms: float = 20.0
    never_ready: bool = False
    ready_after_s: float = 1.5


@frozen
class ImageBehaviour:
    """An exception for some pods: those with a container image ending in ``image_suffix`` and a name with ``pod_prefix``.

    Both empty match every pod. A value of None leaves what was decided before; later entries win over earlier ones.
    Example: ``ImageBehaviour(image_suffix=":6.0.2", error_rate=0.3)``.
    """

    image_suffix: str = ""
    pod_prefix: str = ""
    error_rate: float | None = None
    latency_ms: float | None = None
    never_ready: bool | None = None
    ready_after_s: float | None = None

    def matches(self, pod: Mapping[str, Any]) -> bool:
        """Tell whether this entry speaks about ``pod``."""
        images = [str(at(each, "image", default="")) for each in at(pod, "spec", "containers", default=())]
        named = str(at(pod, "metadata", "name", default="")).startswith(self.pod_prefix)
        return named and (not self.image_suffix or any(image.endswith(self.image_suffix) for image in images))


@frozen
class Behaviour:
    """The settings of a simulated cluster. Times in seconds.

    Attributes:
        images: exceptions by image and pod name, the last match wins per value.
        pod: what pods do otherwise.
        running_after_s: time from creation to Running (Ready takes ``pod.ready_after_s`` from creation).
        termination_s: time a deleted pod stays, not ready; 0 removes it at once.
        probe_rate_per_s: requests per second that each ready pod gets from its own probes, whatever the routes say (podinfo
            counts them like any other; without them a canary that nobody calls has no metrics at all).
        cpu_per_request_m: CPU in thousandths that one request per second costs.
        memory_per_pod_mi: memory in MiB that a pod uses, whatever it does.
        hpa_sync_s: how often an HPA looks at its metrics.
        hpa_downscale_s: how long an HPA remembers higher recommendations before it scales down.
        trigger_values: value of KEDA triggers that are no Prometheus query, by trigger name or else type; others are 0.
    """

    images: tuple[ImageBehaviour, ...] = ()
    pod: PodBehaviour = PodBehaviour()
    running_after_s: float = 0.5
    termination_s: float = 0.0
    probe_rate_per_s: float = 0.0
    cpu_per_request_m: float = 10.0
    memory_per_pod_mi: float = 32.0
    hpa_sync_s: float = 5.0
    hpa_downscale_s: float = 30.0
    trigger_values: Mapping[str, float] = field(factory=dict)

    def of_pod(self, pod: Mapping[str, Any]) -> PodBehaviour:
        """Return what ``pod`` does: defaults, then images, then the pod's own annotations and label."""
        found = self.pod
        for entry in self.images:
            if entry.matches(pod):
                found = _refined(found, entry)
        annotations = at(pod, "metadata", "annotations", default={})
        if at(pod, "metadata", "labels", NEVER_READY_LABEL) == "true":
            found = evolve(found, never_ready=True)
        return evolve(
            found,
            error_rate=min(1.0, max(0.0, _number(annotations.get(ERROR_RATE_ANNOTATION), found.error_rate))),
            latency_ms=max(0.0, _number(annotations.get(LATENCY_ANNOTATION), found.latency_ms)),
        )


def _refined(pod: PodBehaviour, entry: ImageBehaviour) -> PodBehaviour:
    return PodBehaviour(
        error_rate=pod.error_rate if entry.error_rate is None else entry.error_rate,
        latency_ms=pod.latency_ms if entry.latency_ms is None else entry.latency_ms,
        never_ready=pod.never_ready if entry.never_ready is None else entry.never_ready,
        ready_after_s=pod.ready_after_s if entry.ready_after_s is None else entry.ready_after_s,
    )


def _number(text: object, default: float) -> float:
    try:
        return float(str(text))
    except ValueError:
        return default
