"""Where a Canary stands, and what its condition says of each place.

Theory first. A phase is a *desired world* plus its *exits* (decisions.md sections 3 and 5). Nothing is done on the way
from one phase to the next: `decide` moves the phase, `plan` compares the world of the present phase with what is observed.
So a crash between two writes loses nothing; the next pass finishes what was begun.

The exits themselves are the rule tables (`rules.idle`, `rules.analysis`, `rules.promotion`); `canarykit.rules` joins them and
draws the diagram. This module holds only the names, so that every room can speak of them.
Source: engine.md section 1.3 (condition texts), decisions.md section 3.
"""

NEW = ""
INITIALIZING = "Initializing"
INITIALIZED = "Initialized"
WAITING = "Waiting"
PROGRESSING = "Progressing"
WAITING_PROMOTION = "WaitingPromotion"
PROMOTING = "Promoting"
FINALISING = "Finalising"
SUCCEEDED = "Succeeded"
FAILED = "Failed"

ALL = (
    NEW, INITIALIZING, INITIALIZED, WAITING, PROGRESSING, WAITING_PROMOTION, PROMOTING, FINALISING, SUCCEEDED, FAILED,
)  # fmt: skip
IDLE = frozenset({INITIALIZED, SUCCEEDED, FAILED})
RESTING = IDLE | {WAITING}
ANALYSIS = frozenset({PROGRESSING, WAITING_PROMOTION})
ACTIVE = frozenset({PROGRESSING, WAITING_PROMOTION, PROMOTING, FINALISING})

_CONDITION = {
    INITIALIZING: ("Unknown", "New {kind} detected, starting initialization."),
    INITIALIZED: ("True", "{kind} initialization completed."),
    WAITING: ("Unknown", "Waiting for approval."),
    WAITING_PROMOTION: ("Unknown", "Waiting for approval."),
    PROGRESSING: ("Unknown", "New revision detected, progressing canary analysis."),
    PROMOTING: ("Unknown", "Canary analysis completed, starting primary rolling update."),
    FINALISING: ("Unknown", "Canary analysis completed, routing all traffic to primary."),
    SUCCEEDED: ("True", "Canary analysis completed successfully, promotion finished."),
    FAILED: ("False", "Canary analysis failed, {kind} scaled to zero."),
}


def condition(phase: str, target_kind: str) -> tuple[str, str]:
    """Return status and message of the condition ``Promoted`` in ``phase``; the reason is the phase itself."""
    status, message = _CONDITION[phase]
    return status, message.format(kind=target_kind)
