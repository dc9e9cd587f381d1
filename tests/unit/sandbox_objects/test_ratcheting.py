"""What was wrong before a write does not refuse it; what the write touches does."""

import pytest

from canary_controller.sandbox.objects.causes import invalid, required
from canary_controller.sandbox.objects.ratcheting import touched

BEFORE = {"spec": {"provider": "istoi", "analysis": {"interval": "5x", "weights": [1, "two"]}}, "status": {}}
AFTER = {**BEFORE, "status": {"phase": "Failed"}}


@pytest.mark.parametrize("field", ["spec.provider", "spec.analysis.interval", "spec.analysis.weights[1]", "spec.analysis.new"])
def test_untouched_faults_are_let_pass(field):
    """A status write leaves the spec as it is, so nothing in the spec counts."""
    assert touched([invalid(field, "?", "is wrong")], BEFORE, AFTER) == []


def test_fault_of_the_write_itself_counts():
    """Changed values, and list elements of a list that changed, are the write's own."""
    after = {"spec": {"provider": "istoy", "analysis": {"interval": "5x", "weights": [2, "two"]}}}
    provider, weight = invalid("spec.provider", "istoy", "is wrong"), invalid("spec.analysis.weights[1]", "two", "is wrong")
    interval = invalid("spec.analysis.interval", "5x", "is wrong")
    assert touched([provider, interval, weight], BEFORE, after) == [provider, weight]


def test_missing_field_counts_once_its_parent_is_touched():
    """Somebody who edits the analysis has to complete it."""
    after = {"spec": {"provider": "istoi", "analysis": {"interval": "10s"}}}
    missing = required("spec.analysis.threshold")
    assert touched([missing], BEFORE, after) == [missing]
