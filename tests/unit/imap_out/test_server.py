"""The shell over real sockets: TLS, deadlines, caps, stopping; and the client of the stdlib."""

import asyncio
import contextlib
import imaplib
import time
from collections.abc import Callable
from typing import TypeVar

import pytest
from msgspec.structs import replace

from imap_out.server import Limits
from mx_core.model.address import Address
from mx_core.ports import Account, MailReader
from mx_core.trail_port import Step, Trail
from tests.support.clients import tell_name
from tests.support.imap_line import Raw, running
from tests.support.loopback_tls import client_context
from tests.support.memory_mail import MemoryAccount, MemoryAccounts, MemoryMail, one_account

pytestmark = pytest.mark.anyio


T = TypeVar("T")


async def in_thread(work: Callable[[], None]) -> None:
    await asyncio.to_thread(work)


def use(client: imaplib.IMAP4) -> None:
    """What any client does."""
    client.login("fred@a.example", "secret")
    assert client.select("INBOX") == ("OK", [b"0"])
    message = b"From: a@b.example\r\nSubject: hi\r\n\r\nhello\r\n"
    status, answer = client.append("INBOX", r"(\Seen)", None, message)
    assert status == "OK"
    assert b"APPENDUID" in answer[0]
    status, answer = client.uid("FETCH", "1", "(FLAGS BODY.PEEK[])")
    fetched = answer[0]
    assert isinstance(fetched, tuple)
    assert fetched[1] == message
    assert client.uid("SEARCH", "SUBJECT", "HI")[1] == [b"1"]
    assert client.create("Work")[0] == "OK"
    assert client.uid("COPY", "1", "Work")[0] == "OK"
    assert client.status("Work", "(MESSAGES)")[1] == [b"Work (MESSAGES 1)"]


async def test_the_client_of_the_standard_library_finds_its_way() -> None:
    def work() -> None:
        with imaplib.IMAP4("127.0.0.1", server.port, timeout=10) as client:
            use(client)

    async with running() as server:
        await in_thread(work)


async def test_it_finds_its_way_over_starttls() -> None:
    def work() -> None:
        with imaplib.IMAP4("localhost", server.port, timeout=10) as client:
            assert "LOGINDISABLED" in client.capabilities
            assert client.starttls(client_context())[0] == "OK"
            assert "AUTH=PLAIN" in client.capabilities
            assert "STARTTLS" not in client.capabilities
            use(client)

    async with running(clear=False, tls=True) as server:
        await in_thread(work)


async def test_it_finds_its_way_over_implicit_tls() -> None:
    def work() -> None:
        with imaplib.IMAP4_SSL(
            "localhost", server.port, ssl_context=client_context(), timeout=10
        ) as client:
            use(client)

    async with running(clear=False, implicit=True) as server:
        await in_thread(work)


async def test_a_password_in_the_clear_is_refused_where_it_is_not_allowed() -> None:
    async with running(clear=False, tls=True) as server, server.line() as line:
        line.say(b"a LOGIN fred@a.example secret\r\nb AUTHENTICATE PLAIN\r\n")

        assert b"a NO [PRIVACYREQUIRED]" in await line.until(b"a ")
        assert b"b NO [PRIVACYREQUIRED]" in await line.until(b"b ")


async def test_what_is_sent_in_the_clear_behind_starttls_is_never_done() -> None:
    """The command injection of 2011 and 2021: CVE-2011-0411, CVE-2021-38371 and the like."""
    async with running(tls=True) as server, server.line() as line:
        line.say(b"a STARTTLS\r\nb CREATE evil\r\nc LOGIN fred@a.example secret\r\n")
        await line.until(b"a OK")
        await line.writer.start_tls(client_context(), server_hostname="localhost")
        line.say(b"d NOOP\r\n")

        assert (await line.until(b"d ")) == b"d OK done\r\n"
        line.say(b"e SELECT INBOX\r\n")
        assert b"e BAD" in await line.until(b"e ")


async def test_several_commands_of_one_packet_are_answered_in_order() -> None:
    """mutt and mbsync send so."""
    async with running() as server, server.line() as line:
        line.say(
            b"a LOGIN fred@a.example secret\r\nb ENABLE UTF8=ACCEPT\r\n"
            b'c LIST "" ""\r\nd STATUS "Drafts" (MESSAGES)\r\ne SELECT "INBOX"\r\n'
        )
        heard = await line.until(b"e OK")

    tags = [row[:1] for row in heard.splitlines() if not row.startswith(b"*")]
    assert tags == [b"a", b"b", b"c", b"d", b"e"]


async def test_idle_tells_of_new_mail_at_once() -> None:
    accounts = one_account()
    mail = accounts.accounts["fred@a.example"].mail
    async with running(accounts) as server, server.line() as line:
        line.say(b"a LOGIN fred@a.example secret\r\nb SELECT INBOX\r\nc IDLE\r\n")
        await line.until(b"+ idling")
        await mail.deliver(b"Subject: new\r\n\r\nbody\r\n")

        assert await line.until(b"* 1 EXISTS") == b"* 1 EXISTS\r\n"
        assert await line.until(b"* 1 RECENT") == b"* 1 RECENT\r\n"
        line.say(b"DONE\r\nd NOOP\r\n")
        await line.until(b"c OK")
        await line.until(b"d OK")


async def test_news_are_told_whole_before_done_is_answered() -> None:
    """Also where the client says DONE before it has taken them in."""
    accounts = one_account()
    mail = accounts.accounts["fred@a.example"].mail
    octets = b"Subject: x\r\n\r\n"
    async with running(accounts) as server, server.line() as line:
        line.say(b"a LOGIN fred@a.example secret\r\nb SELECT INBOX\r\nc IDLE\r\n")
        await line.until(b"+ idling")
        heard = b""
        for _ in range(20):
            await mail.deliver(octets)
            line.say(b"DONE\r\nd IDLE\r\n")
            heard += await line.until(b"+ idling")
        line.say(b"DONE\r\ne NOOP\r\n")
        heard += await line.until(b"e OK")

        # each once, in order, and never within an answer
        assert [each for each in heard.splitlines() if each.endswith(b"EXISTS")] == [
            b"* %d EXISTS" % number for number in range(1, 21)
        ]
        assert heard.count(b" OK ") == 22


async def test_who_asked_to_be_notified_is_told_without_a_command() -> None:
    """RFC 5465 §3.1: no IDLE is needed; the connection goes on as ever."""
    accounts = one_account()
    mail = accounts.accounts["fred@a.example"].mail
    async with running(accounts) as server, server.line() as line:
        line.say(b"a LOGIN fred@a.example secret\r\nb SELECT INBOX\r\n")
        line.say(
            b"c NOTIFY SET (SELECTED (MessageNew MessageExpunge))"
            b" (PERSONAL (MessageNew MessageExpunge))\r\n"
        )
        await line.until(b"c OK")
        await mail.deliver(b"Subject: new\r\n\r\nbody\r\n")
        assert await line.until(b"* 1 EXISTS") == b"* 1 EXISTS\r\n"
        await line.until(b"* 1 RECENT")
        await mail.deliver(b"Subject: new\r\n\r\nbody\r\n", "Sent")

        assert (await line.until(b"* STATUS Sent")).startswith(b"* STATUS Sent (MESSAGES 1 ")
        line.say(b"d NOOP\r\n")
        assert (await line.until(b"d OK")).startswith(b"d OK")


async def test_an_idling_client_hears_that_the_line_still_stands() -> None:
    limits = replace(Limits(), still_here_seconds=0.05)
    async with running(limits=limits) as server, server.line() as line:
        line.say(b"a LOGIN fred@a.example secret\r\nb IDLE\r\n")

        await line.until(b"* OK still here")
        await line.until(b"* OK still here")


async def test_an_idling_client_that_is_silent_for_too_long_is_sent_away() -> None:
    limits = replace(Limits(), still_here_seconds=0.02, idle_seconds=0.1)
    async with running(limits=limits) as server, server.line() as line:
        line.say(b"a LOGIN fred@a.example secret\r\nb IDLE\r\n")

        await line.until(b"* BYE")
        assert await line.reader.read() == b""


async def test_a_silent_client_is_sent_away() -> None:
    limits = replace(Limits(), idle_seconds=0.1)
    async with running(limits=limits) as server, server.line() as line:
        line.say(b"a LOGIN fred@a.example secret\r\n")

        await line.until(b"* BYE")


async def test_who_does_not_log_in_in_time_is_sent_away_whatever_they_say() -> None:
    limits = replace(Limits(), login_seconds=0.1)
    async with running(limits=limits) as server, server.line() as line:
        heard = b""
        with contextlib.suppress(ConnectionError):  # what it said last may have met nobody
            line.say(b"a NOOP\r\n")
            while b"* BYE" not in heard and (heard := await line.reader.read(1000)):
                line.say(b"a NOOP\r\n")

        assert b"* BYE" in heard


async def test_stopping_says_goodbye_and_ends() -> None:
    async with running() as server, server.line() as line:
        line.say(b"a LOGIN fred@a.example secret\r\nb IDLE\r\n")
        await line.until(b"+ idling")
        server.stopping.set()

        await line.until(b"* BYE")
        assert await line.reader.read() == b""


async def test_connections_are_bounded_in_all_and_for_each_account() -> None:
    limits = replace(Limits(), connections=2, connections_per_account=1)
    async with running(limits=limits) as server, server.line() as one, server.line() as two:
        one.say(b"a LOGIN fred@a.example secret\r\n")
        await one.until(b"a OK")
        two.say(b"a LOGIN fred@a.example secret\r\n")
        assert b"a OK" in await two.until(b"* BYE")
        assert await two.reader.read() == b""


async def test_beyond_the_last_connection_there_is_one_line() -> None:
    async with running(limits=replace(Limits(), connections=1)) as server, server.line():
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)

        assert (await reader.read()).startswith(b"* BYE [UNAVAILABLE]")
        writer.close()


async def test_half_a_literal_of_any_size_holds_nobody_up() -> None:
    async with running() as server, server.line() as line, server.line() as other:
        line.say(b"a LOGIN {1000}\r\n")
        await line.until(b"+")
        line.say(b"x" * 500)
        for count in (b"4294967295", b"99999999999999999999"):
            other.say(b"b LOGIN {" + count + b"}\r\n")
            assert b"b BAD" in await other.until(b"b ")


async def test_a_reader_that_reads_nothing_holds_one_piece_and_no_more() -> None:
    """Backpressure: the answer to a large FETCH waits until somebody takes it."""
    accounts = one_account()
    mail = accounts.accounts["fred@a.example"].mail
    await mail.deliver(b"Subject: big\r\n\r\n" + b"x" * 70 + b"\r\n")
    body = b"Subject: big\r\n\r\n" + (b"y" * 76 + b"\r\n") * 100_000
    await mail.deliver(body)
    async with running(accounts) as server, server.line() as line:
        line.say(b"a LOGIN fred@a.example secret\r\nb SELECT INBOX\r\n")
        await line.until(b"b OK")
        line.say(b"c FETCH 2 BODY.PEEK[]\r\n")
        async with server.line() as other:
            other.say(b"a LOGIN fred@a.example secret\r\n")
            await other.until(b"a OK")

        heard = await line.until(b"c OK")

    assert body in heard


class SlowMail(MemoryMail):
    """Reads that let others in between, so that a search is a long one."""

    reads = 0

    async def read(self, job: Callable[[MailReader], T]) -> T:
        self.reads += 1
        await asyncio.sleep(0.002)
        return await super().read(job)


async def slow_account() -> tuple[MemoryAccounts, SlowMail]:
    mail = SlowMail()
    for number in range(300):
        await mail.deliver(b"Subject: %d\r\n\r\n" % number + b"x" * 100_000)
    return MemoryAccounts(MemoryAccount(Address.parse("fred@a.example"), "secret", mail)), mail


async def begin_search(raw: Raw, mail: SlowMail) -> None:
    raw.say(b"a LOGIN fred@a.example secret\r\nb SELECT INBOX\r\n")
    await raw.until(b"b OK")
    before = mail.reads
    raw.say(b"c SEARCH BODY absent\r\n")
    while mail.reads < before + 4:
        await asyncio.sleep(0.001)


async def test_a_search_ends_when_the_connection_is_lost() -> None:
    accounts, mail = await slow_account()
    async with running(accounts=accounts) as server:
        async with server.line() as raw:
            await begin_search(raw, mail)
        at = mail.reads
        async with server.line() as raw:  # a whole other dialogue, and the search is no more
            raw.say(b"a LOGIN fred@a.example secret\r\n")
            await raw.until(b"a OK")
        settled = mail.reads
        for _ in range(20):
            await asyncio.sleep(0.002)

    assert mail.reads == settled
    assert settled < at + 10


async def test_a_search_is_cut_short_by_a_logout() -> None:
    accounts, mail = await slow_account()
    async with running(accounts=accounts) as server, server.line() as raw:
        await begin_search(raw, mail)
        raw.say(b"d LOGOUT\r\n")
        said = await raw.until(b"d OK")

    assert b"c NO [UNAVAILABLE]" in said
    assert b"* SEARCH" not in said


class Told(Trail):
    """Everything that was told of one connection."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def reached(self, step: Step) -> None:
        if step.value not in self.heard:
            self.heard.append(step.value)

    def is_called(self, name: str) -> None:
        self.heard.append(f"is {name}")

    def belongs_to(self, account: Account) -> None:
        self.heard.append(f"of {account.address}")

    def is_refused(self) -> None:
        self.heard.append("refused")


@pytest.mark.parametrize(
    ("implicit", "first"),
    [(True, ["reached", "secured"]), (False, ["reached"])],
    ids=["implicit", "starttls"],
)
async def test_each_step_of_a_mail_program_is_told_as_it_is_taken(
    implicit: bool, first: list[str]
) -> None:
    told = Told()

    def work() -> None:
        at, secure = ("localhost", server.port), client_context()
        with (
            imaplib.IMAP4_SSL(*at, ssl_context=secure, timeout=10)
            if implicit
            else imaplib.IMAP4(*at, timeout=10)
        ) as client:
            wait_for(lambda: told.heard == first)
            if not implicit:
                client.starttls(client_context())
            with contextlib.suppress(imaplib.IMAP4.error):
                client.login("fred@a.example", "wrong")
            tell_name(client, "mutt")
            client.login("fred@a.example", "secret")
            client.list()
            client.append("INBOX", None, None, b"Subject: x\r\n\r\n")
            client.select()
            client.fetch("1", "(FLAGS)")

    async with running(tls=not implicit, implicit=implicit, observer=lambda: told) as server:
        await in_thread(work)

    last = ["secured", "refused", "is mutt", "of fred@a.example", "listed", "fetched"]
    assert told.heard == ["reached", *last]


def wait_for(holds: Callable[[], bool]) -> None:
    for _ in range(1000):
        if holds():
            return
        time.sleep(0.01)
    raise AssertionError
