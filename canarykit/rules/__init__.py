"""The decision table, joined: for every phase the ordered rules, first match wins, the last one always matches.

This is decisions.md section 3 as data. `docs/decision-table.md` and `docs/phases.md` are printed from here.
"""

from canarykit import phases
from canarykit.errors import IllegalTransition
from canarykit.facts import Facts
from canarykit.rules.analysis import ANALYSIS
from canarykit.rules.idle import FIRST, IDLE, INITIALIZING, NEW, WAITING
from canarykit.rules.promotion import FINALISING, PROMOTING
from canarykit.rules.rule import BEFORE, Rule

TABLE: dict[str, tuple[Rule, ...]] = {
    phases.NEW: FIRST + NEW,
    phases.INITIALIZING: FIRST + INITIALIZING,
    phases.INITIALIZED: FIRST + IDLE,
    phases.SUCCEEDED: FIRST + IDLE,
    phases.FAILED: FIRST + IDLE,
    phases.WAITING: FIRST + WAITING,
    phases.PROGRESSING: FIRST + ANALYSIS,
    phases.WAITING_PROMOTION: FIRST + ANALYSIS,
    phases.PROMOTING: FIRST + PROMOTING,
    phases.FINALISING: FIRST + FINALISING,
}


def first_match(facts: Facts) -> Rule:
    """Return the rule that decides this pass.

    Raises:
        IllegalTransition: the status names a phase that the table does not have.
    """
    rules = TABLE.get(facts.state.phase)
    if rules is None:
        raise IllegalTransition(f"status.phase {facts.state.phase!r} is not in the table")
    return next(rule for rule in rules if rule.when(facts))


def transitions() -> list[tuple[str, str, str, str]]:
    """Return (phase, rule number, verdict, next phase) for every rule that can change the phase."""
    found = []
    for phase, rules in TABLE.items():
        for rule in rules:
            targets = sorted(phases.IDLE) if rule.to == BEFORE else [rule.to]
            found += [(phase, rule.number, rule.verdict, to) for to in targets if to and to != phase]
    return found


def mermaid() -> str:
    """Return the phase diagram in Mermaid's stateDiagram form, drawn from the table."""
    lines = ["stateDiagram-v2", "    [*] --> New"]
    seen = set()
    for phase, number, verdict, to in transitions():
        line = f"    {phase or 'New'} --> {to}: {verdict} ({number})"
        if line not in seen:
            seen.add(line)
            lines.append(line)
    return "\n".join(lines)


def table_markdown() -> str:
    """Return the decision table as Markdown: what comes first everywhere, then a section for phases with the same rules."""
    sections: list[tuple[list[str], tuple[Rule, ...]]] = []
    for phase, rules in TABLE.items():
        own, name = rules[len(FIRST) :], phase or "No phase yet"
        known = next((names for names, others in sections if others == own), None)
        if known is None:
            sections.append(([name], own))
        else:
            known.append(name)
    named = [("Every phase, looked at first", FIRST), *((", ".join(names), rules) for names, rules in sections)]
    return "\n\n".join(_section(title, rules) for title, rules in named) + "\n"


def _section(title: str, rules: tuple[Rule, ...]) -> str:
    lines = [f"## {title}", "", "| # | if | verdict | next phase | told |", "|---|---|---|---|---|"]
    for rule in rules:
        to = {BEFORE: "the phase before", "": "stays"}.get(rule.to, rule.to)
        lines.append(f"| {rule.number} | {rule.text} | {rule.verdict} | {to} | {'once' if rule.told else ''} |")
    return "\n".join(lines)
