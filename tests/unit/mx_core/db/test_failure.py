"""Each code of SQLite, and who must act on it."""

import sqlite3
from pathlib import Path

import pytest
from sqlalchemy.exc import DBAPIError

from mx_core.db.failure import translate, translate_commit
from mx_core.model.errors import Busy, DiskFull, StoreDamaged


class Failed(sqlite3.OperationalError):
    """As the driver raises it."""

    def __init__(self, code: int) -> None:
        super().__init__("told by the driver")
        self.sqlite_errorcode = code


@pytest.mark.parametrize(
    ("code", "writing", "reading"),
    [
        (sqlite3.SQLITE_FULL, DiskFull, DiskFull),
        (sqlite3.SQLITE_IOERR, DiskFull, StoreDamaged),
        (sqlite3.SQLITE_IOERR_WRITE, DiskFull, StoreDamaged),
        (sqlite3.SQLITE_IOERR_FSYNC, StoreDamaged, StoreDamaged),
        (sqlite3.SQLITE_IOERR_READ, StoreDamaged, StoreDamaged),
        (sqlite3.SQLITE_CORRUPT, StoreDamaged, StoreDamaged),
        (sqlite3.SQLITE_NOTADB, StoreDamaged, StoreDamaged),
        (sqlite3.SQLITE_CANTOPEN, StoreDamaged, StoreDamaged),
        (sqlite3.SQLITE_BUSY, Busy, Busy),
        (sqlite3.SQLITE_BUSY_SNAPSHOT, Busy, Busy),
    ],
)
def test_a_code_means_the_same_raw_and_wrapped(
    code: int, writing: type[Exception], reading: type[Exception]
) -> None:
    for error in (Failed(code), DBAPIError("SELECT 1", None, Failed(code))):
        assert type(translate(error)) is writing
        assert type(translate(error, writing=False)) is reading


def test_an_error_of_the_job_is_left_alone() -> None:
    for error in (ValueError(), Failed(sqlite3.SQLITE_CONSTRAINT), sqlite3.ProgrammingError()):
        assert translate(error) is error


@pytest.mark.parametrize(
    ("code", "meaning"),
    [
        (sqlite3.SQLITE_IOERR, StoreDamaged),  # there is room: so it was not that
        (sqlite3.SQLITE_IOERR_WRITE, DiskFull),
        (sqlite3.SQLITE_FULL, DiskFull),
        (sqlite3.SQLITE_BUSY, Busy),
    ],
)
def test_a_commit_that_failed_without_saying_why_is_not_taken_for_a_full_disk(
    tmp_path: Path, code: int, meaning: type[Exception]
) -> None:
    for error in (Failed(code), DBAPIError("COMMIT", None, Failed(code))):
        assert type(translate_commit(error, tmp_path / "x-wal")) is meaning
