"""The API server away on the real control plane; whether our rights suffice; and what an idle Canary costs."""

import os
import time

import pytest

from e2e.real.stage import GOOD_IMAGE, Stage, image
from e2e.rig.controller import audited
from e2e.rig.person import Person

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]
IDLE_S = float(os.environ.get("CANARYKIT_IDLE_S", "60"))
SETTLE_S = 20.0
LEASES = "leases"


def is_promoted(person: Person) -> None:
    """Wait for the end of the rollout and assert that it succeeded."""
    assert person.until_phase("Succeeded", "Failed", limit_s=240) == "Succeeded", person.story()
    assert image(person, "podinfo-primary") == GOOD_IMAGE


def test_an_api_server_that_goes_away_delays_and_does_not_fail(stage: Stage):
    """The API server stops in the middle of an analysis and comes back after five seconds."""
    person = stage.play("outage", iterations=5)
    person.set_image(GOOD_IMAGE)
    person.until_phase("Progressing")
    time.sleep(2)
    stage.cluster.restart_api_server(away_s=5)
    is_promoted(person)


def test_every_request_was_within_our_rights(stage: Stage):
    """Through all that happened before, the API server refused us nothing for want of a right."""
    person = stage.play("rights")
    person.set_image(GOOD_IMAGE)
    is_promoted(person)
    assert asked(stage, 403) - asked(stage, 200) - asked(stage, 201) == set()


def asked(stage: Stage, code: int) -> set[tuple[str, ...]]:
    """Return (verb, group, resource, subresource) of what was answered with ``code``.

    An API server that has just started refuses everybody a few requests; a right that is missing is never granted.
    """
    lines = audited(stage.cluster, ("ResponseStarted", "ResponseComplete"))  # a granted watch that is open still has only started
    places = ((each["verb"], each.get("objectRef", {})) for each in lines if each.get("responseStatus", {}).get("code") == code)
    return {(verb, *(place.get(name, "") for name in ("apiGroup", "resource", "subresource"))) for verb, place in places}


def test_an_idle_canary_costs_no_request(stage: Stage):
    """When nothing happens nothing is asked of the API server, but for watches that it ends by itself."""
    stage.play("idle")
    time.sleep(SETTLE_S)
    before = len(audited(stage.cluster))
    time.sleep(IDLE_S)
    asked = [
        (each["verb"], each["requestURI"].partition("?")[0])
        for each in audited(stage.cluster)[before:]
        if each.get("objectRef", {}).get("resource") != LEASES and each["verb"] != "watch"
    ]
    assert asked == []
