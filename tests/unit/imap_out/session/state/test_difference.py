"""What changed between two snapshots, whether they share parts or not."""

import random

import pytest

from imap_out.session.state.difference import difference
from mx_core.model.flags import SEEN, FlagSet
from mx_core.model.ids import MessageId, ModSeq, Uid, UidValidity
from mx_core.model.snapshot import Snapshot, snapshot_of

COUNT = 3000
NONE: FlagSet = frozenset()
SEEING = dict.fromkeys([NONE, frozenset({SEEN})], frozenset({SEEN}))
UIDS = [Uid(n) for n in range(1, COUNT + 1)]
OLD = Snapshot(UidValidity(1), Uid(1), ModSeq(1)).with_added(
    ModSeq(2), UIDS, [MessageId(n) for n in UIDS], [NONE] * COUNT
)
NEW = (
    OLD.with_flags(ModSeq(3), [Uid(5), Uid(2000)], SEEING)
    .without(ModSeq(4), [Uid(7), Uid(2500)])
    .with_flags(ModSeq(5), [Uid(1500)], SEEING)
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


def test_a_part_that_was_joined_with_the_next_is_known_by_what_it_held() -> None:
    worn = OLD.without(ModSeq(3), [uid for uid in UIDS if 50 < uid <= 1024])
    joined = worn.without(ModSeq(4), [uid for uid in UIDS if 1100 < uid <= 2048])
    assert len(joined.parts) < len(worn.parts)

    found = difference(worn, joined)

    assert sorted(found.gone) == list(range(1101, 2049))
    assert list(found.reflagged) == []

    found = difference(worn, joined.with_flags(ModSeq(5), [Uid(1050)], SEEING))

    assert sorted(found.gone) == list(range(1101, 2049))
    assert list(found.reflagged) == [1050]


@pytest.mark.parametrize("seed", range(80))
def test_whatever_happens_it_is_what_a_look_at_each_message_finds(seed: int) -> None:
    draw = random.Random(seed)
    old = new = OLD
    modseq, added = 2, COUNT
    for _ in range(draw.randint(1, 12)):
        modseq += 1
        there = list(new.uids)
        what = draw.choice(
            ["flag", "flag", "flag some", "flag all", "expunge", "expunge most", "add", "add many"]
        )
        if what.startswith("flag"):
            many = {"flag": 1, "flag some": 3, "flag all": len(there)}[what]
            chosen = sorted(draw.sample(there, many))
            new = new.with_flags(ModSeq(modseq), chosen, SEEING)
        elif what.startswith("expunge"):
            # most of a stretch: what is left of its parts is joined
            low = draw.randrange(len(there) - 4)
            run = there[low : low + 700]
            chosen = sorted(draw.sample(run, len(run) * 9 // 10)) if "most" in what else run[:1]
            new = new.without(ModSeq(modseq), chosen)
        else:
            count = 700 if what == "add many" else 1
            uids = [Uid(added + n) for n in range(1, count + 1)]
            added += count
            ids = [MessageId(uid) for uid in uids]
            new = new.with_added(ModSeq(modseq), uids, ids, [NONE] * count)
        if draw.random() < 0.3:
            old = new  # told of until here
    was = dict(zip(old.uids, old.modseqs, strict=True))
    now = dict(zip(new.uids, new.modseqs, strict=True))

    pairs = [(old, new), (apart(old), new), (old, apart(new)), (new, apart(new)), (apart(new), new)]
    for (before, after), knew in zip(pairs, [was, was, was, now, now], strict=True):
        found = difference(before, after)

        assert sorted(found.gone) == [uid for uid in knew if uid not in now]
        assert list(found.reflagged) == [
            uid for uid in knew if now.get(uid, knew[uid]) != knew[uid]
        ]
