"""Flag sets of neighbours: whatever was done to them, each has the set that it would have alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mx_core.model.flag_column import FlagColumn
from mx_core.model.flags import FLAGGED, SEEN, Flag, FlagSet

SETS: list[FlagSet] = [
    frozenset(),
    frozenset({SEEN}),
    frozenset({FLAGGED}),
    frozenset({SEEN, FLAGGED}),
]
ADDED = {each: each | {SEEN} for each in SETS}
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.just(0)),
        st.tuples(st.just("remove"), st.just(0)),
        st.tuples(st.just("at"), st.integers(1, 4)),
        st.tuples(st.just("cut"), st.integers(0, 3)),
        st.tuples(st.just("only"), st.integers(1, 3)),
        st.tuples(st.just("join"), st.integers(0, 3)),
    ),
    max_size=8,
)


@given(st.lists(st.sampled_from(SETS), max_size=20), STEPS)
def test_they_are_what_a_list_of_sets_would_be(
    first: list[FlagSet], steps: list[tuple[str, int]]
) -> None:
    column, plain = FlagColumn(tuple(first)), list(first)
    for step, number in steps:
        if step == "add":
            column, plain = column.turned(ADDED), [ADDED[each] for each in plain]
        elif step == "remove":
            turns = {each: each - {SEEN} for each in plain}
            column, plain = column.turned(turns), [turns[each] for each in plain]
        elif step == "at":
            places = range(0, len(plain), number)
            column = column.turned_at(places, ADDED)
            plain = [ADDED[each] if at in places else each for at, each in enumerate(plain)]
        elif step == "cut":
            column, plain = column.cut(slice(number, None)), plain[number:]
        elif step == "only":
            column, plain = column.only(range(0, len(plain), number)), plain[::number]
        else:
            column, plain = column.joined(FlagColumn((SETS[number],))), [*plain, SETS[number]]

        assert column.met == frozenset(plain)
        assert set(column.likely) >= set(plain)
        assert [column.kinds[at] for at in column.which] == plain
        if plain:
            assert column[len(plain) - 1] == plain[-1]
            few = [len(plain) // 2]
            assert column.among(few) == [plain[few[0]]]
        assert list(column.among(slice(1, 3))) == plain[1:3]
        assert list(column) == list(column.flags) == plain


def test_a_change_of_all_looks_at_no_message() -> None:
    before = FlagColumn(tuple(SETS * 200))
    after = before.turned(ADDED)

    assert after.which is before.which
    assert len(after.kinds) == len(SETS)


def test_sets_that_nobody_has_any_more_do_not_heap_up() -> None:
    column = FlagColumn((frozenset(),) * 3)
    for number in range(5_000):
        column = column.turned_at(
            [1], {each: frozenset({Flag(f"k{number}")}) for each in column.met}
        )

    assert column.flags == (frozenset(), frozenset({Flag("k4999")}), frozenset())
    assert len(column.kinds) < 2_100


def test_a_set_that_is_changed_has_to_be_named() -> None:
    with pytest.raises(KeyError):
        FlagColumn((SETS[1],)).turned_at([0], {SETS[0]: SETS[1]})
