"""Every example runs, and every example manifest is accepted without a problem."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from canarykit import Settings
from canarykit.spec import validate

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"


@pytest.mark.parametrize("script", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.stem)
def test_script_runs(script):
    """A script ends well; its own assertions say what it shows."""
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


@pytest.mark.parametrize("manifest", sorted(EXAMPLES.glob("*.yaml")), ids=lambda path: path.stem)
def test_manifest_is_accepted(manifest):
    """A manifest has no problem, not even a warning."""
    for document in yaml.safe_load_all(manifest.read_text()):
        assert validate(document, Settings()) == ()
