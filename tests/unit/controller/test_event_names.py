"""Names of Events: one per piece of news, and in the order of a rollout."""

import random

from canary_controller.clock import Clock, LoopClock
from canarykit.event_names import event_name

COURSE = (
    "Confirm-rollout check gate passed",
    "New revision detected! Scaling up podinfo.test",
    "canary deployment podinfo.test not ready: waiting for rollout to finish: 0 of 1 updated replicas are available",
    "Starting canary analysis for podinfo.test",
    "Pre-rollout check smoke passed",
    "Advance podinfo.test canary iteration 2/10",
    "Advance podinfo.test canary iteration 10/10",
    "Halt podinfo.test advancement success rate 90.00% < 99%",
    "Rolling back podinfo.test progress deadline exceeded canary not ready: waiting for rollout to finish",
    "Copying podinfo.test template spec to podinfo-primary.test",
    "Advance podinfo.test primary weight 50",
    "Canary failed! Scaling down podinfo.test",
    "Post-rollout check smoke passed",
    "Promotion completed! Scaling down podinfo.test",
)


def named(rollout_id: str, message: str, uid: str = "u", *identity: str) -> str:
    return event_name("podinfo", uid, rollout_id, message, identity or ("Progressing", message))


def test_names_sort_as_a_rollout_goes_and_later_rollouts_sort_later():
    names = [named(rollout_id, message) for rollout_id in ("19a00000000aaaaa", "19a00000001aaaaa") for message in COURSE]
    mixed = list(names)
    random.Random(1).shuffle(mixed)
    assert sorted(mixed) == names
    assert len(set(names)) == len(names)


def test_the_same_news_is_the_same_event_and_other_news_is_not():
    first = named("19a00000000aaaaa", "Halt x")
    assert first == named("19a00000000aaaaa", "Halt x")
    others = {named("19a00000000aaaab", "Halt x"), named("19a00000000aaaaa", "Halt y"), named("19a00000000aaaaa", "Halt x", "v")}
    assert len(others | {first}) == 4


def test_a_topic_is_one_event_whatever_it_says():
    texts = ("podinfo-primary.test not ready: 0 of 2", "podinfo-primary.test not ready: 1 of 2")
    assert len({named("19a00000000aaaaa", text, "u", "Promoting/not ready") for text in texts}) == 1


async def test_rollout_ids_sort_by_time():
    clock = LoopClock(1_790_000_000.0)
    first, second = clock.rollout_id(), clock.rollout_id()
    later = LoopClock(1_790_000_000.5).rollout_id()
    assert first != second
    assert max(first, second) < later
    assert len(first) == len(Clock().rollout_id()) == 16
