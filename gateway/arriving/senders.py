"""Who wrote what arrived: judged from the proof inside, the pin, and the domain's keys.

Asks for keys of a *domain* only; a look-up of a person is never caused by arriving mail.
"""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from gateway.watching.domain_logs import DomainLogs
from gateway.writing.notices import noted_change
from mx_core.directory.reader_check import (
    SenderClaim,
    SenderVerdict,
    Trust,
    is_ahead,
    verify_sender,
)
from mx_core.discovery.finder import Domain, Finder
from mx_core.envelope.ext import Ext, SignedReceipt
from mx_core.envelope.open import OpenedControl
from mx_core.envelope.statement import Kind, PersonSender, Statement
from mx_core.model.address import Address
from mx_core.model.clock import Now
from mx_core.model.errors import PeerUnreachable, UnknownRecipient, Untrusted
from mx_core.passport.card import Card
from mx_core.store.arriving.inbox import ComeFrom
from mx_core.store.people.contact import Contact, Contacts
from mx_core.store.people.relation import Author
from mx_core.tlog.log_proof import LogProof, origin_of
from mx_core.trust.decide import Cause
from mx_core.trust.log_memory import Told
from mx_core.trust.pin import Pin

_LISTENED_TO = frozenset({Trust.IMPLICIT, Trust.ENDORSED, Trust.VERIFIED})
_OTHER_HISTORY = frozenset({Cause.FORK, Cause.ROLLBACK})
_ANSWERED = _LISTENED_TO | {Trust.FIRST}  # an answer to a stranger is let in, if we write one


class JudgedSender(Struct, frozen=True):
    """The verdict, and what is to be remembered once the message's own signature holds."""

    address: Address
    by: PersonSender
    verdict: SenderVerdict
    contact: Contact
    told: tuple[tuple[str, Told], ...] = ()  # (origin, tree): what others have seen of logs
    secret: bytes = b""  # that they give us, for tokens
    invited: bytes = b""  # that they use an invitation of ours
    shown: tuple[Domain, Card] | None = None  # the proof that came along, and whose it is
    receipts: tuple[SignedReceipt, ...] = ()  # that came along; what they say is not judged yet

    @property
    def come_from(self) -> ComeFrom:
        """What decides where the message goes, and what is told of its author's keys."""
        decision = self.verdict.decision
        return ComeFrom(
            Author(self.by.pid, self.address.canonical()),
            doubtful=self.verdict.trust is Trust.REMOVED_DEVICE,
            changes=noted_change(decision, self.verdict.state.seq),
            secret=self.secret,
            invited=self.invited,
        )

    @property
    def has_moved(self) -> bool:
        """Tell whether this is how it became known that they left an address."""
        return Cause.MOVED in self.verdict.notes

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

    async def heard(self, sender: JudgedSender) -> None:
        """Remember what the message shows of logs, now that its signature holds."""
        for origin, told in sender.told:
            await self._logs.hear(origin, told, sender.address.domain)
        if sender.shown is None:
            return
        (domain, card), verdict = sender.shown, sender.verdict
        if _OTHER_HISTORY.intersection(verdict.notes):
            await self._logs.people.forked(
                domain, sender.address.canonical(), card, sender.contact.chain
            )
        elif verdict.trust in _ANSWERED and verdict.state.head == sender.by.head:
            await self._logs.people.saw(domain, sender.address.canonical(), card, verdict.state)

    async def judged(self, opened: OpenedControl) -> JudgedSender:
        """Return whose key must have signed, from claims that are not yet believed.

        Raises:
            Untrusted: Nobody is proved to have written it (spec/card §5), or it is of a kind
                that this version does not take.
            PeerUnreachable: The sender's domain cannot be found, or believed, now, or the proof is
                of a time that has not come by this clock; it is kept.
        """
        claimed = opened.claimed
        taken = claimed.kind in {Kind.MAIL, Kind.RECEIPT}
        if not taken or not isinstance(claimed.by, PersonSender):
            raise Untrusted("kind", "an envelope of a kind that this version does not take")
        address = Address.parse(claimed.sender)
        try:
            domain = await self._finder.find(address.domain)
        except UnknownRecipient as error:
            raise Untrusted("domain-absent", f"nobody vouches for {address.domain}") from error
        try:
            log = await self._logs.watched(domain)
        except Untrusted as error:
            # the domain is in doubt, not the message: it is kept until the person has judged
            raise PeerUnreachable(f"{address.domain} cannot be believed now") from error
        known = await self._contacts.get(address)
        if known is None:
            # who moved is known by their passport, and what was said of them holds
            known = await self._contacts.of_pid(claimed.by.pid)
        now = self._now()
        try:
            verdict = verify_sender(
                opened.proof,
                _claim(claimed, claimed.by, address),
                domain_keys=domain.keys,
                pin=None if known is None else Pin.decode(known.pin),
                known_chain=b"" if known is None else known.chain,
                now=now,
                # held against what was seen of the log afterwards: that may need the network
                log=None if log is None else replace(log, seen=None),
            )
        except Untrusted as error:
            if is_ahead(opened.proof, now):
                raise PeerUnreachable("its proof is of a time that has not come here") from error
            raise
        told = _told(opened, verdict, address)
        contact = Contact(address, verdict.pin.encode(), verdict.chain)
        # of who is in doubt nothing is taken over, not even what our tokens would be made of
        given = Ext.decode(opened.ext) if verdict.trust in _ANSWERED else Ext()
        return JudgedSender(
            address,
            claimed.by,
            verdict,
            contact,
            told,
            given.secret,
            given.invited,
            None if opened.proof is None else (domain, Card.decode(opened.proof)),
            given.receipts,
        )


def _told(
    opened: OpenedControl, verdict: SenderVerdict, address: Address
) -> tuple[tuple[str, Told], ...]:
    """Return the trees that came along: of the proof, signed by its log, and of a contact's word.

    Strangers are not listened to: a word alone can hold up mail to a whole domain.
    """
    found: list[tuple[str, Told]] = []
    if opened.proof is not None and verdict.logged is not None:
        note = LogProof.decode(Card.decode(opened.proof).log_proof or b"").checkpoint
        seen = verdict.logged.seen
        told = Told(seen.size, seen.root, address.domain, note)
        found.append((origin_of(address.domain), told))
    if verdict.trust in _LISTENED_TO:
        for origin, size, root in Ext.decode(opened.ext).checkpoints:
            found.append((origin, Told(size, root, str(address))))
    return tuple(found)


def _claim(claimed: Statement, by: PersonSender, address: Address) -> SenderClaim:
    return SenderClaim(address, by.pid, by.device_id, by.seq, by.head, claimed.created)
