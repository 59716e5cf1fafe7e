"""A long command says how far it is, and ends when nobody waits for it.  RFC 9585."""

from __future__ import annotations

import asyncio

import pytest

from imap_out.session.answers.out import Out
from imap_out.session.state.refusals import Refusal


class Shell:
    def __init__(self) -> None:
        self.at = 0.0
        self.waiting: bytes | None = b""
        self.said = b""
        self.out = Out(self._send, self._breathe, 1000, lambda: self.at, lambda: self.waiting)
        self.out.begin(b"a1")

    async def _send(self, pieces: list[bytes]) -> None:
        self.said += b"".join(pieces)

    async def _breathe(self) -> None:
        pass


def test_a_long_command_tells_how_far_it_is_every_ten_seconds() -> None:
    async def play(shell: Shell) -> None:
        for second in range(25):
            shell.at = float(second)
            await shell.out.progress(second, 25)

    shell = Shell()
    asyncio.run(play(shell))

    assert shell.said == (
        b'* OK [INPROGRESS ("a1" 10 25)] still at it\r\n'
        b'* OK [INPROGRESS ("a1" 20 25)] still at it\r\n'
    )


def test_where_the_goal_is_not_known_it_is_nil() -> None:
    shell = Shell()
    shell.at = 10.0
    asyncio.run(shell.out.progress())

    assert shell.said == b'* OK [INPROGRESS ("a1" NIL NIL)] still at it\r\n'


def test_a_command_ends_when_the_client_is_gone() -> None:
    shell = Shell()
    shell.waiting = None

    with pytest.raises(ConnectionResetError):
        asyncio.run(shell.out.progress())


def test_a_command_ends_when_the_client_logs_out() -> None:
    shell = Shell()
    shell.waiting = b"z9 logout\r\n"

    with pytest.raises(Refusal, match="LOGOUT"):
        asyncio.run(shell.out.progress())


@pytest.mark.parametrize(
    "waiting", [b"z9 LOGOUT", b"z9 NOOP\r\n", b"a LOGIN {2+}\r\nz9 LOGOUT\r\n", b"x y LOGOUT\r\n"]
)
def test_nothing_else_that_is_sent_meanwhile_ends_it(waiting: bytes) -> None:
    shell = Shell()
    shell.waiting = waiting
    asyncio.run(shell.out.progress())

    assert shell.said == b""
