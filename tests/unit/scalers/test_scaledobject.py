"""ScaledObject: cloning, floors, pause and release, comparison (cloning.md sections 4.2, 4.3, 4.9; numbers S of 5.1)."""

from copy import deepcopy

import pytest

from canarykit.errors import UnknownName
from canarykit.scalers import SCALERS, clone_for_primary, laid_over, primary_of, resume_patch, scaler_for
from canarykit.scalers.metadata import follows, is_true
from unit.scalers.scaling_samples import OWNER, a_request, a_scaled_object, live

SCALER = SCALERS["ScaledObject"]
PAUSE = "autoscaling.keda.sh/paused-replicas"
STATE = [
    f"autoscaling.keda.sh/{key}"
    for key in ("paused-replicas", "paused", "paused-scale-in", "paused-scale-out", "force-activation")
]


def codes(clone):
    return sorted(problem.code for problem in clone.diagnostics)


def cloned(source, current=None, **request):
    return clone_for_primary(source, current, a_request(**request))


def test_an_unknown_kind_lists_the_known_ones():
    with pytest.raises(UnknownName, match=r"spec\.autoscalerRef\.kind .*HorizontalPodAutoscaler, ScaledObject"):
        scaler_for("VerticalPodAutoscaler")
    with pytest.raises(UnknownName):
        clone_for_primary({"kind": "Deployment"}, None, a_request())


def test_t1_the_primary_is_named_after_the_scaler_and_scales_the_primary_workload():
    manifest = cloned(a_scaled_object()).manifest
    assert manifest["metadata"] == {"name": primary_of("podinfo-so"), "namespace": "test", "ownerReferences": [OWNER]}
    assert manifest["spec"]["scaleTargetRef"] == {"name": "podinfo-primary"}


@pytest.mark.parametrize("key", STATE)
def test_s1_the_state_of_the_source_is_not_cloned(key):
    source = a_scaled_object(metadata={"annotations": {key: "0", "note": "n"}})
    assert cloned(source).manifest["metadata"]["annotations"] == {"note": "n"}


def test_s1_a_paused_primary_is_reported_and_can_be_healed():
    current = live(a_scaled_object("podinfo-so-primary"), **{PAUSE: "0"})
    assert codes(cloned(a_scaled_object(), current)) == ["primary-paused"]
    assert resume_patch(current) == {"metadata": {"annotations": {PAUSE: None}}}


def test_s11_fields_that_nobody_knows_survive():
    extra = {
        "initialCooldownPeriod": 60,
        "advanced": {"scalingModifiers": {"formula": "rps"}, "new": 1},
        "fallback": {"behavior": "currentReplicas", "replicas": 2},
        "fieldOfTheFuture": {"deep": [1]},
    }
    source = a_scaled_object(**extra)
    source["spec"]["triggers"][0]["useCachedMetrics"] = True
    spec = cloned(source).manifest["spec"]
    assert {key: spec[key] for key in extra} == extra
    assert spec["triggers"][0]["useCachedMetrics"] is True


def test_nothing_is_added_that_the_source_does_not_have():
    assert "advanced" not in cloned(a_scaled_object()).manifest["spec"]


def test_a_named_hpa_gets_the_suffix_and_an_unnamed_one_stays_unnamed():
    named = cloned(a_scaled_object(advanced={"horizontalPodAutoscalerConfig": {"name": "h", "behavior": {"x": 1}}})).manifest
    assert named["spec"]["advanced"]["horizontalPodAutoscalerConfig"] == {"name": "h-primary", "behavior": {"x": 1}}
    unnamed = cloned(a_scaled_object(advanced={"horizontalPodAutoscalerConfig": {"name": ""}})).manifest
    assert unnamed["spec"]["advanced"]["horizontalPodAutoscalerConfig"] == {"name": ""}


def test_s13_s14_metadata_follows_the_source_but_for_what_belongs_to_one_object():
    labels = {"team": "a", "scaledobject.keda.sh/name": "podinfo-so", "helm.toolkit.fluxcd.io/name": "x"}
    kept = {"scaledobject.keda.sh/transfer-hpa-ownership": "true", "scaledobject.keda.sh/hpa-excluded-labels": "a", "note": "n"}
    dropped = {
        "kubectl.kubernetes.io/last-applied-configuration": "{}", "kustomize.toolkit.fluxcd.io/ssa": "merge",
        "flagger.app/keda-paused-by": "flagger", "canarykit.dev/applied": "x",
    }  # fmt: skip
    metadata = cloned(a_scaled_object(metadata={"labels": labels, "annotations": kept | dropped})).manifest["metadata"]
    assert metadata["labels"] == {"team": "a"}
    assert metadata["annotations"] == kept


def test_prefixes_limit_what_follows():
    source = a_scaled_object(metadata={"labels": {"app.kubernetes.io/name": "p", "team": "a"}})
    assert cloned(source, include_prefixes=("app.kubernetes.io",)).manifest["metadata"]["labels"] == {
        "app.kubernetes.io/name": "p"
    }
    assert not follows("team", ("",))
    assert follows("team", ("*",))


def test_s13_what_others_put_on_the_primary_stays_when_the_manifest_is_laid_over_it():
    current = live(a_scaled_object("podinfo-so-primary", {"labels": {"scaledobject.keda.sh/name": "podinfo-so-primary"}}), x="y")
    source = a_scaled_object(metadata={"labels": {"team": "a"}})
    result = laid_over(current, cloned(source, current).manifest)
    assert result["metadata"]["labels"] == {"scaledobject.keda.sh/name": "podinfo-so-primary", "team": "a"}
    assert result["metadata"]["annotations"] == {"x": "y"}
    assert (result["metadata"]["uid"], result["status"]) == ("p1", {"conditions": []})
    assert laid_over(None, source) == source


@pytest.mark.parametrize("reference", [{"name": "other"}, {"name": "podinfo", "kind": "StatefulSet"}, {}])
def test_s22_a_source_that_scales_something_else_is_refused(reference):
    """Cloned and paused, it would take that workload down."""
    clone = cloned(a_scaled_object(scaleTargetRef=reference))
    assert [problem.code for problem in clone.errors] == ["S22"]
    assert not clone.writable
    assert cloned(a_scaled_object(scaleTargetRef={"name": "podinfo", "kind": "Deployment"})).writable


def test_s15_a_clone_that_keda_would_refuse_says_so():
    clone = cloned(a_scaled_object(minReplicaCount=2), replicas={"maxReplicas": 1})
    assert ([problem.code for problem in clone.errors], clone.writable) == (["scaler-bounds"], False)


def test_a_fallback_that_the_override_leaves_behind_is_reported():
    source = a_scaled_object(fallback={"failureThreshold": 3, "replicas": 2})
    assert codes(cloned(source, replicas={"minReplicas": 2, "maxReplicas": 9})) == ["fallback-not-raised"]


def test_t8_tutorial_overrides_concern_the_primary_only():
    source = a_scaled_object()
    before = deepcopy(source)
    spec = cloned(source, replicas={"minReplicas": 2, "maxReplicas": 5}).manifest["spec"]
    assert (spec["minReplicaCount"], spec["maxReplicaCount"]) == (2, 5)
    assert source == before


def test_the_rich_scaled_object_of_the_recordings_is_cloned_by_meaning():
    """Facts of trace y, where Flagger 1.44 loses four fields and doubles the suffix (S6, S8, S10, S11)."""
    queries = [
        'app="podinfo"',
        'app="podinfo-primary"',
        'app="podinfo-canary"',
        'app!="podinfo-canary"',
        'app="x",service="podinfo-svc"',
    ]
    triggers = [
        {"type": "prometheus", "name": f"t{n}", "metadata": {"query": f"sum(rate(r_total{{{q}}}[30s]))"}}
        for n, q in enumerate(queries)
    ]
    spec = cloned(a_scaled_object(triggers=triggers)).manifest["spec"]
    ours = ['app="podinfo-primary"'] * 3 + ['app!="podinfo-canary"', 'app="x",service="podinfo-svc-primary"']
    assert [trigger["metadata"]["query"] for trigger in spec["triggers"]] == [f"sum(rate(r_total{{{q}}}[30s]))" for q in ours]


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({}, (1, 3)),
        ({"minReplicaCount": None, "maxReplicaCount": None}, (0, 100)),
        ({"minReplicaCount": 2, "idleReplicaCount": 0}, (0, 3)),
    ],
)
def test_bounds_have_the_defaults_of_keda(spec, expected):
    assert SCALER.bounds(a_scaled_object(**spec)) == expected


@pytest.mark.parametrize(
    ("spec", "n", "expected"),
    [
        ({}, 2, {"minReplicaCount": 2}),
        ({}, 9, {"minReplicaCount": 3}),
        ({"minReplicaCount": None}, 1, {"minReplicaCount": 1}),
        ({"minReplicaCount": 2, "idleReplicaCount": 0}, 1, {"minReplicaCount": 2, "idleReplicaCount": None}),
        ({"minReplicaCount": 2, "idleReplicaCount": 0}, 3, {"minReplicaCount": 3, "idleReplicaCount": None}),
    ],
)
def test_a_floor_raises_the_minimum_and_lifts_what_undercuts_it(spec, n, expected):
    """An idle count would let KEDA go below the floor. Neither the copy nor the patch goes above the maximum."""
    manifest = a_scaled_object(**spec)
    before = deepcopy(manifest)
    floored = SCALER.with_minimum(manifest, n)
    assert {key: floored["spec"].get(key) for key in expected} == expected
    assert floored["metadata"]["annotations"] == {"canarykit.dev/minimum-before": str(SCALER.minimum_as_written(manifest) or "-")}
    assert SCALER.bounds(floored)[0] >= min(n, 3)
    assert manifest == before


@pytest.mark.parametrize("n", [0, 1])
def test_a_floor_below_the_minimum_changes_nothing(n):
    assert SCALER.with_minimum(a_scaled_object(), n) == a_scaled_object()


def test_the_floor_of_a_lent_scaler_is_exact_and_capped():
    assert SCALER.minimum_patch(a_scaled_object(minReplicaCount=3), 2) == {"spec": {"minReplicaCount": 2}}
    assert SCALER.minimum_patch(a_scaled_object(), 9) == {"spec": {"minReplicaCount": 3}}
    assert SCALER.minimum_patch(a_scaled_object(idleReplicaCount=0), 1) == {
        "spec": {"minReplicaCount": 1, "idleReplicaCount": None}
    }


@pytest.mark.parametrize(
    ("spec", "mark", "number"),
    [
        ({"minReplicaCount": 2}, 2, 2),
        ({"minReplicaCount": None}, None, 0),
        ({"minReplicaCount": 2, "idleReplicaCount": 0}, "2/0", 2),
        ({"minReplicaCount": None, "idleReplicaCount": 1}, "-/1", 0),
    ],
)
def test_what_a_floor_replaced_is_remembered_and_restored(spec, mark, number):
    """S12, I3: the mark in the status holds the user's values, exactly."""
    manifest = a_scaled_object(**spec)
    assert SCALER.minimum_as_written(manifest) == mark
    assert SCALER.minimum_in(mark) == number
    floored = _patched(manifest, SCALER.minimum_patch(manifest, 3))
    assert _patched(floored, SCALER.restore_minimum_patch(mark)) == manifest


@pytest.mark.parametrize(("mark", "fewest"), [(2, 2), (None, 0), ("2/0", 0), ("2/3", 2), ("-/1", 0)])
def test_the_fewest_replicas_of_a_mark_count_the_idle_ones(mark, fewest):
    assert SCALER.fewest_in(mark) == fewest


def _patched(manifest, patch):
    merged = {**manifest["spec"], **patch["spec"]}
    return {**manifest, "spec": {key: value for key, value in merged.items() if value is not None}}


@pytest.mark.parametrize(
    ("value", "held", "pauses"), [(None, False, True), ("4", False, True), ("0", True, False)]
)  # fmt: skip
def test_only_a_pause_at_zero_holds_the_target_down(value, held, pauses):
    manifest = a_scaled_object(metadata={} if value is None else {"annotations": {PAUSE: value, "team": "x"}})
    assert (SCALER.is_paused(manifest), SCALER.paused_value(manifest)) == (held, value)
    assert SCALER.pause_patch(manifest) == ({"metadata": {"annotations": {PAUSE: "0"}}} if pauses else None)


@pytest.mark.parametrize(
    ("value", "before", "patch"),
    [
        ("0", None, {PAUSE: None}),
        ("0", "0", {PAUSE: None}),
        ("0", "4", {PAUSE: "4"}),
        ("4", "4", None),
        ("5", "4", None),
        (None, None, None),
        (None, "4", None),
    ],
)
def test_s18_a_release_undoes_our_pause_and_no_other(value, before, patch):
    """The value before comes back; a "0" that was there before us is left over; what somebody wrote since then stays."""
    manifest = a_scaled_object(metadata={} if value is None else {"annotations": {PAUSE: value}})
    assert SCALER.release_patch(manifest, before) == (None if patch is None else {"metadata": {"annotations": patch}})


def test_has_pause():
    assert SCALER.has_pause
    assert SCALER.kind.kind == "ScaledObject"


def _changed(manifest, *path, value):
    copy = deepcopy(manifest)
    here = copy
    for key in path[:-1]:
        here = here[key]
    here[path[-1]] = value
    return copy


WANTED = cloned(a_scaled_object(metadata={"labels": {"team": "a"}}, advanced={"restoreToOriginalReplicaCount": True})).manifest
OBSERVED = live(WANTED)


def test_what_was_applied_is_the_same_and_nothing_observed_is_not():
    assert SCALER.same(OBSERVED, WANTED)
    assert not SCALER.same(None, WANTED)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("spec", "advanced", "scalingModifiers"), {}),
        (("spec", "fallback"), {"behavior": "static"}),
        (("metadata", "annotations"), {"foreign": "x", PAUSE: "0"}),
        (("metadata", "labels"), {"team": "a", "scaledobject.keda.sh/name": "podinfo-so-primary"}),
        (("spec", "triggers", 0, "useCachedMetrics"), False),
        (("metadata", "ownerReferences"), [{"uid": "other"}, OWNER]),
    ],
)
def test_additions_of_servers_and_others_are_no_difference(path, value):
    """observed.md item 10: KEDA adds an empty scalingModifiers after every write."""
    assert SCALER.same(_changed(OBSERVED, *path, value=value), WANTED)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("spec", "scaleTargetRef", "name"), "podinfo"),
        (("spec", "maxReplicaCount"), 4),
        (("spec", "idleReplicaCount"), 0),
        (("spec", "triggers", 0, "metadata", "threshold"), "6"),
        (("spec", "triggers", 0, "metadata", "activationThreshold"), "6"),
        (("spec", "triggers", 0, "name"), "other"),
        (("spec", "triggers"), []),
        (("spec", "triggers"), [*WANTED["spec"]["triggers"], {"type": "cron", "metadata": {}}]),
        (("spec", "advanced", "restoreToOriginalReplicaCount"), False),
        (("metadata", "labels", "team"), "b"),
        (("metadata", "ownerReferences"), []),
    ],
)
def test_what_somebody_changed_is_a_difference(path, value):
    """Triggers count exactly: one more, one less, one key more."""
    assert not SCALER.same(_changed(OBSERVED, *path, value=value), WANTED)


def test_a_bound_that_we_do_not_want_any_more_is_a_difference():
    wanted = cloned(a_scaled_object(minReplicaCount=None)).manifest
    assert not SCALER.same(_changed(live(wanted), "spec", "minReplicaCount", value=2), wanted)


def test_cloning_changes_no_input_and_gives_the_same_twice():
    source, current = a_scaled_object(advanced={"horizontalPodAutoscalerConfig": {"name": "h"}}), deepcopy(OBSERVED)
    before = deepcopy((source, current))
    request = a_request(replicas={"minReplicas": 2}, queries={"rps": "x"})
    first, second = clone_for_primary(source, current, request), clone_for_primary(source, current, request)
    first.manifest["spec"]["triggers"][0]["metadata"]["query"] = "damaged"
    assert (source, current) == before
    assert second == clone_for_primary(source, current, request)


@pytest.mark.parametrize(
    ("text", "expected"), [(None, False), ("true", True), ("T", True), ("", True), ("no", True), ("False", False), ("0", False)]
)
def test_booleans_are_read_as_keda_reads_them(text, expected):
    assert is_true(text) is expected
