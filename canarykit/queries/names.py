"""Finding the names of one application in a text: what counts as a mention, and where it begins and ends.

An application has up to three names: the target workload, the value of its selector label, and its Service. Each has a
primary (``orders-primary``), and tools also write ``orders-canary``. A mention is a whole name, never a part of a longer one:
``reorders``, ``orders-db``, ``orders_total`` and ``orders.example.com`` are other things. Which *parts* of a query may be
looked at is decided by the lexical classes (`canarykit.queries`), not here.

Source: cloning.md section 4.6.
"""

import re
from collections.abc import Callable, Iterator

from attrs import frozen

from canarykit.names import CANARY_SUFFIX, PRIMARY_SUFFIX

_SUFFIXES = (CANARY_SUFFIX, PRIMARY_SUFFIX, "")
_PORT = re.compile(r"_\d+")
_DOT = re.compile(r"\\*\.")
# A slash with one of these (or nothing) before it begins the path of a URL, which names what is asked for and not who answers.
_BEFORE_A_PATH = " \t\n^|("


@frozen
class Identities:
    """The names under which one application is known.

    Attributes:
        target: name of the target workload (N in cloning.md).
        label_value: value of the chosen selector label in the target's matchLabels (L); "" or None when it is the same.
        service: ``spec.service.name`` (S); "" or None when the Canary names none.
    """

    target: str
    label_value: str | None = ""
    service: str | None = ""

    @property
    def names(self) -> tuple[str, ...]:
        """All names without duplicates, longest first, so that a longer name wins over one that it begins with."""
        return tuple(
            sorted({self.target, self.label_value or "", self.service or ""} - {""}, key=lambda name: (-len(name), name))
        )


@frozen
class Mention:
    """One mention in a text: ``text[start:end]`` is ``name`` + ``suffix`` (``-canary``, ``-primary`` or nothing)."""

    start: int
    end: int
    name: str
    suffix: str

    @property
    def as_primary(self) -> str:
        """What stands here in a query for the primary; saying it twice changes nothing."""
        return self.name + PRIMARY_SUFFIX

    @property
    def as_excluded(self) -> str:
        """What stands here where a matcher excludes it.

        A query written for the canary excludes the primary; on the primary that would contradict itself, so the
        exclusion must name nothing. Excluding the canary stays right.
        """
        return self.name + PRIMARY_SUFFIX * 2 if self.suffix == PRIMARY_SUFFIX else self.name + self.suffix


def mentions(text: str, names: tuple[str, ...], namespace: str) -> Iterator[Mention]:
    """Yield the mentions of ``names`` (longest first) in ``text``, from left to right, not overlapping."""
    here = 0
    while here < len(text):
        found = _at(text, here, names, namespace)
        if found:
            yield found
        here = found.end if found else here + 1


def substitute(
    text: str,
    names: tuple[str, ...],
    namespace: str,
    negated: bool = False,
    keeps: Callable[[Mention], bool] = lambda mention: False,
) -> str:
    """Return ``text`` with every mention turned into the primary's name (``negated``: into the name to exclude there).

    ``keeps`` tells of a mention whether it shall stay as it is.
    """
    pieces, done = [], 0
    for found in mentions(text, names, namespace):
        if keeps(found):
            continue
        pieces += [text[done : found.start], found.as_excluded if negated else found.as_primary]
        done = found.end
    return "".join(pieces) + text[done:]


def whole(text: str, names: tuple[str, ...], negated: bool = False) -> str:
    """Return ``text`` as the primary's name if it is exactly a name, with or without suffix; otherwise as it is."""
    for name in names:
        for suffix in _SUFFIXES:
            if text == name + suffix:
                found = Mention(0, len(text), name, suffix)
                return found.as_excluded if negated else found.as_primary
    return text


def names_the_target(text: str, names: tuple[str, ...]) -> bool:
    """Tell whether ``text`` holds one of ``names`` between characters that are no letters or digits, and not as a primary.

    Looser than a mention on purpose: it decides about warnings, not about changes.
    """
    pattern = "|".join(re.escape(name) for name in names)
    return bool(names) and any(
        not text.startswith(PRIMARY_SUFFIX, found.end()) for found in re.finditer(rf"(?<![^\W_])(?:{pattern})(?![^\W_])", text)
    )


def _at(text: str, here: int, names: tuple[str, ...], namespace: str) -> Mention | None:
    for name in names:
        if text.startswith(name, here) and _begins(text, here, namespace):
            for suffix in _SUFFIXES:
                end = here + len(name) + len(suffix)
                if text.startswith(suffix, here + len(name)) and _ends(text, end, namespace):
                    return Mention(here, end, name, suffix)
    return None


def _begins(text: str, here: int, namespace: str) -> bool:
    """Left boundary. An underscore counts only after the namespace: Envoy calls its clusters ``<namespace>_<service>_<port>``."""
    if here == 0:
        return True
    before = text[here - 1]
    if before == "_":
        start = here - 1 - len(namespace)
        is_cluster = bool(namespace) and start >= 0 and text[start : here - 1] == namespace
        return is_cluster and (start == 0 or not (text[start - 1].isalnum() or text[start - 1] in "-._"))
    if before == "/":
        return here >= 2 and text[here - 2] not in _BEFORE_A_PATH
    return not (before.isalnum() or before in "-.")


def _ends(text: str, here: int, namespace: str) -> bool:
    """Right boundary: ``orders-.*`` and ``orders.*`` are pods of ours, ``orders-db`` and ``orders.example.com`` are others."""
    if here == len(text):
        return True
    after = text[here]
    if after == "-":
        return not text[here + 1 : here + 2].isalnum()
    if after == "_":
        port = _PORT.match(text, here)
        return port is not None and _breaks(text, port.end())
    dot = _DOT.match(text, here)
    if dot:
        rest = dot.end()
        in_cluster = bool(namespace) and text.startswith(namespace, rest) and _breaks(text, rest + len(namespace))
        return in_cluster or not text[rest : rest + 1].isalnum()
    return not after.isalnum()


def _breaks(text: str, here: int) -> bool:
    after = text[here : here + 1]
    return not (after.isalnum() or after == "_" or (after == "-" and text[here + 1 : here + 2].isalnum()))
