"""Answers a look-up, for own people here and for others through their home server.

Every answer has one of two sizes and every refusal one form, so that neither says why.
Budgets count distinct names for each asker; a name asked again costs nothing.
docs/spec/client.md §5, protocol notes on enumeration.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from typing import Final

from mx_core.homeserver.bounds.budget import NameBudget
from mx_core.homeserver.people.cards import Cards
from mx_core.homeserver.people.padding import padded_reply
from mx_core.model.address import Address
from mx_core.model.errors import BadAddress, UnknownRecipient
from mx_core.proto.federation_pb2 import LookUpReply, LookUpRequest

_NOT_BEFORE_SECONDS: Final = 0.05
_JITTER_MILLISECONDS: Final = 25

# of whom, the log size that is known, a contact's token or none
AskPeer = Callable[[Address, int, bytes], Awaitable[bytes | None]]


class LookUps:
    """Look-ups of one listener; *asker* is a person of ours or a peer domain."""

    def __init__(self, cards: Cards, domain: str, budget: NameBudget) -> None:
        self._cards = cards
        self._domain = domain
        self._budget = budget

    async def answer(
        self, asker: str, asked: LookUpRequest, ask_peer: AskPeer | None = None
    ) -> LookUpReply:
        """Return the padded answer; *ask_peer* reaches the people of other domains.

        Raises:
            PeerUnreachable: The other domain does not answer; nothing is known.
        """
        loop, text = asyncio.get_running_loop(), asked.address
        earliest = loop.time() + _NOT_BEFORE_SECONDS
        wait = self._budget.wait(asker, text)
        if wait:
            return padded_reply(retry_after=wait)
        card = await self._card(asked, ask_peer)
        self._budget.spend(asker, text, found=card is not None)
        if card is None:
            jitter = secrets.randbelow(_JITTER_MILLISECONDS) / 1000
            await asyncio.sleep(max(0.0, earliest - loop.time()) + jitter)
            return padded_reply()
        return padded_reply(card)

    async def _card(self, asked: LookUpRequest, ask_peer: AskPeer | None) -> bytes | None:
        text, log_size = asked.address, asked.log_size
        try:
            address = Address.parse(text)
            if str(address.canonical()) != text:
                return None
        except BadAddress:
            return None
        if address.domain == self._domain:
            return await self._cards.looked_up(text, log_size, asked.token)
        if ask_peer is None:
            return None
        try:
            return await ask_peer(address, log_size, asked.token)
        except UnknownRecipient:
            return None
