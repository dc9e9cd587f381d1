"""The rule tables are those of decisions.md section 3: complete, total, and every way out leads somewhere."""

import pytest

from canarykit import phases
from canarykit.errors import IllegalTransition
from canarykit.events import notes
from canarykit.facts import Facts
from canarykit.rules import TABLE, first_match, mermaid, table_markdown, transitions
from canarykit.rules.rule import BEFORE
from worlds import World

FIRST = ["A1", "A2", "A4", "A3"]
IDLE = ["R1", "R2", "R3", "R4", "R5", "R6"]
ANALYSIS = [
    "P1",
    "P2",
    "P3",
    "P4",
    "P5",
    "P6",
    "P6b",
    "P7",
    "P8",
    "P9",
    "P10",
    "P11",
    "P12",
    "P13",
    "P14",
    "P15",
    "P16",
    "P17",
    "P18",
    "P19",
]
# The hold at the end of a phase has no number in decisions.md; ours are B5, R6, H3, M11, F5. NEW and ANALYSIS end with N1, P19.
NUMBERS = {
    phases.NEW: ["N0", "N1"],
    phases.INITIALIZING: ["B1", "B2", "B3", "B4", "B5"],
    phases.INITIALIZED: IDLE,
    phases.SUCCEEDED: IDLE,
    phases.FAILED: IDLE,
    phases.WAITING: ["H1", "H2", "H3"],
    phases.PROGRESSING: ANALYSIS,
    phases.WAITING_PROMOTION: ANALYSIS,
    phases.PROMOTING: ["M1", "M2", "M3", "M4", "M5", "M6", "M7", "M8", "M9", "M10", "M11"],
    phases.FINALISING: ["F1", "F2", "F3", "F4", "F5"],
}
# (verdict, next phase) of every rule that is not a hold, as decisions.md section 3 has it; "" stays.
OUTCOMES = {
    "A1": ("delete", ""),
    "N0": ("adopt", "Initialized"),
    "N1": ("seen", "Initializing"),
    "B1": ("pin", ""),
    "B2": ("ready", "Initialized"),
    "R1": ("undo", "Promoting"),
    "R2": ("revision", "Progressing"),
    "R3": ("gate", "Waiting"),
    "R4": ("forget", ""),
    "H1": ("cancel", BEFORE),
    "H2": ("revision", "Progressing"),
    "P1": ("cancel", BEFORE),
    "P2": ("restart", "Progressing"),
    "P3": ("rollback", "Failed"),
    "P4": ("rollback", "Failed"),
    "P5": ("rollback", "Failed"),
    "P7": ("skip", "Promoting"),
    "P9": ("rollback", "Failed"),
    "P10": ("rollback", "Failed"),
    "P12": ("settle", ""),
    "P14": ("inconclusive", ""),
    "P15": ("check failed", "Failed"),
    "P16": ("gate", ""),
    "P17": ("gate", "WaitingPromotion"),
    "P18": ("advance", "Progressing"),
    "P19": ("promote", "Promoting"),
    "M1": ("undo", "Promoting"),
    "M2": ("verified", ""),
    "M3": ("cancel", BEFORE),
    "M4": ("restart", "Progressing"),
    "M5": ("rollback", "Failed"),
    "M6": ("promotion failed", "Failed"),
    "M9": ("shift", ""),
    "M10": ("shifted", "Finalising"),
    "F1": ("undo", "Promoting"),
    "F2": ("restart", "Progressing"),
    "F4": ("finish", "Succeeded"),
}
TOLD = {"A4", "A3", "B3", "R5", "P6b", "P8", "M8", "F3"}
EVERY = [(phase, rule) for phase, rules in TABLE.items() for rule in rules]
IDS = [f"{phase or 'New'}-{rule.number}" for phase, rule in EVERY]


@pytest.mark.parametrize("phase", phases.ALL)
def test_rules_of_a_phase_stand_in_the_order_of_the_decisions(phase):
    """First match wins, so the order is the contract."""
    assert [rule.number for rule in TABLE[phase]] == FIRST + NUMBERS[phase]


def test_every_phase_has_a_table():
    """No phase without rules, no rules without a phase."""
    assert set(TABLE) == set(phases.ALL)


@pytest.mark.parametrize(("phase", "rule"), EVERY, ids=IDS)
def test_every_rule_concludes_what_the_decisions_say(phase, rule):
    """Verdict and next phase; rules that are not listed are holds that stay."""
    assert (rule.verdict, rule.to) == OUTCOMES.get(rule.number, ("hold", ""))


@pytest.mark.parametrize(("phase", "rule"), EVERY, ids=IDS)
def test_every_rule_says_what_it_waits_for_and_why(phase, rule):
    """Each has a text for the docs and a reason for people; long waits, and only they, are told once in the status."""
    assert rule.text
    assert rule.reason
    assert rule.told == (rule.number in TOLD)


@pytest.mark.parametrize("phase", phases.ALL)
def test_last_rule_of_every_phase_matches_anything(phase):
    """The table is total: "nothing, silently" cannot be expressed."""
    nothing = World(phase=phase, target=None, primary=None, apex=None, image="", kept=(), primary_scaler=False, scaler=None)
    assert TABLE[phase][-1].when(nothing.facts())


def test_unknown_phase_is_an_error_of_ours():
    """A phase that nobody wrote is not taken for another one."""
    with pytest.raises(IllegalTransition, match="Paused"):
        first_match(World(phase="Paused").facts())


def test_every_phase_can_be_reached_and_left():
    """There is no dead end and no orphan."""
    ways = transitions()
    reached = {phases.NEW}
    while True:
        more = {to for phase, _, _, to in ways if phase in reached} - reached
        if not more:
            break
        reached |= more
    assert reached == set(phases.ALL)
    assert {phase for phase, *_ in ways} == set(phases.ALL)


def test_transitions_name_known_phases():
    """Rules lead to phases that exist."""
    assert {to for *_, to in transitions()} <= set(phases.ALL)


@pytest.mark.parametrize("phase", phases.ALL[1:])
def test_every_phase_has_its_condition(phase):
    """The condition Promoted is Unknown while it is open, and names the kind where the text has one."""
    status, message = phases.condition(phase, "Deployment")
    finished = {phases.INITIALIZED: "True", phases.SUCCEEDED: "True", phases.FAILED: "False"}
    assert status == finished.get(phase, "Unknown")
    assert "{" not in message


@pytest.mark.parametrize(("phase", "rule"), EVERY, ids=IDS)
def test_every_verdict_of_every_phase_can_be_told(phase, rule):
    """Events of a verdict need nothing but what is observed: no pair of phase and verdict is unknown to them."""
    facts: Facts = World(phase=phase).facts()
    for note in notes(facts, rule, facts.state, rule.verdict):
        assert note.type in ("Normal", "Warning")
        assert note.message
        assert note.action == rule.verdict
    assert rule.why(facts) or rule.number == "A4"  # whose reason is the list of errors


def test_diagram_and_table_show_every_rule():
    """Docs are printed from the table, so they cannot lie."""
    diagram, table = mermaid(), table_markdown()
    for phase, number, verdict, to in transitions():
        assert f"    {phase or 'New'} --> {to}: {verdict} ({number})" in diagram
    for _, rule in EVERY:
        assert f"| {rule.number} | {rule.text} |" in table
