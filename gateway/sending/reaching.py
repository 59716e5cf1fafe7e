"""A look-up as a fact: what was found of a recipient's keys, in bounded time.

Whoever asks while the same person is being looked up waits for that look, each for as long as they would
have waited: a hundred connections that begin together write to the same person, and each look takes turns.
"""

from __future__ import annotations

import asyncio

from msgspec import Struct

from gateway.policy.decide import Looked, Reach
from gateway.sending.recipients import Recipients
from mx_core.directory.sender_check import Recipient
from mx_core.model.address import Address
from mx_core.model.errors import NotOnNetwork, Unavailable, UnknownRecipient, Untrusted


class _Look(Struct):
    """One that is under way; it ends when nobody waits for it any more."""

    task: asyncio.Task[Recipient]
    waiting: int = 0


class Reaching:
    """Over the account's recipients."""

    def __init__(self, recipients: Recipients) -> None:
        self._recipients = recipients
        self._looks: dict[Address, _Look] = {}  # under way

    async def look(self, address: Address, seconds: float) -> Looked:
        """Return what a look-up finds within *seconds*."""
        try:
            async with asyncio.timeout(seconds):
                await self._verify(address)
        except NotOnNetwork as error:
            return await self._without(address, Reach.ABSENT, str(error))
        except UnknownRecipient as error:
            return await self._without(address, Reach.UNKNOWN, str(error))
        except Untrusted as error:
            return await self._without(address, Reach.UNPROVEN, str(error), error.failure)
        except TimeoutError:
            why = f"the keys of {address.domain} were not found in time"
            return await self._without(address, Reach.UNREACHABLE, why)
        except Unavailable as error:
            return await self._without(address, Reach.UNREACHABLE, str(error))
        return Looked(Reach.SECURE, known=True)

    async def _verify(self, address: Address) -> None:
        look = self._looks.get(address)
        if look is None:
            look = _Look(asyncio.create_task(self._recipients.verified(address)))
            self._looks[address] = look
        look.waiting += 1
        try:
            await asyncio.shield(look.task)
        finally:
            look.waiting -= 1
            # what has ended is no answer for whoever comes later
            over = look.task.done() or not look.waiting
            if over and self._looks.get(address) is look:
                del self._looks[address]
            if not look.waiting:
                look.task.cancel()

    async def _without(self, address: Address, reach: Reach, why: str, failure: str = "") -> Looked:
        return Looked(reach, await self._recipients.is_known(address), why, failure)
