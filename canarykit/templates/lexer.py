"""Cuts a Go text template into literal text and actions, and actions into tokens; knows trim markers and comments.

What the tokens mean is the business of `templates.parser`. Source: analysis.md section 2.1.
"""

import re
from collections.abc import Callable, Iterator

from attrs import frozen

from canarykit.errors import SpecError

_SPACE = " \t\r\n"
_RIGHT = re.compile(r"([ \t\r\n]+-)?\}\}|[ \t\r\n]+\}\}")
_TOKEN = re.compile(
    r"""
    (?P<string>"(?:\\.|[^"\\\n])*")
  | (?P<raw>`[^`]*`)
  | (?P<char>'(?:\\.[^'\n]*|[^'\\\n])')
  | (?P<number>[+-]?(?:0[xX][0-9a-fA-F]+|\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?))
  | (?P<field>\.[^\W\d]\w*)
  | (?P<variable>\$\w*)
  | (?P<word>[^\W\d]\w*)
  | (?P<mark>:=|[=|,().])
    """,
    re.VERBOSE | re.ASCII,
)
_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-7]{3}|.)", re.DOTALL)
_SINGLE = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\", "'": "'", '"': '"'}

Fail = Callable[[int, str], SpecError]


@frozen
class Token:
    """One token of an action. ``spaced`` tells whether white space stands before it, which separates arguments."""

    kind: str
    text: str
    position: int
    spaced: bool


@frozen
class Text:
    """Literal text, already trimmed."""

    text: str


@frozen
class Action:
    """What stands between ``{{`` and ``}}``; never empty, comments are gone."""

    tokens: tuple[Token, ...]
    position: int


def failing(source: str, path: str) -> Fail:
    """Return a function that makes the error for an offset in ``source``: path, line and column, and what is wrong."""

    def error(position: int, problem: str) -> SpecError:
        line = source.count("\n", 0, position) + 1
        column = position - (source.rfind("\n", 0, position) + 1) + 1
        return SpecError(path, f"is not a usable template: line {line}, column {column}: {problem}", None, "Edit the template.")

    return error


def items(source: str, fail: Fail) -> Iterator[Text | Action]:
    """Yield the text and the actions of ``source`` in order; raises what ``fail`` makes where an action is malformed."""
    here, trim_left = 0, False
    while True:
        opening = source.find("{{", here)
        text = source[here:] if opening < 0 else source[here:opening]
        if trim_left:
            text = text.lstrip(_SPACE)
        if opening < 0:
            if text:
                yield Text(text)
            return
        body = opening + 2
        if source[body : body + 1] == "-" and source[body + 1 : body + 2] in tuple(_SPACE):
            text, body = text.rstrip(_SPACE), body + 2
        if text:
            yield Text(text)
        tokens, here, trim_left = _action(source, opening, body, fail)
        if tokens is not None:
            yield Action(tokens, opening)


def _action(source: str, opening: int, body: int, fail: Fail) -> tuple[tuple[Token, ...] | None, int, bool]:
    """Return the tokens (None for a comment), the offset behind the action, and whether the text behind it is trimmed."""
    if source.startswith("/*", body):
        end = source.find("*/", body + 2)
        right = _RIGHT.match(source, end + 2) if end >= 0 else None
        if right is None or (right[0] != "}}" and not right[1]):
            raise fail(opening, "comment is not closed by */}}")
        return None, right.end(), right[1] is not None
    tokens: list[Token] = []
    here = body
    while (right := _RIGHT.match(source, here)) is None:
        token = _token(source, here, fail, opening)
        tokens.append(token)
        here = token.position + len(token.text)
    if not tokens:
        raise fail(opening, "action is empty")
    return tuple(tokens), right.end(), right[1] is not None


def _token(source: str, here: int, fail: Fail, opening: int) -> Token:
    position = here
    while source[position : position + 1] in tuple(_SPACE):
        position += 1
    if position >= len(source):
        raise fail(opening, "action is not closed by }}")
    found = _TOKEN.match(source, position)
    if found is None:
        raise fail(position, f"unexpected {source[position]!r} in an action")
    return Token(str(found.lastgroup), found[0], position, position > here)


def unquoted(token: Token, fail: Fail) -> str:
    """Return the text that a string, raw or char token stands for, with Go's escapes resolved."""
    if token.kind == "raw":
        return token.text[1:-1].replace("\r", "")

    def resolved(escape: re.Match[str]) -> str:
        code = escape[1]
        if code[0] in "xuU":
            return chr(int(code[1:], 16))
        if len(code) == 3:
            return chr(int(code, 8))
        if code not in _SINGLE or code == ("'" if token.kind == "string" else '"'):
            raise fail(token.position + 1 + escape.start(), f"unknown escape \\{code}")
        return _SINGLE[code]

    try:
        return _ESCAPE.sub(resolved, token.text[1:-1])
    except (ValueError, OverflowError):
        raise fail(token.position, "escape is outside Unicode") from None
