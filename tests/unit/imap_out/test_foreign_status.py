"""A status that a mail program stores, or an import brings, is not found as if it were ours."""

from __future__ import annotations

import asyncio
from pathlib import Path

from gateway.arriving.status_block import Mail, Status, parse, render
from mx_core.mime.prepare import prepare
from mx_core.model.address import Address
from mx_core.model.ids import EnvId, MsgId
from mx_core.model.mailbox_name import INBOX, MailboxName
from mx_core.store.account_store import AccountStore
from mx_core.store.ledger.batch import Brought
from tests.support.memory_mail import MemoryAccount, MemoryAccounts
from tests.support.stores import START, open_store
from tests.support.transcript import Line, Transcript

BOB = Address.parse("bob@b.example")
LETTER = b"From: bob@b.example\r\nSubject: x\r\n\r\nhello\r\n"
OURS = render(Status(Mail.NETWORK, START, sender=BOB, trust="verified"), BOB) + LETTER
ASKED = b"HEADER MX-Status trust=verified"


async def receive(store: AccountStore) -> None:
    assert await store.inbox.receive(
        msg_id=MsgId(b"m" * 16), env_id=EnvId(b"e" * 32), octets=OURS, form=prepare(OURS), epoch=1
    )


async def bring(store: AccountStore, octets: bytes, *, pulled: bool) -> None:
    which = (await store.imports.begin("a place", "")).id
    folder, _ = await store.imports.folder(which, b"INBOX", INBOX, "")
    brought = Brought(
        key=b"%d" % pulled, digest=bytes(32), octets=octets, form=prepare(octets),
        flags=frozenset(), received=START,
    )  # fmt: skip
    await store.imports.store(which, folder, [brought], one_copy=pulled)


async def line_of(store: AccountStore) -> Line:
    account = MemoryAccount(Address.parse("fred@a.example"), "secret", store.mail)  # type: ignore[arg-type]
    return await Transcript(MemoryAccounts(account)).open("1")


async def search(store: AccountStore, mailbox: bytes) -> bytes:
    """Return the numbers that SEARCH finds, as the server writes them."""
    line = await line_of(store)
    line.taken()
    await line.feed(b"a SELECT %b\r\n" % mailbox)
    line.taken()
    await line.feed(b"b SEARCH " + ASKED + b"\r\n")
    [told] = [row for row in line.taken().splitlines() if row.startswith(b"* SEARCH")]
    return told.removeprefix(b"* SEARCH").strip()


def test_only_what_the_gateway_has_stored_is_found_by_its_status(tmp_path: Path) -> None:
    """Also after a restart, as a copy, and in a folder with a rule.  spec/status §3."""
    assert parse(OURS) is not None

    async def stored() -> AccountStore:
        store = open_store(tmp_path)
        await store.mail.write(
            lambda w: w.add_folder(MailboxName("Sure"), "HEADER MX-Status trust=verified")
        )
        line = await line_of(store)
        append = b"APPEND INBOX {%d+}\r\n%b\r\n" % (len(OURS), OURS)
        await line.feed(b"a " + append)  # 1
        await receive(store)  # 2
        await bring(store, OURS, pulled=False)  # 3
        await bring(store, OURS, pulled=True)  # 4: marked by the gateway on its way
        await line.feed(b"b SELECT INBOX\r\nc COPY 1:2 Drafts\r\n")
        await line.feed(b"d REPLACE 1 INBOX {%d+}\r\n%b\r\n" % (len(OURS), OURS))
        assert b"d OK" in line.taken()
        return store

    async def looked_at() -> None:
        store = await stored()
        for _ in range(2):
            assert await search(store, b"INBOX") == b"1 3"  # the replaced one is the last
            assert await search(store, b"Drafts") == b"2"
            assert await search(store, b"Sure") == b"1 2 3"
            info = await store.mail.read(lambda reader: reader.mailbox(MailboxName("Sure")))
            assert info.messages == 3
            store.close()
            store = open_store(tmp_path)
        store.close()

    asyncio.run(looked_at())


def test_the_octets_that_a_program_stored_stay_its_own(tmp_path: Path) -> None:
    async def fetched() -> bytes:
        store = open_store(tmp_path)
        line = await line_of(store)
        await line.feed(b"a APPEND INBOX {%d+}\r\n%b\r\nb SELECT INBOX\r\n" % (len(OURS), OURS))
        line.taken()
        await line.feed(b"c FETCH 1 (BODY.PEEK[HEADER.FIELDS (MX-Status)] BODY.PEEK[])\r\n")
        said = line.taken()
        store.close()
        return said

    said = asyncio.run(fetched())
    assert OURS in said
    assert b"BODY[HEADER.FIELDS (MX-STATUS)]" in said
    assert said.count(b"trust=verified") == 2
