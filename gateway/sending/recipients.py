"""Whom we write to: their cards, looked up and verified against what is pinned."""

from __future__ import annotations

import asyncio
from typing import Final
from weakref import WeakValueDictionary

from msgspec.structs import replace

from gateway.sending.franking import Franking
from gateway.sending.kept_cards import Found, HeldCard, KeptCards
from gateway.watching.domain_logs import DomainLogs
from gateway.writing.notices import noted_change
from mx_core.admission.token import look_up_token
from mx_core.carrier_port import Carrier
from mx_core.directory.proving import Moved, WatchedLog
from mx_core.directory.reader_check import is_ahead
from mx_core.directory.sender_check import Recipient, check_pin, followed, verify_card
from mx_core.discovery.finder import Domain, Finder
from mx_core.envelope.ext import Gossip
from mx_core.model.address import Address
from mx_core.model.clock import Now
from mx_core.model.errors import MailError, Unavailable, Untrusted
from mx_core.model.ids import Pid
from mx_core.passport.card import Card
from mx_core.passport.chain import verify_chain
from mx_core.passport.entry import decode_chain
from mx_core.passport.state import State
from mx_core.store.people.contact import Contact, Contacts
from mx_core.store.people.stand_in import StandIn, StandIns
from mx_core.tlog.log_proof import LogProof
from mx_core.trust.decide import causes_between, is_device_gone
from mx_core.trust.pin import Pin, accept

_OTHER_HISTORY: Final = frozenset({"fork", "rollback"})
_MOVES_MAX: Final = 3  # one after the other, from an address that was known


class Recipients:
    """Look-ups are caused by sending only, one at a time for each address."""

    def __init__(
        self,
        carrier: Carrier,
        finder: Finder,
        logs: DomainLogs,
        contacts: Contacts,
        franking: Franking,
        now: Now,
        stand_ins: StandIns | None = None,
    ) -> None:
        """Nothing is asked before ``verified``.  *stand_ins*: who stands for ordinary addresses."""
        self._stand_ins = stand_ins
        self._logs = logs
        self._finder = finder
        self._contacts = contacts
        self._now = now
        self._cards = KeptCards(carrier, franking, now)
        self._turns: WeakValueDictionary[Address, asyncio.Lock] = WeakValueDictionary()

    async def verified(self, address: Address, *, since: float = 0.0) -> Recipient:
        """Return the record to seal by, from a card that was verified just now.

        While the server cannot be reached, the last card serves as long as identity §5 lets it;
        but none that was asked for before *since*.

        Raises:
            UnknownRecipient: Nobody there.  Unavailable: Try later.
            Untrusted: Something does not prove itself; the message is held.
        """
        stand_in = await self._stands_for(address)
        asked, left = await self._last_known(
            address.canonical() if stand_in is None else stand_in.address
        )
        for _ in range(_MOVES_MAX + 1):
            try:
                found = await self._verified_at(asked, left, since)
            except Moved as moved:
                asked, left = moved.state.address, moved.state
            else:
                if stand_in is not None and found.pid != stand_in.pid:
                    raise Untrusted(
                        "other-pid", f"{found.address} is not who stood for {address} any more"
                    )
                return found if left is None else followed(found, left)
        raise Untrusted("moved", f"{address} has moved too often to be followed")

    async def _stands_for(self, address: Address) -> StandIn | None:
        return None if self._stand_ins is None else await self._stand_ins.of(address)

    async def _last_known(self, asked: Address) -> tuple[Address, State | None]:
        """Return where the person of *asked* lives, if they are known to have moved.

        The old domain is not asked any more: it may be gone, or show them as they were.
        """
        newest: State | None = None
        for contact in await self._contacts.elsewhere(asked):
            try:
                state = verify_chain(decode_chain(contact.chain), now=self._now())
            except Untrusted:
                continue  # a cache; the old domain is asked
            there = contact.address == state.address and asked in state.former
            if there and (newest is None or state.seq > newest.seq):
                newest = state
        return (asked, None) if newest is None else (newest.address, newest)

    async def _verified_at(self, asked: Address, left: State | None, since: float) -> Recipient:
        """Verify the card of *asked*; *left*: what was shown where the person was before."""
        turn = self._turns.setdefault(asked, asyncio.Lock())
        async with turn:
            # the domain first: who is not on the network is not asked for at any server
            domain = await self._finder.find(asked.domain)
            log = await self._logs.ready(domain)
            contact = await self._contacts.get(asked)
            held = await self._cards.get(asked, log, contact, since)
            if contact is None and left is not None:
                # what was said of the person holds wherever they go
                contact = await self._contacts.of_pid(left.pid)
            now, keys = self._now(), tuple(domain.keys)
            known = held.found if contact is not None and contact.address == asked else None
            if known is not None and contact and known.holds(now, keys, log, contact.pin):
                return known.recipient
            try:
                recipient = verify_card(
                    held.card,
                    asked=asked,
                    domain_keys=keys,
                    pin=None if contact is None else Pin.decode(contact.pin),
                    now=now,
                    card_age=now - held.fetched,
                    log=None if log is None else replace(log, shown=held.shown),
                )
            except MailError as error:
                if held.shown is None:
                    # its proof leads from a tree that may be passed by then
                    self._cards.drop(asked)
                if isinstance(error, Untrusted) and is_ahead(held.card, now):
                    raise Unavailable(
                        f"what {asked.domain} says of its keys is of a time that has not come here:"
                        " the clock of this computer may be behind"
                    ) from error
                if isinstance(error, Untrusted):
                    await self._look_closer(error, domain, log, held.card, contact)
                if isinstance(error, Moved) and contact is not None:
                    check_pin(Pin.decode(contact.pin), error.state)
                raise
            await self._remember(held, recipient)
            await self._logs.people.saw(domain, asked, Card.decode(held.card), recipient.state)
            pinned = recipient.pin.encode()
            if contact is None or contact.address != asked or contact.pin != pinned:
                # Crash before this: pinned at the next use, from a card verified again.
                await self._contacts.put(
                    Contact(asked, pinned, recipient.chain),
                    changes=noted_change(recipient.decision, recipient.seq),
                )
            held.found = Found(recipient, pinned, now, keys, log)
            return recipient

    async def accepted(self, address: Address) -> None:
        """Pin what the home server shows now, because the person has accepted it.

        Raises:
            UnknownRecipient: Nobody there.  Unavailable: Try later.
            Untrusted: It does not even prove itself; nothing can be accepted.
        """
        stand_in = await self._stands_for(address)
        asked = address.canonical() if stand_in is None else stand_in.address
        turn = self._turns.setdefault(asked, asyncio.Lock())
        async with turn:
            domain = await self._finder.find(asked.domain)
            log = await self._logs.ready(domain)
            held = await self._cards.ask(asked, log, await self._contacts.get(asked))
            now = self._now()
            found = verify_card(
                held.card,
                asked=asked,
                domain_keys=domain.keys,
                pin=None,
                now=now,
                log=log,
            )
            await self._remember(held, found)
            await self._logs.people.forget(asked)
            contact = await self._contacts.get(asked)
            pin, lost = found.pin, False
            if contact is not None:
                before = Pin.decode(contact.pin)
                pin = accept(
                    before,
                    found.state,
                    now=now,
                    suite=found.suite,
                    map_version=found.pin.map_version,
                )
                lost = is_device_gone(causes_between(before, found.state, now=now))
            # Crash before this: nothing is accepted, and what was held is held.
            await self._contacts.put(Contact(asked, pin.encode(), found.chain), lost=lost)
            self._cards.keep(asked, held)

    async def introduced(self, address: Address, pid: Pid, tag: bytes) -> Contact:
        """Return the contact to keep for *pid*, who is at *address* and knows us by *tag*.

        Raises:
            UnknownRecipient: Nobody there, or the invitation lets in no more.
            Unavailable: Try later.
            Untrusted: ``other-pid``, or what ``verified`` raises.
        """
        asked = address.canonical()
        for _ in range(_MOVES_MAX + 1):
            try:
                return await self._introduced_at(asked, pid, tag)
            except Moved as moved:
                asked = moved.state.address
        raise Untrusted("moved", f"{address} has moved too often to be followed")

    async def _introduced_at(self, asked: Address, pid: Pid, tag: bytes) -> Contact:
        async with self._turns.setdefault(asked, asyncio.Lock()):
            domain = await self._finder.find(asked.domain)
            log = await self._logs.ready(domain)
            held = await self._cards.ask_by(asked, log, look_up_token(tag, str(asked)))
            contact, now = await self._contacts.of_pid(pid), self._now()
            found = verify_card(
                held.card,
                asked=asked,
                domain_keys=domain.keys,
                pin=None if contact is None else Pin.decode(contact.pin),
                now=now,
                log=log,
            )
            if found.pid != pid:
                raise Untrusted(
                    "other-pid",
                    f"{asked} is shown with another passport than the one of the invitation;"
                    " ask for a new one, by another way than mail",
                )
            await self._remember(held, found)
            self._cards.keep(asked, held)
            return Contact(asked, found.pin.encode(), found.chain)

    async def is_known(self, address: Address) -> bool:
        """Tell whether *address* was ever verified and pinned."""
        known = await self._contacts.get(address) is not None
        return known or await self._stands_for(address) is not None

    async def _remember(self, held: HeldCard, found: Recipient) -> None:
        """Remember the tree that the card was proved in; its proof is not checked again."""
        if held.shown is None and found.logged is not None:
            proof = Card.decode(held.card).log_proof or b""
            await self._logs.accepted(
                found.address.domain, found.logged, LogProof.decode(proof).checkpoint
            )
            held.shown = found.logged

    async def _look_closer(
        self,
        refusal: Untrusted,
        domain: Domain,
        log: WatchedLog | None,
        card: bytes,
        contact: Contact | None,
    ) -> None:
        """Keep evidence, if the refused *card* contradicts what its domain has signed."""
        people = self._logs.people
        if refusal.failure in _OTHER_HISTORY and contact is not None:
            shown = Card.decode(card)
            await people.forked(domain, shown.address, shown, contact.chain)
        if refusal.failure != "proof" or log is None:
            return
        try:
            shown = Card.decode(card)
            proof = LogProof.decode(shown.log_proof or b"")
        except Untrusted:
            return
        await self._logs.refused(domain, log.seen, proof.checkpoint, proof.consistency)
        cause = refusal.__cause__
        if isinstance(cause, Untrusted) and cause.failure == "logged":
            pin = None if contact is None else Pin.decode(contact.pin)
            await people.unlogged(domain, log, shown.address, shown, pin)

    async def gossip(self, *domains: str) -> tuple[Gossip, ...]:
        """Return the trees of logs that whoever is written to may compare with theirs."""
        return await self._logs.gossip(*domains)
