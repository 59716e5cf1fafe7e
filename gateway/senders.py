"""Who wrote what arrived: judged from the proof inside, the pin, and the domain's keys.

Asks for keys of a *domain* only; a look-up of a person is never caused by arriving mail.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from gateway.domain_logs import DomainLogs
from gateway.notices import noted_change
from mx_core.directory.reader_check import SenderClaim, SenderVerdict, Trust, verify_sender
from mx_core.discovery.finder import Finder
from mx_core.envelope.open import OpenedControl
from mx_core.envelope.statement import Kind, PersonSender, Statement
from mx_core.model.address import Address
from mx_core.model.clock import Now
from mx_core.model.errors import UnknownRecipient, Untrusted
from mx_core.store.contact import Contact, Contacts
from mx_core.store.inbox import ComeFrom
from mx_core.store.relation import Author
from mx_core.trust.pin import Pin


@dataclass(frozen=True, slots=True)
class JudgedSender:
    """The verdict, and what is to be remembered once the message's own signature holds."""

    address: Address
    by: PersonSender
    verdict: SenderVerdict
    contact: Contact

    @property
    def come_from(self) -> ComeFrom:
        """What decides where the message goes, and what is told of its author's keys."""
        decision = self.verdict.decision
        return ComeFrom(
            Author(self.by.pid, self.address.canonical()),
            doubtful=self.verdict.trust is Trust.REMOVED_DEVICE,
            changes=noted_change(decision, self.verdict.state.seq),
        )

    @property
    def sign_pk(self) -> bytes:
        """The key that must have signed the statement."""
        return self.verdict.sign_pk


class Senders:
    """See the module."""

    def __init__(self, finder: Finder, logs: DomainLogs, contacts: Contacts, now: Now) -> None:
        """Nothing is asked before ``judged``."""
        self._logs = logs
        self._finder = finder
        self._contacts = contacts
        self._now = now

    async def judged(self, opened: OpenedControl) -> JudgedSender:
        """Return whose key must have signed, from claims that are not yet believed.

        Raises:
            Untrusted: Nobody is proved to have written it (spec/card §5), or it is of a kind
                that this version does not take.
            PeerUnreachable: The sender's domain cannot be found now; the server keeps it.
        """
        claimed = opened.claimed
        if claimed.kind is not Kind.MAIL or not isinstance(claimed.by, PersonSender):
            raise Untrusted("kind", "an envelope of a kind that this version does not take")
        address = Address.parse(claimed.sender)
        try:
            domain = await self._finder.find(address.domain)
        except UnknownRecipient as error:
            raise Untrusted("domain-absent", f"nobody vouches for {address.domain}") from error
        log = await self._logs.watched(domain)
        known = await self._contacts.get(address)
        verdict = verify_sender(
            opened.proof,
            _claim(claimed, claimed.by, address),
            domain_keys=domain.keys,
            pin=None if known is None else Pin.decode(known.pin),
            known_chain=b"" if known is None else known.chain,
            now=self._now(),
            # held against what was seen of the log afterwards: that may need the network
            log=None if log is None else replace(log, seen=None),
        )
        contact = Contact(address, verdict.pin.encode(), verdict.chain)
        return JudgedSender(address, claimed.by, verdict, contact)


def _claim(claimed: Statement, by: PersonSender, address: Address) -> SenderClaim:
    return SenderClaim(address, by.pid, by.device_id, by.seq, by.head, claimed.created)
