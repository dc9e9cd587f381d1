"""Answers that may be used again: rollback hooks and closed gates, for one interval (decisions.md section 2)."""

import pytest

from canary_controller.ask import Memory
from canarykit.model import CONFIRM_PROMOTION, CONFIRM_ROLLOUT, FAIL, METRIC, PASS, ROLLBACK, UNAVAILABLE, Answer, Question

NOW, INTERVAL_S = 1_800_000_000.0, 10.0


def _question(about: str, rollout_id: str = "r1", revision: str = "ck1-a", step: str = "0.0.0.1/0.000") -> Question:
    return Question(about, "gate", f"{rollout_id}/{revision}/{step}/0")


def _recalled(about: str, verdict: str, later_s: float, asked: Question | None = None) -> bool:
    memory = Memory()
    memory.keep(_question(about), NOW, Answer(verdict))
    return memory.recall(asked or _question(about), NOW + later_s, INTERVAL_S) is not None


@pytest.mark.parametrize(
    ("about", "verdict", "kept"),
    [
        (ROLLBACK, FAIL, True),
        (ROLLBACK, UNAVAILABLE, True),
        (CONFIRM_ROLLOUT, FAIL, True),
        (CONFIRM_ROLLOUT, UNAVAILABLE, True),
        (CONFIRM_ROLLOUT, PASS, False),
        (METRIC, FAIL, False),
        (CONFIRM_PROMOTION, FAIL, False),
    ],
)
def test_rollback_hooks_and_closed_gates_are_asked_once_per_interval(about, verdict, kept):
    """Everything else is paced by the next check, or leads on at once."""
    assert _recalled(about, verdict, 9.0) == kept
    assert not _recalled(about, verdict, INTERVAL_S)


def test_closed_gate_is_remembered_into_waiting():
    """Waiting has an id of its own; the gate is the same one."""
    assert _recalled(CONFIRM_ROLLOUT, FAIL, 1.0, _question(CONFIRM_ROLLOUT, rollout_id="r2"))
    assert not _recalled(CONFIRM_ROLLOUT, FAIL, 1.0, _question(CONFIRM_ROLLOUT, revision="ck1-b"))


def test_rollback_hook_of_another_rollout_is_asked():
    """A new rollout starts without old answers; another step of the same one does not."""
    assert not _recalled(ROLLBACK, FAIL, 1.0, _question(ROLLBACK, rollout_id="r2"))
    assert _recalled(ROLLBACK, FAIL, 1.0, _question(ROLLBACK, step="20.1.0.1/5.000"))
