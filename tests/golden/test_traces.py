"""Recordings of real Flagger 1.44, played again: we say, call, make and leave behind what it did, but for `differences`."""

import re
from pathlib import Path

import pytest

from canarykit.events import NORMAL, WARNING
from golden import differences
from golden.compare import call_lines, deviations, event_lines
from golden.differences import Difference
from golden.recording import Called, Recording, Said, names, recording
from golden.replay import Played, replay

pytestmark = pytest.mark.looptime(idle_timeout=36000)
MIGRATING = Path(__file__).parents[2] / "docs" / "migrating-from-flagger.md"


def expected_events(trace: Recording) -> list[Said]:
    """Flagger's Events with our differences applied, in order."""
    return _changed(trace.said(), (*differences.ALWAYS, *differences.SAID.get(trace.name, ())))


def expected_calls(trace: Recording) -> list[Called]:
    """Flagger's hook calls with our differences applied, in order."""
    return _changed(trace.called(), differences.CALLED.get(trace.name, ()))


def _changed(items: list, entries: tuple[Difference, ...]) -> list:
    for entry in entries:
        items = entry.change(items)
    return items


@pytest.mark.parametrize("name", names())
async def test_we_do_what_flagger_did(name):
    """Events, hook calls, generated objects and the last state equal the recording's, but for the numbered differences."""
    trace = recording(name)
    events, calls = expected_events(trace), expected_calls(trace)
    played = await replay(trace, events, calls)
    assert event_lines(played.said) == event_lines(events), played.story
    assert call_lines(played.called) == call_lines(calls)
    assert sorted(set(played.posted)) == sorted({each.message for each in played.said})
    _check_made(trace, played)
    _check_last(trace, played)


def _check_made(trace: Recording, played: Played) -> None:
    found = {(each.where, each.path): (each.theirs, each.ours) for each in deviations(trace.made, played.made)}
    entries = [each for each in differences.MADE if each.trace == trace.name]
    assert found == {(each.where, each.path): (each.theirs, each.ours) for each in entries}


def _check_last(trace: Recording, played: Played) -> None:
    """The target, the primary, Services, ScaledObjects and the Canary's status end as Flagger's did.

    How many pods a scaled primary has is the autoscaler's affair (loads differ); it has to be within the scaler's bounds.
    """
    theirs, ours = trace.last(), played.last
    assert set(theirs) == set(ours)
    if "scaledobjects/podinfo-so-primary" in ours:
        scaler = ours["scaledobjects/podinfo-so-primary"]
        bounds = range(scaler["minReplicaCount"], scaler["maxReplicaCount"] + 1)
        assert ours["deployments/podinfo-primary"]["replicas"] in bounds
        if theirs["deployments/podinfo-primary"]["replicas"] in bounds:
            theirs["deployments/podinfo-primary"].pop("replicas")
    found = {
        (where, field): (value, ours[where].get(field))
        for where, facts in theirs.items()
        for field, value in facts.items()
        if value != ours[where].get(field)
    }
    entries = [each for each in differences.LAST if each.trace == trace.name]
    assert found == {(each.where, each.path): (each.theirs, each.ours) for each in entries}


def test_every_recording_tells_of_events_and_objects():
    """No trace is empty, so that no comparison passes for want of something to compare."""
    traces = [recording(name) for name in names()]
    assert len(traces) == 25
    assert all(trace.said() and trace.made and trace.last() for trace in traces)
    assert {each.type for trace in traces for each in trace.said()} == {NORMAL, WARNING}


def test_differences_speak_of_recordings_that_exist():
    """An entry for a trace that is gone would hide nothing and mean nothing."""
    known = {recording(name).name for name in names()}
    spoken = {*differences.SAID, *differences.CALLED, *(each.trace for each in (*differences.MADE, *differences.LAST))}
    assert spoken <= known


def test_every_difference_has_its_line_for_people_who_migrate():
    """Each number that a trace needs is a row of docs/migrating-from-flagger.md."""
    rows = set(re.findall(r"^\| (\w+\d+)", MIGRATING.read_text(), re.MULTILINE))
    assert differences.numbers() <= rows
