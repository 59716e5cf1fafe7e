"""The body that To and Cc recipients of one submission share; sealed when first needed.

A long one is read, sealed and written a piece at a time: neither the message nor its ciphertext is
ever whole in memory.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from mx_core.envelope.seal import SealedBody, seal_body
from mx_core.model.octets import LONG_OCTETS, Octets
from mx_core.store.bodies.long import LongBody

_LARGE_OCTETS: Final = 256 * 1024  # sealing these would hold up the loop


@dataclass
class SharedBody:
    """See the module; *begin_long* makes the file, which whoever keeps the parcel adopts."""

    octets: Octets
    begin_long: Callable[[], LongBody]
    sealed: SealedBody | None = None
    _files: list[LongBody] = field(default_factory=list)

    async def for_recipient(self, *, hidden: bool) -> SealedBody:
        """Return the shared body, or one of its own for a Bcc recipient (envelope page)."""
        if hidden:
            return await self._seal()
        if self.sealed is None:
            self.sealed = await self._seal()
        return self.sealed

    def end(self) -> None:
        """Remove what was sealed into files that no parcel has."""
        for file in self._files:
            file.discard()

    async def _seal(self) -> SealedBody:
        if len(self.octets) < _LARGE_OCTETS:
            return seal_body(self.octets, secrets.token_bytes)
        if len(self.octets) <= LONG_OCTETS:
            return await asyncio.to_thread(seal_body, self.octets, secrets.token_bytes)
        # Crash here, and until a row names it: a file that the next open removes.
        self._files.append(self.begin_long())
        return await asyncio.to_thread(seal_body, self.octets, secrets.token_bytes, self._files[-1])
