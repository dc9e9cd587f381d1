"""Scheduling rules of the primary's pods: selectors that mean the workload itself are made to mean the primary.

Rewritten are pod affinity, pod anti-affinity and topology spread. Source: cloning.md sections 1.1.3 and 5.3 (D3, D4).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from canarykit.dicts import Manifest, at
from canarykit.names import primary_of

REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"


def matches(selector: Manifest, labels: Mapping[str, str]) -> bool:
    """Tell whether a label selector selects pods with ``labels``; an empty one selects all, as in Kubernetes."""
    pairs = at(selector, "matchLabels", default={})
    if any(labels.get(key) != text for key, text in pairs.items()):
        return False
    return all(_holds(expression, labels) for expression in at(selector, "matchExpressions", default=()))


def for_primary(selector: Manifest, label: str, value: str) -> dict[str, Any]:
    """Return the selector with ``value`` of ``label`` replaced by ``<value>-primary``, in labels and in expressions."""
    result = dict(selector)
    pairs = at(selector, "matchLabels", default={})
    if pairs.get(label) == value:
        result["matchLabels"] = {**pairs, label: primary_of(value)}
    expressions = at(selector, "matchExpressions")
    if expressions:
        result["matchExpressions"] = [_expression(expression, label, value) for expression in expressions]
    return result


def rewrite_scheduling(pod_spec: Manifest, labels: Mapping[str, str], label: str, value: str) -> dict[str, Any]:
    """Return the pod spec with those selectors rewritten that would take the primary's pods for somebody else's.

    A selector is rewritten if it selects pods with the target's ``labels`` and not those of the primary, or the other way round
    (``NotIn``). Selectors that mean other workloads, even such that share the label, stay as they are.

    Args:
        pod_spec: of the target's template.
        labels: the target's pod labels.
        label: the selector label; ``value`` is what the target's pods carry there.
    """

    def rewritten(holder: Manifest) -> dict[str, Any]:
        selector = holder.get("labelSelector")
        primary = {**labels, label: primary_of(value)}
        if not selector or matches(selector, labels) == matches(selector, primary):
            return dict(holder)
        return {**holder, "labelSelector": for_primary(selector, label, value)}

    result = dict(pod_spec)
    if pod_spec.get("topologySpreadConstraints"):
        result["topologySpreadConstraints"] = [rewritten(constraint) for constraint in pod_spec["topologySpreadConstraints"]]
    affinity = dict(pod_spec.get("affinity") or {})
    for kind in ("podAffinity", "podAntiAffinity"):
        if affinity.get(kind):
            affinity[kind] = _terms(affinity[kind], rewritten)
    return {**result, "affinity": affinity} if affinity else result


def _terms(rules: Manifest, rewritten: Any) -> dict[str, Any]:
    result = dict(rules)
    if rules.get(REQUIRED):
        result[REQUIRED] = [rewritten(term) for term in rules[REQUIRED]]
    if rules.get(PREFERRED):
        result[PREFERRED] = [
            {**weighted, "podAffinityTerm": rewritten(weighted.get("podAffinityTerm") or {})} for weighted in rules[PREFERRED]
        ]
    return result


def _expression(expression: Manifest, label: str, value: str) -> dict[str, Any]:
    values: Sequence[str] = expression.get("values") or ()
    if expression.get("key") != label or value not in values:
        return dict(expression)
    renamed = [primary_of(value) if text == value else text for text in values]
    return {**expression, "values": list(dict.fromkeys(renamed))}


def _holds(expression: Manifest, labels: Mapping[str, str]) -> bool:
    key, values = expression.get("key", ""), expression.get("values") or ()
    match expression.get("operator"):
        case "In":
            return labels.get(key) in values
        case "NotIn":
            return labels.get(key) not in values
        case "Exists":
            return key in labels
        case "DoesNotExist":
            return key not in labels
    return False
