"""Names that the product writes into a cluster: suffixes, annotation keys, the finalizer. One place for each.

Source: cloning.md section 1.0, api.md section 6.1, routers.md section 4.1.
"""

from attrs import frozen

PRIMARY_SUFFIX = "-primary"
CANARY_SUFFIX = "-canary"
FIELD_MANAGER = "canary-controller"
FINALIZER = "finalizer.flagger.app"
REQUEST_ANNOTATION = "canarykit.dev/request"
APPLIED_ANNOTATION = "canarykit.dev/applied"
REVISION_ANNOTATION = "canarykit.dev/revision"
CANARY_LABEL = "canarykit.dev/canary"
PAUSED_REPLICAS_ANNOTATION = "autoscaling.keda.sh/paused-replicas"
FLAGGER_ID_ANNOTATION = "flagger-id"
CONFIG_TRACKING_ANNOTATION = "flagger.app/config-tracking"
FLUX_OPT_OUT = {
    "kustomize.toolkit.fluxcd.io/reconcile": "disabled",
    "helm.toolkit.fluxcd.io/driftDetection": "disabled",
}


def primary_of(name: str) -> str:
    """Return the name of the generated copy of an object: ``podinfo`` gives ``podinfo-primary``."""
    return name + PRIMARY_SUFFIX


@frozen
class Names:
    """Every name that belongs to one Canary. ``source_scaler`` and ``primary_scaler`` are empty without an autoscalerRef."""

    namespace: str
    canary: str
    target: str
    primary: str
    apex: str
    apex_primary: str
    apex_canary: str
    source_scaler: str = ""
    primary_scaler: str = ""


def names_for(namespace: str, canary: str, target: str, apex: str = "", scaler: str = "") -> Names:
    """Derive all names. ``apex`` is ``spec.service.name`` (empty: the target's name); ``scaler`` is ``autoscalerRef.name``."""
    service = apex or target
    return Names(
        namespace=namespace,
        canary=canary,
        target=target,
        primary=primary_of(target),
        apex=service,
        apex_primary=primary_of(service),
        apex_canary=service + CANARY_SUFFIX,
        source_scaler=scaler,
        primary_scaler=primary_of(scaler) if scaler else "",
    )
