"""A store whose index is driven by hand, and what a scan of all texts finds."""

from __future__ import annotations

import asyncio

from mx_core.mime.casemap import fold
from mx_core.mime.prepare import prepare
from mx_core.mime.search_text import body_text, header_text
from mx_core.model.ids import MessageId, Uid
from mx_core.model.mailbox_name import INBOX
from mx_core.ports import MailReader
from mx_core.store.account_store import AccountStore


async def add(store: AccountStore, octets: bytes) -> Uid:
    appended = await store.mail.write(
        lambda w: w.append(w.mailbox(INBOX).id, octets, prepare(octets), frozenset())
    )
    return appended.uid


def texts_of(reader: MailReader, message: MessageId, *, body_only: bool) -> list[str]:
    octets, [form] = reader.octets(message), reader.forms([message])
    texts = [body_text(octets, form)]
    return texts if body_only else [*texts, header_text(octets, form)]


def scanned(reader: MailReader, term: str, *, body_only: bool) -> set[MessageId]:
    """Return what a look into every text finds."""
    wanted = fold(term)
    return {
        message
        for message in reader.snapshot(reader.mailbox(INBOX).id).messages
        if any(wanted in text for text in texts_of(reader, message, body_only=body_only))
    }


async def searched(store: AccountStore, term: str, *, body_only: bool) -> set[MessageId]:
    """Return what the index finds, confirmed by the texts where it says so."""
    hits = await store.mail.text_hits(fold(term), body_only=body_only)

    def judge(reader: MailReader) -> set[MessageId]:
        found = set()
        for message in reader.snapshot(reader.mailbox(INBOX).id).messages:
            verdict = hits.verdict(message)
            if verdict is None:
                texts = texts_of(reader, message, body_only=body_only)
                verdict = any(fold(term) in text for text in texts)
            if verdict:
                found.add(message)
        return found

    return await store.mail.read(judge)


async def catch_up(store: AccountStore) -> None:
    """Do all that the index's thread would do."""
    while await asyncio.to_thread(store.text_index.step):
        pass
