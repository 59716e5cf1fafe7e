"""A PostgreSQL server behind the two verbs: it is killed, paused, demoted; no job is half done."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator

import pytest
import sqlalchemy as sa

from mx_core.db import postgres as rooms
from mx_core.db.channel import Channel
from mx_core.db.postgres import PostgresDatabase
from mx_core.model.errors import BadConfiguration, SchemaTooNew, Unavailable
from tests.support.postgres import USER, PostgresServer, running_postgres

pytestmark = [pytest.mark.anyio, pytest.mark.fleet]

SCHEMA = "tests.support.fixture_schema"
PUT = sa.text("INSERT INTO thing (id, octets) VALUES (:n, '')")


@pytest.fixture(scope="module")
def own() -> Iterator[PostgresServer]:
    """Give a server that a test may hurt."""
    with running_postgres() as server:
        yield server


@pytest.fixture
async def database(own: PostgresServer) -> AsyncIterator[PostgresDatabase]:
    opened = await PostgresDatabase.open(own.empty("verbs"), migrations=SCHEMA, connections=3)
    yield opened
    await opened.close()


def _put(tx: sa.Connection, n: int) -> int:
    tx.execute(PUT, {"n": n})
    return n


def _all(tx: sa.Connection) -> list[int]:
    return sorted(tx.execute(sa.text("SELECT id FROM thing")).scalars())


async def _until_it_answers(database: PostgresDatabase) -> list[int]:
    async with asyncio.timeout(60):
        while True:
            try:
                return await database.read(_all)
            except Unavailable:
                await asyncio.sleep(0.05)


async def test_a_write_is_announced_once_before_its_caller_goes_on(
    database: PostgresDatabase,
) -> None:
    told: list[int] = []

    assert await database.write(lambda tx: _put(tx, 1), told.append) == 1
    assert told == [1]
    assert await database.read(_all) == [1]


async def test_a_job_that_fails_leaves_nothing_and_its_error_is_told(
    database: PostgresDatabase,
) -> None:
    def job(tx: sa.Connection) -> None:
        _put(tx, 1)
        raise LookupError

    with pytest.raises(LookupError):
        await database.write(job)
    assert await database.read(_all) == []


async def test_a_caller_that_goes_away_does_not_undo_what_it_asked_for(
    database: PostgresDatabase,
) -> None:
    told = asyncio.Event()
    task = asyncio.ensure_future(database.write(lambda tx: _put(tx, 1), lambda _: told.set()))
    await asyncio.sleep(0)
    task.cancel()

    async with asyncio.timeout(60):
        await told.wait()
    assert await database.read(_all) == [1]


async def test_of_two_that_store_the_same_the_second_sees_the_first(
    database: PostgresDatabase,
) -> None:
    def once(tx: sa.Connection) -> bool:
        if 1 in _all(tx):
            return False
        _put(tx, 1)
        return True

    assert sorted(await asyncio.gather(*(database.write(once) for _ in range(6)))) == [
        *[False] * 5,
        True,
    ]


async def test_two_that_wait_for_each_other_both_end(database: PostgresDatabase) -> None:
    await database.write(lambda tx: [_put(tx, n) for n in (1, 2)])
    change = sa.text("UPDATE thing SET id = id WHERE id = :n")

    def both(tx: sa.Connection, order: tuple[int, int]) -> None:
        for n in order:
            tx.execute(change, {"n": n})
            tx.execute(sa.text("SELECT pg_sleep(0.05)"))

    await asyncio.gather(
        database.write(lambda tx: both(tx, (1, 2))), database.write(lambda tx: both(tx, (2, 1)))
    )


async def test_a_read_has_one_snapshot_and_changes_nothing(database: PostgresDatabase) -> None:
    loop = asyncio.get_running_loop()
    await database.write(lambda tx: _put(tx, 1))
    meanwhile: list[asyncio.Task[int]] = []

    def twice(tx: sa.Connection) -> tuple[list[int], list[int]]:
        before = _all(tx)
        meanwhile.append(loop.create_task(database.write(lambda other: _put(other, 2))))
        tx.execute(sa.text("SELECT pg_sleep(0.2)"))
        return before, _all(tx)

    assert await database.read(twice) == ([1], [1])
    await meanwhile[0]
    assert await database.read(_all) == [1, 2]
    with pytest.raises(Unavailable):  # as a server that has become a replica says it
        await database.read(lambda tx: _put(tx, 3))


async def test_a_killed_server_costs_no_confirmed_row_and_is_used_again(
    own: PostgresServer, database: PostgresDatabase
) -> None:
    confirmed: set[int] = set()
    refused = 0
    numbers = itertools.count()

    async def work() -> None:
        nonlocal refused
        while len(confirmed) < 60 or not refused:
            n = next(numbers)
            try:
                confirmed.add(await database.write(lambda tx, n=n: _put(tx, n)))  # type: ignore[misc]  # bound now
            except Unavailable:
                refused += 1
                await asyncio.sleep(0.02)

    working = [asyncio.ensure_future(work()) for _ in range(3)]
    async with asyncio.timeout(60):
        while len(confirmed) < 20:
            await asyncio.sleep(0.005)
    own.kill()
    await asyncio.sleep(0.05)
    await asyncio.to_thread(own.start)
    async with asyncio.timeout(60):
        await asyncio.gather(*working)

    assert confirmed <= set(await _until_it_answers(database))


async def test_a_paused_server_is_not_waited_for_for_ever(
    own: PostgresServer, database: PostgresDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    await database.write(lambda tx: _put(tx, 1))
    monkeypatch.setattr(rooms, "_JOB_SECONDS", 0.3)
    with own.paused():
        with pytest.raises(Unavailable):
            await database.write(lambda tx: _put(tx, 2))
        with pytest.raises(Unavailable):
            await database.read(_all)
    monkeypatch.undo()

    assert await _until_it_answers(database) in ([1], [1, 2])  # it may have been about to commit
    await database.write(lambda tx: _put(tx, 3))


async def test_a_server_that_takes_no_changes_is_left_until_it_does(
    own: PostgresServer, database: PostgresDatabase
) -> None:
    await database.write(lambda tx: _put(tx, 1))
    own.sql("ALTER SYSTEM SET default_transaction_read_only = on")
    own.sql("SELECT pg_reload_conf()")
    try:
        async with asyncio.timeout(60):
            while True:  # until every session has heard of it
                try:
                    await database.write(lambda tx: _put(tx, 2))
                    await database.write(
                        lambda tx: tx.execute(sa.text("DELETE FROM thing WHERE id = 2")).close()
                    )
                except Unavailable:
                    break
    finally:
        own.sql("SET default_transaction_read_only = off", "ALTER SYSTEM RESET ALL")
        own.sql("SELECT pg_reload_conf()")
    await _until_it_answers(database)
    async with asyncio.timeout(60):
        while True:
            try:
                await database.write(lambda tx: _put(tx, 4))
                break
            except Unavailable:
                await asyncio.sleep(0.02)


async def test_a_server_that_does_not_keep_what_it_confirms_is_refused(own: PostgresServer) -> None:
    url = own.make("careless")
    own.sql("ALTER DATABASE careless SET synchronous_commit = off")

    with pytest.raises(BadConfiguration, match="synchronous_commit"):
        await PostgresDatabase.open(url, migrations=SCHEMA)


async def test_what_the_server_refuses_is_said(own: PostgresServer) -> None:
    with pytest.raises(BadConfiguration, match="no such database"):
        await PostgresDatabase.open(own.url("nobody_made_it"), migrations=SCHEMA)
    with pytest.raises(Unavailable):
        await PostgresDatabase.open(f"postgresql://{USER}@127.0.0.1:1/x", migrations=SCHEMA)


async def test_a_newer_schema_is_not_touched(database: PostgresDatabase) -> None:
    await database.write(
        lambda tx: tx.execute(sa.text("UPDATE alembic_version SET version_num = '9999'")).close()
    )

    with pytest.raises(SchemaTooNew):
        await PostgresDatabase.open(database._url, migrations=SCHEMA)


async def test_words_reach_the_others_and_a_broken_connection_is_made_anew(
    own: PostgresServer, database: PostgresDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mx_core.db.channel._ANEW_SECONDS", 0.05)
    stopping, joined, heard = asyncio.Event(), [0, 0], ([], [])  # type: ignore[var-annotated]

    def joining(n: int) -> object:
        async def count() -> None:
            joined[n] += 1

        return count

    channels = [Channel(database, "words", heard[n].append) for n in (0, 1)]
    tasks = [
        asyncio.ensure_future(channel.run(stopping, joining(n)))  # type: ignore[arg-type]
        for n, channel in enumerate(channels)
    ]
    async with asyncio.timeout(60):
        while min(joined) < 1:
            await asyncio.sleep(0.01)
        for word in range(1_000):
            channels[0].say(str(word))
        while len(heard[1]) < 1_000:
            await asyncio.sleep(0.01)
        own.sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' OR query LIKE '%pg_notify%' AND pid <> pg_backend_pid()"
        )
        while min(joined) < 2:
            await asyncio.sleep(0.01)
        channels[1].say("again")
        while "again" not in heard[0]:
            await asyncio.sleep(0.01)
    assert heard[1][:1_000] == [str(word) for word in range(1_000)]
    assert heard[0] == ["again"]  # nobody hears itself
    stopping.set()
    await asyncio.gather(*tasks)
