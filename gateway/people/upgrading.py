"""Contacts who came to the network from an ordinary address: heard of, proved, written to encrypted.

A claim in ordinary mail is only heard of: nobody is asked anything because mail arrived.  When the
owner takes it, the mail must prove itself (its domain's DKIM signature, the passport's own
signature), and from then on mail for that address is sealed to that passport or does not leave.
docs/spec/ownership.md §5.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final, Protocol, final

import structlog

from gateway.own.claim import BEGINS, claimed
from gateway.own.ownership import MESSAGE_OCTETS_MAX, Ask, Proof, author_of, prove, verify_proof
from gateway.writing.note import upgrade_note
from mx_core.directory.sender_check import Recipient
from mx_core.mime.prepare import prepare
from mx_core.mime.search_text import body_text
from mx_core.model.address import Address
from mx_core.model.clock import Now
from mx_core.model.errors import Refused, Unavailable, Untrusted
from mx_core.model.ids import Pid
from mx_core.passport.entry import decode_chain
from mx_core.store.people.stand_in import Offer, StandIn, StandIns

log = structlog.get_logger()

_MARK: Final = BEGINS.encode()


class LookUp(Protocol):
    """Who finds people of the network, and pins them."""

    async def verified(self, address: Address, *, since: float = 0.0) -> Recipient:
        """Raises UnknownRecipient, Unavailable, Untrusted."""


@final
class Upgrading:
    """Over one account."""

    def __init__(
        self, stand_ins: StandIns, look_up: LookUp, own: Address, now: Now, ask: Ask
    ) -> None:
        """*ask* reads the DNS, where a proof has none of its own; in a thread."""
        self._stand_ins = stand_ins
        self._look_up = look_up
        self._own = own
        self._now = now
        self._ask = ask

    async def hear(self, octets: bytes) -> None:
        """Look whether an ordinary message that came in claims its address; asks nobody."""
        if len(octets) > MESSAGE_OCTETS_MAX or _MARK not in octets:
            return
        try:
            offer = _offered(octets)
        except Untrusted:
            return
        if offer.stand_in.ordinary == self._own.canonical():
            return
        one = offer.stand_in
        note = upgrade_note(self._own, one.ordinary, one.address, int(self._now()))
        try:
            if await self._stand_ins.offer(offer, note, prepare(note)):
                log.info("upgrade_offered")
        except Unavailable as error:
            log.info("upgrade_not_kept", why=type(error).__name__)  # a full disk

    async def state(self) -> dict[str, Any]:
        """Return what is offered, and who stands for which ordinary address."""
        offers = [one.stand_in for one in await self._stand_ins.offers()]
        return {
            "offered": [_told(one) for one in offers],
            "taken": [_told(one) for one in await self._stand_ins.all()],
        }

    async def take(self, ordinary: Address, proof: bytes = b"") -> Address:
        """Write to *ordinary* encrypted from now on; return to whom that is.

        Raises:
            Refused: Nothing says who that is.  Unavailable: Try later.
            Untrusted: What says so does not prove itself.
        """
        ordinary = ordinary.canonical()
        if proof:
            return await self._take_proved(ordinary, proof)
        offers = [o for o in await self._stand_ins.offers() if o.stand_in.ordinary == ordinary]
        if not offers:
            raise Refused(
                f"no mail of {ordinary} says that they are on the network; ask them for a proof"
                " (mx-gateway proof) and give it with --proof"
            )
        refusal: Untrusted | None = None
        for offer in reversed(offers):  # of several, whichever proves itself
            try:
                return await self._take_offered(offer)
            except Untrusted as error:
                refusal = error
        assert refusal is not None  # noqa: S101  # there was an offer, and none was taken
        raise refusal

    async def leave(self, ordinary: Address) -> None:
        """Write to *ordinary* as to any address again.  Raises Refused."""
        if not await self._stand_ins.leave(ordinary):
            raise Refused(f"nobody stands for {ordinary}")

    async def _take_offered(self, offer: Offer) -> Address:
        one = offer.stand_in
        found = await self._look_up.verified(one.address)
        now = int(self._now())
        made = await asyncio.to_thread(prove, offer.message, _entries(found), self._ask, now)
        return await self._take(verify_proof(made, now).claim.pid, one.ordinary, found)

    async def _take_proved(self, ordinary: Address, octets: bytes) -> Address:
        shown = await asyncio.to_thread(verify_proof, Proof.decode(octets), self._now())
        if shown.claim.ordinary.canonical() != ordinary:
            raise Untrusted("claim", f"this is a proof of {shown.claim.ordinary}")
        found = await self._look_up.verified(shown.claim.address)
        return await self._take(shown.claim.pid, ordinary, found)

    async def _take(self, pid: Pid, ordinary: Address, found: Recipient) -> Address:
        if found.pid != pid:
            raise Untrusted("other-pid", f"{found.address} is shown with another passport")
        # Crash before this: they are known, and mail for the old address goes as before.
        await self._stand_ins.take(StandIn(ordinary, found.address, found.pid))
        log.info("upgrade_taken")
        return found.address


def _offered(octets: bytes) -> Offer:
    """Return what *octets* say of their sender.  Raises Untrusted."""
    form = prepare(octets)
    claim, _, _ = claimed(body_text(octets, form))
    author = author_of(octets, form)
    if author is None or author != claim.ordinary.canonical():
        raise Untrusted("claim", "the message is not from the address that is claimed")
    return Offer(StandIn(author, claim.address.canonical(), claim.pid), octets)


def _entries(found: Recipient) -> list[bytes]:
    return [each.octets for each in decode_chain(found.chain)]


def _told(one: StandIn) -> dict[str, str]:
    return {"ordinary": str(one.ordinary), "address": str(one.address)}
