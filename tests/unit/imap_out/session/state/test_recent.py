"""UIDs that one session calls recent, kept as ranges."""

from hypothesis import given
from hypothesis import strategies as st

from imap_out.session.state.recent import RecentUids

gaps = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4)), max_size=6)


@given(gaps, st.integers(1, 40), st.integers(0, 8))
def test_ranges_are_asked_as_their_uids_one_by_one(
    ranges: list[tuple[int, int]], low: int, more: int
) -> None:
    """*ranges*: how many UIDs are left out, then how many are recent."""
    recent, each, at = RecentUids(), set[int](), 1
    for left_out, count in ranges:
        at += left_out
        recent.add(at, at + count - 1)
        each.update(range(at, at + count))
        at += count
    asked = range(low, low + more + 1)

    assert [uid in recent for uid in asked] == [uid in each for uid in asked]
    assert recent.touches(low, low + more) == any(uid in each for uid in asked)
    assert recent.covers(low, low + more) == all(uid in each for uid in asked)
