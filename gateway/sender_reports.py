"""Which reports a sender gets of one recipient, and the report itself.  RFC 3461, RFC 3464.

A failure and a long wait are told unless the mail program asked otherwise, success only if it
asked for it.  What waits for the person is always told: nothing would ever happen otherwise.
"""

from __future__ import annotations

from typing import Final

from gateway.report import Action, delivery_report
from mx_core.mime.prepare import prepare
from mx_core.model.clock import Now
from mx_core.model.errors import MessageGone
from mx_core.model.notify import Notify
from mx_core.store.outbox import OutboxTable, Report
from mx_core.store.outbox_reader import OutboxItem

DELAY_TOLD_SECONDS: Final = 4 * 3600
_RELAYED_STATUS: Final = "2.0.0"
_DELAYED_STATUS: Final = "4.4.7"


class SenderReports:
    """See the module."""

    def __init__(self, outbox: OutboxTable, now: Now) -> None:
        self._outbox = outbox
        self._now = now

    async def failed(self, item: OutboxItem, reason: str, status: str) -> Report | None:
        """Return the report of a failure, or None if none is wanted."""
        if Notify.FAILURE not in item.wanted.when:
            return None
        return await self._made(item, Action.FAILED, reason, status)

    async def relayed(self, item: OutboxItem) -> Report | None:
        """Return the report that the recipient's domain holds the message, if it is wanted."""
        if Notify.SUCCESS not in item.wanted.when:
            return None
        return await self._made(item, Action.RELAYED, "", _RELAYED_STATUS)

    async def delayed(self, item: OutboxItem, reason: str) -> Report | None:
        """Return the report of a long wait: once, if it is wanted."""
        waited = self._now() - item.created
        if item.delay_told or waited < DELAY_TOLD_SECONDS or Notify.DELAY not in item.wanted.when:
            return None
        return await self._made(item, Action.DELAYED, f"{reason}.", _DELAYED_STATUS)

    async def held(self, item: OutboxItem, reason: str) -> Report | None:
        """Return the report that the person must decide."""
        hint = (
            f"{reason}. It is held. If the change is theirs (ask them): mx-gateway contact accept"
            f" {item.sender} {item.recipient}; else mx-gateway queue cancel {item.queue_id}"
        )
        return await self._made(item, Action.DELAYED, hint, "4.7.5")

    async def _made(
        self, item: OutboxItem, action: Action, reason: str, status: str
    ) -> Report | None:
        """Return None if the item was settled meanwhile: its fate came while it was tried."""
        try:
            original = await self._outbox.octets(item.queue_id)
        except MessageGone:
            return None
        octets = delivery_report(
            reporter=item.sender.domain,
            sender=item.sender,
            recipient=item.recipient,
            action=action,
            status=status,
            reason=reason,
            accepted=item.created,
            now=int(self._now()),
            original=original,
            queue_id=item.queue_id,
            envid=item.envid,
            orcpt=item.wanted.original,
            return_full=item.return_full and action is Action.FAILED,
        )
        return Report(octets, prepare(octets))
