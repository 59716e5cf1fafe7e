"""Columns that readers share, and the messages that were there before keys were kept."""

import asyncio
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from mx_core.mime.prepare import prepare
from mx_core.model.header_keys import Hits, OrderNumber, OrderText, TextField, ThreadKeys
from mx_core.model.ids import MessageId
from mx_core.model.mailbox_name import INBOX
from mx_core.ports import MailReader
from mx_core.store.account_store import AccountStore
from mx_core.store.forms import columns
from mx_core.store.forms.column import text_column
from tests.support.stores import Clock, memory_store, open_store

COUNT = 40


@pytest.fixture
def store() -> Iterator[AccountStore]:
    with memory_store() as made:
        yield made


async def deliver(store: AccountStore, count: int = COUNT) -> list[MessageId]:
    for number in range(count):
        octets = b"Subject: s%d\r\n\r\n" % number
        await store.mail.write(
            lambda writer, octets=octets: writer.append(  # type: ignore[misc]  # bound now
                writer.mailbox(INBOX).id, octets, prepare(octets), frozenset()
            )
        )
    snapshot = await store.mail.read(lambda r: r.snapshot(r.mailbox(INBOX).id))
    return list(snapshot.messages)


async def forget_keys(store: AccountStore) -> None:
    def forget(_writer: Any, connection: sa.Connection) -> None:
        connection.exec_driver_sql("DELETE FROM header_key")
        connection.exec_driver_sql("DELETE FROM header_text")

    await store.mail.write_with(forget)


async def count_keys(store: AccountStore) -> list[int]:
    def count(_writer: Any, connection: sa.Connection) -> list[int]:
        return [
            connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one()
            for table in ("header_key", "header_text")
        ]

    return await store.mail.write_with(count)


def test_keys_that_are_not_made_yet_are_read_from_the_octets(store: AccountStore) -> None:
    async def play() -> tuple[Hits, list[bytes], list[int], MessageId]:
        messages = await deliver(store)
        await forget_keys(store)
        return await store.mail.read(
            lambda r: (
                r.holding(TextField.SUBJECT, "S7", messages),
                r.order_texts(OrderText.SUBJECT, messages[:2]),
                r.order_numbers(OrderNumber.SIZE, messages[:1]),
                messages[7],
            )
        )

    hits, subjects, sizes, seventh = asyncio.run(play())

    assert hits.sure == {seventh}
    assert subjects == [b"S0", b"S1"]
    assert sizes == [len(b"Subject: s0\r\n\r\n")]


def test_a_store_of_before_gets_its_keys_when_it_is_opened(tmp_path: Path) -> None:
    async def make(store: AccountStore) -> None:
        await deliver(store)
        await forget_keys(store)

    store = open_store(tmp_path)
    asyncio.run(make(store))
    store.close()
    again = open_store(tmp_path)

    assert asyncio.run(count_keys(again)) == [COUNT, COUNT]
    again.close()


def test_a_back_fill_that_was_cut_off_goes_on_with_later_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mx_core.store.mail.riding._KEYS_AT_ONCE", 10)
    monkeypatch.setattr("mx_core.store.account_store._KEY_STEPS", 1)
    store = open_store(tmp_path)
    asyncio.run(deliver(store))
    asyncio.run(forget_keys(store))
    store.close()
    clock = Clock()
    again = open_store(tmp_path, clock)
    counts = []
    for _ in range(5):
        counts.append(asyncio.run(count_keys(again))[0])
        clock.at += 100
    again.close()

    assert counts[0] < COUNT
    assert counts[-1] == COUNT


def test_expunged_messages_leave_no_keys(store: AccountStore) -> None:
    async def play() -> list[int]:
        await deliver(store, 3)
        await store.mail.write_with(
            lambda _w, connection: connection.exec_driver_sql(
                "INSERT INTO expunged SELECT id, 0 FROM message"
            )
        )
        await store.mail.sweep()
        return await count_keys(store)

    assert asyncio.run(play()) == [0, 0]


def test_columns_are_kept_within_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns, "_KEPT_OCTETS", 300)
    kept = columns.KeptColumns()
    texts = [text_column(0, [0], b"x" * 100, [100]) for _ in range(5)]
    for chunk, column in enumerate(texts):
        kept.keep(TextField.TO, chunk, column)

    assert kept.octets <= 300
    assert kept.get(TextField.TO, 0) is None
    assert kept.get(TextField.TO, 4) is texts[4]


def test_far_apart_messages_are_read_without_all_between(store: AccountStore) -> None:
    async def play() -> tuple[list[bytes], int]:
        messages = await deliver(store, 2)
        await store.mail.write_with(
            lambda _w, connection: connection.exec_driver_sql(
                "UPDATE clock SET newest_message = 1000000"
            )
        )
        messages = await deliver(store, 1)
        texts = await store.mail.read(lambda r: r.order_texts(OrderText.SUBJECT, messages))
        return texts, len(store.mail._known.columns.columns)

    assert asyncio.run(play()) == ([b"S0", b"S1", b"S0"], 0)


def test_keys_joined_by_the_database_are_those_of_each_row(store: AccountStore) -> None:
    """Also where ids are missing between, as after an expunge."""
    kinds = (*TextField, *OrderText)

    async def keys(messages: list[MessageId]) -> list[list[Any]]:
        store.mail._known.columns = columns.KeptColumns()
        return await store.mail.read(
            lambda r: [
                *(
                    [r.holding(kind, f"s{n}", messages).sure for n in range(9)]
                    for kind in TextField
                ),
                *(r.order_texts(kind, messages) for kind in OrderText),
                *(r.order_numbers(kind, messages) for kind in OrderNumber),
                *([*r.within(kind, messages, range(1, 60))] for kind in OrderNumber),
                [r.thread_keys(messages)[at] for at in range(len(messages))],
            ]
        )

    async def play() -> tuple[list[list[Any]], list[list[Any]]]:
        messages = await deliver(store)
        gone = [*messages[3:6], messages[20]]
        await store.mail.write_with(
            lambda _w, connection: [
                connection.exec_driver_sql("INSERT INTO expunged VALUES (?, 0)", (message,))
                for message in gone
            ]
        )
        await store.mail.sweep()
        left = [message for message in messages if message not in gone]
        joined = await keys(left)
        await forget_keys(store)
        return joined, await keys(left)

    joined, single = asyncio.run(play())

    assert joined == single
    assert len(joined) == len(kinds) + 2 * len(OrderNumber) + 1
    assert all(len(column) == COUNT - 4 for column in joined[len(TextField) :])


def test_threads_of_messages_in_any_order_are_those_of_each(store: AccountStore) -> None:
    """By columns, as where many are asked for, and one by one."""

    async def play() -> None:
        messages = await deliver(store)
        shuffled = [*messages[::-2], *messages[::2]]

        def keys(reader: MailReader) -> list[ThreadKeys]:
            table = reader.thread_keys(shuffled)
            return [table[at] for at in range(len(table))]

        def alone(reader: MailReader) -> list[ThreadKeys]:
            return [reader.thread_keys([message])[0] for message in shuffled]

        found = await store.mail.read(keys)
        assert found == await store.mail.read(alone)
        assert len({key.subject for key in found}) > 1

    asyncio.run(play())


def test_ids_of_two_messages_are_doubtful_once_their_threads_were_read(
    store: AccountStore,
) -> None:
    """Also if the second comes when the first has been read long since."""

    async def arrive(number: int) -> None:
        octets = b"Message-ID: <%d@a.example>\r\n\r\n" % number
        await store.mail.write(
            lambda writer: writer.append(
                writer.mailbox(INBOX).id, octets, prepare(octets), frozenset()
            )
        )

    async def read() -> tuple[list[int], bool, AbstractSet[int]]:
        messages = await deliver(store, 0)

        def job(reader: MailReader) -> tuple[list[int], bool, AbstractSet[int]]:
            table = reader.thread_keys(messages)
            return list(table.ids), table.judged, reader.doubtful_ids()

        return await store.mail.read(job)

    async def play() -> None:
        for number in range(5):
            await arrive(number)
        ids, judged, doubtful = await read()
        assert judged
        assert (len(set(ids)), doubtful) == (5, set())
        await arrive(3)
        ids, judged, doubtful = await read()
        assert judged
        assert doubtful == {ids[3]} == {ids[5]}

    asyncio.run(play())


def test_of_messages_far_apart_nobody_knows_which_ids_are_doubtful(store: AccountStore) -> None:
    async def play() -> bool:
        await deliver(store, 2)
        await store.mail.write_with(
            lambda _w, connection: connection.exec_driver_sql(
                "UPDATE clock SET newest_message = 1000000"
            )
        )
        messages = await deliver(store, 1)
        return (await store.mail.read(lambda r: r.thread_keys(messages))).judged

    assert asyncio.run(play()) is False
