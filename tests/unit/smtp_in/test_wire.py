"""What a wire says, reads and knows, with no shell above it."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator

import pytest

from smtp_in import replies
from smtp_in.wire import PIECE, Wire
from tests.support.smtp_line import Line

pytestmark = pytest.mark.anyio

IDLE_SECONDS = 60.0


class Carried:
    """A wire between a line and what came in, and how long it was asked to wait."""

    def __init__(self) -> None:
        self.clear = False
        self.asked: list[tuple[tuple[str, int], tuple[str, int]]] = []
        self.waits: list[float] = []
        self.line = Line()
        self.wire = Wire(
            None,
            implicit=False,
            allow_clear=self.allow_clear,
            idle_seconds=IDLE_SECONDS,
            wait=self.waits.append,
        )
        loop = asyncio.get_running_loop()
        self.reader = asyncio.StreamReader(limit=PIECE, loop=loop)
        protocol = asyncio.StreamReaderProtocol(self.reader, loop=loop)
        self.wire.connected(self.line)
        self.wire.carry(self.reader, asyncio.StreamWriter(self.line, protocol, self.reader, loop))

    def allow_clear(self, peer: tuple[str, int], own: tuple[str, int]) -> bool:
        self.asked.append((peer, own))
        return self.clear


@pytest.fixture
async def carried() -> AsyncIterator[Carried]:
    made = Carried()
    yield made
    made.line.close()


async def settled() -> None:
    for _ in range(10):  # turns of the loop: nothing here waits for anything else
        await asyncio.sleep(0)


async def cut_off(ending: asyncio.Task[object], carried: Carried) -> bool:
    """Return whether *ending* waits for the end of the connection, and is cancelled by it."""
    await settled()
    waits = not ending.done()
    carried.wire.gone.set()
    await asyncio.wait([ending])
    return waits and ending.cancelled()


async def test_replies_of_one_turn_leave_together(carried: Carried) -> None:
    """RFC 2920 §3.2."""
    await carried.wire.say(replies.MAIL_OK)
    await carried.wire.say(replies.GO_AHEAD)
    at_once = list(carried.line.written)
    await settled()

    assert at_once == []
    assert carried.line.codes() == [[b"250", b"354"]]


async def test_replies_that_fill_a_piece_wait_for_nothing(carried: Carried) -> None:
    length = len(replies.MAIL_OK.line()) + 2
    for _ in range(PIECE // length + 1):
        await carried.wire.say(replies.MAIL_OK)

    assert [len(each) for each in carried.line.written] == [(PIECE // length + 1) * length]


async def test_what_is_written_at_once_goes_behind_what_waits(carried: Carried) -> None:
    await carried.wire.say(replies.MAIL_OK)
    await carried.wire.write("250 b.example")

    assert carried.line.codes() == [[b"250", b"250"]]


async def test_the_last_reply_goes_behind_what_waits_and_has_a_bounded_time(
    carried: Carried,
) -> None:
    await carried.wire.say(replies.MAIL_OK)
    carried.wire.hang_up(replies.GOODBYE)
    await settled()

    assert carried.line.codes() == [[b"250", b"221"]]
    assert carried.line.closed
    assert len(carried.waits) == 1
    assert carried.waits[0] < IDLE_SECONDS


async def test_nothing_is_said_to_whoever_is_gone(carried: Carried) -> None:
    await carried.wire.say(replies.MAIL_OK)
    carried.wire.lost()
    await settled()
    carried.wire.hang_up(replies.GOODBYE)

    assert carried.line.written == []
    assert not carried.wire.is_open()
    assert carried.wire.peer_ip() == ""


async def test_octets_put_back_come_before_those_that_came_after_them(carried: Carried) -> None:
    carried.reader.feed_data(b"NOOP\r\n")
    carried.wire.unread(b"RSET\r\n")

    assert carried.wire.has_unread()
    assert await carried.wire.piece() == b"RSET\r\nNOOP\r\n"
    assert not carried.wire.has_unread()
    assert carried.waits == [IDLE_SECONDS]


async def test_a_challenge_is_answered_by_one_line(carried: Carried) -> None:
    carried.reader.feed_data(b"Ym9i\r\nrest")

    assert await carried.wire.ask(b"Username:") == b"Ym9i"
    assert carried.line.written == [b"334 VXNlcm5hbWU6\r\n"]
    assert carried.wire.has_unread()


async def test_an_answer_that_never_ends_ends_the_connection(carried: Carried) -> None:
    carried.reader.feed_data(b"A" * (PIECE + 1))
    asking: asyncio.Task[object] = asyncio.create_task(carried.wire.ask(b""))

    assert await cut_off(asking, carried)
    assert carried.line.codes() == [[b"334"], [b"500"]]


async def test_the_end_of_input_inside_a_message_ends_the_connection(carried: Carried) -> None:
    carried.reader.feed_eof()
    reading: asyncio.Task[object] = asyncio.create_task(carried.wire.piece())

    assert await cut_off(reading, carried)
    assert carried.line.codes() == [[b"421"]]


@pytest.mark.parametrize("clear", [True, False])
async def test_without_tls_it_is_asked_whether_a_password_may_be_said(
    carried: Carried, clear: bool
) -> None:
    carried.clear = clear

    assert carried.wire.is_private() is clear
    assert carried.asked == [(("127.0.0.1", 1), ("127.0.0.1", 2))]


@pytest.mark.parametrize("implicit", [True, False])
async def test_a_context_is_offered_unless_tls_is_spoken(implicit: bool) -> None:
    wire = Wire(
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER),
        implicit=implicit,
        allow_clear=lambda _peer, _own: False,
        idle_seconds=IDLE_SECONDS,
        wait=lambda _: None,
    )

    assert wire.offers_tls() is not implicit
    assert wire.inside_tls() is implicit
    assert wire.is_private() is implicit


async def test_without_a_context_no_tls_is_offered(carried: Carried) -> None:
    assert not carried.wire.offers_tls()
    assert not carried.wire.inside_tls()


async def test_hello_and_extended_hello_are_told_apart(carried: Carried) -> None:
    wire = carried.wire
    before = wire.greeted(), wire.helo(), wire.extended()
    wire.named("c.example", extended=False)
    after = wire.greeted(), wire.helo(), wire.extended()
    wire.named("d.example", extended=True)

    assert before == (False, "", False)
    assert after == (True, "c.example", False)
    assert (wire.greeted(), wire.helo(), wire.extended()) == (True, "d.example", True)
