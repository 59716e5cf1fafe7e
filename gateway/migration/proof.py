"""After an import: the source is read again, and so is the store; both must hold the same.

Three tallies of each folder: what the source holds now, what the ledger says was brought, and
what the store gives back.  The tallies are sums of BLAKE2b digests, so that order is nothing.
docs/spec/imports.md §4.
"""

from __future__ import annotations

from typing import Any, Final

from msgspec import Struct

from gateway.migration.giving_back import GivingBack
from gateway.migration.keys import Keys
from gateway.migration.naming import mailbox_for
from gateway.migration.source import Source, SourceFolder, Tally, Trouble, digest_of
from mx_core.store.ledger.imports import Import, Imports

_AT_ONCE: Final = 50


class FolderProof(Struct, frozen=True):
    """One folder, three times."""

    name: str
    mailbox: str
    source: Tally
    missing: int  # messages of the source that the ledger does not hold
    ledger: Tally
    stored: Tally
    removed: int  # brought, and removed since
    altered: int  # stored octets are not those that were brought

    @property
    def holds(self) -> bool:
        """Tell whether everything that the source holds is here, octet for octet."""
        return not self.missing and not self.altered

    def as_json(self) -> dict[str, Any]:
        """Return what the command line shows and the ledger keeps."""
        return {
            "name": self.name, "mailbox": self.mailbox, "holds": self.holds,
            "source": [self.source.messages, self.source.octets, self.source.name],
            "brought": [self.ledger.messages, self.ledger.name],
            "stored": [self.stored.messages, self.stored.octets, self.stored.name],
            "missing": self.missing, "removed": self.removed, "altered": self.altered,
        }  # fmt: skip


async def prove(
    source: Source, imports: Imports, record: Import, into: str, memory: GivingBack
) -> list[FolderProof]:
    """Return the proof of each folder; reads the whole source and all that was stored."""
    return [
        await _prove(source, imports, record, into, folder, memory)
        for folder in await source.folders()
        if not isinstance(folder, Trouble)
    ]


async def _prove(
    source: Source, imports: Imports, record: Import, into: str, folder: SourceFolder,
    memory: GivingBack,
) -> FolderProof:  # fmt: skip
    keys = Keys(imports, record, folder)
    there, missing = Tally(), 0
    async for weighed in source.weigh(folder):
        found = [each for each in weighed if not isinstance(each, Trouble)]
        names = keys.names([(each.key, each.digest) for each in found])
        missing += len(set(names) - await keys.brought(names))
        for each in found:
            there = there.plus(each.digest, each.octets)
    ledger, stored, removed, altered = Tally(), Tally(), 0, 0
    row, after = await imports.folder_row(record.id, folder.row), 0
    while row is not None and (rows := await imports.stored(row, after, _AT_ONCE, digest_of)):
        for one in rows:
            ledger = ledger.plus(one.digest, 0)
            if one.now is None:
                removed += 1
                continue
            stored = stored.plus(one.now, one.octets)
            altered += one.now != one.digest
        after = rows[-1].message
        await memory.passed(sum(one.octets for one in rows))
    return FolderProof(
        "/".join(folder.levels),
        mailbox_for(folder.levels, into),
        there,
        missing,
        ledger,
        stored,
        removed,
        altered,
    )
