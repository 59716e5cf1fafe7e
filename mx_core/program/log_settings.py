"""The section [log] of a configuration, apart from the loggers: a command reads it and loads none."""

from __future__ import annotations

from typing import Literal

import msgspec


class Log(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much is logged, and how a line looks."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["text", "json"] = "text"
