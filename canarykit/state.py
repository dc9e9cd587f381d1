"""What a Canary's status remembers of its rollout, as one frozen value, and how it is read and written.

Flagger's own fields keep names and meaning; ours live under ``status.rollout`` (design.md section 3.3, decisions.md section 4).
An instant read from a status that lies in the future counts as now (a clock may have jumped).
"""

from collections.abc import Mapping
from typing import Any

from attrs import evolve, field, frozen

from canarykit.dicts import at
from canarykit.model import Split
from canarykit.times import fine_stamp, instant

FORMAT = 1
KEPT_CHECKS = 20


@frozen
class Clocks:
    """When each awaited thing began to be awaited; None while it is not.

    ``route_weight`` is the weight that ``route`` waits for.
    """

    canary: float | None = None
    primary: float | None = None
    room: float | None = None
    route: float | None = None
    route_weight: int | None = None
    drain: float | None = None


@frozen
class Mark:
    """A field of a lent object that we changed: ``value`` is what stood there before (None: nothing)."""

    value: str | int | None = None


@frozen
class State:
    """The rollout as the status tells it. Names as in decisions.md: ``attempted`` is ``status.rollout.revision``."""

    phase: str = ""
    iterations: int = 0
    failed_checks: int = 0
    tracked_configs: Mapping[str, str] | None = None
    format: int = FORMAT
    id: str = ""
    attempted: str = ""
    promoted: str = ""
    previous: str = ""
    pin: str = ""
    split: Split = field(factory=Split)
    switched: bool = False
    pre_rollout_passed: bool = False
    unsettled: bool = False
    base: int = 0
    phase_before: str = ""
    phase_since: float = 0.0
    last_check_at: float | None = None
    clocks: Clocks = field(factory=Clocks)
    pause_mark: Mark | None = None
    floor_mark: Mark | None = None
    owed: tuple[str, ...] = ()
    request: str = ""
    approved: str = ""
    paused: bool = False
    undo: bool = False
    retry: bool = False
    waiting: str = ""
    checks: tuple[Mapping[str, Any], ...] = ()
    news: tuple[Mapping[str, Any], ...] = ()

    def with_checks(self, checks: tuple[Mapping[str, Any], ...]) -> "State":
        """Return the state with ``checks`` appended; only the last twenty are kept."""
        return evolve(self, checks=(*self.checks, *checks)[-KEPT_CHECKS:])


_FLAGS = (
    ("switched", "switched"),
    ("preRolloutPassed", "pre_rollout_passed"),
    ("unsettled", "unsettled"),
    ("paused", "paused"),
    ("undo", "undo"),
    ("retry", "retry"),
)
_TEXTS = (
    ("id", "id"),
    ("revision", "attempted"),
    ("promotedRevision", "promoted"),
    ("previousRevision", "previous"),
    ("pin", "pin"),
    ("phaseBefore", "phase_before"),
    ("request", "request"),
    ("approved", "approved"),
    ("waiting", "waiting"),
)
_CLOCKS = ("canary", "primary", "room", "route", "drain")


def read_state(canary: Mapping[str, Any], now: float) -> State:
    """Return the state that a Canary's status tells; a status without ``rollout`` is no status (N0 and N1 decide)."""
    status = at(canary, "status", default={})
    rollout = at(status, "rollout")
    if not isinstance(rollout, Mapping):
        return State()
    given: dict[str, Any] = {ours: bool(rollout.get(theirs)) for theirs, ours in _FLAGS}
    given |= {ours: str(rollout.get(theirs) or "") for theirs, ours in _TEXTS}
    clocks = {name: _past(at(rollout, "clocks", name), now) for name in _CLOCKS}
    since = _past(rollout.get("phaseSince"), now)
    return State(
        phase=str(status.get("phase") or ""),
        iterations=_whole(status.get("iterations")),
        failed_checks=_whole(status.get("failedChecks")),
        tracked_configs=status.get("trackedConfigs"),
        format=_whole(rollout.get("format")),
        split=Split(_whole(at(rollout, "split", "weight")), bool(at(rollout, "split", "mirror"))),
        base=_whole(rollout.get("base")),
        phase_since=now if since is None else since,
        last_check_at=_past(rollout.get("lastCheckAt"), now),
        clocks=Clocks(route_weight=at(rollout, "clocks", "routeWeight"), **clocks),
        pause_mark=_mark(at(rollout, "marks", "pause")),
        floor_mark=_mark(at(rollout, "marks", "floor")),
        owed=tuple(rollout.get("owed") or ()),
        checks=tuple(rollout.get("checks") or ()),
        news=tuple(each for each in rollout.get("news") or () if isinstance(each, Mapping)),
        **given,
    )


def write_state(state: State) -> dict[str, Any]:
    """Return ``status.rollout`` for ``state``, without the members that say nothing."""
    clocks: dict[str, Any] = {name: fine_stamp(value) for name in _CLOCKS if (value := getattr(state.clocks, name)) is not None}
    if state.clocks.route_weight is not None and state.clocks.route is not None:
        clocks["routeWeight"] = state.clocks.route_weight
    marks = {
        name: {"value": mark.value} if mark.value is not None else {"absent": True}
        for name, mark in (("pause", state.pause_mark), ("floor", state.floor_mark))
        if mark is not None
    }
    split: dict[str, Any] = {"weight": state.split.weight} | ({"mirror": True} if state.split.mirror else {})
    written: dict[str, Any] = {"format": FORMAT, "split": split, "phaseSince": fine_stamp(state.phase_since)}
    written |= {theirs: True for theirs, ours in _FLAGS if getattr(state, ours)}
    written |= {theirs: getattr(state, ours) for theirs, ours in _TEXTS if getattr(state, ours)}
    optional = {
        "base": state.base,
        "lastCheckAt": None if state.last_check_at is None else fine_stamp(state.last_check_at),
        "clocks": clocks,
        "marks": marks,
        "owed": list(state.owed),
        "checks": [dict(check) for check in state.checks],
        "news": [dict(each) for each in state.news],
    }
    return written | {key: value for key, value in optional.items() if value}


def _mark(written: Any) -> Mark | None:
    return Mark(written.get("value")) if isinstance(written, Mapping) else None


def _past(text: Any, now: float) -> float | None:
    when = instant(text) if isinstance(text, str) else None
    return None if when is None else min(when, now)


def _whole(value: Any) -> int:
    return int(value) if isinstance(value, int | float) else 0
