"""The file of the index: of this mail and this program, or made anew; and nothing readable."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from mx_core.db.database import Database
from mx_core.model.ids import MessageId
from mx_core.store.account_store import AccountStore
from mx_core.store.fsck.check import check_store
from mx_core.store.text_index import state
from tests.support.indexed_mail import MAIL, TERMS, add, assert_same, catch_up
from tests.support.stores import STORE_KEY, Clock, open_store


def damaged(path: Path) -> None:
    path.write_bytes(b"\0" * 40_000)


def newer(path: Path) -> None:
    say(path, "UPDATE alembic_version SET version_num = '9999'")


def of_another_format(path: Path) -> None:
    say(path, "UPDATE state SET format = format + 1")


def of_other_mail(path: Path) -> None:
    say(path, "UPDATE state SET device = x'00'")


def say(path: Path, statement: str) -> None:
    database = Database.open(path, migrations=state._MIGRATIONS, key=state.key_of(STORE_KEY))
    database.write_at_start(lambda c: c.exec_driver_sql(statement).rowcount)
    database.close()


def missing(path: Path) -> None:
    path.unlink()


@pytest.mark.parametrize("spoil", [damaged, newer, of_another_format, of_other_mail, missing])
def test_an_index_that_is_not_of_this_mail_and_program_is_made_anew(
    tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    async def story() -> None:
        store = open_store(tmp_path)
        await add(store, MAIL[0])
        await catch_up(store)
        store.close()
        spoil(tmp_path / "index.db")
        store = open_store(tmp_path)
        await assert_same(store, TERMS[:5])
        await catch_up(store)

        hits = await store.mail.text_hits("WORLD", body_only=True)
        store.close()

        assert hits.verdict(MessageId(1)) is True

    asyncio.run(story())


def test_mending_the_mail_takes_the_index_with_it(tmp_path: Path) -> None:
    async def story() -> None:
        store = open_store(tmp_path)
        await add(store, MAIL[0])
        await catch_up(store)
        await store.mail.write_with(
            lambda _w, connection: connection.exec_driver_sql("UPDATE form SET parts = x'00'")
        )
        store.close()
        before = check_store(tmp_path, STORE_KEY, Clock(), deep=True)
        assert before.findings
        assert (tmp_path / "index.db").exists()

        check_store(tmp_path, STORE_KEY, Clock(), repair=True, deep=True)

        assert not (tmp_path / "index.db").exists()

    asyncio.run(story())


def test_nothing_of_the_mail_stands_in_the_file(tmp_path: Path) -> None:
    async def story(store: AccountStore) -> None:
        await add(store, b"Subject: canary-in-header\r\n\r\ncanary-in-body\r\n")
        await catch_up(store)

    store = open_store(tmp_path)
    asyncio.run(story(store))
    octets = b"".join(path.read_bytes() for path in tmp_path.glob("index.db*"))
    store.close()

    assert b"CANARY" not in octets.upper()
