"""What a write job does to mail in memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mx_core.mime import listed
from mx_core.mime.prepare import prepare
from mx_core.model.change import (
    Change,
    FlagsChanged,
    MailboxGone,
    MessagesAdded,
    MessagesExpunged,
    NameChanged,
    News,
    SubscriptionChanged,
)
from mx_core.model.errors import (
    HasChildren,
    MailboxExists,
    NoSuchMailbox,
    NotPermitted,
)
from mx_core.model.flags import DELETED, SEEN, FlagSet
from mx_core.model.ids import GlobalId, MailboxId, MessageId, ModSeq, Uid, UidValidity
from mx_core.model.mailbox_name import DELIMITER, INBOX, MailboxName, mailbox_name, parents
from mx_core.model.message import Fact, MessageForm, Whole
from mx_core.model.octets import Octets, whole
from mx_core.model.snapshot import Snapshot, snapshot_of
from mx_core.ports import Appended, Copied, FlagChange, MailboxInfo, NewMail
from tests.support.memory_boxes import Box, Row, State
from tests.support.memory_keys import Keys

if TYPE_CHECKING:
    from tests.support.memory_mail import MemoryMail


class Job(Keys):
    """Reader and writer over one state; the changes are announced by whoever commits."""

    def __init__(self, mail: MemoryMail, state: State) -> None:
        super().__init__(mail)
        self._state = state
        self.changes: list[Change] = []
        self.names: list[News] = []

    def _named(self, name: MailboxName) -> Box:
        for box in self._state.boxes.values():
            if box.name == name:
                return box
        raise NoSuchMailbox(f"there is no mailbox {name}")

    def _box(self, mailbox: MailboxId) -> Box:
        try:
            return self._state.boxes[mailbox]
        except KeyError:
            raise NoSuchMailbox("the mailbox is gone") from None

    def _info(self, box: Box) -> MailboxInfo:
        return MailboxInfo(
            id=box.id,
            name=box.name,
            global_id=GlobalId(box.id.to_bytes(16, "big")),
            special_use=box.special_use,
            subscribed=box.name in self._state.subscribed,
            uid_validity=box.uid_validity,
            uid_next=box.uid_next,
            highest_modseq=box.modseq,
            messages=len(box.rows),
            unseen=sum(SEEN not in row.flags for row in box.rows),
            deleted=sum(DELETED in row.flags for row in box.rows),
            recent=sum(row.uid >= box.first_recent for row in box.rows),
            size=sum(self._mail.messages[row.message][1].size for row in box.rows),
            rule=box.rule,
        )

    def mailboxes(self) -> list[MailboxInfo]:
        return sorted(map(self._info, self._state.boxes.values()), key=lambda info: info.name)

    def subscriptions(self) -> list[MailboxName]:
        return sorted(self._state.subscribed)

    def mailbox(self, name: MailboxName) -> MailboxInfo:
        return self._info(self._named(name))

    def snapshot(self, mailbox: MailboxId) -> Snapshot:
        box = self._box(mailbox)
        return snapshot_of(
            box.uid_validity,
            box.uid_next,
            box.modseq,
            [row.uid for row in box.rows],
            [row.message for row in box.rows],
            [row.modseq for row in box.rows],
            [row.flags for row in box.rows],
            first_recent=box.first_recent,
        )

    def changed_since(self, mailbox: MailboxId, uids: Sequence[Uid], modseq: int) -> set[Uid]:
        rows = self._box(mailbox).rows
        return {row.uid for row in rows if row.uid in uids and row.modseq > modseq}

    def vanished_since(self, mailbox: MailboxId, modseq: int) -> list[Uid]:
        gone = self._box(mailbox).vanished.items()
        return sorted(uid for uid, when in gone if when > modseq)

    def forms(self, messages: Sequence[MessageId]) -> list[MessageForm]:
        return [self._mail.kept(message)[1] for message in messages]

    def facts(self, messages: Sequence[MessageId], asked: Sequence[Fact]) -> list[list[Any]]:
        return [[self._fact(message, fact) for message in messages] for fact in asked]

    def _fact(self, message: MessageId, fact: Fact) -> Any:
        octets, form, date, *_ = self._mail.kept(message)
        return {
            Fact.SIZE: form.size,
            Fact.INTERNAL_DATE: date,
            Fact.ENVELOPE: form.envelope,
            Fact.BODYSTRUCTURE: form.bodystructure,
            Fact.BODY: form.body,
            Fact.LISTED: listed.halves(octets[: form.header_end], form.fields)[0],
            Fact.HEADER: listed.halves(octets[: form.header_end], form.fields),
        }[fact]

    def sizes_and_dates(self, messages: Sequence[MessageId]) -> list[tuple[int, int]]:
        return [(self._mail.kept(m)[1].size, self._mail.kept(m)[2]) for m in messages]

    def octets(self, message: MessageId, start: int = 0, end: int | None = None) -> bytes:
        return self._mail.kept(message)[0][start:end]

    def opened(self, message: MessageId) -> Octets:
        return self._mail.kept(message)[0]

    def wholes(self, messages: Sequence[MessageId], octets_max: int) -> list[Whole]:
        rows = [self._mail.kept(message) for message in messages]
        wholes: list[Whole] = []
        left = octets_max
        for octets, form, date, *_ in rows:
            wholes.append((form.size, date, octets if len(octets) <= octets_max else None))
            left -= len(octets)
            if left <= 0:
                break
        return wholes

    def global_ids(self, messages: Sequence[MessageId]) -> list[GlobalId]:
        return [GlobalId(message.to_bytes(16, "big")) for message in messages]

    def save_dates(self, mailbox: MailboxId, uids: Sequence[Uid]) -> list[int]:
        saved = self._box(mailbox).saved
        return [saved[uid] for uid in uids]

    def finish(self) -> None:
        """End a write job."""

    # ── writing ─────────────────────────────────────────────────────────────────────
    def _tick(self, box: Box) -> ModSeq:
        self._state.modseq += 1
        box.modseq = ModSeq(self._state.modseq)
        return box.modseq

    def _new_id(self) -> int:
        self._state.next_id += 1
        return self._state.next_id

    def create(self, name: MailboxName, special_use: str = "") -> MailboxInfo:
        if any(box.name == name for box in self._state.boxes.values()):
            raise MailboxExists(f"{name} exists already")
        for parent in parents(name):
            if all(box.name != parent for box in self._state.boxes.values()):
                self._make(parent, "")
        return self._info(self._make(name, special_use))

    def _make(self, name: MailboxName, special_use: str) -> Box:
        number = self._new_id()
        box = Box(MailboxId(number), name, special_use, UidValidity(1000 + number))
        self._state.boxes[box.id] = box
        self.names.append(NameChanged(None, name))
        return box

    def _below(self, name: MailboxName) -> list[Box]:
        above = name + DELIMITER
        return [box for box in self._state.boxes.values() if box.name.startswith(above)]

    def delete(self, name: MailboxName) -> None:
        box = self._named(name)
        if name == INBOX:
            raise NotPermitted("INBOX can not be deleted")
        if self._below(name):
            raise HasChildren("delete the mailboxes inside it first")
        del self._state.boxes[box.id]
        self.changes.append(MailboxGone(box.id, self._tick(box)))
        self.names.append(NameChanged(name, None, bool(box.rule)))

    def rename(self, old: MailboxName, new: MailboxName) -> None:
        box = self._named(old)
        if any(other.name == new for other in self._state.boxes.values()):
            raise MailboxExists(f"{new} exists already")
        if new.startswith(old + DELIMITER) and old != INBOX:
            raise NotPermitted("a mailbox can not move into itself")
        if old == INBOX:
            self.create(new)
            self.move(box.id, [row.uid for row in box.rows], new)
            return
        below = self._below(old)
        for parent in parents(new):
            if all(other.name != parent for other in self._state.boxes.values()):
                self._make(parent, "")
        for each in [box, *below]:
            renamed = mailbox_name(new + each.name[len(old) :])
            self.names.append(NameChanged(each.name, renamed, bool(each.rule)))
            each.name = renamed

    def subscribe(self, name: MailboxName, subscribed: bool) -> None:
        if subscribed != (name in self._state.subscribed):
            self.names.append(SubscriptionChanged(name, subscribed))
        if subscribed:
            self._state.subscribed.add(name)
        else:
            self._state.subscribed.discard(name)

    def append(
        self,
        mailbox: MailboxId,
        octets: bytes,
        form: MessageForm,
        flags: FlagSet,
        internal_date: int | None = None,
    ) -> Appended:
        box = self._box(mailbox)
        date = self._mail.now() if internal_date is None else internal_date
        message = self._mail.keep(octets, form, date)
        row = self._add(box, message, flags, date, GlobalId(message.to_bytes(16, "big")))
        self.changes.append(MessagesAdded(box.id, box.modseq, (row.uid,), (message,), (row.flags,)))
        return Appended(box.uid_validity, row.uid)

    def mailbox_id(self, name: MailboxName) -> MailboxId:
        return self.mailbox(name).id

    def append_all(self, mailbox: MailboxId, new: Sequence[NewMail]) -> list[Appended]:
        return [
            self.append(
                mailbox,
                whole(each.octets),
                each.form or prepare(whole(each.octets)),
                each.flags,
                each.internal_date,
            )
            for each in new
        ]

    def _add(
        self, box: Box, message: MessageId, flags: FlagSet, date: int, global_id: GlobalId
    ) -> Row:
        row = Row(box.uid_next, message, flags, self._tick(box), date, global_id)
        box.saved[row.uid] = self._mail.now()
        box.uid_next = Uid(box.uid_next + 1)
        box.rows.append(row)
        return row

    def store_flags(
        self, mailbox: MailboxId, uids: Sequence[Uid], change: FlagChange, flags: FlagSet
    ) -> None:
        box = self._box(mailbox)
        wanted = set(uids)
        changed: list[Row] = []
        turns: dict[FlagSet, FlagSet] = {}
        for row in box.rows:
            if row.uid not in wanted:
                continue
            after = self._combined(row.flags, change, flags)
            if after != row.flags:
                turns[row.flags] = after
                row.flags = after
                changed.append(row)
        if not changed:
            return
        modseq = self._tick(box)
        for row in changed:
            row.modseq = modseq
        self.changes.append(FlagsChanged(box.id, modseq, [r.uid for r in changed], turns))

    def _combined(self, before: FlagSet, change: FlagChange, flags: FlagSet) -> FlagSet:
        folded = {flag.lower() for flag in flags}
        kept = frozenset(flag for flag in before if flag.lower() in folded)
        others = before - kept
        new = frozenset(f for f in flags if f.lower() not in {k.lower() for k in kept})
        match change:
            case FlagChange.REPLACE:
                return kept | new
            case FlagChange.ADD:
                return before | new
            case FlagChange.REMOVE:
                return others

    def expunge(self, mailbox: MailboxId, uids: Sequence[Uid] | None = None) -> tuple[Uid, ...]:
        box = self._box(mailbox)
        wanted = None if uids is None else set(uids)
        gone = [
            row
            for row in box.rows
            if DELETED in row.flags and (wanted is None or row.uid in wanted)
        ]
        self._drop(box, gone)
        return tuple(row.uid for row in gone)

    def _drop(self, box: Box, gone: list[Row]) -> None:
        if not gone:
            return
        lost = {row.uid for row in gone}
        box.rows = [row for row in box.rows if row.uid not in lost]
        modseq = self._tick(box)
        box.vanished.update({row.uid: modseq for row in gone})
        self.changes.append(MessagesExpunged(box.id, modseq, tuple(row.uid for row in gone)))

    def copy(self, mailbox: MailboxId, uids: Sequence[Uid], target: MailboxName) -> Copied:
        source, into = self._box(mailbox), self._named(target)
        wanted = set(uids)
        rows = [row for row in source.rows if row.uid in wanted]
        added = [self._add(into, row.message, row.flags, row.date, row.global_id) for row in rows]
        if added:
            self.changes.append(
                MessagesAdded(
                    into.id,
                    into.modseq,
                    tuple(row.uid for row in added),
                    tuple(row.message for row in added),
                    tuple(row.flags for row in added),
                )
            )
        return Copied(
            into.uid_validity, tuple(row.uid for row in rows), tuple(row.uid for row in added)
        )

    def move(self, mailbox: MailboxId, uids: Sequence[Uid], target: MailboxName) -> Copied:
        copied = self.copy(mailbox, uids, target)
        box = self._box(mailbox)
        moved = set(copied.source)
        self._drop(box, [row for row in box.rows if row.uid in moved])
        return copied

    def forget_recent(self, mailbox: MailboxId) -> Uid:
        box = self._box(mailbox)
        before, box.first_recent = box.first_recent, box.uid_next
        return before
