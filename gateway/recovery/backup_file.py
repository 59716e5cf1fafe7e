"""A backup as a file: written sealed in one pass, and unpacked again.  docs/spec/backup.md.

Blocking; called on a thread.  Knows the container and the contents, nothing of passports.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Final

from mx_core.db.durable import make_folder, sync_directory, write_new
from mx_core.db.os_failure import translate_os
from mx_core.model.errors import Refused
from mx_core.model.secret import Secret
from mx_core.recovery.contents import Contents, Manifest
from mx_core.recovery.sealed import KEY_OCTETS, read_head, seal, unseal
from mx_core.recovery.sheet import Sheet
from mx_core.store.account_store import BODIES
from mx_core.store.copying import COPY, pieces_of

_PART: Final = ".part"


def write(target: Path, backup_public: bytes, manifest: Manifest, copy: Path, bodies: Path) -> int:
    """Write the backup *target*, which must not exist; return its size in octets.

    Crash on the way: a file ``….part``, which the next backup of that name replaces.

    Raises:
        Refused: It exists, or its folder cannot be written.
        DiskFull, StoreDamaged: There is no room, or a body is missing.
    """
    if target.exists():
        raise Refused(f"{target} exists already: a backup is a new file")
    part = target.with_name(target.name + _PART)
    plain = chain(
        [manifest.encode()],
        pieces_of(copy, manifest.database_octets),
        *(pieces_of(bodies / name.hex(), size) for name, size in manifest.bodies),
    )
    key = Secret(secrets.token_bytes(KEY_OCTETS))
    try:
        part.unlink(missing_ok=True)
        write_new(part, seal(backup_public, key, manifest.created, plain))
        part.rename(target)
        sync_directory(target.parent)
        return target.stat().st_size
    except OSError as error:
        failure = translate_os(error)
        if failure is error:
            raise Refused(f"{target} cannot be written: {error.strerror}") from error
        raise failure from error


def unpack(source: Path, sheet: Sheet, folder: Path) -> Manifest:
    """Put what the backup *source* holds into the new *folder*: ``copy.db`` and body files.

    Raises:
        Refused: It is no backup, is damaged, or was made for another sheet.
        DiskFull: There is no room.
    """
    make_folder(folder)
    make_folder(folder / BODIES)
    try:
        with source.open("rb") as file:
            contents = Contents(unseal(read_head(file.read), sheet.backup_secret, file.read))
            manifest = contents.manifest()
            _put(folder / COPY, contents.take(manifest.database_octets))
            for name, size in manifest.bodies:
                _put(folder / BODIES / name.hex(), contents.take(size))
            contents.end()
        return manifest
    except OSError as error:
        raise Refused(f"{source} cannot be read: {error.strerror}") from error


def _put(path: Path, pieces: Iterator[bytes]) -> None:
    """Write a file whose name becomes durable with the whole folder's."""
    try:
        with path.open("xb") as file:
            for piece in pieces:
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise translate_os(error) from error
