"""What the index reads of the mail, many messages at once."""

from __future__ import annotations

import asyncio

from mx_core.model.flags import DELETED
from mx_core.model.ids import MessageId
from mx_core.model.mailbox_name import INBOX
from mx_core.ports import FlagChange
from mx_core.store.account_store import AccountStore
from mx_core.store.text_index import source as source_module
from mx_core.store.text_index.source import Source
from tests.support.indexed_mail import add
from tests.support.stores import memory_store

LONG = source_module._LONG_OCTETS
FILE = b"AAAA" * 18 + b"\r\n"
WITH_FILE = (
    b"Subject: with a file\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    b"--b\r\n\r\nwords before it\r\n--b\r\nContent-Type: application/pdf\r\n"
    b"Content-Transfer-Encoding: base64\r\n\r\n%b\r\n--b\r\n\r\nwords behind it\r\n--b--\r\n"
)


async def filled(store: AccountStore, count: int) -> list[MessageId]:
    for number in range(count):
        await add(store, b"Subject: %d\r\n\r\nword%d\r\n" % (number, number))
    shot = await store.mail.read(lambda r: r.snapshot(r.mailbox(INBOX).id))
    return list(shot.messages)


def test_one_that_went_or_can_not_be_read_takes_none_of_its_neighbours_along() -> None:
    async def story(store: AccountStore) -> None:
        ids = await filled(store, source_module._FORMS + 8)
        gone, damaged = ids[3], ids[5]
        shot = await store.mail.read(lambda r: r.snapshot(r.mailbox(INBOX).id))
        uid = shot.uids[3]

        def expunge(writer):  # type: ignore[no-untyped-def]
            box = writer.mailbox(INBOX).id
            writer.store_flags(box, [uid], FlagChange.ADD, frozenset({DELETED}))
            writer.expunge(box)

        await store.mail.write(expunge)
        store._database.write_at_start(store.mail.sweep_all)
        store._database.write_at_start(
            lambda tx: (
                tx.exec_driver_sql(
                    "UPDATE body SET coding = 9 WHERE id = (SELECT body FROM message WHERE id = ?)",
                    (damaged,),
                ).rowcount
            )
        )
        source = Source(store._database, store.mail)
        letters = [
            letter
            for some in await asyncio.to_thread(lambda: list(source.letters(ids)))
            for letter in some
        ]

        assert [letter.message for letter in letters] == [each for each in ids if each != gone]
        assert [letter.message for letter in letters if letter.octets is None] == [damaged]

    with memory_store() as store:
        asyncio.run(story(store))


def test_of_a_message_that_has_a_file_what_holds_no_words_is_not_read() -> None:
    async def story(store: AccountStore) -> None:
        await add(store, WITH_FILE % (FILE * (LONG // len(FILE) + 1)))
        ids = await filled(store, 0)
        source = Source(store._database, store.mail)
        [[letter]] = await asyncio.to_thread(lambda: list(source.letters(ids)))

        assert letter.octets is not None
        assert b"words before it" in letter.octets
        assert b"words behind it" in letter.octets
        assert len(letter.octets) < 1_000

    with memory_store() as store:
        asyncio.run(story(store))
