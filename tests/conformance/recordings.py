"""What the real API server answered, masked: one JSON file per scenario, read by every run and rewritten on request."""

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "recorded"


def read(name: str) -> dict[str, Any] | None:
    """Return the recorded answers of a scenario by step; None where none are recorded."""
    path = FOLDER / f"{name}.json"
    return dict(json.loads(path.read_text())) if path.exists() else None


def write(name: str, answers: dict[str, Any]) -> None:
    """Keep the answers of a scenario, a line per step."""
    FOLDER.mkdir(exist_ok=True)
    lines = [f"{json.dumps(step)}: {json.dumps(answer, ensure_ascii=False)}" for step, answer in answers.items()]
    (FOLDER / f"{name}.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")
