"""One SQLite file behind two verbs: ``read(job)`` and ``write(job)``.

Jobs are synchronous functions of a connection, so a transaction can not await.  Knows no
table.  Invariants: ``write`` returns after the commit is on the disk; announcements run on
the event loop in commit order, each before its caller resumes; one process at a time.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from mx_core.db.asked import Asked, AskedAtStart, AtLeisure, Lone, settle
from mx_core.db.direct import DirectLinks, open_link
from mx_core.db.driver import KEY_OCTETS
from mx_core.db.durable import sync_directory
from mx_core.db.failure import translate_commit
from mx_core.db.link import Link, Links
from mx_core.db.lock import ProcessLock
from mx_core.db.migrate import is_newest
from mx_core.db.readers import Readers, connections_of
from mx_core.db.redo.again import recover
from mx_core.db.redo.file import RedoFile
from mx_core.db.redo.transaction import Redo
from mx_core.db.writer import Writer
from mx_core.model.errors import BadConfiguration, MailError
from mx_core.model.secret import Secret

if TYPE_CHECKING:
    import sqlalchemy as sa

T = TypeVar("T")


class Database:
    """See the module; made by :meth:`open`.  Implements ``transactions.Transactions``."""

    shared = False

    def __init__(self, path: Path, lock: ProcessLock, writer: Writer, readers: Readers) -> None:
        self.path = path
        self._lock = lock
        self._writer = writer
        self._readers = readers
        self.row = readers.row  # as ``glance`` of a job that asks once; not a call more

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        migrations: str,
        key: Secret[bytes] | None = None,
        readers: int = 4,
        plain: bool = False,
        witness: str | None = None,
    ) -> Database:
        """Open or make the database at *path* and bring its schema to the newest.

        *migrations* is the dotted name of a package with ``versions/``.  With *key*, 32
        octets, the file is SQLCipher's.  *plain*: jobs use ``exec_driver_sql`` alone, and are
        given the driver itself (``mx_core.db.direct``).  *witness*: there may be a redo log beside a sealed
        database, and this statement tells its states apart (``redo.again``); a plain one has its lone changes there.

        Raises:
            Refused: Another process has it open.
            SchemaTooNew: A newer version of the program wrote it.
            StoreDamaged: The key is wrong, or this is no database.
            DiskFull: No room to make or migrate it.
        """
        if key is not None and len(key.reveal()) != KEY_OCTETS:
            raise BadConfiguration(f"a database key has {KEY_OCTETS} octets")
        lock = ProcessLock(path.with_name(path.name + ".lock"))
        try:
            # Made here for its mode; SQLite gives the log files the mode of the database.
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            redo = None
            if key is not None and witness is not None:
                recover(path, key, witness)
                redo = Redo(RedoFile(path, key), witness)
            opened = _driver_itself if plain else _by_sqlalchemy
            writing, reading = opened(path, key, migrations, connections_of(readers))
            try:
                # Crash before this: the file may be missing after a power cut, and with it
                # nothing that anybody was promised.
                sync_directory(path.parent)
                writer = Writer(writing, path, settle, redo)
            except BaseException:
                writing.close()
                raise
            return cls(path, lock, writer, Readers(reading, readers, path.name, writer.let_see))
        except BaseException as error:
            lock.release()
            failure = translate_commit(error, path.with_name(path.name + "-wal"))
            if failure is error:
                raise
            raise failure from error

    async def read(self, job: Callable[[sa.Connection], T]) -> T:
        """Run *job* in one read transaction: one snapshot, however often it asks."""
        return await self._readers.begin(job)

    def begin(self, job: Callable[[sa.Connection], T], after: object = None) -> asyncio.Future[T]:
        """As ``read``, for a caller that does something else meanwhile; *after* as in ``Readers``."""
        return self._readers.begin(job, after)

    def glance(self, job: Callable[[sa.Connection], T]) -> T:
        """As ``read``, at once and on the caller's thread; for jobs that read a few rows.

        A thread costs more than such a job: 0.1 ms, and milliseconds where cores are busy.
        """
        return self._readers.glance(job)

    async def read_few(self, job: Callable[[sa.Connection], T]) -> T:
        """As ``glance``; see ``Transactions``."""
        return self.glance(job)

    def read_blocking(self, job: Callable[[sa.Connection], T]) -> T:
        """As ``read``, for a thread of its own; blocks until a reader is free."""
        return self._readers.read_blocking(job)

    async def write(
        self,
        job: Callable[[sa.Connection], T],
        announce: Callable[[T], None] | None = None,
    ) -> T:
        """Run *job*, commit with fsync, announce its result on the loop, then return it.

        A job whose caller is cancelled before it began is not run; afterwards it completes
        and is announced.

        Raises:
            DiskFull: Nothing was stored; the next write may succeed.
            Corrupt: Nothing was stored, and nothing will be until a restart.
        """
        ticket = Asked(job, announce, asyncio.get_running_loop())
        self._writer.submit(ticket)
        return await ticket.future

    def write_here(
        self, job: Callable[[sa.Connection], T], announce: Callable[[T], None] | None = None
    ) -> tuple[T] | None:
        """As ``write``, at once and on the loop, which waits; None: others are at work, nothing was done.

        For a short job of a caller that is alone on the loop as far as it knows; see ``Writer.do_lone``.
        """
        ticket = Lone(job, announce, asyncio.get_running_loop())
        return (ticket.announced(),) if self._writer.do_lone(ticket) else None

    async def write_one(self, job: Callable[[sa.Connection], T]) -> T:
        """As ``write``; see ``Transactions``."""
        return await self.write(job)

    def write_at_start(self, job: Callable[[sa.Connection], T]) -> T:
        """Run *job* and block until it is committed; before a loop runs, or on another thread."""
        ticket = AskedAtStart(job)
        self._writer.submit(ticket)
        return ticket.future.result()

    def at_leisure(self, job: Callable[[sa.Connection], bool]) -> None:
        """Run *job*, in a transaction of its own, when there has been nothing to do for a while.

        Again and again for as long as it returns that there is more; what comes in between goes
        first.  One that fails is tried again when next there was a change: nothing may depend on it.
        """
        self._writer.do_at_leisure(lambda: AtLeisure(job))

    def let_go(self) -> None:
        """Give up the pages that connections keep, where nobody reads or writes: they are read again.

        Blocks until the writer has, too: only then is there something to give back to the system.
        """
        self._readers.let_go()
        with contextlib.suppress(MailError):  # closed, or busy
            self.write_at_start(lambda tx: tx.exec_driver_sql("PRAGMA shrink_memory").close())

    def let_see(self) -> None:
        """Let connections that are not of this object see all that was told of; blocks, on any thread.

        Raises:
            DiskFull, StoreDamaged: It is not lost, and can not be seen.
        """
        self._writer.let_see()

    async def truncate_log(self) -> None:
        """Empty the write-ahead log: rows deleted before this call are in no file any more.

        Raises:
            Busy: A reader was in the way for longer than the lock's patience; ask again.
        """
        ticket = Asked(lambda _connection: None, None, asyncio.get_running_loop())
        self._writer.submit_truncate(ticket)
        await ticket.future

    def close(self) -> None:
        """Finish what waits, then close; blocks for as long as the last commit takes."""
        self._readers.close()
        self._writer.close()
        self._lock.release()


def _driver_itself(
    path: Path, key: Secret[bytes] | None, migrations: str, readers: int
) -> tuple[Link, Links]:
    """Return the connection that writes the file at *path*, at its newest schema, and those that read."""
    writing = open_link(path, key, "rwc")
    try:
        if not is_newest(writing.given, migrations):
            made, _ = _by_sqlalchemy(path, key, migrations, readers)
            made.close()
    except BaseException:
        writing.close()
        raise
    return writing, DirectLinks(path, key)


def _by_sqlalchemy(
    path: Path, key: Secret[bytes] | None, migrations: str, readers: int
) -> tuple[Link, Links]:
    from mx_core.db.engine import EngineLinks, writing_link  # noqa: PLC0415  # see there

    return writing_link(path, key, migrations), EngineLinks(path, key, readers)
