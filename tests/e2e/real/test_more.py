"""More of the tutorial's life on the real control plane: suspended, a primary deleted at rest, a source edited at rest."""

import time

import pytest

from canarykit import kinds
from canarykit.dicts import at
from e2e.real.ends import is_promoted, only_the_source_is_paused
from e2e.real.stage import GOOD_IMAGE, Stage, image, is_paused, managed_by, ready
from e2e.rig.controller import NAME
from e2e.rig.person import Person

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]
QUIET_S = 8.0


def bounds(person: Person, name: str = "podinfo-so-primary") -> tuple[int, int]:
    """Return (minimum, maximum) of a ScaledObject."""
    spec = person.get(kinds.SCALED_OBJECT, name)["spec"]
    return spec["minReplicaCount"], spec["maxReplicaCount"]


def written(person: Person) -> dict[str, str]:
    """Return when our controller last wrote each object that it may write, and the Canary's status."""
    objects = [each for kind in (kinds.DEPLOYMENT, kinds.SCALED_OBJECT, kinds.SERVICE, kinds.CANARY) for each in person.all(kind)]
    times = {
        f"{each['kind']} {each['metadata']['name']}": max((entry["time"] for entry in managed_by(each, NAME)), default="")
        for each in objects
    }
    return {**times, "status": str(person.canary["status"])}


def test_a_suspended_rollout_stands_still_and_goes_on(stage: Stage):
    """Suspended in the second iteration nothing is written, hooks are not called; resumed, it goes on where it was."""
    person = stage.play("suspend", iterations=4)
    person.set_image(GOOD_IMAGE)
    person.until("the second iteration", lambda: at(person.canary, "status", "iterations", default=0) >= 2)
    person.patch(kinds.CANARY, "podinfo", {"spec": {"suspend": True}})
    time.sleep(1.5)
    before, called = written(person), len(person.events())
    time.sleep(QUIET_S)
    assert written(person) == before
    assert len(person.events()) == called
    assert person.phase == "Progressing"
    assert ready(person, "podinfo") >= 1
    person.patch(kinds.CANARY, "podinfo", {"spec": {"suspend": False}})
    is_promoted(person, GOOD_IMAGE)
    assert not any("Restarting analysis" in message for message in person.events()), person.story()


def test_a_primary_deleted_at_rest_is_rebuilt(stage: Stage):
    """The primary Deployment comes back with what was promoted, at its size, and the target stays asleep."""
    person = stage.play("rebuilt")
    person.set_image(GOOD_IMAGE)
    is_promoted(person, GOOD_IMAGE)
    old = person.get(kinds.DEPLOYMENT, "podinfo-primary")
    person.client.call("DELETE", person.path(kinds.DEPLOYMENT, "podinfo-primary"))

    def is_back() -> bool:
        found = person.find(kinds.DEPLOYMENT, "podinfo-primary")
        return found is not None and found["metadata"]["uid"] != old["metadata"]["uid"]

    person.until("a new primary", is_back, limit_s=10)
    person.until("it has its minimum", lambda: ready(person, "podinfo-primary") >= 2)
    new = person.get(kinds.DEPLOYMENT, "podinfo-primary")
    assert new["spec"]["template"] == old["spec"]["template"]
    assert image(person, "podinfo-primary") == GOOD_IMAGE
    person.until("rest", lambda: person.phase == "Succeeded")
    only_the_source_is_paused(person)


def test_a_source_edited_at_rest_waits_for_a_promotion_and_overrides_do_not(stage: Stage):
    """With `primaryScalerSync: overrides` (the default) the Canary's own bounds act at once, edits of the source are promoted."""
    person = stage.play("edited")
    only_the_source_is_paused(person)
    assert bounds(person) == (2, 5)
    person.patch(kinds.SCALED_OBJECT, "podinfo-so", {"spec": {"maxReplicaCount": 6, "cooldownPeriod": 40}})
    time.sleep(QUIET_S)
    assert bounds(person) == (2, 5)
    assert person.get(kinds.SCALED_OBJECT, "podinfo-so-primary")["spec"]["cooldownPeriod"] == 20
    assert is_paused(person.get(kinds.SCALED_OBJECT, "podinfo-so"))
    edit = {"primaryScalerReplicas": {"minReplicas": 3, "maxReplicas": 7}}
    person.patch(kinds.CANARY, "podinfo", {"spec": {"autoscalerRef": edit}})
    person.until("the overrides act", lambda: bounds(person) == (3, 7), limit_s=10)
    person.until("the primary follows", lambda: ready(person, "podinfo-primary") >= 3)
    assert person.phase == "Initialized"
    person.set_image(GOOD_IMAGE)
    is_promoted(person, GOOD_IMAGE)
    primary = person.get(kinds.SCALED_OBJECT, "podinfo-so-primary")["spec"]
    assert (primary["minReplicaCount"], primary["maxReplicaCount"], primary["cooldownPeriod"]) == (3, 7, 40)
    assert bounds(person, "podinfo-so") == (1, 6), "the user's own object has the user's values"
