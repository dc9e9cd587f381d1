"""Names of Events: made from what they say, so that a repeat is the same Event, and sorted as a rollout goes.

The API server lists Events by name and their times have whole seconds, so where kubectl sorts by time, the name decides about
those of one second. Rollout ids sort by time; within a rollout the place of a text in the usual course does the rest.
"""

import re

from canarykit.dicts import digest

ID_DIGITS = 11
_COURSE = tuple(
    re.compile(pattern)
    for pattern in (
        r"all the metrics|Error checking",
        r"Confirm-rollout ",
        r"New revision|Undo ",
        r"(canary deployment )?\S+ not ready: ",
        r"Starting canary analysis",
        r"(Pre-rollout|Confirm-\S+) check \S+ passed",
        r"Advance \S+ canary \w+ (?P<number>\d+)",
        r"Halt ",
        r"Routing all traffic to canary",
        r"Rollback check ",
        r"Rolling back|Promotion of ",
        r"Copying ",
        r"Routing all traffic to primary|Advance \S+ primary weight (?P<number>\d+)",
        r"Canary failed!|Initialization done!|Rollout cancelled",
        r"Post-rollout ",
        r"Promotion completed!",
    )
)


def event_name(canary: str, uid: str, rollout_id: str, message: str, identity: tuple[str, ...]) -> str:
    """Return the name of an Event about ``canary``.

    Args:
        uid: of the Canary.
        rollout_id: begins with its time (`canary_controller.clock.Clock.rollout_id`), so that a later rollout sorts later.
        message: decides about the place among the Events of the rollout.
        identity: what makes two postings the same news.
    """
    return f"{canary}.{rollout_id[:ID_DIGITS]}{_place(message)}{digest([uid, rollout_id, *identity], 10)}"


def _place(message: str) -> str:
    """Return five hex digits that sort a text among the others of its rollout; one that is not known comes before the checks."""
    for place, pattern in enumerate(_COURSE):
        found = pattern.match(message)
        if found:
            number = found.groupdict().get("number")
            return f"{place:02x}{min(int(number or 0), 0xFFF):03x}"
    return f"{4:02x}000"
