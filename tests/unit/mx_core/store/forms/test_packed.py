"""Columns come back as they were packed, all of them and one by one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mx_core.model.errors import StoreDamaged
from mx_core.store.forms.packed import Shape, pack, unpack

SHAPE = Shape(numbers=1, texts=2)
NUMBERS = st.integers(-(1 << 63), (1 << 63) - 1)
TEXTS = st.none() | st.binary(max_size=300)
ROWS = st.dictionaries(st.integers(0, 127), st.tuples(NUMBERS, TEXTS, TEXTS), max_size=128)


def packed(rows: dict[int, tuple[int, bytes | None, bytes | None]]) -> bytes:
    slots = sorted(rows)
    columns = list(zip(*(rows[slot] for slot in slots), strict=True)) or [(), (), ()]
    return pack(slots, columns[:1], columns[1:])


@given(ROWS)
def test_what_is_packed_comes_back(rows: dict[int, tuple[int, bytes | None, bytes | None]]) -> None:
    there = unpack(packed(rows), SHAPE)
    slots = sorted(rows)

    assert list(there.slots) == slots
    assert list(there.numbers(0)) == [rows[slot][0] for slot in slots]
    for column in (0, 1):
        texts = [rows[slot][1 + column] for slot in slots]
        assert there.texts(column) == texts
        assert [there.text(column, at) for at in range(len(slots))] == texts


@given(ROWS, st.sets(st.integers(0, 127)))
def test_without_some_the_others_stay_as_they_were(
    rows: dict[int, tuple[int, bytes | None, bytes | None]], gone: set[int]
) -> None:
    kept = {slot: row for slot, row in rows.items() if slot not in gone}

    assert unpack(packed(rows), SHAPE).without(gone) == packed(kept)


def test_positions_end_before_what_is_not_there() -> None:
    there = unpack(packed({slot: (slot, b"x", None) for slot in (3, 5, 6, 90)}), SHAPE)

    assert list(there.positions([5, 3, 90])) == [1, 0, 3]
    assert list(there.positions([3, 4, 5])) == [0]
    assert there.positions([3, 5, 6, 90]) == range(4)
    assert list(there.positions([])) == []


def test_positions_in_a_full_run_are_the_slots() -> None:
    there = unpack(packed({slot: (slot, b"x", None) for slot in range(128)}), SHAPE)

    assert list(there.positions([127, 3])) == [127, 3]
    assert there.positions(range(128)) == range(128)


def test_what_is_cut_or_longer_is_damage() -> None:
    octets = packed({slot: (slot, b"text", b"more") for slot in range(9)})
    for damaged in (octets[:-1], octets + b"x", octets[:30], octets[1:], b"\xff\xff\xff\xff"):
        with pytest.raises(StoreDamaged):
            unpack(damaged, SHAPE)
