"""What is to be said and perhaps not said yet: Events go into the status with their verdict (``status.rollout.news``).

Events are posted after the actions of a pass; a controller that dies, or is refused, in between would never post them. So the
next pass posts what it finds here. Names of Events are deterministic, so nothing is said twice. Holds are not kept: they
come again by themselves. A closed gate does not: it is news with the change that it makes.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from attrs import evolve

from canarykit.events import Note
from canarykit.state import State

MESSAGE_LIMIT = 1024


def with_news(before: State, after: State, notes: Iterable[Note]) -> State:
    """Return ``after`` with the Events of its pass, when that pass writes anyway; else with those that were there."""
    unsaid = after if after.news == before.news else evolve(after, news=before.news)
    if unsaid == before:
        return unsaid
    return evolve(after, news=tuple(_written(note) for note in notes if not note.once or note.action == "gate"))


def recalled(state: State) -> tuple[Note, ...]:
    """Return the Events that the status says were decided last; each as one whose repeat is not worth a write."""
    return tuple(
        Note(once=True, **{name: str(each.get(name, "")) for name in ("type", "message", "phase", "action", "topic")})
        for each in state.news
    )


def _written(note: Note) -> Mapping[str, Any]:
    said = {"type": note.type, "message": note.message[:MESSAGE_LIMIT], "phase": note.phase, "action": note.action}
    return said | ({"topic": note.topic} if note.topic else {})
