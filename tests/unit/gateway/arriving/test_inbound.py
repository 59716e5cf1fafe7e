"""The flow in, over a real store, with a carrier and a discovery that do as they are told."""

import asyncio
import secrets
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from typing_extensions import override

from gateway.arriving.at_the_door import AtTheDoor
from gateway.arriving.fetching import Fetching
from gateway.arriving.inbound import Inbound
from gateway.arriving.senders import Senders
from gateway.arriving.status_block import parse
from gateway.config import Sending
from gateway.own.epochs import OwnEpochs
from gateway.own.identity import OwnIdentity
from gateway.receipts.taking import TakingReceipts
from gateway.sending.franking import Franking
from gateway.sending.outbound import Outbound
from gateway.sending.recipients import Recipients
from gateway.watching.alarms import Alarms
from gateway.watching.domain_logs import DomainLogs
from gateway.writing.notices import Notices
from gateway.writing.sender_reports import SenderReports
from mx_core import ports
from mx_core.envelope.ext import Ext, SignedReceipt
from mx_core.envelope.receipt import claimed
from mx_core.envelope.seal import DeviceKey, Sender, env_id, seal_body, seal_envelope
from mx_core.envelope.statement import Kind
from mx_core.model.address import Address
from mx_core.model.body_name import BodyName
from mx_core.model.errors import MailError, PeerUnreachable
from mx_core.model.ids import MsgId
from mx_core.model.mailbox_name import INBOX, MailboxName
from mx_core.model.secret import Secret
from mx_core.model.stamp import UNSTAMPED, Stamp
from mx_core.notation.hashing import b2_plain
from mx_core.passport.op import Profile
from mx_core.store.account_store import AccountStore
from mx_core.store.own.keys import OwnEpoch
from mx_core.store.people.relation import Topic
from mx_core.trust.log_memory import LogMemory
from tests.support.door_mail import DOOR_KEY, from_the_door
from tests.support.people import NOW, Person, domain_pk, make_person
from tests.support.stores import Clock, open_store

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
class GivenCarrier(ports.Carrier):
    """Hands out what it was given, once for each connection, then stays silent."""

    gives: list[ports.Arrival | ports.FateNotice | ports.QueueEmpty] = field(default_factory=list)
    acknowledged: list[int] = field(default_factory=list)
    acked: asyncio.Event = field(default_factory=asyncio.Event)

    @override
    async def resolve(self, recipient: Address, log_size: int = 0, token: bytes = b"") -> bytes:
        raise PeerUnreachable("nobody looks up here")

    @override
    async def send(self, parcel: ports.Parcel, stamp: Stamp = UNSTAMPED) -> None:
        raise PeerUnreachable("nobody sends here")

    @override
    async def collect(self) -> AsyncGenerator[ports.Delivery, None]:
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
) -> ports.Arrival:
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
    return ports.Arrival(sequence, env_id(envelope), envelope, body.octets, "a.example")


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    clock = Clock(NOW)
    bob = make_person("bob@b.example")
    bob.publish_epoch()
    store = open_store(tmp_path, clock)
    yield Room(store, bob, clock)
    store.close()


async def running(room: Room, story: Callable[[Inbound], Awaitable[None]]) -> None:
    inbound = await room.inbound()
    task = asyncio.create_task(inbound.run())
    try:
        async with asyncio.timeout(20):
            await story(inbound)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.mark.anyio
async def test_what_is_stored_is_acknowledged_and_what_comes_twice_is_stored_once(
    room: Room,
) -> None:
    first = arrival(1, make_person(), room.bob)
    room.carrier.gives = [first, ports.Arrival(2, first.env_id, first.envelope, first.body, "x")]

    async def story(_: Inbound) -> None:
        while sorted(room.carrier.acknowledged) != [1, 2]:
            room.carrier.acked.clear()
            await room.carrier.acked.wait()

    await running(room, story)

    assert await room.inbox() == 1


@pytest.mark.anyio
async def test_after_an_interruption_mail_comes_over_a_new_connection_though_the_old_one_is_silent(
    room: Room,
) -> None:
    """A connection that was lost in sleep says nothing; a pause between two tries ends, too."""
    room.carrier.gives = [ports.QueueEmpty()]

    async def story(inbound: Inbound) -> None:
        while not inbound.connected:
            await asyncio.sleep(0)
        room.carrier.gives = [arrival(1, make_person(), room.bob)]
        inbound.interrupted()
        await room.carrier.acked.wait()
        room.carrier.acked.clear()
        inbound.hurry = lambda: None  # type: ignore[method-assign]  # nothing else wakes it
        room.carrier.gives = [arrival(2, make_person(), room.bob, b"Subject: two\r\n\r\n")]
        inbound.interrupted()
        await room.carrier.acked.wait()

    await running(room, story)

    assert room.carrier.acknowledged == [1, 2]
    assert await room.inbox() == 2


@pytest.mark.anyio
async def test_mail_of_a_domain_that_cannot_be_found_waits_and_holds_up_nobody(
    room: Room,
) -> None:
    """It is kept as ciphertext, acknowledged, and stored once the domain can be judged."""
    room.discovery.answers = False
    room.carrier.gives = [arrival(1, make_person(), room.bob), ports.QueueEmpty()]

    async def waits(_: Inbound) -> None:
        await room.carrier.acked.wait()

    await running(room, waits)
    assert room.carrier.acknowledged == [1]
    assert await room.inbox() == 0
    assert not await room.store.intake.is_empty()

    room.discovery.answers = True
    room.clock.at += 61
    room.carrier.gives = []

    async def arrives(_: Inbound) -> None:
        while not await room.store.intake.is_empty():
            await asyncio.sleep(0.01)

    room.bob.first.epochs.clear()  # the store holds them already
    await running(room, arrives)
    assert await room.inbox() == 1


@pytest.mark.anyio
async def test_mail_of_a_domain_in_doubt_is_kept_until_the_person_has_judged(room: Room) -> None:
    """Its log contradicts itself; the message may be good, and is not lost."""
    await room.store.carrier_state.put(
        "native", "log a.example", LogMemory(b"k" * 32, b"v" * 32, doubt="two faces").encode()
    )
    room.carrier.gives = [arrival(1, make_person(), room.bob)]

    async def waits(_: Inbound) -> None:
        await room.carrier.acked.wait()

    await running(room, waits)

    assert await room.inbox() == 0
    assert await room.store.inbox.refusals() == []
    assert not await room.store.intake.is_empty()


@pytest.mark.anyio
async def test_what_can_not_be_judged_for_five_days_is_refused(room: Room) -> None:
    room.discovery.answers = False
    envelope = arrival(1, make_person(), room.bob)
    await room.store.intake.keep(
        envelope.env_id, "a.example", envelope.envelope, envelope.body, NOW
    )
    await room.store.intake.put_off(envelope.env_id, NOW)
    room.clock.at += 5 * 86_400 + 1

    async def refused(_: Inbound) -> None:
        while not await room.store.intake.is_empty():
            await asyncio.sleep(0.01)

    await running(room, refused)

    assert [r.failure for r in await room.store.inbox.refusals()] == ["domain-unreachable"]
    assert await room.inbox() == 0


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("damage", "failure"),
    [
        (lambda a: (a.envelope[:-1] + bytes([a.envelope[-1] ^ 1]), a.body), "control"),
        (lambda a: (a.envelope, a.body[:-1] + bytes([a.body[-1] ^ 1])), "body-hash"),
        (lambda a: (b"MXE1" + a.envelope[4:40], a.body), "canonical"),
    ],
)
async def test_what_does_not_prove_itself_is_refused_acknowledged_and_never_shown(
    room: Room, damage: Callable[[ports.Arrival], tuple[bytes, bytes]], failure: str
) -> None:
    good = arrival(1, make_person(), room.bob)
    envelope, body = damage(good)
    room.carrier.gives = [ports.Arrival(1, env_id(envelope), envelope, body, "a.example")]

    async def story(_: Inbound) -> None:
        await room.carrier.acked.wait()

    await running(room, story)

    assert [r.failure for r in await room.store.inbox.refusals()] == [failure]
    assert await room.inbox() == 0
    assert room.carrier.acknowledged == [1]


@pytest.mark.anyio
async def test_what_was_sealed_to_another_device_does_not_hold_up_what_follows(
    room: Room,
) -> None:
    """It is noted, and acknowledged once its sender's server has heard of it."""
    stranger = make_person("carol@b.example")
    stranger.publish_epoch()
    alice = make_person()
    foreign = arrival(1, alice, stranger)
    room.carrier.gives = [foreign, arrival(2, alice, room.bob)]
    before: list[int] = []

    async def story(inbound: Inbound) -> None:
        while room.carrier.acknowledged != [2]:
            await asyncio.sleep(0.01)
        before.extend(room.carrier.acknowledged)
        inbound.acknowledge_said(foreign.env_id)
        inbound.acknowledge_said(foreign.env_id)
        while room.carrier.acknowledged != [2, 1]:
            await asyncio.sleep(0.01)

    await running(room, story)

    assert before == [2]
    assert await room.store.inbox.refusals() == []
    assert [one.env_id for one in await room.store.unreadable.due()] == [foreign.env_id]
    assert await room.inbox() == 1


@pytest.mark.anyio
async def test_a_stranger_stops_no_stream_with_envelopes_that_nobody_opens(room: Room) -> None:
    """Half a window waits until it is said; what comes beyond is acknowledged at once."""
    stranger = make_person("carol@b.example")
    stranger.publish_epoch()
    alice = make_person()
    foreign = [arrival(n, alice, stranger) for n in range(1, 41)]
    room.carrier.gives = [*foreign, arrival(41, alice, room.bob)]

    async def story(_: Inbound) -> None:
        while 41 not in room.carrier.acknowledged:
            await asyncio.sleep(0.01)

    await running(room, story)

    assert room.carrier.acknowledged == [*range(33, 41), 41]


@pytest.mark.anyio
async def test_mail_of_a_time_that_has_not_come_by_this_clock_is_kept_until_it_has(
    room: Room,
) -> None:
    room.clock.at -= 86_400
    room.carrier.gives = [arrival(1, make_person(), room.bob)]

    async def waits(_: Inbound) -> None:
        await room.carrier.acked.wait()

    await running(room, waits)
    before = (await room.inbox(), await room.store.inbox.refusals())
    room.clock.at += 86_400
    room.carrier.gives = []

    async def arrives(_: Inbound) -> None:
        while not await room.store.intake.is_empty():
            await asyncio.sleep(0.01)

    room.bob.first.epochs.clear()  # the store holds them already
    await running(room, arrives)

    assert before == (0, [])
    assert await room.inbox() == 1


@dataclass
class KeepingPeer:
    """What an accepted stranger's server gives by ``fetch_body``, or why not."""

    body: bytes
    error: MailError | None = None
    asked: list[tuple[str, BodyName]] = field(default_factory=list)

    async def fetch_body(self, peer_domain: str, name: BodyName) -> bytes:
        self.asked.append((peer_domain, name))
        if self.error is not None:
            raise self.error
        return self.body


@pytest.mark.anyio
async def test_what_the_door_sealed_goes_to_inbox_once_and_is_no_answer_to_be_guarded(
    room: Room,
) -> None:
    """A stranger's ordinary mail is no request, and its Message-ID is not one of encrypted mail."""
    text = b"Message-ID: <1@c.example>\r\nFrom: carol@c.example\r\n\r\nhello\r\n"
    sealed = [from_the_door(text, room.bob) for _ in range(2)]  # heard twice, with one msg_id
    inbound = await room.inbound()
    for number, (envelope, body) in enumerate(sealed):
        await inbound.receive(ports.Arrival(number, env_id(envelope), envelope, body, "b.example"))

    [octets] = await in_mailbox(room, "INBOX")
    assert octets.startswith(b"MX-Status: 1; mail=ordinary; trust=none;")
    assert await in_mailbox(room, "Requests") == []
    assert not await room.store.policy.any_encrypted([b"1@c.example"])


async def asks(room: Room) -> tuple[Person, ports.Arrival, Inbound]:
    """Let a stranger ask with a body that stays where it is."""
    eve = make_person("eve@a.example")
    whole = arrival(1, eve, room.bob)
    name = BodyName(b2_plain(whole.body), len(whole.body))
    inbound = await room.inbound()
    for _ in range(2):  # given twice: one request
        await inbound.receive(replace(whole, body=name.encode()))
    return eve, whole, inbound


async def in_mailbox(room: Room, name: str) -> list[bytes]:
    def job(reader: ports.MailReader) -> list[bytes]:
        view = reader.snapshot(reader.mailbox(MailboxName(name)).id)
        return [reader.octets(message) for message in view.messages]

    return await room.store.mail.read(job)


@pytest.mark.anyio
async def test_a_body_that_stayed_is_asked_for_once_its_author_is_accepted(room: Room) -> None:
    eve, whole, _ = await asks(room)
    peer = KeepingPeer(whole.body)
    fetching = Fetching(room.store.awaited, peer, room.clock)
    await fetching.fetch_due()
    [request] = await in_mailbox(room, "Requests")

    assert peer.asked == []
    assert b"\r\nFrom: <eve@a.example>\r\nSender: mx-gateway " in request
    assert b"Subject: eve@a.example asks to send you a message of 1 kB\r\n" in request
    assert TEXT not in request
    assert await room.inbox() == 0

    await room.store.relations.accept(eve.pid)
    await fetching.fetch_due()
    await fetching.fetch_due()

    assert peer.asked == [("a.example", BodyName(b2_plain(whole.body), len(whole.body)))]
    [letter] = await in_mailbox(room, "INBOX")
    assert letter.endswith(b"\r\n" + TEXT)
    status = parse(letter)
    assert status is not None
    assert (str(status.sender), status.mail.value) == ("eve@a.example", "network")
    assert "first-contact" in status.notes
    assert await in_mailbox(room, "Requests") == [request]


@pytest.mark.anyio
async def test_a_message_whose_request_was_moved_to_inbox_is_fetched_and_known_by_its_author(
    room: Room,
) -> None:
    _, whole, _ = await asks(room)

    def move(writer: ports.MailWriter) -> None:
        box = writer.mailbox(MailboxName("Requests")).id
        writer.move(box, list(writer.snapshot(box).uids), INBOX)

    await room.store.mail.write(move)
    await Fetching(room.store.awaited, KeepingPeer(whole.body), room.clock).fetch_due()

    assert len(await in_mailbox(room, "INBOX")) == 2


@pytest.mark.anyio
async def test_what_its_server_does_not_give_is_tried_for_thirty_days_and_then_told(
    room: Room,
) -> None:
    eve, whole, _ = await asks(room)
    await room.store.relations.accept(eve.pid)
    peer = KeepingPeer(whole.body, PeerUnreachable("away, or it is gone"))
    fetching = Fetching(room.store.awaited, peer, room.clock)
    for _ in range(5):
        await fetching.fetch_due()
        await fetching.fetch_due()  # not due yet
        room.clock.at += 4 * 3600
    assert len(peer.asked) == 5

    room.clock.at += 31 * 86_400
    await fetching.fetch_due()
    await fetching.fetch_due()

    assert len(peer.asked) == 6
    [news] = [one for one in await room.store.relations.news() if one.topic is Topic.GONE]
    assert str(news.author.address) == "eve@a.example"
    await Notices(room.store.relations, Address.parse("bob@b.example"), room.clock).write()
    [note] = await in_mailbox(room, "Gateway")
    assert b"Subject: A message of eve@a.example could not be fetched" in note


@pytest.mark.anyio
async def test_other_octets_than_were_signed_are_never_shown(room: Room) -> None:
    eve, whole, _ = await asks(room)
    await room.store.relations.accept(eve.pid)
    other = seal_body(b"something else\r\n", secrets.token_bytes).octets
    assert other != whole.body

    await Fetching(room.store.awaited, KeepingPeer(other), room.clock).fetch_due()

    assert await room.inbox() == 0
    assert any(one.topic is Topic.GONE for one in await room.store.relations.news())


@pytest.mark.anyio
async def test_a_body_that_stayed_waits_with_its_envelope_for_a_domain_to_be_found(
    room: Room,
) -> None:
    room.discovery.answers = False
    whole = arrival(1, make_person("eve@a.example"), room.bob)
    name = BodyName(b2_plain(whole.body), len(whole.body))
    room.carrier.gives = [replace(whole, body=name.encode()), ports.QueueEmpty()]

    async def waits(_: Inbound) -> None:
        await room.carrier.acked.wait()

    await running(room, waits)

    [env] = [kept async for kept in _kept(room)]
    assert BodyName.read(env) == name


async def _kept(room: Room) -> AsyncGenerator[bytes, None]:
    room.clock.at += 60
    for env in await room.store.intake.due():
        kept = await room.store.intake.get(env)
        assert kept is not None
        yield kept.body


@pytest.mark.anyio
async def test_a_letter_that_holds_receipts_alone_is_acknowledged_and_shown_nowhere(
    room: Room,
) -> None:
    """Whatever it claims; and mail that brings a shape which is no receipt is refused as before."""
    alice = make_person()
    receipt = SignedReceipt(b"no receipt", bytes(64))
    room.carrier.gives = [
        arrival(1, alice, room.bob, b"", kind=Kind.RECEIPT, ext=Ext(receipts=(receipt,)).encode()),
        arrival(2, alice, room.bob),
    ]

    async def story(_: Inbound) -> None:
        while sorted(room.carrier.acknowledged) != [1, 2]:
            room.carrier.acked.clear()
            await room.carrier.acked.wait()

    await running(room, story)

    assert await room.inbox() == 1
    assert await room.store.inbox.refusals() == []


@pytest.mark.anyio
@pytest.mark.parametrize("given", [False, True])
async def test_who_opted_in_owes_a_receipt_for_mail_of_a_contact_and_nobody_else_does(
    room: Room, given: bool
) -> None:
    alice = make_person()
    room.carrier.gives = [arrival(1, alice, room.bob)]
    inbound = await room.inbound()
    own = inbound._own
    own.state = replace(own.state, profile=Profile(receipts=given))
    await inbound.receive(arrival(1, alice, room.bob))

    owed = await room.store.receipts.owed_to(alice.pid)
    assert [claimed(each.receipt).msg_id for each in owed] == [MsgId(bytes([1]) * 16)] * given
