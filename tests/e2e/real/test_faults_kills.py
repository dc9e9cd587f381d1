"""Our controller killed with SIGKILL twenty times at random points while three Canaries roll out, one push after the other."""

import os
import random
import time

import pytest
from attrs import define

from canarykit import kinds
from e2e.real.ends import has_ended, is_promoted
from e2e.real.stage import BETTER_IMAGE, GOOD_IMAGE, Stage
from e2e.rig.person import Person

pytestmark = [pytest.mark.real, pytest.mark.timeout(420)]
SEED = int(os.environ.get("CANARYKIT_SEED", "1"))
KILLS = 20
ITERATIONS = (1, 2, 4)
"""Of the three Canaries, so that one kill meets them at different points."""


@define
class Pusher:
    """Somebody who pushes the next image as soon as the last one was promoted.

    Attributes:
        pushes: so far.
        wanted: the image pushed last.
    """

    person: Person
    pushes: int = 0
    wanted: str = ""

    def push(self) -> None:
        """Push another image than the last one."""
        self.pushes += 1
        self.wanted = (BETTER_IMAGE, GOOD_IMAGE)[self.pushes % 2]
        self.person.set_image(self.wanted)

    def go_on(self) -> None:
        """Push when the last push was promoted; a rollout that failed is a failure of the test."""
        assert self.person.phase != "Failed", self.person.story()
        if not self.pushes or has_ended(self.person, self.wanted):
            self.push()


def rollouts_of_primary(person: Person) -> int:
    """Return how often the primary's template has changed since it was made, by the Deployment controller's count."""
    marks = person.get(kinds.DEPLOYMENT, "podinfo-primary")["metadata"]["annotations"]
    return int(marks["deployment.kubernetes.io/revision"]) - 1


def test_a_controller_killed_twenty_times_finishes_every_rollout_once(stage: Stage, capsys: pytest.CaptureFixture[str]):
    """Every push is promoted, each exactly once, no rollout fails, and all come to rest with only the source paused."""
    pushers = [Pusher(stage.play(f"killed-{count}", iterations=count)) for count in ITERATIONS]
    chance, phases = random.Random(SEED), []
    for _ in range(KILLS):
        for each in pushers:
            each.go_on()
        time.sleep(chance.uniform(0.1, 3.0))
        stage.controller.kill()
        phases.append("/".join(each.person.phase for each in pushers))
        stage.controller.start()
    for each in pushers:
        is_promoted(each.person, each.wanted)
    with capsys.disabled():
        print(f"\nseed {SEED} (CANARYKIT_SEED): {KILLS} kills at {', '.join(phases)}; pushes {[each.pushes for each in pushers]}")
    assert [rollouts_of_primary(each.person) for each in pushers] == [each.pushes for each in pushers]
    assert all(each.pushes >= 2 for each in pushers)
