"""Replica overrides and bounds (cloning.md section 4.11)."""

import pytest

from canarykit.errors import UnknownName
from canarykit.kinds import SCALED_OBJECT
from canarykit.replicas import check_bounds, check_fallback_follows, keda_hpa_name, override_replicas


def scaled_object(name="s", triggers=("prometheus",), **spec):
    listed = [{"type": kind, "metadata": {}} for kind in triggers]
    return {"metadata": {"name": name}, "spec": {"triggers": listed, **spec}}


def codes(manifest, severity="error", kind="ScaledObject"):
    return [problem.code for problem in check_bounds(kind, manifest) if problem.severity == severity]


@pytest.mark.parametrize(
    ("replicas", "expected"),
    [
        ({"minReplicas": 2, "maxReplicas": 5}, {"minReplicaCount": 2, "maxReplicaCount": 5, "x": 1}),
        ({"maxReplicas": 5}, {"minReplicaCount": 1, "maxReplicaCount": 5, "x": 1}),
        ({"minReplicas": None}, {"minReplicaCount": 1, "x": 1}),
        ({}, {"minReplicaCount": 1, "x": 1}),
        (None, {"minReplicaCount": 1, "x": 1}),
    ],
)
def test_an_override_replaces_its_own_bound_only(replicas, expected):
    spec = {"minReplicaCount": 1, "x": 1}
    assert override_replicas("ScaledObject", spec, replicas) == expected
    assert spec == {"minReplicaCount": 1, "x": 1}


def test_an_hpa_has_its_own_field_names():
    assert override_replicas("HorizontalPodAutoscaler", {"maxReplicas": 3}, {"minReplicas": 2}) == {
        "maxReplicas": 3,
        "minReplicas": 2,
    }


def test_s16_a_minimum_of_zero_can_be_said():
    assert override_replicas(SCALED_OBJECT, {"minReplicaCount": 3}, {"minReplicas": 0})["minReplicaCount"] == 0


def test_an_unknown_kind_lists_the_known_ones():
    with pytest.raises(UnknownName, match="HorizontalPodAutoscaler, ScaledObject"):
        override_replicas("VerticalPodAutoscaler", {}, None)


def test_s15_a_minimum_above_the_maximum_is_an_error_that_names_both():
    (problem,) = check_bounds("ScaledObject", scaled_object(minReplicaCount=4, maxReplicaCount=3))
    assert str(problem) == (
        "spec.minReplicaCount is above maxReplicaCount, which is 3 (found 4). Raise the maximum or lower the minimum in "
        "spec.autoscalerRef.primaryScalerReplicas or in the source scaler."
    )
    assert codes({"spec": {"minReplicas": 4, "maxReplicas": 3}}, kind="HorizontalPodAutoscaler") == ["scaler-bounds"]
    assert codes({"spec": {"minReplicas": 1, "maxReplicas": 3}}, kind="HorizontalPodAutoscaler") == []


def test_h5_an_hpa_that_may_go_to_zero_is_a_warning():
    hpa = {"spec": {"minReplicas": 0, "maxReplicas": 3}}
    assert codes(hpa, "warning", "HorizontalPodAutoscaler") == ["H5"]


def test_s17_names_above_63_characters_are_errors():
    """With KEDA's own HPA name the source may have 46 characters: 63 less keda-hpa- less -primary."""
    assert codes(scaled_object("x" * 46 + "-primary", minReplicaCount=1)) == []
    assert codes(scaled_object("x" * 47 + "-primary", minReplicaCount=1)) == ["scaler-name"]
    assert codes(scaled_object("x" * 64, minReplicaCount=1)) == ["scaler-name", "scaler-name"]
    long_hpa = {"horizontalPodAutoscalerConfig": {"name": "y" * 64}}
    (problem,) = check_bounds("ScaledObject", scaled_object(minReplicaCount=1, advanced=long_hpa))
    assert problem.path == "spec.advanced.horizontalPodAutoscalerConfig.name"


def test_the_hpa_of_keda_is_named_after_the_scaled_object_unless_it_has_its_own_name():
    assert keda_hpa_name(scaled_object("podinfo-so-primary")) == "keda-hpa-podinfo-so-primary"
    assert keda_hpa_name(scaled_object(advanced={"horizontalPodAutoscalerConfig": {"name": "mine"}})) == "mine"


@pytest.mark.parametrize(("minimum", "expected"), [(1, []), (0, ["scaler-cpu-only"]), (None, ["scaler-cpu-only"])])
def test_cpu_and_memory_alone_need_a_minimum(minimum, expected):
    spec = {} if minimum is None else {"minReplicaCount": minimum}
    assert codes(scaled_object(triggers=("cpu", "memory"), **spec)) == expected
    assert codes(scaled_object(triggers=("cpu", "kafka"), **spec)) == []


def test_s20_a_minimum_of_zero_is_a_warning_unless_the_work_comes_from_elsewhere():
    assert codes(scaled_object(), "warning") == ["scale-to-zero"]
    assert codes(scaled_object(minReplicaCount=1), "warning") == []
    assert codes(scaled_object(triggers=("kafka", "cron")), "warning") == []


@pytest.mark.parametrize(
    ("triggers", "fallback", "advanced", "errors", "warnings"),
    [
        (("prometheus",), {"failureThreshold": 3, "replicas": 4}, {}, [], []),
        (("prometheus",), {"failureThreshold": -1, "replicas": -2}, {}, ["scaler-fallback"] * 2, ["fallback-outside"]),
        (("cpu",), {"failureThreshold": 3, "replicas": 4}, {}, ["scaler-fallback"], []),
        (("cpu",), {"failureThreshold": 3, "replicas": 4}, {"scalingModifiers": {"formula": "a"}}, [], []),
        (("kafka",), {"replicas": 4, "behavior": "scalingModifiers"}, {}, ["scaler-fallback"], []),
        (("kafka",), {"replicas": 9}, {}, [], ["fallback-outside"]),
        (("kafka",), {"replicas": 1}, {}, [], ["fallback-outside"]),
    ],
)
def test_fallbacks_that_cannot_work_are_errors_and_cut_ones_warnings(triggers, fallback, advanced, errors, warnings):
    manifest = scaled_object(triggers=triggers, fallback=fallback, advanced=advanced, minReplicaCount=2, maxReplicaCount=8)
    assert codes(manifest) == errors
    assert codes(manifest, "warning") == warnings


@pytest.mark.parametrize(
    ("override", "replicas", "reported"),
    [
        ({"maxReplicaCount": 9}, 2, True),
        ({"minReplicaCount": 3}, 2, True),
        ({"minReplicaCount": 1}, 2, False),
        ({"maxReplicaCount": 9}, 5, False),
    ],
)
def test_a_fallback_that_stays_behind_a_raised_bound_is_a_warning(override, replicas, reported):
    source = {"minReplicaCount": 1, "maxReplicaCount": 3, "fallback": {"replicas": 2}}
    problems = check_fallback_follows(source, {**source, **override, "fallback": {"replicas": replicas}})
    assert [problem.code for problem in problems] == (["fallback-not-raised"] if reported else [])
