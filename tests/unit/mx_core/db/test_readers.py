"""Who reads is given the connection that was used last, whichever thread runs the job."""

import asyncio
import threading
from pathlib import Path

import pytest
import sqlalchemy as sa

from mx_core.db.database import Database
from tests.support.things import SCHEMA

pytestmark = pytest.mark.anyio
_THREADS = 2


def which(connection: sa.Connection) -> tuple[int, int]:
    return id(connection), threading.get_ident()


async def test_jobs_at_once_have_a_connection_each_and_later_ones_the_last_that_was_used(
    tmp_path: Path,
) -> None:
    database = Database.open(tmp_path / "z.db", migrations=SCHEMA, readers=_THREADS, plain=True)
    try:
        together = threading.Barrier(_THREADS, timeout=60)

        def at_once(connection: sa.Connection) -> tuple[int, int]:
            together.wait()
            return which(connection)

        both = await asyncio.gather(*(database.read(at_once) for _ in range(_THREADS)))
        last = await database.read(which)
        later = [await database.read(which) for _ in range(20)]

        assert len({connection for connection, _ in both}) == _THREADS
        assert len({thread for _, thread in both}) == _THREADS
        assert {connection for connection, _ in later} == {last[0]}
    finally:
        database.close()


async def test_a_connection_whose_job_failed_serves_the_next(tmp_path: Path) -> None:
    database = Database.open(tmp_path / "z.db", migrations=SCHEMA, readers=1, plain=True)
    try:
        before = await database.read(which)
        with pytest.raises(ZeroDivisionError):
            await database.read(lambda _connection: 1 // 0)

        assert await database.read(which) == before
    finally:
        database.close()
