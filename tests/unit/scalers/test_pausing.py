"""Pausing by the library's own marks (cloning.md section 4.9); the cases of example G4 are golden files."""

from copy import deepcopy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canarykit.dicts import pruned
from canarykit.scalers import check_resume, pause, pause_patch, resume, resume_patch

KEYS = st.sampled_from(["team", "autoscaling.keda.sh/paused-replicas", "autoscaling.keda.sh/paused"])
OBJECTS = st.builds(
    lambda annotations, spec: {
        "metadata": {"name": "s", **({} if annotations is None else {"annotations": annotations})},
        "spec": spec,
    },
    st.none() | st.dictionaries(KEYS, st.sampled_from(["4", "true", "", "x"])),
    st.dictionaries(st.text(max_size=3), st.integers()),
)


@given(OBJECTS)
def test_resuming_what_was_paused_gives_back_the_object(manifest):
    """The law of pausing.py; a pause at "0" without a mark is another matter, it counts as left behind."""
    before = deepcopy(manifest)
    assert pruned(resume(pause(manifest))) == pruned(manifest)
    assert pause(pause(manifest)) == pause(manifest)
    assert manifest == before


def test_resuming_an_object_without_annotations_leaves_none_behind():
    assert resume(pause({"metadata": {"name": "s"}})) == {"metadata": {"name": "s"}}


def test_s18_the_users_own_pause_survives():
    four = {"metadata": {"annotations": {"autoscaling.keda.sh/paused-replicas": "4"}}}
    assert resume(pause(four)) == four
    assert resume(four) == four


def test_s12_patches_name_annotations_and_nothing_else():
    manifest = {"metadata": {"name": "s"}, "spec": {"advanced": {"scalingModifiers": {"formula": "a"}}}}
    for patch in (pause_patch(manifest), resume_patch(pause(manifest))):
        assert list(patch) == ["metadata"]
        assert list(patch["metadata"]) == ["annotations"]
    assert pause(manifest)["spec"] == manifest["spec"]


@pytest.mark.parametrize(
    ("key", "value", "reported"),
    [
        ("paused", "true", True),
        ("paused", "", True),
        ("paused", "F", False),
        ("paused-scale-out", "1", True),
        ("paused-scale-in", "true", False),
    ],
)
def test_pauses_that_go_on_after_a_resume_are_reported(key, value, reported):
    """KEDA reads any text but Go's words for false as true."""
    problems = check_resume({"metadata": {"annotations": {f"autoscaling.keda.sh/{key}": value}}})
    assert [problem.code for problem in problems] == (["still-paused"] if reported else [])
