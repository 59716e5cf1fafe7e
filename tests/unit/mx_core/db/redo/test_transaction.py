"""Lone changes in a transaction that is still open: durable at once, and seen by whoever looks."""

import asyncio
import os
import random
import shutil
import threading
import time
from pathlib import Path
from typing import Any, NoReturn

import pytest
import sqlalchemy as sa

from mx_core.db import lone, writer
from mx_core.db.database import Database
from mx_core.db.redo import transaction
from mx_core.db.redo.record import CLEAR_OCTETS_MAX
from mx_core.model.errors import Busy
from tests.support.redo_things import (
    WITNESS,
    after_a_kill,
    lone_write,
    opened,
    put,
    redo_octets,
    rows,
)
from tests.support.things import KEY, SCHEMA
from tests.support.writing_thread import come_to_rest


def log_octets(database: Database) -> int:
    return database.path.with_name("x.db-wal").stat().st_size


@pytest.mark.anyio
async def test_it_is_durable_before_it_is_committed(database: Database) -> None:
    before = log_octets(database)
    for number in range(3):
        assert lone_write(database, put(b"%d" % number)) == number + 1

    assert log_octets(database) == before, "nothing was committed"
    assert after_a_kill(database) == [(1, b"0"), (2, b"1"), (3, b"2")]


@pytest.mark.anyio
@pytest.mark.parametrize("way", ["glance", "row", "read", "read_blocking", "write", "let_see"])
async def test_whoever_looks_sees_it(database: Database, way: str) -> None:
    lone_write(database, put(b"one"))
    assert database._writer._lone._open is not None
    assert database._writer._lone._open.is_open
    if way == "glance":
        assert database.glance(rows) == [(1, b"one")]
    elif way == "row":
        assert database.row("SELECT id, octets FROM thing", ()) == (1, b"one")
    elif way == "read":
        assert await database.read(rows) == [(1, b"one")]
    elif way == "read_blocking":
        assert await asyncio.to_thread(database.read_blocking, rows) == [(1, b"one")]
    elif way == "write":
        assert await database.write(rows) == [(1, b"one")]
    else:
        await asyncio.to_thread(database.let_see)

    assert not database._writer._lone._open.is_open
    assert after_a_kill(database) == [(1, b"one")], "and it is not made twice"


@pytest.mark.anyio
async def test_jobs_keep_their_order(database: Database) -> None:
    lone_write(database, put(b"a"))
    assert await database.write(put(b"b")) == 2
    come_to_rest(database)
    assert lone_write(database, put(b"c")) == 3

    assert after_a_kill(database) == [(1, b"a"), (2, b"b"), (3, b"c")]


@pytest.mark.anyio
async def test_every_kind_of_statement_is_made_again(database: Database) -> None:
    def job(tx: Any) -> list[Any]:
        tx.exec_driver_sql("INSERT INTO thing VALUES (?, ?)", [(7, b"x"), (8, b"y"), (9, b"z")])
        tx.exec_driver_sql("DELETE FROM thing WHERE id = 9").close()
        changed: list[Any] = tx.exec_driver_sql(
            "UPDATE thing SET octets = ? WHERE id < ? RETURNING id",
            (bytearray(b"!"), 9),
        ).all()
        return changed

    lone_write(database, put(b"one"))
    assert sorted(lone_write(database, job)) == [(1,), (7,), (8,)]

    assert after_a_kill(database) == [(1, b"!"), (7, b"!"), (8, b"!")]


@pytest.mark.anyio
async def test_a_job_that_fails_leaves_what_is_open_and_nothing_of_its_own(
    database: Database,
) -> None:
    def fails(tx: Any) -> NoReturn:
        put(b"never")(tx)
        raise Busy("on purpose")

    lone_write(database, put(b"one"))
    with pytest.raises(Busy, match="on purpose"):
        lone_write(database, fails)
    assert after_a_kill(database) == [(1, b"one")]
    assert lone_write(database, put(b"two")) == 2

    assert after_a_kill(database) == database.glance(rows) == [(1, b"one"), (2, b"two")]


@pytest.mark.anyio
async def test_the_first_job_may_fail(database: Database) -> None:
    def fails(tx: Any) -> NoReturn:
        put(b"never")(tx)
        raise Busy("on purpose")

    with pytest.raises(Busy, match="on purpose"):
        lone_write(database, fails)

    assert after_a_kill(database) == database.glance(rows) == []


@pytest.mark.anyio
async def test_what_changes_nothing_is_not_synced(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    lone_write(database, put(b"one"))
    with monkeypatch.context() as unsynced:
        unsynced.setattr(os, "fdatasync", None)
        assert lone_write(database, rows) == [(1, b"one")]


@pytest.mark.anyio
@pytest.mark.parametrize(
    "long",
    [
        pytest.param(random.Random(1).randbytes(300_000), id="as a record"),
        pytest.param(bytes(CLEAR_OCTETS_MAX), id="before it is packed"),
    ],
)
async def test_a_change_that_is_too_long_is_committed_with_all_before_it(
    database: Database, long: bytes
) -> None:
    lone_write(database, put(b"one"))
    lone_write(database, put(long))

    assert database._writer._lone._open is not None
    assert not database._writer._lone._open.is_open
    assert after_a_kill(database) == [(1, b"one"), (2, long)]


@pytest.mark.anyio
async def test_a_long_change_of_few_octets_over_and_over_is_in_the_log(database: Database) -> None:
    long = b"12345678" * 20_000
    lone_write(database, put(b"one"))
    lone_write(database, put(long))

    assert database._writer._lone._open is not None
    assert database._writer._lone._open.is_open
    assert after_a_kill(database) == [(1, b"one"), (2, long)]


@pytest.mark.anyio
async def test_it_is_time_to_commit_by_what_is_held_and_not_by_what_is_written(
    database: Database,
) -> None:
    long, open_ = bytes(CLEAR_OCTETS_MAX // 4), database._writer._lone._open
    assert open_ is not None
    for number in range(3):
        lone_write(database, put(long))
        assert not open_.is_much, number
    lone_write(database, put(long))
    assert open_.is_much


@pytest.mark.anyio
@pytest.mark.parametrize(("slow", "job_seconds"), [("job", 60), ("job", 0.01), ("disk", 60)])
async def test_a_job_may_take_longer_than_the_disk(
    database: Database, slow: str, job_seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lone, "HELD_SECONDS", 0.05)
    monkeypatch.setattr(lone, "JOB_SECONDS", job_seconds)
    sync = os.fdatasync

    def slow_job(connection: sa.Connection) -> int:
        time.sleep(0.1)
        return put(b"one")(connection)

    def slow_sync(file: int) -> None:
        time.sleep(0.1)
        sync(file)

    # nor does the disk of the machine count
    monkeypatch.setattr(os, "fdatasync", slow_sync if slow == "disk" else lambda _: None)
    lone_write(database, slow_job if slow == "job" else put(b"one"))

    assert database._writer._lone.allowed is (slow == "job" and job_seconds == 60)


@pytest.mark.anyio
async def test_a_frame_that_was_cut_is_not_there_and_those_before_it_are(
    database: Database,
) -> None:
    lone_write(database, put(b"one"))
    end = len(redo_octets(database).rstrip(b"\0"))
    lone_write(database, put(b"two"))
    path = database.path.with_name("x.db-redo")
    with path.open("r+b") as file:
        file.seek(end + 40)
        file.write(b"\0\0\0\0\0\0\0\0")

    assert after_a_kill(database) == [(1, b"one")]


@pytest.mark.anyio
async def test_much_is_committed_by_the_thread_that_writes(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transaction, "_MANY_MAX", 4)
    for number in range(4):
        lone_write(database, put(b"%d" % number))
    come_to_rest(database)

    assert database._writer._lone._open is not None
    assert not database._writer._lone._open.is_open
    assert lone_write(database, put(b"4")) == 5


@pytest.mark.anyio
async def test_at_rest_it_is_committed_and_the_log_is_zeros(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    lone_write(database, put(b"one"))
    assert set(redo_octets(database)) != {0}
    monkeypatch.setattr(writer, "_IDLE_SECONDS", 0.01)
    await database.write(lambda _: None)  # so that the thread has heard of it
    while database._writer._dirty:
        await asyncio.sleep(0.01)  # the test's time limit ends this

    assert set(redo_octets(database)) == {0}
    assert database.glance(rows) == [(1, b"one")]


@pytest.mark.anyio
async def test_what_was_deleted_is_not_in_the_log_once_that_is_emptied(database: Database) -> None:
    lone_write(database, put(b"one"))
    await database.write(lambda tx: tx.exec_driver_sql("DELETE FROM thing").close())
    assert set(redo_octets(database)) != {0}
    await database.truncate_log()

    assert set(redo_octets(database)) == {0}


def test_closed_it_is_committed_and_the_log_is_zeros(tmp_path: Path) -> None:
    async def use() -> None:
        lone_write(database, put(b"one"))

    database = opened(tmp_path)
    come_to_rest(database)
    asyncio.run(use())
    database.close()

    assert set(redo_octets(database)) == {0}
    again_opened = opened(tmp_path)
    assert again_opened.read_blocking(rows) == [(1, b"one")]
    again_opened.close()


# ── many at once ─────────────────────────────────────────────────────────────────────
@pytest.mark.anyio
@pytest.mark.parametrize("seed", range(5))
async def test_who_reads_on_another_thread_never_misses_what_was_told(
    database: Database, seed: int
) -> None:
    """Whatever the threads do meanwhile, a read that begins after a change was told has it."""
    chance = random.Random(seed)
    told = 0
    over = threading.Event()
    wrong: list[tuple[int, int]] = []

    def look() -> None:
        while not over.is_set():
            before = told
            seen = len(database.read_blocking(rows))
            if seen < before:
                wrong.append((before, seen))

    lookers = [threading.Thread(target=look) for _ in range(2)]
    for each in lookers:
        each.start()
    try:
        for number in range(200):
            job = put(b"%d" % number)
            if chance.random() < 0.1 or database.write_here(job) is None:
                await database.write(job)
            told = number + 1
            if chance.random() < 0.1:
                assert len(database.glance(rows)) == told
            if chance.random() < 0.1:
                assert len(await database.read(rows)) == told
    finally:
        over.set()
        for each in lookers:
            await asyncio.to_thread(each.join)

    assert wrong == []
    assert [octets for _, octets in after_a_kill(database)] == [b"%d" % n for n in range(200)]


# ── another state of the database ────────────────────────────────────────────────────
@pytest.mark.anyio
async def test_a_log_of_another_state_is_set_aside(database: Database, tmp_path: Path) -> None:
    """Somebody put an older database in the place of the newer one, and left the log there."""
    await database.write(put(b"one"))
    await database.truncate_log()
    older = tmp_path / "older"
    older.mkdir()
    shutil.copy(database.path, older / "x.db")
    await database.write(put(b"two"))
    come_to_rest(database)
    lone_write(database, put(b"three"))
    log = redo_octets(database)
    (older / "x.db-redo").write_bytes(log)

    found = opened(older)
    assert found.read_blocking(rows) == [(1, b"one")]
    found.close()

    assert [each.read_bytes() == log for each in older.glob("x.db-redo-*.aside")] == [True]


def test_a_database_without_a_key_or_a_witness_has_no_such_log(tmp_path: Path) -> None:
    for number, given in enumerate(({"key": KEY}, {"witness": WITNESS})):
        found = Database.open(tmp_path / f"{number}.db", migrations=SCHEMA, plain=True, **given)  # type: ignore[arg-type]
        assert found._writer._lone._open is None
        found.close()


@pytest.mark.anyio
async def test_through_sqlalchemy_what_was_open_is_there_too(database: Database) -> None:
    """As `fsck` opens it."""
    lone_write(database, put(b"one"))
    left = database.path.parent.with_name("left")
    shutil.copytree(database.path.parent, left)
    (left / "x.db-shm").unlink()

    found = Database.open(left / "x.db", migrations=SCHEMA, key=KEY, witness=WITNESS)
    count = found.read_blocking(lambda tx: tx.scalar(sa.text("SELECT count(*) FROM thing")))
    found.close()

    assert count == 1
