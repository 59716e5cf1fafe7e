"""Who reads is given the connection that was used last, whichever thread runs the job."""

import asyncio
import threading
import weakref
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


async def test_a_job_that_follows_another_runs_on_its_thread_when_that_is_done(
    tmp_path: Path,
) -> None:
    database = Database.open(tmp_path / "z.db", migrations=SCHEMA, readers=2, plain=True)
    go_on = threading.Event()
    try:

        def held(connection: sa.Connection) -> tuple[int, int]:
            go_on.wait(60)
            return which(connection)

        first = database.begin(held)
        behind = database.begin(which, first)
        beside = await database.begin(which, first)  # one follows already
        assert not behind.done()
        go_on.set()

        assert await behind == await first
        assert (await first)[1] != beside[1]
        assert await database.begin(which, first) is not None  # it is over
    finally:
        go_on.set()
        database.close()


class Octets:
    """A result of which can be told whether anybody holds it."""


async def test_what_a_job_came_to_is_held_by_nobody_while_those_behind_it_run(
    tmp_path: Path,
) -> None:
    database = Database.open(tmp_path / "z.db", migrations=SCHEMA, readers=1, plain=True)
    go_on, last_runs = threading.Event(), threading.Event()
    try:

        def last_one(_connection: sa.Connection) -> None:
            last_runs.set()
            go_on.wait(60)

        held_back = threading.Event()
        first = database.begin(lambda _connection: held_back.wait(60))
        second = database.begin(lambda _connection: Octets(), first)
        last = database.begin(last_one, second)
        held_back.set()
        given = weakref.ref(await second)
        del second
        await asyncio.to_thread(last_runs.wait, 60)

        assert not last.done()
        assert given() is None
    finally:
        go_on.set()
        database.close()


async def test_a_job_that_nobody_waits_for_any_more_is_not_begun(tmp_path: Path) -> None:
    database = Database.open(tmp_path / "z.db", migrations=SCHEMA, readers=1, plain=True)
    go_on, run = threading.Event(), list[str]()
    try:
        first = database.begin(lambda _connection: go_on.wait(60))
        given_up = database.begin(lambda _connection: run.append("given up"), first)
        last = database.begin(lambda _connection: run.append("last"), given_up)
        given_up.cancel()
        go_on.set()
        await last

        assert run == ["last"]
    finally:
        go_on.set()
        database.close()


async def test_a_job_that_fails_leaves_the_one_behind_it_as_it_is(tmp_path: Path) -> None:
    database = Database.open(tmp_path / "z.db", migrations=SCHEMA, readers=1, plain=True)
    go_on = threading.Event()
    try:
        failing = database.begin(lambda _connection: 1 // (0 * go_on.wait(60)))
        behind = database.begin(which, failing)
        go_on.set()
        with pytest.raises(ZeroDivisionError):
            await failing

        assert (await behind)[0] == (await database.read(which))[0]
    finally:
        go_on.set()
        database.close()
