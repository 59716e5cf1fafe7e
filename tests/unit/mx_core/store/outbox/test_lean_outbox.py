"""Accepting writes no index: what is due is listed when it is shown, as it was in a store made before."""

import asyncio
from pathlib import Path

import pytest
import sqlalchemy as sa

from mx_core.db.engine import writer_engine
from mx_core.db.migrate import migrate
from mx_core.model.address import Address
from mx_core.model.message import Submission
from mx_core.store.opening import MIGRATIONS
from tests.support.stores import START, STORE_KEY, memory_store, open_store

pytestmark = pytest.mark.anyio

ALICE, BOB = (Address.parse(f"{who}@a.example") for who in ("alice", "bob"))
LETTER = b"Message-ID: <1@a.example>\r\nSubject: x\r\n\r\nhello\r\n"
LISTED = (
    "SELECT count(*) FROM outbox_recipient INDEXED BY outbox_due"
    " WHERE listed AND state IN ('queued', 'sealed')"
)
INDICES = "SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = 'outbox_recipient'"


def listed(connection: sa.Connection) -> int:
    return int(connection.exec_driver_sql(LISTED).scalar_one())


async def test_what_is_accepted_is_in_no_index_until_it_is_shown() -> None:
    with memory_store() as store:
        database = store.outbox._database
        await store.outbox.accept(Submission(ALICE, (BOB,), LETTER), message_id=b"1@a.example")

        there = await database.read(lambda tx: tx.exec_driver_sql(INDICES).scalars().all())
        before, due = await database.read(listed), await store.outbox.next_due()
        await store.outbox.show_new()

        assert list(there) == ["outbox_due"]
        assert (before, due) == (0, 0)  # whoever waits for what is due looks again
        assert (await database.read(listed), await store.outbox.next_due()) == (1, START)


async def test_whoever_waits_for_what_is_due_looks_again_while_it_is_being_found(
    tmp_path: Path,
) -> None:
    store = open_store(tmp_path)
    await store.outbox.accept(Submission(ALICE, (BOB,), LETTER), message_id=b"1@a.example")
    store.close()
    store = open_store(tmp_path)
    try:
        showing = asyncio.create_task(store.outbox.show_new())
        await asyncio.sleep(0)  # it has begun to look what an earlier process has left
        meanwhile = await store.outbox.next_due()
        await showing

        assert meanwhile == 0
        assert await store.outbox.next_due() == START
    finally:
        store.close()


async def test_what_comes_alone_is_due_to_whoever_seals_it_before_it_is_shown() -> None:
    with memory_store() as store:
        await store.outbox.enqueue(Submission(ALICE, (BOB,), LETTER))
        lone = await store.outbox.accept(
            Submission(ALICE, (BOB, ALICE), LETTER), message_id=b"1@a.example"
        )

        without = await store.outbox.due(START, 10)
        along = await store.outbox.due(START, 10, with_new=lone)
        early = await store.outbox.due(START - 1, 10, with_new=lone)

        assert [item.recipient for item in without] == [BOB]
        assert [item.recipient for item in along] == [BOB, BOB, ALICE]
        assert along[0] == without[0]
        assert early == []


async def test_what_waits_in_a_store_made_before_waits_on(tmp_path: Path) -> None:
    engine = writer_engine(tmp_path / "mail.db", STORE_KEY)
    with engine.begin() as connection:
        migrate(connection, MIGRATIONS, "0031")
        for queue_id, shown in (("a", 1), ("b", 0)):
            connection.exec_driver_sql(
                "INSERT INTO body (size, octets) VALUES (?, ?)", (len(LETTER), LETTER)
            )
            connection.exec_driver_sql(
                "INSERT INTO outbox (queue_id, sender, created, size, body, shown)"
                " VALUES (?, ?, ?, ?, last_insert_rowid(), ?)",
                (queue_id, str(ALICE), START, len(LETTER), shown),
            )
            connection.exec_driver_sql(
                "INSERT INTO outbox_recipient"
                " VALUES (?, 0, ?, 0, ?, 'native', 'queued', 3, ?, 'why', '', 'failure', 'x',"
                " 0, 'said', NULL, 0, 2, 1)",
                (queue_id, str(BOB), queue_id.encode() * 16, START),
            )
    engine.dispose()

    store = open_store(tmp_path)
    try:
        due = await store.outbox.due(START, 10)
        shown = await store.outbox.show_new()
        both = await store.outbox.due(START, 10)
    finally:
        store.close()

    assert [item.queue_id for item in due] == ["a"]
    assert shown == 1
    assert [item.queue_id for item in both] == ["a", "b"]
    kept = (due[0].msg_id, due[0].attempts, due[0].reason, due[0].decision, due[0].sealed_anew)
    assert kept == (b"a" * 16, 3, "why", "said", 2)
