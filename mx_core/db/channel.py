"""Words between processes over one PostgreSQL server: LISTEN and NOTIFY, gathered.

A word is a hint and may be lost: the server forgets what nobody listens to, and a connection
that breaks is made anew.  Whoever hears looks into the tables, and looks there without a hint from
time to time.  Invariant: what waits to be said is bounded.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final

import asyncpg
import structlog

from mx_core.db.postgres import PostgresDatabase
from mx_core.model.errors import Unavailable

_log = structlog.get_logger()
_GATHER_SECONDS: Final = 0.02  # what is said within this time travels together
_ANEW_SECONDS: Final = 5.0
_ANSWER_SECONDS: Final = 10.0
_WORDS_MAX: Final = 300  # in one notification, of at most 20 characters: it holds 8,000 octets
_WAITING_MAX: Final = 10_000


class Channel:
    """One name that the processes of a program meet at.  Owner: the event loop."""

    def __init__(self, database: PostgresDatabase, name: str, heard: Callable[[str], None]) -> None:
        """*heard* is called with each word that another process says; *name* is a plain word."""
        self._database = database
        self._name = name
        self._heard = heard
        self._me = secrets.token_hex(8)
        self._words: dict[str, None] = {}
        self._something = asyncio.Event()

    def say(self, word: str) -> None:
        """Say *word*, of letters and digits, to the other processes soon."""
        if len(self._words) < _WAITING_MAX:
            self._words[word] = None
            self._something.set()

    async def run(self, stopping: asyncio.Event, joined: Callable[[], Awaitable[None]]) -> None:
        """Listen and speak until *stopping*; *joined* is awaited whenever hints may have been missed."""
        stop = asyncio.ensure_future(stopping.wait())
        try:
            while not stopping.is_set():
                try:
                    await self._meet(stop, joined)
                except (
                    Unavailable,
                    OSError,
                    asyncpg.PostgresError,
                    asyncpg.InterfaceError,
                    asyncpg.InternalClientError,  # the connection went while it was being used
                ) as error:
                    _log.info("channel_broke", error=type(error).__name__)
                await asyncio.wait({stop}, timeout=_ANEW_SECONDS)
        finally:
            stop.cancel()

    async def _meet(self, stop: asyncio.Future[Any], joined: Callable[[], Awaitable[None]]) -> None:
        async with self._database.bare() as connection:
            gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            connection.add_termination_listener(partial(_settle, gone))
            async with asyncio.timeout(_ANSWER_SECONDS):
                await connection.add_listener(self._name, self._hear)
            await joined()
            while not stop.done() and not gone.done():
                told = asyncio.ensure_future(self._something.wait())
                try:
                    await asyncio.wait({stop, gone, told}, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    told.cancel()
                if self._something.is_set():
                    await asyncio.sleep(_GATHER_SECONDS)
                    await self._speak(connection)

    async def _speak(self, connection: Any) -> None:
        words = list(self._words)[:_WORDS_MAX]
        async with asyncio.timeout(_ANSWER_SECONDS):
            await connection.execute(
                "SELECT pg_notify($1, $2)", self._name, f"{self._me} {' '.join(words)}"
            )
        for word in words:
            del self._words[word]
        if not self._words:
            self._something.clear()

    def _hear(self, _connection: Any, _pid: int, _name: str, said: str) -> None:
        speaker, *words = said.split()
        if speaker != self._me:
            for word in words:
                self._heard(word)


def _settle(gone: asyncio.Future[None], _connection: Any) -> None:
    if not gone.done():
        gone.set_result(None)


async def every(
    seconds: float, stopping: asyncio.Event, look: Callable[[], Awaitable[None]]
) -> None:
    """Await *look* every so many *seconds* until *stopping*; one that is put off comes again."""
    while not stopping.is_set():
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await stopping.wait()
        if not stopping.is_set():
            try:
                await look()
            except Unavailable as error:
                _log.info("look_put_off", error=type(error).__name__)
