"""A body that stayed at its author's server: asked for once its author is accepted, and never shown unproved."""

import secrets
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field

import pytest
from msgspec.structs import replace

from gateway.arriving.fetching import Fetching
from gateway.arriving.inbound import Inbound
from gateway.arriving.status_block import parse
from gateway.writing.notices import Notices
from mx_core import carrier_port, ports
from mx_core.envelope.seal import seal_body
from mx_core.model import octets
from mx_core.model.address import Address
from mx_core.model.body_name import BodyName
from mx_core.model.errors import MailError, PeerUnreachable
from mx_core.model.mailbox_name import INBOX, MailboxName
from mx_core.notation.hashing import b2_plain
from mx_core.store.people.relation import Topic
from tests.support.arriving import TEXT, Room, arrival, in_mailbox, running
from tests.support.people import Person, make_person


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


async def asks(room: Room) -> tuple[Person, carrier_port.Arrival, Inbound]:
    """Let a stranger ask with a body that stays where it is."""
    eve = make_person("eve@a.example")
    whole = arrival(1, eve, room.bob)
    name = BodyName(b2_plain(octets.whole(whole.body)), len(whole.body))
    inbound = await room.inbound()
    for _ in range(2):  # given twice: one request
        await inbound.receive(replace(whole, body=name.encode()))
    return eve, whole, inbound


@pytest.mark.anyio
async def test_a_body_that_stayed_is_asked_for_once_its_author_is_accepted(room: Room) -> None:
    eve, whole, _ = await asks(room)
    peer = KeepingPeer(octets.whole(whole.body))
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

    assert peer.asked == [
        ("a.example", BodyName(b2_plain(octets.whole(whole.body)), len(whole.body)))
    ]
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
    await Fetching(
        room.store.awaited, KeepingPeer(octets.whole(whole.body)), room.clock
    ).fetch_due()

    assert len(await in_mailbox(room, "INBOX")) == 2


@pytest.mark.anyio
async def test_what_its_server_does_not_give_is_tried_for_thirty_days_and_then_told(
    room: Room,
) -> None:
    eve, whole, _ = await asks(room)
    await room.store.relations.accept(eve.pid)
    peer = KeepingPeer(octets.whole(whole.body), PeerUnreachable("away, or it is gone"))
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

    await Fetching(room.store.awaited, KeepingPeer(octets.whole(other)), room.clock).fetch_due()

    assert await room.inbox() == 0
    assert any(one.topic is Topic.GONE for one in await room.store.relations.news())


@pytest.mark.anyio
async def test_a_body_that_stayed_waits_with_its_envelope_for_a_domain_to_be_found(
    room: Room,
) -> None:
    room.discovery.answers = False
    whole = arrival(1, make_person("eve@a.example"), room.bob)
    name = BodyName(b2_plain(octets.whole(whole.body)), len(whole.body))
    room.carrier.gives = [replace(whole, body=name.encode()), carrier_port.QueueEmpty()]

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
        yield octets.whole(kept.body)
