"""Reads what a load-test hook asks for: how many requests per second, at which URL, for how long.

Knows the command lines of hey and wrk as they stand in Flagger's documents, and ``type: http``, the load tester's own
generator, whose metadata say it plainly. Anything else is None: there is no shell here. Source: analysis.md section 5.5.
"""

import shlex
from collections.abc import Mapping
from urllib.parse import urlsplit

from attrs import frozen

from canarykit.errors import SpecError
from canarykit.spec.durations import seconds

# What one connection manages where a command sets no rate: as fast as it can, at 10 ms per request.
UNLIMITED_PER_S = 100.0

# Flags that take a value, and the name under which we read it; nobody reads the empty one.
_HEY_FLAGS = {"n": "n", "c": "c", "q": "q", "z": "z", "H": "header", "host": "host", **dict.fromkeys("tmoADdTax", ""), "cpus": ""}
_WRK_FLAGS = {
    "c": "c",
    "connections": "c",
    "d": "z",
    "duration": "z",
    "R": "R",
    "rate": "R",
    "H": "header",
    "header": "header",
    **dict.fromkeys(("t", "threads", "s", "script", "timeout"), ""),
}


@frozen
class LoadCommand:
    """A load: ``rate_per_s`` requests per second to ``url`` for ``duration_s`` seconds; ``host`` is a Host header, if any."""

    url: str
    rate_per_s: float
    duration_s: float
    host: str = ""


def load_of(metadata: Mapping[str, str]) -> LoadCommand | None:
    """Return the load that the metadata of a hook describe, or None.

    ``type: http`` has ``url``, ``rate`` (requests per second, default 10), ``duration`` (Go duration, default ``1m``) and
    ``host``; ``cmd`` and ``bash`` (or no type) have ``cmd``. Example: ``{"type": "cmd", "cmd": "hey -z 2m -q 20 -c 2 http://x/"}``.
    """
    match metadata.get("type", "cmd"):
        case "http":
            rate = _number(metadata.get("rate", "10"))
            return _load(metadata.get("url", ""), rate, _seconds(metadata.get("duration", "1m")), metadata.get("host", ""))
        case "cmd" | "bash":
            return parse_load_command(metadata.get("cmd", ""))
    return None


def parse_load_command(cmd: str) -> LoadCommand | None:
    """Return the load that a hey or wrk command line makes, or None for anything else.

    Of several commands (``a && b``) the first such one counts. hey: rate is ``-q`` per worker times ``-c`` workers (default
    50); without ``-q``, and for wrk without ``-R``, `UNLIMITED_PER_S` per connection. hey without ``-z`` ends after ``-n``
    requests (default 200).
    """
    try:
        lexer = shlex.shlex(cmd, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        words = list(lexer)
    except ValueError:
        return None
    for command in _commands(words):
        load = _hey(command[1:]) if command[:1] == ["hey"] else _wrk(command[1:]) if command[:1] in (["wrk"], ["wrk2"]) else None
        if load is not None:
            return load
    return None


def _commands(words: list[str]) -> list[list[str]]:
    commands: list[list[str]] = [[]]
    for word in words:
        if word in ("&&", "||", ";", "|", "&"):
            commands.append([])
        else:
            commands[-1].append(word.rpartition("/")[2] if not commands[-1] else word)
    return commands


def _hey(words: list[str]) -> LoadCommand | None:
    given, url = _read(words, _HEY_FLAGS)
    workers = _number(given.get("c", "50"))
    rate = (_number(given.get("q", "0")) or UNLIMITED_PER_S) * (workers or 0.0)
    if "z" in given:
        return _load(url, rate, _seconds(given["z"]), given.get("host", ""))
    count = _number(given.get("n", "200"))
    return _load(url, rate, count / rate if count and rate else None, given.get("host", ""))


def _wrk(words: list[str]) -> LoadCommand | None:
    given, url = _read(words, _WRK_FLAGS)
    rate = _number(given["R"]) if "R" in given else (_number(given.get("c", "10")) or 0.0) * UNLIMITED_PER_S
    return _load(url, rate, _seconds(given.get("z", "10s")), given.get("host", ""))


def _read(words: list[str], flags: Mapping[str, str]) -> tuple[dict[str, str], str]:
    """Return the values of known flags, and the first word that belongs to no flag: the URL."""
    given: dict[str, str] = {}
    url = ""
    rest = iter(words)
    for word in rest:
        if not word.startswith("-"):
            url = url or word
            continue
        flag, joined, value = word.lstrip("-").partition("=")
        if flag not in flags and not word.startswith("--") and flag[:1] in flags:
            flag, joined, value = word[1], "joined", word[2:]  # -t12, as wrk takes it
        if flag not in flags:
            continue
        value = value if joined else next(rest, "")
        name = flags[flag]
        if name == "header":
            header, _, value = value.partition(":")
            name, value = ("host" if header.lower() == "host" else ""), value.strip()
        given[name] = value
    return given, url


def _load(url: str, rate_per_s: float | None, duration_s: float | None, host: str) -> LoadCommand | None:
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not parts.netloc or not rate_per_s or not duration_s:
        return None
    return LoadCommand(url, rate_per_s, duration_s, host)


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0 <= value < float("inf") else None


def _seconds(text: str) -> float | None:
    try:
        return seconds(text)
    except SpecError:
        return None
