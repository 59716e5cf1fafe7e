"""Sets stay ranges, and "*" is the largest there is."""

from bisect import bisect_left
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imap_out.wire.sequence_set import SequenceSet, uid_set
from imap_out.wire.syntax import BadSyntax
from tests.support.imap_commands import sets


@given(sets)
def test_parse_after_render_gives_the_same(which: SequenceSet) -> None:
    assert SequenceSet.parse(which.render()) == which


@pytest.mark.parametrize("text", [b"", b"0", b"1:", b":1", b"1,,2", b"01", b"4294967296", b"1:2:3"])
def test_what_is_no_set_is_bad_syntax(text: bytes) -> None:
    with pytest.raises(BadSyntax):
        SequenceSet.parse(text)


@given(which=sets, largest=st.integers(1, 50))
def test_spans_hold_just_the_members_in_order(which: SequenceSet, largest: int) -> None:
    small = SequenceSet(tuple((low % 60, high % 60) for low, high in which.ranges))

    spans = small.spans(largest)

    members = {
        number
        for low, high in small.ranges
        for number in range(
            min(low or largest, high or largest), max(low or largest, high or largest) + 1
        )
    }
    assert [n for low, high in spans for n in range(low, high + 1)] == sorted(members)


def test_a_range_above_the_last_uid_to_star_holds_the_last() -> None:
    """Thunderbird asks ``UID fetch <next>:*`` on every visit.  RFC 9051 §9 (seq-range)."""
    assert SequenceSet.parse(b"99:*").positions_of(9, partial(bisect_left, [3, 5, 9])) == [
        range(2, 3)
    ]


def test_a_set_in_an_empty_mailbox_is_empty() -> None:
    assert SequenceSet.parse(b"1:*").spans(0) == []


def test_a_huge_range_costs_nothing() -> None:
    which = SequenceSet.parse(b",".join([b"1:4294967295"] * 5000))

    assert which.spans(10) == [(1, 4294967295)]
    assert which.positions_of(7, partial(bisect_left, [7])) == [range(1)]


def test_uids_are_told_in_their_order_with_rising_runs_as_ranges() -> None:
    assert uid_set([3, 4, 5, 9, 1, 2]) == b"3:5,9,1:2"


def test_numbers_one_by_one_are_kept_as_such() -> None:
    assert SequenceSet.parse(b"7,3,3,9").numbers == (3, 7, 9)
    assert SequenceSet.parse(b"7,3:4").numbers == ()
    assert SequenceSet.parse(b"7,*").numbers == ()
