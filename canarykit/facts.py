"""What the rules ask about: one snapshot, its answers and the time, put into the words of decisions.md section 1.

Every name here is a predicate or a number of the rule tables; none of them decides anything.
"""

from collections.abc import Mapping
from functools import cached_property

from attrs import field, frozen

from canarykit import phases
from canarykit.desired import Desired, desired
from canarykit.guards import Move, Watch, ready_pods, split_move
from canarykit.model import FAIL, NO_DATA, PASS, UNAVAILABLE, Answer, NotYet, Question, Split
from canarykit.requests import Request, request_of
from canarykit.snapshot import Snapshot
from canarykit.state import State
from canarykit.steps import NO_STEP, Step, next_step

Answers = Mapping[tuple[str, str, str], Answer]
NO_ANSWER = Answer(UNAVAILABLE, "no answer")


def question_id(question: Question) -> tuple[str, str, str]:
    """Return what identifies a question: what it is about, its name, and the step it counts for."""
    return question.about, question.name, question.key


@frozen
class Facts:
    """The facts of one pass. ``asked`` are the questions that were put, in order; ``answers`` what came back."""

    snapshot: Snapshot
    watch: Watch
    asked: tuple[Question, ...] = ()
    answers: Answers = field(factory=dict)
    token: str = ""

    @property
    def state(self) -> State:
        """What the status remembers."""
        return self.snapshot.state

    @property
    def now(self) -> float:
        """The instant of this pass."""
        return self.watch.now

    @cached_property
    def wanted(self) -> Desired:
        """The desired world of the present phase."""
        return desired(self.snapshot)

    @cached_property
    def move(self) -> Move:
        """What `plan` would do to the split in this very state."""
        return split_move(self.snapshot, self.wanted, self.watch)

    @cached_property
    def request(self) -> Request | None:
        """The request of a person that this pass sees for the first time."""
        return request_of(self.snapshot)

    def asks(self, verb: str) -> bool:
        """Tell whether a person asks for ``verb`` now."""
        return self.request is not None and self.request.verb == verb

    # -- revisions ------------------------------------------------------------------------------------------------

    @property
    def is_new(self) -> bool:
        """``cur`` is neither promoted nor attempted."""
        current = self.snapshot.revision
        return bool(current) and current not in (self.state.promoted, self.state.attempted)

    @property
    def is_reverted(self) -> bool:
        """The target is back at the promoted revision while another one was attempted."""
        return self.snapshot.revision == self.state.promoted != self.state.attempted

    @property
    def is_retriable(self) -> bool:
        """The attempted revision is still there and was not promoted."""
        return self.snapshot.revision == self.state.attempted != self.state.promoted

    @property
    def is_verified(self) -> bool:
        """In Promoting: the primary was seen running the pin, so promoted = pin."""
        return self.state.promoted == self.state.pin

    # -- health -----------------------------------------------------------------------------------------------------

    @cached_property
    def target_ready(self) -> int:
        """Ready pods of the target that requests can reach."""
        return ready_pods(self.snapshot, "target")

    @cached_property
    def primary_ready(self) -> int:
        """Ready pods of the primary that requests can reach."""
        return ready_pods(self.snapshot, "primary")

    @cached_property
    def target_rolled(self) -> bool:
        """The target is rolled at the attempted revision."""
        return self.snapshot.target_health.rolled and self.snapshot.revision == self.state.attempted

    @cached_property
    def target_only_grows(self) -> bool:
        """The target is rolled but for pods that are being added for a weight not written yet (``c_room``'s business)."""
        health, written, wanted = self.snapshot.target_health, self.snapshot.written, self.wanted.weight
        return (
            written is not None
            and wanted is not None
            and wanted > written.weight
            and health.generation_observed
            and health.available > 0
            and health.replicas_total == health.updated
        )

    def late(self, clock: float | None) -> bool:
        """Tell whether ``clock`` is past the Canary's progress deadline."""
        return self.watch.late(clock, self.snapshot.deadline_s)

    @property
    def primary_is_given_up(self) -> bool:
        """The primary has had no ready pod for longer than the deadline: the analysis goes on without it (P8)."""
        return not self.primary_ready and self.late(self.state.clocks.primary)

    # -- split ------------------------------------------------------------------------------------------------------

    @property
    def is_routed(self) -> bool:
        """The provider moves requests by weights; with ``kubernetes`` only whole sides move."""
        return self.snapshot.router is not None and self.snapshot.router.routed

    @property
    def observed_weight(self) -> int | None:
        """The weight that the route says is in effect, or None while it does not say."""
        return self.snapshot.observed.weight if isinstance(self.snapshot.observed, Split) else None

    @property
    def not_yet(self) -> bool:
        """The route was written and does not say that it is programmed."""
        return isinstance(self.snapshot.observed, NotYet)

    @property
    def in_effect(self) -> bool:
        """The wanted split is observed."""
        return self.observed_weight == self.wanted.weight

    @property
    def requests_are_home(self) -> bool:
        """All requests are observed on the primary."""
        return self.observed_weight == 0 and self.snapshot.apex_side == "primary"

    # -- steps and checks -------------------------------------------------------------------------------------------

    @cached_property
    def step(self) -> Step:
        """The next step from the status and the spec of today; at the end the promotion point."""
        return next_step(self.snapshot) if self.state.phase in phases.ANALYSIS else NO_STEP

    @property
    def next_check_at(self) -> float:
        """When the next check is due; the first one at once."""
        last = self.state.last_check_at
        return self.now if last is None else last + self.snapshot.interval_s

    @property
    def check_is_due(self) -> bool:
        """Time has come for the next check."""
        return self.now >= self.next_check_at

    @property
    def may_check(self) -> bool:
        """Everything that a check needs is there: target rolled, split settled, primary alive or given up, time come."""
        return (
            self.target_rolled
            and self.in_effect
            and not self.state.unsettled
            and self.check_is_due
            and not self.snapshot.canary.spec.skip_analysis
            and (self.primary_ready > 0 or self.primary_is_given_up)
        )

    @property
    def threshold(self) -> int:
        """Failed checks that end the rollout."""
        return self.snapshot.canary.spec.analysis.failures_allowed

    # -- answers ----------------------------------------------------------------------------------------------------

    def answered(self, *abouts: str) -> list[tuple[Question, Answer]]:
        """Return the questions about ``abouts`` that have an answer, in the order asked."""
        pairs = ((question, self.answers.get(question_id(question))) for question in self.asked if question.about in abouts)
        return [(question, answer) for question, answer in pairs if answer is not None]

    def failing(self, *abouts: str) -> tuple[Question, Answer] | None:
        """Return the first check among ``abouts`` that failed or had no data."""
        return next((pair for pair in self.answered(*abouts) if pair[1].verdict in (FAIL, NO_DATA)), None)

    def unknown(self, *abouts: str) -> tuple[Question, Answer] | None:
        """Return the first check among ``abouts`` whose answer is unknown; one that was not answered at all is unknown, too."""
        asked = (question for question in self.asked if question.about in abouts)
        pairs = ((question, self.answers.get(question_id(question), NO_ANSWER)) for question in asked)
        return next((pair for pair in pairs if pair[1].verdict == UNAVAILABLE), None)

    def closed(self, about: str) -> Question | None:
        """Return the first gate of kind ``about`` that is not known to be open; None when all are."""
        answers = dict(self.answers)
        for question in self.asked:
            if question.about == about:
                answer = answers.get(question_id(question))
                if answer is None or answer.verdict != PASS:
                    return question
        return None

    def signalled(self, about: str) -> Question | None:
        """Return the first hook of kind ``about`` that answered success (rollback hooks)."""
        return next((question for question, answer in self.answered(about) if answer.verdict == PASS), None)
