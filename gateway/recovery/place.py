"""Where a data directory is: a copy of it is refused, since two copies of one device break mail.

spec/backup §6.  Whoever copies the directory by hand, restores an old image of the disk elsewhere or
synchronises two computers would run one device twice: epochs, journal and UIDs are numbered by
each.  A guard against mistakes, not against who can edit the file.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from mx_core.db.durable import sync_directory
from mx_core.db.os_failure import translate_os
from mx_core.model.errors import BadConfiguration
from mx_core.notation.hashing import b2

_NAME: Final = "place"
_MACHINE: Final = Path("/etc/machine-id")


def check_place(data: Path, *, moved: bool = False, machine: Path = _MACHINE) -> None:
    """Return if *data* is where it was at its first start; *moved*: it is there from now on.

    Raises:
        BadConfiguration: It is a copy; exit 78.
    """
    path = data / _NAME
    if moved or not path.exists():
        _write(path, machine)
        return
    try:
        said = path.read_text(encoding="ascii").strip()
        inode = path.stat().st_ino
    except (OSError, ValueError) as error:
        raise BadConfiguration(f"{path} cannot be read: {error}") from error
    if said != _told(machine, inode):
        raise BadConfiguration(
            f"{data} is a copy, and two copies of one device break your mail. Start the original."
            " If it is lost, make a new device of a backup: mx-gateway restore FILE, with another"
            " --home. If you have moved it here, and it is nowhere else: mx-gateway up --moved"
        )


def _write(path: Path, machine: Path) -> None:
    """Say that *path*'s directory is here; the name goes to the very file whose inode is told.

    Crash before the rename: the old file or none, and a ``.tmp`` that is replaced.
    """
    temporary = path.with_name(_NAME + ".tmp")
    try:
        temporary.unlink(missing_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            os.write(descriptor, _told(machine, os.fstat(descriptor).st_ino).encode() + b"\n")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        temporary.rename(path)
    except OSError as error:
        raise translate_os(error) from error
    sync_directory(path.parent)


def _told(machine: Path, inode: int) -> str:
    try:
        name = machine.read_bytes().strip()
    except OSError:
        name = b""  # a container may have none; the inode speaks alone
    return b2("MX1.place", [name, str(inode).encode()]).hex()
