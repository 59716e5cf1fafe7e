"""Segments that are known are found by the UIDs in them, replaced by what is stored, and never changed."""

from array import array
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mx_core.model.ids import MailboxId
from mx_core.store.places import flagged_last
from mx_core.store.places.segment import Segment

ONE, OTHER = MailboxId(1), MailboxId(2)


def segment(uids: Sequence[int], modseq: int = 1) -> Segment:
    return Segment(
        uids[0], uids[0], array("I", uids), array("Q", [modseq]) * len(uids),
        array("I", [1]) * len(uids), array("Q", uids),
    )  # fmt: skip


@given(
    lengths=st.lists(st.integers(1, 4), min_size=1, max_size=flagged_last.SEGMENTS_MAX),
    stored=st.lists(
        st.lists(st.integers(0, flagged_last.SEGMENTS_MAX - 1), max_size=4), max_size=8
    ),
)
def test_the_newest_of_each_is_found(lengths: list[int], stored: list[list[int]]) -> None:
    starts = [10 * (at + 1) for at in range(len(lengths))]
    known: dict[int, int] = {}
    now = None
    for modseq, chosen in enumerate(stored, 1):
        places = sorted({at % len(lengths) for at in chosen})
        parts = [segment(range(starts[at], starts[at] + lengths[at]), modseq) for at in places]
        now = flagged_last.after(now, ONE, parts)
        known |= dict.fromkeys(places, modseq)
    for at, (start, length) in enumerate(zip(starts, lengths, strict=True)):
        for uid in range(start - 1, start + length + 1):
            found = None if now is None else now.holding(uid)
            if at in known and start <= uid < start + length:
                assert found == segment(range(start, start + length), known[at])
            else:
                assert found is None


def test_what_is_found_is_the_finders_to_change() -> None:
    now = flagged_last.after(None, ONE, [segment([4, 5])])
    assert now is not None
    found = now.holding(5)
    assert found is not None
    found.flag_sets[1], found.modseqs[1] = 9, 9

    assert now.holding(5) == segment([4, 5])


def test_another_mailbox_takes_the_place_and_the_newest_stay() -> None:
    first = flagged_last.after(None, ONE, [segment([4, 5])])
    assert flagged_last.after(first, ONE, []) is first
    second = flagged_last.after(first, OTHER, [segment([4])])
    assert second is not None
    assert (second.mailbox, second.firsts) == (OTHER, [4])
    many = [segment([uid]) for uid in range(10, 10 + flagged_last.SEGMENTS_MAX)]
    third = flagged_last.after(second, OTHER, many)
    assert third is not None
    assert third.parts == many


@pytest.mark.parametrize("uid", [3, 6])
def test_a_uid_beside_a_segment_is_looked_for_elsewhere(uid: int) -> None:
    now = flagged_last.after(None, ONE, [segment([4, 5])])
    assert now is not None
    assert now.holding(uid) is None
