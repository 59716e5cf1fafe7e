"""Which messages a number, or a UID, means.  RFC 9051 §9."""

from types import SimpleNamespace
from typing import Any

import pytest

from imap_out.session.state.meant import positions
from imap_out.session.state.refusals import ClientBug
from imap_out.wire.sequence_set import SequenceSet
from mx_core.model.ids import ModSeq, Uid, UidValidity
from mx_core.model.snapshot import snapshot_of


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
