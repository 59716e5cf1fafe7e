"""How long an import still takes, from what it has done and what its source gives in a day.  Pure."""

from __future__ import annotations

from typing import Final

_DAY_SECONDS: Final = 86_400
_SURE_SECONDS: Final = 3.0  # a speed is worth nothing before


def seconds_left(
    messages: int, seen: int, seconds: float, *, octets: int, octets_a_day: int, guess: int
) -> int:
    """Return about how many seconds *messages* less those that were *seen* still take.

    *seconds* were needed for what was seen; *guess* is what a look reckoned for all of it,
    which counts until the speed is known.  What the source gives in a day is a bound to it.
    """
    left = max(messages - seen, 0) / messages if messages else 0.0
    by_speed = left * guess
    if seen and seconds >= _SURE_SECONDS:
        by_speed = max(messages - seen, 0) * seconds / seen
    by_source = left * octets / octets_a_day * _DAY_SECONDS if octets_a_day else 0.0
    # the first day's portion comes at once
    waits = by_source if left * octets > octets_a_day else 0.0
    return round(max(by_speed, waits))


def spelt(seconds: int) -> str:
    """Return a time as people say it: "about 5 min"."""
    if seconds < 60:  # noqa: PLR2004  # seconds of a minute
        return "less than a minute"
    if seconds < 2 * 3600:
        return f"about {round(seconds / 60)} min"
    if seconds < 2 * _DAY_SECONDS:
        return f"about {round(seconds / 3600)} h"
    return f"about {round(seconds / _DAY_SECONDS)} days"
