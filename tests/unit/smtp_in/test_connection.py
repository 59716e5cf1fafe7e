"""What one connection writes: replies to commands that came together leave together."""

from __future__ import annotations

import asyncio

import pytest

from smtp_in import replies
from smtp_in.body import Room
from smtp_in.connection import Connection, Front
from smtp_in.door.dialogue import DoorDialogue, House
from smtp_in.door.limits import Limits
from tests.support.door import MemoryBehind
from tests.support.smtp_line import Line

pytestmark = pytest.mark.anyio

HELLO = b"EHLO mail.c.example\r\n"
ENVELOPE = b"MAIL FROM:<carol@c.example>\r\nRCPT TO:<bob@b.example>\r\n"


def connected() -> tuple[Connection, Line]:
    house = House("b.example", {}, MemoryBehind(), Limits(), Room(1 << 20))
    front = Front(
        name="b.example",
        ident="ESMTP",
        idle_seconds=60.0,
        settle_seconds=60.0,
        too_late=replies.IDLE_TOO_LONG,
        begin=lambda wire: DoorDialogue(wire, house),
        extensions=lambda _: [],
        allow_clear=lambda _peer, _own: False,
    )
    connection, line = Connection(front, None, implicit=False), Line()
    connection.connection_made(line)
    return connection, line


async def settled() -> None:
    for _ in range(10):  # turns of the loop: nothing here waits for anything else
        await asyncio.sleep(0)


async def test_replies_to_commands_that_came_together_leave_together() -> None:
    """RFC 2920 §3.2."""
    connection, line = connected()
    await settled()
    connection.data_received(HELLO)
    await settled()
    line.written.clear()
    connection.data_received(ENVELOPE + b"DATA\r\n")
    await settled()
    connection.connection_lost(None)
    await settled()

    assert line.codes() == [[b"250", b"250", b"354"]]


async def test_each_command_by_itself_is_answered_by_itself() -> None:
    connection, line = connected()
    await settled()
    for command in (HELLO, *ENVELOPE.splitlines(keepends=True)):
        connection.data_received(command)
        await settled()
    connection.connection_lost(None)
    await settled()

    assert line.codes() == [[b"220"], [b"250"], [b"250"], [b"250"]]


async def test_what_ends_the_connection_is_said_behind_what_waits() -> None:
    connection, line = connected()
    await settled()
    connection.data_received(HELLO + ENVELOPE + b"QUIT\r\n")
    await settled()
    closed = line.closed
    connection.connection_lost(None)
    await settled()

    assert [code for each in line.codes() for code in each] == [
        b"220", b"250", b"250", b"250", b"221",
    ]  # fmt: skip
    assert closed


async def test_whoever_takes_no_replies_is_given_no_more() -> None:
    connection, line = connected()
    await settled()
    connection.data_received(HELLO)
    await settled()
    connection.pause_writing()
    for _ in range(50):
        connection.data_received(b"MAIL FROM:<carol@c.example>\r\n")
        await settled()
    held = sum(len(each) for each in line.codes())
    connection.resume_writing()
    await settled()
    connection.connection_lost(None)
    await settled()

    assert held < 5
