"""A copy of an account as of one moment, for a backup: rows first, then the body files they name.

What makes this machine a device (its keys, its epochs, parcels that it sealed, envelopes that only
it can open) stays behind.  Derived data does too.  No body file is removed while a copy is taken
(``Mail.keeping_files``), so every file that the copy names is there.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from mx_core.db.driver import connect, copy_rows
from mx_core.db.failure import translate
from mx_core.model.errors import StoreDamaged
from mx_core.model.secret import Secret
from mx_core.store.bodies import file as body_file

COPY: Final = "copy.db"
_PIECE_OCTETS: Final = 1024 * 1024
_LEFT_OUT: Final = {
    "own_key": "name IN ('identity', 'device', 'card', 'recovery', 'change', 'move')",
    "own_epoch": "1",
    "intake": "1",
    "parcel": "1",
    "sealed_body": "1",
    "body": "id IN (SELECT body FROM intake UNION SELECT body FROM sealed_body)",
}


class Copy(Struct, frozen=True):
    """The database of a copy, and the name and size of each body file that it names."""

    database: Path
    bodies: tuple[tuple[bytes, int], ...]


def copy_database(path: Path, key: Secret[bytes], to: Path, to_key: Secret[bytes]) -> Copy:
    """Write a copy of the account's database *path* to the new file *to*, under *to_key*.

    Crash on the way: a file whose key is in no file; whoever made its folder removes that.

    Raises:
        DiskFull, StoreDamaged: As of any write.
    """
    try:
        copy_rows(path, key, to, to_key, _LEFT_OUT)
        with contextlib.closing(connect(to, to_key, "ro")) as driver:
            rows = driver.execute(
                "SELECT file, size FROM body WHERE file IS NOT NULL ORDER BY file"
            ).fetchall()
    except Exception as error:
        failure = translate(error)
        if failure is error:
            raise
        raise failure from error
    return Copy(to, tuple((bytes(name), body_file.sealed_size(size)) for name, size in rows))


def pieces_of(path: Path, octets: int) -> Iterator[bytes]:
    """Yield the octets of a file that must have so many.

    Raises:
        StoreDamaged: It is missing, or has another size.
    """
    left = octets
    with contextlib.ExitStack() as stack:
        try:
            file: Any = stack.enter_context(path.open("rb"))
        except OSError as error:
            raise StoreDamaged(f"the body file {path.name} is missing") from error
        while piece := file.read(_PIECE_OCTETS):
            left -= len(piece)
            yield piece
    if left:
        raise StoreDamaged(f"the body file {path.name} has another size than its row says")
