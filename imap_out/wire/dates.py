"""Dates of IMAP: days as ordinals, moments as unix seconds.  RFC 9051 §9 (date, date-time)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta, timezone
from functools import lru_cache
from typing import Final

from imap_out.wire.syntax import BadSyntax

MONTHS: Final = (b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec")  # fmt: skip
_DAY_SECONDS: Final = 86_400
_DAYS_KNOWN: Final = 4_096  # ten years: a mailbox is listed by the thousand, a day at a time
_MINUTES: Final = [b" %02d:%02d:" % divmod(minute, 60) for minute in range(24 * 60)]
_SECONDS: Final = [b"%02d +0000" % second for second in range(60)]
_MONTH: Final = {name.lower(): number for number, name in enumerate(MONTHS, 1)}
# date-text = date-day "-" date-month "-" date-year
_DATE: Final = re.compile(rb"([0-9]{1,2})-([A-Za-z]{3})-([0-9]{4})")
# date-time = DQUOTE date-day-fixed "-" date-month "-" date-year SP time SP zone DQUOTE
_DATE_TIME: Final = re.compile(
    rb"([ 0-9][0-9]|[0-9])-([A-Za-z]{3})-([0-9]{4}) ([0-9]{2}):([0-9]{2}):([0-9]{2}) ([+-])([0-9]{2})([0-9]{2})"
)


def parse_date(text: bytes) -> date:
    """Return the day that *text* spells; raises BadSyntax."""
    match = _DATE.fullmatch(text)
    try:
        if match is not None:
            return date(int(match[3]), _MONTH[match[2].lower()], int(match[1]))
    except (KeyError, ValueError) as error:
        raise BadSyntax("a date") from error
    raise BadSyntax("a date")


def parse_date_time(text: bytes) -> int:
    """Return the moment that *text* (without its quotes) spells; raises BadSyntax."""
    match = _DATE_TIME.fullmatch(text)
    if match is None:
        raise BadSyntax("a date and time")
    offset = timedelta(hours=int(match[8]), minutes=int(match[9]))
    try:
        zone = timezone(-offset if match[7] == b"-" else offset)
        second = min(int(match[6]), 59)  # a leap second is not in unix time
        moment = datetime(
            int(match[3]), _MONTH[match[2].lower()], int(match[1]),
            int(match[4]), int(match[5]), second, tzinfo=zone,
        )  # fmt: skip
        return int(moment.timestamp())
    except (KeyError, ValueError, OverflowError) as error:
        raise BadSyntax("a date and time") from error


def render_date(day: date) -> bytes:
    """Spell *day* as SEARCH takes it."""
    return b"%d-%b-%04d" % (day.day, MONTHS[day.month - 1], day.year)


def render_date_time(seconds: int) -> bytes:
    """Spell the moment as INTERNALDATE shows it, in UTC, without quotes."""
    day, second = divmod(seconds, _DAY_SECONDS)
    return _spelled_day(day) + _MINUTES[second // 60] + _SECONDS[second % 60]


def render_date_times(moments: Sequence[int]) -> list[bytes]:
    """As ``render_date_time``, of many."""
    days = {day: _spelled_day(day) for day in {each // _DAY_SECONDS for each in moments}}
    return [
        days[each // _DAY_SECONDS] + _MINUTES[each % _DAY_SECONDS // 60] + _SECONDS[each % 60]
        for each in moments
    ]


@lru_cache(_DAYS_KNOWN)
def _spelled_day(day: int) -> bytes:
    moment = datetime.fromtimestamp(day * _DAY_SECONDS, UTC)
    return b"%02d-%b-%04d" % (moment.day, MONTHS[moment.month - 1], moment.year)


def day_of(seconds: int) -> date:
    """Return the day in UTC on which the moment falls."""
    return datetime.fromtimestamp(seconds, UTC).date()
