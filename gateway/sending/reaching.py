"""A look-up as a fact: what was found of a recipient's keys, in bounded time."""

from __future__ import annotations

import asyncio

from gateway.policy.decide import Looked, Reach
from gateway.sending.recipients import Recipients
from mx_core.model.address import Address
from mx_core.model.errors import NotOnNetwork, Unavailable, UnknownRecipient, Untrusted


class Reaching:
    """Over the account's recipients."""

    def __init__(self, recipients: Recipients) -> None:
        self._recipients = recipients

    async def look(self, address: Address, seconds: float) -> Looked:
        """Return what a look-up finds within *seconds*."""
        try:
            async with asyncio.timeout(seconds):
                await self._recipients.verified(address)
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

    async def _without(self, address: Address, reach: Reach, why: str, failure: str = "") -> Looked:
        return Looked(reach, await self._recipients.is_known(address), why, failure)
