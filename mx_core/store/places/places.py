"""The five changes to what is in a mailbox, on packed segments, within one write job.

Each changes segments, the mailbox's kept numbers, tombstones, the journal and the list of
changes to announce, together.  RFC 9051 §6.4.6–6.4.9, RFC 7162 §3.1, RFC 6851 §3.3.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from array import array
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final, cast

from msgspec import Struct

from mx_core.model.change import Change, FlagsChanged, MessagesAdded, MessagesExpunged
from mx_core.model.errors import NoSuchMailbox, OverQuota, StoreDamaged
from mx_core.model.flags import DELETED, SEEN, FlagSet
from mx_core.model.ids import GlobalId, MailboxId, MessageId, ModSeq, Uid
from mx_core.store.journal import row as journal_row
from mx_core.store.journal.journal import Journal
from mx_core.store.journal.row import Op
from mx_core.store.places import flagged_last, saved, segment
from mx_core.store.places.flag_set import FlagSetId, FlagSetWriter
from mx_core.store.places.flagged_last import SEGMENTS_MAX, FlaggedLast
from mx_core.store.places.flagging import Chosen, Moved, Turned
from mx_core.store.places.segment import Segment

if TYPE_CHECKING:
    import sqlalchemy as sa

_UID_MAX: Final = (1 << 32) - 1


class Place(Struct, frozen=True):
    """One message in one mailbox."""

    uid: int
    flag_set: FlagSetId
    message: MessageId


class Places(ABC):
    """See the module.  *changes* grows in modseq order."""

    def __init__(
        self,
        connection: sa.Connection,
        log: Journal,
        flag_sets: FlagSetWriter,
        changes: list[Change],
        now_seconds: int,
    ) -> None:
        self._connection = connection
        self._log = log
        self._flag_sets = flag_sets
        self._changes = changes
        self._now_seconds = now_seconds
        # of mailboxes that this job has read and not added to since
        self.next_uids: dict[MailboxId, Uid] = {}
        # where this job has added something last, and the UID that comes next there
        self.added: tuple[MailboxId, Uid] | None = None
        self.flagged_last: FlaggedLast | None = None  # segments as they are stored at this moment

    @abstractmethod
    def global_id(self, mailbox: MailboxId) -> GlobalId:
        """Return what the journal calls *mailbox*; raises NoSuchMailbox."""

    def find(
        self,
        mailbox: MailboxId,
        uids: Sequence[Uid] | None,
        wanted: Callable[[FlagSet], bool] = lambda _flags: True,
    ) -> list[Place]:
        """Return the places of *uids* (None: all) that exist and have *wanted* flags, ascending."""
        chosen = None if uids is None else set(uids)
        found = []
        for part in segment.holding(self._connection, mailbox, uids):
            takes = {number: wanted(self._flag_sets.of(number)) for number in set(part.flag_sets)}
            found += [
                Place(uid, FlagSetId(number), MessageId(message))
                for uid, number, message in zip(
                    part.uids, part.flag_sets, part.messages, strict=True
                )
                if takes[number] and (chosen is None or uid in chosen)
            ]
        return found

    def flags_of(self, place: Place) -> FlagSet:
        """Return the flags of a place that was found in this job."""
        return self._flag_sets.of(place.flag_set)

    def add(
        self,
        mailbox: MailboxId,
        messages: Sequence[tuple[MessageId, GlobalId, FlagSetId, int]],
        *,
        internal_dates: Sequence[int] | None = None,
    ) -> list[Uid]:
        """Put (message, global id, flag set, size), one at least, at the end of *mailbox*.

        All come under one modseq.
        *internal_dates* are given of new messages, not of copies.

        UIDs only grow, even when the newest message has been expunged, so they come from
        the mailbox's row and not from the segments.  RFC 9051 §2.3.1.1.
        """
        modseq = self._log.next_modseq()
        ids, global_ids, numbers, sizes = zip(*messages, strict=True)
        flags = self._flag_sets.of_all(numbers)
        unseen, deleted = _weigh(flags)
        first, global_id = self._next(mailbox)
        end = first + len(messages)
        if end > _UID_MAX:
            raise OverQuota("the mailbox has had more messages than UIDs exist")
        stored = self._connection.exec_driver_sql(
            "UPDATE mailbox SET uid_next = ?, highest_modseq = ?,"
            " messages = messages + ?, recent = recent + ?, unseen = unseen + ?,"
            " deleted = deleted + ?, size = size + ? WHERE id = ? AND uid_next = ?",
            (
                end,
                modseq,
                len(messages),
                len(messages),
                unseen,
                deleted,
                sum(sizes),
                mailbox,
                first,
            ),
        )
        if not stored.rowcount:  # no UID is given twice, whatever was thought to be known
            raise StoreDamaged("a mailbox has changed beside a job")
        self.added = mailbox, Uid(end)
        self._forget_flagged(mailbox)
        if len(messages) == 1:
            segment.append(self._connection, mailbox, (first, modseq, numbers[0], ids[0]))
        else:
            self._fill(mailbox, first, modseq, messages)
        self._note_saved(mailbox, first)
        uids = _uids(range(first, end))
        self._changes.append(MessagesAdded(mailbox, modseq, uids, ids, flags))
        if internal_dates is None:
            self._log_added(global_id, global_ids, flags, first, None)
            return list(uids)
        at = 0
        for date, run in groupby(internal_dates):  # a row has one date for all its places
            until = at + len(list(run))
            self._log_added(global_id, global_ids[at:until], flags[at:until], first + at, date)
            at = until
        return list(uids)

    def _next(self, mailbox: MailboxId) -> tuple[Uid, GlobalId]:
        """Return the UID that the next message gets, for a job that now gives it; and the global id."""
        first = self.next_uids.pop(mailbox, None)
        if first is not None:
            return first, self.global_id(mailbox)
        # two plain statements cost half of one that returns what it wrote
        row = self._connection.exec_driver_sql(
            "SELECT uid_next, global_id FROM mailbox WHERE id = ?", (mailbox,)
        ).one_or_none()
        if row is None:
            raise NoSuchMailbox("the mailbox was deleted")
        return row[0], row[1]

    def _fill(
        self,
        mailbox: MailboxId,
        first: int,
        modseq: ModSeq,
        messages: Sequence[tuple[MessageId, GlobalId, FlagSetId, int]],
    ) -> None:
        part = segment.last(self._connection, mailbox) or segment.empty(first)
        for uid, (message, _, number, _) in enumerate(messages, first):
            if len(part) >= segment.ENTRIES_MAX:
                segment.save(self._connection, mailbox, part)
                part = segment.empty(uid)
            part.add(uid, modseq, number, message)
        segment.save(self._connection, mailbox, part)

    def _note_saved(self, mailbox: MailboxId, first: int) -> None:
        saved.note(self._connection, mailbox, first, self._now_seconds)

    def flag(
        self, mailbox: MailboxId, uids: Sequence[Uid], change: Callable[[FlagSet], FlagSet]
    ) -> Moved:
        """Give *uids* the flags that *change* makes of theirs; return which really change.

        One modseq for all of those; where nothing does, no modseq rises.
        """
        chosen, moved = Chosen(uids), Moved()
        turned = Turned(self._flag_sets, change)
        stored: deque[Segment] = deque(maxlen=SEGMENTS_MAX)
        for part in self._holding(mailbox, chosen.uids):
            if moved.take(part, chosen, turned, self._log.next_modseq):
                segment.save_flags(self._connection, part, self._log.newest)
            stored.append(part)
        self.flagged_last = flagged_last.after(self.flagged_last, mailbox, list(stored))
        if moved.modseq is not None:
            self._finish_flagging(mailbox, moved.modseq, moved, turned)
        return moved

    def _holding(self, mailbox: MailboxId, uids: Sequence[int]) -> Iterable[Segment]:
        """Return the segments where *uids* live, the caller's own."""
        if (
            len(uids) == 1
            and self.flagged_last is not None
            and self.flagged_last.mailbox == mailbox
        ):
            part = self.flagged_last.holding(uids[0])
            if part is not None:
                return [part]
        return segment.holding(self._connection, mailbox, uids)

    def _forget_flagged(self, mailbox: MailboxId) -> None:
        """Forget the segments of *mailbox*, which are about to be others."""
        if self.flagged_last is not None and self.flagged_last.mailbox == mailbox:
            self.flagged_last = None

    def remove(self, mailbox: MailboxId, places: Sequence[Place]) -> None:
        """Take *places*, ascending, out of *mailbox*; a tombstone keeps the modseq."""
        if not places:
            return
        self._forget_flagged(mailbox)
        modseq = self._log.next_modseq()
        gone = {place.uid for place in places}
        uids = _uids([place.uid for place in places])
        touched = []
        for part in segment.holding(self._connection, mailbox, uids):
            left = part.without({at for at, uid in enumerate(part.uids) if uid in gone})
            segment.save(self._connection, mailbox, left)
            touched.append(part.first_uid)
        segment.compact(self._connection, mailbox, touched)
        unseen, deleted = _weigh(self._flag_sets.of_all([place.flag_set for place in places]))
        size = self._release([place.message for place in places])
        global_id = self._connection.exec_driver_sql(
            "UPDATE mailbox SET highest_modseq = ?, messages = messages - ?,"
            " recent = recent - (SELECT count(*) FROM json_each(?) WHERE value >= first_recent),"
            " unseen = unseen - ?, deleted = deleted - ?, size = size - ?"
            " WHERE id = ? RETURNING global_id",
            (modseq, len(uids), json.dumps(uids), unseen, deleted, size, mailbox),
        ).scalar_one()
        self._connection.exec_driver_sql(
            "INSERT INTO tombstone VALUES (?, ?, ?)", (mailbox, modseq, segment.pack_uids(uids))
        )
        self._changes.append(MessagesExpunged(mailbox, modseq, uids))
        self._log.write(Op.EXPUNGED, global_id, {0: journal_row.ranges(uids)})

    def forget(self, mailbox: MailboxId) -> None:
        """Let go of everything in *mailbox*, which is about to go itself."""
        self.next_uids.pop(mailbox, None)
        self._forget_flagged(mailbox)
        self._release(list(segment.load_all(self._connection, mailbox).messages))
        for table in ("segment", "tombstone", "saved"):
            self._connection.exec_driver_sql(
                f"DELETE FROM {table} WHERE mailbox = ?",  # noqa: S608  # one of these literals
                (mailbox,),
            )

    def _finish_flagging(
        self, mailbox: MailboxId, modseq: ModSeq, moved: Moved, turned: Turned
    ) -> None:
        turns: dict[int, tuple[FlagSet, FlagSet]] = {}  # what was set and cleared, by set before
        became: dict[FlagSet, FlagSet] = {}
        unseen, deleted = {}, {}
        for number, old, new in turned.others:
            moved.met |= {number, turned[number]}
            turns[number], became[old] = (new - old, old - new), new
            unseen[number] = (SEEN in old) - (SEEN in new)
            deleted[number] = (DELETED in new) - (DELETED in old)
        rows: list[journal_row.Value] = [
            [journal_row.ranges(uids), journal_row.texts(given), journal_row.texts(taken)]
            for (given, taken), uids in _by_turn(moved, turns).items()
        ]
        self._connection.exec_driver_sql(
            "UPDATE mailbox SET highest_modseq = ?, unseen = unseen + ?, deleted = deleted + ?"
            " WHERE id = ?",
            (modseq, moved.sum(unseen), moved.sum(deleted), mailbox),
        )
        self._log.write(Op.FLAGGED, self.global_id(mailbox), {0: rows})
        self._changes.append(FlagsChanged(mailbox, modseq, _ascending(moved.uids), became))

    def _log_added(
        self,
        mailbox: GlobalId,
        messages: Sequence[GlobalId],
        flags: Sequence[FlagSet],
        first: int,
        internal_date: int | None,
    ) -> None:
        sets = {flag_set: at for at, flag_set in enumerate(dict.fromkeys(flags))}
        ids: dict[int, journal_row.Value] = {
            0: [first, first + len(messages) - 1],
            1: [*messages],
            2: [journal_row.texts(flag_set) for flag_set in sets],
            3: [sets[flag_set] for flag_set in flags],
        }
        if internal_date is not None:
            ids[4] = journal_row.signed(internal_date)
        self._log.write(Op.ADDED, mailbox, ids)

    def use(self, messages: Sequence[MessageId]) -> None:
        """Count one more use of each."""
        self._count_uses(messages, 1)

    def _release(self, messages: Sequence[int]) -> int:
        """Take one use from each; return their sizes' sum.  What has no use left may be swept."""
        size = self._count_uses(messages, -1)
        self._connection.exec_driver_sql(
            "INSERT INTO expunged SELECT id, ? FROM message"
            " WHERE uses = 0 AND id IN (SELECT value FROM json_each(?))",
            (self._now_seconds, json.dumps(sorted(set(messages)))),
        )
        return size

    def _count_uses(self, messages: Sequence[int], step: int) -> int:
        """Return the sum of sizes; a message may stand more than once in *messages*."""
        size = 0
        uses = Counter(messages)
        while uses:
            sizes = self._connection.exec_driver_sql(
                "UPDATE message SET uses = uses + ?"
                " WHERE id IN (SELECT value FROM json_each(?)) RETURNING size",
                (step, json.dumps(sorted(uses))),
            )
            size += sum(sizes.scalars())
            uses = Counter({message: count - 1 for message, count in uses.items() if count > 1})
        return size


def _by_turn(
    moved: Moved, turns: Mapping[int, tuple[FlagSet, FlagSet]]
) -> Mapping[tuple[FlagSet, FlagSet], Sequence[int]]:
    """Return UIDs, ascending, by what was set and cleared, which is the same for many sets."""
    if len(set(turns.values())) == 1:
        return {next(iter(turns.values())): moved.uids}
    uids: defaultdict[tuple[FlagSet, FlagSet], list[int]] = defaultdict(list)
    for uid, old in zip(moved.uids, moved.before, strict=True):
        uids[turns[old]].append(uid)
    return uids


def _weigh(flags: Sequence[FlagSet]) -> tuple[int, int]:
    r"""Return how many are not \\Seen and how many are \\Deleted."""
    return [SEEN in each for each in flags].count(False), [DELETED in each for each in flags].count(
        True
    )


def _ascending(uids: array[int]) -> Sequence[Uid]:
    return cast("Sequence[Uid]", uids)  # as they are, without a call for each


def _uids(numbers: Sequence[int]) -> tuple[Any, ...]:
    """Return numbers as the UIDs that they are, without a call for each."""
    return tuple(numbers)
