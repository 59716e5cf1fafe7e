"""When messages came into a mailbox: one row a second, found by UID, gone with the mailbox."""

import time
from pathlib import Path

import pytest
import sqlalchemy as sa

from mx_core.db.migrate import migrate
from mx_core.model.errors import NoSuchMailbox
from mx_core.model.ids import MailboxId, Uid
from mx_core.model.mailbox_name import MailboxName
from mx_core.store.account_store import AccountStore
from mx_core.store.places import saved
from tests.support.stores import START, form_of, open_store

pytestmark = pytest.mark.anyio
WORK = MailboxName("Work")


async def fill(store: AccountStore) -> MailboxId:
    box = await store.mail.write(lambda writer: writer.create(WORK))
    for _ in range(4):
        await store.mail.write(lambda w: w.append(box.id, b"x", form_of(b"x"), frozenset()))
    return box.id


async def test_messages_of_one_second_share_a_row(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    box = await fill(store)
    uids = (await store.mail.read(lambda reader: reader.snapshot(box))).uids

    dates = await store.mail.read(lambda reader: reader.save_dates(box, uids))
    rows = await store.mail.write_with(
        lambda _writer, connection: connection.exec_driver_sql(
            "SELECT count(*) FROM saved WHERE mailbox = ?", (box,)
        ).scalar_one()
    )
    store.close()

    assert dates == [START] * 4
    assert rows == 1


async def test_each_uid_has_the_date_of_its_own_second(tmp_path: Path) -> None:
    now = float(START)
    store = open_store(tmp_path, lambda: now)
    box = await store.mail.write(lambda writer: writer.create(WORK))
    for second in (0, 0, 7, 7, 5):  # a clock may go back
        now = START + float(second)
        await store.mail.write(lambda w: w.append(box.id, b"x", form_of(b"x"), frozenset()))
    uids = (await store.mail.read(lambda reader: reader.snapshot(box.id))).uids

    whole = await store.mail.read(lambda reader: reader.save_dates(box.id, uids))
    some = await store.mail.read(lambda reader: reader.save_dates(box.id, uids[3:1:-1]))
    store.close()

    assert [date - START for date in whole] == [0, 0, 7, 7, 5]
    assert [date - START for date in some] == [7, 7]


def test_mail_from_before_the_upgrade_is_dated_by_it() -> None:
    engine = sa.create_engine("sqlite://")
    with engine.begin() as connection:
        migrate(connection, "mx_core.store.migrations", "0001")
        for number, uid_next in ((1, 1), (2, 40)):
            connection.exec_driver_sql(
                "INSERT INTO mailbox VALUES (?, ?, ?, '', ?, ?, 1, 1, 0, 0, 0, 0, 0)",
                (number, f"m{number}", bytes([number]), number, uid_next),
            )
        migrate(connection, "mx_core.store.migrations", "0002")

        (found,) = saved.dates(connection, MailboxId(2), [Uid(39)])
        rows = connection.exec_driver_sql("SELECT mailbox FROM saved").scalars().all()

    assert abs(found - time.time()) < 60
    assert rows == [2]


async def test_they_go_with_their_mailbox(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    box = await fill(store)
    uids = (await store.mail.read(lambda reader: reader.snapshot(box))).uids
    await store.mail.write(lambda writer: writer.delete(WORK))

    with pytest.raises(NoSuchMailbox):
        await store.mail.read(lambda reader: reader.save_dates(box, uids))
    store.close()
