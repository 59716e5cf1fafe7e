"""Dates of RFC 5322 §3.3 and §4.3."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mx_core.mime.date import Sent, parse


@pytest.mark.parametrize(
    ("value", "unix", "offset"),
    [
        (b"Thu, 1 Jan 1970 00:00:00 +0000", 0, 0),
        (b"1 Jan 1970 01:00 +0100", 0, 60),
        (b"Thu,1 Jan 70 00:00:10 GMT", 10, 0),
        (b"Wed, 31 Dec 1969 19:00:00 EST", 0, -300),
        (b"1 January 1970 00.00.07 Z (UTC)", 7, 0),
        (b"1 Jan 1970 00:00:00", 0, 0),
        (b"(c) Thu (c), 1 (c) Jan 1970 00 : 00 : 05 -0130", 5405, -90),
        (b"1 Jan 20 00:00:00 +0000", 1577836800, 0),
        (b"31 Feb 2026 00:00:00 +0000", 1772496000, 0),
    ],
)
def test_a_date_is_a_time_and_a_zone(value: bytes, unix: int, offset: int) -> None:
    assert parse(value) == Sent(unix, offset)


@pytest.mark.parametrize(
    "value",
    [None, b"", b"yesterday", b"2026-11-21T10:11:12Z", b"Sat Nov 21 10:11:12 2026", b"1 Jan 1026 00:00:00",
     b"1 Foo 2026 00:00:00", b"1 Jan 2026 0", b"1 Jan 2026 00:0x", b"1 Jan 2026 00:00:xx", b"0 Jan 2026 00:00",
     b"1 Jan 2026 25:00", b"1 Jan 2026 00:60", b"1 Jan 9999 00:00", b"x" * 10_000],
)  # fmt: skip
def test_what_is_no_date_is_none(value: bytes | None) -> None:
    assert parse(value) is None


@given(st.text(alphabet="0123456789 :,.+-JanFebSatGMT()\n\xe4", max_size=40))
def test_any_date_stays_within_what_a_calendar_holds(value: str) -> None:
    sent = parse(value.encode("latin-1"))
    if sent is not None:
        epoch = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
        there = epoch + dt.timedelta(seconds=sent.unix, minutes=sent.offset)  # or OverflowError
        assert dt.MINYEAR <= there.year <= dt.MAXYEAR
