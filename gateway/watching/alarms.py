"""What the gateway has to say when a domain lies about keys: one letter in INBOX, with the proof.

The evidence is kept where the person keeps everything else.  Spec/transparency §9.
"""

from __future__ import annotations

from gateway.writing.warning import contradiction_letter, foreign_letter
from mx_core.directory.evidence import Evidence
from mx_core.mime.prepare import prepare
from mx_core.model.address import Address
from mx_core.model.clock import Now
from mx_core.model.mailbox_name import INBOX
from mx_core.store.relations import Relations


class Alarms:
    """One account's letters about domains that contradict themselves."""

    def __init__(self, relations: Relations, own: Address, now: Now) -> None:
        """Write nothing yet."""
        self._relations = relations
        self._own = own
        self._now = now

    async def contradicted(self, evidence: Evidence) -> None:
        """Tell that a domain's log contradicts itself."""
        await self._write(
            contradiction_letter(self._own, evidence.domain, evidence.encode(), int(self._now()))
        )

    async def foreign(self, evidence: Evidence) -> None:
        """Tell that the own domain's log holds a key for this account that is not its own."""
        await self._write(foreign_letter(self._own, evidence.encode(), int(self._now())))

    async def _write(self, octets: bytes) -> None:
        # Crash before the commit: no letter; the contradiction is found again.
        await self._relations.write_note(INBOX, octets, prepare, [])
