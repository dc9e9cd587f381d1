"""What the operator of a controller decides for all Canaries: the flags that change what the pure functions answer."""

from attrs import frozen


@frozen
class Settings:
    """Controller-wide settings; the defaults are Flagger's flags (reference engine.md section 5.5) and design.md.

    Attributes:
        mesh_provider: provider of Canaries that name none (``-mesh-provider``; Flagger's own default is ``istio``).
        metrics_server: Prometheus base URL (``-metrics-server``), overridden by ``spec.metricsServer``.
        selector_labels: first one found in the target's matchLabels is the selector label (``-selector-labels``).
        include_label_prefixes: labels and annotations copied to generated objects (``-include-label-prefix``); ``*`` is all.
        config_tracking: follow ConfigMaps and Secrets of the pod template (``-enable-config-tracking``).
        min_interval_s: analysis intervals below this are raised to it (``--min-interval``).
        speed: divides every wait (interval, deadline, drain); above 1 only for demos on the embedded cluster (``--speed``).
        drain_time_s: time between "no more requests" and "scale down" (``--drain-time``).
    """

    mesh_provider: str = "kubernetes"
    metrics_server: str = "http://prometheus:9090"
    selector_labels: tuple[str, ...] = ("app", "name", "app.kubernetes.io/name")
    include_label_prefixes: tuple[str, ...] = ()
    config_tracking: bool = True
    min_interval_s: float = 10.0
    drain_time_s: float = 10.0
    speed: float = 1.0
