"""What an import would bring: counts, sizes, doubles, time and room.  Stores nothing.

Every import begins with a look, so that it can say how far it is and refuses a disk that is
too small before it has filled it; a dry run is a look and nothing else.
"""

from __future__ import annotations

import asyncio
import shutil
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any, Final

from msgspec import Struct, field

from gateway.migration.keys import Keys
from gateway.migration.naming import mailbox_for
from gateway.migration.source import Source, Trouble, Weight
from mx_core.model.errors import DiskFull
from mx_core.store.ledger.imports import Import, Imports

_MESSAGES_A_SECOND: Final = 500  # on the machines that were measured; see bench/README
_OCTETS_A_SECOND: Final = 15_000_000
_DAY_SECONDS: Final = 86_400
_STORED_SHARE: Final = 1.4  # what octets become with their index
_STORED_OCTETS: Final = 8_000  # and of each message, whatever its size
_SPARE_OCTETS: Final = 256 * 1024 * 1024
_TROUBLES_SHOWN: Final = 20


class FolderLook(Struct):
    """What one folder holds."""

    name: str
    mailbox: str
    messages: int = 0
    octets: int = 0
    known: int = 0  # brought by an earlier import of this source


class Look(Struct):
    """What a source holds, as far as it has been looked at."""

    folders: list[FolderLook] = field(default_factory=list)
    troubles: list[Trouble] = field(default_factory=list)
    left_out: int = 0  # how many troubles there are
    doubles: int = 0
    largest: int = 0
    encrypted: Counter[str] = field(default_factory=Counter)  # by kind; docs/spec/decrypting.md
    octets_a_day: int = 0  # what the source's server gives in a day; 0: no bound is known
    done: bool = False

    @property
    def messages(self) -> int:
        """Return how many messages there are."""
        return sum(folder.messages for folder in self.folders)

    @property
    def octets(self) -> int:
        """Return how many octets they have."""
        return sum(folder.octets for folder in self.folders)

    @property
    def seconds(self) -> int:
        """Return about how long it takes to bring what is new."""
        new = self.messages - sum(folder.known for folder in self.folders)
        share = new / self.messages if self.messages else 0.0
        octets = share * self.octets
        days = octets / self.octets_a_day if self.octets_a_day else 0.0
        return round(max(new / _MESSAGES_A_SECOND, octets / _OCTETS_A_SECOND, days * _DAY_SECONDS))

    @property
    def room_octets(self) -> int:
        """Return about how much room it takes on the disk."""
        new = self.messages - sum(folder.known for folder in self.folders)
        share = new / self.messages if self.messages else 0.0
        return int(share * self.octets * _STORED_SHARE) + new * _STORED_OCTETS

    def as_json(self) -> dict[str, Any]:
        """Return what the command line shows."""
        return {
            "folders": [
                {
                    "name": each.name, "mailbox": each.mailbox, "messages": each.messages,
                    "octets": each.octets, "known": each.known,
                }
                for each in self.folders
            ],
            "troubles": [[each.where, each.why] for each in self.troubles],
            "left_out": self.left_out,
            "messages": self.messages,
            "octets": self.octets,
            "doubles": self.doubles,
            "largest": self.largest,
            "encrypted": dict(self.encrypted),
            "seconds": self.seconds,
            "room_octets": self.room_octets,
            "done": self.done,
        }  # fmt: skip

    def leave(self, trouble: Trouble) -> None:
        """Count what can not be brought, and keep the first of it to be shown."""
        self.left_out += 1
        if len(self.troubles) < _TROUBLES_SHOWN:
            self.troubles.append(trouble)


async def look(
    source: Source, imports: Imports, before: Import | None, into: str, seen: Look,
    *, kinds: bool = False,
) -> None:  # fmt: skip
    """Read all of *source* and fill *seen*, which others may show meanwhile.

    *kinds*: count what is encrypted also where the source has to be asked for it.
    """
    digests: set[bytes] = set()
    folders = await source.folders()
    seen.octets_a_day = source.octets_a_day
    for folder in folders:
        if isinstance(folder, Trouble):
            seen.leave(folder)
            continue
        mailbox = mailbox_for(folder.levels, into)
        here = FolderLook("/".join(folder.levels), mailbox)
        seen.folders.append(here)
        keys = Keys(imports, before, folder)
        await _look_at(source.weigh(folder, kinds=kinds), keys, seen, here, digests)
    seen.done = True


async def _look_at(
    weighing: AsyncIterator[Sequence[Weight | Trouble]], keys: Keys, seen: Look, here: FolderLook,
    digests: set[bytes],
) -> None:  # fmt: skip
    async for weighed in weighing:
        await asyncio.sleep(0)
        found = [each for each in weighed if not isinstance(each, Trouble)]
        for trouble in (each for each in weighed if isinstance(each, Trouble)):
            seen.leave(trouble)
        names = keys.names([(each.key, each.digest) for each in found])
        here.known += len(await keys.brought(names))
        for each in found:
            here.messages += 1
            here.octets += each.octets
            if each.encrypted is not None:
                seen.encrypted[each.encrypted.value] += 1
            seen.largest = max(seen.largest, each.octets)
            if each.digest:
                before = len(digests)
                digests.add(each.digest[:8])
                seen.doubles += len(digests) == before


def check_room(seen: Look, folder: Path) -> None:
    """Raise DiskFull if what was seen does not fit where *folder* is."""
    free = shutil.disk_usage(folder).free
    if seen.room_octets + _SPARE_OCTETS > free:
        raise DiskFull(
            f"the import needs about {_mib(seen.room_octets + _SPARE_OCTETS)} MiB, and the disk of"
            f" {folder} has {_mib(free)} MiB left"
        )


def _mib(octets: int) -> int:
    return -(-octets // (1024 * 1024))
