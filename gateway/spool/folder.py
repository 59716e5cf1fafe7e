"""Sealed letters on the disk, one file each, durable before ``sendmail`` ends with 0.

Knows no letter and no private key.  A name is 20 hex digits and rises with time; it becomes the
queue id, by which a letter that is taken in twice is known.
"""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Final

from nacl.public import PublicKey

from mx_core.db.durable import make_folder, sync_directory, write_file
from mx_core.model.errors import BadConfiguration, OverQuota, Refused

_KEY: Final = "key"
_NAME: Final = re.compile(r"[0-9a-f]{20}")
LETTERS_MAX: Final = 10_000
_STALE_SECONDS: Final = 3600.0  # of a file half written by a program that was killed


class Spool:
    """The folder ``spool`` of a gateway's data."""

    def __init__(self, folder: Path) -> None:
        """*folder* may be missing until ``publish``."""
        self._folder = folder

    def publish(self, key: PublicKey) -> None:
        """Say to which key letters are sealed, and sweep what killed programs left."""
        make_folder(self._folder)
        write_file(self._folder / _KEY, bytes(key).hex().encode() + b"\n")
        for path in self._folder.glob("*.tmp"):
            if path.stat().st_mtime < time.time() - _STALE_SECONDS:
                path.unlink(missing_ok=True)

    def public_key(self) -> PublicKey:
        """Return the key to seal to; raises BadConfiguration: no gateway was ever started here."""
        try:
            text = (self._folder / _KEY).read_text(encoding="ascii")
            return PublicKey(bytes.fromhex(text))
        except (OSError, ValueError, TypeError) as error:
            raise BadConfiguration(
                "the gateway has never run here; start it once: mx-gateway up"
            ) from error

    def put(self, name: str, octets: bytes) -> None:
        """Keep a sealed letter; on the disk when this returns.

        Crash before the rename: a ``.tmp`` file, swept later; nobody was told that it is kept.

        Raises:
            OverQuota: Too many wait.  DiskFull: There is no room.
        """
        if len(self.names()) >= LETTERS_MAX:
            raise OverQuota(f"{LETTERS_MAX} messages wait for the gateway; start it")
        write_file(self._folder / name, octets)

    def names(self) -> list[str]:
        """Return what waits, oldest first."""
        if not self._folder.is_dir():
            return []
        return sorted(p.name for p in self._folder.iterdir() if _NAME.fullmatch(p.name))

    def get(self, name: str) -> bytes:
        """Return one sealed letter; raises Refused: it is not there (any more)."""
        if not _NAME.fullmatch(name):
            raise Refused("that is no name of a message in the spool")
        try:
            return (self._folder / name).read_bytes()
        except FileNotFoundError:
            raise Refused("that message is not in the spool any more") from None

    def remove(self, name: str) -> None:
        """Let go of a letter that the outbox holds, or that was refused.

        Crash before this: it is taken in again, and known by its name.
        """
        (self._folder / name).unlink(missing_ok=True)
        sync_directory(self._folder)

    def set_aside(self, name: str) -> None:
        """Keep a file that does not open, for a person to look at, where it is not tried again."""
        (self._folder / name).rename(self._folder / f"{name}.unreadable")
