"""What the gateway has to say when a domain lies about keys: one letter in INBOX, with the proof.

The evidence is kept where the person keeps everything else.  Spec/transparency §9.
"""

from __future__ import annotations

from gateway.watching.incidents import of_evidence
from gateway.writing.warning import contradiction_letter, foreign_letter, person_letter
from mx_core.directory.evidence import Evidence
from mx_core.mime.prepare import prepare
from mx_core.model.address import Address
from mx_core.model.clock import Now
from mx_core.model.mailbox_name import INBOX
from mx_core.store.people.evidence import KeptEvidence
from mx_core.store.people.relations import Relations


class Alarms:
    """One account's letters about domains that contradict themselves."""

    def __init__(self, relations: Relations, own: Address, now: Now) -> None:
        """Write nothing yet."""
        self._relations = relations
        self._own = own
        self._now = now

    async def contradicted(self, evidence: Evidence) -> None:
        """Tell that a domain's log contradicts itself."""
        now, bundle = int(self._now()), evidence.encode()
        letter = contradiction_letter(self._own, evidence.domain, bundle, now)
        await self._write(letter, evidence, str(now), "")

    async def foreign(self, evidence: Evidence) -> None:
        """Tell that the own domain's log holds a key for this account that is not its own."""
        now, bundle = int(self._now()), evidence.encode()
        await self._write(foreign_letter(self._own, bundle, now), evidence, str(now), "")

    async def of_person(self, evidence: Evidence, about: str, whom: str) -> bool:
        """Tell what was seen of *whom*; False: it was told before, as *about*."""
        now, bundle = int(self._now()), evidence.encode()
        letter = person_letter(self._own, whom, evidence.kind, bundle, now)
        return await self._write(letter, evidence, about, whom)

    async def _write(self, letter: bytes, evidence: Evidence, about: str, whom: str) -> bool:
        kept = KeptEvidence(
            int(evidence.kind), evidence.domain, about, int(self._now()), evidence.encode()
        )
        # Crash before the commit: no letter; the contradiction is found again.  After it: the
        # message that it was found with is held by the next start, without a letter of its own.
        incident = of_evidence(evidence, whom, self._own)
        return await self._relations.write_evidence(INBOX, letter, prepare, kept, incident)
