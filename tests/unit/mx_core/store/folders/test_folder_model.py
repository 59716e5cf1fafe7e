"""Random changes through every door: the folders on the disk show what those in memory show.

After each change the audit finds nothing, UIDs only rise, and what a watch heard leads to the state.
"""

import random
from typing import Any

import pytest

from mx_core.mime.prepare import prepare
from mx_core.model.change import FlagsChanged, MessagesAdded, MessagesExpunged
from mx_core.model.errors import MailError
from mx_core.model.flags import DELETED, FLAGGED, SEEN, Flag
from mx_core.model.ids import Uid
from mx_core.model.mailbox_name import (
    GATEWAY,
    INBOX,
    OUTBOX,
    REQUESTS,
    SEND_ORDINARY,
    MailboxName,
)
from mx_core.ports import FlagChange, MailReader, MailStore, MailWriter
from tests.support.folder_audit import audited
from tests.support.memory_folders import FolderMail
from tests.support.stores import START, Clock, memory_store

FOLDERS = {
    MailboxName("Starred"): "FLAGGED",
    MailboxName("Boss"): "UNSEEN FROM boss",
    MailboxName("Either"): "OR KEYWORD later (SUBJECT deal NOT DELETED)",
    MailboxName("Everything"): "ALL",
}
BOXES = tuple(map(MailboxName, ("INBOX", "Archive", "Trash", "Work", "Trash/Work")))
FLAGS = (FLAGGED, SEEN, DELETED, Flag("Later"))
LETTERS = tuple(
    f"From: {who}@x.example\r\nSubject: {what}\r\n\r\n{what}\r\n".encode()
    for who in ("boss", "alice")
    for what in ("a deal", "hello")
)
STEPS = 60
Step = tuple[str, MailboxName, MailboxName, tuple[int, ...], frozenset[Flag], FlagChange, bytes]


def a_step(chance: random.Random) -> Step:
    return (
        chance.choice(
            ["append"] * 4 + ["store"] * 4 + ["expunge", "copy", "move", "rename", "gone"]
        ),
        chance.choice((*BOXES, *FOLDERS)),
        chance.choice((*BOXES, *FOLDERS)),
        tuple(sorted(chance.sample(range(12), 4))),
        frozenset(chance.sample(FLAGS, chance.randrange(3))),
        chance.choice(list(FlagChange)),
        chance.choice(LETTERS),
    )


def do(writer: MailWriter, step: Step) -> None:
    what, one, other, places, flags, change, octets = step
    if what == "append":
        box = writer.mailbox(one).id
        writer.append(box, octets, prepare(octets), flags, START)
        return
    if what == "rename" and {one, other} == {BOXES[3], BOXES[4]}:
        writer.rename(one, other)
        return
    box = writer.mailbox(one).id
    there = list(writer.snapshot(box).uids)
    uids = [there[at] for at in places if at < len(there)]
    match what:
        case "store":
            writer.store_flags(box, uids, change, flags)
        case "expunge":
            writer.expunge(box, uids)
        case "copy":
            writer.copy(box, uids, other)
        case "move":
            writer.move(box, uids, other)
        case "gone" if one == MailboxName("Work"):
            writer.delete(one)
            writer.create(one)


def shown(reader: MailReader) -> dict[str, Any]:
    """Each mailbox as sets of (global id, flags), with its numbers; UIDs are each store's own."""
    told: dict[str, Any] = {}
    for info in reader.mailboxes():
        here = reader.snapshot(info.id)
        octets = [reader.octets(message) for message in here.messages]
        flags = [sorted(flags) for flags in here.flags]
        told[info.name] = (
            sorted(zip(octets, flags, strict=True)),
            info.messages, info.unseen, info.deleted, info.size,
        )  # fmt: skip
    return told


class Heard:
    """A folder as one who only listens knows it."""

    def __init__(self) -> None:
        self.flags: dict[Uid, Any] = {}
        self.highest_uid = 0
        self.modseq = 0

    def take(self, changes: list[Any]) -> None:
        for change in changes:
            assert change.modseq > self.modseq
            self.modseq = change.modseq
            match change:
                case MessagesAdded():
                    assert change.uids[0] > self.highest_uid, "a UID came twice"
                    self.highest_uid = change.uids[-1]
                    self.flags.update(zip(change.uids, change.flags, strict=True))
                case FlagsChanged():
                    assert set(change.uids) <= self.flags.keys()
                    for uid in change.uids:
                        self.flags[uid] = change.turns[self.flags[uid]]
                case MessagesExpunged():
                    for uid in change.uids:
                        del self.flags[uid]
                case _:
                    raise AssertionError(change)


async def prepared(mail: MailStore) -> None:
    def job(writer: MailWriter) -> None:
        writer.create(MailboxName("Work"))
        for name, rule in FOLDERS.items():
            writer.add_folder(name, rule)

    await mail.write(job)


@pytest.mark.anyio
@pytest.mark.parametrize("seed", range(6))
async def test_the_disk_shows_what_memory_shows(seed: int) -> None:
    chance = random.Random(seed)
    plain = FolderMail(lambda: START)
    with memory_store(Clock()) as store:
        for state in await store.folders.all():
            await store.folders.remove(state.info.name)
        for name in (REQUESTS, GATEWAY, OUTBOX, SEND_ORDINARY):  # memory knows no gateway
            await plain.write(lambda writer, name=name: writer.create(name))  # type: ignore[misc]
        for mail in (plain, store.mail):
            await prepared(mail)
        starred = (await store.mail.read(lambda r: r.mailbox(MailboxName("Starred")))).id
        heard = Heard()
        with store.mail.watch(starred) as watch:
            for _ in range(STEPS):
                step = a_step(chance)
                outcomes = []
                for mail in (plain, store.mail):
                    try:
                        await mail.write(lambda writer, step=step: do(writer, step))  # type: ignore[misc]  # bound now
                        outcomes.append("")
                    except MailError as error:
                        outcomes.append(type(error).__name__)
                assert outcomes[0] == outcomes[1], step
                heard.take(watch.take())
                there = await store.mail.read(lambda reader: reader.snapshot(starred))
                assert heard.flags == dict(zip(there.uids, there.flags, strict=True))
                assert await store.mail.read(shown) == await plain.read(shown), step
        assert await audited(store) == []
        assert INBOX in await store.mail.read(shown)
