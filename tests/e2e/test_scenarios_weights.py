"""Progressive rollouts on the Gateway API under user traffic: weights, capacity before requests, and nobody's request lost."""

import pytest

from canarykit import kinds
from canarykit.dicts import at
from e2e.scenes import (
    BOOTSTRAP,
    GATEWAY,
    NEW,
    OLD,
    a_podinfo,
    assert_rested,
    at_rest,
    bend,
    primary_pods,
    until_down,
)

pytestmark = pytest.mark.looptime(idle_timeout=36000)
RATE = 12.0


def progressive(**analysis):
    steps = {"iterations": None, "stepWeight": None, "maxWeight": None, **analysis}
    return a_podinfo({**GATEWAY, "analysis": steps})


def weights(rig):
    rule = rig.get(kinds.HTTP_ROUTE, "podinfo-svc")["spec"]["rules"][0]
    return tuple(backend["weight"] for backend in rule["backendRefs"])


def written_weights(rig, start=0):
    """Every split that the route ever had since version ``start``, repetitions left out."""
    found = []
    for change in rig.cluster.store.write_log:
        if change.key.plural == "httproutes" and change.version > start and change.type != "DELETED":
            backends = change.manifest["spec"]["rules"][0]["backendRefs"]
            pair = tuple(backend["weight"] for backend in backends)
            found += [pair] if not found or found[-1] != pair else []
    return found


def lost(rig):
    return rig.cluster.world.current_traffic().lost()


async def finished(rig, phase, image):
    await rig.until_phase("Succeeded", "Failed", limit_s=900)
    assert rig.phase == phase, rig.story()
    await until_down(rig)
    await rig.rest(60)
    assert_rested(rig, image)
    assert weights(rig) == (100, 0)


async def test_step_weight_success_loses_no_request():
    """stepWeight 20 up to 60: three steps, promotion, back to the primary; all under load."""
    async with at_rest(*progressive(stepWeight=20, maxWeight=60), load_per_s=RATE) as rig:
        before, start = lost(rig), rig.cluster.store.version
        await rig.set_image(NEW)
        await finished(rig, "Succeeded", NEW)
        assert written_weights(rig, start) == [(80, 20), (60, 40), (40, 60), (100, 0)]
        assert lost(rig) == before
        assert rig.events() == [
            *BOOTSTRAP,
            "New revision detected! Scaling up podinfo.test",
            "Starting canary analysis for podinfo.test",
            *(f"Advance podinfo.test canary weight {weight}" for weight in (20, 40, 60)),
            "Copying podinfo.test template spec to podinfo-primary.test",
            "Routing all traffic to primary",
            "Promotion completed! Scaling down podinfo.test",
        ]


async def test_step_weights_success_loses_no_request():
    """An uneven list of weights is taken as it is written."""
    async with at_rest(*progressive(stepWeights=[1, 10, 80]), load_per_s=RATE) as rig:
        before, start = lost(rig), rig.cluster.store.version
        await rig.set_image(NEW)
        await finished(rig, "Succeeded", NEW)
        assert written_weights(rig, start) == [(99, 1), (90, 10), (20, 80), (100, 0)]
        assert lost(rig) == before


async def test_step_weight_promotion_goes_back_in_steps():
    """stepWeightPromotion gives the promoted primary its requests back bit by bit, an interval apart."""
    async with at_rest(*progressive(stepWeight=50, maxWeight=50, stepWeightPromotion=20), load_per_s=RATE) as rig:
        before, start = lost(rig), rig.cluster.store.version
        await rig.set_image(NEW)
        await finished(rig, "Succeeded", NEW)
        assert written_weights(rig, start) == [(50, 50), (70, 30), (90, 10), (100, 0)]
        shifts = [text for text in rig.events() if "primary weight" in text]
        assert shifts == [f"Advance podinfo.test primary weight {weight}" for weight in (70, 90, 100)]
        assert lost(rig) == before


async def test_rollback_loses_no_request():
    """A canary that answers badly is taken out; only those it answered badly have seen anything."""
    async with at_rest(*progressive(stepWeight=20, maxWeight=60), load_per_s=RATE) as rig:
        before, serving = lost(rig), primary_pods(rig)
        await rig.set_image(NEW)
        await rig.until(lambda: weights(rig) == (60, 40), 300)
        bend(rig, NEW, error_rate=0.5)
        await finished(rig, "Failed", OLD)
        assert lost(rig) == before
        assert serving.items() <= primary_pods(rig).items(), "no primary pod was replaced"


async def test_canary_has_the_pods_before_it_gets_the_requests():
    """Whenever a weight is written the receiver has the ready pods for it (G6, G7), and at rest no floor is left (I3)."""
    bigger = {"scaler": {"spec": {"minReplicaCount": 1, "maxReplicaCount": 10}}}
    canary = {
        **GATEWAY,
        "autoscalerRef": {"primaryScalerReplicas": {"minReplicas": 6, "maxReplicas": 8}},
        "analysis": {"iterations": None, "stepWeight": 25, "maxWeight": 100},
    }
    async with at_rest(*a_podinfo(canary, **bigger), load_per_s=RATE) as rig:
        base = rig.replicas("podinfo-primary")[1]
        assert base == 6
        before, seen = lost(rig), []

        def look(change):
            if change.key.plural == "httproutes":
                backends = change.manifest["spec"]["rules"][0]["backendRefs"]
                ready = tuple(rig.replicas(name)[1] for name in ("podinfo-primary", "podinfo"))
                seen.append((tuple(each["weight"] for each in backends), ready))

        rig.cluster.store.subscribe(look)
        await rig.set_image(NEW)
        await finished(rig, "Succeeded", NEW)
        rises = {split: ready for split, ready in reversed(seen)}
        assert set(rises) == {(75, 25), (50, 50), (25, 75), (0, 100), (100, 0)}
        for (_, canary_share), (_, ready_target) in rises.items():
            assert ready_target >= -(-base * canary_share // 100) or not canary_share
        assert rises[100, 0][0] >= base, "the primary is big enough for everything before it all comes back"
        assert lost(rig) == before
        assert rig.get(kinds.SCALED_OBJECT, "podinfo-so-primary")["spec"]["minReplicaCount"] == 6


async def test_no_room_ends_in_a_rollback():
    """A target whose pods never become enough for the next weight is rolled back after the deadline, and says why."""
    async with at_rest(
        *a_podinfo(
            {
                **GATEWAY,
                "autoscalerRef": {"primaryScalerReplicas": {"minReplicas": 4, "maxReplicas": 8}},
                "analysis": {"iterations": None, "stepWeight": 50, "maxWeight": 100},
            },
            scaler={"spec": {"maxReplicaCount": 10}},
        ),
        load_per_s=RATE,
    ) as rig:
        before = lost(rig)
        await rig.set_image(NEW)
        await rig.until(lambda: at(rig.canary, "status", "canaryWeight") == 0 and rig.replicas("podinfo")[1] >= 1, 100)
        bend(rig, NEW, "podinfo-", never_ready=True)
        await rig.until_phase("Failed", limit_s=400)
        await finished(rig, "Failed", OLD)
        assert lost(rig) == before
        assert any(text.startswith("Rolling back podinfo.test progress deadline exceeded") for text in rig.events())


async def test_primary_dying_in_the_analysis_gets_no_requests():
    """The health override: while the primary has no ready pods everything goes to the canary; no step is taken meanwhile."""
    async with at_rest(*progressive(stepWeight=20, maxWeight=60), load_per_s=RATE) as rig:
        await rig.set_image(NEW)
        await rig.until(lambda: weights(rig) == (80, 20), 300)
        from canarykit.model import Ref

        bend(rig, OLD, never_ready=True)
        for name in primary_pods(rig):
            await rig.cluster.delete(Ref.to(kinds.POD, "test", name))
        await rig.until(lambda: weights(rig) == (0, 100), 5)
        await rig.rest(20)
        after = lost(rig)
        assert at(rig.canary, "status", "canaryWeight") == 20
        bend(rig, OLD, never_ready=False)
        await rig.rest(1)
        await finished(rig, "Succeeded", NEW)
        assert lost(rig) == after


async def test_requests_come_back_only_as_far_as_the_shrunken_primary_carries_them():
    """While the canary had everything the primary shrank; after an abort it grows (floor) before the requests return (G7, G2)."""
    canary = {
        **GATEWAY,
        "autoscalerRef": {"primaryScalerReplicas": {"minReplicas": 1, "maxReplicas": 8}},
        "analysis": {"iterations": None, "stepWeights": [100]},
    }
    async with at_rest(*a_podinfo(canary, scaler={"spec": {"maxReplicaCount": 8}}), load_per_s=25) as rig:
        await rig.until(lambda: rig.replicas("podinfo-primary") == (5, 5), 120)
        await rig.set_image(NEW)
        await rig.until(lambda: weights(rig) == (0, 100), 200)
        await rig.request("pause")
        await rig.until(lambda: rig.replicas("podinfo-primary")[0] == 1, 400)
        before, seen = lost(rig), []

        def look(change):
            if change.key.plural == "httproutes":
                share = change.manifest["spec"]["rules"][0]["backendRefs"][0]["weight"]
                seen.append((share, rig.replicas("podinfo-primary")[1]))

        rig.cluster.store.subscribe(look)
        await rig.request("abort", "2")
        await finished(rig, "Failed", OLD)
        rises = [pair for number, pair in enumerate(seen) if pair[0] and (not number or seen[number - 1][0] != pair[0])]
        assert rises[-1][0] == 100
        assert all(ready >= -(-5 * share // 100) for share, ready in rises), rises
        assert lost(rig) == before
        assert rig.get(kinds.SCALED_OBJECT, "podinfo-so-primary")["spec"]["minReplicaCount"] == 1, "no floor is left"
