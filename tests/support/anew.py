"""Alice writes to Bob, whose device is lost: two real stores and flows, and two servers in memory."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nacl.signing import SigningKey

from gateway.arriving.inbound import Inbound
from gateway.arriving.senders import Senders
from gateway.arriving.unread import Unread
from gateway.own.epochs import OwnEpochs
from gateway.own.identity import OwnIdentity
from gateway.receipts.taking import TakingReceipts
from gateway.sending.shared_body import SharedBody
from gateway.watching.alarms import Alarms
from gateway.watching.domain_logs import DomainLogs
from gateway.writing.sender_reports import SenderReports
from mx_core.carrier_port import Arrival, Parcel
from mx_core.envelope.seal import Sender
from mx_core.model.errors import PeerUnreachable, Unavailable
from mx_core.model.ids import DeviceId, EnvId, QueueId
from mx_core.model.mailbox_name import INBOX, MailboxName
from mx_core.model.message import Submission
from mx_core.model.secret import Secret
from mx_core.passport.make import NewKeys, recover
from mx_core.passport.op import Device, Kind
from mx_core.store.account_store import AccountStore
from mx_core.store.outbox.reader import State
from mx_core.store.renewing import renew
from tests.support.people import OwnDevice, Person, make_person
from tests.support.sending import ALICE, BOB, SendingAccount, sending_account
from tests.support.stores import STORE_KEY, Clock, open_store

REMEMBERED_SECONDS = 30 * 86_400


async def no_log(_domain: str, _path: str) -> None:
    """Have no log."""


@dataclass
class BobsDevice:
    """One computer of Bob's, with a clock of its own."""

    post: Post
    store: AccountStore
    owned: OwnDevice
    clock: Clock

    def __post_init__(self) -> None:
        post: Any = self.post
        bob, store, clock = self.post.bob, self.store, self.clock
        self.own = OwnIdentity(bob.state, self.owned.id, Secret(self.owned.key), store, clock)
        carrier: Any = self
        self.epochs = OwnEpochs(store.keys, self.own, carrier, clock)
        alarms = Alarms(store.relations, BOB, clock)
        logs = DomainLogs(
            store.carrier_state, post.alice.network, BOB.domain, no_log, alarms, clock
        )
        nothing: Any = None
        self.inbound = Inbound(
            carrier=carrier,
            inbox=store.inbox,
            intake=store.intake,
            outbox=store.outbox,
            unreadable=store.unreadable,
            outbound=nothing,
            senders=Senders(post.alice.network, logs, store.contacts, clock),
            at_the_door=nothing,
            taking=TakingReceipts(store.receipts, store.outbox, SenderReports(store.outbox, clock)),
            own=self.own,
            epochs=self.epochs,
            now=clock,
        )
        self.unread = Unread(store.unreadable, self.own, carrier, clock)

    async def publish_epoch(self, signed: bytes) -> None:
        n = len(self.owned.epochs) + 1
        if signed not in [known for _, _, known in self.owned.epochs]:
            held: Any = None
            self.owned.epochs.append((n, held, signed))

    async def unreadable(self, peer_domain: str, env_id: EnvId, signed: bytes) -> bool:
        assert peer_domain == ALICE.domain
        return await self.post.say(env_id, signed)

    async def collect(self) -> None:
        """Take all that waits, acknowledge it, and say what does not open."""
        begun = self.clock()
        await self.epochs._publish_due()  # one turn of the task
        for env_id, parcel in list(self.post.waiting.items()):
            arrival = Arrival(0, env_id, parcel.envelope, parcel.body, ALICE.domain)
            try:
                settled = await self.inbound._settle(arrival)
            except Unavailable:
                settled = await self.store.intake.keep(
                    env_id, ALICE.domain, parcel.envelope, parcel.body, self.clock() + 60
                )
            if settled:
                del self.post.waiting[env_id]
        await self.inbound.waiting.try_due()
        await self.epochs.sync_completed(begun)

    async def had(self) -> set[bytes]:
        """Return the subjects of all that this device has read, or was to read by and by."""
        kept = await self.store._database.read(
            lambda connection: (
                connection.exec_driver_sql("SELECT env_id FROM intake").scalars().all()
            )
        )
        return {*await self.subjects(), *(self.post.subject_of[EnvId(one)] for one in kept)}

    async def subjects(self, mailbox: MailboxName = INBOX) -> list[bytes]:
        def job(reader: Any) -> list[bytes]:
            view = reader.snapshot(reader.mailbox(mailbox).id)
            whole = [reader.octets(message) for message in view.messages]
            return [one.split(b"\r\nSubject: ", 1)[1].split(b"\r\n")[0] for one in whole]

        return list(await self.store.mail.read(job))


@dataclass
class Post:
    """The two home servers, and everybody's gateways."""

    alice: SendingAccount
    writer: Person
    bob: Person
    folder: Path
    true: Clock  # of the servers
    waiting: dict[EnvId, Parcel] = field(default_factory=dict)
    submitted: dict[EnvId, float] = field(default_factory=dict)
    said: set[EnvId] = field(default_factory=set)
    seen: list[Parcel] = field(default_factory=list)
    stores: list[AccountStore] = field(default_factory=list)
    subjects: dict[QueueId, bytes] = field(default_factory=dict)
    subject_of: dict[EnvId, bytes] = field(default_factory=dict)

    async def me(self) -> Sender:
        """Return who Alice is, with a proof that holds."""
        who = self.writer
        who.now = int(self.true())
        return Sender(
            who.address,
            who.pid,
            who.first.id,
            who.state.seq,
            who.state.head,
            who.first.key,
            who.proof(),
        )

    def device(self, owned: OwnDevice, store: AccountStore, skew: float = 0) -> BobsDevice:
        clock = Clock(self.true() + skew)
        store_now: Any = clock
        for part in (store.mail, store.inbox, store.intake, store.unreadable):
            part._now = store_now
        return BobsDevice(self, store, owned, clock)

    def opened(self, name: str) -> AccountStore:
        store = open_store(self.folder / name, self.true)
        self.stores.append(store)
        return store

    async def first_device(self, skew: float = 0) -> BobsDevice:
        device = self.device(self.bob.first, self.opened("first"), skew)
        await device.store.relations.accept(self.writer.pid)
        await device.collect()
        return device

    async def backed_up(self, device: BobsDevice) -> Path:
        """Return a copy of the device's database, as a backup has it."""
        path = self.folder / f"copy-{secrets.token_hex(4)}"
        async with device.store.copied(path, STORE_KEY):
            pass
        return path

    async def recovered(self, backup: Path | None) -> BobsDevice:
        """Make another computer Bob's only device, by his sheet; the one before is none."""
        self.bob.now = int(self.true())
        number = len(self.bob.devices) + 1
        key, identity, sheet = (SigningKey.generate() for _ in range(3))
        new = NewKeys(DeviceId(secrets.token_bytes(16)), key, identity, sheet)
        entry = recover(self.bob.state, self.bob.recovery, new, [], self.true())
        self.bob.entries.append(entry)
        self.bob.identity, self.bob.recovery = identity, sheet
        owned = OwnDevice(Device(new.device_id, bytes(key.verify_key), Kind.FULL), key)
        self.bob.devices.append(owned)
        name = f"device-{number}"
        if backup is not None:
            folder = self.folder / name
            folder.mkdir(mode=0o700)
            renew(backup, STORE_KEY, folder, STORE_KEY, new.device_id, self.true)
        device = self.device(owned, self.opened(name))
        await device.store.relations.accept(self.writer.pid)
        await device.epochs._publish_due()
        return device

    async def write(self, subject: str) -> None:
        """Submit one message; it leaves by ``carry``."""
        octets = f"From: {ALICE}\r\nSubject: {subject}\r\n\r\nhello\r\n".encode()
        queue_id = await self.alice.store.outbox.enqueue(Submission(ALICE, (BOB,), octets))
        self.subjects[queue_id] = subject.encode()

    async def carry(self, *, tell: bool = True) -> None:
        """Let Alice take a step with all that is due, and the servers pass on what she sent."""
        self.alice.clock.at = max(self.alice.clock.at, self.true())
        self.bob.now = int(self.true())
        outbox = self.alice.store.outbox
        for item in await outbox.due(self.alice.clock(), 1_000):
            body = SharedBody(await outbox.content(item.queue_id), outbox.begin_long)
            known = len(self.alice.network.parcels)
            await self.alice.outbound._deliver_or_tell(item, body)
            for parcel in self.alice.network.parcels[known:]:
                self.subject_of[parcel.env_id] = self.subjects[item.queue_id]
        for parcel in self.alice.network.parcels:
            self.seen.append(parcel)
            if parcel.env_id not in self.submitted:
                self.submitted[parcel.env_id] = self.true()
                self.waiting[parcel.env_id] = parcel
            if tell:
                await self.alice.outbound.settle_relayed(parcel.env_id)
        self.alice.network.parcels.clear()

    async def say(self, env_id: EnvId, signed: bytes) -> bool:
        """Be the server of Alice: pass a word on, once."""
        if str(BOB) in self.alice.network.faults:
            raise PeerUnreachable("away")
        at = self.submitted.get(env_id)
        if at is None or at + REMEMBERED_SECONDS < self.true():
            return False
        if env_id not in self.said:
            self.said.add(env_id)
            await self.alice.outbound.returning.hear(env_id, signed)
        return True

    async def states(self) -> list[State]:
        return [item.state for item in await self.alice.store.outbox.unsettled()]


@asynccontextmanager
async def post_of(folder: Path) -> AsyncIterator[Post]:
    """Alice and Bob, who know each other; nothing was sent yet."""
    async with sending_account(relay=False, people=()) as alice:
        writer, bob = make_person(str(ALICE)), make_person(str(BOB), epochs=0)
        alice.network.people |= {ALICE: writer, BOB: bob}
        post = Post(alice, writer, bob, folder, Clock(alice.clock()))
        alice.outbound._sealing._me = post.me
        try:
            yield post
        finally:
            for store in post.stores:
                store.close()
