"""When the primary's scaler follows the source and the Canary, and which generated scalers are to go.

Three policies (``spec.autoscalerRef.primaryScalerSync``). ``onPromotion``: everything at promotion only, as Flagger. ``always``:
everything at once. ``overrides`` (default): what the Canary itself says about its primary (replicas, queries) at once; the
source's own changes with the revision they belong to, since a lowered maximum would hurt production before any analysis.

For that the primary's scaler carries a note of what is overridden on it: an override that was removed can then be told from
a source that changed. Law: planning again from the planned manifest changes nothing.

Source: cloning.md section 4.10; issue 3.
"""

import json
from collections.abc import Mapping
from typing import Any

from attrs import evolve

from canarykit.dicts import Manifest, at, canonical
from canarykit.errors import UnknownName
from canarykit.kinds import HPA, SCALED_OBJECT
from canarykit.metadata import controller_of
from canarykit.model import Ref
from canarykit.names import PRIMARY_SUFFIX
from canarykit.replicas import check_bounds, fields_of
from canarykit.scalers.base import Clone, CloneRequest, Scaler
from canarykit.scalers.floors import unfloored
from canarykit.scalers.metadata import follows
from canarykit.triggers import explicit_key, trigger_identity

ON_PROMOTION, OVERRIDES, ALWAYS = "onPromotion", "overrides", "always"
POLICIES = (ON_PROMOTION, OVERRIDES, ALWAYS)
NOTE = "canarykit.dev/overridden"
_MINIMUM, _MAXIMUM, _QUERY = "minReplicas", "maxReplicas", "query/"


def plan_primary(
    scaler: Scaler, policy: str, promoting: bool, source: Manifest, live: Manifest | None, request: CloneRequest
) -> Clone:
    """Return the primary's scaler as it is wanted now, without a floor.

    Args:
        scaler: the kind, from `canarykit.scalers.scaler_for`.
        policy: ``overrides``, ``onPromotion`` or ``always``.
        promoting: whether the primary is made or promoted in this phase, so that it follows the source as it is now.
        source: the user's scaler.
        live: the primary's scaler as observed; None makes a new one, whatever the policy.
        request: what the primary depends on besides the source.

    Returns:
        The manifest to apply. If what is wanted has errors and a scaler exists, the manifest is what exists, so that there is
        nothing to write, and the errors are in the diagnostics (S15). Write nothing if none exists and it is not ``writable``.
        Its annotation ``canarykit.dev/overridden`` names the overridden fields.

    Raises:
        UnknownName: for another policy.

    Source: cloning.md section 4.10.
    """
    if policy not in POLICIES:
        raise UnknownName("spec.autoscalerRef.primaryScalerSync", policy, POLICIES)
    clone = scaler.clone_for_primary(source, live, request)
    if live is None:
        return _noted(clone, request)
    standing = _managed(scaler, live, request)
    if promoting or policy == ALWAYS:
        wanted = _noted(clone, request)
    elif policy == ON_PROMOTION:
        wanted = Clone(standing, clone.diagnostics)
    else:
        wanted = _with_overrides(scaler, standing, clone, request)
    return wanted if wanted.writable else Clone(standing, wanted.diagnostics)


def prune(scalers: Mapping[Ref, Manifest], wanted_ref: Ref | None, canary_uid: str, primary_workload: str) -> tuple[Ref, ...]:
    """Return the generated scalers that are to be deleted: ours, for this primary, and not the wanted one.

    Ours means that the controller among the owners is this Canary, by uid. ``wanted_ref`` is None where the Canary has no
    ``autoscalerRef`` any more. KEDA's own HPAs belong to their ScaledObject and go with it.

    Source: cloning.md section 4.10 (S19).
    """
    kinds = {(kind.group, kind.kind) for kind in (HPA, SCALED_OBJECT)}
    return tuple(
        sorted(
            ref
            for ref, manifest in scalers.items()
            if canary_uid
            and (ref.group, ref.kind) in kinds
            and ref != wanted_ref
            and ref.name.endswith(PRIMARY_SUFFIX)
            and at(manifest, "spec", "scaleTargetRef", "name") == primary_workload
            and controller_uid(manifest) == canary_uid
        )
    )


def may_take_over(live: Manifest | None, canary_uid: str) -> bool:
    """Tell whether a ``-primary`` scaler that exists may become ours: nobody controls it, or we do already (D16)."""
    return live is None or controller_uid(live) in {"", canary_uid}


def controller_uid(manifest: Manifest) -> str:
    """Return the uid of the object that controls ``manifest``; "" when none does."""
    return str((controller_of(manifest) or {}).get("uid", ""))


def _managed(scaler: Scaler, live: Manifest, request: CloneRequest) -> dict[str, Any]:
    """Return the primary as it stands, reduced to what we manage, without a floor, and scaling the right workload (H6)."""
    live = unfloored(live, fields_of(scaler.kind).minimum)
    metadata: dict[str, Any] = {"name": request.primary_name, "namespace": request.namespace}
    for part in ("labels", "annotations"):
        kept = {key: value for key, value in at(live, "metadata", part, default={}).items() if follows(key) or key == NOTE}
        if kept:
            metadata[part] = kept
    if request.owner:
        metadata["ownerReferences"] = [dict(request.owner)]
    target = {**at(live, "spec", "scaleTargetRef", default={}), "name": request.primary_workload}
    return {
        "apiVersion": scaler.kind.api_version,
        "kind": scaler.kind.kind,
        "metadata": metadata,
        "spec": {**at(live, "spec", default={}), "scaleTargetRef": target},
    }


def _overridden(request: CloneRequest) -> tuple[str, ...]:
    """Return the names of what the Canary overrides, as the note has them."""
    bounds = [name for name in (_MINIMUM, _MAXIMUM) if at(request.replicas, name) is not None]
    return (*bounds, *(_QUERY + name for name in sorted(request.queries or {})))


def _noted(clone: Clone, request: CloneRequest) -> Clone:
    """Write the note into a manifest, or leave it out where nothing is overridden."""
    metadata = clone.manifest["metadata"]
    annotations = {key: value for key, value in at(metadata, "annotations", default={}).items() if key != NOTE}
    overridden = _overridden(request)
    if overridden:
        annotations[NOTE] = canonical(list(overridden))
    rest = {key: value for key, value in metadata.items() if key != "annotations"}
    joined = {**rest, "annotations": annotations} if annotations else rest
    return evolve(clone, manifest={**clone.manifest, "metadata": joined})


def _was_overridden(standing: Manifest) -> frozenset[str]:
    try:
        noted = json.loads(at(standing, "metadata", "annotations", NOTE, default="[]"))
    except ValueError:
        return frozenset()  # a note that somebody broke tells nothing
    return frozenset(each for each in noted if isinstance(each, str)) if isinstance(noted, list) else frozenset()


def _with_overrides(scaler: Scaler, standing: dict[str, Any], clone: Clone, request: CloneRequest) -> Clone:
    """Lay over the standing primary what is overridden now, and what was and is no more (which goes back to the source)."""
    touched = _was_overridden(standing) | set(_overridden(request))
    fields = fields_of(scaler.kind)
    spec = dict(standing["spec"])
    for name, key in ((_MINIMUM, fields.minimum), (_MAXIMUM, fields.maximum)):
        if name in touched:
            spec.pop(key, None)
            wanted = clone.manifest["spec"].get(key)
            spec |= {} if wanted is None else {key: wanted}
    queries = {name.removeprefix(_QUERY) for name in touched if name.startswith(_QUERY)}
    if "triggers" in spec:
        spec["triggers"] = [_trigger(trigger, queries, clone, request) for trigger in spec["triggers"]]
    manifest = {**standing, "spec": spec}
    own = [
        problem for problem in clone.diagnostics if problem.path.startswith("spec.autoscalerRef") or problem.code in _OF_SOURCE
    ]
    return _noted(Clone(manifest, (*own, *check_bounds(scaler.kind, manifest))), request)


# What is said about the source and the living primary is said in every phase; about its bounds, once.
_OF_SOURCE = frozenset({"S22", "hpa-version", "primary-paused", "trigger-name"})


def _trigger(trigger: dict[str, Any], queries: set[str], clone: Clone, request: CloneRequest) -> dict[str, Any]:
    name, key = trigger_identity(trigger), explicit_key(trigger)
    if not key or not name or name not in queries:
        return trigger
    given = (request.queries or {}).get(name)
    if given is None:
        same = (
            each
            for each in clone.manifest["spec"]["triggers"]
            if trigger_identity(each) == name and each.get("type") == trigger.get("type")
        )
        given = at(next(same, None), "metadata", key)
    if given is None:
        return trigger
    return {**trigger, "metadata": {**at(trigger, "metadata", default={}), key: given}}
