"""Lexical class Q: queries whose values are string literals (PromQL, LogQL, NRQL, KQL, Flux, SQL, JSON, ...).

Only the inside of literals changes; bare words are metric names, tables, columns and functions. For each literal we look back
over the text before it: which label or field it is compared with, and whether the comparison excludes it. That is the same
handful of shapes in all these languages::

    app="orders"    app != 'orders'    app in ("a", "orders")    app not like 'orders%'    pod = starts_with("orders-")
    r["app"] == "orders"    "app": "orders"    "app": ["a", "orders"]    filter('app', 'orders')    matchesValue(app, "orders")

Source: cloning.md section 4.6; the shapes beyond ``=``, ``=~``, ``!=`` and ``!~`` are ours, by the same reasoning.
"""

import re
from collections.abc import Callable, Iterator

from attrs import frozen

from canarykit.queries.names import Mention, substitute

_LITERALS = {'"': r'"(?:[^"\\]|\\.)*"', "'": r"'(?:[^'\\]|\\.)*'", "`": r"`[^`]*`"}
_COMMENTS = {"#": r"\#[^\n]*", "--": r"--[^\n]*", "//": r"//[^\n]*", "/*": r"/\*.*?\*/"}
_WORDS = r"has|has_cs|hasprefix|hassuffix|contains|contains_cs|startswith|startswith_cs|endswith|endswith_cs"
_OPERATOR = re.compile(
    rf"(?:!=~|!~|!=|<>|=~|==|=\*|=|:|\b(?:not\s+)?(?:i?like|rlike|regexp|contains)|\bis(?:\s+not)?|\b(?:eq|ne)|(?:!|\b)(?:{_WORDS}))$",
    re.IGNORECASE,
)
_OPEN = re.compile(r"(?P<word>!?[\w.]*~?)\s*[(\[]$")
_FIRST_ARGUMENT = re.compile(r"[\w.]+\(\s*(?P<label>[\w.]+)\s*,$")
_MEMBERSHIP = frozenset({"in", "in~", "has_any", "has_all"})
_LABEL = re.compile(r"[\w./-]+$")
_NOT = re.compile(r"(?:\bnot|!)$", re.IGNORECASE)
_NAME_FOLLOWS = re.compile(r"\s*(?:=~|!~|!=|=)")
_OWN_LABEL = re.compile(r"(?P<label>[\w.]+)[\\\"']*\s*[:=]~?\s*[\\\"']*$")
_FIELD_ACCESS = re.compile(r"\s*\]\s*(?:=|!|<|>)")
_NAMES_OF_CALL = (0, 2)  # label_replace(v, NAME, text, NAME, pattern), label_join(v, NAME, text, NAME)


@frozen
class Dialect:
    """How a query language is written.

    Attributes:
        quotes: characters that open a string literal. Where a language quotes tables and columns with ``"`` or a
            backtick, that character is not among them.
        comments: markers of comments (``#``, ``--``, ``//``, ``/*``), whose text is never looked at.
        json: literals followed by a colon are keys.
        selectors: PromQL-like braces, in which label and metric names may be quoted, too.
        label_first: the first argument of a call is the name of a label: ``filter('app', 'orders')``.
    """

    quotes: str = "\"'`"
    comments: tuple[str, ...] = ()
    json: bool = False
    selectors: bool = False
    label_first: bool = False

    def literals(self, text: str) -> list[tuple[int, int]]:
        """Return begin and end of the inside of every literal; one that is never closed is none."""
        pattern = "|".join([*(_COMMENTS[mark] for mark in self.comments), *(_LITERALS[quote] for quote in self.quotes)])
        found = re.finditer(pattern, text, re.DOTALL)
        return [(each.start() + 1, each.end() - 1) for each in found if each.group()[0] in self.quotes]


@frozen
class Matcher:
    """What a literal is compared with: the label or field ("" if none is seen), and whether it is excluded."""

    label: str = ""
    negated: bool = False


def is_protected(label: str, protected: frozenset[str]) -> bool:
    """Tell whether values of ``label`` are the same for canary and primary, by its whole name or its last dotted part."""
    name = label.lower()
    return name in protected or name.rpartition(".")[2] in protected


def rewrite_quoted(text: str, dialect: Dialect, names: tuple[str, ...], namespace: str, protected: frozenset[str]) -> str:
    """Return ``text`` with the names inside its literals turned into the primary's."""
    pieces, done = [], 0
    for begin, end, matcher in _values(text, dialect):
        inside = text[begin:end]
        if not is_protected(matcher.label, protected):
            inside = substitute(inside, names, namespace, matcher.negated, _keeps_own_labels(inside, protected))
        pieces += [text[done:begin], inside]
        done = end
    return "".join(pieces) + text[done:]


def outside(text: str, dialect: Dialect) -> Iterator[tuple[str, bool]]:
    """Yield the pieces of ``text`` in order, each with True when it is no literal; joined they are the text."""
    done = 0
    for begin, end in dialect.literals(text):
        yield text[done:begin], True
        yield text[begin:end], False
        done = end
    yield text[done:], True


def _keeps_own_labels(inside: str, protected: frozenset[str]) -> Callable[[Mention], bool]:
    """Keep what a literal itself says about a protected label: ``"namespace:orders AND app:orders"``."""

    def keeps(mention: Mention) -> bool:
        own = _OWN_LABEL.search(inside, 0, mention.start)
        return own is not None and is_protected(own["label"], protected)

    return keeps


def _values(text: str, dialect: Dialect) -> Iterator[tuple[int, int, Matcher]]:
    """Yield the literals that are values, each with its matcher; names of keys, labels and metrics are left out."""
    literals = dialect.literals(text)
    for index, (begin, end) in enumerate(literals):
        first = _first_of_list(text, literals, index)
        before, after = text[: literals[first][0] - 1].rstrip(), text[end + 1 :]
        if not _is_name(text[: begin - 1].rstrip(), after, dialect) and not _is_argument_name(
            before, after, index - first, dialect
        ):
            yield begin, end, _matcher(before, text[slice(*literals[first])] if index > first else "")


def _is_name(before: str, after: str, dialect: Dialect) -> bool:
    """Tell whether a literal is the key of a map, a quoted label or metric name in braces, or a field: ``r["app"] == …``."""
    if dialect.json:
        return after.lstrip().startswith(":")
    if dialect.selectors and before.rfind("{") > before.rfind("}"):
        return before.endswith("{") or _NAME_FOLLOWS.match(after) is not None
    return before.endswith("[") and _FIELD_ACCESS.match(after) is not None


def _is_argument_name(before: str, after: str, position: int, dialect: Dialect) -> bool:
    """Tell whether a literal in a call is the name of a label; ``position`` counts the literals of the call's arguments."""
    if dialect.selectors:
        return before.endswith("count_values(") or (before.endswith(",") and position in _NAMES_OF_CALL)
    return dialect.label_first and position == 0 and after.lstrip().startswith(",") and before.endswith("(")


def _first_of_list(text: str, literals: list[tuple[int, int]], index: int) -> int:
    while index and text[literals[index - 1][1] + 1 : literals[index][0] - 1].strip() == ",":
        index -= 1
    return index


def _matcher(before: str, first_literal: str) -> Matcher:
    """Look back from a literal, or from the list that it is in, to what it is compared with.

    ``first_literal`` is the first member of the list, "" for that member itself: ``filter('app', 'orders')`` names its label so.
    """
    argument = _FIRST_ARGUMENT.search(before)
    if argument:
        return Matcher(argument["label"], _is_negated(before[: argument.start()]))
    opened = _OPEN.search(before)
    if not opened:
        return _compared(before)
    word, rest = opened["word"].lower(), before[: opened.start()].rstrip()
    if word.lstrip("!") in _MEMBERSHIP:
        return Matcher(_label_at_end(_NOT.sub("", rest)), word.startswith("!") or _is_negated(rest))
    if not word or _OPERATOR.search(rest):
        return _compared(rest)
    return Matcher(first_literal, (word == "ne") != _is_negated(rest))


def _compared(before: str) -> Matcher:
    operator = _OPERATOR.search(before)
    if not operator:
        return Matcher()
    sign, head = operator.group().lower(), before[: operator.start()]
    label = _label_at_end(head)
    excluding = sign[0] == "!" or sign in {"<>", "ne"} or re.search(r"\bnot\b", sign) is not None
    ahead = head.rstrip(" \t\n\"'`])").removesuffix(label)
    return Matcher(label, excluding != _is_negated(ahead))


def _label_at_end(head: str) -> str:
    found = _LABEL.search(head.rstrip(" \t\n\"'`])"))
    return found.group() if found else ""


def _is_negated(before: str) -> bool:
    return _NOT.search(before.rstrip()) is not None
