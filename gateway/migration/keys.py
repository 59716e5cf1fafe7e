"""The names under which the ledger knows the messages of one folder of a source.

A source that names its messages (a UID) is believed; elsewhere a message is its digest and
how many of the same came before it in the folder, so that doubles are brought as doubles, and
a file that was moved, renamed or compacted is still known.  docs/spec/imports.md §2.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from gateway.migration.source import SourceFolder
from mx_core.store.ledger.batch import ImportFolderId
from mx_core.store.ledger.imports import Import, Imports

_NUMBER_OCTETS: Final = 4


class Keys:
    """One pass over one folder, in its order."""

    def __init__(
        self,
        imports: Imports,
        before: Import | None,
        folder: SourceFolder,
        row: ImportFolderId | None = None,
    ) -> None:
        """*row* is the folder's in the ledger, looked up when it is first needed."""
        self._imports = imports
        self._before = before
        self._folder = folder
        self._row = row
        self._counts: defaultdict[int, int] = defaultdict(int)  # by 8 octets of the digest

    def names(self, found: Sequence[tuple[bytes, bytes]]) -> list[bytes]:
        """Return the ledger's keys for (own key, digest), in order; counts what it names."""
        return [key or self._next(digest) for key, digest in found]

    async def brought(self, names: Sequence[bytes]) -> set[bytes]:
        """Return those of *names* that were brought before."""
        if self._row is None and self._before is not None:
            self._row = await self._imports.folder_row(self._before.id, self._folder.row)
            if self._row is None:
                self._before = None
        return set() if self._row is None else await self._imports.known(self._row, names)

    async def shared(self, names: Sequence[bytes]) -> set[bytes]:
        """Return those of *names* whose message is here, from whichever folder of the source."""
        if self._before is None or not names:
            return set()
        return await self._imports.known_shared(self._before.id, names)

    def _next(self, digest: bytes) -> bytes:
        short = int.from_bytes(digest[:8], "big")
        number = self._counts[short]
        self._counts[short] = number + 1
        return digest + number.to_bytes(_NUMBER_OCTETS, "big")
