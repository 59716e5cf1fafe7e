"""Columns of thread keys, cut and put together again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mx_core.model.header_keys import (
    NOWHERE,
    ThreadKeys,
    ThreadTable,
    joined,
    thread_table,
    with_neighbours,
)

numbers = st.integers(1, 2**64 - 1)
keys = st.builds(
    ThreadKeys, numbers, numbers, st.booleans(), st.lists(numbers, max_size=3).map(tuple)
)


def rows(table: ThreadTable) -> list[ThreadKeys]:
    return [table[at] for at in range(len(table))]


@given(st.lists(keys, max_size=8))
def test_a_table_says_what_it_was_made_of(some: list[ThreadKeys]) -> None:
    assert rows(thread_table(some)) == some


@given(st.lists(keys, max_size=8), st.integers(0, 8), st.integers(0, 8))
def test_a_cut_is_a_table_of_its_own(some: list[ThreadKeys], one: int, other: int) -> None:
    low, high = sorted((min(one, len(some)), min(other, len(some))))

    assert rows(thread_table(some).cut(low, high)) == some[low:high]


@given(st.lists(st.lists(keys, max_size=4), max_size=4))
def test_tables_joined_are_one_behind_the_other(some: list[list[ThreadKeys]]) -> None:
    assert rows(joined(map(thread_table, some))) == [key for each in some for key in each]


@given(st.lists(keys, min_size=1, max_size=8), st.lists(st.integers(0, 7), max_size=12))
def test_places_may_come_in_any_order(some: list[ThreadKeys], places: list[int]) -> None:
    places = [at % len(some) for at in places]

    assert rows(thread_table(some).at(places)) == [some[at] for at in places]


@given(st.lists(st.tuples(st.integers(0, 4), st.lists(st.integers(1, 5), max_size=3)), max_size=8))
def test_a_neighbour_is_the_first_of_the_table_with_the_id_that_is_named(
    some: list[tuple[int, list[int]]],
) -> None:
    ids = [id_ for id_, _ in some]
    named = [reference for _, references in some for reference in references]
    keys = [ThreadKeys(id_, references=tuple(references)) for id_, references in some]

    table = with_neighbours(thread_table(keys))

    assert table.near is not None
    assert list(table.near) == [ids.index(n) if n in ids else NOWHERE for n in named]
    assert list(table.named_far()) == [n for n in named if n not in ids]
    assert rows(table) == keys
