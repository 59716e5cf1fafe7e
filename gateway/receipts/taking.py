"""Receipts that come: each counts for the one envelope it names, from whom that was sealed to.

Whatever else is claimed (an id that was never sent, another one's mail, a key that is no device's
of theirs) is passed over without a word: it changes nothing, and tells nobody anything.
"""

from __future__ import annotations

import structlog

from gateway.arriving.senders import JudgedSender
from gateway.writing.sender_reports import SenderReports
from mx_core.envelope.ext import SignedReceipt
from mx_core.envelope.receipt import check_signature, claimed
from mx_core.model.errors import Untrusted
from mx_core.store.arriving.receipts import Receipts
from mx_core.store.outbox.outbox import OutboxTable

log = structlog.get_logger()


class TakingReceipts:
    """Over one account's outbox."""

    def __init__(self, receipts: Receipts, outbox: OutboxTable, reports: SenderReports) -> None:
        self._receipts = receipts
        self._outbox = outbox
        self._reports = reports

    async def take(self, sender: JudgedSender) -> None:
        """Take what came inside of a letter of *sender*, whose signature holds."""
        for receipt in sender.receipts:
            try:
                taken = await self._take(sender, receipt)
            except Untrusted as error:
                log.info("receipt_passed_over", failure=error.failure)
            else:
                log.info("receipt_taken", new=taken)

    async def _take(self, sender: JudgedSender, signed: SignedReceipt) -> bool:
        said = claimed(signed)
        sealed = await self._receipts.sealed(said.digest)
        if sealed is None:
            return False
        device = sender.verdict.state.active_device(said.device_id)
        # the word of the one person it was sealed to, in their own letter
        if not (sealed.pid == said.pid == sender.by.pid) or sealed.msg_id != said.msg_id:
            raise Untrusted("receipt", "a receipt of somebody else's mail")
        if device is None:
            raise Untrusted("receipt", "a receipt of a device that is none of theirs")
        check_signature(signed, device.sign_pk)
        item = await self._outbox.item(sealed.queue_id, sealed.recipient)
        report = None if item is None else await self._reports.delivered(item, self._receipts)
        return await self._receipts.delivered(said.digest, said.day, report)
