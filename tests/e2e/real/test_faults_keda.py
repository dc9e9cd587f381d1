"""KEDA's operator away while our controller pauses and releases the source."""

import pytest

from canarykit import kinds
from canarykit.dicts import at
from e2e.real.ends import is_promoted, only_the_source_is_paused
from e2e.real.stage import GOOD_IMAGE, Stage, is_paused
from e2e.rig import keda
from e2e.rig.person import Person

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]
OPERATOR = "keda-operator"


@pytest.fixture
def away(stage: Stage):
    """A function that kills KEDA's operator; it is back, and its metrics are, at the end of the test at the latest."""

    def back() -> None:
        if not stage.cluster.processes.is_running(OPERATOR):
            stage.cluster.processes.again(OPERATOR)

    def go() -> None:
        stage.cluster.processes.kill(OPERATOR)

    yield go, back
    back()
    keda.wait(stage.cluster.processes, stage.cluster.client)


def keda_says_paused(person: Person, name: str) -> bool:
    """Return whether KEDA's own status has the ScaledObject paused."""
    found = at(person.get(kinds.SCALED_OBJECT, name), "status", "conditions", default=())
    return any(each["type"] == "Paused" and each["status"] == "True" for each in found)


def test_keda_away_while_the_source_is_released(stage: Stage, away):
    """The operator dies at rest; a push releases the source and raises the target all the same, and KEDA follows when back."""
    go, back = away
    person = stage.play("keda-release", iterations=4)
    only_the_source_is_paused(person)
    go()
    person.set_image(GOOD_IMAGE)
    person.until("the source is released", lambda: not is_paused(person.get(kinds.SCALED_OBJECT, "podinfo-so")))
    person.until("the second iteration", lambda: at(person.canary, "status", "iterations", default=0) >= 2)
    back()
    is_promoted(person, GOOD_IMAGE)
    person.until("KEDA has the source paused", lambda: keda_says_paused(person, "podinfo-so"))


def test_keda_away_while_the_source_is_paused(stage: Stage, away):
    """The operator dies in the analysis and is away when we pause the source: it is paused when KEDA is back."""
    go, back = away
    person = stage.play("keda-pause", iterations=4)
    person.set_image(GOOD_IMAGE)
    person.until("the second iteration", lambda: at(person.canary, "status", "iterations", default=0) >= 2)
    assert person.find(kinds.HPA, "keda-hpa-podinfo-so") is not None, "KEDA had taken the target up"
    go()
    person.until("the source is marked paused", lambda: is_paused(person.get(kinds.SCALED_OBJECT, "podinfo-so")), 60)
    assert not keda_says_paused(person, "podinfo-so"), "nobody was there to see it"
    back()
    is_promoted(person, GOOD_IMAGE)
    person.until("KEDA has the source paused", lambda: keda_says_paused(person, "podinfo-so"))


def test_keda_away_for_a_whole_rollout(stage: Stage, away):
    """From the push to the pause without an operator: what is left of the target's HPA does not keep it from coming to rest."""
    go, back = away
    person = stage.play("keda-whole")
    only_the_source_is_paused(person)
    go()
    person.set_image(GOOD_IMAGE)
    person.until_phase("Succeeded", "Failed", limit_s=90)
    back()
    is_promoted(person, GOOD_IMAGE)
