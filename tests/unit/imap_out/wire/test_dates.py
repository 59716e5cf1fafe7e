"""Dates and moments.  RFC 9051 §9."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imap_out.wire import dates
from imap_out.wire.syntax import BadSyntax


@given(st.integers(-60_000_000_000, 250_000_000_000))
def test_a_moment_survives(seconds: int) -> None:
    assert dates.parse_date_time(dates.render_date_time(seconds)) == seconds


@given(st.lists(st.integers(-60_000_000_000, 250_000_000_000), max_size=20))
def test_many_moments_are_spelled_as_one_by_one(moments: list[int]) -> None:
    assert dates.render_date_times(moments) == [dates.render_date_time(at) for at in moments]


@given(st.dates())
def test_a_day_survives(day: date) -> None:
    assert dates.parse_date(dates.render_date(day)) == day


@pytest.mark.parametrize(
    ("seconds", "spelled"),
    [
        (0, b"01-Jan-1970 00:00:00 +0000"), (-1, b"31-Dec-1969 23:59:59 +0000"), (86_399, b"01-Jan-1970 23:59:59 +0000"),
        (1_709_210_096, b"29-Feb-2024 12:34:56 +0000"),
    ],
)  # fmt: skip
def test_a_moment_is_spelled_in_utc(seconds: int, spelled: bytes) -> None:
    assert dates.render_date_time(seconds) == spelled


def test_a_zone_is_taken_off() -> None:
    assert dates.parse_date_time(b" 1-Jan-1970 02:00:00 +0200") == 0


@pytest.mark.parametrize(
    "text", [b"", b"1-Jan-1970", b"31-Feb-2026 00:00:00 +0000", b"1-Jan-2026 25:00:00 +0000",
             b"1-Foo-2026 00:00:00 +0000", b"1-Jan-2026 00:00:00 +9999", b"01-Jan-0000 00:00:00 +0000"],
)  # fmt: skip
def test_what_is_no_moment_is_bad_syntax(text: bytes) -> None:
    with pytest.raises(BadSyntax):
        dates.parse_date_time(text)


@pytest.mark.parametrize("text", [b"32-Jan-2026", b"1-Jan-26", b"1-January-2026", b"0-Jan-2026"])
def test_what_is_no_day_is_bad_syntax(text: bytes) -> None:
    with pytest.raises(BadSyntax):
        dates.parse_date(text)
