"""The functions that Go's text templates have built in, over the values a query can hold: text, numbers, booleans, maps, nil.

Comparison and printing follow Go's rules: numbers and texts do not mix, a map prints as ``map[a:b]``, `len` counts bytes.
Functions raise ValueError with a reason; `templates` adds the place. Source: analysis.md section 2.1; Go's text/template and fmt.
"""

import html as html_escapes
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote_plus

from canarykit.spec.durations import go_float

Value = str | int | float | bool | Mapping[str, Any] | None

_WIDTH_MAX = 200
_VERB = re.compile(r"%(?P<flags>[-+# 0]*)(?P<width>\d*)(?:\.(?P<precision>\d*))?(?:\[(?P<index>\d+)\])?(?P<verb>.)", re.DOTALL)
_NUMBER_VERBS = "dxXobcU"
_FLOAT_VERBS = "fFgGeE"


def is_true(value: Value) -> bool:
    """Tell whether Go's ``if`` takes ``value`` as true: everything but false, 0, nil, empty text and empty maps."""
    return bool(value)


def text_of(value: Value) -> str:
    """Return ``value`` as an action prints it."""
    return "<no value>" if value is None else _plain(value)


def _plain(value: Value) -> str:
    match value:
        case None:
            return "<nil>"
        case bool():
            return "true" if value else "false"
        case float():
            return go_float(value)
        case Mapping():
            return "map[" + " ".join(f"{key}:{_plain(value[key])}" for key in sorted(value)) + "]"
    return str(value)


def kind_of(value: Value) -> str:
    """Return the name of Go's type, for messages."""
    match value:
        case None:
            return "nil"
        case bool():
            return "bool"
        case int():
            return "int"
        case float():
            return "float64"
        case Mapping():
            return "map"
    return "string"


def _sprint(*values: Value) -> str:
    """Join as fmt.Sprint does: with a space between two values of which neither is text."""
    said = ""
    for place, value in enumerate(values):
        if place and not isinstance(value, str) and not isinstance(values[place - 1], str):
            said += " "
        said += _plain(value)
    return said


def _println(*values: Value) -> str:
    return " ".join(_plain(value) for value in values) + "\n"


def _length(value: Value) -> int:
    if isinstance(value, str):
        return len(value.encode())
    if isinstance(value, Mapping):
        return len(value)
    raise ValueError(f"len of {kind_of(value)}")


def _index(value: Value, *keys: Value) -> Value:
    if value is None:
        raise ValueError("cannot index nil")
    for key in keys:
        if isinstance(value, Mapping):
            if not isinstance(key, str):
                raise ValueError(f"a map of texts is indexed by a text, not by {kind_of(key)}")
            value = value.get(key, "")  # as in Go: index gives the empty text where .key is an error
        elif isinstance(value, str):
            value = value.encode()[_within(key, len(value.encode()) - 1)]
        else:
            raise ValueError(f"cannot index {kind_of(value)}")
    return value


def _within(place: Value, most: int) -> int:
    if not isinstance(place, int) or isinstance(place, bool):
        raise ValueError(f"an index is a whole number, not {kind_of(place)}")
    if not 0 <= place <= most:
        raise ValueError(f"index {place} is out of range")
    return place


def _slice(value: Value, *places: Value) -> str:
    if not isinstance(value, str) or len(places) > 2:
        raise ValueError("slice takes a text and at most two indexes")
    raw = value.encode()
    first = _within(places[0], len(raw)) if places else 0
    behind = _within(places[1], len(raw)) if len(places) == 2 else len(raw)
    if first > behind:
        raise ValueError(f"slice indexes {first} and {behind} are the wrong way round")
    return raw[first:behind].decode(errors="replace")


def _comparable(one: Value, other: Value) -> None:
    kinds = kind_of(one), kind_of(other)
    if "map" in kinds:
        raise ValueError("maps cannot be compared")
    if kinds[0] != kinds[1] and "nil" not in kinds:
        raise ValueError(f"{kinds[0]} and {kinds[1]} cannot be compared")


def _equal(one: Value, *others: Value) -> bool:
    for other in others:
        _comparable(one, other)
        if one == other:
            return True
    return False


def _less(one: Value, other: Value) -> bool:
    _comparable(one, other)
    if isinstance(one, bool) or one is None or other is None:
        raise ValueError(f"{kind_of(one)} has no order")
    return bool(one < other)  # type: ignore[operator]  # both are text, int or float by now


_JS = {"\\": "\\\\", "'": "\\'", '"': '\\"', "<": "\\u003C", ">": "\\u003E", "&": "\\u0026", "=": "\\u003D"}


def _js(*values: Value) -> str:
    def escaped(character: str) -> str:
        return _JS.get(character) or (character if character.isprintable() else f"\\u{ord(character):04X}")

    return "".join(escaped(character) for character in _sprint(*values))


def _html(*values: Value) -> str:
    return html_escapes.escape(_sprint(*values)).replace("&#x27;", "&#39;").replace("&quot;", "&#34;").replace("\0", "\ufffd")


def _call(*_: Value) -> Value:
    raise ValueError("call needs a function as value, and queries have none")


def printf(layout: Value, *values: Value) -> str:
    """Return ``values`` laid out as Go's fmt.Sprintf does; where Go would print ``%!d(string=x)`` this is an error.

    Verbs: ``%v %s %q %d %x %X %o %b %c %U %f %F %g %G %e %E %t %%`` with flags, width, precision and ``%[n]v``.

    Raises:
        ValueError: a verb that does not fit its value, or too few or too many values.
    """
    if not isinstance(layout, str):
        raise ValueError(f"the first argument of printf is a text, not {kind_of(layout)}")
    said, here, used, indexed = "", 0, 0, False
    for found in _VERB.finditer(layout):
        said, here = said + layout[here : found.start()], found.end()
        if found["verb"] == "%":
            said += "%"
            continue
        place = int(found["index"]) - 1 if found["index"] else used
        indexed = indexed or bool(found["index"])
        if not 0 <= place < len(values):
            raise ValueError(f"{found[0]} has no value")
        used = place + 1
        said += _laid_out(found, values[place])
    if used < len(values) and not indexed:
        raise ValueError(f"{len(values) - used} values are not used by {layout!r}")
    if "%" in layout[here:]:
        raise ValueError(f"{layout!r} ends within a verb")
    return said + layout[here:]


def _laid_out(found: re.Match[str], value: Value) -> str:
    flags, verb, width = found["flags"], found["verb"], int(found["width"] or 0)
    precision = None if found["precision"] is None else int(found["precision"] or 0)
    if max(width, precision or 0) > _WIDTH_MAX:
        raise ValueError(f"{found[0]} is wider than {_WIDTH_MAX}")
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and verb not in "cUv"
    if "#" in flags and not is_number:
        raise ValueError(f"the flag # of {found[0]} is not supported here")
    said = _one(found[0], verb, flags, precision, value)
    if is_number and said[0] not in "+-":
        said = "+" + said if "+" in flags else " " + said if " " in flags else said
    if "0" in flags and "-" not in flags and is_number:
        sign = said[0] if said[0] in "+- " else ""
        return sign + said[len(sign) :].rjust(width - len(sign), "0")
    return said.ljust(width) if "-" in flags else said.rjust(width)


def _one(spelling: str, verb: str, flags: str, precision: int | None, value: Value) -> str:
    if verb == "v":
        return _plain(value)
    if isinstance(value, bool):
        if verb == "t":
            return _plain(value)
    elif isinstance(value, int) and verb in _NUMBER_VERBS:
        return _whole(verb, flags, value)
    elif isinstance(value, float) and verb in _FLOAT_VERBS:
        return _real(verb, precision, value)
    elif isinstance(value, str) and verb in "sqxX":
        text = value if precision is None else value[:precision]
        if verb == "s":
            return text
        return (
            _quoted(text) if verb == "q" else f"{int.from_bytes(text.encode()):0{2 * len(text.encode())}{verb}}" if text else ""
        )
    raise ValueError(f"{spelling} does not fit a value of type {kind_of(value)}")


def _whole(verb: str, flags: str, value: int) -> str:
    if verb == "c":
        return chr(value) if 0 <= value < 0x110000 else "\ufffd"
    if verb == "U":
        return f"U+{value:04X}"
    prefix = {"x": "0x", "X": "0X", "o": "0", "b": "0b"}.get(verb, "") if "#" in flags else ""
    return f"{'-' if value < 0 else ''}{prefix}{abs(value):{verb}}"


def _real(verb: str, precision: int | None, value: float) -> str:
    if verb in "gG" and precision is None:
        return go_float(value) if verb == "g" else go_float(value).upper()
    return f"{value:.{6 if precision is None else precision}{verb}}"


def _quoted(text: str) -> str:
    named = {"\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v", "\\": "\\\\", '"': '\\"'}

    def escaped(character: str) -> str:
        if character in named:
            return named[character]
        if character.isprintable():
            return character
        code = ord(character)
        return f"\\x{code:02x}" if code < 0x80 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"

    return '"' + "".join(escaped(character) for character in text) + '"'


# Name: (function, fewest arguments, most arguments or None). `and` and `or` stop early, so `templates` has them.
BUILTINS: Mapping[str, tuple[Callable[..., Value], int, int | None]] = {
    "call": (_call, 1, None),
    "eq": (_equal, 2, None),
    "ge": (lambda one, other: not _less(one, other), 2, 2),
    "gt": (lambda one, other: not _less(one, other) and not _equal(one, other), 2, 2),
    "html": (_html, 0, None),
    "index": (_index, 1, None),
    "js": (_js, 0, None),
    "le": (lambda one, other: _less(one, other) or _equal(one, other), 2, 2),
    "len": (_length, 1, 1),
    "lt": (_less, 2, 2),
    "ne": (lambda one, other: not _equal(one, other), 2, 2),
    "not": (lambda value: not is_true(value), 1, 1),
    "print": (_sprint, 0, None),
    "printf": (printf, 1, None),
    "println": (_println, 0, None),
    "slice": (_slice, 1, None),
    "urlquery": (lambda *values: quote_plus(_sprint(*values), safe="~"), 0, None),
}


def apply(name: str, arguments: Sequence[Value]) -> Value:
    """Return the result of the builtin ``name``; raises ValueError with a reason where Go reports an error."""
    function, fewest, most = BUILTINS[name]
    if len(arguments) < fewest or (most is not None and len(arguments) > most):
        wanted = fewest if most == fewest else f"at least {fewest}"
        raise ValueError(f"{name} takes {wanted} arguments, not {len(arguments)}")
    return function(*arguments)
