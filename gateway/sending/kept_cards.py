"""The cards of whom we write to, as their home servers gave them: asked for, and kept for a while.

Beside each is what was found of it, so that a burst of mail to one person judges their card once.
What a card proves is not known here.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from msgspec import Struct

from gateway.sending.franking import Franking
from mx_core.carrier_port import Carrier
from mx_core.directory.proving import WatchedLog
from mx_core.directory.sender_check import Recipient
from mx_core.model.address import Address
from mx_core.model.clock import Now
from mx_core.model.errors import Unavailable, UnknownRecipient
from mx_core.store.people.contact import Contact
from mx_core.tlog.log_proof import Logged
from mx_core.trust.pin import Pin

_FRESH_SECONDS: Final = 900.0  # a card this young is not asked for again
_FOUND_SECONDS: Final = 60.0  # judging a card costs a millisecond; of a person's burst only once
_CARDS_KEPT: Final = 1_000


class Found(Struct, frozen=True):
    """What a card was found to say, and all that this was judged by."""

    recipient: Recipient
    pinned: bytes  # as the contact holds it
    at: float
    keys: tuple[bytes, ...]
    log: WatchedLog | None

    def holds(
        self, now: float, keys: tuple[bytes, ...], log: WatchedLog | None, pin: bytes
    ) -> bool:
        """Tell whether judging again would find the same: nothing it depends on has changed."""
        return (
            0 <= now - self.at < _FOUND_SECONDS
            and (self.keys, self.log) == (keys, log)
            and self.pinned == pin
        )


class HeldCard(Struct):
    """A card, and when it came (unix seconds); whoever judges it writes down what they found."""

    card: bytes
    fetched: float
    shown: Logged | None = None  # what its log proof showed, once it was checked
    found: Found | None = None

    def is_passed(self, contact: Contact | None) -> bool:
        """Tell whether a letter of theirs has shown since that they went on from its state."""
        found = self.found
        if found is None or contact is None or contact.pin == found.pinned:
            return False
        pin = Pin.decode(contact.pin)
        return pin.pid == found.recipient.pid and pin.seq > found.recipient.seq


class KeptCards:
    """Of one account.  Whoever asks takes care that nobody else asks of the same address."""

    def __init__(self, carrier: Carrier, franking: Franking, now: Now) -> None:
        """*franking* makes the token by which those who answer contacts only know us."""
        self._carrier = carrier
        self._franking = franking
        self._now = now
        self._kept: OrderedDict[Address, HeldCard] = OrderedDict()

    async def get(
        self, asked: Address, log: WatchedLog | None, contact: Contact | None, since: float
    ) -> HeldCard:
        """Return a card that is fresh, or, while the server cannot be reached, the last one.

        But none that came before *since* (unix seconds), or from which its person went on.

        Raises:
            UnknownRecipient: Nobody there.  Unavailable: Try later.
        """
        held = self._kept.get(asked)
        if held is not None and (held.fetched < since or held.is_passed(contact)):
            held = None
        now = self._now()
        if held is not None and now < held.fetched + _FRESH_SECONDS:
            return held
        try:
            held = await self.ask(asked, log, contact)
        except Unavailable:
            if held is None:
                raise
            return held
        self.keep(asked, held)
        return held

    async def ask(
        self, asked: Address, log: WatchedLog | None, contact: Contact | None
    ) -> HeldCard:
        """Return the card that the home server of *asked* shows us now; it is not kept.

        Raises:
            UnknownRecipient: Nobody there.  Unavailable: Try later.
        """
        token = await self._franking.look_up_token(asked, contact)
        try:
            return await self.ask_by(asked, log, token)
        except UnknownRecipient:
            if not await self._franking.try_other(contact):
                raise
        return await self.ask_by(asked, log, await self._franking.look_up_token(asked, contact))

    async def ask_by(self, asked: Address, log: WatchedLog | None, token: bytes) -> HeldCard:
        """Return the card that is shown to whoever has *token*; as ``ask``."""
        seen = 0 if log is None or log.seen is None else log.seen.size
        return HeldCard(await self._carrier.resolve(asked, seen, token), self._now())

    def keep(self, asked: Address, held: HeldCard) -> None:
        """Let *held* be the card of *asked* from here on; the one that came first of too many goes."""
        self._kept[asked] = held
        self._kept.move_to_end(asked)
        if len(self._kept) > _CARDS_KEPT:
            self._kept.popitem(last=False)

    def drop(self, asked: Address) -> None:
        """Ask for the card of *asked* the next time."""
        self._kept.pop(asked, None)  # others may have come since, for whom it went
