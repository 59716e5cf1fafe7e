"""The flow out: from a durable submission to the own home server, each step durable before the next.

What ends it: the network's fate notice (``gateway.arriving.inbound``), a refusal, or time.  A doubt about a
key holds the message for a person; it never leaves in clear.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection

import structlog

from gateway.config import Sending
from gateway.sending.burst import Burst
from gateway.sending.franking import Franking
from gateway.sending.ordinary import OrdinaryMail
from gateway.sending.recipients import Recipients
from gateway.sending.retry import has_run_out, next_attempt
from gateway.sending.returning import Returning
from gateway.sending.sealing import Sealing, is_past
from gateway.sending.shared_body import SharedBody
from gateway.sending.showing import NOT_WRITTEN_SECONDS, Showing
from gateway.sending.travelled import Travelled
from gateway.sending.turned_away import TurnedAway
from gateway.watching.incidents import LogRefused, of_refusal
from gateway.writing.sender_reports import SenderReports
from mx_core.carrier_port import Carrier
from mx_core.db import failpoint
from mx_core.envelope.seal import Sender
from mx_core.model.address import Address
from mx_core.model.clock import Now
from mx_core.model.errors import (
    EncryptionRequired,
    MailError,
    MessageGone,
    Refused,
    RelayRefused,
    Unavailable,
    Untrusted,
)
from mx_core.model.ids import EnvId, QueueId
from mx_core.model.octets import whole
from mx_core.program.logs import places
from mx_core.store.arriving.receipts import Receipts
from mx_core.store.outbox.outbox import OutboxTable
from mx_core.store.outbox.reader import OutboxItem, State

log = structlog.get_logger()

_DUE_AT_ONCE = 200
_SUBMISSIONS_AT_ONCE = 16


class Outbound:
    """Everything that waits in one account's outbox, and the one task that moves it."""

    def __init__(
        self,
        outbox: OutboxTable,
        recipients: Recipients,
        carrier: Carrier,
        me: Callable[[], Awaitable[Sender]],
        sending: Sending,
        now: Now,
        ordinary: OrdinaryMail,
        franking: Franking,
        receipts: Receipts,
    ) -> None:
        """*me* tells who seals, with a proof that holds; nothing moves before ``run``."""
        self.travelled = Travelled()
        self.burst = Burst(self.wake)
        self.reached: Callable[[], None] = lambda: None  # told each time the home server took mail
        self._outbox = outbox
        self._reports = SenderReports(outbox, now)
        self.returning = Returning(outbox, self.wake, now)
        self.turned_away = TurnedAway(outbox, franking, self.settle_failed, self.wake, sending, now)
        self._recipients = recipients
        self._carrier = carrier
        self._sending = sending
        self._now = now
        self._ordinary = ordinary
        self._franking = franking
        self._sealing = Sealing(me, recipients, franking, receipts, now)
        self._wake = asyncio.Event()
        self._showing = Showing(outbox, self.wake)
        self._moving: set[QueueId] = set()

    def wake(self) -> None:
        """Look again: something was enqueued, or the home server is back."""
        self._wake.set()

    async def run(self) -> None:
        """Move what is due, for ever."""
        async with asyncio.TaskGroup() as tasks:
            room = asyncio.Semaphore(_SUBMISSIONS_AT_ONCE)
            while True:
                await self._showing.through(self.burst)
                self._wake.clear()
                lone = await self._showing.look(self._moving)
                groups: defaultdict[QueueId, list[OutboxItem]] = defaultdict(list)
                for item in await self._outbox.due(self._now(), _DUE_AT_ONCE, with_new=lone):
                    if item.queue_id not in self._moving:
                        groups[item.queue_id].append(item)
                if lone is not None and lone not in groups:
                    await self._showing.show()  # it waits: for a person, or for its time
                for queue_id, items in groups.items():
                    await room.acquire()
                    self._moving.add(queue_id)
                    task = tasks.create_task(self._move(queue_id, items))
                    task.add_done_callback(lambda _: room.release())
                if not groups:
                    await self._sleep()

    async def deliver(self, item: OutboxItem, body: SharedBody) -> None:
        """Hand over for one recipient, sealed unless it was decided otherwise.

        Raises what stood in the way.
        """
        parcel = None
        if item.state is State.SEALED:
            parcel = await self._outbox.parcel(item.queue_id, item.recipient)
        # what was sealed once stays sealed
        was_sealed = parcel is not None or item.asked or item.sealed_anew
        if not was_sealed and await self._ordinary.takes(item):
            await self._outbox.show_new()  # no commit that seals it does
            octets = await asyncio.to_thread(whole, body.octets)
            await self._deliver_as_ordinary(item, octets)
            return
        if parcel is None or is_past(parcel, self._now()):
            recipient = await self._recipients.verified(item.recipient, since=_since(item))
            if item.asked and not await self.returning.holds(item, recipient):
                return
            parcel, digest = await self._sealing.seal(item, body, recipient)
            reduced = any(device.reduced for device in recipient.devices)
            # Crash before this commit: sealed anew at the next start, with the same msg_id.
            if not await self._outbox.seal(
                item.queue_id,
                item.recipient,
                parcel,
                recipient.pid,
                digest_of_s=digest,
                reduced=reduced,
            ):
                return  # cancelled meanwhile
        await self._carrier.send(parcel, await self._franking.stamp(parcel))
        # Crash here: the same octets are sent again, and the server knows their env_id.
        failpoint.reach("sent")
        await self._outbox.sent(item.queue_id, item.recipient)
        await self._sealing.was_sent(item)
        self.travelled.add(parcel)
        self.reached()
        log.info("parcel_sent", queue_id=item.queue_id, octets=len(parcel.body))

    async def _deliver_as_ordinary(self, item: OutboxItem, octets: bytes) -> None:
        if not await self._outbox.claim(item.queue_id, item.recipient):
            return  # cancelled meanwhile
        try:
            host = await self._ordinary.send(item, octets)
        except (Refused, Unavailable):
            await self._outbox.unclaim(item.queue_id, item.recipient)
            raise
        # Crash here: that server gets it again at the next start, under the same Message-ID;
        # SMTP cannot tell whether it has taken a message (RFC 1047).
        failpoint.reach("relayed")
        report = await self._reports.relayed(item, host)
        await self._outbox.handed_to_relay(item.queue_id, item.recipient, report=report)

    async def settle_failed(self, item: OutboxItem, reason: str, status: str) -> None:
        """Settle *item*, and tell the sender in their INBOX: once, with the state."""
        report = await self._reports.failed(item, reason, status)
        if await self._outbox.failed(
            item.queue_id, item.recipient, reason, status=status, report=report
        ):
            log.info("delivery_failed", queue_id=item.queue_id, status=status)

    async def settle_relayed(self, env_id: EnvId) -> None:
        """Settle what the recipient's home server holds, and tell whoever asked to be told."""
        item = await self._outbox.by_env_id(env_id)
        report = None
        if item is not None and not item.sealed_anew:  # or it was told when it left first
            report = await self._reports.relayed(item)
        await self._outbox.relayed(env_id, report=report)

    async def hold(self, item: OutboxItem, error: Untrusted) -> None:
        """Let *item* wait for the sender, who is told in their INBOX: once of each wrong a day."""
        failure = error.what if isinstance(error, LogRefused) else error.failure
        report = await self._reports.held(item, str(error), failure)
        if report is not None:
            await self._outbox.hold(
                item.queue_id,
                item.recipient,
                str(error),
                report=report,
                because=of_refusal(error, item.recipient),
            )

    async def follow(self, former: Collection[Address]) -> None:
        """Try again what is held for an address of *former*: its person is known to have left it.

        Crash before: it is held, as before, until the person says ``queue retry``.
        """
        for item in await self._outbox.unsettled():
            if item.state is State.HELD and item.recipient.canonical() in former:
                await self._outbox.release(item.queue_id, item.recipient)
        self.wake()

    async def _move(self, queue_id: QueueId, items: list[OutboxItem]) -> None:
        try:
            body = SharedBody(await self._outbox.content(queue_id), self._outbox.begin_long)
            try:
                async with asyncio.TaskGroup() as tasks:
                    for item in items:
                        tasks.create_task(self._attempt(item, body))
            finally:
                body.end()
        except MessageGone:
            log.info("outbox_settled_meanwhile", queue_id=queue_id)
        finally:
            self._moving.discard(queue_id)
            self.wake()

    async def _attempt(self, item: OutboxItem, body: SharedBody) -> None:
        """Take one step with *item*, and pause if not even that could be written down."""
        try:
            await self._deliver_or_tell(item, body)
        except Unavailable as error:
            # A full disk: the row is as it was, so the item is due again, and no one else is hurt.
            log.warning("outbox_not_written", queue_id=item.queue_id, why=type(error).__name__)
            await asyncio.sleep(NOT_WRITTEN_SECONDS)

    async def _deliver_or_show(self, item: OutboxItem, body: SharedBody) -> None:
        """Deliver *item*; what could not even be sealed stands in Outbox before it is told of."""
        try:
            await self.deliver(item, body)
        except Exception:
            await self._outbox.show_new()
            raise

    async def _deliver_or_tell(self, item: OutboxItem, body: SharedBody) -> None:
        """Deliver *item*, or write down why not and what is next."""
        try:
            await self._deliver_or_show(item, body)
        except Unavailable as error:
            if has_run_out(self._now(), item.released, item.attempts, self._sending):
                await self.settle_failed(item, f"It was tried for days: {error}.", "5.4.7")
            else:
                await self._defer(item, str(error))
        except Refused as error:
            await self.settle_failed(item, f"{error}.", _status(error))
        except Untrusted as error:
            log.warning("delivery_held", queue_id=item.queue_id, failure=error.failure)
            await self.hold(item, error)
        except MailError:
            raise  # the store itself cannot be trusted; the account stops
        except Exception as error:  # noqa: BLE001
            # the one catch-all of a queue item: a bug of ours delays one message, not the queue
            log.error(  # noqa: TRY400  # the text of an error may hold what a person wrote
                "delivery_broke", queue_id=item.queue_id, places=places(error)
            )
            await self._defer(item, "an error inside mx-gateway; its log says more")

    async def _defer(self, item: OutboxItem, reason: str) -> None:
        again = next_attempt(self._now(), item.attempts, self._sending)
        report = await self._reports.delayed(item, reason)
        await self._outbox.defer(item.queue_id, item.recipient, again, reason, report=report)
        log.info("delivery_deferred", queue_id=item.queue_id, seconds=int(again - self._now()))

    async def _sleep(self) -> None:
        due = await self._outbox.next_due()
        seconds = None if due is None else max(0.05, due - self._now())
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            return


def _since(item: OutboxItem) -> float:
    """Return when a card must have been asked for at the earliest, to seal *item* by it."""
    return item.released + 1.0 if item.asked else 0.0  # a second, for times are whole ones


def _status(error: Refused) -> str:
    """Return the RFC 3463 code of a refusal."""
    if isinstance(error, RelayRefused):
        return error.status
    return "5.7.10" if isinstance(error, EncryptionRequired) else "5.1.1"
