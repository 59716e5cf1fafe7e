"""What the driver's error codes mean to whoever must act.

The one place that reads SQLite result codes (https://www.sqlite.org/rescode.html).
An error of a job's own making (a broken constraint) is not translated: it is a bug or the
job's business.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any, Final

from mx_core.db.os_failure import UNCONFIRMED, has_room
from mx_core.model.errors import Busy, DiskFull, MailError, StoreDamaged

_PRIMARY: Final = 0xFF  # an extended code holds its primary code in the low octet
_UNSURE: Final = {
    # The system could not say whether pages reached the disk; after that the page cache may
    # claim what the disk does not hold, so a retry would prove nothing.
    sqlite3.SQLITE_IOERR_FSYNC,
    sqlite3.SQLITE_IOERR_DIR_FSYNC,
}
_NO_ROOM: Final = {
    sqlite3.SQLITE_IOERR_WRITE,
    sqlite3.SQLITE_IOERR_TRUNCATE,
    sqlite3.SQLITE_IOERR_SHMSIZE,
    sqlite3.SQLITE_IOERR,  # sqlcipher3 tells primary codes only; see translate_commit
}
_DAMAGED: Final = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_IOERR}
_LOCKED: Final = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


def translate(error: BaseException, *, writing: bool = True) -> BaseException:
    """Return the error of our tree that *error* stands for, or *error* itself."""
    cause = _raised_by_driver(error)
    code = getattr(cause, "sqlite_errorcode", None)
    if not isinstance(code, int):
        return error
    meaning = _meaning(code, writing=writing)
    if meaning is None:
        return error
    meaning.__cause__ = error
    return meaning


def translate_commit(error: BaseException, log: Path) -> BaseException:
    """As ``translate``, for an error of opening or committing the database with that *log*.

    sqlcipher3 says no more than "I/O error" for a log that may not grow and for one that was
    not synced.  After the first the next commit may succeed; after the second nobody knows what
    the disk holds, and nothing more may be taken.
    """
    failure = translate(error)
    cause = _raised_by_driver(error)
    if getattr(cause, "sqlite_errorcode", None) == sqlite3.SQLITE_IOERR and has_room(log):
        return StoreDamaged(UNCONFIRMED)
    return failure


def _raised_by_driver(error: BaseException) -> Any:
    """Return what SQLAlchemy's error stands around, which says so by ``orig``; another error itself."""
    return getattr(error, "orig", None) or error


def _meaning(code: int, *, writing: bool) -> MailError | None:
    # A bare SQLITE_IOERR while writing is taken for a lack of room (translate_commit looks
    # closer); while reading it means octets that do not come back.
    if code in _UNSURE:
        return StoreDamaged(UNCONFIRMED)
    if code & _PRIMARY == sqlite3.SQLITE_FULL or (writing and code in _NO_ROOM):
        return DiskFull("there is no room on the disk to store this")
    if code & _PRIMARY in _LOCKED:
        return Busy("the database is locked by somebody else")
    if code & _PRIMARY == sqlite3.SQLITE_NOTADB:
        return StoreDamaged("the database does not open: wrong key, or not a database")
    if code & _PRIMARY == sqlite3.SQLITE_CANTOPEN:
        return StoreDamaged("the database file cannot be opened")
    if code & _PRIMARY in _DAMAGED:
        return StoreDamaged("the database is damaged or cannot be read")
    return None
