"""What stands between aioimaplib and a server: it sees little, and nothing hangs or grows."""

import asyncio
import logging
import random
import re
import tracemalloc
from typing import Any

import pytest
from aioimaplib.aioimaplib import IMAP4ClientProtocol
from typing_extensions import override

from gateway.legacy.answers import BadAnswer, Data, Status
from gateway.legacy.guard import Expected, Guard
from mx_core.model.errors import PeerUnreachable

pytestmark = pytest.mark.anyio
SHOWN = re.compile(rb"[A-P]+[0-9]+ (OK|NO|BAD)\r\n|\+\r\n")


class Wire(asyncio.Transport):
    """What is sent, and whether the connection was ended."""

    def __init__(self, guard: Guard) -> None:
        super().__init__()
        self.sent: list[bytes] = []
        self.ended = False
        self._guard = guard
        guard.connection_made(self)

    @override
    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Keep it."""
        self.sent.append(bytes(data))

    @override
    def abort(self) -> None:
        """End it, once."""
        if not self.ended:
            self.ended = True
            asyncio.get_running_loop().call_soon(self._guard.connection_lost, None)

    @property
    def tag(self) -> bytes:
        """Return that of the last command."""
        return self.sent[-1].partition(b" ")[0]


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Return what the library is given, and it is given it."""
    given: list[bytes] = []
    take = IMAP4ClientProtocol.data_received

    def taking(self: Any, d: bytes) -> None:
        given.append(d)
        take(self, d)

    monkeypatch.setattr(IMAP4ClientProtocol, "data_received", taking)
    return given


async def greeted(*, known: bool = True) -> tuple[Guard, Wire]:
    guard = Guard("mail.example")
    wire = Wire(guard)
    guard.data_received(b"* OK hello\r\n")
    assert (await guard.greeting()).word == "OK"
    if known:
        guard.is_in(frozenset({"IDLE"}))
    return guard, wire


async def asking(
    guard: Guard, words: str, expected: Expected | None = None
) -> asyncio.Future[Status]:
    """Return a command that was sent."""
    running = asyncio.ensure_future(guard.run(guard.command(words), expected or Expected(), 60))
    await turns()
    return running


async def turns() -> None:
    for _ in range(10):  # what a command needs to be sent
        await asyncio.sleep(0)


async def test_the_library_is_shown_only_that_a_command_is_over(shown: list[bytes]) -> None:
    guard, wire = await greeted()
    took: list[Data] = []
    running = await asking(guard, "UID FETCH 1 (UID BODY[])", Expected(100, 10, took.append))
    guard.data_received(b"* 1 FETCH (UID 1 BODY[] {9}\r\n* OK +\r\n")
    guard.data_received(b"x)\r\n* OK [ALERT] {7\r\n+ what\r\n" + wire.tag + b" NO [CODE] why\r\n")

    status = await running
    assert (status.word, status.code, status.text) == ("NO", b"CODE", b"why")
    assert [data.values for data in took] == [[[b"UID", b"1", b"BODY[]", b"* OK +\r\nx"]]]
    assert shown == [wire.tag + b" NO\r\n"]
    assert guard.incomplete_line == b""
    assert not guard.pending_async_commands


async def test_whatever_comes_the_library_sees_nothing_else(shown: list[bytes]) -> None:
    chance = random.Random(12)
    pieces = [
        b"* 1 FETCH (UID 1)\r\n", b"* OK x {99}\r\n", b"+ {5}\r\n", b"%t OK\r\n", b"%t NO {8}\r\n",
        b"* 2 FETCH (BODY[] {3}\r\nabc)\r\n", b"A1 OK\r\n", b"* BYE\r\n", b"\r\n", b"* {2}\r\nOK\r\n",
        b"%t OK [X] {3}\r\nabc", b'* LIST () "/" x\r\n', b"%tOK\r\n", b"\0\xff", b"(" * 20,
    ]  # fmt: skip
    for _ in range(300):
        guard, wire = await greeted()
        running = await asking(guard, chance.choice(["NOOP", "EXAMINE x", "UID FETCH 1 (UID)"]))
        octets = b"".join(chance.choices(pieces, k=6)).replace(b"%t", wire.tag)
        while octets:
            size = chance.randint(1, 30)
            guard.data_received(octets[:size])
            octets = octets[size:]
        guard.connection_lost(None)
        await asyncio.wait({running})
        assert running.exception() is None or isinstance(running.exception(), PeerUnreachable)
    assert shown
    assert all(SHOWN.fullmatch(each) for each in shown)


async def test_a_read_of_many_short_answers_is_taken() -> None:
    """The library alone calls itself once for each line, and ends in a RecursionError."""
    guard, wire = await greeted()
    took: list[Data] = []
    running = await asking(guard, "UID FETCH 1:* (UID)", Expected(take=took.append))
    guard.data_received(b"* 1 FETCH (UID 1)\r\n" * 5_000 + wire.tag + b" OK\r\n")

    assert (await running).word == "OK"
    assert len(took) == 5_000


@pytest.mark.parametrize(
    ("octets", "sentence"),
    [
        (b"* 1 FETCH (BODY[] {150000000}\r\n", "larger than what was asked for"),
        (b"* 1 FETCH (UID 1)\r\n", "more answers|more than was asked for"),
        (b"* X " + b"9" * 60_000 + b"\r\n", "more than was asked for"),
        (b"x", "without end"),
        (b"A1 OK\r\n", "answers what was not asked"),
    ],
)
async def test_a_bound_that_is_crossed_ends_it_before_memory_is_used(
    octets: bytes, sentence: str
) -> None:
    guard, wire = await greeted()
    running = await asking(guard, "UID FETCH 1 (UID)")
    piece = octets * (65_536 // len(octets) if len(octets) < 30 else 1)
    tracemalloc.start()
    try:
        for _ in range(2_000):  # 130 MB of them
            guard.data_received(piece)
            if wire.ended:
                break
            await asyncio.sleep(0)
        assert tracemalloc.get_traced_memory()[1] < 4 * 1024 * 1024
    finally:
        tracemalloc.stop()
    assert wire.ended
    with pytest.raises(BadAnswer, match=sentence):
        await running
    with pytest.raises(BadAnswer, match=sentence):
        await guard.run(guard.command("NOOP"), Expected(), 60)


async def test_a_connection_that_goes_ends_all_waiting() -> None:
    for words in ("UID FETCH 1 (UID)", "EXAMINE x"):
        guard, _ = await greeted()
        running = await asking(guard, words)
        guard.connection_lost(None)
        with pytest.raises(PeerUnreachable, match="closed the connection"):
            await running
    guard = Guard("mail.example")
    Wire(guard)
    guard.connection_lost(ConnectionResetError())
    with pytest.raises(PeerUnreachable, match="broke"):
        await guard.greeting()


@pytest.mark.parametrize("begun", [b"", b"+ idling\r\n"])
async def test_a_connection_that_goes_ends_idle(begun: bytes) -> None:
    guard, _ = await greeted()
    running = asyncio.ensure_future(guard.run_idle(3600, Expected(), 3600))
    await turns()
    guard.data_received(begun + b"* 1 RECENT\r\n" * (not begun))
    guard.connection_lost(None)

    with pytest.raises(PeerUnreachable, match="closed the connection"):
        await running


@pytest.mark.parametrize(
    ("reply", "word"),
    [(b"%t NO not now\r\n", "NO"), (b"%t OK\r\n", "OK"), (b"+ go\r\n%t OK enough\r\n", "OK")],
)
async def test_idle_that_the_server_ends_is_over(reply: bytes, word: str) -> None:
    guard, wire = await greeted()
    running = asyncio.ensure_future(guard.run_idle(3600, Expected(), 3600))
    await turns()
    guard.data_received(reply.replace(b"%t", wire.tag))

    assert (await running).word == word
    assert b"DONE\r\n" not in wire.sent
    again = await asking(guard, "NOOP")
    guard.data_received(wire.tag + b" OK\r\n")
    assert (await again).word == "OK"


async def test_idle_that_never_begins_ends_in_time() -> None:
    guard, wire = await greeted()
    with pytest.raises(TimeoutError):
        await guard.run_idle(3600, Expected(), 0.01)
    assert wire.ended


async def test_silence_and_giving_up_end_the_connection() -> None:
    guard, wire = await greeted()
    with pytest.raises(TimeoutError):
        await guard.run(guard.command("NOOP"), Expected(), 0.01)
    assert wire.ended

    guard, wire = await greeted()
    running = await asking(guard, "NOOP")
    running.cancel()
    await asyncio.wait({running})
    assert wire.ended
    with pytest.raises(PeerUnreachable, match="given up"):
        await guard.run(guard.command("NOOP"), Expected(), 60)
    await guard.gone()


async def test_between_commands_a_server_may_tell_a_little() -> None:
    guard, wire = await greeted()
    guard.data_received(b"* 3 EXISTS\r\n" * 100)
    running = await asking(guard, "NOOP")
    guard.data_received(wire.tag + b" OK\r\n")
    assert (await running).word == "OK"

    guard.data_received(b"* 3 EXISTS\r\n" * 20_000)
    with pytest.raises(BadAnswer, match="more answers"):
        await guard.run(guard.command("NOOP"), Expected(), 60)


async def test_an_error_of_whoever_takes_is_raised_where_it_was_asked() -> None:
    def take(_data: Data) -> None:
        raise ZeroDivisionError

    guard, _ = await greeted()
    running = await asking(guard, "NOOP", Expected(take=take))
    guard.data_received(b"* 1 EXISTS\r\n")
    with pytest.raises(ZeroDivisionError):
        await running


async def test_no_password_and_no_mail_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    guard, wire = await greeted(known=False)
    running = asyncio.ensure_future(guard.run(guard.login("alice", 'se"cret'), Expected(), 60))
    await turns()
    guard.data_received(b"* 1 FETCH (BODY[] {6}\r\nletter)\r\n" + wire.tag + b" OK\r\n")

    assert (await running).word == "OK"
    assert b'se\\"cret' in wire.sent[0]
    assert "cret" not in caplog.text
    assert "letter" not in caplog.text
