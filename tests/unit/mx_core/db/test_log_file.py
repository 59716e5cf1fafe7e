"""The log of a database: in rounds over the same octets of the disk, and not grown again."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from mx_core.db import log_file, writer
from mx_core.db.database import Database
from mx_core.db.log_file import LogFile
from mx_core.model.secret import Secret

SCHEMA = "tests.support.fixture_schema"
ROUND = 400_000
COMMIT = 130_000  # more than one writes to the log


@pytest.fixture(params=[None, Secret(bytes(32))], ids=["plain", "sealed"])
def database(
    tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Database]:
    monkeypatch.setattr(log_file, "ROUND_OCTETS", ROUND)
    monkeypatch.setattr(writer, "_IDLE_SECONDS", 60.0)
    opened = Database.open(tmp_path / "x.db", migrations=SCHEMA, key=request.param)
    yield opened
    opened.close()


@pytest.fixture
def moves(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """How the log was moved, each time."""
    made: list[str] = []
    move = LogFile.move

    def noted(log: LogFile, how: str) -> Exception | None:
        made.append(how)
        return move(log, how)

    monkeypatch.setattr(LogFile, "move", noted)
    return made


def put(connection: sa.Connection) -> None:
    connection.execute(sa.text("INSERT INTO thing (octets) VALUES (zeroblob(100000))"))


def count(connection: sa.Connection) -> int:
    return int(connection.scalar(sa.text("SELECT count(*) FROM thing")) or 0)


def reading(database: Database) -> Callable[[], int]:
    """Begin to read, and return what ends it; meanwhile the log can not begin anew."""
    begun, go_on = threading.Event(), threading.Event()
    seen: list[int] = []

    def job(connection: sa.Connection) -> None:
        seen.append(count(connection))
        begun.set()
        go_on.wait(20)

    thread = threading.Thread(target=database.read_blocking, args=(job,))
    thread.start()
    assert begun.wait(20)

    def end() -> int:
        go_on.set()
        thread.join(20)
        return seen[0]

    return end


def log_octets(database: Database) -> int:
    return database.path.with_name("x.db-wal").stat().st_size


def fill(database: Database, commits: int) -> None:
    for _ in range(commits):
        database.write_at_start(put)


def test_commits_write_over_the_round_before_and_the_file_stays_as_long_as_it_is(
    database: Database,
) -> None:
    fill(database, 5)
    after_a_round = log_octets(database)
    fill(database, 20)

    assert ROUND <= after_a_round <= ROUND + COMMIT
    assert log_octets(database) == after_a_round
    assert database.read_blocking(count) == 25


def test_what_an_earlier_round_has_left_does_not_count(
    database: Database, moves: list[str]
) -> None:
    """Else each commit after the first round would move the log."""
    fill(database, 24)

    assert 24 * 100_000 // (ROUND + COMMIT) <= moves.count("PASSIVE") <= 24 * COMMIT // ROUND


def test_while_somebody_reads_the_log_goes_on_and_is_tried_now_and_then(
    database: Database, moves: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_file, "_AGAIN_OCTETS", 300_000)
    fill(database, 1)
    end = reading(database)
    fill(database, 15)
    tried, grown = moves.count("PASSIVE"), log_octets(database)
    seen = end()
    fill(database, 25)

    assert seen == 1
    assert grown > 15 * 100_000
    assert 4 <= tried <= 7
    assert log_octets(database) <= grown + 300_000 + COMMIT  # it began anew
    assert database.read_blocking(count) == 41


def test_a_log_that_is_far_too_long_waits_for_whoever_reads(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[Exception | None] = []
    move = LogFile.move

    def noted(log: LogFile, how: str) -> Exception | None:
        if how == "TRUNCATE":
            threading.Timer(0.1, end).start()
            waited.append(move(log, how))
            return waited[-1]
        return move(log, how)

    monkeypatch.setattr(LogFile, "move", noted)
    monkeypatch.setattr(log_file, "_AGAIN_OCTETS", 100_000)
    monkeypatch.setattr(log_file, "LOG_OCTETS_MAX", 1_000_000)
    fill(database, 1)
    end = reading(database)
    fill(database, 15)

    assert waited == [None]
    assert log_octets(database) <= 1_000_000
    assert database.read_blocking(count) == 16


def test_a_log_that_is_not_there_takes_nothing_of_the_disk(tmp_path: Path) -> None:
    log = LogFile(None, tmp_path / "x.db")
    log.after_commit()
    log.close()

    assert log.octets() == 0
