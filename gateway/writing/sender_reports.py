"""Which reports a sender gets of one recipient, and the report itself.  RFC 3461, RFC 3464.

A failure and a long wait are told unless the mail program asked otherwise, success only if it
asked for it.  What waits for the person is always told: nothing would ever happen otherwise.
"""

from __future__ import annotations

from typing import Final

from gateway.writing.held_words import HeldWords, held_words
from gateway.writing.report import Action, delivery_report
from mx_core.mime.prepare import prepare
from mx_core.model.address import Address
from mx_core.model.clock import Now
from mx_core.model.errors import MessageGone
from mx_core.model.ids import QueueId
from mx_core.model.message import Submission
from mx_core.model.notify import Notify
from mx_core.store.arriving.receipts import Receipts
from mx_core.store.outbox.outbox import OutboxTable
from mx_core.store.outbox.reader import OutboxItem
from mx_core.store.outbox.state import Report

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

    async def relayed(self, item: OutboxItem, host: str = "") -> Report | None:
        """Return the report that the recipient's domain holds the message, if it is wanted.

        *host*: instead, that this server for ordinary mail has taken it.
        """
        if Notify.SUCCESS not in item.wanted.when:
            return None
        return await self._made(item, Action.RELAYED, "", _RELAYED_STATUS, host)

    async def delivered(self, item: OutboxItem, receipts: Receipts) -> Report | None:
        """Return the report that a device of the recipient has signed for it, if it is wanted.

        The message has left, so what is told of its header is of the copy in Sent, if there is one.
        """
        if Notify.SUCCESS not in item.wanted.when:
            return None
        try:
            original = await self._outbox.octets(item.queue_id)
        except MessageGone:
            try:
                original = await receipts.sent_octets(item.queue_id)
            except MessageGone:
                original = b""
        return self._of(original, item, Action.DELIVERED, "", _RELAYED_STATUS)

    async def delayed(self, item: OutboxItem, reason: str) -> Report | None:
        """Return the report of a long wait: once, if it is wanted."""
        waited = self._now() - item.released
        if item.delay_told or waited < DELAY_TOLD_SECONDS or Notify.DELAY not in item.wanted.when:
            return None
        return await self._made(item, Action.DELAYED, f"{reason}.", _DELAYED_STATUS)

    async def held(self, item: OutboxItem, reason: str, failure: str) -> Report | None:
        """Return the report that the person must decide: what was refused as *failure*."""
        words = held_words(item.sender, item.recipient, item.queue_id, failure)
        return await self._made(item, Action.DELAYED, f"{reason}.", "4.7.5", held=words)

    def undecided(
        self, submission: Submission, queue_id: QueueId, recipient: Address, reason: str
    ) -> Report:
        """Return the report, of what is being accepted, that the person must decide."""
        hint = (
            f"{reason}. To send it as ordinary email, which others can read on its way, move it"
            f" from Outbox to Outbox/Send as ordinary email (or mx-gateway queue ordinary {queue_id});"
            f" to take it back, delete it in Outbox (or mx-gateway queue cancel {queue_id})"
        )
        now = int(self._now())
        octets = delivery_report(
            reporter=submission.sender.domain,
            sender=submission.sender,
            recipient=recipient,
            action=Action.DELAYED,
            status="4.7.10",
            reason=hint,
            accepted=now,
            now=now,
            original=submission.octets,
            queue_id=queue_id,
            envid=submission.envid,
        )
        return Report(octets, prepare(octets))

    async def _made(
        self,
        item: OutboxItem,
        action: Action,
        reason: str,
        status: str,
        host: str = "",
        held: HeldWords | None = None,
    ) -> Report | None:
        """Return None if the item was settled meanwhile: its fate came while it was tried."""
        try:
            original = await self._outbox.octets(item.queue_id)
        except MessageGone:
            return None
        return self._of(original, item, action, reason, status, host, held)

    def _of(
        self,
        original: bytes,
        item: OutboxItem,
        action: Action,
        reason: str,
        status: str,
        host: str = "",
        held: HeldWords | None = None,
    ) -> Report:
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
            relay=host,
            held=held,
        )
        return Report(octets, prepare(octets))
