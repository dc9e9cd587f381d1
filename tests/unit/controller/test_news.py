"""Events that wait in the status: what is kept there, and that a later pass posts what was not posted."""

from typing import Any

import pytest
from attrs import evolve

from canary_controller.clock import LoopClock
from canary_controller.http import Http
from canary_controller.kube import Kube
from canary_controller.publish import NEWS_S, Publisher
from canary_controller.sandbox.api import Api
from canary_controller.sandbox.store import Store
from canarykit import hooks, phases
from canarykit.events import NORMAL, WARNING, Note
from canarykit.model import HttpRequest, HttpResponse, Ref
from canarykit.news import recalled, with_news
from canarykit.observe import observe
from canarykit.settings import Settings
from canarykit.state import State, read_state, write_state
from canarykit.times import stamp

pytestmark = pytest.mark.looptime
SAID = Note(WARNING, "Rolling back podinfo.test manual webhook invoked", phases.FAILED, "rollback")
HOLD = Note(WARNING, "podinfo.test not ready", phases.PROGRESSING, "hold", once=True)
START = 1_790_000_000.0


def test_news_come_with_a_change_and_holds_are_left_out():
    """They survive the way through the status; their repeat is not worth a write."""
    after = with_news(State(phase=phases.PROGRESSING), State(phase=phases.FAILED, id="a"), [SAID, HOLD])
    status = {"status": {"phase": after.phase, "rollout": write_state(after)}}
    assert recalled(read_state(status, START)) == (evolve(SAID, once=True),)


def test_pass_that_changes_nothing_keeps_the_news():
    """News never cause a write of their own, and go with the next one."""
    told = with_news(State(), State(id="a"), [SAID])
    assert with_news(told, told, []) == told
    assert with_news(told, evolve(told, id="b"), []).news == ()


def a_canary(said_at: float) -> dict[str, Any]:
    state = with_news(State(), State(phase=phases.FAILED, id="1a0c4506c149dc63"), [SAID])
    return {
        "apiVersion": "flagger.app/v1beta1",
        "kind": "Canary",
        "metadata": {"name": "podinfo", "namespace": "default", "uid": "u1"},
        "spec": {
            "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "podinfo"},
            "service": {"port": 80},
            "analysis": {
                "interval": "10s",
                "threshold": 1,
                "iterations": 1,
                "webhooks": [{"name": "tell", "type": "event", "url": "http://hook.test/"}],
            },
        },
        "status": {"phase": state.phase, "rollout": write_state(state), "lastTransitionTime": stamp(said_at)},
    }


async def caught_up(said_at: float, times: int = 1) -> tuple[list[str], int]:
    """Let ``times`` processes see the same news; return the Events posted, and how often the event hook was called."""
    clock = LoopClock(START)
    api = Api(Store(clock.now))
    called: list[HttpRequest] = []

    async def hook(request: HttpRequest) -> HttpResponse:
        called.append(request)
        return HttpResponse(200)

    canary = a_canary(said_at)
    snapshot = observe({Ref.of(canary): canary}, ("default", "podinfo"), Settings(), START)
    for _ in range(times):
        publisher = Publisher(Kube(api.send, clock), Http(clock, hooks, handlers=(hook,)), clock)
        await publisher.catch_up(snapshot)
        await publisher.catch_up(snapshot)
    return [event["message"] for event in api.store.objects("", "events")], len(called)


async def test_news_that_were_not_said_are_said_by_the_next_process():
    """Once, with the hook; a third process finds them said."""
    assert await caught_up(START - 5) == ([SAID.message], 1)
    assert await caught_up(START - 5, times=3) == ([SAID.message], 1)


async def test_old_news_stay_unsaid():
    """After half an hour they would look like something that happened now."""
    assert await caught_up(START - NEWS_S - 1) == ([], 0)


def test_only_the_type_of_a_note_says_how_bad_it_is():
    """Types go through unchanged."""
    told = with_news(State(), State(id="a"), [SAID, evolve(SAID, type=NORMAL)])
    assert [note.type for note in recalled(told)] == [WARNING, NORMAL]
