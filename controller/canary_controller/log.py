"""Logs on stderr with Flagger's keys: level, ts, caller, msg, and ``canary`` = ``<name>.<namespace>`` on lines about one.

No line is dropped by sampling. What is logged never holds bodies of requests or data of Secrets: callers pass names and texts.
"""

import sys
from collections.abc import Callable, MutableMapping
from datetime import UTC, datetime
from typing import Any, TextIO

import orjson
import structlog
from structlog.processors import CallsiteParameter, CallsiteParameterAdder

from canary_controller.clock import Clock

# Flagger's parser knows these and takes anything else for info; its own help promises "warning", so we know that too.
LEVELS = {"debug": 10, "info": 20, "warn": 30, "warning": 30, "error": 40, "fatal": 50, "panic": 50}
SHOWN = {"warning": "warn", "critical": "fatal"}
JSON = "json"

Event = MutableMapping[str, Any]


def setup(level: str, encoding: str, clock: Clock, stream: TextIO | None = None) -> None:
    """Log from now on from ``level`` upwards, as JSON lines or for people to read (``console``).

    Args:
        level: one of `LEVELS`; anything else is info.
        encoding: ``json`` or ``console``.
        clock: of the ``ts`` of each line.
        stream: stderr by default.
    """
    out = stream or sys.stderr
    render: Any
    if encoding == JSON:
        render = structlog.processors.JSONRenderer(serializer=_one_line)
    else:
        render = structlog.dev.ConsoleRenderer(colors=out.isatty(), event_key="msg", timestamp_key="ts")
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            _with_time(clock),
            CallsiteParameterAdder([CallsiteParameter.FILENAME, CallsiteParameter.LINENO]),
            _with_caller,
            structlog.processors.format_exc_info,
            structlog.processors.EventRenamer("msg"),
            render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS.get(level.lower(), LEVELS["info"])),
        logger_factory=structlog.WriteLoggerFactory(out),
        cache_logger_on_first_use=False,
    )


def logger(**values: Any) -> structlog.typing.FilteringBoundLogger:
    """Return a logger that adds ``values`` to every line."""
    bound: structlog.typing.FilteringBoundLogger = structlog.get_logger(**values)
    return bound


def logger_for(namespace: str, name: str) -> structlog.typing.FilteringBoundLogger:
    """Return the logger of one Canary."""
    return logger(canary=f"{name}.{namespace}")


def _with_time(clock: Clock) -> Callable[[Any, str, Event], Event]:
    def add(_logger: Any, _method: str, event: Event) -> Event:
        moment = datetime.fromtimestamp(clock.now(), UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        level = event.pop("level")
        return {"level": SHOWN.get(level, level), "ts": moment, **event}

    return add


def _with_caller(_logger: Any, _method: str, event: Event) -> Event:
    level, moment = event.pop("level"), event.pop("ts")
    caller = f"{event.pop('filename')}:{event.pop('lineno')}"
    return {"level": level, "ts": moment, "caller": caller, **event}


def _one_line(event: Event, **_options: Any) -> str:
    return orjson.dumps(event, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
