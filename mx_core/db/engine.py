"""SQLAlchemy over one SQLite file: for jobs that are given its connection, and for migrations.

Loaded where one of these runs, since it takes a sixth of a start; an account's jobs are given the
driver (``direct``).  Invariant: the one writer begins every transaction ``IMMEDIATE``, so a job
never fails half way for a lock.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, TypeVar, final

import sqlalchemy as sa
from sqlalchemy.pool import QueuePool
from typing_extensions import override

from mx_core.db.driver import Mode, connect, module_of
from mx_core.db.link import Link, Links
from mx_core.db.migrate import migrate
from mx_core.model.secret import Secret

T = TypeVar("T")


def writer_engine(path: Path, key: Secret[bytes] | None) -> sa.Engine:
    """Return the engine of the one connection that may change *path*; makes the file."""
    return _engine(path, key, mode="rwc", size=1, begin="BEGIN IMMEDIATE")


def reader_engine(path: Path, key: Secret[bytes] | None, size: int) -> sa.Engine:
    """Return an engine of at most *size* read-only connections; *path* must be open for writing."""
    return _engine(path, key, mode="ro", size=size, begin="BEGIN")


def _engine(
    path: Path, key: Secret[bytes] | None, *, mode: Mode, size: int, begin: str
) -> sa.Engine:
    engine = sa.create_engine(
        "sqlite://",
        module=module_of(key),
        creator=lambda: connect(path, key, mode),
        poolclass=QueuePool,
        pool_size=size,
        max_overflow=0,
        hide_parameters=True,  # an error's text may be logged; what it was about may not
    )

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


def writing_link(path: Path, key: Secret[bytes] | None, migrations: str) -> Link:
    """Return the connection that may change *path*, which it makes and migrates.

    Raises:
        SchemaTooNew: As ``migrate``, and the driver's errors within SQLAlchemy's.
    """
    engine = writer_engine(path, key)
    try:
        with engine.begin() as connection:
            migrate(connection, migrations)
        return _EngineLink(engine.connect(), engine.dispose)
    except BaseException:
        engine.dispose()
        raise


@final
class EngineLinks(Links):
    """At most so many connections that read the file at *path*."""

    def __init__(self, path: Path, key: Secret[bytes] | None, size: int) -> None:
        self._engine = reader_engine(path, key, size)

    @override
    def open(self) -> Link:
        return _EngineLink(self._engine.connect(), lambda: None)

    @override
    def close(self) -> None:
        self._engine.dispose()


@final
class _EngineLink(Link):
    def __init__(self, connection: sa.Connection, closed: Callable[[], None]) -> None:
        self.given = connection
        self.driver: Any = connection.connection.driver_connection
        self._closed = closed

    @override
    def transaction(self) -> AbstractContextManager[object]:
        return self.given.begin()

    @override
    def run(self, job: Callable[[sa.Connection], T]) -> T:
        with self.given.begin():
            return job(self.given)

    @override
    def close(self) -> None:
        self.given.close()
        self._closed()
