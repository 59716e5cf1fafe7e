"""The two verbs, their durability and their refusals."""

import asyncio
import os
import resource
import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import sqlalchemy as sa

from mx_core.db.database import Database
from mx_core.db.driver import PAGE_OCTETS, SEALED_PAGE_OCTETS
from mx_core.model.errors import (
    BadConfiguration,
    DiskFull,
    Refused,
    SchemaTooNew,
    StoreDamaged,
    Unavailable,
)
from mx_core.model.secret import Secret
from tests.support.things import KEY, SCHEMA, count, put


@pytest.mark.anyio
async def test_what_was_written_is_read_and_still_there_after_reopening(
    tmp_path: Path, key: Secret[bytes] | None
) -> None:
    database = Database.open(tmp_path / "x.db", migrations=SCHEMA, key=key)
    await database.write(put(b"one"))
    assert await database.read(count) == 1
    database.close()

    again = Database.open(tmp_path / "x.db", migrations=SCHEMA, key=key)
    assert await again.read(count) == 1
    again.close()


@pytest.mark.anyio
@pytest.mark.parametrize("order", ["f", "fa", "ffa", "afb", "abf", "fafbf"])
async def test_a_job_that_fails_undoes_only_itself(database: Database, order: str) -> None:
    """Wherever it stands among those that share its transaction."""
    gate = threading.Event()

    def fails(connection: sa.Connection) -> int:
        put(b"lost")(connection)
        raise BadConfiguration("no")

    waits = asyncio.ensure_future(database.write(lambda _: gate.wait(60)))
    jobs = [
        asyncio.ensure_future(database.write(fails if name == "f" else put(name.encode())))
        for name in order
    ]
    await asyncio.sleep(0)
    gate.set()
    outcomes = await asyncio.gather(*jobs, return_exceptions=True)
    await waits

    assert [isinstance(each, BadConfiguration) for each in outcomes] == [n == "f" for n in order]
    assert await database.read(count) == len(order.replace("f", ""))


@pytest.mark.anyio
async def test_the_first_job_of_a_transaction_fails_alone(database: Database) -> None:
    """What follows it in the same batch begins in a transaction of its own."""
    entered, gate = threading.Event(), threading.Event()

    def fails(connection: sa.Connection) -> int:
        put(b"lost")(connection)
        entered.set()
        gate.wait(60)
        raise BadConfiguration("no")

    first = asyncio.ensure_future(database.write(fails))
    await asyncio.to_thread(entered.wait, 60)
    others = [asyncio.ensure_future(database.write(put(name))) for name in (b"a", b"b")]
    await asyncio.sleep(0)
    gate.set()
    await asyncio.gather(*others)

    with pytest.raises(BadConfiguration):
        await first
    assert await database.read(count) == len(others)


@pytest.mark.anyio
async def test_waiting_jobs_share_a_commit(database: Database) -> None:
    commits = 0

    def one_more(_connection: sa.Connection) -> None:
        nonlocal commits
        commits += 1

    sa.event.listen(database._writer._link.given.engine, "commit", one_more)
    await asyncio.gather(*(database.write(put(b"x")) for _ in range(200)))

    assert await database.read(count) == 200
    assert commits < 50


@pytest.mark.anyio
async def test_announcements_come_in_commit_order_before_the_caller_resumes(
    database: Database,
) -> None:
    heard: list[tuple[str, int]] = []

    async def write(n: int) -> None:
        result = await database.write(put(b"%d" % n), lambda row: heard.append(("said", row)))
        heard.append(("resumed", result))

    await asyncio.gather(*(write(n) for n in range(20)))

    said = [row for what, row in heard if what == "said"]
    assert said == sorted(said) == list(range(1, 21))
    for row in said:
        assert heard.index(("said", row)) < heard.index(("resumed", row))


@pytest.mark.anyio
async def test_an_announcement_finds_its_change_already_committed(
    database: Database,
) -> None:
    seen: list[int] = []

    def look(_row: int) -> None:
        seen.append(database.glance(count))

    await database.write(put(b"x"), look)

    assert seen == [1]


@pytest.mark.anyio
async def test_a_job_cancelled_before_it_began_is_not_run(database: Database) -> None:
    gate = threading.Event()
    first = asyncio.ensure_future(database.write(lambda _connection: gate.wait(10)))
    second = asyncio.ensure_future(database.write(put(b"x")))
    await asyncio.sleep(0)
    second.cancel()
    gate.set()

    assert await first
    assert await database.read(count) == 0


@pytest.mark.anyio
async def test_a_read_job_sees_one_snapshot(database: Database) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def twice(connection: sa.Connection) -> tuple[int, int]:
        before = count(connection)
        begun.set()
        go_on.wait(10)
        return before, count(connection)

    reading = asyncio.ensure_future(database.read(twice))
    await asyncio.to_thread(begun.wait, 10)
    await database.write(put(b"x"))
    go_on.set()

    assert await reading == (0, 0)


@pytest.mark.anyio
async def test_a_reader_can_not_write(database: Database) -> None:
    with pytest.raises(sa.exc.OperationalError, match="readonly"):
        await database.read(put(b"x"))


def test_a_second_opener_is_refused(database: Database, key: Secret[bytes] | None) -> None:
    with pytest.raises(Refused, match="already running"):
        Database.open(database.path, migrations=SCHEMA, key=key)


def test_a_wrong_key_is_told_as_one_sentence(tmp_path: Path) -> None:
    Database.open(tmp_path / "x.db", migrations=SCHEMA, key=KEY).close()

    with pytest.raises(StoreDamaged, match="wrong key"):
        Database.open(tmp_path / "x.db", migrations=SCHEMA, key=Secret(bytes(32)))
    Database.open(tmp_path / "x.db", migrations=SCHEMA, key=KEY).close()


def test_what_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_bytes(b"not a database " * 4000)

    with pytest.raises(StoreDamaged):
        Database.open(tmp_path / "x.db", migrations=SCHEMA)
    assert (tmp_path / "x.db").read_bytes() == b"not a database " * 4000


def test_a_key_of_another_length_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadConfiguration):
        Database.open(tmp_path / "x.db", migrations=SCHEMA, key=Secret(b"short"))


def test_a_schema_from_a_newer_version_is_refused(tmp_path: Path) -> None:
    Database.open(tmp_path / "x.db", migrations=SCHEMA).close()
    with sqlite3.connect(tmp_path / "x.db") as raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999'")
    raw.close()

    with pytest.raises(SchemaTooNew, match="9999"):
        Database.open(tmp_path / "x.db", migrations=SCHEMA)


@pytest.mark.anyio
async def test_the_settings_that_durability_rests_on_are_in_force(
    database: Database, key: Secret[bytes] | None
) -> None:
    def settings(connection: sa.Connection) -> list[str]:
        return [
            str(connection.exec_driver_sql(f"PRAGMA {name}").scalar())
            for name in ("journal_mode", "synchronous", "secure_delete", "page_size")
        ]

    pages = PAGE_OCTETS if key is None else SEALED_PAGE_OCTETS
    assert await database.write(settings) == ["wal", "2", "1", str(pages)]


@pytest.mark.anyio
async def test_an_error_never_tells_what_it_was_about(database: Database) -> None:
    """Errors may be logged; octets may not."""

    def twice(connection: sa.Connection) -> None:
        for _ in range(2):
            connection.exec_driver_sql("INSERT INTO thing VALUES (1, ?)", (b"canary-octets",))

    with pytest.raises(sa.exc.IntegrityError) as caught:
        await database.write(twice)
    assert "canary" not in str(caught.value)


def test_an_empty_file_left_by_a_crash_at_birth_is_a_new_database(
    tmp_path: Path, key: Secret[bytes] | None
) -> None:
    (tmp_path / "x.db").touch()
    database = Database.open(tmp_path / "x.db", migrations=SCHEMA, key=key)

    assert database.write_at_start(count) == 0
    database.close()


@pytest.mark.anyio
async def test_a_closed_database_reads_nothing(tmp_path: Path) -> None:
    database = Database.open(tmp_path / "x.db", migrations=SCHEMA)
    database.close()

    with pytest.raises(Unavailable):
        await database.read(count)


def test_files_are_for_the_owner_alone(database: Database) -> None:
    for file in database.path.parent.iterdir():
        assert file.stat().st_mode & 0o077 == 0, file


@pytest.mark.anyio
async def test_a_full_disk_is_told_and_the_next_write_may_succeed(
    tmp_path: Path, key: Secret[bytes] | None
) -> None:
    database = Database.open(tmp_path / "x.db", migrations=SCHEMA, key=key)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, hard))
    try:
        outcomes = [
            await asyncio.gather(database.write(put(bytes(50_000))), return_exceptions=True)
            for _ in range(12)
        ]
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    kept = sum(isinstance(outcome, int) for [outcome] in outcomes)
    assert 0 < kept < 10
    assert all(isinstance(outcome, int | DiskFull) for [outcome] in outcomes)
    assert await database.read(count) == kept
    await database.write(put(b"again"))
    assert await database.read(count) == kept + 1
    database.close()


@pytest.mark.anyio
async def test_a_failed_commit_fails_every_job_of_its_batch(database: Database) -> None:
    def break_commit(_connection: sa.Connection) -> None:
        raise RuntimeError("the commit")

    await database.write(put(b"before"))
    sa.event.listen(database._writer._link.given.engine, "commit", break_commit)
    outcomes = await asyncio.gather(
        *(database.write(put(b"x")) for _ in range(5)), return_exceptions=True
    )
    sa.event.remove(database._writer._link.given.engine, "commit", break_commit)

    assert all(isinstance(outcome, RuntimeError | StoreDamaged) for outcome in outcomes)
    assert await database.read(count) == 1
    with pytest.raises(StoreDamaged, match="nothing more is taken"):
        await database.write(put(b"after"))


@pytest.mark.anyio
async def test_a_closed_database_takes_nothing(tmp_path: Path) -> None:
    database = Database.open(tmp_path / "x.db", migrations=SCHEMA)
    database.close()

    with pytest.raises(Unavailable):
        await database.write(put(b"x"))


def test_deleted_octets_are_in_no_file_once_the_log_is_truncated(tmp_path: Path) -> None:
    def holds_marker() -> bool:
        return any(b"marker-of" in file.read_bytes() for file in tmp_path.iterdir())

    async def story() -> None:
        database = Database.open(tmp_path / "x.db", migrations=SCHEMA)
        await database.write(put(b"marker-of-a-private-key"))
        await database.truncate_log()
        assert holds_marker()

        await database.write(lambda c: c.execute(sa.text("DELETE FROM thing")).rowcount)
        await database.truncate_log()

        assert not holds_marker()
        database.close()

    asyncio.run(story())


@pytest.mark.crash
def test_what_was_confirmed_survives_sigkill(tmp_path: Path, key: Secret[bytes] | None) -> None:
    """Ledger: the child prints a row's number only after the write returned."""
    program = f"""
import asyncio, sqlalchemy as sa
from pathlib import Path
from mx_core.db.database import Database
from mx_core.model.secret import Secret
key = {"Secret(bytes(range(32)))" if key is not None else "None"}
def job(connection):
    return connection.execute(sa.text("INSERT INTO thing (octets) VALUES (x'00')")).lastrowid
async def one(database):
    while True:
        print(await database.write(job), flush=True)
async def main():
    database = Database.open(Path({str(tmp_path / "x.db")!r}), migrations={SCHEMA!r}, key=key)
    await asyncio.gather(*(one(database) for _ in range(8)))
asyncio.run(main())
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        acknowledged = [int(child.stdout.readline()) for _ in range(150)]
        os.kill(child.pid, signal.SIGKILL)
        acknowledged += [int(line) for line in child.stdout.read().split(b"\n")[:-1]]

    database = Database.open(tmp_path / "x.db", migrations=SCHEMA, key=key)
    stored = database.write_at_start(
        lambda connection: set(connection.scalars(sa.text("SELECT id FROM thing")))
    )
    database.close()
    assert set(acknowledged) <= stored
