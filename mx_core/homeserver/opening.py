"""The database of a home server: one SQLite file in its folder, or a PostgreSQL server."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Final

from mx_core.db.database import Database
from mx_core.db.lock import ProcessLock
from mx_core.db.transactions import Transactions
from mx_core.homeserver.config import Config
from mx_core.homeserver.operating.backup import DATABASE_NAME
from mx_core.model.errors import BadConfiguration, Busy, Refused

MIGRATIONS: Final = "mx_core.homeserver.migrations"
_LOCK_NAME: Final = "home.lock"


def open_database(folder: Path) -> Database:
    """Open the SQLite database of *folder*, brought to the newest schema.

    Raises:
        Busy: Another process has it.  Corrupt, DiskFull: As the database says.
    """
    with _alone(folder):
        return Database.open(folder / DATABASE_NAME, migrations=MIGRATIONS)


@contextlib.asynccontextmanager
async def opened(folder: Path, config: Config) -> AsyncIterator[Transactions]:
    """Give the database that *config* names, brought to the newest schema; closed at the end.

    Raises:
        BadConfiguration: It cannot be used as it is set up.
        Busy: Another process serves this folder.
        Unavailable: A server does not answer.  Corrupt, DiskFull: As the database says.
    """
    if not config.storage.database:
        with contextlib.closing(open_database(folder)) as database:
            yield database
        return
    try:
        from mx_core.db.postgres import PostgresDatabase  # noqa: PLC0415  # only with the extra
    except ImportError as error:
        raise BadConfiguration(
            "storage.database needs the extra postgresql: pip install 'mx-gateway[postgresql]'"
        ) from error
    with _alone(folder):
        lock = ProcessLock(folder / _LOCK_NAME)
    try:
        server = await PostgresDatabase.open(
            config.storage.database,
            migrations=MIGRATIONS,
            connections=config.storage.connections,
        )
        try:
            yield server
        finally:
            await server.close()
    finally:
        lock.release()


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    try:
        yield
    except BadConfiguration:
        raise
    except Refused as error:
        raise Busy(f"mx-home is already running in {folder}") from error
