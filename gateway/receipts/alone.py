"""Receipts that no letter took along: sent alone, looking like mail, after a random time.

Only the owner's opting in lets there be any, and only accepted contacts are sent to.  A letter
that holds nothing else is sealed to nobody's mailbox to be read: kind 3, an empty message.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import structlog

from gateway.receipts.owing import alone_after
from gateway.sending.franking import Franking
from gateway.sending.recipients import Recipients
from mx_core.carrier_port import Carrier, Parcel
from mx_core.db import failpoint
from mx_core.envelope.ext import Ext
from mx_core.envelope.receipt import DAY_SECONDS, claimed
from mx_core.envelope.seal import DeviceKey, Sender, env_id, seal_body, seal_envelope
from mx_core.envelope.statement import Kind
from mx_core.model.clock import Now
from mx_core.model.errors import MailError, Unavailable
from mx_core.model.ids import MsgId
from mx_core.store.arriving.receipts import Owed, Receipts

log = structlog.get_logger()

_LOOK_SECONDS: Final = 60.0
_DAYS: Final = 5  # for so long it is tried
_DELIVER_BY_SECONDS: Final = _DAYS * 86400
_MSG_ID_OCTETS: Final = 16


class ReceiptsAlone:
    """See the module."""

    def __init__(
        self,
        receipts: Receipts,
        recipients: Recipients,
        franking: Franking,
        carrier: Carrier,
        me: Callable[[], Awaitable[Sender]],
        now: Now,
    ) -> None:
        self._receipts = receipts
        self._recipients = recipients
        self._franking = franking
        self._carrier = carrier
        self._me = me
        self._now = now

    async def run(self) -> None:
        """Send what is due, for ever."""
        while True:
            try:
                while await self.step():
                    pass
            except Unavailable as error:
                log.warning("receipts_put_off", why=type(error).__name__)  # a full disk
            await asyncio.sleep(_LOOK_SECONDS)

    async def step(self) -> bool:
        """Send what is due to one person; return whether anything was."""
        owed = await self._receipts.due(self._now())
        if not owed:
            return False
        try:
            await self._send(owed)
        except MailError as error:
            log.info("receipt_waits", why=type(error).__name__)
            await self._receipts.put_off(owed[0].author.pid, alone_after(self._now()))
            last = self._now() // DAY_SECONDS - _DAYS
            await self._receipts.gave(
                each.msg_id for each in owed if claimed(each.receipt).day < last
            )
            return True
        # Crash here: said again in another letter, which means the same.
        failpoint.reach("gave")
        await self._receipts.gave(each.msg_id for each in owed)
        return True

    async def _send(self, owed: Sequence[Owed]) -> None:
        author = owed[0].author
        recipient = await self._recipients.verified(author.address)
        if recipient.pid != author.pid:
            await self._receipts.gave(each.msg_id for each in owed)  # somebody else lives there now
            return
        body = seal_body(b"", secrets.token_bytes)
        created = int(self._now())
        envelope = seal_envelope(
            body,
            await self._me(),
            recipient.pid,
            [DeviceKey(d.device_id, d.n, d.x25519, d.xwing) for d in recipient.devices],
            msg_id=MsgId(secrets.token_bytes(_MSG_ID_OCTETS)),
            created=created,
            deliver_by=created + _DELIVER_BY_SECONDS,
            kind=Kind.RECEIPT,
            suite=recipient.suite,
            ext=Ext(receipts=tuple(each.receipt for each in owed)).encode(),
            entropy=secrets.token_bytes,
        )
        parcel = Parcel(
            recipient.address,
            env_id(envelope),
            envelope,
            body.octets,
            created + _DELIVER_BY_SECONDS,
        )
        await self._carrier.send(parcel, await self._franking.stamp(parcel))
