"""APPENDs sent without waiting: under way together, answered in order, each after its commit."""

import asyncio
import re
import threading
from collections.abc import AsyncIterator, Iterator, Sized
from contextlib import asynccontextmanager
from typing import cast

import pytest
from msgspec.structs import replace

from imap_out.session.answers.out import Out
from imap_out.session.connection import Connection, Next
from imap_out.session.state.recent import RecentClaims
from imap_out.session.state.session import Security
from imap_out.wire.limits import Limits
from mx_core.model.address import Address
from mx_core.model.mailbox_name import INBOX
from mx_core.store.account_store import AccountStore
from tests.support.imap_line import running
from tests.support.memory_mail import MemoryAccount, MemoryAccounts, MemoryMail
from tests.support.stores import memory_store

pytestmark = pytest.mark.anyio
_LARGE = 70_000  # octets: more than what is prepared at once
_LOGIN = b"a LOGIN fred@a.example secret\r\n"


def append(tag: str, text: bytes, mailbox: str = "INBOX", *, flags: str = "") -> bytes:
    octets = b"Subject: %b\r\n\r\n%b" % (text[:20], text)
    return f"{tag} APPEND {mailbox} {flags}{{{len(octets)}+}}\r\n".encode() + octets + b"\r\n"


@pytest.fixture
def store() -> Iterator[AccountStore]:
    with memory_store() as opened:
        yield opened


def accounts_of(store: AccountStore) -> MemoryAccounts:
    mail = cast("MemoryMail", store.mail)
    return MemoryAccounts(MemoryAccount(Address.parse("fred@a.example"), "secret", mail))


class Door:
    """A connection without a socket, and what it said."""

    def __init__(self, store: AccountStore, limits: Limits | None = None) -> None:
        self.said = bytearray()
        self.connection = Connection(
            accounts_of(store), limits or Limits(), Security(tls=True, can_start_tls=False,
            clear_allowed=False), RecentClaims(), repr,
            begin=asyncio.create_task,
        )  # fmt: skip
        self.out = Out(self._send, lambda: asyncio.sleep(0), 4096)
        self.connection.framer.feed(_LOGIN)

    async def _send(self, pieces: list[bytes]) -> None:
        self.said += b"".join(pieces)

    @property
    def newest_job(self) -> Sized | None:
        assert self.connection.overlap.gathered is not None
        return self.connection.overlap.gathered._newest

    async def does(self, octets: bytes) -> list[bytes]:
        """Return the lines that *octets*, sent at once, are answered with."""
        self.connection.framer.feed(octets)
        async with asyncio.timeout(60):
            while await self.connection.step(self.out) is not Next.READ:
                pass
        await self.out.flush()
        lines = bytes(self.said).split(b"\r\n")[1:-1]  # without that of the login
        return [line for line in lines if not line.startswith((b"* FLAGS", b"* OK", b"a OK"))]


@asynccontextmanager
async def writer_stopped(store: AccountStore) -> AsyncIterator[threading.Event]:
    """While this is open nothing is committed; what was given to the writer waits behind it."""
    entered, go_on = threading.Event(), threading.Event()

    def wait(_connection: object) -> None:
        entered.set()
        assert go_on.wait(60)

    job = asyncio.create_task(store._database.write(wait))
    try:
        assert await asyncio.to_thread(entered.wait, 60)
        yield go_on
    finally:
        go_on.set()
        await job


async def waiting(store: AccountStore, count: int) -> None:
    """Return when *count* jobs wait for the writer."""
    async with asyncio.timeout(60):
        while store._database._writer._intake.qsize() < count:
            await asyncio.sleep(0.005)


async def gathered(door: Door, count: int) -> None:
    """Return when *count* APPENDs of the connection wait for the writer as one job."""
    async with asyncio.timeout(60):
        while door.newest_job is None or len(door.newest_job) < count:
            await asyncio.sleep(0.005)


async def subjects(store: AccountStore) -> list[bytes]:
    """Return the subjects in INBOX, in the order of UIDs, which have no gap."""

    def read(reader: object) -> list[bytes]:
        inbox = reader.mailbox(INBOX)  # type: ignore[attr-defined]  # a MailReader
        shot = reader.snapshot(inbox.id)  # type: ignore[attr-defined]  # a MailReader
        assert list(shot.uids) == list(range(1, len(shot.uids) + 1)), shot.uids
        octets = [reader.octets(message) for message in shot.messages]  # type: ignore[attr-defined]  # a MailReader
        return [re.match(rb"Subject: (.*?)\r\n", each)[1] for each in octets]  # type: ignore[index]  # all have one

    return await store.mail.read(read)


async def test_all_wait_for_the_writer_at_once_and_are_answered_in_order(
    store: AccountStore,
) -> None:
    door = Door(store)
    names = [b"m%d" % n for n in range(5)]
    async with writer_stopped(store) as go_on:
        answering = asyncio.create_task(
            door.does(b"".join(append(f"b{n}", name) for n, name in enumerate(names)))
        )
        await gathered(door, len(names))
        assert store._database._writer._intake.qsize() == 1, "they share a job"
        assert b"b0" not in door.said, "nothing is durable yet"
        go_on.set()
        lines = await answering

    assert [line.split(b" ", 2)[:2] for line in lines] == [[b"b%d" % n, b"OK"] for n in range(5)]
    uids = [int(re.search(rb"APPENDUID \d+ (\d+)", line)[1]) for line in lines]  # type: ignore[index]  # each has one
    assert uids == [1, 2, 3, 4, 5]
    assert await subjects(store) == names


async def test_one_that_is_refused_is_answered_in_its_place(store: AccountStore) -> None:
    door = Door(store)
    many = "(" + " ".join(f"k{n}" for n in range(101)) + ") "
    lines = await door.does(
        append("b1", b"one")
        + append("b2", b"lost", "Nowhere")
        + append("b3", b"three")
        + b"b4 APPEND INBOX {0+}\r\n\r\n"
        + append("b5", b"five", flags=many)
        + append("b6", b"six", flags="(\\Seen")
        + append("b7", b"seven")
        + append("b8", b"eight", flags="\\Seen ")
    )

    heads = [re.match(rb"b\d (OK|NO|BAD)(?: \[(\w+(?:-\w+)?))?", line).groups() for line in lines]  # type: ignore[union-attr]  # each is an answer
    assert heads == [
        (b"OK", b"APPENDUID"), (b"NO", b"TRYCREATE"), (b"OK", b"APPENDUID"), (b"NO", b"CANNOT"),
        (b"NO", b"LIMIT"), (b"BAD", None), (b"OK", b"APPENDUID"), (b"BAD", None),
    ]  # fmt: skip
    assert await subjects(store) == [b"one", b"three", b"seven"]


async def test_what_does_not_fit_into_the_quota_takes_no_place(store: AccountStore) -> None:
    door = Door(store, replace(Limits(), account_octets=3_000))
    lines = await door.does(
        append("b1", b"x" * 1_000)
        + append("b2", b"y" * 2_500)
        + append("b3", b"z" * 1_000)
        + append("b4", b"v" * 1_000)
    )

    assert [line[:14] for line in lines] == [
        b"b1 OK [APPENDU", b"b2 NO [OVERQUO", b"b3 OK [APPENDU", b"b4 NO [OVERQUO",
    ]  # fmt: skip
    assert await subjects(store) == [b"x" * 20, b"z" * 20]


async def test_one_that_shares_a_job_and_is_refused_keeps_no_other_out(store: AccountStore) -> None:
    door = Door(store, replace(Limits(), account_octets=3_000))
    async with writer_stopped(store) as go_on:
        answering = asyncio.create_task(
            door.does(
                append("b1", b"x" * 1_000) + append("b2", b"y" * 2_500) + append("b3", b"z" * 1_000)
            )
        )
        await gathered(door, 3)
        go_on.set()
        lines = await answering

    assert [line[:14] for line in lines] == [
        b"b1 OK [APPENDU", b"b2 NO [OVERQUO", b"b3 OK [APPENDU",
    ]  # fmt: skip
    assert await subjects(store) == [b"x" * 20, b"z" * 20]


async def test_those_of_several_mailboxes_and_several_messages_hear_of_their_own(
    store: AccountStore,
) -> None:
    door = Door(store)
    two = append("b2", b"two")[:-2] + b" {18+}\r\nSubject: more\r\n\r\n.\r\n"
    async with writer_stopped(store) as go_on:
        answering = asyncio.create_task(
            door.does(
                append("b1", b"one")
                + two
                + append("b3", b"three")
                + append("b4", b"lost", "Nowhere")
                + append("b5", b"other", "Drafts")
                + append("b6", b"six")
            )
        )
        await waiting(store, 1)
        go_on.set()
        lines = await answering

    said = [re.sub(rb" \d+ (\S+)\].*", rb" \1", line) for line in lines]
    assert said == [
        b"b1 OK [APPENDUID 1", b"b2 OK [APPENDUID 2:3", b"b3 OK [APPENDUID 4",
        b"b4 NO [TRYCREATE] there is no such mailbox", b"b5 OK [APPENDUID 1",
        b"b6 OK [APPENDUID 5",
    ]  # fmt: skip
    assert await subjects(store) == [b"one", b"two", b"more", b"three", b"six"]


async def test_nothing_of_them_is_kept_in_memory_once_they_are_answered(
    store: AccountStore,
) -> None:
    door = Door(store)
    await door.does(append("b1", b"one") + append("b2", b"two", "Nowhere") + append("b3", b"three"))

    assert door.newest_job is None


async def test_what_comes_behind_them_waits_until_all_are_answered(store: AccountStore) -> None:
    door = Door(store)
    lines = await door.does(
        append("b1", b"one")
        + append("b2", b"two")
        + b"b3 STATUS INBOX (MESSAGES)\r\n"
        + append("b4", b"four")
        + append("b5", b"five")
        + b"b6 APPEND INBOX {20}\r\n"
        + b"Subject: six\r\n\r\nbody\r\n"
        + b"b7 NONSENSE\r\n"
    )

    assert [line[:8] for line in lines] == [
        b"b1 OK [A", b"b2 OK [A", b"* STATUS", b"b3 OK th", b"b4 OK [A", b"b5 OK [A", b"+ OK",
        b"b6 OK [A", b"b7 BAD e",
    ]  # fmt: skip
    assert b"MESSAGES 2" in lines[2]
    assert await subjects(store) == [b"one", b"two", b"four", b"five", b"six"]


async def test_a_large_one_keeps_its_turn(store: AccountStore) -> None:
    door = Door(store)
    await door.does(
        append("b1", b"one")
        + append("b2", b"two")
        + append("b3", b"large" + b"x" * _LARGE)
        + append("b4", b"four")
        + append("b5", b"five")
    )

    assert [each[:5] for each in await subjects(store)] == [
        b"one",
        b"two",
        b"large",
        b"four",
        b"five",
    ]


async def test_more_than_may_be_under_way_are_all_kept_in_order(store: AccountStore) -> None:
    door = Door(store)
    names = [b"m%d" % n for n in range(80)]
    async with writer_stopped(store) as go_on:
        answering = asyncio.create_task(
            door.does(b"".join(append(f"b{n}", name) for n, name in enumerate(names)))
        )
        await gathered(door, 32)
        await asyncio.sleep(0.05)
        assert len(door.newest_job or ()) == 32, "what waits in memory is bounded"
        assert store._database._writer._intake.qsize() == 1
        go_on.set()
        assert len(await answering) == len(names)

    assert await subjects(store) == names


async def test_a_client_that_goes_half_way_leaves_whole_messages_or_none(
    store: AccountStore,
) -> None:
    door = Door(store)
    async with writer_stopped(store):
        octets = b"".join(append(f"b{n}", b"m%d" % n) for n in range(6))
        answering = asyncio.create_task(door.does(octets[:-20]))
        await gathered(door, 5)
        answering.cancel()
        await asyncio.gather(answering, return_exceptions=True)
        await door.connection.close()

    kept = await subjects(store)
    assert kept == [b"m%d" % n for n in range(len(kept))]
    assert len(kept) <= 5
    assert (await Door(store).does(append("b", b"next")))[0].startswith(b"b OK")


async def test_when_the_server_stops_those_under_way_are_answered_first(
    store: AccountStore,
) -> None:
    async with running(accounts_of(store)) as server, server.line() as line:
        line.say(_LOGIN)
        await line.until(b"a OK")
        async with writer_stopped(store) as go_on:
            line.say(b"".join(append(f"b{n}", b"m%d" % n) for n in range(3)))
            await waiting(store, 1)
            server.stopping.set()
            go_on.set()
            heard = await line.until(b"* BYE")

    assert re.findall(rb"^(b\d) OK", heard, re.MULTILINE) == [b"b0", b"b1", b"b2"]
    assert await subjects(store) == [b"m0", b"m1", b"m2"]


async def test_a_client_that_waits_for_the_first_answers_gets_them(store: AccountStore) -> None:
    """Answers leave while others are still waited for: a window of few commands never stops."""
    async with running(accounts_of(store)) as server, server.line() as line:
        line.say(_LOGIN)
        await line.until(b"a OK")
        line.say(append("b0", b"m0") + append("b1", b"m1") + append("b2", b"m2")[:30])
        assert b"b0 OK" in await line.until(b"b1 OK")
        line.say(append("b2", b"m2")[30:])
        assert b"b2 OK" in await line.until(b"b2 OK")
