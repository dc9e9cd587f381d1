"""The query of the primary's scaler: from the text that measures the canary to the one that measures the primary.

The source ScaledObject is written for the workload that a team deploys. Its copy for the primary must ask the same question
about the primary. Flagger replaces the workload's name in the key ``query``, everywhere: in metric names, tables, namespaces,
longer names, names that already say ``-primary``. The result often asks nothing, silently, and production scales on it.

We rewrite by meaning instead, in three questions:

1. *Which keys?* Each trigger type says which of its metadata hold a query (`canarykit.trigger_types`).
2. *Which parts of it?* Each key has a lexical class. In Q (most query languages) only string literals are values, and
   literals compared with a label that canary and primary share (their namespace, their container names) stay. In T, P, S, U,
   D and J the values are the tags, path segments, selector values, host name, list members, parameter values.
3. *Which names?* Whole mentions of the target, its label value or its Service (`canarykit.queries.names`); each, with
   ``-canary`` or ``-primary`` or neither, becomes ``-primary``. Where a matcher excludes the name, it goes on excluding.

Law: rewriting twice is rewriting once. What could not be decided is left as it is and reported, never guessed.
Mode ``text`` is Flagger's way, without its dice, for those who rely on it.

Source: cloning.md sections 4.4 and 4.6.
"""

import json
import re
from collections.abc import Callable

from attrs import evolve, frozen

from canarykit.errors import Problem, UnknownName
from canarykit.queries.names import Identities, names_the_target, whole
from canarykit.queries.plain import (
    replace_text,
    rewrite_bare_values,
    rewrite_fields,
    rewrite_list,
    rewrite_parameters,
    rewrite_path,
    rewrite_selector,
    rewrite_tags,
    rewrite_url,
)
from canarykit.queries.quoted import Dialect, outside, rewrite_quoted
from canarykit.trigger_types import (
    DATA,
    FIELDS,
    INFLUX_SQL,
    MEMBERS,
    PARAMETERS,
    PATH,
    QUOTED,
    SELECTOR,
    TAGS,
    TRIGGER_TYPES,
    URL,
    VALUE,
    WORDS,
    TriggerType,
    type_of,
)

__all__ = ["MODES", "PROTECTED_LABELS", "STRICT", "TEXT", "Identities", "Rewrite", "rewrite_query"]

STRICT, TEXT = "strict", "text"
MODES = (STRICT, TEXT)

# Labels whose value is the same for canary and primary: both live in one namespace, container names are not changed, and
# the name of a metric is no name of a workload. The first three lines are the reference's list, the others the same things
# under the names of other systems.
PROTECTED_LABELS = frozenset(
    (
        "namespace", "exported_namespace", "kubernetes_namespace", "kube_namespace", "namespace_name",
        "destination_workload_namespace", "destination_service_namespace", "source_workload_namespace",
        "container", "container_name", "exported_container", "image", "cluster", "__name__",
        "k8s.namespace.name", "namespacename", "podnamespace", "k8s.container.name", "containername", "kube_container_name",
        "image_name", "short_image", "k8s.cluster.name", "cluster_name", "clustername", "kube_cluster_name",
        "_measurement", "_field", "bucket",
    )
)  # fmt: skip


@frozen
class Rewrite:
    """A query for the primary, and what is worth knowing about how it came to be (warnings only)."""

    text: str
    diagnostics: tuple[Problem, ...] = ()


def rewrite_query(
    trigger_type: str,
    key: str,
    text: str,
    identities: Identities,
    namespace: str,
    selector_label: str,
    mode: str = STRICT,
    protected: frozenset[str] = PROTECTED_LABELS,
) -> Rewrite:
    """Return the text that ``key`` of a trigger gets in the primary's ScaledObject.

    Args:
        trigger_type: KEDA's name, e.g. ``prometheus``. Of an unknown type only the key ``query`` is rewritten, as class Q.
        key: metadata key of the trigger that holds ``text``; keys that hold no query are returned unchanged.
        text: e.g. ``sum(rate(http_requests_total{app="orders"}[1m]))``.
        identities: the names of the application.
        namespace: of the Canary; decides about ``orders.<namespace>.svc`` and Envoy's ``<namespace>_orders_80``.
        selector_label: the chosen selector label key; the only one that pod selectors are rewritten by.
        mode: ``strict``, or ``text`` for Flagger's plain replacement (key ``query`` and the target's name only).
        protected: label names whose values never change.

    Returns:
        The text and warnings with codes ``query-unchanged`` (a name was found, nothing could be rewritten) and
        ``data-store-query`` (a literal of a query over application data was rewritten). Their path is ``key``.

    Raises:
        UnknownName: for another mode.

    Source: cloning.md sections 4.4 and 4.6; the leading slash of a URL path is ours.
    """
    if mode not in MODES:
        raise UnknownName("spec.autoscalerRef.queryRewrite", mode, MODES)
    if mode == TEXT:
        return Rewrite(replace_text(text, identities.target) if key == "query" else text)
    trigger = type_of(trigger_type)
    lexical_class = trigger.lexical_class(key)
    if not lexical_class or not identities.names:
        return Rewrite(text)
    context = _Context(identities, namespace, selector_label, protected)
    changed = _BY_CLASS[lexical_class](text, _dialect(trigger, text), context)
    return Rewrite(changed, _diagnostics(trigger, key, text, changed, identities))


@frozen
class _Context:
    identities: Identities
    namespace: str
    selector_label: str
    protected: frozenset[str]

    @property
    def names(self) -> tuple[str, ...]:
        return self.identities.names


def _quoted(text: str, dialect: Dialect, context: _Context) -> str:
    return rewrite_quoted(text, dialect, context.names, context.namespace, context.protected)


def _words(text: str, dialect: Dialect, context: _Context) -> str:
    pieces = outside(_quoted(text, dialect, context), dialect)
    return "".join(rewrite_bare_values(piece, context.names, context.protected) if bare else piece for piece, bare in pieces)


def _selector(text: str, dialect: Dialect, context: _Context) -> str:
    return rewrite_selector(text, context.selector_label, context.identities.label_value or context.identities.target)


_BY_CLASS: dict[str, Callable[[str, Dialect, _Context], str]] = {
    QUOTED: _quoted,
    WORDS: _words,
    TAGS: lambda text, dialect, context: rewrite_tags(text, context.names, context.namespace, context.protected),
    PATH: lambda text, dialect, context: rewrite_path(text, context.names, context.protected),
    SELECTOR: _selector,
    URL: lambda text, dialect, context: rewrite_url(text, context.names, context.namespace),
    MEMBERS: lambda text, dialect, context: rewrite_list(text, context.names),
    PARAMETERS: lambda text, dialect, context: rewrite_parameters(text, context.names, context.namespace, context.protected),
    FIELDS: lambda text, dialect, context: rewrite_fields(text, context.names, context.protected),
    VALUE: lambda text, dialect, context: whole(text, context.names),
}


def _dialect(trigger: TriggerType, text: str) -> Dialect:
    """Two things only the text itself tells: InfluxDB's language, and that an unknown system is asked in JSON."""
    if trigger.name == "influxdb" and re.match(r"\s*(?:SELECT|WITH|SHOW)\b", text, re.IGNORECASE):
        return INFLUX_SQL
    if trigger.name not in TRIGGER_TYPES and text.lstrip()[:1] in {"{", "["} and _is_json(text):
        return evolve(trigger.dialect, json=True, quotes='"')
    return trigger.dialect


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _diagnostics(trigger: TriggerType, key: str, text: str, changed: str, identities: Identities) -> tuple[Problem, ...]:
    if changed == text and names_the_target(text, identities.names):
        problem = "names the target where it cannot be rewritten safely, so the primary scales on the same text as the canary"
        advice = "Give the trigger a name and its query for the primary in spec.autoscalerRef.primaryScalerQueries."
        return (Problem(key, problem, text, advice, "warning", "query-unchanged"),)
    if changed != text and trigger.group == DATA:
        problem = "asks a data store, and a literal in it was turned into the primary's name"
        advice = "If that literal is application data, give the query in spec.autoscalerRef.primaryScalerQueries."
        return (Problem(key, problem, changed, advice, "warning", "data-store-query"),)
    return ()
