"""Results are told by the numbers that the client knows, in the order that was found."""

from array import array
from types import SimpleNamespace
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st

from imap_out.session.search.results import Numbers
from imap_out.session.state.selected import SelectedView

UIDS = [3, 4, 5, 9, 10, 11, 12, 40]
VIEW = cast(
    "SelectedView",
    cast(
        "Any", SimpleNamespace(rows=SimpleNamespace(parts=[SimpleNamespace(uids=array("I", UIDS))]))
    ),
)
places = st.lists(st.integers(0, len(UIDS) - 1), unique=True)
runs = st.builds(lambda low, high: list(range(low, high)), st.integers(0, 7), st.integers(0, 8))
# a run of them out of order, which looks like one at its ends
permuted = st.just([2, 4, 3, 5])


@given(st.one_of(places, runs, permuted), st.booleans(), st.integers(0, 8), st.integers(0, 8))
def test_any_stretch_of_any_result_has_its_numbers(
    found: list[int], by_uid: bool, low: int, high: int
) -> None:
    numbers = Numbers(VIEW, found, by_uid=by_uid)

    expected = [UIDS[at] if by_uid else at + 1 for at in found]
    assert list(numbers.at(range(low, high))) == expected[low:high]
