"""KEDA ScaledObject: the primary's copy, and floor and pause of the one that the user lent us.

The copy holds everything the source says, unknown fields included, but for five things: the workload it scales, its own HPA's
name, the triggers' queries (`canarykit.triggers`), the replica bounds that the Canary overrides, and the state annotations of
the source. The formula of ``scalingModifiers`` speaks of trigger *names*, which do not change; authentication is shared.

Source: cloning.md sections 4.2, 4.3, 4.9 to 4.12; observed.md items 9 to 11.
"""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from canarykit import kinds
from canarykit.dicts import Manifest, at, contains, put
from canarykit.errors import Problem
from canarykit.kinds import Kind
from canarykit.names import PAUSED_REPLICAS_ANNOTATION, primary_of
from canarykit.replicas import KEDA_MAXIMUM, check_bounds, check_fallback_follows, override_replicas
from canarykit.scalers.base import Clone, CloneRequest, Mark, check_source, same_metadata, whole_number
from canarykit.scalers.floors import decode, encode, with_note
from canarykit.scalers.metadata import PAUSED, PAUSED_SCALE_IN, PAUSED_SCALE_OUT, is_true, primary_metadata
from canarykit.triggers import Rewriting, apply_queries

DOWN = "0"
_HPA_NAME = ("advanced", "horizontalPodAutoscalerConfig", "name")
_EXACT = ("minReplicaCount", "maxReplicaCount", "idleReplicaCount")


class ScaledObjectScaler:
    """See `canarykit.scalers.base.Scaler`."""

    kind: Kind = kinds.SCALED_OBJECT
    has_pause = True

    def clone_for_primary(self, source: Manifest, live: Manifest | None, request: CloneRequest) -> Clone:
        """Return the primary's ScaledObject; ``live`` only tells whether somebody has paused it."""
        source_spec: Mapping[str, Any] = source.get("spec") or {}
        spec = {key: deepcopy(value) for key, value in source_spec.items() if value is not None}
        spec["scaleTargetRef"] = {**at(spec, "scaleTargetRef", default={}), "name": request.primary_workload}
        hpa_name = at(spec, *_HPA_NAME)
        if hpa_name:
            spec = put(spec, _HPA_NAME, primary_of(str(hpa_name)))
        spec["triggers"], found = apply_queries(source_spec.get("triggers") or [], request.queries, rewriting_of(request))
        wanted = override_replicas(self.kind, spec, request.replicas)
        manifest = {
            "apiVersion": self.kind.api_version,
            "kind": self.kind.kind,
            "metadata": primary_metadata(
                source, request.primary_name, request.namespace, request.owner, request.include_prefixes
            ),
            "spec": wanted,
        }
        problems = (
            *check_source(source, request),
            *check_bounds(self.kind, manifest),
            *check_fallback_follows(source_spec, wanted),
            *found,
            *_paused_primary(live),
        )
        return Clone(manifest, problems)

    def bounds(self, manifest: Manifest) -> tuple[int, int]:
        """Return the fewest (an idle count, if there is one, else the minimum or 0) and the most replicas (100 if not given)."""
        lowest = whole_number(at(manifest, "spec", "minReplicaCount"), 0)
        idle = whole_number(at(manifest, "spec", "idleReplicaCount"), lowest)
        return min(idle, lowest), whole_number(at(manifest, "spec", "maxReplicaCount"), KEDA_MAXIMUM)

    def with_minimum(self, manifest: Manifest, n: int) -> dict[str, Any]:
        """Return a copy with at least ``n`` as its minimum, never above the maximum; a lower idle count is left out."""
        lowest, highest = self.bounds(manifest)
        floor = min(n, highest)
        copy = dict(manifest)
        if floor <= lowest:
            return copy
        written = whole_number(at(manifest, "spec", "minReplicaCount"), 0)
        spec = {key: value for key, value in copy["spec"].items() if key != "idleReplicaCount"}
        copy["spec"] = {**spec, "minReplicaCount": max(floor, written)}
        return with_note(copy, self.minimum_as_written(manifest))

    def minimum_patch(self, manifest: Manifest, n: int) -> dict[str, Any]:
        """Return the patch that sets the minimum to ``n``, at most the maximum; a lower idle count goes."""
        floor = min(n, self.bounds(manifest)[1])
        idle = at(manifest, "spec", "idleReplicaCount")
        lifted = {"idleReplicaCount": None} if idle is not None and whole_number(idle, 0) < floor else {}
        return {"spec": {"minReplicaCount": floor, **lifted}}

    def minimum_as_written(self, manifest: Manifest) -> Mark:
        """Return ``spec.minReplicaCount``, None if it is not there; ``<minimum>/<idle>`` where there is an idle count."""
        minimum, idle = at(manifest, "spec", "minReplicaCount"), at(manifest, "spec", "idleReplicaCount")
        return encode(None if minimum is None else whole_number(minimum, 0), None if idle is None else whole_number(idle, 0))

    def minimum_in(self, mark: Mark) -> int:
        """Return the remembered minimum; 0, KEDA's default, where there was none."""
        return decode(mark)[0] or 0

    def fewest_in(self, mark: Mark) -> int:
        """Return the remembered idle count if there is one and it is lower, else the minimum."""
        idle = decode(mark)[1]
        return self.minimum_in(mark) if idle is None else min(idle, self.minimum_in(mark))

    def restore_minimum_patch(self, mark: Mark) -> dict[str, Any]:
        """Return the patch that sets the remembered minimum (and idle count), or removes ours."""
        minimum, idle = decode(mark)
        return {"spec": {"minReplicaCount": minimum, **({} if idle is None else {"idleReplicaCount": idle})}}

    def is_paused(self, manifest: Manifest) -> bool:
        """Tell whether the workload is held at 0; a pause at another number is not ours and does not hold it down."""
        return self.paused_value(manifest) == DOWN

    def paused_value(self, manifest: Manifest) -> str | None:
        """Return the annotation ``autoscaling.keda.sh/paused-replicas``, None if it is not there."""
        value = at(manifest, "metadata", "annotations", PAUSED_REPLICAS_ANNOTATION)
        return None if value is None else str(value)

    def pause_patch(self, manifest: Manifest) -> dict[str, Any] | None:
        """Return the patch that sets the pause to ``"0"``. Nothing else of the user's object is sent (S12)."""
        return None if self.is_paused(manifest) else _annotation(DOWN)

    def release_patch(self, manifest: Manifest, value_before: str | None) -> dict[str, Any] | None:
        """Return the patch that undoes a pause at ``"0"``: back to ``value_before``, or away.

        A ``"0"`` before ours is one that an earlier controller left behind, or else the canary could never be released.
        """
        if not self.is_paused(manifest):
            return None
        return _annotation(None if value_before == DOWN else value_before)

    def same(self, observed: Manifest | None, wanted: Manifest) -> bool:
        """Compare metadata and spec by subset; bounds, and triggers with their number and metadata, exactly.

        ``{}`` is the same as absent: KEDA itself adds ``advanced.scalingModifiers: {}`` after each write.
        """
        if observed is None or not same_metadata(observed, wanted):
            return False
        here, there = at(observed, "spec", default={}), wanted["spec"]
        if any(here.get(key) != there.get(key) for key in _EXACT):
            return False
        ours, theirs = here.get("triggers") or [], there.get("triggers") or []
        same_metadata_of_all = len(ours) == len(theirs) and all(
            at(mine, "metadata", default={}) == at(other, "metadata", default={})
            for mine, other in zip(ours, theirs, strict=True)
        )
        return same_metadata_of_all and contains(here, there)


def rewriting_of(request: CloneRequest) -> Rewriting:
    """Return what the triggers of this request are rewritten by."""
    return Rewriting(
        request.identities, request.namespace, request.selector_label, request.query_rewrite, request.tracked_configs
    )


def _annotation(value: str | None) -> dict[str, Any]:
    return {"metadata": {"annotations": {PAUSED_REPLICAS_ANNOTATION: value}}}


def _paused_primary(live: Manifest | None) -> tuple[Problem, ...]:
    """S1: a pause on the primary takes production down or freezes it; it may also be an operator's own, so it is only told."""
    annotations: Mapping[str, str] = at(live, "metadata", "annotations", default={})
    problems = []
    pause = annotations.get(PAUSED_REPLICAS_ANNOTATION)
    if pause is not None:
        advice = "If nobody paused it by intent, remove the annotation (resume_patch of canarykit.scalers does)."
        problem = "holds the primary at a fixed number of replicas"
        path = f"metadata.annotations.{PAUSED_REPLICAS_ANNOTATION}"
        problems.append(Problem(path, problem, pause, advice, "warning", "primary-paused"))
    for key, effect in ((PAUSED, "entirely"), (PAUSED_SCALE_IN, "for scale-in"), (PAUSED_SCALE_OUT, "for scale-out")):
        if is_true(annotations.get(key)):
            problem = f"pauses the primary {effect}; it was set by an operator and is kept"
            advice = "Remove the annotation from the primary's ScaledObject when it is over."
            problems.append(
                Problem(f"metadata.annotations.{key}", problem, annotations[key], advice, "warning", "primary-paused")
            )
    return tuple(problems)


SCALER = ScaledObjectScaler()
