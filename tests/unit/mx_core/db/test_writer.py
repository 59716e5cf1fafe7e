"""Checkpoints, bounds and shutdown of the one writing thread."""

import asyncio
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from mx_core.db import log_file, writer
from mx_core.db.database import Database
from mx_core.model.errors import Busy

SCHEMA = "tests.support.fixture_schema"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database.open(tmp_path / "x.db", migrations=SCHEMA)
    yield opened
    opened.close()


def put(connection: sa.Connection) -> None:
    connection.execute(sa.text("INSERT INTO thing (octets) VALUES (zeroblob(100000))"))


def log_octets(database: Database) -> int:
    return database.path.with_name("x.db-wal").stat().st_size


@pytest.mark.anyio
async def test_the_log_is_bounded_while_work_never_pauses(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_file, "ROUND_OCTETS", 1_000_000)
    largest = 0
    for _ in range(40):
        await database.write(put)
        largest = max(largest, log_octets(database))

    assert 0 < largest < 1_300_000


@pytest.mark.anyio
async def test_a_log_that_nothing_is_added_to_gives_the_disk_back(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "_IDLE_SECONDS", 0.01)
    monkeypatch.setattr(log_file, "KEPT_OCTETS", 200_000)
    for _ in range(5):
        await database.write(put)
    while log_octets(database):
        await asyncio.sleep(0.01)  # the test's time limit ends this

    [count] = await database.read(
        lambda connection: connection.execute(sa.text("SELECT count(*) FROM thing")).one()
    )
    assert count == 5


@pytest.mark.anyio
async def test_whoever_reads_is_not_waited_for_when_there_is_nothing_to_do(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "_IDLE_SECONDS", 0.01)
    monkeypatch.setattr(log_file, "KEPT_OCTETS", 0)
    begun, go_on = threading.Event(), threading.Event()

    def slow(connection: sa.Connection) -> int:
        count = int(connection.scalar(sa.text("SELECT count(*) FROM thing")) or 0)
        begun.set()
        go_on.wait(10)
        return count

    await database.write(put)
    reading = asyncio.ensure_future(database.read(slow))
    await asyncio.to_thread(begun.wait, 10)
    for _ in range(3):
        await database.write(put)
        while database._writer._dirty:  # until it rests
            await asyncio.sleep(0.01)
    patience = database._writer._raw.execute("PRAGMA busy_timeout").fetchone()
    assert log_octets(database) > 0
    go_on.set()

    assert await reading == 1
    assert patience == (2_000,)
    while log_octets(database):  # it is given back without a further change
        await asyncio.sleep(0.01)


@pytest.mark.anyio
async def test_what_is_done_at_leisure_is_done_to_the_end_after_each_change(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "_IDLE_SECONDS", 0.01)
    left = [2]

    def step(connection: sa.Connection) -> bool:
        if left[0]:
            left[0] -= 1
            put(connection)
        return left[0] > 0

    async def done() -> int:
        while left[0] or database._writer._dirty:  # until it rests
            await asyncio.sleep(0.01)
        return await database.read(
            lambda connection: int(connection.scalar(sa.text("SELECT count(*) FROM thing")) or 0)
        )

    database.at_leisure(step)
    assert await done() == 2
    left[0] = 3
    await database.write(put)
    assert await done() == 6


@pytest.mark.anyio
async def test_what_comes_between_two_steps_at_leisure_is_not_met_by_the_next_one(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "_IDLE_SECONDS", 0.01)
    steps = []

    def step(_: sa.Connection) -> bool:
        steps.append(1)
        return True

    database.at_leisure(step)
    while not steps:
        await asyncio.sleep(0.01)
    monkeypatch.setattr(writer, "_IDLE_SECONDS", 3_600)
    for _ in range(2):  # the second one comes when all is done that follows the first
        await database.write(put)

    assert database._writer._patience_for_more() == 720
    assert database._writer._dirty, "and the log is moved after all of it"


@pytest.mark.anyio
async def test_work_at_leisure_that_fails_leaves_nothing_and_stops_nobody(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "_IDLE_SECONDS", 0.01)
    tries = []

    def step(connection: sa.Connection) -> bool:
        tries.append(1)
        put(connection)
        raise Busy("on purpose")

    database.at_leisure(step)
    while not tries or database._writer._dirty:  # until it rests
        await asyncio.sleep(0.01)
    await database.write(put)
    [count] = await database.read(
        lambda connection: connection.execute(sa.text("SELECT count(*) FROM thing")).one()
    )

    assert count == 1


@pytest.mark.anyio
async def test_a_reader_in_the_way_delays_a_truncation_and_loses_nothing(
    database: Database,
) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slow(connection: sa.Connection) -> int:
        count = int(connection.scalar(sa.text("SELECT count(*) FROM thing")) or 0)
        begun.set()
        go_on.wait(10)
        return count

    await database.write(put)
    reading = asyncio.ensure_future(database.read(slow))
    await asyncio.to_thread(begun.wait, 10)
    await database.write(put)
    with pytest.raises(Busy):
        await database.truncate_log()
    go_on.set()
    assert await reading == 1
    await database.truncate_log()

    assert log_octets(database) == 0


@pytest.mark.anyio
async def test_what_waits_is_bounded(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "_WAITING_MAX", 5)
    gate = threading.Event()
    running = threading.Event()

    def slow(_connection: sa.Connection) -> None:
        running.set()
        gate.wait(10)

    first = asyncio.ensure_future(database.write(slow))
    await asyncio.to_thread(running.wait, 10)
    waiting = [asyncio.ensure_future(database.write(put)) for _ in range(5)]
    await asyncio.sleep(0)
    with pytest.raises(Busy):
        await database.write(put)
    gate.set()
    await asyncio.gather(first, *waiting)


def test_the_log_of_a_killed_process_is_taken_in_and_emptied(
    database: Database, tmp_path: Path
) -> None:
    """The files are copied while they are open: what a kill leaves."""
    database.write_at_start(put)
    left = tmp_path / "left"
    left.mkdir()
    for name in ("x.db", "x.db-wal"):
        shutil.copy(tmp_path / name, left / name)
    again = Database.open(left / "x.db", migrations=SCHEMA)

    assert log_octets(again) == 0
    assert again.write_at_start(lambda c: c.scalar(sa.text("SELECT count(*) FROM thing"))) == 1
    again.close()


def test_closing_finishes_what_waits(tmp_path: Path) -> None:
    async def story() -> None:
        database = Database.open(tmp_path / "x.db", migrations=SCHEMA)
        waiting = [asyncio.ensure_future(database.write(put)) for _ in range(20)]
        await asyncio.sleep(0)
        database.close()
        await asyncio.gather(*waiting)

    asyncio.run(story())
    again = Database.open(tmp_path / "x.db", migrations=SCHEMA)
    stored = again.write_at_start(lambda c: c.scalar(sa.text("SELECT count(*) FROM thing")))
    again.close()

    assert stored == 20
