"""The log: one line an event on standard error, ids and sizes and domains only (law 6).

Never octets, subjects, local parts or keys.  Loggers of others are capped at WARNING, because at
DEBUG some of them print what they carry.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import traceback
from typing import Any

import structlog

from mx_core.program.log_settings import Log

_log = structlog.get_logger()


def configure(settings: Log) -> None:
    """Send our events of the level and above to standard error."""
    level = logging.getLevelNamesMapping()[settings.level.upper()]
    line: Any = (
        structlog.processors.JSONRenderer()
        if settings.format == "json"
        else structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "event"])
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            line,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(name)s: %(message)s")


def places(error: BaseException) -> list[str]:
    """Return where *error* came from, innermost last, without any value."""
    return [
        f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}"
        for frame in traceback.extract_tb(error.__traceback__)
    ]


def loop_error(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Log what no task caught: its type and places, without its text."""
    error = context.get("exception")
    _log.error(
        "task_broke",
        error=type(error).__name__,
        places=places(error) if isinstance(error, BaseException) else [],
    )
