"""A copy of a serving home, whole as of one moment; and the way back from it.

A backup is a folder: the database, the bodies it names, the domain's keys, the configuration.  The
database is copied first and the bodies after it: a body is never changed, and one that falls
out of use stays for an hour (``BlobStore.sweep`` waits while a backup runs).  Bodies in a bucket
are copied too.  The configuration
comes last in both directions, so a folder without one is a copy that broke off.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

from mx_core.db.driver import PAGE_OCTETS, connect
from mx_core.db.durable import make_folder, write_new
from mx_core.db.failure import translate
from mx_core.db.os_failure import translate_os
from mx_core.homeserver.config import (
    FILE_NAME,
    KEY_FILE_NAME,
    NEXT_KEY_FILE_NAME,
    ROLE_KEY_FILE_NAME,
    ROLLS_FILE_NAME,
    load,
)
from mx_core.homeserver.domain.domain_key import AlreadyThere
from mx_core.homeserver.schema import BLOB, MAILBOX
from mx_core.homeserver.storage.chosen import BLOBS_NAME, depot_of
from mx_core.homeserver.storage.depot import Depot, first_place
from mx_core.model.errors import Refused, StoreDamaged

DATABASE_NAME: Final = "home.sqlite"
BACKUPS_NAME: Final = "backups"  # in the own folder, where a sandbox lets nothing else be written
_SKIPPED_SEQUENCES: Final = 1 << 32  # what was given out after the backup is never given again


def begin(folder: Path, to: Path) -> None:
    """Make the folder *to*, which must not be there.

    Raises:
        AlreadyThere: It is; nothing is changed.
        Refused: It cannot be made, or lies among what it would be a copy of.
    """
    own, backups = folder.absolute(), folder.absolute() / BACKUPS_NAME
    instead = backups / to.name
    try:
        if to.exists():
            raise AlreadyThere(f"{to} exists already: a backup is a new folder")
        if to.absolute().is_relative_to(own) and backups not in to.absolute().parents:
            raise Refused(f"{to} is inside the home server's own folder: there, take {instead}")
        make_folder(to)
    except OSError as error:
        raise Refused(
            f"{to} cannot be made by the server: {error.strerror}; it can make {instead}"
        ) from error


def copy_database(tx: sa.Connection, to: Path) -> list[tuple[str, int]]:
    """Copy the database that *tx* reads, as of one moment; return the (place, size) of every body that it names.

    Crash on the way: a folder without a configuration, which ``restore`` refuses.
    """
    path = to / DATABASE_NAME
    write_new(path, ())
    raw: Any = tx.connection.driver_connection
    [[own]] = raw.execute("SELECT file FROM pragma_database_list WHERE name = 'main'").fetchall()
    # Row by row, in a transaction of its own: what was deleted stays in pages that are free, and is not copied.
    # One that was made with longer pages has those of now when it is restored.
    with contextlib.closing(connect(Path(own), None, "ro")) as source:
        source.execute(f"PRAGMA page_size = {PAGE_OCTETS}")
        source.execute("VACUUM INTO ?", (str(path),))
    _sync(path)
    return _named(path)


async def copy_rest(folder: Path, depot: Depot, to: Path, named: Sequence[tuple[str, int]]) -> int:
    """Copy the bodies in *named*, the keys and the configuration; return how many bodies.

    Raises:
        StoreDamaged: A body is missing or cut short.
        DiskFull: No room.  Unavailable: The depot is away.
    """
    with _told():
        make_folder(to / BLOBS_NAME)
    for place, size in named:
        await depot.copy_out(place, size, to / BLOBS_NAME / place)
    with _told():
        _copy_keys(folder, to)
    return len(named)


async def restore(backup: Path, folder: Path) -> int:
    """Make *folder* a home server's out of *backup*; return how many bodies came along.

    What had left, arrived or been acked after the backup happens again, and whoever hears it
    twice knows it by its id.  Sequences go on far beyond those given out since.

    Raises:
        AlreadyThere: *folder* is a home server's.
        Refused: *backup* is no backup, or one that broke off.
        StoreDamaged: It is damaged; *folder* has no configuration and does not start.
        Unavailable: The bucket that its configuration names is away; likewise.
    """
    named = _begin(backup, folder)
    depot = depot_of(folder, load(backup))
    try:
        await depot.prepare()
        for place, size in named:
            await depot.copy_in(place, size, backup / BLOBS_NAME / place)
    finally:
        await depot.close()
    with _told():
        _copy_keys(backup, folder)
    return len(named)


def _begin(backup: Path, folder: Path) -> list[tuple[str, int]]:
    for name in (DATABASE_NAME, KEY_FILE_NAME, ROLE_KEY_FILE_NAME, FILE_NAME):
        if not (backup / name).is_file():
            raise Refused(
                f"{backup} is no whole backup: {name} is missing (mx-home backup makes one)"
            )
    if folder.exists() and any(folder.iterdir()):
        raise AlreadyThere(f"{folder} is not empty: a backup is restored into a new folder")
    with _told():
        make_folder(folder)
        folder.chmod(0o700)
        database = folder / DATABASE_NAME
        # Crash from here on: a folder without a configuration; empty it and restore again.
        write_new(database, _pieces(backup / DATABASE_NAME))
        _check_and_skip(database)
    return _named(database)


def _copy_keys(folder: Path, to: Path) -> None:
    for name in (NEXT_KEY_FILE_NAME, ROLLS_FILE_NAME):  # while the key is being changed
        if (folder / name).exists():
            write_new(to / name, ((folder / name).read_bytes(),))
    for name in (KEY_FILE_NAME, ROLE_KEY_FILE_NAME, FILE_NAME):
        write_new(to / name, ((folder / name).read_bytes(),))


def _check_and_skip(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as copy:
        try:
            [[said]] = copy.execute("PRAGMA quick_check").fetchall()[:1]
            if said != "ok":
                raise StoreDamaged("the database of this backup is damaged")
            copy.execute("PRAGMA synchronous = FULL")
            following = MAILBOX.c.next_sequence.name
            copy.execute(
                f"UPDATE {MAILBOX.name} SET {following} = {following} + ?",  # noqa: S608  # names of ours
                (_SKIPPED_SEQUENCES,),
            )
        except sqlite3.Error as error:
            raise translate(error) from error


def _named(path: Path) -> list[tuple[str, int]]:
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as copy:
        columns = {each[1] for each in copy.execute("PRAGMA table_info(blob)")}
        place = BLOB.c.place.name if BLOB.c.place.name in columns else "NULL"  # before 0011
        rows = copy.execute(f"SELECT blob_id, {place}, size FROM blob ORDER BY blob_id")  # noqa: S608  # a name of ours
        return [(where or first_place(blob_id), size) for blob_id, where, size in rows]


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            yield piece


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


@contextlib.contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise translate_os(error) from error
