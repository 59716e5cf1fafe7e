"""When a message may leave at the earliest: HOLDFOR and HOLDUNTIL of MAIL.  RFC 4865.  Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from msgspec import Struct

# future-release-integer = %x31-39 *8DIGIT                                RFC 4865 §4.1
_SECONDS: Final = re.compile(r"[1-9][0-9]{0,8}")
# future-release-date-time = Internet-style-date-time-UTC                 RFC 4865 §4.1
_MOMENT: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?Z")
PARAMETERS: Final = frozenset({"HOLDFOR", "HOLDUNTIL"})


class Hold(Struct, frozen=True):
    """So many *seconds* from when the message is taken, or *until* a moment in unix seconds."""

    seconds: int = 0
    until: int = 0

    def moment(self, now: float) -> int:
        """Return when it may leave, of a message taken *now*; 0: at once."""
        return int(now) + self.seconds if self.seconds else self.until


NONE: Final = Hold()


def parse_hold(parameters: Mapping[str, str], now: float, longest_seconds: int) -> Hold | None:
    """Return what the parameters of MAIL ask for, or None if that can not be had.

    A moment that has passed is no wish: the message leaves at once.
    """
    asked = parameters.keys() & PARAMETERS
    if not asked:
        return NONE
    if len(asked) > 1:
        return None  # RFC 4865 §4.1: not both
    if "HOLDFOR" in asked:
        text = parameters["HOLDFOR"]
        seconds = int(text) if _SECONDS.fullmatch(text) else longest_seconds + 1
        return Hold(seconds=seconds) if seconds <= longest_seconds else None
    return _until(parameters["HOLDUNTIL"], now, longest_seconds)


def announced(now: float, longest_seconds: int) -> str:
    """Return the line of EHLO.  RFC 4865 §3."""
    last = datetime.fromtimestamp(int(now) + longest_seconds, UTC)
    return f"FUTURERELEASE {longest_seconds} {last:%Y-%m-%dT%H:%M:%SZ}"


def _until(text: str, now: float, longest_seconds: int) -> Hold | None:
    if not _MOMENT.fullmatch(text):
        return None
    try:
        moment = datetime.strptime(text[:19], "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        return None
    until = int(moment.timestamp())
    if until > now + longest_seconds:
        return None
    return Hold(until=until) if until > now else NONE
