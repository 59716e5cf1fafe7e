"""Columns at rest: what comes back, what they take, and what is not taken for one."""

from array import array
from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mx_core.store.places.packed import RUNS_FROM, pack, pack_runs, unpack_runs

_COLUMN = st.lists(
    st.tuples(st.integers(0, 2**32 - 400), st.integers(1, 60)), min_size=1, max_size=12
).map(lambda runs: list(chain.from_iterable(range(first, first + many) for first, many in runs)))


@given(_COLUMN, st.sampled_from("IQ"))
def test_a_column_comes_back_as_it_was(numbers: list[int], code: str) -> None:
    column = array(code, numbers)
    octets = pack_runs(column)
    assert unpack_runs(code, octets, len(column)) == column
    assert len(octets) <= len(pack(column))


@pytest.mark.parametrize("code", ["I", "Q"])
def test_what_follows_each_other_is_a_first_and_a_count(code: str) -> None:
    whole = array(code, range(70_000, 70_320))
    worn = array(code, [*range(1, 100), *range(120, 341)])
    assert pack_runs(whole) == pack(array(code, [70_000, 320]))
    assert pack_runs(worn) == pack(array(code, [1, 99, 120, 221]))


@pytest.mark.parametrize("code", ["I", "Q"])
def test_what_is_short_or_scattered_stays_as_it_is(code: str) -> None:
    short = array(code, range(1, RUNS_FROM))
    scattered = array(code, range(0, 640, 2))
    pairs = array(code, chain.from_iterable((n, n + 1) for n in range(0, 960, 3)))
    for column in (short, scattered, pairs):
        assert pack_runs(column) == pack(column)
        assert unpack_runs(code, pack(column), len(column)) == column


def test_one_who_changes_a_column_changes_it_for_nobody_else() -> None:
    octets = pack_runs(array("I", range(1, 321)))
    unpack_runs("I", octets, 320).append(7)
    assert unpack_runs("I", octets, 320) == array("I", range(1, 321))


@pytest.mark.parametrize(
    "runs",
    [
        [1, 319],  # fewer
        [1, 321],  # more
        [1, 320, 9],  # a run without a count
        [2**32 - 10, 320],  # beyond the width
        [1, 2**32 - 1],
        [],
    ],
)
def test_what_says_other_than_so_many_numbers_is_no_column(runs: list[int]) -> None:
    with pytest.raises(ValueError, match="column"):
        unpack_runs("I", pack(array("I", runs)), 320)


def test_octets_that_are_no_numbers_are_no_column() -> None:
    with pytest.raises(ValueError, match="multiple"):
        unpack_runs("I", b"\1\2\3", 320)
