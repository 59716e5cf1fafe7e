"""Whose mail goes where, and what a move says of who wrote it.  Spec/requests."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from msgspec.structs import replace

from mx_core.carrier_port import Parcel
from mx_core.db.engine import writer_engine
from mx_core.db.migrate import migrate
from mx_core.model.address import Address
from mx_core.model.errors import NotPermitted
from mx_core.model.flags import DELETED, UNVERIFIED, Flag
from mx_core.model.ids import EnvId, MsgId, Pid, QueueId, Uid
from mx_core.model.mailbox_name import GATEWAY, INBOX, REQUESTS, MailboxName
from mx_core.model.message import Submission
from mx_core.notation import cbor
from mx_core.ports import Copied, FlagChange, MailReader, MailWriter
from mx_core.store.account_store import AccountStore
from mx_core.store.arriving.inbox import ComeFrom
from mx_core.store.mail.writer import Writer
from mx_core.store.people.contact import Contact
from mx_core.store.people.relation import Author, Relation, Topic
from mx_core.trust.pin import Pin
from tests.support.people import make_person
from tests.support.stores import START, STORE_KEY, Clock, form_of, open_store

OCTETS = b"Subject: x\r\n\r\nhello\r\n"
BOB = Author(Pid(b"b" * 32), Address("bob", "b.example"))
ME = Address("alice", "a.example")
JUNK, TRASH, ARCHIVE = MailboxName("Junk"), MailboxName("Trash"), MailboxName("Archive")


class Room:
    """An account, and mail that comes to it."""

    def __init__(self, store: AccountStore) -> None:
        self.store = store
        self.came = 0

    async def comes(self, author: Author = BOB, **more: Any) -> None:
        self.came += 1
        come_from = replace(ComeFrom(author), **more)
        assert await self.store.inbox.receive(
            msg_id=MsgId(self.came.to_bytes(16, "big")),
            env_id=EnvId(self.came.to_bytes(32, "big")),
            octets=OCTETS,
            form=form_of(OCTETS),
            epoch=1,
            come_from=come_from,
        )

    async def holds(self, name: MailboxName) -> int:
        return (await self.store.mail.read(lambda reader: reader.mailbox(name))).messages

    async def says(self, author: Author = BOB) -> Relation:
        return await self.store.relations.of(author.pid)

    async def moves(
        self, source: MailboxName, target: MailboxName, *, copies: bool = False
    ) -> Copied:
        def job(writer: MailWriter) -> Copied:
            box = writer.mailbox(source).id
            act = writer.copy if copies else writer.move
            return act(box, [Uid(uid) for uid in writer.snapshot(box).uids], target)

        return await self.store.mail.write(job)

    async def owed(self) -> list[tuple[Topic, Author]]:
        return [(one.topic, one.author) for one in await self.store.relations.news()]


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    store = open_store(tmp_path)
    yield Room(store)
    store.close()


@pytest.mark.anyio
async def test_a_stranger_waits_in_requests_and_is_told_of_once(room: Room) -> None:
    await room.comes()
    await room.comes()

    assert (await room.holds(INBOX), await room.holds(REQUESTS)) == (0, 2)
    assert await room.owed() == [(Topic.ASKS, BOB)]


@pytest.mark.anyio
@pytest.mark.parametrize("copies", [False, True])
async def test_what_goes_from_requests_to_inbox_accepts_who_wrote_it(
    room: Room, *, copies: bool
) -> None:
    await room.comes()
    await room.moves(REQUESTS, INBOX, copies=copies)
    await room.comes()

    assert await room.says() is Relation.ACCEPTED
    assert await room.holds(INBOX) == 2
    assert await room.owed() == []


@pytest.mark.anyio
@pytest.mark.parametrize("copies", [False, True])
async def test_what_goes_to_junk_blocks_and_what_comes_back_to_inbox_accepts(
    room: Room, *, copies: bool
) -> None:
    await room.comes()
    await room.moves(REQUESTS, JUNK, copies=copies)
    await room.comes()

    assert await room.says() is Relation.BLOCKED
    assert await room.holds(JUNK) == 2
    assert await room.owed() == [(Topic.BLOCKED, BOB)]

    await room.moves(JUNK, INBOX, copies=copies)
    assert await room.says() is Relation.ACCEPTED


@pytest.mark.anyio
async def test_a_junk_filter_that_errs_is_undone_by_one_move_back(room: Room) -> None:
    """Back to where it was: to INBOX for a friend, to Requests for a stranger."""
    await room.comes()
    await room.moves(REQUESTS, JUNK)
    await room.moves(JUNK, REQUESTS)
    assert await room.says() is Relation.UNDECIDED

    await room.moves(REQUESTS, INBOX)
    await room.moves(INBOX, ARCHIVE)
    await room.moves(ARCHIVE, JUNK)
    assert await room.says() is Relation.BLOCKED
    await room.moves(JUNK, ARCHIVE)
    assert await room.says() is Relation.ACCEPTED


@pytest.mark.anyio
async def test_nothing_else_that_is_done_with_mail_decides(room: Room) -> None:
    await room.comes()
    await room.moves(REQUESTS, ARCHIVE, copies=True)
    await room.moves(ARCHIVE, INBOX)
    await room.moves(REQUESTS, TRASH, copies=True)

    def flags_and_deletion(writer: MailWriter) -> None:
        box = writer.mailbox(REQUESTS).id
        uids = [Uid(uid) for uid in writer.snapshot(box).uids]
        writer.store_flags(box, uids, FlagChange.ADD, frozenset({Flag("$Junk"), DELETED}))
        writer.expunge(box)

    await room.store.mail.write(flags_and_deletion)
    assert await room.says() is Relation.UNDECIDED

    await room.comes()
    await room.moves(REQUESTS, JUNK)
    await room.moves(JUNK, TRASH)
    assert await room.says() is Relation.BLOCKED


@pytest.mark.anyio
async def test_what_a_mail_program_puts_there_itself_says_nothing_of_anybody(room: Room) -> None:
    """Only what a network brought has an author, whatever its octets claim."""
    claim = b"MX-Status: 1; mail=network; from=bob@b.example; trust=verified\r\n" + OCTETS

    def job(writer: MailWriter) -> None:
        writer.append(writer.mailbox(REQUESTS).id, claim, form_of(claim), frozenset())

    await room.store.mail.write(job)
    await room.moves(REQUESTS, INBOX)

    assert await room.says() is Relation.UNDECIDED


@pytest.mark.anyio
async def test_mail_of_a_removed_device_asks_even_if_the_person_is_accepted(room: Room) -> None:
    await room.store.relations.accept(BOB.pid)
    await room.comes(doubtful=True)
    await room.comes(own=True, doubtful=True)

    assert (await room.holds(INBOX), await room.holds(REQUESTS)) == (0, 2)
    assert await room.owed() == []


@pytest.mark.anyio
async def test_own_mail_needs_nobodys_leave(room: Room) -> None:
    await room.comes(own=True)

    assert await room.holds(INBOX) == 1


@pytest.mark.anyio
async def test_another_key_at_a_known_address_is_a_stranger(room: Room) -> None:
    await room.store.relations.accept(BOB.pid)
    await room.comes(Author(Pid(b"x" * 32), BOB.address))

    assert await room.holds(REQUESTS) == 1


@pytest.mark.anyio
async def test_writing_to_somebody_accepts_them_also_after_a_block(room: Room) -> None:
    bob = make_person("bob@b.example")
    author = Author(bob.pid, bob.address)
    await room.store.contacts.put(Contact(bob.address, bob.pin().encode()))
    await room.comes(author)
    await room.moves(REQUESTS, JUNK)

    await enqueued(room, bob.address)

    assert await room.says(author) is Relation.ACCEPTED


@pytest.mark.anyio
async def test_who_is_written_to_first_is_accepted_when_their_key_is_known(room: Room) -> None:
    queue_id = await enqueued(room, BOB.address)
    assert await room.says() is Relation.UNDECIDED
    parcel = Parcel(BOB.address, EnvId(b"e" * 32), b"envelope", b"body", START + 10)

    assert await room.store.outbox.seal(queue_id, BOB.address, parcel, BOB.pid)
    assert await room.says() is Relation.ACCEPTED

    await room.comes()
    await room.moves(INBOX, JUNK)
    await room.store.outbox.seal(queue_id, BOB.address, parcel, BOB.pid)
    assert await room.says() is Relation.BLOCKED, "sealing anew is not writing again"


@pytest.mark.anyio
@pytest.mark.parametrize("name", [REQUESTS, GATEWAY])
async def test_the_gateways_mailboxes_are_neither_renamed_nor_deleted(
    room: Room, name: MailboxName
) -> None:
    with pytest.raises(NotPermitted):
        await room.store.mail.write(lambda writer: writer.delete(name))
    with pytest.raises(NotPermitted):
        await room.store.mail.write(lambda writer: writer.rename(name, MailboxName("Mine")))


@pytest.mark.anyio
async def test_a_mailbox_of_that_name_is_taken_and_a_folder_with_a_rule_makes_way(
    tmp_path: Path,
) -> None:
    store = open_store(tmp_path)

    def older(writer: Writer, connection: sa.Connection) -> None:
        connection.exec_driver_sql("UPDATE mailbox SET name = 'Old' WHERE name = 'Requests'")
        writer.places.book_changed()
        writer.add_folder(REQUESTS, "FLAGGED")

    await store.mail.write_with(older)
    store.close()
    store = open_store(tmp_path, Clock())
    boxes = {box.name: box.rule for box in await store.mail.read(lambda r: r.mailboxes())}
    store.close()

    assert (boxes[REQUESTS], boxes[MailboxName("Requests (rule)")]) == ("", "FLAGGED")


@pytest.mark.anyio
async def test_pins_of_an_earlier_version_lose_what_stands_beside_them_now(tmp_path: Path) -> None:
    bob = make_person("bob@b.example")
    older = cbor.decode(bob.pin().encode())
    assert isinstance(older, dict)
    octets = cbor.encode({**older, 8: 2, 9: bytes(32), 10: bytes(32)})
    engine = writer_engine(tmp_path / "mail.db", STORE_KEY)
    with engine.begin() as connection:
        migrate(connection, "mx_core.store.migrations", "0013")
        connection.exec_driver_sql(
            "INSERT INTO contact VALUES (?, ?, ?, ?)", (str(bob.address), octets, b"", START)
        )
    engine.dispose()
    store = open_store(tmp_path)
    kept = await store.contacts.get(bob.address)
    store.close()

    assert kept is not None
    assert Pin.decode(kept.pin) == bob.pin()


async def enqueued(room: Room, recipient: Address) -> QueueId:
    return await room.store.outbox.enqueue(Submission(ME, (recipient,), OCTETS))


@pytest.mark.anyio
async def test_who_is_verified_is_no_longer_marked_wherever_their_mail_stands(room: Room) -> None:
    carol = Author(Pid(b"c" * 32), Address("carol", "c.example"))
    for author in (BOB, BOB, carol):
        await room.comes(author)

    def mark(writer: MailWriter) -> None:
        box = writer.mailbox(REQUESTS).id
        uids = list(writer.snapshot(box).uids)
        writer.store_flags(box, uids, FlagChange.ADD, frozenset({UNVERIFIED}))
        writer.copy(box, uids[:1], ARCHIVE)

    await room.store.mail.write(mark)
    await room.store.relations.verified(BOB.pid)

    def marked(reader: MailReader, name: MailboxName) -> list[bool]:
        return [UNVERIFIED in flags for flags in reader.snapshot(reader.mailbox(name).id).flags]

    assert await room.store.mail.read(lambda reader: marked(reader, REQUESTS)) == [
        False,
        False,
        True,
    ]
    assert await room.store.mail.read(lambda reader: marked(reader, ARCHIVE)) == [False]
