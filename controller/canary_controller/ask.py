"""Put the questions of one pass to the outside world, in order, and stop at the first answer that makes the rest moot.

The only I/O before the decision. Gates and rollback hooks are asked at most once per interval; an answer got in this pass is
kept when the same question comes again after a fresh read, so that no hook is called twice.
"""

from collections.abc import Generator

from attrs import define, field

from canary_controller.http import Http
from canarykit.errors import SpecError
from canarykit.facts import question_id
from canarykit.hooks import hook_answer, hook_request
from canarykit.metrics.evaluate import MetricContext, evaluate, probe
from canarykit.model import (
    CONFIRM_ROLLOUT,
    METRIC,
    PASS,
    PROVIDERS,
    ROLLBACK,
    UNAVAILABLE,
    Answer,
    HttpRequest,
    HttpResponse,
    Question,
)
from canarykit.snapshot import Snapshot

RATE_LIMITED = frozenset({CONFIRM_ROLLOUT, ROLLBACK})
Id = tuple[str, str, str]


@define
class Memory:
    """Answers that may be used again: gates and rollback hooks, for one interval. One per Canary."""

    answers: dict[tuple[str, str, str, str], tuple[float, Answer]] = field(factory=dict)

    def recall(self, question: Question, now: float, interval_s: float) -> Answer | None:
        """Return a rate-limited answer that is younger than the interval, if it was given for the same rollout and revision."""
        known = self.answers.get(_memory_key(question)) if question.about in RATE_LIMITED else None
        if known is not None and question.about == CONFIRM_ROLLOUT and known[1].verdict == PASS:
            return None  # only a closed gate is worth remembering: an open one leads on in the same pass
        return known[1] if known is not None and now - known[0] < interval_s - 1e-6 else None

    def keep(self, question: Question, now: float, answer: Answer) -> None:
        """Remember an answer that may be used again."""
        if question.about in RATE_LIMITED:
            self.answers = {key: value for key, value in self.answers.items() if now - value[0] < 3600}
            self.answers[_memory_key(question)] = (now, answer)


def _memory_key(question: Question) -> tuple[str, str, str, str]:
    """A gate closed to a revision is the same gate in Waiting, which has an id of its own (rule R3)."""
    rollout_id, revision, *_ = (*question.key.split("/"), "", "")
    return question.about, question.name, "" if question.about == CONFIRM_ROLLOUT else rollout_id, revision


def metric_context(snapshot: Snapshot) -> MetricContext:
    """Return what metric queries of this Canary may name."""
    spec, names = snapshot.canary.spec, snapshot.names
    return MetricContext(
        name=names.canary,
        namespace=names.namespace,
        target=names.target,
        service=names.apex,
        ingress=spec.ingress_ref.name if spec.ingress_ref else names.target,
        route=spec.route_ref.name if spec.route_ref else names.target,
        provider=spec.provider or snapshot.settings.mesh_provider,
        metrics_server=spec.metrics_server or snapshot.settings.metrics_server,
    )


async def ask(
    asked: tuple[Question, ...], snapshot: Snapshot, http: Http, memory: Memory, now: float, known: dict[Id, Answer]
) -> dict[Id, Answer]:
    """Return the answers to ``asked`` by question id; ``known`` ones are not asked again."""
    answers: dict[Id, Answer] = {}
    for question in asked:
        answer = known.get(question_id(question)) or memory.recall(question, now, snapshot.interval_s)
        if answer is None:
            answer = await _answer(question, snapshot, http)
            memory.keep(question, now, answer)
        answers[question_id(question)] = answer
        if answer.verdict in question.moot_if:
            break
    return answers


async def _answer(question: Question, snapshot: Snapshot, http: Http) -> Answer:
    context = metric_context(snapshot)
    try:
        if question.about == PROVIDERS:
            return await converse(probe(snapshot.canary.spec.analysis.metrics, context), http)
        if question.about == METRIC:
            return await converse(evaluate(question.subject, context), http)
        request = hook_request(question.subject, question.payload, f"{question.key}/{question.name}")
        return hook_answer(question.subject, request, await http.send(request))
    except SpecError as error:
        return Answer(UNAVAILABLE, str(error))


async def converse(conversation: Generator[HttpRequest, HttpResponse, Answer], http: Http) -> Answer:
    """Carry the requests of a pure conversation out, and return what it concludes."""
    try:
        request = next(conversation)
        while True:
            request = conversation.send(await http.send(request))
    except StopIteration as end:
        answer: Answer = end.value
        return answer
