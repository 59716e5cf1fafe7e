"""One message says how far an import is, and the last one how it ended."""

import asyncio
import quopri
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gateway.migration.importing import Asked, Importing
from gateway.migration.opening import open_source
from gateway.migration.telling import Telling
from mx_core.model.address import Address
from mx_core.model.mailbox_name import MailboxName
from mx_core.store.account_store import AccountStore
from tests.support import old_mail
from tests.support.encrypted_mail import pgp_mime
from tests.support.old_mail import letter, stored
from tests.support.stores import memory_store

pytestmark = pytest.mark.anyio
ALICE = Address.parse("alice@a.example")


async def told(store: AccountStore) -> list[tuple[str, set[str]]]:
    return [
        (quopri.decodestring(octets).decode(), set(flags))
        for octets, flags, _ in (await stored(store)).get("Gateway", [])
    ]


@asynccontextmanager
async def importing(store: AccountStore) -> AsyncIterator[tuple[Importing, Telling]]:
    made = Importing(store, open_source, store.mail.now)
    telling = Telling(store.imports, made, ALICE, store.mail.now)
    running = asyncio.ensure_future(made.run())
    try:
        yield made, telling
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def until_idle(made: Importing) -> None:
    async with asyncio.timeout(60):
        while (await made.state())["phase"] != "idle":
            await asyncio.sleep(0.01)


async def test_it_is_renewed_in_its_place_and_only_the_last_is_unread(tmp_path: Path) -> None:
    source = old_mail.mbox(tmp_path / "Old", [letter(n) for n in range(5)])
    with memory_store() as store:
        async with importing(store) as (made, telling):
            await made.begin(Asked(str(source), rate=1), dry_run=False)
            async with asyncio.timeout(60):
                while (await made.state())["progress"] is None:
                    await asyncio.sleep(0.01)
            for _ in range(3):
                assert await telling.write()
            [(text, flags)] = await told(store)
            assert f"From file:{source}" in text
            assert "Mail is coming in" in text
            assert flags == {"\\Seen"}

            await made.pause()
            await until_idle(made)
            assert not await telling.write()
            [(text, flags)] = await told(store)
            assert "Subject: The import is paused" in text
            assert "--resume" in text
            assert flags == set()


async def test_the_end_is_told_once_with_what_was_proved(tmp_path: Path) -> None:
    source = old_mail.mbox(tmp_path / "Old", [letter(1), letter(1), letter(2)])
    with memory_store() as store:
        async with importing(store) as (made, telling):
            task = asyncio.ensure_future(telling.run())
            await made.begin(Asked(str(source)), dry_run=False)
            await until_idle(made)
            async with asyncio.timeout(60):
                while "is imported" not in (await told(store) or [("", set())])[-1][0]:
                    await asyncio.sleep(0.01)
            assert len(await told(store)) == 1
            text, flags = (await told(store))[0]
            assert "3 messages" in text
            assert "1 messages stood there twice" in text
            assert flags == set()

            # the next import has a message of its own
            await made.begin(Asked(str(source)), dry_run=False)
            async with asyncio.timeout(60):
                while len([t for t, _ in await told(store) if "is imported" in t]) < 2:
                    await asyncio.sleep(0.01)
            task.cancel()
            assert len(await told(store)) == 2


async def test_the_end_says_how_much_is_encrypted_and_what_opens_it(tmp_path: Path) -> None:
    armoured = pgp_mime(b"-----BEGIN PGP MESSAGE-----\n-----END PGP MESSAGE-----\n")
    source = old_mail.mbox(tmp_path / "Old", [letter(1), armoured])
    with memory_store() as store:
        async with importing(store) as (made, telling):
            task = asyncio.ensure_future(telling.run())
            await made.begin(Asked(str(source)), dry_run=False)
            async with asyncio.timeout(60):
                while "is imported" not in (await told(store) or [("", set())])[-1][0]:
                    await asyncio.sleep(0.01)
            task.cancel()

            text, _ = (await told(store))[-1]
            assert "1 messages are encrypted by OpenPGP or S/MIME" in text
            assert f"mx-gateway decrypt --account {ALICE} --gnupg" in text


async def test_a_message_that_was_moved_away_is_left_alone(tmp_path: Path) -> None:
    source = old_mail.mbox(tmp_path / "Old", [letter(n) for n in range(3)])
    with memory_store() as store:
        async with importing(store) as (made, telling):
            await made.begin(Asked(str(source), rate=1), dry_run=False)
            await asyncio.sleep(0)
            assert await telling.write()
            gateway, archive = MailboxName("Gateway"), MailboxName("Archive")
            await store.mail.write(
                lambda w: w.move(
                    w.mailbox(gateway).id, w.snapshot(w.mailbox(gateway).id).uids, archive
                )
            )
            assert await telling.write()
            assert len((await stored(store))["Archive"]) == 1
            assert len(await told(store)) == 1
