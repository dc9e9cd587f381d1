"""docs/migrating-from-flagger.md is true: its rows are well-formed, and the proof that each one names, exists."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "migrating-from-flagger.md"
ROW = re.compile(r"^\| ([A-Z]+\d+) \| (.+?) \| (.+?) \| (.+?) \|$", re.MULTILINE)
ROWS = [match.groups() for match in ROW.finditer(PAGE.read_text())]


def proof_exists(proof: str) -> bool:
    """Tell whether a recording, a trace of the engine, or a test function is there."""
    kind, _, name = proof.partition(" ")
    if kind in ("trace", "engine"):
        return (ROOT / "tests" / "golden" / {"trace": "traces", "engine": "engine"}[kind] / f"{name}.yaml").is_file()
    path, _, function = proof.partition("::")
    return (ROOT / path).is_file() and re.search(
        rf"^(async )?def {function}\(", (ROOT / path).read_text(), re.MULTILINE
    ) is not None


def test_page_has_rows_and_no_number_twice():
    """One line a difference."""
    numbers = [number for number, *_ in ROWS]
    assert len(numbers) > 70
    assert sorted(set(numbers)) == sorted(numbers)
    lines = [line for line in PAGE.read_text().splitlines() if line.startswith("| ") and not line.startswith("| number")]
    assert len(lines) == len(ROWS)


@pytest.mark.parametrize("row", ROWS, ids=[number for number, *_ in ROWS])
def test_every_row_names_a_proof_that_exists(row):
    """The last column is a list of recordings, traces and test functions."""
    assert [proof for proof in row[3].split(", ") if not proof_exists(proof)] == []
