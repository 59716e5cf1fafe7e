"""The index's file: opened, or deleted and made anew; and how far it has come."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import structlog

from mx_core.db.database import Database
from mx_core.model.errors import Corrupt
from mx_core.model.ids import MessageId
from mx_core.model.secret import Secret
from mx_core.notation.hashing import b2
from mx_core.store.text_index import runs
from mx_core.store.text_index.source import Source

if TYPE_CHECKING:
    import sqlalchemy as sa

log = structlog.get_logger()

FORMAT: Final = 1  # raised when texts, words or blocks change: an index of another is made anew
_MIGRATIONS: Final = "mx_core.store.text_index.migrations"
_READERS: Final = 2
_FIRST: Final = MessageId(1)


def key_of(account: Secret[bytes]) -> Secret[bytes]:
    """Return the key of the index's file."""
    return Secret(b2("MailX text index", (), key=account.reveal()))


def open_index(path: Path, key: Secret[bytes], source: Source) -> Database:
    """Open the index at *path*; one that is damaged, newer, or of other mail is made anew.

    Crash while deleting: a file that does not open, or none; both lead here again.

    Raises:
        Refused: Another process has it open.  DiskFull: No room.
    """
    try:
        database = Database.open(
            path, migrations=_MIGRATIONS, key=key, readers=_READERS, plain=True
        )
    except Corrupt as error:
        log.warning("text_index_made_anew", why=type(error).__name__)
        delete(path)
        database = Database.open(
            path, migrations=_MIGRATIONS, key=key, readers=_READERS, plain=True
        )
    if not database.write_at_start(lambda connection: _is_ours(connection, source)):
        log.warning("text_index_made_anew", why="OfOtherMail")
        database.close()
        delete(path)
        database = Database.open(
            path, migrations=_MIGRATIONS, key=key, readers=_READERS, plain=True
        )
        database.write_at_start(lambda connection: _is_ours(connection, source))
    return database


def delete(path: Path) -> None:
    """Remove the file and its logs; the mail is untouched."""
    for ending in ("", "-wal", "-shm"):
        path.with_name(path.name + ending).unlink(missing_ok=True)


def indexed_until(connection: sa.Connection) -> MessageId:
    """Return the id below which every message is in the index."""
    return MessageId(connection.exec_driver_sql("SELECT indexed_until FROM state").scalar_one())


def advance(connection: sa.Connection, until: MessageId, unread: list[MessageId]) -> None:
    """Note that all below *until* are in the index, but those *unread*."""
    connection.exec_driver_sql("UPDATE state SET indexed_until = ?", (until,))
    for message in unread:
        connection.exec_driver_sql("INSERT INTO unread VALUES (?)", (message,))


def _is_ours(connection: sa.Connection, source: Source) -> bool:
    """Make ready a new index; tell whether an old one is of this mail and this program."""
    device = source.device()
    row = connection.exec_driver_sql(
        "SELECT format, device, indexed_until FROM state"
    ).one_or_none()
    if row is None:
        connection.exec_driver_sql(
            "INSERT INTO state VALUES (1, ?, ?, ?)", (FORMAT, device, _FIRST)
        )
        return True
    runs.doom_unfinished(connection)
    return bool(row[0] == FORMAT and row[1] == device and row[2] <= source.end())
