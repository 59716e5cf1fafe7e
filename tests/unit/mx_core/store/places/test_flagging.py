"""Flags of many messages over several segments: what a message at a time would come to."""

from array import array
from collections.abc import Callable, Sequence
from functools import partial

import pytest
import sqlalchemy as sa

from mx_core.model.change import FlagsChanged
from mx_core.model.flags import DELETED, FLAGGED, SEEN, Flag, FlagSet
from mx_core.model.ids import MailboxId, ModSeq, Uid
from mx_core.model.mailbox_name import INBOX
from mx_core.ports import FlagChange, MailWriter, NewMail
from mx_core.store.journal.replay import replay
from mx_core.store.journal.row import read_row
from mx_core.store.places.flag_set import FlagSetId, FlagSetWriter
from mx_core.store.places.flagging import Chosen, Moved, Turned
from mx_core.store.places.segment import Segment
from tests.support.stores import form_of, memory_store

pytestmark = pytest.mark.anyio
_COUNT = 1_100  # four segments
_CHANGED: dict[FlagChange, Callable[[FlagSet, FlagSet], FlagSet]] = {
    FlagChange.ADD: lambda old, given: old | given,
    FlagChange.REMOVE: lambda old, given: old - given,
    FlagChange.REPLACE: lambda _old, given: given,
}
_STEPS: list[tuple[Sequence[int], FlagChange, FlagSet]] = [
    (range(1, _COUNT + 1), FlagChange.ADD, frozenset({FLAGGED})),  # all, of two sets
    (range(1, _COUNT + 1), FlagChange.ADD, frozenset({SEEN})),  # half of them change
    (range(1, _COUNT + 1), FlagChange.ADD, frozenset({SEEN})),  # none does
    (range(300, 800), FlagChange.REMOVE, frozenset({SEEN})),  # over a border
    (range(1, _COUNT, 3), FlagChange.ADD, frozenset({DELETED})),
    ([7], FlagChange.REMOVE, frozenset({SEEN, FLAGGED})),
    ([320, 321, 4_000], FlagChange.REPLACE, frozenset()),  # one that is not there
    ([], FlagChange.ADD, frozenset({SEEN})),
    (range(1, 3_000), FlagChange.REPLACE, frozenset({SEEN})),
]


def stored(
    box: MailboxId, uids: Sequence[Uid], change: FlagChange, flags: FlagSet, writer: MailWriter
) -> None:
    writer.store_flags(box, uids, change, flags)


@pytest.mark.parametrize("given_as", [list, lambda uids: array("I", uids)], ids=["list", "array"])
async def test_each_change_falls_where_it_would_one_by_one(
    given_as: Callable[[list[Uid]], Sequence[Uid]],
) -> None:
    with memory_store() as store:
        mail = store.mail
        inbox = (await mail.read(lambda reader: reader.mailbox(INBOX))).id
        sets = [frozenset({SEEN}) if uid % 2 else frozenset[Flag]() for uid in range(1, _COUNT + 1)]
        new = [NewMail(b"x", form_of(b"x"), FlagSet(flags)) for flags in sets]
        await mail.write(lambda writer: writer.append_all(inbox, new))
        held = {Uid(uid): FlagSet(flags) for uid, flags in enumerate(sets, 1)}
        modseqs = dict.fromkeys(held, ModSeq(0))

        for which, change, given in _STEPS:
            uids = [Uid(uid) for uid in which]
            with mail.watch(inbox) as watch:
                job = partial(stored, inbox, given_as(uids), change, given)
                await mail.write(job)
                told = watch.take()
            hit = [u for u in uids if u in held and held[u] != _CHANGED[change](held[u], given)]
            turns = {held[uid]: _CHANGED[change](held[uid], given) for uid in hit}
            held.update({uid: turns[held[uid]] for uid in hit})
            shot = await mail.read(lambda reader: reader.snapshot(inbox))
            box = await mail.read(lambda reader: reader.mailbox(INBOX))

            assert dict(zip(shot.uids, shot.flags, strict=True)) == held
            assert box.unseen == sum(SEEN not in flags for flags in held.values())
            assert box.deleted == sum(DELETED in flags for flags in held.values())
            now = dict(zip(shot.uids, shot.modseqs, strict=True))
            assert [uid for uid in held if now[uid] != modseqs[uid]] == hit or not modseqs[Uid(1)]
            assert len({now[uid] for uid in hit}) <= 1, "one modseq for all"
            modseqs = now
            assert [
                (list(each.uids), each.turns) for each in told if isinstance(each, FlagsChanged)
            ] == ([(hit, turns)] if hit else [])

        rows = await mail.write_with(
            lambda _w, connection: connection.exec_driver_sql(
                "SELECT device, device_seq, hybrid, change, op, mailbox, ids FROM journal"
                " ORDER BY device_seq"
            ).all()
        )
        told_by_journal = replay(read_row(row) for row in rows).mailboxes[box.global_id]
        assert told_by_journal.flags == held


async def test_a_change_of_one_makes_no_sets_of_its_neighbours() -> None:
    with memory_store() as store:
        mail = store.mail
        inbox = (await mail.read(lambda reader: reader.mailbox(INBOX))).id
        sets = [frozenset({Flag(f"$kind{number}")}) for number in range(20)]
        new = [NewMail(b"x", form_of(b"x"), flags) for flags in sets]
        await mail.write(lambda writer: writer.append_all(inbox, new))

        def count(_writer: object, connection: sa.Connection) -> int:
            return int(connection.exec_driver_sql("SELECT count(*) FROM flag_set").scalar_one())

        before = await mail.write_with(count)
        given = frozenset({Flag("$new")})
        await mail.write(lambda w: w.store_flags(inbox, [Uid(7)], FlagChange.ADD, given))

        assert await mail.write_with(count) == before + 1


class _Sets(FlagSetWriter):
    """Three sets and no table."""

    def __init__(self) -> None:
        sets = [FlagSet(), FlagSet({SEEN}), FlagSet({SEEN, FLAGGED})]
        self.numbers = {flags: FlagSetId(number) for number, flags in enumerate(sets, 1)}

    def of(self, number: int) -> FlagSet:
        return {number: flags for flags, number in self.numbers.items()}[FlagSetId(number)]

    def number(self, flags: FlagSet) -> FlagSetId:
        return FlagSetId(self.numbers[flags])


@pytest.mark.parametrize("uid", [1, 4, 5, 8, 9, 12, 13, 40])
@pytest.mark.parametrize("change", [FlagSet({SEEN}).union, FlagSet({SEEN}).intersection])
def test_one_is_taken_as_it_is_among_others_that_are_not_there(
    uid: int, change: Callable[[FlagSet], FlagSet]
) -> None:
    outcomes = []
    for chosen in ([uid], [uid, 1_000]):
        uids, sets = array("I", [4, 5, 8, 9, 12]), array("I", [1, 2, 3, 1, 2])
        part = Segment(1, 4, uids, array("Q", range(5)), sets, array("Q", range(5)))
        moved, turned = Moved(), Turned(_Sets(), change)
        taken = moved.take(part, Chosen(chosen), turned, lambda: ModSeq(77))
        outcomes.append((taken, moved, part, dict(turned), turned.others))

    assert outcomes[0] == outcomes[1]
