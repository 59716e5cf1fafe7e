"""A statement that the driver runs itself stands in the transaction of its job, like every other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import asyncpg
import pytest
import sqlalchemy as sa

from mx_core.db.postgres import PostgresDatabase
from mx_core.db.prepared import Prepared
from mx_core.model.errors import Busy
from tests.support.postgres import PostgresServer

THING = sa.Table(
    "prepared_thing",
    sa.MetaData(),
    sa.Column("thing_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("octets", sa.LargeBinary),
    sa.Column("at", sa.Float),
)
PUT = Prepared(
    THING.insert().values(thing_id=sa.bindparam("thing"), octets=sa.bindparam("octets"), at=0.5)
)
SOME = Prepared(
    sa.select(THING)
    .where(THING.c.thing_id >= sa.bindparam("least"), THING.c.at < 1.0)
    .order_by(THING.c.thing_id)
    .limit(1)
)
Run = Callable[[Callable[[sa.Connection], Any]], Any]


@pytest.fixture
def run(postgres: PostgresServer) -> Iterator[Run]:
    with asyncio.Runner() as runner:
        opened = PostgresDatabase.open(
            postgres.empty("prepared"),
            migrations="mx_core.homeserver.migrations",
            connections=1,
        )
        database = runner.run(opened)
        runner.run(database.write(THING.create))
        yield lambda job: runner.run(database.write(job))
        runner.run(database.close())


def test_what_is_asked_for_and_what_is_written_into_it_both_reach_the_server(run: Run) -> None:
    def job(tx: sa.Connection) -> list[tuple[Any, ...]]:
        assert list(PUT.rows(tx, {"thing": 1, "octets": b"\x00\xff"})) == []
        PUT.rows(tx, {"thing": 2, "octets": None})
        return [tuple(row) for least in (0, 2, 3) for row in SOME.rows(tx, {"least": least})]

    assert run(job) == [(1, b"\x00\xff", 0.5), (2, None, 0.5)]


def test_it_sees_what_the_job_did_otherwise_and_is_undone_with_it(run: Run) -> None:
    seen: list[int] = []

    def job(tx: sa.Connection) -> None:
        tx.execute(THING.insert(), [{"thing_id": 7, "octets": b"", "at": 0.0}])
        PUT.rows(tx, {"thing": 8, "octets": b""})
        seen.extend(tx.execute(sa.select(THING.c.thing_id)).scalars())
        seen.extend(row[0] for row in SOME.rows(tx, {"least": 0}))
        raise LookupError

    with pytest.raises(LookupError):
        run(job)
    assert seen == [7, 8, 7]
    assert run(lambda tx: list(SOME.rows(tx, {"least": 0}))) == []


def test_an_error_of_the_driver_is_read_as_one_of_the_database(run: Run) -> None:
    """A key that is there already: the job is run again, until it gives up."""
    tried: list[int] = []

    def job(tx: sa.Connection) -> None:
        tried.append(1)
        PUT.rows(tx, {"thing": 1, "octets": b""})
        PUT.rows(tx, {"thing": 1, "octets": b""})

    with pytest.raises(Busy) as told:
        run(job)
    assert isinstance(told.value.__cause__, asyncpg.UniqueViolationError)
    assert len(tried) > 1
    assert run(lambda tx: list(SOME.rows(tx, {"least": 0}))) == []
