"""Lexical classes without string literals: Datadog scopes, Graphite paths, label selectors, URLs, lists, parameters, fields.

Each function answers with the text for the primary. None raises: a text that does not have the expected form stays as it is.

Source: cloning.md section 4.6.
"""

import re
from collections.abc import Callable

from canarykit.names import CANARY_SUFFIX, PRIMARY_SUFFIX
from canarykit.queries.names import substitute, whole
from canarykit.queries.quoted import is_protected

_SCOPE = re.compile(r"\{[^{}]*\}")
_TAG = re.compile(r"(?P<not>\bNOT\s+|[!-])?(?P<key>\b[\w./-]+):(?P<value>[^\s,{}()]+)", re.IGNORECASE)
_TAG_LIST = re.compile(r"(?P<key>\b[\w./-]+)\s+(?P<not>NOT\s+)?IN\s*\((?P<values>[^()]*)\)", re.IGNORECASE)
_SEGMENT = re.compile(r"[^.,(){}*\s\"'=!~]+")
_TAGGED = re.compile(r"[\"'](?P<label>[\w.-]+)(?P<op>!?=~?)$")
_REQUIREMENT = re.compile(r"(?P<head>\s*(?P<key>[\w./-]+)\s*(?:==?\s*|\s+in\s*\())(?P<values>[^()]*)(?P<tail>\)?\s*)")
_URL = re.compile(r"(?P<head>[a-zA-Z][\w+.-]*://(?:[^/?#@]*@)?)(?P<host>[^/?#:]+)(?P<rest>.*)", re.DOTALL)
_PARAMETER = re.compile(r"(?P<key>[^:=]*)(?P<sign>[:=])(?P<value>.*)", re.DOTALL)
_FIELD = re.compile(r"(?P<not>\bNOT\s+|[!-])?(?P<key>\b[\w.]+):(?P<quote>\"?)(?P<value>[^\s()\"]+)(?P=quote)", re.IGNORECASE)
_BARE = re.compile(r"(?P<not>\bNOT\s+|!)?(?P<key>\b[\w.]+)\s*(?P<op>!?=)\s*(?P<value>[^\s|,()=!<>\"']+)", re.IGNORECASE)


def rewrite_tags(text: str, names: tuple[str, ...], namespace: str, protected: frozenset[str]) -> str:
    """Class T (Datadog): the values of ``{key:value,…}`` scopes; the metric name before the brace never changes."""

    def one(found: re.Match[str]) -> str:
        if is_protected(found["key"], protected):
            return found.group()
        value = substitute(found["value"], names, namespace, negated=bool(found["not"]))
        return f"{found['not'] or ''}{found['key']}:{value}"

    def many(found: re.Match[str]) -> str:
        if is_protected(found["key"], protected):
            return found.group()
        values = _each(found["values"], ",", lambda value: substitute(value, names, namespace, bool(found["not"])))
        return f"{found.group()[: found.start('values') - found.start()]}{values})"

    return _SCOPE.sub(lambda scope: _TAG_LIST.sub(many, _TAG.sub(one, scope.group())), text)


def rewrite_path(text: str, names: tuple[str, ...], protected: frozenset[str]) -> str:
    """Class P (Graphite): whole segments of metric paths (``orders``, and ``orders-`` before a star); tags by their value."""

    def one(found: re.Match[str]) -> str:
        tagged = _TAGGED.search(text, 0, found.start())
        if tagged and (tagged["label"] == "name" or is_protected(tagged["label"], protected)):
            return found.group()
        segment = found.group().removesuffix("-")
        negated = tagged is not None and tagged["op"].startswith("!")
        return whole(segment, names, negated) + found.group()[len(segment) :]

    return _SEGMENT.sub(one, text)


def rewrite_selector(text: str, label: str, value: str) -> str:
    """Class S: in a label selector (``tier=web,app in (orders,other)``), the values of ``label`` that are ``value``.

    ``!=`` and ``notin`` are left alone: excluding our canary or ourselves is not ours to turn.
    """

    def one(requirement: str) -> str:
        found = _REQUIREMENT.fullmatch(requirement)
        if not found or found["key"] != label:
            return requirement
        return found["head"] + _each(found["values"], ",", lambda member: whole(member, (value,))) + found["tail"]

    return "".join(one(part) for part in re.split(r"(,)(?![^()]*\))", text)) if value else text


def rewrite_url(text: str, names: tuple[str, ...], namespace: str) -> str:
    """Class U: the first DNS label of the host, if the host is one label or the second is ``namespace``; never path or query."""
    found = _URL.fullmatch(text)
    if not found:
        return text
    first, dot, rest = found["host"].partition(".")
    if dot and rest.split(".")[0] != namespace:
        return text
    return f"{found['head']}{whole(first, names)}{dot}{rest}{found['rest']}"


def rewrite_list(text: str, names: tuple[str, ...]) -> str:
    """Class D: whole members of a ``;`` list (dimension values)."""
    return _each(text, ";", lambda member: whole(member, names))


def rewrite_parameters(text: str, names: tuple[str, ...], namespace: str, protected: frozenset[str]) -> str:
    """Class J: the values of a parameter list ``name:value;name:value`` (or with ``=``)."""

    def one(parameter: str) -> str:
        found = _PARAMETER.fullmatch(parameter)
        if not found or is_protected(found["key"].strip(), protected):
            return parameter
        return found["key"] + found["sign"] + substitute(found["value"], names, namespace)

    return ";".join(one(parameter) for parameter in text.split(";"))


def rewrite_fields(text: str, names: tuple[str, ...], protected: frozenset[str]) -> str:
    """Solr: the whole value of ``field:value``; ``-field:value`` and ``NOT field:value`` exclude."""

    def one(found: re.Match[str]) -> str:
        if is_protected(found["key"], protected):
            return found.group()
        value = whole(found["value"], names, negated=bool(found["not"]))
        return f"{found['not'] or ''}{found['key']}:{found['quote']}{value}{found['quote']}"

    return _FIELD.sub(one, text)


def rewrite_bare_values(text: str, names: tuple[str, ...], protected: frozenset[str]) -> str:
    """Sumo Logic outside quotes: the whole word after ``=``, a trailing ``*`` or ``-*`` allowed."""

    def one(found: re.Match[str]) -> str:
        if is_protected(found["key"], protected):
            return found.group()
        word = found["value"].rstrip("*-")
        negated = (found["op"] == "!=") != bool(found["not"])
        return found.group()[: found.start("value") - found.start()] + whole(word, names, negated) + found["value"][len(word) :]

    return _BARE.sub(one, text)


def rewrite_labels(selector: dict[str, object], label: str, value: str) -> dict[str, object]:
    """Return a structured label selector (``matchLabels``, ``matchExpressions``) with ``value`` of ``label`` as the primary's.

    The same rule as `rewrite_selector`: only ``label``, only ``value`` (with or without a suffix), only what includes.
    """
    result = dict(selector)
    match_labels = selector.get("matchLabels")
    if isinstance(match_labels, dict) and isinstance(match_labels.get(label), str):
        result["matchLabels"] = {**match_labels, label: whole(match_labels[label], (value,))}
    expressions = selector.get("matchExpressions")
    if isinstance(expressions, list):
        result["matchExpressions"] = [_expression(each, label, value) for each in expressions]
    return result


def _expression(expression: dict[str, object], label: str, value: str) -> dict[str, object]:
    values = expression.get("values")
    if expression.get("key") != label or expression.get("operator") != "In" or not isinstance(values, list):
        return expression
    return {**expression, "values": [whole(each, (value,)) for each in values]}


def replace_text(text: str, name: str) -> str:
    """Return ``text`` as Flagger itself rewrites it: plain replacement of ``name``, blind to words and meaning.

    Flagger hides ``<name>-canary`` behind random letters meanwhile; splitting there has the same result without chance.

    Source: cloning.md section 4.4.
    """
    primary = name + PRIMARY_SUFFIX
    return primary.join(piece.replace(name, primary) for piece in text.split(name + CANARY_SUFFIX)) if name else text


def _each(text: str, separator: str, change: Callable[[str], str]) -> str:
    """Change the members of a list in a text, keeping the blanks around them."""

    def one(member: str) -> str:
        bare = member.strip()
        return member.replace(bare, change(bare), 1) if bare else member

    return separator.join(one(member) for member in text.split(separator))
