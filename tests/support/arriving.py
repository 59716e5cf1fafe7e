"""A gateway that mail arrives at, over a real store: what is collected and found is given."""

import asyncio
import secrets
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from typing_extensions import override

from gateway.arriving.at_the_door import AtTheDoor
from gateway.arriving.inbound import Inbound
from gateway.arriving.senders import Senders
from gateway.config import Sending
from gateway.own.epochs import OwnEpochs
from gateway.own.identity import OwnIdentity
from gateway.receipts.taking import TakingReceipts
from gateway.sending.franking import Franking
from gateway.sending.outbound import Outbound
from gateway.sending.recipients import Recipients
from gateway.watching.alarms import Alarms
from gateway.watching.domain_logs import DomainLogs
from gateway.writing.sender_reports import SenderReports
from mx_core import carrier_port, ports
from mx_core.envelope.seal import DeviceKey, Sender, env_id, seal_body, seal_envelope
from mx_core.envelope.statement import Kind
from mx_core.model.address import Address
from mx_core.model.errors import PeerUnreachable
from mx_core.model.ids import MsgId
from mx_core.model.mailbox_name import INBOX, MailboxName
from mx_core.model.secret import Secret
from mx_core.model.stamp import UNSTAMPED, Stamp
from mx_core.store.account_store import AccountStore
from mx_core.store.own.keys import OwnEpoch
from tests.support.door_mail import DOOR_KEY
from tests.support.people import NOW, Person, domain_pk, make_person
from tests.support.stores import Clock

TEXT = b"From: alice@a.example\r\nSubject: x\r\n\r\nhello\r\n"


@dataclass
class Found:
    """As much of a discovered domain as a reader needs."""

    name: str
    keys: tuple[bytes, ...]

    def role_key(self, role: str, now: float) -> bytes | None:
        """Run no log, and have a door."""
        return bytes(DOOR_KEY.verify_key) if role == "door" else None


@dataclass
class Discovery:
    """Finds every domain, or none."""

    answers: bool = True

    async def find(self, domain: str) -> Found:
        if not self.answers:
            raise PeerUnreachable(f"{domain} was not found in time")
        return Found(domain, (domain_pk(domain),))


@dataclass
class GivenCarrier(carrier_port.Carrier):
    """Hands out what it was given, once for each connection, then stays silent."""

    gives: list[carrier_port.Arrival | carrier_port.FateNotice | carrier_port.QueueEmpty] = field(
        default_factory=list
    )
    acknowledged: list[int] = field(default_factory=list)
    acked: asyncio.Event = field(default_factory=asyncio.Event)

    @override
    async def resolve(self, recipient: Address, log_size: int = 0, token: bytes = b"") -> bytes:
        raise PeerUnreachable("nobody looks up here")

    @override
    async def send(self, parcel: carrier_port.Parcel, stamp: Stamp = UNSTAMPED) -> None:
        raise PeerUnreachable("nobody sends here")

    @override
    async def collect(self) -> AsyncGenerator[carrier_port.Delivery, None]:
        for one in self.gives:
            yield one
        await asyncio.Event().wait()

    @override
    async def acknowledge(self, sequences: Sequence[int]) -> None:
        self.acknowledged += sequences
        self.acked.set()

    @override
    async def limit(self) -> int:
        return 1 << 20


async def no_log(domain: str, path: str) -> None:
    """Have no log."""


@dataclass
class Room:
    """bob's gateway, as far as arriving mail goes."""

    store: AccountStore
    bob: Person
    clock: Clock
    carrier: GivenCarrier = field(default_factory=GivenCarrier)
    discovery: Discovery = field(default_factory=Discovery)

    async def inbound(self) -> Inbound:
        finder: Any = self.discovery
        carrier: Any = self.carrier
        own = OwnIdentity(
            self.bob.state, self.bob.first.id, Secret(self.bob.first.key), self.store, self.clock
        )
        for n, private, signed in self.bob.first.epochs:
            assert await self.store.keys.new_epoch_number() == n
            await self.store.keys.keep_epoch(
                OwnEpoch(n, Secret(bytes(private)), signed, NOW + 10**6, NOW)
            )
        alarms = Alarms(self.store.relations, Address.parse("bob@b.example"), self.clock)
        logs = DomainLogs(self.store.carrier_state, finder, "b.example", no_log, alarms, self.clock)
        await self.store.relations.accept(make_person().pid)  # alice is no stranger here
        franking = Franking(self.store.secrets, self.store.contacts, self.clock)
        recipients = Recipients(carrier, finder, logs, self.store.contacts, franking, self.clock)
        ordinary: Any = None  # nothing leaves here
        outbound = Outbound(
            self.store.outbox,
            recipients,
            carrier,
            nobody,
            Sending(),
            self.clock,
            ordinary,
            franking,
            self.store.receipts,
        )
        return Inbound(
            carrier,
            self.store.inbox,
            self.store.intake,
            self.store.outbox,
            self.store.unreadable,
            outbound,
            Senders(finder, logs, self.store.contacts, self.clock),
            AtTheDoor(finder, self.store.contacts, own, self.clock),
            TakingReceipts(
                self.store.receipts,
                self.store.outbox,
                SenderReports(self.store.outbox, self.clock),
            ),
            own,
            OwnEpochs(self.store.keys, own, carrier, self.clock),
            self.clock,
        )

    async def inbox(self) -> int:
        return (await self.store.mail.read(lambda reader: reader.mailbox(INBOX))).messages


async def nobody() -> Sender:
    raise AssertionError("nothing is sealed here")


def arrival(
    sequence: int,
    alice: Person,
    bob: Person,
    text: bytes = TEXT,
    *,
    kind: Kind = Kind.MAIL,
    ext: bytes = b"",
) -> carrier_port.Arrival:
    body = seal_body(text, secrets.token_bytes)
    n, private, _ = bob.first.epochs[-1]
    sender = Sender(
        alice.address,
        alice.pid,
        alice.first.id,
        alice.state.seq,
        alice.state.head,
        alice.first.key,
        alice.proof(),
    )
    envelope = seal_envelope(
        body,
        sender,
        bob.pid,
        [DeviceKey(bob.first.id, n, bytes(private.public_key))],
        msg_id=MsgId(bytes([sequence]) * 16),
        created=NOW,
        deliver_by=NOW + 100,
        kind=kind,
        ext=ext,
        entropy=secrets.token_bytes,
    )
    return carrier_port.Arrival(sequence, env_id(envelope), envelope, body.octets, "a.example")


async def running(room: Room, story: Callable[[Inbound], Awaitable[None]]) -> None:
    inbound = await room.inbound()
    task = asyncio.create_task(inbound.run())
    try:
        async with asyncio.timeout(20):
            await story(inbound)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def in_mailbox(room: Room, name: str) -> list[bytes]:
    def job(reader: ports.MailReader) -> list[bytes]:
        view = reader.snapshot(reader.mailbox(MailboxName(name)).id)
        return [reader.octets(message) for message in view.messages]

    return await room.store.mail.read(job)
