"""Which messages a number, or a UID, means.  RFC 9051 §9."""

from types import SimpleNamespace
from typing import Any

import pytest

from imap_out.session.state.meant import asks_for_new, positions
from imap_out.session.state.refusals import ClientBug
from imap_out.wire.commands import Copy, Fetch, Noop, Store
from imap_out.wire.sequence_set import SequenceSet
from mx_core.model.ids import ModSeq, Uid, UidValidity
from mx_core.model.snapshot import snapshot_of
from mx_core.ports import FlagChange


def view(count: int) -> Any:
    """Return a view of *count* messages, whose UIDs are twice their numbers."""
    rows = snapshot_of(
        UidValidity(1), Uid(2 * count + 1), ModSeq(1), range(2, 2 * count + 1, 2), range(count),
        [1] * count, [frozenset()] * count,
    )  # fmt: skip
    return SimpleNamespace(rows=rows)


@pytest.mark.parametrize("said", [b"1", b"7", b"3,5", b"5,3,3", b"2:4", b"*", b"9:*"])
def test_numbers_stand_one_before_themselves(said: bytes) -> None:
    wanted = {
        b"1": [0], b"7": [6], b"3,5": [2, 4], b"5,3,3": [2, 4], b"2:4": [1, 2, 3], b"*": [9],
        b"9:*": [8, 9],
    }  # fmt: skip

    assert list(positions(view(10), SequenceSet.parse(said), by_uid=False)) == wanted[said]


@pytest.mark.parametrize("said", [b"11", b"4294967295", b"3,11", b"9:11"])
def test_a_number_that_no_message_has_is_a_mistake(said: bytes) -> None:
    with pytest.raises(ClientBug):
        positions(view(10), SequenceSet.parse(said), by_uid=False)
    with pytest.raises(ClientBug):
        positions(view(0), SequenceSet.parse(said), by_uid=False)


@pytest.mark.parametrize(
    ("said", "places"), [(b"2", [0]), (b"3", []), (b"20", [9]), (b"21", []), (b"4,6", [1, 2])]
)
def test_a_uid_that_is_not_there_is_nothing(said: bytes, places: list[int]) -> None:
    assert list(positions(view(10), SequenceSet.parse(said), by_uid=True)) == places


BEYOND = [b"*", b"1:*", b"*:1", b"99:*", b"1,*", b"7", b"3,8", b"9,1", b"7:1", b"1:4294967295"]


@pytest.mark.parametrize("said", BEYOND)
def test_a_star_or_a_number_that_was_not_told_yet_asks_for_what_is_new(said: bytes) -> None:
    assert asks_for_new(fetch(said), told_until(6))
    assert not asks_for_new(fetch(said), told_until(6, all_of_it=True))
    assert not asks_for_new(fetch(said, by_uid=False), told_until(6))


@pytest.mark.parametrize("said", [b"6", b"1:6", b"6:1", b"5,2", b"1:3,5:6", b"$"])
def test_what_was_told_is_not_new(said: bytes) -> None:
    assert not asks_for_new(fetch(said), told_until(6))


def test_nothing_but_fetch_asks_for_what_is_new() -> None:
    """What its client does not know is neither changed nor copied."""
    every = SequenceSet.parse(b"1:*")

    assert not asks_for_new(Store(every, FlagChange.ADD, frozenset(), by_uid=True), told_until(6))
    assert not asks_for_new(Copy(every, "Trash", by_uid=True), told_until(6))
    assert not asks_for_new(Noop(), told_until(6))


def fetch(said: bytes, *, by_uid: bool = True) -> Fetch:
    return Fetch(SequenceSet.parse(said), (), by_uid=by_uid)


def told_until(uid: int, *, all_of_it: bool = False) -> Any:
    return SimpleNamespace(uid_next=uid + 1, is_told_all=all_of_it)
