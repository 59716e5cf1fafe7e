"""Where whole large bodies lie, and what each is called there: the port under ``BlobStore``.

A body is put under a name that nobody had before and nobody will have again, so whoever removes
one can not meet whoever puts the same octets: no lock, no question inside a transaction.  The
row of the body says under which name it lies (ADR 0023).
"""

from __future__ import annotations

import re
import secrets
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

FOUND_AT_ONCE: Final = 1_000
_NAME: Final = re.compile(r"([0-9a-f]{2})/([0-9a-f]{62})(-[0-9a-f]{16})?")


@dataclass(frozen=True, slots=True)
class Found:
    """One body that lies there; *changed* in seconds of the depot's own clock."""

    place: str
    changed: float


class Depot(Protocol):
    """A folder of files, or a bucket of objects.

    Each call raises Unavailable where the same may be done later, DiskFull where there is no
    room, StoreDamaged where it failed to keep what it had confirmed.
    """

    @property
    def far(self) -> bool:
        """Tell whether it is behind a network: nothing is asked of it that need not be."""

    @property
    def sentence(self) -> str:
        """Say for a person where it is."""

    async def prepare(self) -> None:
        """Make it ready to take, once, at the start."""

    async def put(self, place: str, octets: bytes) -> None:
        """Keep *octets* under the new name *place*; durable when this returns.

        Crash before it returns: all, a part or nothing lies there, and no row names it.
        """

    async def take(self, place: str, path: Path) -> None:
        """As ``put``, of the whole local file *path*, which is on the disk; it may be gone after."""

    async def piece(self, place: str, offset: int, length: int) -> bytes:
        """Return the octets from *offset* on, fewer than *length* only where the body ends.

        Raises:
            BlobMissing: Nothing lies there.
        """

    async def holds(self, place: str) -> bool:
        """Tell whether something lies there."""

    async def remove(self, place: str) -> None:
        """Let nothing lie there."""

    def found(self) -> AsyncIterator[Sequence[Found]]:
        """Yield all that lies there under names of ours, at most FOUND_AT_ONCE at once."""

    async def copy_in(self, place: str, size: int, path: Path) -> None:
        """Keep a copy of the file *path*, which was copied out, unless it is there.

        Raises:
            StoreDamaged: The file is not there, or has not *size* octets.
        """

    async def copy_out(self, place: str, size: int, path: Path) -> None:
        """Make the new file *path* of what lies there; on the disk when this returns.

        Raises:
            StoreDamaged: Nothing lies there, or not *size* octets.
        """

    async def close(self) -> None:
        """Give back what it holds."""


def new_place(blob_id: bytes) -> str:
    """Return a name for the body *blob_id* that nobody had before."""
    return f"{first_place(blob_id)}-{secrets.token_hex(8)}"


def first_place(blob_id: bytes) -> str:
    """Return the name of bodies whose row names none: there was one for each body."""
    name = blob_id.hex()
    return f"{name[:2]}/{name[2:]}"


def blob_of(place: str) -> bytes | None:
    """Return whose name *place* is, or None if it is none of ours."""
    match = _NAME.fullmatch(place)
    return bytes.fromhex(match[1] + match[2]) if match else None
