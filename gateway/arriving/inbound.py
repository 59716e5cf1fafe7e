"""The flow in: from the own home server to a stored, verified message, then the acknowledgement.

What arrives is acknowledged only when it is durable here, or durably refused.  A message is shown
only after its last check; a look-up is never caused by arriving mail.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Callable

import structlog
from msgspec.structs import replace

from gateway.arriving.acknowledging import Acknowledging
from gateway.arriving.arrival_status import sender_status
from gateway.arriving.at_the_door import AtTheDoor
from gateway.arriving.senders import JudgedSender, Senders
from gateway.arriving.status_block import render
from gateway.arriving.stored import Stored, in_its_place, stored_long, stored_of
from gateway.arriving.waiting import Waiting
from gateway.network.interruptible import Interruptible
from gateway.own.identity import OwnIdentity
from gateway.own.old_homes import Epochs
from gateway.receipts.owing import owed_for
from gateway.receipts.taking import TakingReceipts
from gateway.sending.outbound import Outbound
from mx_core import carrier_port
from mx_core.envelope.open import OpenedControl, open_control, verify_statement
from mx_core.envelope.statement import Kind, Statement
from mx_core.model.body_name import BodyName
from mx_core.model.clock import Now
from mx_core.model.errors import DiskFull, MailError, Refused, Unavailable, Untrusted
from mx_core.model.flags import UNVERIFIED
from mx_core.model.ids import EnvId
from mx_core.model.octets import Octets, whole
from mx_core.program.logs import places
from mx_core.store.arriving.awaited import Awaited
from mx_core.store.arriving.inbox import Inbox
from mx_core.store.arriving.intake import Intake
from mx_core.store.arriving.unreadable import UnreadableEnvelopes
from mx_core.store.outbox.outbox import OutboxTable

log = structlog.get_logger()

_FIRST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 30.0
_LARGE_OCTETS = 256 * 1024
_NO_KEY = "no-packet"  # the class of what is sealed to none of this device's keys


class Inbound:
    """What one account's home server hands out, and the task that takes it."""

    def __init__(
        self,
        carrier: carrier_port.Carrier,
        inbox: Inbox,
        intake: Intake,
        outbox: OutboxTable,
        unreadable: UnreadableEnvelopes,
        outbound: Outbound,
        senders: Senders,
        at_the_door: AtTheDoor,
        taking: TakingReceipts,
        own: OwnIdentity,
        epochs: Epochs,
        now: Now,
    ) -> None:
        """Compose; nothing is asked of the server before ``run``."""
        self.connected = False
        self.trouble = "not tried yet"
        self.refused = False  # it answered, and gives nothing out
        self.synced: Callable[[], None] = lambda: None  # told each time all that waited has come
        self._carrier = carrier
        self._inbox = inbox
        self._intake = intake
        self._outbox = outbox
        self._unreadable = unreadable
        self._outbound = outbound
        self._senders = senders
        self._at_the_door = at_the_door
        self._taking = taking
        self._own = own
        self._epochs = epochs
        self._now = now
        self._acknowledging = Acknowledging(carrier)
        self.waiting = Waiting(intake, inbox, self._settle, now)
        self._hurry = asyncio.Event()
        self._stream = Interruptible()

    async def run(self) -> None:
        """Collect for ever, over lost connections."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._acknowledging.run())
            tasks.create_task(self.waiting.run())
            pause = _FIRST_PAUSE_SECONDS
            while True:
                begun = self._now()
                try:
                    ended = await self._stream.run(self._collect(begun))
                    self.trouble = f"the connection {'ended' if ended else 'is opened anew'}"
                except (Unavailable, Untrusted, Refused) as error:
                    # also a refusal (a device that was removed): shown in status, tried again
                    self.trouble, self.refused = str(error), not isinstance(error, Unavailable)
                if self.connected:
                    pause = _FIRST_PAUSE_SECONDS
                self.connected = False
                log.info("home_server_lost", seconds=pause)
                await self._pause(pause)
                pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)

    def interrupted(self) -> None:
        """Collect over a new connection at once: the one there is may be dead and not say so.

        What was being taken comes again, and is known by its msg_id.
        """
        self._hurry.set()
        self._stream.interrupt()

    def hurry(self) -> None:
        """End the pause: the home server was reached by another way."""
        self._hurry.set()

    async def receive(self, arrival: carrier_port.Arrival) -> None:
        """One envelope: open, judge its sender, store.  Raises what stood in the way."""
        opened = open_control(arrival.envelope, await self._epochs.secrets())
        if opened.claimed.kind is Kind.DOOR:
            await self._receive_ordinary(arrival, opened)
            return
        sender = await self._senders.judged(opened)
        statement = verify_statement(opened, sign_pk=sender.sign_pk, my_pid=self._own.pid)
        await self._senders.heard(sender)
        # Crash after this: the envelope comes again, and a receipt counts once.
        await self._taking.take(sender)
        if statement.kind is Kind.RECEIPT:
            return  # nothing to be read, and nothing is owed for it
        received = int(self._now())
        name = BodyName.read(arrival.body)
        awaits = None
        if name is None:
            stored = await self._opened(arrival.body, opened, statement, sender, received)
        else:
            stored = in_its_place(self._own.address, sender.address, statement, received)
            said = sender_status(statement, sender, received, opened.epoch.not_after)
            status = render(said, sender.address)
            awaits = Awaited(
                arrival.env_id,
                sender.come_from.author,
                arrival.peer_domain,
                name,
                opened.body_key,
                opened.statement_octets,
                status,
                received,
            )
        mine = sender.by.pid == self._own.pid
        try:
            # False: stored before; only the acknowledgement was lost, or it was sealed anew
            new = await self._inbox.receive(
                msg_id=statement.msg_id,
                env_id=arrival.env_id,
                octets=stored.octets,
                form=stored.form,
                epoch=opened.epoch.n,
                flags=stored.flags - {UNVERIFIED} if mine else stored.flags,
                contact=sender.contact,
                come_from=replace(sender.come_from, own=mine),
                awaits=awaits,
                owed=None
                if awaits is not None
                else owed_for(self._own, sender, statement, opened.statement_octets),
            )
        finally:
            stored.end()
        log.info("message_stored", env_id=arrival.env_id.hex(), octets=len(stored.octets), new=new)
        if sender.has_moved:
            await self._outbound.follow(sender.verdict.state.former)

    async def _opened(
        self,
        body: Octets,
        opened: OpenedControl,
        statement: Statement,
        sender: JudgedSender,
        received: int,
    ) -> Stored:
        """Open the body and make what is stored of it; large ones in a thread, long ones in pieces."""
        status = sender_status(statement, sender, received, opened.epoch.not_after)
        if isinstance(body, bytes) and len(body) < _LARGE_OCTETS:
            return stored_of(body, opened, statement, status)
        if isinstance(body, bytes):
            return await asyncio.to_thread(stored_of, body, opened, statement, status)
        into = self._intake.begin_long()
        try:
            return await asyncio.to_thread(stored_long, body, opened, statement, status, into)
        except BaseException:
            into.discard()
            raise

    async def _receive_ordinary(self, arrival: carrier_port.Arrival, opened: OpenedControl) -> None:
        body = arrival.body
        if not isinstance(body, bytes):
            body = await asyncio.to_thread(whole, body)
        mail = await self._at_the_door.opened(opened, body)
        new = await self._inbox.receive(
            msg_id=mail.statement.msg_id,
            env_id=arrival.env_id,
            octets=mail.octets,
            form=mail.form,
            epoch=opened.epoch.n,
            flags=mail.flags,
            ordinary=True,
        )
        await self._at_the_door.hear(mail.message)
        log.info("ordinary_stored", env_id=arrival.env_id.hex(), octets=len(mail.octets), new=new)

    async def take_kept(self, arrival: carrier_port.Arrival) -> bool:
        """Take what was kept while the gateway was locked; False: a bug of ours stood in the way.

        Raises:
            DiskFull: There is no room for it.
        """
        try:
            return await self._settle(arrival)
        except DiskFull:
            raise
        except Unavailable:
            return await self.waiting.keep(arrival)

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds * random.uniform(0.8, 1.2)):  # noqa: S311  # spreads clients
                await self._hurry.wait()
        # only now: news that came just before the pause must not be lost
        self._hurry.clear()

    async def _collect(self, begun: float) -> None:
        async with contextlib.aclosing(self._carrier.collect()) as deliveries:
            async for delivery in deliveries:
                if not self.connected:
                    self.connected, self.trouble, self.refused = True, "", False
                    log.info("home_server_connected")
                    self._outbound.wake()
                await self._deliver(delivery, begun)

    async def _deliver(self, delivery: carrier_port.Delivery, begun: float) -> None:
        match delivery:
            case carrier_port.Arrival():
                await self._take(delivery)
            case carrier_port.FateNotice():
                await self._learn(delivery)
                self._acknowledging.soon(delivery.sequence)
            case carrier_port.QueueEmpty():
                self.synced()
                if await self._intake.is_empty():  # what waits was sealed to keys in use
                    await self._epochs.sync_completed(begun)

    async def _take(self, arrival: carrier_port.Arrival) -> None:
        """Store it, refuse it, or keep it for later; acknowledge what is durable."""
        try:
            settled = await self._settle(arrival)
        except DiskFull:
            raise  # nothing can be kept: the stream ends, and the server gives it again
        except Unavailable as error:
            log.info("arrival_waits", env_id=arrival.env_id.hex(), why=type(error).__name__)
            settled = await self.waiting.keep(arrival)
        if settled:
            self._acknowledging.soon(arrival.sequence)

    async def _settle(self, arrival: carrier_port.Arrival) -> bool:
        """Return True once it is stored or refused, False if a bug of ours stood in the way.

        Raises:
            Unavailable: It cannot be judged now.
        """
        try:
            await self.receive(arrival)
        except Untrusted as error:
            if error.failure == _NO_KEY:
                return await self._note_unreadable(arrival)
            log.warning("arrival_refused", env_id=arrival.env_id.hex(), failure=error.failure)
            await self._inbox.refuse(arrival.env_id, arrival.peer_domain, error.failure)
        except MailError:
            raise  # Unavailable, or the store cannot be trusted: the account stops
        except Exception as error:  # noqa: BLE001
            # the one catch-all of an arrival: a bug of ours keeps one message at the server
            log.error(  # noqa: TRY400  # the text of an error may hold what a person wrote
                "arrival_broke", env_id=arrival.env_id.hex(), places=places(error)
            )
            return False
        return True

    async def _note_unreadable(self, arrival: carrier_port.Arrival) -> bool:
        """Have its sender seal it anew; return whether it may be acknowledged.

        Not before that is said.
        """
        log.info("arrival_unreadable", env_id=arrival.env_id.hex())
        said = await self._unreadable.note(arrival.env_id, arrival.peer_domain)
        return said or not self._acknowledging.once_said(arrival.env_id, arrival.sequence)

    def acknowledge_said(self, env_id: EnvId) -> None:
        """Acknowledge what could not be opened, now that its sender's server knows of it."""
        self._acknowledging.said(env_id)

    async def _learn(self, notice: carrier_port.FateNotice) -> None:
        if notice.unreadable:
            await self._outbound.returning.hear(notice.env_id, notice.unreadable)
            return
        if notice.fate is carrier_port.Fate.RELAYED:
            await self._outbound.settle_relayed(notice.env_id)
            return
        item = await self._outbox.by_env_id(notice.env_id)
        if item is None:
            return
        if notice.postage_bits:
            await self._outbound.turned_away.pay(item, notice.env_id, notice.postage_bits)
        else:
            await self._outbound.turned_away.refused(
                item, notice.env_id, notice.reason, notice.status
            )
