"""Packed columns of keys."""

from hypothesis import given
from hypothesis import strategies as st

from mx_core.store.forms.column import (
    NumberColumn,
    TextColumn,
    joined,
    number_column,
    text_column,
)

ROWS = st.dictionaries(
    st.integers(10, 30), st.text("ab", max_size=3).map(lambda t: b"\xff" + t.encode())
).map(lambda rows: sorted(rows.items()))


def column_of(first: int, rows: list[tuple[int, bytes]]) -> TextColumn:
    texts = [text for _, text in rows]
    return text_column(first, [message for message, _ in rows], b"".join(texts), map(len, texts))


@given(ROWS, st.text("ab", max_size=2), st.integers(10, 31))
def test_a_text_column_finds_what_each_text_holds(
    rows: list[tuple[int, bytes]], wanted: str, cut: int
) -> None:
    below = [row for row in rows if row[0] < cut]
    first = column_of(10, below)
    both = joined(first, column_of(first.end, rows[len(below) :]))

    assert isinstance(both, TextColumn)
    assert both.holding(wanted.encode()) == [n for n, text in rows if wanted.encode() in text]
    kept = zip(range(both.first, both.end), both.texts(0, 99), strict=True)
    assert [(n, text) for n, text in kept if text] == rows
    assert both.texts(15, 20) == both.texts(0, 99)[5:10]


NUMBERS = st.lists(st.integers(-9, 9), min_size=1, max_size=900)
IDS = st.integers(0, 1_000)


@given(NUMBERS, st.booleans(), IDS, IDS, st.tuples(st.integers(-10, 10), st.integers(-10, 10)))
def test_numbers_are_in_a_range_block_by_block_as_one_by_one(
    numbers: list[int], rising: bool, start: int, stop: int, ends: tuple[int, int]
) -> None:
    numbers = sorted(numbers) if rising else numbers
    column = number_column(10, range(10, 10 + len(numbers)), numbers)
    assert isinstance(column, NumberColumn)
    holds = range(*ends)
    one_by_one = bytes(
        numbers[n - 10] in holds for n in range(max(start, 10), stop) if n < column.end
    )

    assert column.within(start, stop, holds) == one_by_one


def test_numbers_stand_where_their_messages_do() -> None:
    column = number_column(4, [5, 7], iter([10, -11]))
    both = joined(column, number_column(8, [8, 9], iter([1, 2])))

    assert (column.first, column.end) == (4, 8)
    assert [column.numbers[1], column.numbers[3]] == [10, -11]
    assert both.end == 10
    assert column.numbers.tolist() + [1, 2] == both.numbers.tolist()  # type: ignore[union-attr]
    assert number_column(4, [], iter([])).end == 4
