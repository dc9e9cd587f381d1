"""The package is a map: names load when they are used, and importing it costs next to nothing."""

import subprocess
import sys

import pytest

import canarykit

PROMISED = {
    "Action", "Answer", "Clone", "CloneRequest", "Decision", "Identities", "Problem", "Question", "Ref", "Settings", "Snapshot",
    "SpecError", "Split", "UnknownName", "clone_for_primary", "next_weight", "override_replicas", "pause", "primary_of", "resume",
    "rewrite_query", "status_patch",
}  # fmt: skip
LIST = "import sys, canarykit; print(*sorted(name for name in sys.modules if name.startswith(('canarykit.', 'attr', 'cattr'))))"


def test_importing_the_package_loads_no_room():
    """The goal is 60 ms; a package that loads nothing keeps it on any machine."""
    done = subprocess.run([sys.executable, "-c", LIST], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


@pytest.mark.parametrize("name", canarykit.__all__)
def test_public_name_loads_and_says_what_it_is(name):
    """Each from the module that it lives in, with a docstring."""
    found = getattr(canarykit, name)
    assert found.__doc__
    assert found.__module__.startswith("canarykit.")


def test_what_other_controllers_import_is_public():
    """Names that issue 3 and the README promise."""
    assert set(canarykit.__all__) >= PROMISED


def test_unknown_name_is_an_attribute_error():
    """Not an import error from somewhere inside."""
    with pytest.raises(AttributeError, match="no attribute 'clone'"):
        _ = canarykit.clone  # type: ignore[attr-defined]


@pytest.mark.parametrize("room", ["observe", "questions", "decide", "plan", "status"])
def test_rooms_of_the_corridor_are_modules(room):
    """A package cannot hold a module and a function of one name; the function is in the module."""
    module = __import__(f"canarykit.{room}", fromlist=["*"])
    assert callable(getattr(module, "status_patch" if room == "status" else room))
