"""A PostgreSQL server behind ``read(job)`` and ``write(job)``, shared by several processes.

The same jobs as for one SQLite file; what one writer guarantees there, row locks do here, and
each job is one transaction of its own (the server itself commits several with one fsync).
Invariants: ``write`` returns after the commit is on the disk of the server; a job is run again
only when it is known to be undone; every wait has a limit.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final, TypeAlias, TypeVar

import asyncpg
import sqlalchemy as sa
from sqlalchemy import exc
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from mx_core.db import postgres_failure
from mx_core.db.migrate import migrate
from mx_core.model.errors import BadConfiguration, Busy, MailError, Unavailable

T = TypeVar("T")
_Kind: TypeAlias = dict[str, Any]  # of a transaction, in the driver's words

_READING: Final[_Kind] = {"isolation": "repeatable_read", "readonly": True}
_WRITING: Final[_Kind] = {}
_CONNECT_SECONDS: Final = 10.0
_JOB_SECONDS: Final = 30.0
_WAITING_MAX: Final = 4_096
_TRIES_MAX: Final = 12  # more than there are old connections in a pool of the usual size
_MIGRATE_SECONDS: Final = 600.0
_MIGRATING: Final = 0x6D782D686F6D65  # the advisory lock of whoever migrates: "mx-home"
_SETTINGS: Final = {
    "application_name": "mx-home",
    "statement_timeout": "25s",
    # a process that was stopped in the middle of a job does not hold its rows for ever
    "idle_in_transaction_session_timeout": "60s",
    # Everything here goes by an index, and every long list comes in order from one.  Without statistics
    # yet, of a queue that has grown in a minute, the planner would rather read and sort all of it.
    "enable_sort": "off",
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    # what is off looks so dear that each run of such a statement would be compiled for milliseconds
    "jit": "off",
}


class PostgresDatabase:
    """See the module; made by :meth:`open`.  Owner: the event loop."""

    shared = True

    def __init__(self, engine: AsyncEngine, url: str) -> None:
        self._url = url
        self._engine = engine
        self._writing: set[asyncio.Task[Any]] = set()
        self._closed = False

    @classmethod
    async def open(
        cls, url: str, *, migrations: str, connections: int = 8, to: str = "head"
    ) -> PostgresDatabase:
        """Connect, and bring the schema to the newest; one process migrates, others wait for it.

        *url* is libpq's: ``postgresql://user@host1,host2/name``; of several hosts the one that
        takes changes is used.  A password comes from the password file of libpq.

        Raises:
            BadConfiguration: The server refuses, or does not keep what it confirms.
            SchemaTooNew: A newer version of the program migrated it.
            Unavailable: It does not answer.
        """

        async def connect() -> Any:
            return await _connect(url)

        engine = create_async_engine(
            "postgresql+asyncpg://",
            async_creator=connect,
            isolation_level="AUTOCOMMIT",  # transactions are begun and ended here, by the driver
            pool_size=connections,
            max_overflow=0,
            pool_timeout=_JOB_SECONDS,
            pool_use_lifo=True,
        )
        database = cls(engine, url)
        try:
            async with asyncio.timeout(_MIGRATE_SECONDS):
                await _make_ready(engine, migrations, to)
        except BaseException as error:
            await engine.dispose()
            failure = postgres_failure.translate(error)
            if failure is error:
                raise
            raise failure from error
        return database

    async def read(self, job: Callable[[sa.Connection], T]) -> T:
        """Run *job* in one read transaction; see ``Transactions``."""
        return await self._run(job, _READING)

    async def read_few(self, job: Callable[[sa.Connection], T]) -> T:
        """As ``read`` without the transaction, which costs two more statements; see there."""
        return await self._run(job, None)

    async def write(
        self,
        job: Callable[[sa.Connection], T],
        announce: Callable[[T], None] | None = None,
    ) -> T:
        """Run *job* and commit; see ``Transactions``.

        A caller that is cancelled meanwhile does not undo it: the job ends and is announced.
        """
        if self._closed:
            raise Unavailable("the store is closed")
        if len(self._writing) >= _WAITING_MAX:
            raise Busy("too many changes wait to be stored")
        task = asyncio.get_running_loop().create_task(self._write(job, announce))
        self._writing.add(task)
        task.add_done_callback(self._written)
        return await asyncio.shield(task)

    async def write_one(self, job: Callable[[sa.Connection], T]) -> T:
        """As ``write`` of one statement, without the two that begin and end a transaction.

        A caller that is cancelled meanwhile does not know whether it was done.
        """
        if self._closed:
            raise Unavailable("the store is closed")
        return await self._run(job, None)

    def let_go(self) -> None:
        """As ``Transactions``: the pages are the server's."""

    async def close(self) -> None:
        """Finish what waits, then close."""
        self._closed = True
        if self._writing:
            await asyncio.wait(self._writing, timeout=_JOB_SECONDS)
        await self._engine.dispose()

    @asynccontextmanager
    async def bare(self) -> AsyncIterator[Any]:
        """Give a connection of the driver itself, for LISTEN and NOTIFY.

        Raises:
            Unavailable: The server does not answer.
        """
        try:
            connection = await _connect(self._url)
        except Exception as error:
            failure = postgres_failure.translate(error)
            if failure is error:
                raise
            raise failure from error
        try:
            yield connection
        finally:
            connection.terminate()

    # ── inside ───────────────────────────────────────────────────────────────────────
    def _written(self, task: asyncio.Task[Any]) -> None:
        self._writing.discard(task)
        if not task.cancelled():
            task.exception()  # a caller that is gone does not ask for it

    async def _write(
        self, job: Callable[[sa.Connection], T], announce: Callable[[T], None] | None
    ) -> T:
        result = await self._run(job, _WRITING)
        if announce is not None:
            try:
                announce(result)
            except Exception as error:  # noqa: BLE001  # the change is durable; the caller must not hear no
                asyncio.get_running_loop().call_exception_handler(
                    {"message": "an announcement failed", "exception": error}
                )
        return result

    async def _run(self, job: Callable[[sa.Connection], T], kind: _Kind | None) -> T:
        for tried in range(1, _TRIES_MAX + 1):
            attempt = _Attempt(self._engine, kind)
            try:
                async with asyncio.timeout(_JOB_SECONDS):
                    return await attempt.run(job)
            except MailError:
                raise
            except Exception as error:
                again = postgres_failure.may_run_again(error) or attempt.was_lost(error)
                if not again or tried == _TRIES_MAX:
                    failure = postgres_failure.translate(error)
                    if failure is error:
                        raise
                    raise failure from error
            await asyncio.sleep(random.uniform(0, 0.01 * tried))  # noqa: S311  # spreads rivals, hides nothing
        raise Busy("the database is busy")


class _Attempt:
    """One job, in one transaction of a *kind* or in none, and how far it came."""

    def __init__(self, engine: AsyncEngine, kind: _Kind | None) -> None:
        self._engine = engine
        self._kind = kind
        self.began = False  # there was a connection
        self.committing = False  # from here on a lost connection leaves the outcome unknown

    def was_lost(self, error: BaseException) -> bool:
        """Tell whether an old connection turned out to be gone, and nothing can be of it."""
        return self.began and not self.committing and postgres_failure.is_away(error)

    async def run(self, job: Callable[[sa.Connection], T]) -> T:
        async with self._engine.connect() as connection:
            self.began = True
            transaction: Any = None
            try:
                if self._kind is not None:
                    driver: Any = (await connection.get_raw_connection()).driver_connection
                    transaction = driver.transaction(**self._kind)
                    await transaction.start()
                result = await connection.run_sync(job)
                self.committing = True
                # Crash of the server before its commit: nothing is here, and nobody was told.
                # Crash after it, or of the connection: everything may be here and nobody knows;
                # jobs with an outside cause carry their own key, and are asked again.
                if transaction is not None:
                    await transaction.commit()
            except BaseException as error:
                await _leave(connection, transaction, error)
                raise
            return result


async def _leave(connection: AsyncConnection, transaction: Any, error: BaseException) -> None:
    """Throw a connection away that may never answer; one that is sound goes back to the pool."""
    sound = not isinstance(error, asyncio.CancelledError) and not postgres_failure.is_away(error)
    if sound and transaction is not None:
        try:
            await transaction.rollback()
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            sound = False  # also of one that was not begun, or has ended: it is not guessed which
    if not sound:
        await connection.invalidate()


async def _connect(url: str) -> Any:
    return await asyncpg.connect(
        url,
        timeout=_CONNECT_SECONDS,
        server_settings=_SETTINGS,
        target_session_attrs="read-write",
    )


async def _make_ready(engine: AsyncEngine, migrations: str, to: str) -> None:
    tried = 0
    while True:
        tried += 1
        try:
            migrating = engine.execution_options(isolation_level="READ COMMITTED")
            async with migrating.begin() as connection:
                await connection.run_sync(_must_be_durable)
                await connection.run_sync(_migrate_alone, migrations, to)
        except exc.DBAPIError as error:
            # undone as a whole, because a process that serves was in the way: it goes first
            if tried == _TRIES_MAX or not postgres_failure.may_run_again(error):
                raise
            await asyncio.sleep(random.uniform(0, 0.1 * tried))  # noqa: S311  # as in `_run`
        else:
            return


def _must_be_durable(connection: sa.Connection) -> None:
    for setting, wrong in (("fsync", {"off"}), ("synchronous_commit", {"off"})):
        value = connection.exec_driver_sql(f"SHOW {setting}").scalar_one()
        if value in wrong:
            raise BadConfiguration(
                f"the database does not keep what it confirms: its {setting} is {value}; "
                f"set it to on"
            )


def _migrate_alone(connection: sa.Connection, migrations: str, to: str) -> None:
    # Crash here: the server undoes the whole migration, and gives the lock to whoever waits.
    connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_MIGRATING})")
    # a table that is waited for stops everybody who comes after: rather begin again
    connection.exec_driver_sql("SET LOCAL lock_timeout = '2s'")
    migrate(connection, migrations, to)
