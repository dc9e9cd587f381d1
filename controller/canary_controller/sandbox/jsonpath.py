"""The part of JSONPath that printer columns use: fields, quoted fields, indexes, ``[*]`` and filters by equality."""

import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any

_TOKEN = re.compile(
    r"""
      \.\.(?P<deep>[^.\[\]'"]+)
    | \.?\[\?\(\s*@(?P<filter>[^=!)]*?)\s*(?P<op>==|!=)\s*(?P<value>"[^"]*"|'[^']*'|[^)\s]+)\s*\)\]
    | \.?\[(?P<index>-?\d+)\]
    | \.?\[(?P<all>\*)\]
    | \.?\[(?:'(?P<single>[^']*)'|"(?P<double>[^"]*)")\]
    | \.(?P<field>(?:\\.|[^.\[\]\\])+)
    """,
    re.VERBOSE,
)
_Step = Callable[[Any], Iterable[Any]]


def find(path: str, value: Any) -> list[Any]:
    """Return everything that ``path`` names in ``value``, in order; nothing when it is missing.

    Example: ``.status.conditions[?(@.type=="Ready")].status``. Raises ValueError for a path in a form we do not know.
    """
    found = [value]
    for step in _steps(path):
        found = [inner for each in found for inner in step(each)]
    return found


@lru_cache(maxsize=1000)
def _steps(path: str) -> tuple[_Step, ...]:
    text = path.strip().removeprefix("{").removesuffix("}").removeprefix("$")
    steps, position = [], 0
    if text and text[0] not in ".[":
        text = "." + text
    while position < len(text):
        token = _TOKEN.match(text, position)
        if token is None:
            raise ValueError(f"JSONPath {path!r} is not understood at {text[position:]!r}")
        steps.append(_step(token))
        position = token.end()
    return tuple(steps)


def _step(token: re.Match[str]) -> _Step:
    if token["deep"] is not None:
        return lambda value: _deep(value, token["deep"])
    if token["op"] is not None:
        return _filter(token["filter"], token["op"], token["value"])
    if token["index"] is not None:
        return lambda value: _indexed(value, int(token["index"]))
    if token["all"] is not None:
        return _members
    name = next(text for text in (token["field"], token["single"], token["double"]) if text is not None)
    name = name.replace("\\", "")
    if name == "*":
        return _members
    return lambda value: [value[name]] if isinstance(value, Mapping) and name in value else []


def _filter(path: str, operator: str, literal: str) -> _Step:
    wanted = literal[1:-1] if literal[0] in "\"'" else literal
    steps = _steps(path)

    def passes(element: Any) -> bool:
        found = [element]
        for step in steps:
            found = [inner for each in found for inner in step(each)]
        return any((_plain(each) == wanted) is (operator == "==") for each in found)

    return lambda value: [element for element in _members(value) if passes(element)]


def _plain(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _members(value: Any) -> list[Any]:
    if isinstance(value, Mapping):
        return list(value.values())
    return list(value) if isinstance(value, list | tuple) else []


def _indexed(value: Any, index: int) -> list[Any]:
    return [value[index]] if isinstance(value, list | tuple) and -len(value) <= index < len(value) else []


def _deep(value: Any, name: str) -> Iterable[Any]:
    if isinstance(value, Mapping):
        if name in value:
            yield value[name]
        for member in value.values():
            yield from _deep(member, name)
    elif isinstance(value, list | tuple):
        for member in value:
            yield from _deep(member, name)
