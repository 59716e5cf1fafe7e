"""What changed between two snapshots, whether they share parts or not."""

import pytest

from imap_out.session.difference import difference
from mx_core.model.flags import SEEN, FlagSet
from mx_core.model.ids import MessageId, ModSeq, Uid, UidValidity
from mx_core.model.snapshot import Snapshot, snapshot_of

COUNT = 3000
NONE: FlagSet = frozenset()
UIDS = [Uid(n) for n in range(1, COUNT + 1)]
OLD = Snapshot(UidValidity(1), Uid(1), ModSeq(1)).with_added(
    ModSeq(2), UIDS, [MessageId(n) for n in UIDS], [NONE] * COUNT
)
NEW = (
    OLD.with_flags(ModSeq(3), [Uid(5), Uid(2000)], [frozenset({SEEN})] * 2)
    .without(ModSeq(4), [Uid(7), Uid(2500)])
    .with_flags(ModSeq(5), [Uid(1500)], [frozenset({SEEN})])
    .with_added(ModSeq(6), [Uid(COUNT + 1)], [MessageId(1)], [NONE])
)


def apart(snapshot: Snapshot) -> Snapshot:
    """Return the same with no part in common."""
    columns = (snapshot.uids, snapshot.messages, snapshot.modseqs, snapshot.flags)
    numbers = (snapshot.uid_validity, snapshot.uid_next, snapshot.highest_modseq)
    return snapshot_of(*numbers, *columns)


@pytest.mark.parametrize("new", [NEW, apart(NEW)], ids=["sharing parts", "sharing none"])
def test_the_gone_and_the_reflagged_are_found(new: Snapshot) -> None:
    found = difference(OLD, new)

    assert sorted(found.gone) == [7, 2500]
    assert sorted(found.reflagged) == [5, 1500, 2000]
