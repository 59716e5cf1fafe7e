"""Facts and whole messages from rows: how much at once, and of mail older than a column."""

import asyncio
import random
from pathlib import Path

import pytest
import sqlalchemy as sa

from mx_core.mime.listed import header_of
from mx_core.mime.prepare import prepare
from mx_core.model.errors import MessageGone, StoreDamaged
from mx_core.model.ids import MessageId
from mx_core.model.mailbox_name import INBOX
from mx_core.model.message import Fact, Whole
from mx_core.model.octets import unpacked
from mx_core.ports import MailReader, MailWriter
from mx_core.store.account_store import AccountStore
from mx_core.store.mail.writer import Writer
from tests.support.stores import open_store

LONG = b"X-Long: " + b"x" * 20_000 + b"\r\n\r\nbody"


def filled(folder: Path, octets: bytes, count: int) -> tuple[AccountStore, list[MessageId]]:
    store = open_store(folder)

    def fill(writer: MailWriter) -> list[MessageId]:
        inbox = writer.mailbox(INBOX).id
        for _ in range(count):
            writer.append(inbox, octets, prepare(octets), frozenset())
        return list(writer.snapshot(inbox).messages)

    return store, asyncio.run(store.mail.write(fill))


def header(reader: MailReader, message: MessageId) -> bytes:
    [[table]] = reader.facts([message], [Fact.HEADER])
    return header_of(*table)


@pytest.mark.parametrize("octets", [b"Subject: x\r\n\r\nbody", LONG, b"\r\nbody", b"no header"])
def test_a_header_is_whole_however_it_is_kept(tmp_path: Path, octets: bytes) -> None:
    store, [message] = filled(tmp_path, octets, 1)

    def forget(_writer: Writer, connection: sa.Connection) -> None:
        connection.exec_driver_sql("UPDATE form SET header = NULL")

    before = store.mail.glance(lambda reader: header(reader, message))
    asyncio.run(store.mail.write_with(forget))
    after = store.mail.glance(lambda reader: header(reader, message))
    store.close()

    assert before == after == octets[: prepare(octets).header_end]


def test_facts_stop_at_about_a_mebibyte(tmp_path: Path) -> None:
    store, messages = filled(tmp_path, LONG, 80)
    told = store.mail.glance(lambda reader: len(reader.facts(messages, [Fact.HEADER])[0]))
    store.close()

    assert 50 <= told <= 60


def in_clear(told: list[Whole]) -> list[tuple[int, int, bytes | None]]:
    return [(size, date, None if each is None else unpacked(each)) for size, date, each in told]


def test_wholes_come_in_order_as_many_as_there_is_room_for(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    sizes = (10, 100_000, 50, 300_000, 70)
    octets = [bytes([65 + n]) * size for n, size in enumerate(sizes)]

    def fill(writer: MailWriter) -> list[MessageId]:
        inbox = writer.mailbox(INBOX).id
        for n, each in enumerate(octets):
            writer.append(inbox, each, prepare(each), frozenset(), 1000 + n)
        return list(writer.snapshot(inbox).messages)

    messages = asyncio.run(store.mail.write(fill))
    rows = [(len(each), 1000 + n, each) for n, each in enumerate(octets)]

    def wholes(asked: list[MessageId], room: int) -> list[tuple[int, int, bytes | None]]:
        return in_clear(store.mail.glance(lambda reader: reader.wholes(asked, room)))

    assert wholes(messages, 1 << 20) == rows
    assert wholes(messages[::-1], 1 << 20) == rows[::-1]
    assert wholes(messages, 100_005) == rows[:2]
    assert wholes(messages, 1) == [(10, 1000, None)]
    assert wholes(messages[2:], 200_000) == [rows[2], (300_000, 1003, None)]
    assert wholes([messages[1]], 1) == [(100_000, 1001, None)]
    assert [store.mail.whole(message, 100_000) for message in messages] == [
        (size, date, each if size <= 100_000 else None) for size, date, each in rows
    ]
    assert wholes([messages[0], MessageId(99)], 1 << 20) == rows[:1]
    with pytest.raises(MessageGone):
        wholes([MessageId(99), messages[0]], 1 << 20)
    store.close()


HOSTILE = [
    b"",
    b"\0",
    b"a\0b\0" * 200,
    b"\xff\xfe\xc3(" * 300,
    "\U0001f600é".encode() * 400,
    "x".encode("utf-16") * 9,
    b"'\"; DROP TABLE body; --",
    bytes(range(256)) * 255,
    random.Random(1).randbytes(64 * 1024),
    random.Random(2).randbytes(64 * 1024 + 1),
    b"\r\n" * 30_000,
]


@pytest.mark.parametrize("seed", range(3))
def test_octets_that_are_read_together_are_those_of_each_alone(tmp_path: Path, seed: int) -> None:
    """A message may be there twice, and some are gone."""
    store = open_store(tmp_path)

    def fill(writer: MailWriter) -> list[MessageId]:
        inbox = writer.mailbox(INBOX).id
        for each in HOSTILE:
            writer.append(inbox, each, prepare(each), frozenset(), len(each))
        return list(writer.snapshot(inbox).messages)

    messages = asyncio.run(store.mail.write(fill))
    draw = random.Random(seed)
    asked = draw.choices(range(len(HOSTILE)), k=40)
    told = store.mail.glance(lambda reader: reader.wholes([messages[n] for n in asked], 1 << 22))
    store.close()

    assert in_clear(told) == [(len(HOSTILE[n]), len(HOSTILE[n]), HOSTILE[n]) for n in asked]


@pytest.mark.parametrize(
    "damage", ["DELETE FROM body WHERE id = 2", "UPDATE body SET coding = 1 WHERE id = 2"]
)
def test_a_damaged_body_among_others_is_told(tmp_path: Path, damage: str) -> None:
    store, messages = filled(tmp_path, b"Subject: x\r\n\r\nbody", 3)

    def spoil(_writer: Writer, connection: sa.Connection) -> None:
        connection.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
        connection.exec_driver_sql(damage)

    try:
        asyncio.run(store.mail.write_with(spoil))
        with pytest.raises(StoreDamaged):
            in_clear(store.mail.glance(lambda reader: reader.wholes(messages, 1 << 20)))
        with pytest.raises(StoreDamaged):
            store.mail.whole(messages[1], 1 << 20)
    finally:
        store.close()
