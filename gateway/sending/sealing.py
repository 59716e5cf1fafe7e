"""A message becomes the parcel of one recipient, whose keys were verified just now.

What goes along inside it: the trees of both domains' logs, what their answer is let in by, and the
receipts that are owed to them.  It knows neither when a parcel is made nor what becomes of it.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from gateway.sending.franking import Franking
from gateway.sending.recipients import Recipients
from gateway.sending.shared_body import SharedBody
from mx_core.carrier_port import Parcel
from mx_core.directory.sender_check import Recipient
from mx_core.envelope.ext import Ext
from mx_core.envelope.receipt import digest_of
from mx_core.envelope.seal import (
    DeviceKey,
    Sender,
    env_id,
    seal_envelope,
)
from mx_core.model.address import Address
from mx_core.model.clock import Now
from mx_core.model.ids import Pid, QueueId
from mx_core.store.arriving.receipts import Owed, Receipts
from mx_core.store.outbox.reader import OutboxItem

DELIVER_BY_SECONDS: Final = 5 * 86400  # identity §5
RESEAL_SECONDS: Final = 86400  # an envelope not handed over within a day is sealed anew


class Sealing:
    """Of one account."""

    def __init__(
        self,
        me: Callable[[], Awaitable[Sender]],
        recipients: Recipients,
        franking: Franking,
        receipts: Receipts,
        now: Now,
    ) -> None:
        """*me* tells who seals, with a proof that holds."""
        self._me = me
        self._recipients = recipients
        self._franking = franking
        self._receipts = receipts
        self._now = now
        # receipts in parcels that were not sent
        self._taken_along: dict[tuple[QueueId, Address], list[Owed]] = {}

    async def seal(
        self, item: OutboxItem, body: SharedBody, recipient: Recipient
    ) -> tuple[Parcel, bytes]:
        """Return the parcel of *item*, and beside it the digest of what was signed.

        Raises what *me* raises: nobody seals with a proof that does not hold.
        """
        sealed = await body.for_recipient(hidden=item.hidden)
        created = int(self._now())
        owed = await self._receipts.owed_to(recipient.pid)
        statements: list[bytes] = []
        envelope = seal_envelope(
            sealed,
            await self._me(),
            recipient.pid,
            [DeviceKey(d.device_id, d.n, d.x25519, d.xwing) for d in recipient.devices],
            msg_id=item.msg_id,
            created=created,
            deliver_by=created + DELIVER_BY_SECONDS,
            suite=recipient.suite,
            ext=await self._ext(item, recipient.pid, owed),
            entropy=secrets.token_bytes,
            signed=statements.append,
        )
        parcel = Parcel(
            recipient=recipient.address,  # where they are now
            env_id=env_id(envelope),
            envelope=envelope,
            body=sealed.octets,
            deliver_by=created + DELIVER_BY_SECONDS,
        )
        if owed:
            self._taken_along[item.queue_id, item.recipient] = owed
        return parcel, digest_of(statements[0])

    async def was_sent(self, item: OutboxItem) -> None:
        """Note that the receipts in the parcel of *item* are given: the home server has it."""
        if given := self._taken_along.pop((item.queue_id, item.recipient), None):
            # Crash before this: said again in another letter, which means the same.
            await self._receipts.gave(each.msg_id for each in given)

    async def _ext(self, item: OutboxItem, pid: Pid, owed: Sequence[Owed]) -> bytes:
        """Return what we have seen of both domains' logs, and what their answer is let in by.

        And the receipts that are *owed* to them.
        """
        trees = await self._recipients.gossip(item.sender.domain, item.recipient.domain)
        secret, invited = await self._franking.mine(pid), await self._franking.invited(pid)
        return Ext(trees, secret, invited, tuple(each.receipt for each in owed)).encode()


def is_past(parcel: Parcel, now: float) -> bool:
    """Tell whether *parcel* is so old at *now* (unix seconds) that it is sealed anew."""
    return parcel.deliver_by < now + DELIVER_BY_SECONDS - RESEAL_SECONDS
