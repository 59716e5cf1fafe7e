"""What a domain has not taken: shown otherwise, paid for, or told to the sender.  Spec/admission.

Of whom is found by contacts only, a domain answers whoever is none as if nobody were there; so an
invitation that was used up is tried by what follows from it before anything is told or paid.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from gateway.config import Sending
from gateway.sending.franking import Franking
from gateway.sending.retry import has_run_out, next_attempt
from mx_core.db import failpoint
from mx_core.model.clock import Now
from mx_core.model.ids import EnvId
from mx_core.store.outbox.outbox import OutboxTable
from mx_core.store.outbox.reader import OutboxItem

_NOBODY: Final = "5.1.1"  # RFC 3463

SettleFailed = Callable[[OutboxItem, str, str], Awaitable[None]]  # for a reason, with a status


class TurnedAway:
    """See the module."""

    def __init__(
        self,
        outbox: OutboxTable,
        franking: Franking,
        failed: SettleFailed,
        wake: Callable[[], None],
        sending: Sending,
        now: Now,
    ) -> None:
        """*failed* ends an item and tells its sender; *wake* has the flow out look at what is due."""
        self._outbox = outbox
        self._franking = franking
        self._failed = failed
        self._wake = wake
        self._sending = sending
        self._now = now

    async def pay(self, item: OutboxItem, env_id: EnvId, bits: int) -> None:
        """Send what was not let in again, with *bits* of postage, unless it was tried for days."""
        if await self._shown_otherwise(item, env_id):
            return
        if has_run_out(self._now(), item.created, item.attempts, self._sending):
            reason = f"{item.recipient.domain} did not take it, with postage neither."
            await self._failed(item, reason, "5.7.1")
            return
        again = next_attempt(self._now(), item.attempts, self._sending)
        if await self._outbox.asked_for_postage(env_id, bits, again):
            # Crash here: paid for at the next start; the notice comes again and only puts it off.
            failpoint.reach("franked")
            self._wake()

    async def refused(self, item: OutboxItem, env_id: EnvId, reason: str, status: str) -> None:
        """Settle what a peer has refused, unless it was shown an invitation that was used up."""
        if status != _NOBODY or not await self._shown_otherwise(item, env_id):
            await self._failed(item, reason, status)

    async def _shown_otherwise(self, item: OutboxItem, env_id: EnvId) -> bool:
        """Send what an invitation did not let in by what follows from it.  Spec/invitations §4."""
        pid = await self._franking.unused(item.recipient)
        if pid is None or not await self._outbox.anew(env_id, pid, self._now()):
            return False
        self._wake()
        return True
