"""However a connection to the server breaks, the words go on over the next one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest

from mx_core.db import channel
from mx_core.db.channel import Channel
from mx_core.model.errors import Unavailable

pytestmark = pytest.mark.anyio

BREAKS = [
    Unavailable("the database does not answer now"),
    ConnectionResetError(),
    TimeoutError(),
    asyncpg.ConnectionDoesNotExistError(),
    asyncpg.AdminShutdownError(),
    asyncpg.InterfaceError("connection is closed"),
    asyncpg.InternalClientError("cannot switch to state 12; another operation (2) is in progress"),
]


class _Connection:
    def __init__(self, said: list[str], broken: Exception | None) -> None:
        self._said = said
        self._broken = broken

    def add_termination_listener(self, _listener: Any) -> None:
        """Nothing ends by itself."""

    async def add_listener(self, _name: str, _hear: Any) -> None:
        """Nobody else speaks."""

    async def execute(self, _statement: str, _name: str, said: str) -> None:
        if self._broken is not None:
            raise self._broken
        self._said.append(said.split()[1])


class _Database:
    """Connections of which the first breaks when something is said."""

    def __init__(self, broken: Exception) -> None:
        self.said: list[str] = []
        self._broken: list[Exception] = [broken]

    @asynccontextmanager
    async def bare(self) -> AsyncIterator[_Connection]:
        yield _Connection(self.said, self._broken.pop() if self._broken else None)


@pytest.mark.parametrize("broken", BREAKS, ids=lambda error: type(error).__name__)
async def test_a_word_is_said_again_after_a_break(
    broken: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channel, "_ANEW_SECONDS", 0.01)
    database: Any = _Database(broken)
    stopping, joined = asyncio.Event(), list[None]()

    async def join() -> None:
        joined.append(None)

    meeting = Channel(database, "test", lambda _: None)
    meeting.say("word")
    running = asyncio.create_task(meeting.run(stopping, join))
    async with asyncio.timeout(60):
        while not database.said and not running.done():
            await asyncio.sleep(0.01)
    stopping.set()
    await running

    assert database.said == ["word"]
    assert len(joined) == 2  # hints may have been missed meanwhile


async def test_a_fault_of_ours_is_no_break() -> None:
    database: Any = _Database(ZeroDivisionError())
    meeting = Channel(database, "test", lambda _: None)
    meeting.say("word")

    with pytest.raises(ZeroDivisionError):
        await meeting.run(asyncio.Event(), lambda: asyncio.sleep(0))
