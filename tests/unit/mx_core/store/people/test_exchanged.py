"""What came and left of late, by person: proved authors, marked mail, and what the outbox remembers."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mx_core.carrier_port import Parcel
from mx_core.mime.prepare import prepare
from mx_core.model.address import Address
from mx_core.model.flags import DELETED, NOT_ENCRYPTED, FlagSet
from mx_core.model.ids import EnvId, MsgId, Pid, Uid
from mx_core.model.mailbox_name import INBOX, MailboxName
from mx_core.model.message import Submission
from mx_core.ports import FlagChange, MailWriter
from mx_core.store.account_store import AccountStore
from mx_core.store.arriving.inbox import ComeFrom
from mx_core.store.people.exchanged import Day, Exchanged
from mx_core.store.people.relation import Author
from tests.support.stores import START, Clock, open_store

pytestmark = pytest.mark.anyio

ALICE = Address("alice", "a.example")
BOB, DORA = Address("bob", "b.example"), Address("Dora", "old.example")


class Room:
    def __init__(self, store: AccountStore, clock: Clock) -> None:
        self.store, self.clock = store, clock
        self.came = 0

    async def comes(self, sender: str, author: Author | None = None) -> None:
        self.came += 1
        octets = f"From: {sender}\r\nSubject: {self.came}\r\n\r\nhello\r\n".encode()
        assert await self.store.inbox.receive(
            msg_id=MsgId(self.came.to_bytes(16, "big")),
            env_id=EnvId(self.came.to_bytes(32, "big")),
            octets=octets,
            form=prepare(octets),
            epoch=1,
            flags=frozenset() if author else frozenset({NOT_ENCRYPTED}),
            come_from=ComeFrom(author) if author else None,
            ordinary=author is None,
        )

    async def put(self, mailbox: str, flags: FlagSet) -> None:
        octets = b"From: Dora <dora@old.example>\r\n\r\nx\r\n"
        form = prepare(octets)
        await self.store.mail.write(
            lambda w: w.append(w.mailbox(MailboxName(mailbox)).id, octets, form, flags)
        )

    async def exchanged(self, since: int = START - 100) -> Exchanged:
        return await self.store.exchange.since(since)


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    clock = Clock()
    store = open_store(tmp_path, clock)
    yield Room(store, clock)
    store.close()


async def test_what_came_is_counted_by_who_proved_to_be_or_says_to_be(room: Room) -> None:
    await room.comes("somebody else <x@x.example>", Author(Pid(b"b" * 32), BOB))
    await room.comes("Dora <DORA@old.example>")
    await room.comes('"bob@b.example <bob@b.example>" <dora@old.example>')
    await room.comes("nobody")

    found = await room.exchanged()

    assert found.sealed_in == {"bob@b.example": 1}
    assert found.ordinary_in == {"dora@old.example": 2}


async def test_what_was_imported_and_what_lies_apart_is_of_no_account(room: Room) -> None:
    await room.put("INBOX", frozenset())
    for mailbox in ("Junk", "Trash", "Sent", "Drafts"):
        await room.put(mailbox, frozenset({NOT_ENCRYPTED}))
    none = await room.exchanged()
    await room.put("Archive", frozenset({NOT_ENCRYPTED}))

    assert not any((none.ordinary_in, none.sealed_in, none.sealed_out, none.ordinary_out))
    assert (await room.exchanged()).ordinary_in == {"dora@old.example": 1}


async def test_what_left_is_counted_by_how_each_copy_left(room: Room) -> None:
    outbox = room.store.outbox
    to = (BOB, DORA, Address("waits", "b.example"))
    queue_id = await outbox.enqueue(Submission(ALICE, to, b"Subject: x\r\n\r\nx\r\n"))
    parcel = Parcel(BOB, EnvId(b"1" * 32), b"envelope", b"body", START + 86_400)
    assert await outbox.seal(queue_id, BOB, parcel)
    assert await outbox.sent(queue_id, BOB)
    assert await outbox.claim(queue_id, DORA)
    assert await outbox.handed_to_relay(queue_id, DORA)

    found = await room.exchanged()

    assert found.sealed_out == {"bob@b.example": 1}
    assert found.ordinary_out == {"dora@old.example": 1}


async def test_what_is_older_is_not_counted_nor_what_was_expunged(room: Room) -> None:
    await room.comes("dora@old.example")
    await room.comes("Bob", Author(Pid(b"b" * 32), BOB))
    await room.store.outbox.enqueue(Submission(ALICE, (BOB,), b"Subject: x\r\n\r\nx\r\n"))
    later = await room.exchanged(START + 1)

    def expunge(writer: MailWriter) -> None:
        box = writer.mailbox(INBOX).id
        writer.store_flags(box, [Uid(1)], FlagChange.ADD, frozenset({DELETED}))
        writer.expunge(box)

    await room.store.mail.write(expunge)
    now = await room.exchanged()

    assert not any((later.ordinary_in, later.sealed_in, later.sealed_out))
    assert (now.ordinary_in, now.sealed_in) == ({}, {"bob@b.example": 1})


async def test_each_day_has_its_own_numbers(room: Room) -> None:
    bob = Author(Pid(b"b" * 32), BOB)
    await room.comes("x@x.example", bob)
    await room.comes("Dora <dora@old.example>")
    room.clock.at += 86_400
    await room.comes("x@x.example", bob)
    await room.comes("x@x.example", bob)
    today = int(room.clock()) // 86_400

    found = await room.store.exchange.by_day((today - 1) * 86_400)
    late = await room.store.exchange.by_day(today * 86_400)

    assert found == {today - 1: Day(1, 1, 0), today: Day(2, 0, 0)}
    assert late == {today: Day(2, 0, 0)}
