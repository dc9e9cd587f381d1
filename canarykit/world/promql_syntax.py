"""PromQL text to a tree: tokens, precedence, selectors. What a tree is worth is `promql`.

A subset: no comparisons, set operators other than ``or``, subqueries, ``@``, ``group_left`` or native histograms. What is not
understood is an error that names it; nothing is skipped.
"""

import re
from collections.abc import Mapping
from functools import lru_cache

from attrs import frozen

from canarykit.errors import SpecError

PATH = "query"
UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0, "y": 31536000.0}
AGGREGATIONS = ("sum", "avg", "max", "min", "count")
LEVELS: tuple[tuple[str, ...], ...] = (("or",), ("+", "-"), ("*", "/", "%"))
NUMBER_WORDS = {"inf": float("inf"), "nan": float("nan")}
ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", '"': '"', "'": "'", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}
# A comment ends with its line; a duration must be tried before a number, a number before a name.
TOKEN = re.compile(
    r"""\s+|\#[^\n]*
    |(?P<duration>(?:\d+(?:ms|[smhdwy]))+(?![\w.]))
    |(?P<number>0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?!\w))
    |(?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)
    |(?P<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`[^`]*`)
    |(?P<mark>=~|!~|!=|==|>=|<=|[-+*/%^(){}\[\],=<>@:])""",
    re.VERBOSE,
)


@frozen
class Number:
    """A literal."""

    value: float


@frozen
class Text:
    """A string literal; no function of the subset takes one."""

    value: str


@frozen
class Matcher:
    """One label condition; ``operator`` is ``=``, ``!=``, ``=~`` or ``!~`` (regular expressions are anchored)."""

    label: str
    operator: str
    value: str


@frozen
class Selector:
    """Series by name and labels; ``window_s`` is given for a range (``[30s]``)."""

    name: str
    matchers: tuple[Matcher, ...] = ()
    window_s: float | None = None
    offset_s: float = 0.0


@frozen
class Call:
    """A function with its arguments."""

    function: str
    arguments: tuple["Node", ...]


@frozen
class Aggregation:
    """``sum by (…) (…)``: one value per group of the labels kept (``keeps``) or of all but those named."""

    operator: str
    argument: "Node"
    labels: tuple[str, ...] = ()
    keeps: bool = True


@frozen
class Binary:
    """Two sides; vectors are matched on all labels, on those named (``on``), or on all but those (``ignoring``)."""

    operator: str
    left: "Node"
    right: "Node"
    labels: tuple[str, ...] = ()
    on: bool = False


Node = Number | Text | Selector | Call | Aggregation | Binary


@frozen
class Token:
    """A piece of the query: its kind (a group of TOKEN, or ``end``), its text and where it begins."""

    kind: str
    text: str
    start: int


@lru_cache(maxsize=1024)
def parse(query: str) -> Node:
    """Return the tree of ``query``; raises SpecError that names what was not understood."""
    parser = _Parser(query)
    tree = parser.binary(0)
    parser.expect("end")
    return tree


def _tokens(query: str) -> list[Token]:
    tokens, here = [], 0
    while here < len(query):
        found = TOKEN.match(query, here)
        if not found:
            raise SpecError(PATH, f"cannot be read from character {here} on", query[here : here + 20])
        if found.lastgroup:
            tokens.append(Token(found.lastgroup, found.group(), here))
        here = found.end()
    return [*tokens, Token("end", "", here)]


def duration_s(text: str) -> float:
    """Return the seconds of a Prometheus duration, e.g. ``1h30m``."""
    return sum(int(number) * UNITS_S[unit] for number, unit in re.findall(r"(\d+)(ms|[smhdwy])", text))


class _Parser:
    def __init__(self, query: str) -> None:
        self.query = query
        self.tokens = _tokens(query)
        self.place = 0

    @property
    def next(self) -> Token:
        return self.tokens[self.place]

    def take(self) -> Token:
        token = self.next
        self.place += 1
        return token

    def takes(self, text: str) -> bool:
        """Take the next token if it is ``text`` and no string."""
        if self.next.text != text or self.next.kind == "string":
            return False
        self.place += 1
        return True

    def expect(self, what: str) -> Token:
        """Take a token of that kind or text, or refuse the query."""
        if what not in (self.next.kind, self.next.text):
            shown = self.next.text or "the end"
            raise SpecError(PATH, f"has {shown!r} at character {self.next.start} where {what!r} was expected", self.query)
        return self.take()

    def binary(self, level: int) -> Node:
        if level == len(LEVELS):
            return self.unary()
        left = self.binary(level + 1)
        while self.next.kind in ("mark", "name") and self.next.text.lower() in LEVELS[level]:
            operator = self.take().text.lower()
            on = self.next.text == "on"
            labels = self.labels() if self.takes("on") or self.takes("ignoring") else ()
            left = Binary(operator, left, self.binary(level + 1), labels, on)
        return left

    def unary(self) -> Node:
        if self.takes("-"):
            return Binary("*", Number(-1.0), self.unary())
        if self.takes("+"):
            return self.unary()
        return self.primary()

    def primary(self) -> Node:
        token = self.next
        if self.takes("("):
            inner = self.binary(0)
            self.expect(")")
            return inner
        if token.kind == "number":
            self.take()
            return Number(float(int(token.text, 16)) if token.text[:2].lower() == "0x" else float(token.text))
        if token.kind == "string":
            return Text(self.string())
        if token.text == "{":
            return self.selector("")
        self.expect("name")
        if token.text.lower() in NUMBER_WORDS:
            return Number(NUMBER_WORDS[token.text.lower()])
        if token.text.lower() in AGGREGATIONS and self.next.text in ("(", "by", "without"):
            return self.aggregation(token.text.lower())
        if self.next.text == "(":
            return Call(token.text, self.arguments())
        return self.selector(token.text)

    def aggregation(self, operator: str) -> Node:
        grouping = self.grouping()
        arguments = self.arguments()
        labels, keeps = grouping or self.grouping() or ((), True)
        if len(arguments) != 1:
            raise SpecError(PATH, f"gives {operator} {len(arguments)} arguments instead of one", self.query)
        return Aggregation(operator, arguments[0], labels, keeps)

    def grouping(self) -> tuple[tuple[str, ...], bool] | None:
        if self.takes("by"):
            return self.labels(), True
        if self.takes("without"):
            return self.labels(), False
        return None

    def labels(self) -> tuple[str, ...]:
        self.expect("(")
        names = []
        while not self.takes(")"):
            names.append(self.expect("name").text)
            if self.next.text != ")":
                self.expect(",")
        return tuple(names)

    def arguments(self) -> tuple[Node, ...]:
        self.expect("(")
        found = []
        while not self.takes(")"):
            found.append(self.binary(0))
            if self.next.text != ")":
                self.expect(",")
        return tuple(found)

    def selector(self, name: str) -> Node:
        matchers = []
        if self.takes("{"):
            while not self.takes("}"):
                matchers.append(self.matcher())
                if self.next.text != "}":
                    self.expect(",")
        window_s = None
        if self.takes("["):
            window_s = duration_s(self.expect("duration").text)
            self.expect("]")
        offset_s = duration_s(self.expect("duration").text) if self.takes("offset") else 0.0
        return Selector(name, tuple(matchers), window_s, offset_s)

    def matcher(self) -> Matcher:
        label = self.expect("name").text
        if self.next.text not in ("=", "!=", "=~", "!~"):
            self.expect("=")
        operator = self.take().text
        matcher = Matcher(label, operator, self.string())
        if operator in ("=~", "!~"):
            _checked(matcher)
        return matcher

    def string(self) -> str:
        text = self.expect("string").text
        inner = text[1:-1]
        return inner if text[0] == "`" else re.sub(r"\\(.)", lambda found: ESCAPES.get(found[1], found[0]), inner)


def _checked(matcher: Matcher) -> None:
    try:
        re.compile(matcher.value)
    except re.error as problem:
        what = f"has a regular expression for {matcher.label} that is not valid: {problem}"
        raise SpecError(PATH, what, matcher.value) from None


def matches(matchers: tuple[Matcher, ...], labels: Mapping[str, str]) -> bool:
    """Tell whether ``labels`` fulfil all ``matchers``; a missing label is the empty text."""
    for each in matchers:
        found = labels.get(each.label, "")
        holds = found == each.value if each.operator in ("=", "!=") else re.fullmatch(each.value, found) is not None
        if holds == each.operator.startswith("!"):
            return False
    return True
