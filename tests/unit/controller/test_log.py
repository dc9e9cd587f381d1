"""Log lines have Flagger's keys and levels."""

import io
import json
from collections.abc import Iterator

import pytest
import structlog

from canary_controller.clock import LoopClock
from canary_controller.log import logger, logger_for, setup

pytestmark = pytest.mark.looptime


@pytest.fixture(autouse=True)
def defaults() -> Iterator[None]:
    yield
    structlog.reset_defaults()


def logged(out: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in out.getvalue().splitlines()]


async def test_a_json_line_has_flaggers_keys_in_order():
    out = io.StringIO()
    setup("debug", "json", LoopClock(1_700_000_000.25), out)
    logger_for("test", "podinfo").info("New revision detected!", weight=20)
    [line] = logged(out)
    assert list(line)[:3] == ["level", "ts", "caller"]
    assert str(line.pop("caller")).startswith("test_log.py:")
    assert line == {
        "level": "info",
        "ts": "2023-11-14T22:13:20.250Z",
        "msg": "New revision detected!",
        "canary": "podinfo.test",
        "weight": 20,
    }


@pytest.mark.parametrize(
    ("level", "shown"),
    [
        ("debug", ["debug", "info", "warn", "error"]),
        ("info", ["info", "warn", "error"]),
        ("warn", ["warn", "error"]),
        ("warning", ["warn", "error"]),
        ("error", ["error"]),
        ("fatal", []),
        ("no such level", ["info", "warn", "error"]),
    ],
)
async def test_levels_are_flaggers_and_unknown_ones_are_info(level: str, shown: list[str]):
    out = io.StringIO()
    setup(level, "json", LoopClock(), out)
    for method in ("debug", "info", "warning", "error"):
        getattr(logger(), method)("x")
    assert [line["level"] for line in logged(out)] == shown


async def test_the_console_form_is_one_readable_line_without_colours_off_a_terminal():
    out = io.StringIO()
    setup("info", "console", LoopClock(1_700_000_000.0), out)
    logger_for("test", "podinfo").warning("Halt podinfo.test advancement")
    assert "\x1b" not in out.getvalue()
    assert out.getvalue().count("\n") == 1
    for part in ("2023-11-14T22:13:20.000Z", "warn", "Halt podinfo.test advancement", "canary=podinfo.test"):
        assert part in out.getvalue()


async def test_an_exception_is_logged_with_its_trace_on_one_line():
    out = io.StringIO()
    setup("info", "json", LoopClock(), out)
    try:
        raise KeyError("gone")
    except KeyError:
        logger().exception("a pass failed", canary=("a", {1: object}))
    [line] = logged(out)
    assert "KeyError: 'gone'" in str(line["exception"])
    assert line["level"] == "error"
