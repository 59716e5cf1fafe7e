"""Dialogues about folders with a rule, with the store in memory and with the one on the disk."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mx_core.model.address import Address
from mx_core.model.mailbox_name import MailboxName
from mx_core.ports import MailStore
from tests.support.memory_folders import FolderMail
from tests.support.memory_mail import MemoryAccount, MemoryAccounts
from tests.support.stores import memory_store
from tests.support.transcript import Transcript

PAGES = sorted((Path(__file__).parents[2] / "transcripts/folders").glob("*.txt"))


@contextmanager
def store_of(kind: str) -> Iterator[MailStore]:
    if kind == "memory":
        yield FolderMail()
        return
    with memory_store() as store:
        yield store.mail


def play(kind: str, page: Path, *, chunk: int = 0, pipelined: bool = False) -> None:
    written = page.read_text(encoding="utf-8")
    with store_of(kind) as mail:
        account = MemoryAccount(Address.parse("fred@a.example"), "secret", mail)  # type: ignore[arg-type]
        world = Transcript(MemoryAccounts(account), chunk=chunk, pipelined=pipelined)

        async def dialogue() -> None:
            await mail.write(lambda w: w.add_folder(MailboxName("Starred"), "FLAGGED"))
            await world.play(written)
            await world.end()

        asyncio.run(dialogue())


@pytest.mark.parametrize("kind", ["memory", "disk"])
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
@pytest.mark.parametrize("chunk", [0, 1])
def test_the_dialogue_goes_as_written(kind: str, page: Path, chunk: int) -> None:
    play(kind, page, chunk=chunk)


@pytest.mark.parametrize("kind", ["memory", "disk"])
def test_the_dialogue_goes_as_written_in_one_packet(kind: str) -> None:
    play(kind, PAGES[0], pipelined=True)


@pytest.mark.parametrize("kind", ["memory", "disk"])
def test_a_login_that_does_not_show_folders_lists_none(kind: str) -> None:
    with store_of(kind) as mail:
        account = MemoryAccount(Address.parse("fred@a.example"), "secret", mail)  # type: ignore[arg-type]
        account.shows_folders = False
        world = Transcript(MemoryAccounts(account))

        async def said() -> bytes:
            await mail.write(lambda w: w.add_folder(MailboxName("Starred"), "FLAGGED"))
            await mail.write(lambda w: w.subscribe(MailboxName("Starred"), subscribed=True))
            line = await world.open("")
            await line.feed(
                b'a LIST "" *\r\nb LSUB "" *\r\nc LIST (SUBSCRIBED) "" "*"\r\nd SELECT Starred\r\n'
            )
            answer = line.taken()
            await world.end()
            return answer

        told = asyncio.run(said())

    listed = [row for row in told.splitlines() if row.startswith((b"* LIST", b"* LSUB"))]
    assert any(row.endswith(b"INBOX") for row in listed)
    assert not any(b"Starred" in row or b"encrypted" in row for row in listed)
    assert b"d OK" in told


@pytest.mark.parametrize("kind", ["memory", "disk"])
def test_a_login_that_does_not_show_folders_hears_of_none(kind: str) -> None:
    """NOTIFY tells of everything else, and of folders nothing: names, counters, subscriptions."""
    with store_of(kind) as mail:
        account = MemoryAccount(Address.parse("fred@a.example"), "secret", mail)  # type: ignore[arg-type]
        account.shows_folders = False
        world = Transcript(MemoryAccounts(account))
        starred, shown = MailboxName("Starred"), MailboxName("Shown")

        async def said() -> bytes:
            await mail.write(lambda w: w.add_folder(starred, "FLAGGED"))
            line = await world.open("")
            await line.feed(
                b"a NOTIFY SET STATUS (PERSONAL (MessageNew MessageExpunge FlagChange"
                b" MailboxName SubscriptionChange))\r\n"
                b"b CREATE Shown\r\nc SUBSCRIBE Starred\r\nd RENAME Starred Stars\r\n"
                b"e APPEND Shown (\\Flagged) {1+}\r\nx\r\n"
            )
            await mail.write(lambda w: w.add_folder(starred, "SEEN"))
            await mail.write(lambda w: w.delete(MailboxName("Stars")))
            await mail.write(lambda w: w.subscribe(shown, subscribed=True))
            await mail.write(lambda w: w.subscribe(starred, subscribed=False))
            await line.feed(b"f NOOP\r\n")
            answer = line.taken()
            await world.end()
            return answer

        told = asyncio.run(said()).splitlines()

    assert not any(b"Star" in row or b"encrypted" in row for row in told)
    assert sum(row.startswith(b"* LIST") and row.endswith(b"Shown") for row in told) == 2
    assert any(row.startswith(b"* STATUS Shown (MESSAGES 1 ") for row in told)
    assert b"d OK" in b"".join(told)
