"""Packed columns of keys."""

from hypothesis import given
from hypothesis import strategies as st

from mx_core.model.header_keys import NO_DAY, OrderNumber
from mx_core.store.column import NumberColumns, TextColumn, column_of, joined

ROWS = st.dictionaries(
    st.integers(10, 30), st.text("ab", max_size=3).map(lambda t: b"\xff" + t.encode())
).map(lambda rows: sorted(rows.items()))


@given(ROWS, st.text("ab", max_size=2), st.integers(10, 31))
def test_a_text_column_finds_what_each_text_holds(
    rows: list[tuple[int, bytes]], wanted: str, cut: int
) -> None:
    below = [row for row in rows if row[0] < cut]
    first = column_of("a text", 10, below)
    both = joined(first, column_of("a text", first.end, rows[len(below) :]))

    assert isinstance(both, TextColumn)
    assert both.holding(wanted.encode()) == [n for n, text in rows if wanted.encode() in text]
    kept = zip(range(both.first, both.end), both.texts(0, 99), strict=True)
    assert [(n, text) for n, text in kept if text] == rows
    assert both.texts(15, 20) == both.texts(0, 99)[5:10]


def test_what_is_absent_from_a_number_column_is_nothing() -> None:
    column = column_of(OrderNumber, 4, [(5, 10, 20, None, NO_DAY), (7, 11, 21, 22, 3)])

    assert isinstance(column, NumberColumns)
    assert (column.first, column.end) == (4, 8)
    assert [list(each) for each in column.columns] == [
        [0, 10, 0, 11],
        [0, 20, 0, 21],
        [0, 20, 0, 22],
        [NO_DAY, NO_DAY, NO_DAY, 3],
    ]
