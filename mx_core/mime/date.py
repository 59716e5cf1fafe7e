"""The Date field as a time.  RFC 5322 §3.3 and §4.3, military and unknown zones as UTC.

Looks at one bounded value; no calendar of the machine is asked.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import Final

from msgspec import Struct

from mx_core.mime.lexical import BROKEN, Cursor

_MONTHS: Final = (
    b"jan", b"feb", b"mar", b"apr", b"may", b"jun",
    b"jul", b"aug", b"sep", b"oct", b"nov", b"dec",
)  # fmt: skip
_ZONES: Final = {
    b"est": -300, b"edt": -240, b"cst": -360, b"cdt": -300,
    b"mst": -420, b"mdt": -360, b"pst": -480, b"pdt": -420,
}  # fmt: skip
_VALUE_OCTETS_MAX: Final = 1_000
_EPOCH: Final = dt.date(1970, 1, 1).toordinal()
_OFFSET: Final = re.compile(rb"([+-])(\d\d)(\d\d)")
_COLON, _DOT, _COMMA = b":.,"
# as nearly all programs write it, and then the same as the tokens would say
_USUAL: Final = re.compile(
    rb"(?:[A-Za-z]{3}, )?([0-9]{1,2}) ([A-Za-z]{3}) ([0-9]{4})"
    rb" ([0-9]{2}):([0-9]{2}):([0-9]{2}) ([+-][0-9]{4}|[A-Za-z]{3})(?: \([A-Za-z]{1,5}\))?"
)
_WEEKDAY_OCTETS: Final = 3
_DAY_LAST, _HOUR_LAST, _MINUTE_LAST = 31, 24, 59
_YEAR_FIRST: Final = 1900  # RFC 5322 §3.3
_YEAR_LAST: Final = 9990  # no zone leads out of what a calendar holds


class Sent(Struct, frozen=True):
    """When the writer says a message was sent."""

    unix: int  # seconds
    offset: int  # minutes east of UTC; SENTSINCE compares days of ``unix + 60 * offset``


def parse(value: bytes | None) -> Sent | None:
    """Return the time that a Date value gives, or None."""
    # date-time = [ day-of-week "," ] day month year hour ":" minute [":" second] zone
    if value is None:
        return None
    usual = _USUAL.fullmatch(value)
    words = usual.groups() if usual is not None else _words(value)
    if words is None:
        return None
    day, month = _number(words[0], 1, 2), words[1][:3].lower()
    year, hour, minute = _year(words[2]), _number(words[3], 1, 2), _number(words[4], 2, 2)
    second = _number(words[5], 2, 2)
    if day is None or month not in _MONTHS or year is None or hour is None:
        return None
    if minute is None or second is None:
        return None
    if not (1 <= day <= _DAY_LAST and hour <= _HOUR_LAST and minute <= _MINUTE_LAST):
        return None
    offset = _zone(words[6])
    days = dt.date(year, _MONTHS.index(month) + 1, 1).toordinal() - _EPOCH + day - 1
    return Sent(days * 86_400 + hour * 3_600 + minute * 60 + second - offset * 60, offset)


def _words(value: bytes) -> tuple[bytes, ...] | None:
    """Return day, month, year, hour, minute, second and zone, as they are written."""
    tokens = _Tokens(value[:_VALUE_OCTETS_MAX])
    first = tokens.word()
    if len(first) == _WEEKDAY_OCTETS and tokens.separator(_COMMA):
        first = tokens.word()
    month, year, hour = tokens.word(), tokens.word(), tokens.word()
    if not tokens.separator(_COLON, _DOT):
        return None
    minute, second = tokens.word(), b"00"
    if tokens.separator(_COLON, _DOT):
        second = tokens.word()
    return first, month, year, hour, minute, second, tokens.word()


class _Tokens:
    def __init__(self, value: bytes) -> None:
        self._cursor = Cursor(value)
        self._cursor.skip_space()

    def word(self) -> bytes:
        """Return the next atom, or nothing."""
        out = bytearray()
        if self._cursor.atom(out) == BROKEN:
            self._cursor.at = self._cursor.end
        return bytes(out)

    def separator(self, *signs: int) -> bool:
        """Pass over one of *signs*."""
        if self._cursor.peek() not in signs:
            return False
        self._cursor.at += 1
        self._cursor.skip_space()
        return True


def _number(word: bytes, shortest: int, longest: int) -> int | None:
    return int(word) if word.isdigit() and shortest <= len(word) <= longest else None


def _year(word: bytes) -> int | None:
    # obs-year: two digits from 70 are of the last century, as every mail program reads them
    short = _number(word, 2, 2)
    if short is not None:
        return short + (2000 if short < 70 else 1900)  # noqa: PLR2004
    year = _number(word, 4, 4)
    return year if year is not None and _YEAR_FIRST <= year <= _YEAR_LAST else None


def _zone(word: bytes) -> int:
    found = _OFFSET.fullmatch(word)
    if found is None:
        return _ZONES.get(word.lower(), 0)
    minutes = int(found.group(2)) * 60 + int(found.group(3))
    return -minutes if found.group(1) == b"-" else minutes
