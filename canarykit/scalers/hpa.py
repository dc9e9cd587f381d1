"""HorizontalPodAutoscaler: always spoken as autoscaling/v2, without a pause.

Kubernetes does not act on a workload at 0 replicas, so an idle canary needs no pause (unless the HPA may go to zero itself).
Metrics are rewritten where their structure says whose load they measure: selectors on the selector label, and described
Services and Deployments. There is no query text, so ``primaryScalerQueries`` has no meaning here.

Source: cloning.md sections 3 and 5.2 (H1 to H7).
"""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from canarykit import kinds
from canarykit.dicts import Manifest, at, contains
from canarykit.errors import Problem
from canarykit.kinds import Kind
from canarykit.queries.names import whole
from canarykit.queries.plain import rewrite_labels
from canarykit.replicas import check_bounds, override_replicas
from canarykit.scalers.base import Clone, CloneRequest, Mark, check_source, same_metadata, whole_number
from canarykit.scalers.floors import with_note
from canarykit.scalers.metadata import primary_metadata

_DESCRIBED = frozenset({"Service", "Deployment"})


class HpaScaler:
    """See `canarykit.scalers.base.Scaler`."""

    kind: Kind = kinds.HPA
    has_pause = False

    def clone_for_primary(self, source: Manifest, live: Manifest | None, request: CloneRequest) -> Clone:
        """Return the primary's HPA. ``live`` does not matter: an HPA carries no operational state."""
        spec = {key: deepcopy(value) for key, value in at(source, "spec", default={}).items() if value is not None}
        spec["scaleTargetRef"] = {**at(spec, "scaleTargetRef", default={}), "name": request.primary_workload}
        if "metrics" in spec:
            spec["metrics"] = [_metric(metric, request) for metric in spec["metrics"]]
        manifest = {
            "apiVersion": self.kind.api_version,
            "kind": self.kind.kind,
            "metadata": primary_metadata(
                source, request.primary_name, request.namespace, request.owner, request.include_prefixes
            ),
            "spec": override_replicas(self.kind, spec, request.replicas),
        }
        problems = (
            *check_source(source, request),
            *_versions(source, request),
            *check_bounds(self.kind, manifest),
            *_no_queries(request),
        )
        return Clone(manifest, problems)

    def bounds(self, manifest: Manifest) -> tuple[int, int]:
        """Return minimum (1 if not given) and maximum."""
        lowest = whole_number(at(manifest, "spec", "minReplicas"), 1)
        return lowest, whole_number(at(manifest, "spec", "maxReplicas"), max(lowest, 1))

    def with_minimum(self, manifest: Manifest, n: int) -> dict[str, Any]:
        """Return a copy with at least ``n`` as its minimum, never above the maximum."""
        lowest, highest = self.bounds(manifest)
        floor = min(max(n, lowest), highest)
        copy = dict(manifest)
        if floor == lowest:
            return copy
        copy["spec"] = {**copy["spec"], "minReplicas": floor}
        return with_note(copy, self.minimum_as_written(manifest))

    def minimum_patch(self, manifest: Manifest, n: int) -> dict[str, Any]:
        """Return the patch that sets the minimum to ``n``, at most the maximum."""
        return {"spec": {"minReplicas": min(n, self.bounds(manifest)[1])}}

    def minimum_as_written(self, manifest: Manifest) -> Mark:
        """Return ``spec.minReplicas``, None if it is not there."""
        written = at(manifest, "spec", "minReplicas")
        return None if written is None else whole_number(written, 1)

    def minimum_in(self, mark: Mark) -> int:
        """Return the remembered minimum; 1, the default of Kubernetes, where there was none."""
        return whole_number(mark, 1)

    def fewest_in(self, mark: Mark) -> int:
        """Return the remembered minimum: an HPA has no idle count."""
        return self.minimum_in(mark)

    def restore_minimum_patch(self, mark: Mark) -> dict[str, Any]:
        """Return the patch that sets the remembered minimum, or removes ours."""
        return {"spec": {"minReplicas": mark}}

    def is_paused(self, manifest: Manifest) -> bool:
        """Never: an HPA has no pause."""
        return False

    def paused_value(self, manifest: Manifest) -> str | None:
        """Nothing."""
        return None

    def pause_patch(self, manifest: Manifest) -> dict[str, Any] | None:
        """Nothing to change."""
        return None

    def release_patch(self, manifest: Manifest, value_before: str | None) -> dict[str, Any] | None:
        """Nothing to change."""
        return None

    def same(self, observed: Manifest | None, wanted: Manifest) -> bool:
        """Compare metadata and spec by subset, metrics in order with their number; an absent minimum is 1."""
        if observed is None or self.bounds(observed) != self.bounds(wanted) or not same_metadata(observed, wanted):
            return False
        ours, theirs = at(observed, "spec", "metrics", default=[]), at(wanted, "spec", "metrics", default=[])
        same_metrics = len(ours) == len(theirs) or (not theirs and _is_default(ours))
        return same_metrics and contains(at(observed, "spec"), _without_empty_metrics(wanted["spec"]))


def _without_empty_metrics(spec: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in spec.items() if key != "metrics" or value}


def _is_default(metrics: list[Any]) -> bool:
    """Kubernetes gives an HPA without metrics one of its own: 80 % of the requested cpu."""
    return len(metrics) <= 1 and all(at(metric, "resource", "name") == "cpu" for metric in metrics)


def _metric(metric: Mapping[str, Any], request: CloneRequest) -> dict[str, Any]:
    """H3: selectors and described objects of one metric, for the primary; Resource metrics measure their own pods anyway."""
    result = deepcopy(dict(metric))
    value = request.identities.label_value or request.identities.target
    for part in ("pods", "object", "external"):
        selector = at(result, part, "metric", "selector")
        if isinstance(selector, dict):
            renamed = rewrite_labels(selector, request.selector_label, value)
            result[part] = {**result[part], "metric": {**result[part]["metric"], "selector": renamed}}
    described = at(result, "object", "describedObject")
    if at(described, "kind") in _DESCRIBED:
        names = tuple({request.identities.target, request.identities.service or ""} - {""})
        result["object"] = {
            **result["object"],
            "describedObject": {**described, "name": whole(str(described.get("name", "")), names)},
        }
    return result


def _versions(source: Manifest, request: CloneRequest) -> tuple[Problem, ...]:
    problems = []
    spoken = kinds.HPA.api_version
    if request.api_version not in {"", spoken}:
        advice = f"Write {spoken}; other versions are gone."
        problem = f"is served as {spoken}"
        problems.append(Problem("spec.autoscalerRef.apiVersion", problem, request.api_version, advice, "warning", "hpa-version"))
    if source.get("apiVersion", spoken) != spoken:
        problem = f"must be read as {spoken} to be cloned"
        problems.append(Problem("apiVersion", problem, source["apiVersion"], f"Read the source as {spoken}.", code="hpa-version"))
    return tuple(problems)


def _no_queries(request: CloneRequest) -> tuple[Problem, ...]:
    if not request.queries:
        return ()
    problem = "has no meaning for a HorizontalPodAutoscaler"
    advice = "Remove it; metric selectors on the selector label are rewritten for the primary."
    path = "spec.autoscalerRef.primaryScalerQueries"
    return (Problem(path, problem, sorted(request.queries), advice, "warning", "no-query-key"),)


SCALER = HpaScaler()
