"""A copy holds all mail and no key of the device; what is made of it is a new device's store."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from mx_core.db.engine import reader_engine
from mx_core.model.address import Address
from mx_core.model.ids import DeviceId, EnvId, MailboxId
from mx_core.model.mailbox_name import INBOX, MailboxName
from mx_core.model.message import Submission
from mx_core.model.secret import Secret
from mx_core.store.account_store import BODIES, AccountStore
from mx_core.store.copying import COPY, pieces_of
from mx_core.store.fsck.check import check_store
from mx_core.store.outbox.reader import State
from mx_core.store.own.keys import OwnEpoch, OwnKey
from mx_core.store.renewing import renew
from tests.support.stores import STORE_KEY, Clock, form_of, open_store

pytestmark = pytest.mark.anyio

COPY_KEY = Secret(b"c" * 32)
DEVICE = DeviceId(b"d" * 16)
ALICE, BOB = Address.parse("alice@a.example"), Address.parse("bob@b.example")
LARGE = b"Subject: large\r\n\r\n" + b"L" * 300_000


@pytest.fixture
def store(tmp_path: Path) -> Iterator[AccountStore]:
    opened = open_store(tmp_path / "account")
    yield opened
    opened.close()


async def append(store: AccountStore, octets: bytes) -> None:
    form = form_of(octets)
    await store.mail.write(
        lambda writer: writer.append(writer.mailbox(INBOX).id, octets, form, frozenset())
    )


async def mail_of(store: AccountStore) -> list[tuple[int, bytes]]:
    """Return UID and octets of everything in INBOX."""

    def job(reader: object) -> list[tuple[int, bytes]]:
        box: MailboxId = reader.mailbox(INBOX).id  # type: ignore[attr-defined]
        view = reader.snapshot(box)  # type: ignore[attr-defined]
        return [
            (uid, reader.octets(message))  # type: ignore[attr-defined]
            for uid, message in zip(view.uids, view.messages, strict=True)
        ]

    return await store.mail.read(job)


async def copied(store: AccountStore, to: Path) -> Path:
    """Copy *store* into the new folder *to*, as a backup lays it out."""
    (to / BODIES).mkdir(parents=True)
    async with store.copied(to / COPY, COPY_KEY) as copy:
        for name, size in copy.bodies:
            octets = b"".join(pieces_of(store.folder / BODIES / name.hex(), size))
            (to / BODIES / name.hex()).write_bytes(octets)
    return to


async def renewed(folder: Path, now: float = 1_900_000_000) -> AccountStore:
    clock = Clock(now)
    await asyncio.to_thread(renew, folder / COPY, COPY_KEY, folder, STORE_KEY, DEVICE, clock)
    (folder / COPY).unlink()
    return open_store(folder, clock)


def rows(path: Path, statement: str) -> list[tuple[object, ...]]:
    engine = reader_engine(path, COPY_KEY, 1)
    try:
        with engine.connect() as connection:
            return [tuple(row) for row in connection.execute(sa.text(statement))]
    finally:
        engine.dispose()


async def test_a_copy_holds_no_key_of_the_device_and_nothing_that_only_it_opens(
    store: AccountStore, tmp_path: Path
) -> None:
    for name in OwnKey:
        await store.keys.put(name, Secret(b"key of " + name.value.encode()))
    n = await store.keys.new_epoch_number()
    await store.keys.keep_epoch(OwnEpoch(n, Secret(b"e" * 64), b"statement", 1, None))
    await store.intake.keep(EnvId(b"i" * 32), "b.example", b"MXE1", b"MXB1" + b"w" * 9, 1.0)
    to = await copied(store, tmp_path / "copy")

    kept = {name for (name,) in rows(to / COPY, "SELECT name FROM own_key")}
    assert kept == {"recovery-public", "backup-public"}
    for table in ("own_epoch", "intake", "parcel", "sealed_body"):
        assert rows(to / COPY, f"SELECT * FROM {table}") == []
    assert rows(to / COPY, "SELECT octets FROM body") == []


async def test_a_restored_store_has_every_message_under_its_uid_and_another_validity(
    store: AccountStore, tmp_path: Path
) -> None:
    await append(store, b"Subject: small\r\n\r\nx")
    await append(store, LARGE)
    await store.mail.write(lambda writer: writer.create(MailboxName("More")))
    before = await store.mail.read(lambda reader: reader.mailboxes())
    mail = await mail_of(store)
    again = await renewed(await copied(store, tmp_path / "copy"))
    try:
        after = await again.mail.read(lambda reader: reader.mailboxes())
        found = await mail_of(again)
    finally:
        again.close()
    report = check_store(tmp_path / "copy", STORE_KEY, Clock(), repair=False, deep=False)

    assert found == mail
    assert {box.name for box in after} == {box.name for box in before}
    newest = max(box.uid_validity for box in before)
    assert min(box.uid_validity for box in after) > max(newest, 1_900_000_000)
    assert len({box.uid_validity for box in after}) == len(after)
    assert again.device_id == DEVICE != store.device_id
    assert report.is_sound, report.findings


async def test_what_waited_to_leave_is_held_in_a_restored_store(
    store: AccountStore, tmp_path: Path
) -> None:
    octets = b"Subject: out\r\n\r\nx"
    queue_id = await store.outbox.enqueue(Submission(ALICE, (BOB,), octets), form=form_of(octets))
    [(_, msg_id)] = [(one.queue_id, one.msg_id) for one in await store.outbox.unsettled()]
    again = await renewed(await copied(store, tmp_path / "copy"))
    try:
        [held] = await again.outbox.unsettled()
        released = await again.outbox.release(queue_id, BOB)
        [queued] = await again.outbox.unsettled()
    finally:
        again.close()

    assert (held.state, held.msg_id) == (State.HELD, msg_id)
    assert "restored from a backup" in held.reason
    assert (released, queued.state, queued.msg_id) == (True, State.QUEUED, msg_id)


async def test_a_body_file_is_not_removed_while_a_copy_names_it(
    store: AccountStore, tmp_path: Path
) -> None:
    queue_id = await store.outbox.enqueue(Submission(ALICE, (BOB,), LARGE))
    (file,) = (store.folder / BODIES).iterdir()
    async with store.copied(tmp_path / COPY, COPY_KEY) as copy:
        await store.outbox.failed(queue_id, BOB, "gone")  # lets go of the octets
        assert file.exists()

    assert [name for name, _ in copy.bodies] == [bytes.fromhex(file.name)]
    assert not file.exists()


async def test_a_copy_is_as_of_one_moment_while_mail_goes_on(
    store: AccountStore, tmp_path: Path
) -> None:
    for n in range(50):
        await append(store, b"Subject: %d\r\n\r\n" % n + secrets.token_bytes(40_000))

    async def go_on() -> None:
        for n in range(50):
            await append(store, b"Subject: later %d\r\n\r\nx" % n)

    going = asyncio.create_task(go_on())
    to = await copied(store, tmp_path / "copy")
    await going
    [(messages, newest)] = rows(to / COPY, "SELECT count(*), max(id) FROM message")
    [(told,)] = rows(to / COPY, "SELECT newest_message FROM clock")

    assert messages == newest == told
    assert isinstance(told, int)
    assert 50 <= told <= 100
