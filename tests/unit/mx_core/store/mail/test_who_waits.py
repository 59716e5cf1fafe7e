"""The index gives way to whoever waits, and to nobody else."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable

import pytest

from mx_core.mime.prepare import prepare
from mx_core.model.mailbox_name import INBOX
from mx_core.store.account_store import AccountStore
from mx_core.store.ledger.batch import Brought
from mx_core.store.text_index.pace import Pace
from tests.support.indexed_mail import add
from tests.support.stores import memory_store

LETTER = b"Subject: 1\r\n\r\nword\r\n"


async def asks(store: AccountStore) -> None:
    await store.mail.read(lambda reader: reader.mailbox(INBOX))


async def stores(store: AccountStore) -> None:
    await add(store, LETTER)


async def imports(store: AccountStore) -> None:
    which = (await store.imports.begin("file:/mail", "{}")).id
    folder, _ = await store.imports.folder(which, b"INBOX", INBOX, "")
    store.text_index._pace = Pace()  # to make the folder is a change like any other
    digest = hashlib.blake2b(LETTER, digest_size=32).digest()
    brought = Brought(b"key", digest, LETTER, prepare(LETTER), frozenset(), 1)
    kept = await store.imports.store(which, folder, [brought])
    again = await store.imports.stored(folder, 0, 9, lambda _octets: digest)
    assert (kept.stored, len(again)) == (1, 1)


@pytest.mark.parametrize(("job", "waits"), [(asks, True), (stores, True), (imports, False)])
def test_it_rests_longer_for_a_person_and_not_for_an_import(
    job: Callable[[AccountStore], Awaitable[None]], waits: bool
) -> None:
    async def story(store: AccountStore) -> None:
        store.text_index._pace = Pace()
        await job(store)

        assert (store.text_index._pace._aside_until > 0) == waits
        assert store.text_index._news.is_set() == (job is not asks)

    with memory_store() as store:
        asyncio.run(story(store))
