"""What submission asks of an account: the verdict at RCPT TO, and the durable hand-over."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import final

from typing_extensions import override

from gateway.recipients import Recipients
from mx_core import ports
from mx_core.db import failpoint
from mx_core.model.address import Address
from mx_core.model.errors import PeerUnreachable, Unavailable, UnknownRecipient, Untrusted
from mx_core.model.ids import QueueId
from mx_core.model.message import Submission
from mx_core.store.outbox import OutboxTable

_REPLY_SECONDS = 0.005  # the reply is written before the loop turns; the kernel has it by then


@final
class JudgedOutbox(ports.Outbox):
    """``ports.Outbox`` over the store."""

    def __init__(
        self,
        table: OutboxTable,
        recipients: Recipients,
        *,
        judge_seconds: float,
        accepted: Callable[[], None],
    ) -> None:
        """*accepted* wakes the flow out."""
        self._table = table
        self._recipients = recipients
        self._judge_seconds = judge_seconds
        self._accepted = accepted

    @override
    async def judge(self, sender: Address, recipient: Address) -> None:
        """Accept whom we can seal to now, and whom we could before: their mail may wait."""
        try:
            async with asyncio.timeout(self._judge_seconds):
                await self._recipients.verified(recipient)
        except UnknownRecipient as error:
            raise UnknownRecipient(
                f"{error}; this gateway sends only end-to-end encrypted mail"
            ) from error
        except Untrusted as error:
            if not await self._recipients.is_known(recipient):
                raise
            raise Untrusted(
                error.failure,
                f"{error}; ask them if it was they: mx-gateway contact accept {sender} {recipient}",
            ) from error
        except (TimeoutError, Unavailable) as error:
            if await self._recipients.is_known(recipient):
                return  # deferred, not refused: the outbox tries for five days
            raise PeerUnreachable(
                f"the keys of {recipient.domain} cannot be had now; try again later"
            ) from error

    @override
    async def enqueue(self, submission: Submission) -> QueueId:
        # Crash here: nothing is kept and nothing was said; the mail program sends again.
        failpoint.reach("accepted")
        queue_id = await self._table.enqueue(submission)
        self._accepted()
        # Crash once 250 is on its way: it is in the outbox and leaves at the next start.
        asyncio.get_running_loop().call_later(_REPLY_SECONDS, failpoint.reach, "replied")
        return queue_id
