"""The tutorial on the real control plane: real HPA controller, real KEDA, our controller as a process of its own."""

import re

import pytest

from canarykit import kinds
from canarykit.dicts import at
from e2e.real.stage import BETTER_IMAGE, GOOD_IMAGE, Stage, image, is_paused, managed_by, never_ready, ready
from e2e.rig.client import wait_for
from e2e.rig.controller import NAME
from e2e.rig.outside import good
from e2e.rig.person import Person

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]
START_LIMIT_S = 30.0
# What we may own of objects that are not ours: the size and the pause of what the user lent, and the Canary's status.
LENT = {"podinfo", "podinfo-so"}
NOT_OURS = (kinds.HPA, kinds.REPLICA_SET, kinds.POD, kinds.ENDPOINT_SLICE)


def test_the_cluster_starts_quickly(stage: Stage):
    """Everything is up within half a minute, once it is built."""
    assert max(stage.cluster.took.values()) < START_LIMIT_S, stage.cluster.took


def is_at_rest(person: Person) -> None:
    """Assert what holds whenever no rollout is under way: only the source is paused, and the target has no pods."""
    person.until("the source is paused", lambda: is_paused(person.get(kinds.SCALED_OBJECT, "podinfo-so")))
    assert not is_paused(person.get(kinds.SCALED_OBJECT, "podinfo-so-primary"))
    person.until("no HPA on the target", lambda: person.find(kinds.HPA, "keda-hpa-podinfo-so") is None)
    person.until("an HPA on the primary", lambda: person.find(kinds.HPA, "keda-hpa-podinfo-so-primary") is not None)
    person.until("no pods of the target", lambda: person.get(kinds.DEPLOYMENT, "podinfo")["spec"]["replicas"] == 0)
    owner = person.get(kinds.HPA, "keda-hpa-podinfo-so-primary")["metadata"]["ownerReferences"][0]
    assert (owner["kind"], owner["name"]) == ("ScaledObject", "podinfo-so-primary")


def test_a_rollout_succeeds_on_keda(stage: Stage):
    """The tutorial, word for word but for its interval: Initialized, a new image, Succeeded; KEDA's marks where they belong."""
    person = stage.person("succeeds")
    assert person.apply(stage.tutorial("succeeds", iterations=5)) == ()
    person.until_phase("Initialized")
    is_at_rest(person)
    person.until("the primary has its minimum", lambda: ready(person, "podinfo-primary") >= 2)
    person.set_image(GOOD_IMAGE)
    assert person.until_phase("Succeeded", "Failed") == "Succeeded"
    is_at_rest(person)
    assert image(person, "podinfo-primary") == GOOD_IMAGE
    story = "\n".join(person.events())
    for number in range(1, 6):
        assert f"Advance podinfo.succeeds canary iteration {number}/5" in story
    assert any(at(payload, "phase") == "Progressing" for _, payload in stage.outside.hooks)


def test_managed_fields_name_us_for_what_we_write(stage: Stage):
    """We own fields of what we made, and of what was lent only what we change."""
    person = stage.play("owners")
    person.set_image(GOOD_IMAGE)
    person.until_phase("Succeeded")
    for kind in NOT_OURS:
        assert [each["metadata"]["name"] for each in person.all(kind) if managed_by(each, NAME)] == []
    scaled = managed_by(person.get(kinds.SCALED_OBJECT, "podinfo-so"), NAME)
    assert [set(each["fieldsV1"]) for each in scaled] == [{"f:metadata"}]
    assert re.fullmatch(r".*paused.*", str(scaled[0]["fieldsV1"]["f:metadata"]["f:annotations"]))
    target = managed_by(person.get(kinds.DEPLOYMENT, "podinfo"), NAME)
    assert all(set(each["fieldsV1"]) <= {"f:spec"} and set(each["fieldsV1"]["f:spec"]) == {"f:replicas"} for each in target)
    canary = managed_by(person.canary, NAME)
    assert {each.get("subresource", "") for each in canary} <= {"status", ""}
    assert all("f:spec" not in each["fieldsV1"] for each in canary)
    assert managed_by(person.get(kinds.DEPLOYMENT, "podinfo-primary"), NAME)
    assert {each["metadata"]["name"] for each in person.all(kinds.SERVICE) if managed_by(each, NAME)} == {
        "podinfo-svc",
        "podinfo-svc-canary",
        "podinfo-svc-primary",
    }


def test_a_bad_metric_rolls_back(stage: Stage):
    """Requests that fail end the rollout after the threshold; the primary keeps its image."""
    person = stage.play("rollback", threshold=2)
    before = image(person, "podinfo-primary")
    stage.outside.value = lambda query: 50.0 if 'namespace="rollback"' in query and "histogram" not in query else good(query)
    person.set_image(GOOD_IMAGE)
    assert person.until_phase("Succeeded", "Failed") == "Failed"
    is_at_rest(person)
    assert image(person, "podinfo-primary") == before
    assert any("success rate 50.00% < 99%" in message for message in person.events()), person.story()


def test_pods_that_never_get_ready_meet_the_deadline(stage: Stage):
    """A revision whose pods are never ready fails at its progress deadline."""
    person = stage.person("deadline")
    manifests = stage.tutorial("deadline")
    manifests[3]["spec"]["progressDeadlineSeconds"] = 10
    person.apply(manifests)
    person.until_phase("Initialized")
    never_ready(person)
    assert person.until_phase("Succeeded", "Failed") == "Failed"
    is_at_rest(person)


def test_a_newer_revision_restarts_the_analysis(stage: Stage):
    """An image that changes during the analysis is analysed from its first iteration, and is the one that is promoted."""
    person = stage.play("newer", iterations=4)
    person.set_image(GOOD_IMAGE)
    person.until("the second iteration", lambda: at(person.canary, "status", "iterations", default=0) >= 2)
    person.set_image(BETTER_IMAGE)
    assert person.until_phase("Succeeded", "Failed") == "Succeeded"
    assert image(person, "podinfo-primary") == BETTER_IMAGE
    assert any("New revision detected! Restarting analysis" in message for message in person.events()), person.story()


def test_a_closed_gate_holds_and_an_open_one_lets_go(stage: Stage):
    """confirm-promotion holds in WaitingPromotion until its hook says yes."""
    stage.outside.hook = lambda path, payload: 403 if "gate" in path and at(payload, "namespace") == "gate" else 200
    person = stage.person("gate")
    manifests = stage.tutorial("gate")
    hook = {"name": "gate", "type": "confirm-promotion", "url": "http://flagger-loadtester.test/gate/check"}
    manifests[3]["spec"]["analysis"]["webhooks"].append(hook)
    person.apply(manifests)
    person.until_phase("Initialized")
    person.set_image(GOOD_IMAGE)
    person.until_phase("WaitingPromotion")
    stage.outside.hook = lambda _path, _payload: 200
    assert person.until_phase("Succeeded", "Failed") == "Succeeded"


def test_skip_analysis_promotes_at_once(stage: Stage):
    """skipAnalysis promotes without an iteration."""
    person = stage.play("skip")
    person.patch(kinds.CANARY, "podinfo", {"spec": {"skipAnalysis": True}})
    person.set_image(GOOD_IMAGE)
    assert person.until_phase("Succeeded", "Failed") == "Succeeded"
    assert image(person, "podinfo-primary") == GOOD_IMAGE
    assert not any("iteration" in message for message in person.events())


def test_a_rollout_succeeds_with_an_hpa(stage: Stage):
    """A plain HPA in place of the ScaledObject: cloned for the primary, and the rollout succeeds."""
    person = stage.play("hpa", scaler="hpa")
    assert person.get(kinds.HPA, "podinfo-primary")["spec"]["scaleTargetRef"]["name"] == "podinfo-primary"
    person.set_image(GOOD_IMAGE)
    assert person.until_phase("Succeeded", "Failed") == "Succeeded"
    assert image(person, "podinfo-primary") == GOOD_IMAGE
    person.until("no pods of the target", lambda: person.get(kinds.DEPLOYMENT, "podinfo")["spec"]["replicas"] == 0)


def test_going_back_cancels(stage: Stage):
    """Setting the old image during the analysis ends the rollout without a promotion."""
    person = stage.play("revert", iterations=10)
    before = image(person, "podinfo")
    person.set_image(GOOD_IMAGE)
    person.until("the second iteration", lambda: at(person.canary, "status", "iterations", default=0) >= 2)
    person.set_image(before)
    person.until("rest", lambda: person.phase not in ("Progressing", "Promoting"))
    assert image(person, "podinfo-primary") == before
    is_at_rest(person)


def test_what_we_made_is_collected_with_the_canary(stage: Stage):
    """Without revertOnDeletion the garbage collector takes what the Canary owns, and nothing of the user's."""
    person = stage.play("deletion")
    person.client.call("DELETE", person.path(kinds.CANARY, "podinfo"))
    ours = [
        (kinds.DEPLOYMENT, "podinfo-primary"),
        (kinds.SCALED_OBJECT, "podinfo-so-primary"),
        *((kinds.SERVICE, name) for name in ("podinfo-svc", "podinfo-svc-canary", "podinfo-svc-primary")),
    ]
    wait_for("nothing of ours is left", lambda: all(person.find(kind, name) is None for kind, name in ours), limit_s=60)
    assert person.all(kinds.CONTROLLER_REVISION) == []
    assert person.get(kinds.DEPLOYMENT, "podinfo")
    assert person.get(kinds.SCALED_OBJECT, "podinfo-so")
