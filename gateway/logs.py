"""Logs of ids and sizes on standard error; never octets, subjects, local parts or keys (law 6)."""

from __future__ import annotations

import logging
import sys

import structlog

from gateway.config import Log

# these write message lines, peers' texts or every statement when they are allowed to talk
_QUIET = ("mail.log", "aiosmtpd", "aioimaplib", "asyncio", "grpc", "httpx", "httpcore", "alembic")
_QUIET_TOO = ("sqlalchemy", "uvicorn", "urllib3", "hpack")


def configure(settings: Log) -> None:
    """Send events at or above the chosen level to standard error."""
    level = getattr(logging, settings.level.upper())
    render: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if settings.format == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=max(level, logging.WARNING), stream=sys.stderr)
    for name in (*_QUIET, *_QUIET_TOO):
        logging.getLogger(name).setLevel(logging.WARNING)
