"""UIDs whose flags have to be told: the same set, in one piece or not."""

from array import array

from hypothesis import given
from hypothesis import strategies as st

from imap_out.session.state.untold import Untold

UIDS = st.sets(st.integers(1, 12)).map(sorted)
STEPS = st.lists(st.tuples(st.sampled_from(["add", "told"]), UIDS), max_size=8)


@given(STEPS)
def test_it_is_a_set_that_is_told_ascending(steps: list[tuple[str, list[int]]]) -> None:
    untold, model = Untold(), set[int]()
    for what, uids in steps:
        if what == "add":
            untold.add(array("I", uids))
            model |= set(uids)
        else:
            untold.told(array("I", uids))
            model -= set(uids)
        assert bool(untold) == bool(model)
    assert list(untold) == sorted(model)


def test_a_piece_that_is_told_as_it_came_is_gone() -> None:
    untold = Untold()
    untold.add(array("I", [1, 2, 3]))
    untold.told(array("I", [1, 2, 3]))

    assert not untold


def test_what_is_told_in_part_leaves_the_rest() -> None:
    untold = Untold()
    untold.add(array("I", [1, 2, 3]))
    untold.told([2])

    assert list(untold) == [1, 3]
