"""Which ids more than one message may have."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from mx_core.model.header_keys import NO_ID
from mx_core.store.forms.doubles import Doubles

ids = st.integers(0, 30) | st.integers(1, 2**64 - 1)


@given(st.lists(st.lists(ids, max_size=12), max_size=8), st.integers(0, 9))
def test_an_id_of_two_messages_is_always_doubtful(pieces: list[list[int]], expected: int) -> None:
    doubles = Doubles()
    for piece in pieces:
        doubles.add(piece, expected)

    told = [each for piece in pieces for each in piece]
    assert {each for each in told if told.count(each) > 1} - {NO_ID} <= doubles.ids <= set(told)


def test_ids_are_doubtful_over_all_marks_when_many_come_unexpected() -> None:
    draw = random.Random(1)
    many = [draw.getrandbits(64) for _ in range(40_000)]
    doubles = Doubles()
    for start in range(0, len(many), 1_000):
        doubles.add(many[start : start + 1_000], 0)
    one_in_32_of_each = len(many) * len(doubles._marks) // 32
    alone = len(doubles.ids)
    doubles.add(many[::100], 0)

    assert set(many[::100]) <= doubles.ids
    assert len(doubles._marks) > 1
    assert alone < one_in_32_of_each


def test_messages_without_an_id_make_nothing_doubtful() -> None:
    doubles = Doubles()
    doubles.add([NO_ID, NO_ID], 2)

    assert not doubles.ids
