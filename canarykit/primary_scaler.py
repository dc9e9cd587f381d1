"""The scaler that the primary shall have: cloned from the source, with the Canary's overrides, under its sync policy.

Joins the side room `scalers` with a snapshot, for `observe` (its problems) and `plan` (the write). Source: cloning.md section 4.
"""

from typing import Any

from canarykit import phases
from canarykit.scalers import Clone, CloneRequest, Identities, plan_primary
from canarykit.snapshot import Snapshot


def clone_request(snapshot: Snapshot) -> CloneRequest | None:
    """Return what a clone of the source needs to know, or None without an autoscalerRef."""
    reference = snapshot.canary.spec.autoscaler_ref
    if reference is None or snapshot.scaler is None:
        return None
    replicas = reference.primary_scaler_replicas
    bounds = {}
    if replicas is not None:
        pairs = (("minReplicas", replicas.min_replicas), ("maxReplicas", replicas.max_replicas))
        bounds = {key: value for key, value in pairs if value is not None}
    return CloneRequest(
        primary_name=snapshot.names.primary_scaler,
        primary_workload=snapshot.names.primary,
        owner=snapshot.owner,
        identities=Identities(snapshot.names.target, snapshot.label_value, snapshot.canary.spec.service.name),
        selector_label=snapshot.label,
        namespace=snapshot.names.namespace,
        replicas=bounds or None,
        queries=reference.primary_scaler_queries,
        query_rewrite=reference.query_rewrite,
        include_prefixes=snapshot.settings.include_label_prefixes,
        tracked_configs=frozenset(snapshot.configs),
        target_kind=snapshot.canary.spec.target_ref.kind,
        api_version=reference.api_version,
    )


def primary_clone(snapshot: Snapshot) -> Clone | None:
    """Return the wanted primary scaler with its diagnostics, or None when there is nothing to clone from."""
    request = clone_request(snapshot)
    reference = snapshot.canary.spec.autoscaler_ref
    if request is None or reference is None or snapshot.scaler is None or snapshot.source_scaler is None:
        return None
    scaler, source, live, policy = snapshot.scaler, snapshot.source_scaler, snapshot.primary_scaler, reference.primary_scaler_sync
    promoting = snapshot.state.phase in (phases.INITIALIZING, phases.PROMOTING, phases.FINALISING)
    clone: Clone = snapshot.once(
        ("primary clone", promoting), lambda: plan_primary(scaler, policy, promoting, source, live, request)
    )
    return clone


def wanted_scaler(snapshot: Snapshot) -> dict[str, Any] | None:
    """Return the manifest to apply, or None when there is none or its bounds are refused (S15: the old one is kept)."""
    clone = primary_clone(snapshot)
    if clone is None or (not clone.writable and snapshot.primary_scaler is None):
        return None
    return clone.manifest
