"""Snapshots kept up with commits, whoever reads them when."""

import random
from array import array
from collections.abc import Sequence
from typing import cast

import pytest

from mx_core.model.change import (
    Change,
    FlagsChanged,
    MailboxGone,
    MessagesAdded,
    MessagesExpunged,
)
from mx_core.model.errors import NoSuchMailbox
from mx_core.model.flags import SEEN, Flag, FlagSet
from mx_core.model.ids import MailboxId, MessageId, ModSeq, Uid, UidValidity
from mx_core.model.snapshot import Snapshot
from mx_core.store.mail.live import Live

BOX = MailboxId(7)
NONE: FlagSet = frozenset()
EMPTY = Snapshot(UidValidity(1), Uid(1), ModSeq(1))


def added(modseq: int, uid: int, box: MailboxId = BOX) -> MessagesAdded:
    return MessagesAdded(box, ModSeq(modseq), (Uid(uid),), (MessageId(uid),), (NONE,))


def read_at(*uids: int, modseq: int) -> Snapshot:
    """Return what a read job would have found on the disk."""
    snapshot = EMPTY
    for uid in uids:
        snapshot = snapshot.with_added(ModSeq(modseq), [Uid(uid)], [MessageId(uid)], [NONE])
    return snapshot


def test_what_is_announced_is_in_the_newest_snapshot() -> None:
    live = Live()
    live.offer(BOX, read_at(1, modseq=5))
    following, here = live.follow(BOX)
    live.announce(
        [
            added(6, 2),
            FlagsChanged(BOX, ModSeq(7), [Uid(1)], {NONE: frozenset({SEEN})}),
            MessagesExpunged(BOX, ModSeq(8), (Uid(2),)),
        ]
    )
    newest = following.newest()

    assert here
    told = (tuple(newest.uids), tuple(newest.flags), tuple(newest.modseqs))
    assert told == ((1,), (frozenset({SEEN}),), (7,))
    assert live.kept(BOX, 8) is newest
    assert live.kept(BOX, 7) is None


def test_what_is_announced_while_the_disk_is_read_is_not_missed() -> None:
    live = Live()
    following, here = live.follow(BOX)
    live.announce([added(6, 2)])
    live.announce([added(8, 3)])
    live.offer(BOX, read_at(1, 2, modseq=6))

    assert not here
    assert following.newest().uids == (1, 2, 3)


SETS = [frozenset({Flag(name)}) for name in ("\\Seen", "$One", "$Two")]


@pytest.mark.parametrize("looks", [range(20), range(0, 20, 3), [19]], ids=["each", "some", "last"])
@pytest.mark.parametrize("seed", range(10))
def test_the_keywords_are_those_of_all_snapshots_that_were_looked_at(
    seed: int, looks: Sequence[int]
) -> None:
    draw = random.Random(seed)
    live = Live()
    live.offer(BOX, read_at(1, 2, modseq=5))
    following, _ = live.follow(BOX)
    uids, known, modseq = [1, 2], frozenset[Flag](), 5
    for step in range(20):
        modseq += 1
        uid = Uid(draw.choice(uids))
        match draw.randrange(3):
            case 0:
                turns = dict.fromkeys([NONE, *SETS], draw.choice([NONE, *SETS]))
                ids = cast("Sequence[Uid]", array("I", [uid]))
                change: Change = FlagsChanged(BOX, ModSeq(modseq), ids, turns)
            case 1:
                uids.append(max(uids) + 1)
                new, flags = Uid(uids[-1]), draw.choice([NONE, *SETS])
                change = MessagesAdded(BOX, ModSeq(modseq), (new,), (MessageId(new),), (flags,))
            case _:
                change = MessagesExpunged(BOX, ModSeq(modseq), (uid,) if len(uids) > 1 else ())
                uids = [each for each in uids if each != uid or len(uids) == 1]
        live.announce([change])
        if step in looks:
            newest = following.newest()
            known |= {
                flag
                for part in newest.parts
                for kind in part.column.likely
                for flag in kind
                if not flag.startswith("\\")
            }

    assert following.keywords() == known


def test_a_commit_that_was_read_before_it_was_announced_is_in_once() -> None:
    live = Live()
    following, _ = live.follow(BOX)
    live.offer(BOX, read_at(1, 2, modseq=6))
    live.announce([added(6, 2)])

    assert following.newest().uids == (1, 2)


def test_what_was_read_before_the_last_announcement_is_not_kept() -> None:
    live = Live()
    live.announce([added(6, 2)])
    live.offer(BOX, read_at(1, modseq=5))

    assert live.kept(BOX, 5) is None


def test_a_snapshot_read_again_does_not_replace_the_one_that_sessions_share() -> None:
    live = Live()
    live.offer(BOX, read_at(1, modseq=5))
    following, _ = live.follow(BOX)
    shared = following.newest()
    live.offer(BOX, read_at(1, modseq=5))
    live.offer(BOX, read_at(1, 2, modseq=6))

    assert following.newest() is shared


def test_followed_mailboxes_stay_and_of_the_others_those_used_last() -> None:
    live = Live()
    live.offer(BOX, read_at(1, modseq=5))
    following, _ = live.follow(BOX)
    for number in range(100, 120):
        live.offer(MailboxId(number), read_at(1, modseq=5))
    there = [n for n in (BOX, *range(100, 120)) if live.kept(MailboxId(n), 5) is not None]

    assert there == [BOX, *range(104, 120)]
    following.close()
    live.offer(MailboxId(120), read_at(1, modseq=5))
    assert sum(live.kept(MailboxId(n), 5) is not None for n in (BOX, *range(100, 121))) == 16


def test_only_what_a_view_has_beside_the_newest_is_held() -> None:
    live = Live()
    live.offer(BOX, read_at(1, 2, modseq=5))
    following, _ = live.follow(BOX)
    other, _ = live.follow(BOX)
    for each in (following, other):
        each.hold(each.newest())
    assert list(live.held()) == []
    live.announce([MessagesExpunged(BOX, ModSeq(6), (Uid(1),))])

    assert [list(column) for column in live.held()] == [[1, 2]]
    following.hold(following.newest())
    other.close()
    assert list(live.held()) == []


def test_the_view_of_a_deleted_mailbox_is_held_whole() -> None:
    live = Live()
    live.offer(BOX, read_at(1, 2, modseq=5))
    following, _ = live.follow(BOX)
    following.hold(following.newest())
    live.announce([MailboxGone(BOX, ModSeq(6))])

    assert [list(column) for column in live.held()] == [[1, 2]]
    with pytest.raises(NoSuchMailbox):
        following.newest()
