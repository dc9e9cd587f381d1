"""The triggers of the primary's ScaledObject: explicit queries where the Canary gives them, rewritten ones elsewhere.

What each trigger type offers is a table in `canarykit.trigger_types`; how one text is rewritten is `canarykit.queries`.
Nothing here changes a trigger's type, name, threshold or authentication: canary and primary share those.

Source: cloning.md sections 4.4 to 4.6 and 4.8.
"""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

from attrs import evolve, field, frozen

from canarykit.dicts import at
from canarykit.errors import Problem
from canarykit.names import primary_of
from canarykit.queries import PROTECTED_LABELS, STRICT, TEXT, Identities, rewrite_query
from canarykit.queries.names import names_the_target
from canarykit.trigger_types import DATA, EXPLICIT, MONITORING, NEVER, REWRITE, TRIGGER_TYPES, TriggerType, type_of

__all__ = [
    "EXPLICIT", "NEVER", "REWRITE", "TRIGGER_TYPES", "Rewriting", "TriggerType", "apply_queries", "explicit_key",
    "rewrite_trigger", "trigger_identity", "type_of",
]  # fmt: skip

Trigger = Mapping[str, Any]
_QUERIES = "spec.autoscalerRef.primaryScalerQueries"


@frozen
class Rewriting:
    """What the triggers of one Canary are rewritten by: arguments of `rewrite_query`, and the tracked configs.

    ``tracked_configs`` holds ``configmap/<name>`` and ``secret/<name>``: those have a ``-primary`` copy, which a
    ``kubernetes-resource`` trigger of the primary then reads.
    """

    identities: Identities
    namespace: str
    selector_label: str
    mode: str = STRICT
    tracked_configs: frozenset[str] = field(factory=frozenset)
    protected: frozenset[str] = PROTECTED_LABELS


def trigger_identity(trigger: Trigger) -> str:
    """Return the name by which ``primaryScalerQueries`` may call a trigger: its ``name``, else its ``metadata.name``."""
    return str(trigger.get("name") or at(trigger, "metadata", "name", default=""))


def explicit_key(trigger: Trigger) -> str:
    """Return the metadata key that an explicit query replaces in ``trigger``; "" for types without a query."""
    return type_of(str(trigger.get("type", ""))).explicit_key(at(trigger, "metadata", default={}))


def rewrite_trigger(trigger: Trigger, rewriting: Rewriting, index: int = 0) -> tuple[dict[str, Any], tuple[Problem, ...]]:
    """Return the primary's copy of ``trigger`` with its default rewrite, and what is worth knowing.

    ``index`` is its place in ``spec.triggers`` and only used for the paths of the problems. In mode ``text`` only the key
    ``query`` changes, whatever the type.

    Source: cloning.md sections 4.4, 4.6, 4.8.
    """
    copy = deepcopy(dict(trigger))
    if not isinstance(copy.get("metadata"), dict):
        return copy, ()
    return _rewrite_metadata(copy, rewriting, index, skip="")


def apply_queries(
    triggers: Sequence[Trigger], queries: Mapping[str, str] | None, rewriting: Rewriting
) -> tuple[list[dict[str, Any]], tuple[Problem, ...]]:
    """Return the primary's triggers, and what is worth knowing.

    Args:
        triggers: ``spec.triggers`` of the source.
        queries: ``primaryScalerQueries``, trigger name to query, verbatim; None where the Canary has none. In mode
            ``strict`` an empty map equals none, and a trigger that the map does not name gets the default rewrite; in mode
            ``text`` any map, even an empty one, switches the default off for all triggers, as Flagger has it.
        rewriting: what the default rewrite goes by.

    Source: cloning.md section 4.5.
    """
    if rewriting.mode == TEXT:
        return _as_flagger(triggers, queries, rewriting), ()
    results: list[dict[str, Any]] = []
    problems: list[Problem] = []
    given = dict(queries or {})
    for index, trigger in enumerate(triggers):
        name = trigger_identity(trigger)
        if name and name in given:
            result, found = _explicit(trigger, given[name], rewriting, index)
        else:
            result, found = rewrite_trigger(trigger, rewriting, index)
        results.append(result)
        problems += found
    problems += _unmatched(triggers, given)
    problems += _left_behind(triggers, results, given, rewriting)
    return results, tuple(problems)


def _as_flagger(triggers: Sequence[Trigger], queries: Mapping[str, str] | None, rewriting: Rewriting) -> list[dict[str, Any]]:
    if queries is None:
        return [rewrite_trigger(trigger, rewriting)[0] for trigger in triggers]
    results = [deepcopy(dict(trigger)) for trigger in triggers]
    for result in results:
        name = str(result.get("name") or "")
        if name in queries:
            result["metadata"] = {**at(result, "metadata", default={}), "query": queries[name]}
    return results


def _rewrite_metadata(
    copy: dict[str, Any], rewriting: Rewriting, index: int, skip: str
) -> tuple[dict[str, Any], tuple[Problem, ...]]:
    """Rewrite every query-like key of a copied trigger but ``skip``."""
    trigger_type = type_of(str(copy.get("type", "")))
    problems: list[Problem] = []
    metadata = dict(copy["metadata"])
    for key, text in copy["metadata"].items():
        if key == skip or not isinstance(text, str):
            continue
        rewrite = rewrite_query(
            trigger_type.name,
            key,
            text,
            rewriting.identities,
            rewriting.namespace,
            rewriting.selector_label,
            rewriting.mode,
            rewriting.protected,
        )
        metadata[key] = rewrite.text
        problems += [evolve(each, path=_path(index, key)) for each in rewrite.diagnostics]
    if rewriting.mode == TEXT:
        return {**copy, "metadata": metadata}, ()
    if trigger_type.name == "kubernetes-resource" and "resourceName" in metadata:
        metadata["resourceName"] = _config_name(metadata, rewriting.tracked_configs)
    problems += _told_keys(trigger_type, copy["metadata"], metadata, skip, rewriting, index)
    return {**copy, "metadata": metadata}, tuple(problems)


def _config_name(metadata: Mapping[str, str], tracked: frozenset[str]) -> str:
    name = metadata["resourceName"]
    is_tracked = f"{metadata.get('resourceKind', '').lower()}/{name}" in tracked
    return primary_of(name) if is_tracked else name


def _told_keys(
    trigger_type: TriggerType, before: Mapping[str, str], after: Mapping[str, str], skip: str, rewriting: Rewriting, index: int
) -> list[Problem]:
    """Report mentions in keys that change only when told to, and types that we do not know."""
    problems = [
        Problem(
            _path(index, key),
            "names the target and is not rewritten for the primary",
            before[key],
            f"If the primary needs another value, give one in {_QUERIES} or scale on another trigger.",
            "warning",
            "identity-untouched",
        )
        for key in trigger_type.told
        if key != skip
        and isinstance(before.get(key), str)
        and after.get(key) == before[key]
        and names_the_target(before[key], rewriting.identities.names)
    ]
    if trigger_type.name not in TRIGGER_TYPES:
        advice = "Its key query is rewritten like a quoted language." if "query" in before else f"Name its query in {_QUERIES}."
        problems.append(
            Problem(
                f"spec.triggers[{index}].type",
                "is not a trigger type we know",
                trigger_type.name,
                advice,
                "warning",
                "unknown-trigger",
            )
        )
    return problems


def _explicit(trigger: Trigger, query: str, rewriting: Rewriting, index: int) -> tuple[dict[str, Any], tuple[Problem, ...]]:
    """Put the Canary's own query, verbatim, under the key of the trigger's type; other query-like keys are still rewritten."""
    name, key = trigger_identity(trigger), explicit_key(trigger)
    problems: list[Problem] = []
    if not trigger.get("name"):
        advice = "Put the name on the trigger itself, beside its type."
        problem = "has a name under metadata only; it is taken as the trigger's name"
        problems.append(Problem(f"spec.triggers[{index}].metadata.name", problem, name, advice, "warning", "trigger-name"))
    copy = deepcopy(dict(trigger))
    if not key:
        problem = f"gives a query to a trigger of type {trigger.get('type')}, which has none; the trigger is unchanged"
        problems.append(Problem(f"{_QUERIES}.{name}", problem, query, "Remove the entry.", "warning", "no-query-key"))
        if not isinstance(copy.get("metadata"), dict):
            return copy, tuple(problems)
        result, found = _rewrite_metadata(copy, rewriting, index, skip="")
        return result, (*problems, *found)
    copy["metadata"] = {**at(copy, "metadata", default={}), key: query}
    result, found = _rewrite_metadata(copy, rewriting, index, skip=key)
    if _names_the_canary(trigger, key, query, rewriting):
        advice = "Write the query so that it measures the primary."
        problem = "still asks about the canary"
        problems.append(Problem(f"{_QUERIES}.{name}", problem, query, advice, "warning", "explicit-names-canary"))
    return result, (*problems, *found)


def _names_the_canary(trigger: Trigger, key: str, query: str, rewriting: Rewriting) -> bool:
    """An explicit query names the canary if the default rewrite would change it (or, of keys without one, a bare mention)."""
    trigger_type = str(trigger.get("type", ""))
    if not type_of(trigger_type).lexical_class(key):
        return names_the_target(query, rewriting.identities.names)
    rewritten = rewrite_query(
        trigger_type,
        key,
        query,
        rewriting.identities,
        rewriting.namespace,
        rewriting.selector_label,
        protected=rewriting.protected,
    )
    return rewritten.text != query


def _unmatched(triggers: Sequence[Trigger], given: Mapping[str, str]) -> list[Problem]:
    names = {trigger_identity(trigger) for trigger in triggers} - {""}
    if given and not names:
        advice = "Name the triggers of the source ScaledObject; until then the default rewrite is used."
        return [Problem(_QUERIES, "is given, but no trigger has a name", sorted(given), advice, "warning", "unnamed-triggers")]
    known = ", ".join(sorted(names))
    return [
        Problem(f"{_QUERIES}.{key}", "matches no trigger", key, f"Triggers are called: {known}.", "warning", "unmatched-query")
        for key in sorted(given)
        if key not in names
    ]


def _left_behind(
    triggers: Sequence[Trigger], results: Sequence[Trigger], given: Mapping[str, str], rewriting: Rewriting
) -> list[Problem]:
    """Report queries that name nobody and stayed, while other triggers were turned to the primary."""
    changed = [dict(before) != dict(after) for before, after in zip(triggers, results, strict=True)]
    if not any(changed):
        return []
    return [
        Problem(
            f"spec.triggers[{index}]",
            "is the same for canary and primary, while other triggers differ",
            trigger_identity(trigger) or trigger.get("type"),
            f"If it should differ, give its query in {_QUERIES}.",
            "warning",
            "trigger-unchanged",
        )
        for index, trigger in enumerate(triggers)
        if not changed[index] and trigger_identity(trigger) not in given and _asks_about_nobody(trigger, rewriting)
    ]


def _asks_about_nobody(trigger: Trigger, rewriting: Rewriting) -> bool:
    trigger_type = type_of(str(trigger.get("type", "")))
    if trigger_type.group not in {MONITORING, DATA}:
        return False
    metadata = at(trigger, "metadata", default={})
    texts = [text for key, text in metadata.items() if trigger_type.lexical_class(key) and isinstance(text, str)]
    return bool(texts) and not any(name in text for text in texts for name in rewriting.identities.names)


def _path(index: int, key: str) -> str:
    return f"spec.triggers[{index}].metadata.{key}"
