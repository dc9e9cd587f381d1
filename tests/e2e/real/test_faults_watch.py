"""Faults between our controller and the API server: connections cut in mid-rollout, and a history that is gone (410)."""

import os
import signal
import time
from collections.abc import Iterator

import pytest

from canarykit import kinds
from e2e.real.ends import is_promoted
from e2e.real.stage import BETTER_IMAGE, GOOD_IMAGE, Stage
from e2e.rig.cluster import AUDITED
from e2e.rig.controller import NAME, audited, controller
from e2e.rig.door import Door

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]
CUTS = 8
EVERY_S = 1.5
RELIST_LIMIT_S = 5.0
"""Of a watch that gets 410; one that fails five times lists as well, after 8 s at the earliest."""


@pytest.fixture
def door(stage: Stage) -> Iterator[Door]:
    """A door that our controller has to go through: the one of the stage makes room for one that does."""
    stage.controller.stop()
    direct = stage.cluster.kubeconfig(AUDITED)
    try:
        with Door(stage.cluster.port) as door:
            through = direct.with_name("through-a-door.kubeconfig")
            through.touch(mode=0o600)
            through.write_text(direct.read_text().replace(stage.cluster.server, door.server))
            with controller(stage.cluster, stage.outside.place, (f"-kubeconfig={through}",)):
                yield door
    finally:
        stage.controller.start()


def lists(stage: Stage, kind: kinds.Kind) -> int:
    """Return how often our controller has listed a kind."""
    places = (each.get("objectRef", {}) for each in audited(stage.cluster) if each["verb"] == "list")
    return sum(place.get("resource") == kind.plural for place in places)


def test_connections_that_are_cut_in_mid_rollout_delay_nothing(stage: Stage, door: Door):
    """All connections are cut eight times, watches and writes in hand alike: it succeeds, and nothing is listed anew."""
    person = stage.play("cut", iterations=5)
    before = lists(stage, kinds.DEPLOYMENT)
    person.set_image(GOOD_IMAGE)
    cut = []
    for _ in range(CUTS):
        time.sleep(EVERY_S)
        cut.append(door.cut())
    assert all(cut), "the controller had no connection to cut"
    is_promoted(person, GOOD_IMAGE)
    assert lists(stage, kinds.DEPLOYMENT) == before, "a watch that breaks goes on from the version last heard of"


def test_a_history_that_is_gone_is_listed_anew(stage: Stage):
    """We stand still in mid-rollout while etcd is compacted and the API server starts anew: 410, one list, and on it goes."""
    person = stage.play("compacted", iterations=5)
    person.set_image(GOOD_IMAGE)
    person.until_phase("Progressing")
    ours = stage.cluster.processes.pid(NAME)
    os.kill(ours, signal.SIGSTOP)
    try:
        before = lists(stage, kinds.DEPLOYMENT)
        person.set_image(BETTER_IMAGE)
        assert stage.cluster.compact_etcd() > 0
        stage.cluster.restart_api_server()
    finally:
        os.kill(ours, signal.SIGCONT)
    person.until("deployments are listed", lambda: lists(stage, kinds.DEPLOYMENT) > before, RELIST_LIMIT_S)
    is_promoted(person, BETTER_IMAGE)
    assert lists(stage, kinds.DEPLOYMENT) == before + 1
    assert any("New revision detected! Restarting" in each for each in person.events()), person.story()


def test_a_controller_that_was_away_takes_up_a_rollout_after_a_compaction(stage: Stage):
    """The controller is stopped in mid-rollout, etcd compacted, the API server started anew; a new controller finishes."""
    person = stage.play("away", iterations=5)
    person.set_image(GOOD_IMAGE)
    person.until_phase("Progressing")
    stage.controller.stop()
    assert stage.cluster.compact_etcd() > 0
    stage.cluster.restart_api_server()
    stage.controller.start()
    is_promoted(person, GOOD_IMAGE)
