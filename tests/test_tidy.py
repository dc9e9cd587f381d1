"""Rules about the source that a reader would otherwise have to remember. Each test says the rule."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LIBRARY = ROOT / "canarykit"
CONTROLLER = ROOT / "controller" / "canary_controller"
PORCH = {"cli.py", "pytest_plugin.py"}
IMPURE = {
    "aiohttp", "asyncio", "canary_controller", "logging", "os", "pathlib", "random", "secrets", "socket", "subprocess",
    "threading", "time", "uuid",
}  # fmt: skip
LONGEST_FUNCTION = 60
LONGEST_FILE = 400


def _sources(*roots: Path) -> Iterator[tuple[Path, ast.Module]]:
    for root in roots:
        for path in sorted(root.rglob("*.py")):
            yield path, ast.parse(path.read_text())


def _functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def _imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def test_functions_fit_on_a_screen():
    """No function is longer than 60 lines."""
    long = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"
        for path, tree in _sources(LIBRARY, CONTROLLER)
        for node in _functions(tree)
        if (node.end_lineno or 0) - node.lineno + 1 > LONGEST_FUNCTION
    ]
    assert long == []


def test_files_hold_one_idea_and_say_which():
    """Every module starts with a docstring and has at most 400 lines."""
    offenders = []
    for path, tree in _sources(LIBRARY, CONTROLLER):
        text = path.read_text()
        if text.strip() and not ast.get_docstring(tree):
            offenders.append(f"{path.relative_to(ROOT)} has no docstring")
        if text.count("\n") > LONGEST_FILE:
            offenders.append(f"{path.relative_to(ROOT)} is too long")
    assert offenders == []


def test_public_functions_and_classes_say_what_they_do():
    """Every public function and class at module level has a docstring."""
    bare = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"
        for path, tree in _sources(LIBRARY, CONTROLLER)
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        and not node.name.startswith("_")
        and not ast.get_docstring(node)
    ]
    assert bare == []


def test_library_imports_nothing_that_does_io_or_knows_the_time():
    """canarykit is pure, but for its porch (decisions 001)."""
    found = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path, tree in _sources(LIBRARY)
        if path.name not in PORCH
        for name in _imported(tree)
        if name.partition(".")[0] in IMPURE
    ]
    assert found == []


def test_library_never_asks_what_time_it_is():
    """``now`` is an argument everywhere: no ``datetime.now``, ``utcnow`` or ``today``."""
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path, tree in _sources(LIBRARY)
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr in {"now", "utcnow", "today"} and isinstance(node.value, ast.Name)
        and node.value.id in {"datetime", "date"}
    ]  # fmt: skip
    assert found == []


def test_only_the_clock_module_knows_the_time_in_the_controller():
    """Other modules of the controller do not import time, random or secrets."""
    found = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path, tree in _sources(CONTROLLER)
        if path.name != "clock.py"
        for name in _imported(tree)
        if name in {"time", "random", "secrets"}
    ]
    assert found == []


def _tracked_text() -> Iterator[tuple[str, str]]:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.split("\n")
    for name in listed:
        path = ROOT / name
        if name and path.suffix not in {".png"} and path.is_file():
            yield name, path.read_text(errors="replace")


@pytest.mark.parametrize(
    "pattern", [r"TODO(?! #\d)", r"FIXME", r"/work/(main|shared)", r"files\.pythonhosted|pypi\.org|proxy\.golang"]
)
def test_no_loose_ends_and_nothing_of_one_machine(pattern):
    """No TODO without a number, no path of one machine, no registry host."""
    found = [name for name, text in _tracked_text() if name != "tests/test_tidy.py" and re.search(pattern, text)]
    assert found == []
