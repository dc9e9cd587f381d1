"""Print the pages of docs/ that say what the code says. Run: make docs. A test compares them with what is committed."""

from pathlib import Path

from canarykit.guards import GUARDED, TEXTS
from canarykit.requests import DOES, WORKS_IN
from canarykit.rules import mermaid, table_markdown

DOCS = Path(__file__).resolve().parent.parent / "docs"
PRINTED = "<!-- Printed from the code by `make docs`; do not edit. -->"


def phases_page() -> str:
    """Return docs/phases.md."""
    return f"""# Phases

{PRINTED}

Every arrow is a rule that can change the phase; its number leads to [decision-table.md](decision-table.md).
A restart, which begins an analysis again, stays in Progressing and has no arrow there.
The picture is drawn from the rules themselves, so it cannot differ.

```mermaid
{mermaid()}
```
"""


def table_page() -> str:
    """Return docs/decision-table.md."""
    requests = "\n".join(f"| `{verb}` | {', '.join(sorted(WORKS_IN[verb]))} | {DOES[verb]} |" for verb in sorted(DOES))
    guards = "\n".join(f"| {name}{' *' if name in GUARDED else ''} | {text} |" for name, text in TEXTS.items())
    return f"""# Decision table

{PRINTED}

In every pass the rules of the present phase are looked at from top to bottom, and the first one whose condition holds decides.
The last rule of a phase always holds, so no pass ends without a reason.
*Told*: the reason of a long wait also goes to `status.rollout.waiting`.
*cur* is the target's present revision, *attempted* the one last analysed, *promoted* the one that the primary was seen running.
The clocks `c_can`, `c_pri`, `c_room` and `c_route` stand under `status.rollout.clocks`; late is past `progressDeadlineSeconds`.

{table_markdown()}
## Guards

A guard says what has to be observed before one action may be taken; destructive order follows from guards alone.
An action whose guard has a star is planned again from a live read just before it is carried out.

| guard | opens for |
|---|---|
{guards}

## Requests

A person asks with the annotation `canarykit.dev/request: <verb>/<token>`, for example
`kubectl annotate canary podinfo canarykit.dev/request=abort/1 --overwrite`.
A request is new if the whole value differs from the last one.
The first pass that sees it obeys or refuses it, with a reason, in `status.rollout.request` and an Event.

| verb | works in | does |
|---|---|---|
{requests}
"""


PAGES = {"phases.md": phases_page, "decision-table.md": table_page}


if __name__ == "__main__":
    for name, page in PAGES.items():
        (DOCS / name).write_text(page())
        print(f"docs/{name}")
