"""CONDSTORE and QRESYNC in a folder with a rule: what left is VANISHED, what came back is new."""

import asyncio
import re
from collections.abc import Iterator

import pytest

from mx_core.model.address import Address
from mx_core.model.mailbox_name import MailboxName
from mx_core.ports import MailStore
from tests.support.memory_folders import FolderMail
from tests.support.memory_mail import MemoryAccount, MemoryAccounts
from tests.support.stores import memory_store
from tests.support.transcript import Line, Transcript

OCTETS = b"{17+}\r\nSubject: a\r\n\r\n1\r\n"


@pytest.fixture(params=["memory", "disk"])
def mail(request: pytest.FixtureRequest) -> Iterator[MailStore]:
    if request.param == "memory":
        yield FolderMail()
        return
    with memory_store() as store:
        yield store.mail


async def ask(line: Line, *commands: bytes) -> bytes:
    for command in commands:
        await line.feed(command + b"\r\n")
    return line.taken()


def number(name: bytes, said: bytes) -> int:
    found = re.search(rb"\[%b (\d+)\]" % name, said)
    assert found is not None, said
    return int(found[1])


def world_of(mail: MailStore) -> Transcript:
    account = MemoryAccount(Address.parse("fred@a.example"), "secret", mail)  # type: ignore[arg-type]
    return Transcript(MemoryAccounts(account))


def test_a_client_that_was_away_hears_what_left_came_and_changed(mail: MailStore) -> None:
    async def play() -> bytes:
        await mail.write(lambda w: w.add_folder(MailboxName("Starred"), "FLAGGED"))
        world = world_of(mail)
        here, there = await world.open("1"), await world.open("2")
        for _ in range(3):
            await here.feed(b"a APPEND INBOX (\\Flagged) " + OCTETS + b"\r\n")
        before = await ask(here, b"b ENABLE QRESYNC", b"c SELECT Starred", b"d UNSELECT")
        known = number(b"UIDVALIDITY", before), number(b"HIGHESTMODSEQ", before)

        await ask(there, b"a SELECT INBOX", b"b STORE 1 -FLAGS (\\Flagged)",
                  b"c STORE 2 +FLAGS (\\Seen)", b"d STORE 1 +FLAGS (\\Flagged)")  # fmt: skip
        after = await ask(here, b"e SELECT Starred (QRESYNC (%d %d))" % known)
        await world.end()
        return after

    after = asyncio.run(play())

    assert b"* VANISHED (EARLIER) 1\r\n" in after
    fetched = re.findall(rb"\* (\d+) FETCH \(UID (\d+) [^)]*FLAGS \(([^)]*)\)", after)
    assert {(int(at), int(uid)) for at, uid, _ in fetched} == {(1, 2), (3, 4)}
    assert b"Seen" in next(flags for _, uid, flags in fetched if uid == b"2")
    assert b"* 3 EXISTS" in after


def test_what_leaves_while_a_session_is_idle_is_vanished(mail: MailStore) -> None:
    async def play() -> bytes:
        await mail.write(lambda w: w.add_folder(MailboxName("Starred"), "FLAGGED"))
        world = world_of(mail)
        here, there = await world.open("1"), await world.open("2")
        await here.feed(b"a APPEND INBOX (\\Flagged) " + OCTETS + b"\r\n")
        await ask(here, b"b ENABLE QRESYNC", b"c SELECT Starred", b"d IDLE")
        await ask(there, b"a SELECT INBOX", b"b STORE 1 -FLAGS (\\Flagged)")
        await here.news()
        told = here.taken()
        await world.end()
        return told

    told = asyncio.run(play())

    assert b"* VANISHED 1\r\n" in told
    assert b"EXPUNGE" not in told


def test_a_store_in_a_folder_may_depend_on_nothing_having_changed(mail: MailStore) -> None:
    async def play() -> tuple[bytes, bytes]:
        await mail.write(lambda w: w.add_folder(MailboxName("Starred"), "FLAGGED"))
        world = world_of(mail)
        here, there = await world.open("1"), await world.open("2")
        await here.feed(b"a APPEND INBOX (\\Flagged) " + OCTETS + b"\r\n")
        seen = number(b"HIGHESTMODSEQ", await ask(here, b"b SELECT Starred (CONDSTORE)"))
        await ask(there, b"a SELECT INBOX", b"b STORE 1 +FLAGS (\\Seen)")
        late = await ask(here, b"c STORE 1 (UNCHANGEDSINCE %d) +FLAGS (late)" % seen)
        flags = await ask(there, b"c FETCH 1 FLAGS")
        await world.end()
        return late, flags

    late, flags = asyncio.run(play())

    assert b"c OK [MODIFIED 1]" in late
    assert b"late" not in flags
