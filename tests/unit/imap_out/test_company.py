"""Who speaks alone has changes committed at once; who speaks beside others shares commits with them."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import cast

import pytest

from imap_out import company
from imap_out.company import ALONE_SECONDS, Company
from imap_out.session.messages import do_message
from mx_core.db import lone
from mx_core.db.committing import Ticket
from mx_core.model.address import Address
from mx_core.store.account_store import AccountStore
from tests.support.imap_line import Raw, running
from tests.support.memory_mail import MemoryAccount, MemoryAccounts, MemoryMail
from tests.support.stores import memory_store
from tests.support.writing_thread import come_to_rest

pytestmark = pytest.mark.anyio


def test_one_is_alone_once_nobody_else_has_spoken_for_a_while() -> None:
    company = Company()
    company.heard("one", 100.0)
    assert company.is_alone("one", 100.0), "nobody else has ever spoken"
    company.heard("two", 200.0)
    assert company.is_alone("two", 200.0), "however new it is"
    assert not company.is_alone("one", 200.0)


def test_another_who_speaks_ends_it_for_both() -> None:
    company = Company()
    company.heard("one", 100.0)
    company.heard("two", 100.0 + ALONE_SECONDS / 2)
    assert not company.is_alone("one", 100.0 + ALONE_SECONDS * 9)
    assert not company.is_alone("two", 100.0 + ALONE_SECONDS * 0.99)
    assert company.is_alone("two", 100.0 + ALONE_SECONDS * 1.01)


def test_those_who_take_turns_are_not_alone() -> None:
    company, now = Company(), 100.0
    for speaker in ["one", "two"] * 4:
        now += ALONE_SECONDS * 0.75
        company.heard(speaker, now)
        assert company.is_alone(speaker, now) is (now < 100.0 + ALONE_SECONDS)


def test_it_is_the_last_word_of_another_that_counts() -> None:
    company = Company()
    company.heard("one", 100.0)
    company.heard("one", 101.0)
    company.heard("two", 101.0 + ALONE_SECONDS / 2)
    assert not company.is_alone("two", 101.0 + ALONE_SECONDS / 2)


class AtOnce:
    """Counts the changes that were committed on the thread that asked."""

    def __init__(self, store: AccountStore, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        do_lone = store._database._writer.do_lone

        def counted(ticket: Ticket) -> bool:
            done = do_lone(ticket)
            self.count += done
            return done

        monkeypatch.setattr(store._database._writer, "do_lone", counted)


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[AccountStore]:
    monkeypatch.setattr(company, "ALONE_SECONDS", 0.0)
    monkeypatch.setattr(lone, "HELD_SECONDS", 60)  # whatever the disk takes
    with memory_store() as opened:
        yield opened


@pytest.fixture
def at_once(store: AccountStore, monkeypatch: pytest.MonkeyPatch) -> AtOnce:
    return AtOnce(store, monkeypatch)


@asynccontextmanager
async def selected(store: AccountStore) -> AsyncIterator[tuple[Raw, Raw]]:
    """Two connections of one account, the first with INBOX."""
    mail = cast("MemoryMail", store.mail)
    fred = MemoryAccounts(MemoryAccount(Address.parse("fred@a.example"), "secret", mail))
    async with running(fred) as server, server.line() as one, server.line() as other:
        for line in (other, one):
            line.say(b"a LOGIN fred@a.example secret\r\n")
            await line.until(b"a OK")
        one.say(b"b SELECT INBOX\r\n")
        await one.until(b"b OK")
        come_to_rest(store._database)
        yield one, other


async def test_a_lone_append_and_a_lone_store_are_committed_at_once(
    store: AccountStore, at_once: AtOnce
) -> None:
    async with selected(store) as (line, _):
        line.say(b"c APPEND INBOX {4+}\r\n\r\n\r\n\r\n")
        assert b"* 1 EXISTS" in await line.until(b"c OK")
        come_to_rest(store._database)
        line.say(b"d APPEND INBOX {4}\r\n")
        await line.until(b"+ OK")
        line.say(b"\r\n\r\n\r\n")
        assert b"* 2 EXISTS" in await line.until(b"d OK")
        line.say(b"e STORE 1:2 +FLAGS (\\Seen)\r\n")
        assert b"* 2 FETCH (UID 2 FLAGS (\\Seen" in await line.until(b"e OK")

        assert at_once.count == 3
        line.say(b"f APPEND INBOX {4+}\r\n\r\n\r\n {4+}\r\n\r\n\r\n\r\n")
        assert b"* 4 EXISTS" in await line.until(b"f OK")
        line.say(b"g STORE 1:4 -FLAGS (\\Seen)\r\n")
        await line.until(b"g OK")


async def test_what_is_behind_others_in_one_packet_is_not(
    store: AccountStore, at_once: AtOnce
) -> None:
    async with selected(store) as (line, _):
        line.say(b"c APPEND INBOX {4+}\r\n\r\n\r\n\r\n" * 3)
        for _ in range(3):
            await line.until(b"c OK")
        assert at_once.count == 0
        line.say(b"d STORE 1 +FLAGS (\\Seen)\r\ne STORE 2 +FLAGS (\\Seen)\r\n")
        await line.until(b"e OK")

        assert at_once.count <= 1, "the last of them, if the writer has come to rest by then"


async def test_one_who_speaks_beside_another_waits_for_the_writer(
    store: AccountStore, at_once: AtOnce, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with selected(store) as (line, other):
        line.say(b"c APPEND INBOX {4+}\r\n\r\n\r\n\r\n")
        await line.until(b"c OK")
        assert at_once.count == 1
        monkeypatch.setattr(company, "ALONE_SECONDS", 3_600)
        other.say(b"n NOOP\r\n")
        await other.until(b"n OK")
        line.say(b"d STORE 1 +FLAGS (\\Seen)\r\n")
        await line.until(b"d OK")

    assert at_once.count == 1


async def test_many_messages_are_the_writers(
    store: AccountStore, at_once: AtOnce, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(do_message, "_AT_ONCE", 20)

    def appending(count: int) -> bytes:
        return b"c APPEND INBOX" + b" {4+}\r\n\r\n\r\n" * count + b"\r\n"

    async with selected(store) as (line, _):
        line.say(appending(17))
        await line.until(b"c OK")
        assert at_once.count == 0
        come_to_rest(store._database)
        line.say(appending(16))
        await line.until(b"c OK")
        assert at_once.count == 1
        before = at_once.count
        line.say(b"d STORE 1:21 +FLAGS (\\Seen)\r\n")
        await line.until(b"d OK")
        assert at_once.count == before
        come_to_rest(store._database)
        line.say(b"d STORE 1:20 -FLAGS (\\Seen)\r\n")
        await line.until(b"d OK")

        assert at_once.count == before + 1
