"""What arrived and can not be judged yet is kept, and tried again ever less often; after five days it is refused.

It is acknowledged once it is kept, so it holds up nothing that comes behind it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from mx_core.carrier_port import Arrival
from mx_core.model.clock import Now
from mx_core.model.errors import Unavailable
from mx_core.model.ids import EnvId
from mx_core.store.arriving.inbox import Inbox
from mx_core.store.arriving.intake import Intake

log = structlog.get_logger()

_LOOK_SECONDS: Final = 5.0
_FIRST_WAIT_SECONDS: Final = 5.0
_LONGEST_WAIT_SECONDS: Final = 4 * 3600.0
_KEPT_SECONDS: Final = 5 * 86400.0


class Waiting:
    """See the module.

    *settle* returns True once an arrival is stored or refused, False if a bug of ours stood in the
    way, and raises Unavailable if it cannot be judged now.
    """

    def __init__(
        self, intake: Intake, inbox: Inbox, settle: Callable[[Arrival], Awaitable[bool]], now: Now
    ) -> None:
        """Nothing is tried before ``run`` or ``try_due``."""
        self._intake = intake
        self._inbox = inbox
        self._settle = settle
        self._now = now

    async def keep(self, arrival: Arrival) -> bool:
        """Return True once it is durable here, False if too many wait; raises DiskFull."""
        return await self._intake.keep(
            arrival.env_id,
            arrival.peer_domain,
            arrival.envelope,
            arrival.body,
            self._now() + _FIRST_WAIT_SECONDS,
        )

    async def run(self) -> None:
        """Try what is kept, for ever."""
        while True:
            try:
                await self.try_due()
            except Unavailable as error:
                log.warning("intake_put_off", why=type(error).__name__)  # a full disk
            await asyncio.sleep(_LOOK_SECONDS)

    async def try_due(self) -> None:
        """Try once for each that is due."""
        for env_id in await self._intake.due():
            await self._try_once(env_id)

    async def _try_once(self, env_id: EnvId) -> None:
        kept = await self._intake.get(env_id)
        if kept is None:
            return
        arrival = Arrival(0, env_id, kept.envelope, kept.body, kept.peer_domain)
        try:
            settled = await self._settle(arrival)
        except Unavailable:
            settled = False
        if not settled and self._now() > kept.received + _KEPT_SECONDS and kept.attempts:
            await self._inbox.refuse(env_id, kept.peer_domain, "domain-unreachable")
            settled = True
        if settled:
            # Crash before this: it is tried again, and the msg_id is known.
            await self._intake.drop(env_id)
            return
        wait = min(_FIRST_WAIT_SECONDS * 2.0 ** min(kept.attempts, 16), _LONGEST_WAIT_SECONDS)
        await self._intake.put_off(env_id, self._now() + wait)
