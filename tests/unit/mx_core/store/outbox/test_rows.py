"""What was accepted is in a log first: its rows are made once, by whoever needs them, or by the next start."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from mx_core.carrier_port import Parcel
from mx_core.mime.prepare import prepare
from mx_core.model.address import Address
from mx_core.model.errors import DiskFull, MessageGone
from mx_core.model.flags import SEEN
from mx_core.model.ids import EnvId, QueueId
from mx_core.model.mailbox_name import OUTBOX, MailboxName
from mx_core.model.message import Submission
from mx_core.model.notify import Notify, NotifyRequest
from mx_core.store.accepting import log as accepting
from mx_core.store.accepting.log import AcceptedLog
from mx_core.store.account_store import AccountStore
from mx_core.store.outbox import accept, rows, show
from mx_core.store.outbox.accept import Asked
from tests.support.stores import START, STORE_KEY, Clock, memory_store, open_store

pytestmark = pytest.mark.anyio

ALICE, BOB, CARL = (Address.parse(f"{who}@a.example") for who in ("alice", "bob", "carl"))
SENT = MailboxName("Sent")


def letter(number: int, octets: int = 20) -> bytes:
    return b"Message-ID: <%d@a.example>\r\nSubject: x\r\n\r\n" % number + b"x" * octets + b"\r\n"


async def take(store: AccountStore, number: int, octets: int = 20) -> QueueId:
    return await store.outbox.accept(
        Submission(ALICE, (BOB,), letter(number, octets)), message_id=b"%d@a.example" % number
    )


async def rows_of(store: AccountStore) -> list[str]:
    def job(connection: sa.Connection) -> list[str]:
        found = connection.exec_driver_sql("SELECT queue_id FROM outbox ORDER BY queue_id")
        return list(found.scalars())

    return await store.outbox._database.read(job)


async def in_mailbox(store: AccountStore, name: MailboxName) -> list[bytes]:
    return await store.mail.read(
        lambda reader: [
            reader.octets(each) for each in reader.snapshot(reader.mailbox(name).id).messages
        ]
    )


@contextmanager
def after_a_kill(store: AccountStore, to: Path) -> Iterator[AccountStore]:
    """The store that the next process opens, if the one that has *store* were killed now."""
    shutil.copytree(store.folder, to)
    again = AccountStore.open(to, STORE_KEY, Clock())
    try:
        yield again
    finally:
        again.close()


async def settle(store: AccountStore, queue_id: QueueId) -> None:
    parcel = Parcel(BOB, EnvId(b"1" * 32), b"envelope", b"body", START + 86400)
    assert await store.outbox.seal(queue_id, BOB, parcel)
    await store.outbox.sent(queue_id, BOB)
    await store.outbox.relayed(parcel.env_id)


async def test_accepting_writes_no_row_and_showing_writes_them() -> None:
    with memory_store() as store:
        queue_id = await take(store, 1)
        before = await rows_of(store)
        await store.outbox.show_new()

        assert before == []
        assert await rows_of(store) == [queue_id]


async def test_it_is_due_with_all_that_was_asked_whether_from_the_log_or_from_its_rows() -> None:
    with memory_store() as store:
        await store.outbox.show_new()  # nothing was left
        lone = await store.outbox.accept(
            Submission(
                ALICE,
                (BOB, CARL),
                letter(1),
                hidden=frozenset({CARL}),
                envid="envid",
                return_full=True,
                wanted={BOB: NotifyRequest(frozenset({Notify.SUCCESS}), "rfc822;Bob@x")},
                not_before=START + 60,
            ),
            message_id=b"1@a.example",
            asked={BOB: Asked("ordinary", "the person's rule")},
        )
        early = await store.outbox.due(START + 59, 10, with_new=lone)
        of_log = await store.outbox.due(START + 60, 10, with_new=lone)
        await store.outbox.show_new()

        assert early == []
        assert [item.recipient for item in of_log] == [BOB, CARL]
        assert of_log == await store.outbox.due(START + 60, 10)


async def test_whoever_asks_what_waits_is_told_of_it() -> None:
    with memory_store() as store:
        first, second = await take(store, 1), await take(store, 2)
        known = await store.outbox.knows(first), await store.outbox.knows(QueueId("other"))
        item = await store.outbox.item(second, BOB)
        unsettled = await store.outbox.unsettled()

        assert known == (True, False)
        assert item is not None
        assert {each.queue_id for each in unsettled} == {first, second}
        assert await in_mailbox(store, OUTBOX) == []  # noted, and not shown by asking
        assert await store.outbox.show_new() == 2


async def test_after_a_kill_it_is_there_once_in_its_order(tmp_path: Path) -> None:
    clock = Clock()
    with memory_store(clock) as store:
        given = []
        for number in range(3):
            given.append(await take(store, number))
            clock.at += 1
        with after_a_kill(store, tmp_path / "killed") as again:
            await again.outbox.show_new()

            assert [item.queue_id for item in await again.outbox.due(clock(), 10)] == given
            assert await in_mailbox(again, OUTBOX) == [letter(number) for number in range(3)]


async def test_what_the_database_has_is_not_made_again_of_a_log_that_still_has_it(
    tmp_path: Path,
) -> None:
    """Killed after the commit and before the log began anew; even when all of it has left."""
    with memory_store() as store:
        settled, waiting = await take(store, 1), await take(store, 2)
        kept = (store.folder / accepting.NAME).read_bytes()
        await store.outbox.show_new()
        await settle(store, settled)
        shutil.copytree(store.folder, tmp_path / "killed")
    (tmp_path / "killed" / accepting.NAME).write_bytes(kept)
    for _ in range(2):
        again = AccountStore.open(tmp_path / "killed", STORE_KEY, Clock())
        try:
            assert await again.outbox.show_new() == 0
            assert [item.queue_id for item in await again.outbox.unsettled()] == [waiting]
            with pytest.raises(MessageGone):
                await again.outbox.octets(settled)
        finally:
            again.close()


async def test_once_noted_the_log_is_put_under_zeros_by_a_start_and_by_an_end(
    tmp_path: Path,
) -> None:
    store = open_store(tmp_path / "store")
    await take(store, 1)
    with after_a_kill(store, tmp_path / "killed") as again:
        assert set((again.folder / accepting.NAME).read_bytes()) <= {0}
        assert len(await rows_of(again)) == 1
    store.close()

    assert set((tmp_path / "store" / accepting.NAME).read_bytes()) <= {0}


async def test_a_start_that_can_not_note_it_leaves_it_to_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[AcceptedLog] = []
    close = AcceptedLog.close

    def noted(log: AcceptedLog) -> None:
        closed.append(log)
        close(log)

    def full(*_: object) -> None:
        raise DiskFull("there is no room on the disk to store this")

    with memory_store() as store:
        queue_id = await take(store, 1)
        shutil.copytree(store.folder, tmp_path / "killed")
    with monkeypatch.context() as patched:
        patched.setattr(AcceptedLog, "close", noted)
        patched.setattr(rows, "note_new", full)
        with pytest.raises(DiskFull):
            AccountStore.open(tmp_path / "killed", STORE_KEY, Clock())
    again = AccountStore.open(tmp_path / "killed", STORE_KEY, Clock())
    try:
        assert len(closed) == 1
        assert await rows_of(again) == [queue_id]
    finally:
        again.close()


async def test_nothing_of_a_message_stands_readable_in_the_log() -> None:
    with memory_store() as store:
        await take(store, 1)
        octets = (store.folder / accepting.NAME).read_bytes()

        assert len(octets) > 0
        assert not any(each in octets for each in (b"a.example", b"alice", b"Subject", b"xxxx"))


async def test_a_copy_in_sent_finds_what_only_the_log_has(tmp_path: Path) -> None:
    """And it is one copy too if the process is killed before anything else was written."""
    with memory_store() as store:
        queue_id = await take(store, 1)
        form = prepare(letter(1))
        await store.mail.write(
            lambda writer: writer.append(
                writer.mailbox(SENT).id, letter(1), form, frozenset({SEEN})
            )
        )
        with after_a_kill(store, tmp_path / "killed") as again:
            await again.outbox.show_new()
            await settle(again, queue_id)

            assert len(await in_mailbox(again, SENT)) == 1


async def test_octets_that_are_not_kept_in_memory_are_read_from_the_log(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(show, "_HELD_OCTETS_MAX", 3_000)
    with memory_store() as store:
        given = [await take(store, number, 1_000) for number in range(5)]
        held = [new.held for new in store.outbox._new.values()]

        assert held == [True, True, False, False, False]
        assert await store.outbox.octets(given[4]) == letter(4, 1_000)
        assert await store.outbox.content(given[3]) == letter(3, 1_000)
        assert await store.outbox.show_new() == 5
        assert await in_mailbox(store, OUTBOX) == [letter(number, 1_000) for number in range(5)]
        assert store.outbox._held_octets == 0
        assert store.outbox.log.is_empty


async def test_what_was_noted_is_not_read_where_something_else_stands_by_now(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A job may find what an earlier one has shown, a moment before the loop lets go of it."""
    monkeypatch.setattr(show, "_HELD_OCTETS_MAX", 0)
    with memory_store() as store:
        given = [await take(store, 1, 1_000), await take(store, 2, 1_000)]
        found = dict(store.outbox._new)
        await store.outbox.show_new()
        given.append(await take(store, 3, 2_000))
        assert store.outbox._new[given[2]].at == 0  # so nothing begins where the second one did
        store.outbox._new |= found

        await store.outbox.note()
        for queue_id in found:
            del store.outbox._new[queue_id]

        assert await rows_of(store) == sorted(given)
        assert await store.outbox.show_new() == 1


async def test_what_the_log_does_not_take_the_database_takes_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(accept, "INLINE_OCTETS_MAX", 500)
    monkeypatch.setattr(accepting, "OCTETS_MAX", 1_000)
    with memory_store() as store:
        long = await take(store, 1, 600)
        in_log = await take(store, 2, 400)
        without_room = await take(store, 3, 400)

        assert await rows_of(store) == sorted([long, without_room])
        assert await store.outbox.show_new() == 3
        assert await in_mailbox(store, OUTBOX) == [letter(1, 600), letter(2, 400), letter(3, 400)]
        assert await store.outbox.knows(in_log)


async def test_a_backup_has_what_was_accepted_a_moment_ago(tmp_path: Path) -> None:
    with memory_store() as store:
        await take(store, 1)
        async with store.copied(tmp_path / "copy.db", STORE_KEY):
            pass

        assert len(await rows_of(store)) == 1
