"""When the primary's scaler follows, what is kept on error, and what is pruned (cloning.md section 4.10)."""

from copy import deepcopy

import pytest

from canarykit.errors import UnknownName
from canarykit.model import Ref
from canarykit.scalers import ALWAYS, ON_PROMOTION, OVERRIDES, POLICIES, SCALERS, may_take_over, plan_primary, prune
from unit.scalers.scaling_samples import OWNER, a_request, a_scaled_object, an_hpa, live

SCALER = SCALERS["ScaledObject"]
EDITED = a_scaled_object(maxReplicaCount=9, pollingInterval=5)


def planned(policy, source, current, promoting=False, **request):
    return plan_primary(SCALER, policy, promoting, source, current, a_request(**request))


def made(source=None, **request):
    """The primary as it is on the cluster after a promotion with this request."""
    return live(planned(OVERRIDES, source or a_scaled_object(), None, True, **request).manifest)


def bounds(clone):
    return clone.manifest["spec"]["minReplicaCount"], clone.manifest["spec"]["maxReplicaCount"]


def query(clone):
    return clone.manifest["spec"]["triggers"][0]["metadata"]["query"]


@pytest.mark.parametrize("policy", POLICIES)
def test_an_absent_primary_is_made_from_the_source_as_it_is(policy):
    assert bounds(planned(policy, EDITED, None)) == (1, 9)


@pytest.mark.parametrize("policy", POLICIES)
def test_a_promotion_follows_the_source(policy):
    clone = planned(policy, EDITED, made(), promoting=True)
    assert (bounds(clone), clone.manifest["spec"]["pollingInterval"]) == ((1, 9), 5)


@pytest.mark.parametrize(("policy", "waits"), [(ON_PROMOTION, True), (OVERRIDES, True), (ALWAYS, False)])
def test_s2_an_edited_source_waits_for_the_promotion_unless_asked_to_follow(policy, waits):
    current = made()
    clone = planned(policy, EDITED, current)
    assert SCALER.same(current, clone.manifest) is waits
    assert bounds(clone) == ((1, 3) if waits else (1, 9))


@pytest.mark.parametrize(("policy", "expected"), [(ON_PROMOTION, (1, 3)), (OVERRIDES, (2, 5)), (ALWAYS, (2, 5))])
def test_s2_overrides_apply_at_once_unless_asked_to_wait(policy, expected):
    replicas = {"minReplicas": 2, "maxReplicas": 5}
    assert bounds(planned(policy, a_scaled_object(), made(), replicas=replicas)) == expected


def test_overrides_apply_while_the_sources_own_changes_wait():
    clone = planned(OVERRIDES, EDITED, made(), replicas={"minReplicas": 2}, queries={"rps": "vector(1)"})
    assert bounds(clone) == (2, 3)
    assert query(clone) == "vector(1)"
    assert "pollingInterval" not in clone.manifest["spec"]


def test_a_removed_override_goes_back_to_the_source_and_nothing_else_does():
    current = made(replicas={"minReplicas": 2, "maxReplicas": 5}, queries={"rps": "vector(1)"})
    assert (current["spec"]["maxReplicaCount"], current["metadata"]["annotations"]) == (
        5,
        {"canarykit.dev/overridden": '["minReplicas","maxReplicas","query/rps"]'},
    )
    clone = planned(OVERRIDES, EDITED, current, replicas={"minReplicas": 2})
    assert bounds(clone) == (2, 9)
    assert query(clone) == 'sum(rate(x{app="podinfo-primary"}[1m]))'
    assert clone.manifest["metadata"]["annotations"] == {"canarykit.dev/overridden": '["minReplicas"]'}
    gone = planned(OVERRIDES, EDITED, live(clone.manifest))
    assert bounds(gone) == (1, 9)
    assert "annotations" not in gone.manifest["metadata"]


def test_a_removed_override_of_a_bound_that_the_source_does_not_have_is_removed():
    source = a_scaled_object(minReplicaCount=None)
    clone = planned(OVERRIDES, source, made(source, replicas={"minReplicas": 2}))
    assert "minReplicaCount" not in clone.manifest["spec"]


def test_a_removed_query_of_a_trigger_that_the_source_lost_stays():
    current = made(queries={"rps": "vector(1)"})
    source = a_scaled_object(triggers=[{"type": "cron", "name": "rps", "metadata": {}}])
    assert query(planned(OVERRIDES, source, current)) == "vector(1)"


def test_a_query_for_a_trigger_without_one_changes_nothing_at_rest():
    source = a_scaled_object(
        triggers=[{"type": "cron", "name": "c", "metadata": {"start": "1"}}, {"type": "cron", "metadata": {}}]
    )
    clone = planned(OVERRIDES, source, made(source), queries={"c": "x"})
    assert clone.manifest["spec"]["triggers"] == source["spec"]["triggers"]
    assert "no-query-key" in [problem.code for problem in clone.diagnostics]


def test_a_removed_query_comes_from_the_trigger_of_the_same_name_and_type():
    """The source's trigger was replaced by one of another type meanwhile: its text is no query for the old one."""
    current = made(queries={"rps": "vector(1)"})
    other = {"type": "loki", "name": "rps", "metadata": {"query": "other"}}
    assert query(planned(OVERRIDES, a_scaled_object(triggers=[other]), current)) == "vector(1)"
    same = {"type": "prometheus", "name": "rps", "metadata": {"query": 'y{app="podinfo"}'}}
    twice = a_scaled_object(triggers=[{"type": "prometheus", "name": "z", "metadata": {"query": "z"}}, other, same])
    assert query(planned(OVERRIDES, twice, current)) == 'y{app="podinfo-primary"}'


@pytest.mark.parametrize("note", ["not json", "7", '{"a": 1}'])
def test_a_broken_note_says_nothing(note):
    current = live(a_scaled_object("podinfo-so-primary"), **{"canarykit.dev/overridden": note})
    assert bounds(planned(OVERRIDES, EDITED, current)) == (1, 3)


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("promoting", [True, False])
def test_planning_again_from_what_was_planned_changes_nothing(policy, promoting):
    request = {"replicas": {"maxReplicas": 7}, "queries": {"rps": "vector(1)"}}
    source = a_scaled_object(maxReplicaCount=9, metadata={"labels": {"team": "a"}})
    first = planned(policy, source, made(), promoting, **request)
    second = planned(policy, source, live(first.manifest), promoting, **request)
    assert second.manifest == first.manifest
    assert SCALER.same(live(first.manifest), second.manifest)


def test_h6_a_primary_that_scales_the_wrong_workload_is_corrected_at_rest():
    current = made()
    current["spec"]["scaleTargetRef"] = {"name": "podinfo"}
    assert planned(OVERRIDES, a_scaled_object(), current).manifest["spec"]["scaleTargetRef"] == {"name": "podinfo-primary"}


@pytest.mark.parametrize("policy", POLICIES)
def test_a_floor_on_the_primary_is_not_taken_for_its_minimum(policy):
    """The floor of a shift is noted on the primary, so at rest it is undone though the source is not looked at."""
    source = a_scaled_object(minReplicaCount=2, idleReplicaCount=0, maxReplicaCount=8)
    plain = made(source)
    floored = live(SCALER.with_minimum(planned(policy, source, plain, True).manifest, 6))
    assert (floored["spec"]["minReplicaCount"], "idleReplicaCount" in floored["spec"]) == (6, False)
    back = planned(policy, source, floored).manifest
    assert back["spec"] == plain["spec"]
    assert "annotations" not in back["metadata"]
    assert not SCALER.same(floored, back)
    assert SCALER.with_minimum(planned(policy, source, floored).manifest, 6) == SCALER.with_minimum(back, 6)


def test_s15_what_would_be_refused_is_not_planned_and_the_old_primary_stays():
    current = made()
    for policy, promoting in ((ALWAYS, False), (OVERRIDES, False), (OVERRIDES, True)):
        clone = planned(policy, a_scaled_object(minReplicaCount=2), current, promoting, replicas={"minReplicas": 9})
        assert SCALER.same(current, clone.manifest)
        assert [problem.code for problem in clone.errors] == ["scaler-bounds"]
    assert not planned(ALWAYS, a_scaled_object(), None, replicas={"minReplicas": 9}).writable


def test_s1_a_pause_on_the_primary_is_neither_copied_nor_owned():
    current = made()
    current["metadata"]["annotations"] = {"autoscaling.keda.sh/paused-replicas": "0"}
    for policy in POLICIES:
        clone = planned(policy, a_scaled_object(), current)
        assert "annotations" not in clone.manifest["metadata"]
        assert [problem.code for problem in clone.diagnostics] == ["primary-paused"]


def test_an_unknown_policy_lists_the_known_ones():
    with pytest.raises(UnknownName, match="always, onPromotion, overrides"):
        planned("sometimes", a_scaled_object(), None)


def test_an_hpa_is_planned_by_the_same_rules():
    scaler, request = SCALERS["HorizontalPodAutoscaler"], a_request(primary_name="podinfo-hpa-primary")
    current = live(plan_primary(scaler, OVERRIDES, True, an_hpa(), None, request).manifest)
    edited = an_hpa(maxReplicas=9)
    assert plan_primary(scaler, OVERRIDES, False, edited, current, request).manifest["spec"]["maxReplicas"] == 3
    raised = a_request(primary_name="podinfo-hpa-primary", replicas={"maxReplicas": 6})
    assert plan_primary(scaler, OVERRIDES, False, edited, current, raised).manifest["spec"]["maxReplicas"] == 6


def test_planning_changes_no_input():
    source, current = a_scaled_object(), made(replicas={"minReplicas": 2}, queries={"rps": "x"})
    before = deepcopy((source, current))
    for policy in POLICIES:
        for promoting in (True, False):
            planned(policy, source, current, promoting, replicas={"minReplicas": 3}, queries={"rps": "y"})
    assert (source, current) == before


def _owned(manifest, uid="u1", controller=True):
    owner = {**OWNER, "uid": uid, "controller": controller}
    spec = {**manifest["spec"], "scaleTargetRef": {"name": "podinfo-primary"}}
    return {**manifest, "metadata": {**manifest["metadata"], "ownerReferences": [owner]}, "spec": spec}


def _objects(*manifests):
    return {Ref.of(manifest): manifest for manifest in manifests}


def test_s19_the_primary_scaler_of_an_old_reference_is_pruned():
    old, wanted = _owned(a_scaled_object("old-primary")), _owned(a_scaled_object("podinfo-so-primary"))
    hpa = _owned(an_hpa("podinfo-hpa-primary"))
    objects = _objects(old, wanted, hpa, a_scaled_object())
    assert prune(objects, Ref.of(wanted), "u1", "podinfo-primary") == (Ref.of(hpa), Ref.of(old))
    assert prune(objects, None, "u1", "podinfo-primary") == (Ref.of(hpa), Ref.of(old), Ref.of(wanted))


@pytest.mark.parametrize(
    "other",
    [
        _owned(a_scaled_object("old-primary"), uid="u2"),
        _owned(a_scaled_object("old-primary"), controller=False),
        _owned(a_scaled_object("old")),
        {**_owned(a_scaled_object("old-primary")), "spec": {"scaleTargetRef": {"name": "else-primary"}}},
        {**_owned(a_scaled_object("old-primary")), "kind": "ScaledJob"},
        a_scaled_object("old-primary", scaleTargetRef={"name": "podinfo-primary"}),
    ],
)
def test_what_is_not_certainly_ours_is_not_pruned(other):
    """Another Canary's, a hand-made one, one of another workload, another kind, one without a controller."""
    assert prune(_objects(other), None, "u1", "podinfo-primary") == ()
    assert prune(_objects(other), None, "", "podinfo-primary") == ()


def test_d16_a_primary_scaler_of_somebody_else_is_not_taken_over():
    assert may_take_over(None, "u1")
    assert may_take_over(a_scaled_object("podinfo-so-primary"), "u1")
    assert may_take_over(_owned(a_scaled_object("podinfo-so-primary")), "u1")
    assert may_take_over(_owned(a_scaled_object("podinfo-so-primary"), uid="u2", controller=False), "u1")
    assert not may_take_over(_owned(a_scaled_object("podinfo-so-primary"), uid="u2"), "u1")
