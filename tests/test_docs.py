"""What is documented is true: printed pages match the code, Python blocks run, commands and names exist."""

import importlib
import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

from canary_controller.flags import FLAGS
from canarykit.requests import DOES, VERBS, WORKS_IN
from canarykit.routers import ROUTERS
from canarykit.workloads import WORKLOADS
from make_docs import PAGES

ROOT = Path(__file__).resolve().parent.parent
PAGES_OF_OURS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
TEXTS = {str(path.relative_to(ROOT)): path.read_text() for path in PAGES_OF_OURS}
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
BLOCKS = [(name, language, body) for name, text in TEXTS.items() for language, body in FENCE.findall(text)]
PYTHON = [(name, body) for name, language, body in BLOCKS if language == "python"]
COMMANDS = [
    (name, line.split("#")[0].strip())
    for name, language, body in BLOCKS
    if language in ("bash", "sh", "console")
    for line in body.splitlines()
    if line.strip() and not line.startswith("#")
]
CODE = [(name, code) for name, text in TEXTS.items() for code in re.findall(r"`([^`\n]+)`", FENCE.sub("", text))]


@pytest.mark.parametrize("page", PAGES)
def test_printed_page_is_what_the_code_says(page):
    """After a change of rules or guards: make docs."""
    assert (ROOT / "docs" / page).read_text() == PAGES[page]()


@pytest.mark.parametrize(("page", "body"), PYTHON, ids=[f"{page}-{number}" for number, (page, _) in enumerate(PYTHON)])
def test_python_block_runs(page, body):
    """In a process of its own, as a reader would."""
    done = subprocess.run([sys.executable, "-c", body], capture_output=True, text=True, check=False, timeout=60, cwd=ROOT)
    assert done.returncode == 0, done.stderr


def test_readme_has_its_ten_lines():
    """The first screen shows the library, too."""
    assert [page for page, _ in PYTHON].count("README.md") == 1


def _targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def _scripts() -> set[str]:
    section = (ROOT / "pyproject.toml").read_text().partition("[project.scripts]")[2].partition("\n[")[0]
    return set(re.findall(r"^([\w-]+) =", section, re.MULTILINE))


@pytest.mark.parametrize(("page", "command"), COMMANDS, ids=[f"{page} {command}" for page, command in COMMANDS])
def test_command_in_a_block_exists(page, command):
    """Targets of make, our own commands, and tools that everybody has."""
    _assert_known(command)


@pytest.mark.parametrize(("page", "code"), [each for each in CODE if re.match(r"(make|\S*canary-controller) ", each[1])])
def test_command_in_the_text_exists(page, code):
    """The same for commands in a sentence."""
    _assert_known(code)


def _assert_known(command: str) -> None:
    program, *arguments = [word for word in command.split() if not re.match(r"[A-Z_]+=", word)] or command.split()
    if program.endswith("/python"):
        module = arguments[arguments.index("-m") + 1]
        assert importlib.util.find_spec(module) is not None, command
        assert all((ROOT / each).exists() for each in arguments if each.startswith("tests/")), command
    elif program == "make":
        assert set(arguments) <= _targets(), command
    elif program.endswith("canary-controller"):
        assert "canary-controller" in _scripts()
        wanted = [each for each in arguments[:1] if not each.startswith("-")]
        usage = subprocess.run(
            [sys.executable, "-m", "canary_controller", *wanted, "--help"],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert usage.returncode == 0, usage.stderr
    else:
        assert program in {"kubectl", "export", "cd", "git", "docker", "python", "pip", "KUBECONFIG", "helm"}, command


MODULE = re.compile(r"(?:canarykit|canary_controller)(?:\.[a-z_][\w.]*)+$")
PATH = re.compile(r"(?:canarykit|controller|tests|docs|examples)/[\w./-]+$")
TEST = re.compile(r"(tests/[\w/-]+\.py)::(test_\w+)")


def _exists(dotted: str) -> bool:
    """Whether a dotted name is a module, or a name in one."""
    parts = dotted.split(".")
    for length in range(len(parts), 0, -1):
        try:
            here = importlib.import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        return all((here := getattr(here, name, None)) is not None for name in parts[length:])
    return False


def test_modules_in_backticks_exist():
    """`canarykit.decide`, or a name in such a module."""
    assert [f"{page}: {code}" for page, code in CODE if MODULE.match(code) and not _exists(code)] == []
    assert _exists("canarykit.decide.Decision")
    assert not _exists("canarykit.decide.Verdict")


def test_paths_in_backticks_exist():
    """Files and folders of this repository."""
    assert [f"{page}: {code}" for page, code in CODE if PATH.match(code) and not (ROOT / code).exists()] == []


@pytest.mark.parametrize("page", TEXTS)
def test_links_lead_somewhere(page):
    """Relative links, seen from the page."""
    here = (ROOT / page).parent
    broken = [
        link for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", FENCE.sub("", TEXTS[page])) if not (here / link).exists()
    ]
    assert broken == []


@pytest.mark.parametrize("page", TEXTS)
def test_tests_that_are_named_exist(page):
    """A claim with a test behind it."""
    missing = [
        f"{path}::{name}"
        for path, name in TEST.findall(TEXTS[page])
        if not (ROOT / path).exists() or f"def {name}(" not in (ROOT / path).read_text()
    ]
    assert missing == []


def test_limits_name_what_the_code_refuses():
    """docs/limits.md follows the registries, the flags and the list of what is not supported yet."""
    text = TEXTS["docs/limits.md"]
    source = (ROOT / "canarykit" / "spec" / "validate_later.py").read_text()
    refused = {path.removeprefix("spec.").removeprefix("analysis.") for path in re.findall(r'"(spec\.[\w.]+)",', source)}
    assert refused >= {"mirror", "match", "sessionAffinity", "alerts", "revertOnDeletion"}
    assert [name for name in refused if name not in text] == []
    assert all(f"`{name}`" in text for name in (*ROUTERS, *WORKLOADS))
    assert all(flag.acting for flag in FLAGS if flag.name.startswith(("slack", "msteams", "enable-leader")))


def test_every_request_is_documented():
    """Every verb, where it works and what it does."""
    assert set(DOES) == set(VERBS)
    assert all(f"| `{verb}` | {', '.join(sorted(WORKS_IN[verb]))} |" in TEXTS["docs/decision-table.md"] for verb in VERBS)
