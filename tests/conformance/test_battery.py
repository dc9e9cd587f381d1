"""The battery on the embedded API server, against what a real one answered: whole answers, masked by `masks` alone."""

import pytest

from conformance import known, recordings
from conformance.battery import scenarios
from conformance.masks import differences, masked
from conformance.servers import sandbox
from conformance.wire import Scenario, play

SCENARIOS = scenarios()


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
async def test_the_sandbox_answers_as_reality_did(scenario: Scenario):
    """Every step gets the answer that the real API server gave; what still differs is listed in `known`, exactly."""
    recorded = recordings.read(scenario.name)
    assert recorded is not None, f"no recording of {scenario.name}: CANARYKIT_RECORD=1 make real makes one"
    async with sandbox() as send:
        ours = masked(await play(send, scenario))
    found = {line.partition(": ")[0]: line for line in differences(recorded, ours)}
    expected = known.paths(scenario.name)
    assert [line for path, line in found.items() if path not in expected] == []
    assert sorted(expected - set(found)) == [], "these differ no longer: take them out of known.json"


def test_every_recording_belongs_to_a_scenario():
    """A scenario that was renamed or dropped leaves no recording behind, and no listed difference."""
    names = {scenario.name for scenario in SCENARIOS}
    assert {path.stem for path in recordings.FOLDER.glob("*.json")} == names
    assert known.scenarios() <= names
