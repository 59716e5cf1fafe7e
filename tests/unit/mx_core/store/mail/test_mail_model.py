"""The store against a plain model: any order of commands, and four ways to see the result.

After each step the snapshots, the kept numbers, a replica fed only by the watches, and at
the end a replica made of the journal alone must all tell the same.
"""

import asyncio
import shutil
import tempfile
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from mx_core.model.change import (
    Change,
    FlagsChanged,
    MailboxGone,
    MessagesAdded,
    MessagesExpunged,
    NameChanged,
    SubscriptionChanged,
)
from mx_core.model.errors import NotPermitted
from mx_core.model.flags import ANSWERED, DELETED, FLAGGED, SEEN, Flag, FlagSet
from mx_core.model.ids import MailboxId, Uid
from mx_core.model.mailbox_name import INBOX, MailboxName
from mx_core.ports import FlagChange, MailWriter, Watch
from mx_core.store.journal.replay import replay
from mx_core.store.journal.row import read_row
from tests.support.stores import Clock, form_of, open_store

RAM = "/dev/shm" if Path("/dev/shm").is_dir() else None
NAMES = [MailboxName(name) for name in ("INBOX", "Trash", "a", "a/b", "c")]
FLAGS = st.frozensets(st.sampled_from([SEEN, DELETED, FLAGGED, ANSWERED, Flag("$Kw")]), max_size=3)
NUMBERS = st.lists(st.integers(0, 12), max_size=6, unique=True).map(sorted)


@dataclass
class Held:
    """One message in a model mailbox."""

    octets: bytes
    flags: FlagSet
    global_id: bytes | None = None


@dataclass
class Box:
    """A model mailbox."""

    id: MailboxId
    global_id: bytes
    next_uid: int = 1
    first_recent: int = 1
    mail: dict[int, Held] = field(default_factory=dict)


class MailMachine(RuleBasedStateMachine):
    @initialize()
    def begin(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.folder = Path(tempfile.mkdtemp(prefix="mx-model-", dir=RAM))
        self.store = open_store(self.folder, Clock())
        self.boxes: dict[MailboxName, Box] = {}
        self.watches: dict[MailboxId, tuple[Any, Watch]] = {}
        self.replicas: dict[MailboxId, dict[int, FlagSet]] = {}
        self.last_modseq = 0
        self.serial = 0
        for info in self.read(lambda reader: reader.mailboxes()):
            self.follow(info.name, info.id, info.global_id)

    def read(self, job: Any) -> Any:
        return self.loop.run_until_complete(self.store.mail.read(job))

    def write(self, job: Any) -> Any:
        return self.loop.run_until_complete(self.store.mail.write(job))

    def follow(self, name: MailboxName, mailbox: MailboxId, global_id: bytes) -> None:
        self.boxes[name] = Box(mailbox, global_id)
        opened = self.store.mail.watch(mailbox)
        self.watches[mailbox] = (opened, opened.__enter__())
        self.replicas[mailbox] = {}

    def box(self, name: MailboxName) -> Box | None:
        return self.boxes.get(name)

    def put(self, box: Box, held: Held) -> int:
        uid = box.next_uid
        box.next_uid += 1
        box.mail[uid] = held
        return uid

    @rule(name=st.sampled_from(NAMES), flags=FLAGS, count=st.integers(1, 4))
    def append(self, name: MailboxName, flags: FlagSet, count: int) -> None:
        box = self.box(name)
        if box is None:
            return
        pieces = []
        for _ in range(count):
            self.serial += 1
            pieces.append(b"%d\r\n" % self.serial)
        uids = self.write(
            lambda w: [
                w.append(w.mailbox_id(name), octets, form_of(octets), flags).uid
                for octets in pieces
            ]
        )
        assert uids == [self.put(box, Held(octets, flags)) for octets in pieces]

    @rule(name=st.sampled_from(NAMES), fails=st.lists(st.booleans(), min_size=1, max_size=4))
    def append_beside_others(self, name: MailboxName, fails: list[bool]) -> None:
        """Each in a job of its own, of one commit as a rule; some are undone."""
        box = self.box(name)
        if box is None:
            return
        given = []
        for _ in fails:
            self.serial += 1
            given.append(b"%d\r\n" % self.serial)

        async def all_at_once() -> list[int | BaseException]:
            return await asyncio.gather(
                *(
                    self.store.mail.write(partial(self.append_one, name, octets, undone=undone))
                    for octets, undone in zip(given, fails, strict=True)
                ),
                return_exceptions=True,
            )

        told = self.loop.run_until_complete(all_at_once())
        for octets, undone, uid in zip(given, fails, told, strict=True):
            if undone:
                assert isinstance(uid, NotPermitted)
            else:
                assert uid == self.put(box, Held(octets, frozenset()))

    def append_one(
        self, name: MailboxName, octets: bytes, writer: MailWriter, *, undone: bool
    ) -> int:
        mailbox = writer.mailbox_id(name)
        uid = writer.append(mailbox, octets, form_of(octets), frozenset()).uid
        if undone:
            raise NotPermitted("after all")
        return uid

    @rule(
        name=st.sampled_from(NAMES),
        uids=NUMBERS,
        change=st.sampled_from(list(FlagChange)),
        flags=FLAGS,
    )
    def store_flags(
        self, name: MailboxName, uids: list[Uid], change: FlagChange, flags: FlagSet
    ) -> None:
        box = self.box(name)
        if box is None:
            return
        self.write(lambda w: w.store_flags(box.id, uids, change, flags))
        for uid in set(uids) & box.mail.keys():
            held = box.mail[uid]
            held.flags = {
                FlagChange.REPLACE: flags,
                FlagChange.ADD: held.flags | flags,
                FlagChange.REMOVE: held.flags - flags,
            }[change]

    @rule(name=st.sampled_from(NAMES), uids=st.none() | NUMBERS)
    def expunge(self, name: MailboxName, uids: list[Uid] | None) -> None:
        box = self.box(name)
        if box is None:
            return
        self.write(lambda w: w.expunge(box.id, uids))
        for uid in list(box.mail):
            if DELETED in box.mail[uid].flags and (uids is None or uid in uids):
                del box.mail[uid]

    @rule(
        source=st.sampled_from(NAMES),
        into=st.sampled_from(NAMES),
        uids=NUMBERS,
        moves=st.booleans(),
    )
    def copy_or_move(
        self, source: MailboxName, into: MailboxName, uids: list[Uid], *, moves: bool
    ) -> None:
        here, there = self.box(source), self.box(into)
        if here is None or there is None:
            return
        copied = self.write(
            lambda w: w.move(here.id, uids, into) if moves else w.copy(here.id, uids, into)
        )
        chosen = [uid for uid in uids if uid in here.mail]
        added = [self.put(there, replace(here.mail[uid])) for uid in chosen]
        if moves:
            for uid in chosen:
                del here.mail[uid]
        assert (list(copied.source), list(copied.target)) == (chosen, added)

    @rule(name=st.sampled_from(NAMES))
    def create(self, name: MailboxName) -> None:
        if name in self.boxes:
            return
        self.write(lambda w: w.create(name))
        for info in self.read(lambda reader: reader.mailboxes()):
            if info.name not in self.boxes:
                self.follow(info.name, info.id, info.global_id)

    @rule(name=st.sampled_from(NAMES[1:]))
    def delete(self, name: MailboxName) -> None:
        below = any(other.startswith(name + "/") for other in self.boxes)
        if name not in self.boxes or below:
            return
        box = self.boxes.pop(name)
        self.write(lambda w: w.delete(name))
        opened, watch = self.watches.pop(box.id)
        assert isinstance(watch.take()[-1], MailboxGone)
        opened.__exit__(None, None, None)
        del self.replicas[box.id]

    @rule(old=st.sampled_from(NAMES), new=st.sampled_from(NAMES))
    def rename(self, old: MailboxName, new: MailboxName) -> None:
        if old not in self.boxes or new in self.boxes:
            return
        self.write(lambda w: w.rename(old, new))
        if old != INBOX:
            moved = {n: b for n, b in self.boxes.items() if n == old or n.startswith(old + "/")}
            for name in moved:
                del self.boxes[name]
            for name, box in moved.items():
                self.boxes[MailboxName(new + name[len(old) :])] = box
        for info in self.read(lambda reader: reader.mailboxes()):
            if info.name not in self.boxes:
                self.follow(info.name, info.id, info.global_id)
        if old == INBOX:
            inbox, target = self.boxes[INBOX], self.boxes[new]
            # The new mailbox could not be watched yet while the mail came in.
            for uid, held in sorted(inbox.mail.items()):
                self.replicas[target.id][self.put(target, held)] = held.flags
                del inbox.mail[uid]

    @rule(name=st.sampled_from(NAMES))
    def forget_recent(self, name: MailboxName) -> None:
        box = self.box(name)
        if box is not None:
            self.write(lambda w: w.forget_recent(box.id))
            box.first_recent = box.next_uid

    @precondition(lambda self: self.serial > 0)
    @rule()
    def restart(self) -> None:
        self.drain()
        self.store.close()
        self.store = open_store(self.folder, Clock())
        for mailbox in self.watches:
            opened = self.store.mail.watch(mailbox)
            self.watches[mailbox] = (opened, opened.__enter__())

    def drain(self) -> None:
        """Feed the replicas from the watches alone."""
        changes: list[Change] = []
        for _, watch in self.watches.values():
            for news in watch.take():
                assert not isinstance(news, NameChanged | SubscriptionChanged)
                changes.append(news)
        modseqs = [change.modseq for change in changes]
        assert len(set(modseqs)) == len(modseqs)
        for change in sorted(changes, key=lambda change: change.modseq):
            assert change.modseq > self.last_modseq
            self.last_modseq = change.modseq
            replica = self.replicas[change.mailbox]
            match change:
                case MessagesAdded():
                    assert not set(change.uids) & replica.keys()
                    replica.update(zip(change.uids, change.flags, strict=True))
                case FlagsChanged():
                    assert set(change.uids) <= replica.keys()
                    for uid in change.uids:
                        flags = change.turns[replica[uid]]
                        assert replica[uid] != flags
                        replica[uid] = flags
                case MessagesExpunged():
                    for uid in change.uids:
                        del replica[uid]
                case MailboxGone():
                    raise AssertionError

    @invariant()
    def everything_agrees(self) -> None:
        self.drain()
        infos = {info.name: info for info in self.read(lambda reader: reader.mailboxes())}
        assert infos.keys() == self.boxes.keys()
        for name, box in self.boxes.items():
            shot = self.read(lambda reader, box=box: reader.snapshot(box.id))
            assert dict(zip(shot.uids, shot.flags, strict=True)) == {
                uid: held.flags for uid, held in box.mail.items()
            }
            assert list(shot.uids) == sorted(box.mail)
            assert self.write(lambda w, box=box: w.snapshot(box.id)) == shot  # as on the disk
            assert self.replicas[box.id] == {uid: held.flags for uid, held in box.mail.items()}
            assert (shot.uid_next, shot.first_recent) == (box.next_uid, box.first_recent)
            assert all(modseq <= shot.highest_modseq for modseq in shot.modseqs)
            info = infos[name]
            held = box.mail.values()
            assert (info.messages, info.unseen, info.deleted, info.recent, info.size) == (
                len(held),
                sum(SEEN not in each.flags for each in held),
                sum(DELETED in each.flags for each in held),
                sum(uid >= box.first_recent for uid in box.mail),
                sum(len(each.octets) for each in held),
            )
            octets = self.read(
                lambda reader, shot=shot: [reader.octets(message) for message in shot.messages]
            )
            assert octets == [box.mail[uid].octets for uid in sorted(box.mail)]

    def teardown(self) -> None:
        if not hasattr(self, "store"):
            return
        try:
            self.journal_tells_the_same()
        finally:
            for opened, _ in self.watches.values():
                opened.__exit__(None, None, None)
            self.store.close()
            self.loop.close()
            shutil.rmtree(self.folder)

    def journal_tells_the_same(self) -> None:
        """Replay the rows of this device in order.  spec/journal §3"""
        rows = self.loop.run_until_complete(
            self.store._database.read(
                lambda connection: [
                    read_row(row)
                    for row in connection.exec_driver_sql(
                        "SELECT * FROM journal ORDER BY device_seq"
                    )
                ]
            )
        )
        assert [row.hybrid for row in rows] == sorted({row.hybrid for row in rows})
        told = replay(rows).mailboxes
        assert sorted(box.name for box in told.values()) == sorted(self.boxes)
        for box in self.boxes.values():
            assert told[box.global_id].flags == {uid: h.flags for uid, h in box.mail.items()}
            shot = self.read(lambda reader, box=box: reader.snapshot(box.id))
            ids = self.read(lambda reader, shot=shot: reader.global_ids(shot.messages))
            assert told[box.global_id].messages == dict(zip(shot.uids, ids, strict=True))


MailMachine.TestCase.settings = settings(max_examples=25, stateful_step_count=30, deadline=None)
TestMailAgainstAModel = MailMachine.TestCase
