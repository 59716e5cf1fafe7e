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

MAIL = (
    b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?= an alle\r\nTo: a@b.example\r\n\r\nHello wide world\r\n",
    b'Subject: "quoted" AND OR NOT *\r\n\r\nSELECT * FROM "words" WHERE x = \'%_\'\r\n',
    "Subject: 東京都の天気\r\n\r\n今日は良い天気ですね。\u3000また明日\r\n".encode(),
    "Subject: oﬃce\r\n\r\nﬁne e\u0301te\u0301 \u0301x na\u00efve\r\n".encode(),
    (
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n"
        b"Content-Description: wide\r\n\r\n<p>wo<b>rl</b>d</p>&euro;\r\n--b--\r\n"
    ),
    b"\r\n",
    b"Subject: many\r\n\r\n" + b" ".join(b"item%d" % number for number in range(300)),
    b"X-Long: " + b"abcdefgh" * 400 + b"\r\n\r\n" + b"abcd efgh\r\n" * 300,
)
# white space counts, so the terms of a line are parted by "|"
_WORDS = (
    "w|wo|wor|world|WORLD|e|de w|wide world|wide  world| wide|e w|hello world|absent",
    "grüße|GRÜSSE|ß|ü|u\u0308|\u0308|ﬁ|fi|ffi|été|\u0301x|naïve",
    "天|天気|良い天気|。|です|気\u3000|\u3000また|東京都の",
    '"|"quoted"|"words" where|*| * |and or|not|%_|\'|=?utf-8?q?gr|\\',
    "subject:|subject: gr|to: a@b.example|@b.ex|€|<b>|content-description: wide",
    "abcdefghabcdefgh|abcd efgh\r\nabcd|\r\n| |\t",
    "e\n|\nw|\nhello\n",
)
TERMS = (*(term for words in _WORDS for term in words.split("|")), "h" * 900)


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


async def assert_same(store: AccountStore, terms: tuple[str, ...] = TERMS) -> None:
    for term in terms:
        for body_only in (False, True):
            found = await searched(store, term, body_only=body_only)
            expected = await store.mail.read(
                lambda r, t=term, b=body_only: scanned(r, t, body_only=b)  # type: ignore[misc]  # bound now
            )
            assert found == expected, (term, body_only)
