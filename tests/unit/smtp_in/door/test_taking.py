"""One message behind the dialogue: judged, sealed for each recipient, and kept or still its sender's."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from nacl.signing import SigningKey

from mx_core.envelope.identity import EpochSecret
from mx_core.envelope.open import open_body, open_control, verify_statement
from mx_core.envelope.statement import DoorRecord, Statement
from mx_core.model.address import Address
from mx_core.model.errors import (
    BadMessage,
    Busy,
    MailError,
    NotPermitted,
    NoUsableEpoch,
    PeerUnreachable,
    Refused,
    UnknownRecipient,
)
from mx_core.model.secret import Secret
from mx_core.proto.federation_pb2 import (
    DEFERRED,
    DUPLICATE,
    NOT_AVAILABLE,
    RATE_LIMITED,
    TOO_LARGE,
    Item,
)
from smtp_in.door.config import Judging
from smtp_in.door.home import HomeServer
from smtp_in.door.ports import Delivery, Peer, Recipient
from smtp_in.door.taking import Taking
from tests.support.door_home import MemoryHome, memory_home
from tests.support.door_mail import DOOR_KEY
from tests.support.door_names import AWAY, TableNames, Zone
from tests.support.people import Person, make_person
from tests.support.signed_mail import LETTER, rsa_key, sealed_by, signed

pytestmark = pytest.mark.anyio

ZONE: Zone = {
    "TXT c.example": ["v=spf1 ip4:192.0.2.7 -all"],
    "TXT s._domainkey.c.example": [rsa_key()[1]],
    "TXT s._domainkey.f.example": [rsa_key()[1]],
    "TXT _dmarc.c.example": ["v=DMARC1; p=reject"],
}


def person(address: str) -> Person:
    return make_person(address, now=int(time.time()))


@dataclass
class Room:
    """A door without its sockets: bob and alice take mail at it."""

    taking: Taking
    home: MemoryHome
    names: TableNames
    people: dict[str, Person] = field(default_factory=dict)

    async def take(self, octets: bytes = LETTER, *recipients: str, **peer: Any) -> None:
        told = [
            Recipient(f"{name}+tag@b.example", Address(name, "b.example"))
            for name in recipients or ("bob",)
        ]
        mail_from = peer.pop("mail_from", "carol@c.example")
        seen = Peer(**{"ip": "192.0.2.7", "helo": "mail.c.example", "tls": True, **peer})
        await self.taking.take(Delivery(seen, mail_from, tuple(told), octets))

    def opened(self, item: Item) -> tuple[bytes, Statement, DoorRecord]:
        whose = self.people[item.route.decode()]
        n, private, _ = whose.first.epochs[-1]
        opened = open_control(item.envelope, [EpochSecret(whose.first.id, n, private)])
        statement = verify_statement(
            opened, sign_pk=bytes(DOOR_KEY.verify_key), my_pid=whose.state.pid
        )
        body = item.body or self.home.bodies[item.body_ref.id]
        assert isinstance(statement.by, DoorRecord)
        return open_body(body, opened, statement), statement, statement.by


@contextlib.asynccontextmanager
async def door(**rules: Any) -> AsyncIterator[Room]:
    async with memory_home() as (home, path):
        server = HomeServer(path)
        begun = await server.begin()
        names = TableNames(dict(ZONE))
        taking = Taking(server, names, begun.domain, begun.key, Judging(**rules))
        room = Room(taking, home, names)
        for address in ("bob@b.example", "alice@b.example"):
            room.people[address] = person(address)
            home.cards[address] = room.people[address].card(issued=int(time.time()))
        server.key_changed = lambda anew: taking.speak_with(anew.key)
        bringing = asyncio.create_task(server.run())
        try:
            yield room
        finally:
            bringing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await bringing
            await server.close()


async def test_each_recipient_has_an_envelope_and_a_body_of_their_own() -> None:
    async with door() as room:
        await room.take(signed(LETTER), "bob", "alice")

    assert sorted(item.route for item in room.home.items) == [b"alice@b.example", b"bob@b.example"]
    assert len({item.body for item in room.home.items}) == 2
    for item in room.home.items:
        message, statement, record = room.opened(item)
        assert message == signed(LETTER) or message.endswith(LETTER)
        assert statement.deliver_by - statement.created == 5 * 86_400
        assert record.domain == "b.example"
        assert (record.mail_from, record.peer_ip) == ("carol@c.example", "192.0.2.7")
        assert record.rcpt_to.partition("+")[0] == item.route.partition(b"@")[0].decode()
        assert (record.helo, record.tls) == ("mail.c.example", True)
        assert (record.spf, record.dkim, record.dmarc) == (
            "pass",
            (("c.example", "pass"),),
            "pass",
        )


async def test_ipv4_in_the_clothes_of_ipv6_and_odd_names_are_told_plainly() -> None:
    async with door() as room:
        await room.take(LETTER, ip="::ffff:192.0.2.7", helo="x" * 900 + "\udcff")
    _, _, record = room.opened(room.home.items[0])

    assert record.peer_ip == "192.0.2.7"
    assert len(record.helo) == 255
    assert record.spf == "pass"


async def test_a_large_message_is_put_before_it_is_named() -> None:
    async with door() as room:
        await room.take(LETTER + b"a line\r\n" * 60_000)
    [item] = room.home.items
    message, _, _ = room.opened(item)

    assert item.HasField("body_ref")
    assert message == LETTER + b"a line\r\n" * 60_000


async def test_what_waits_goes_together() -> None:
    async with door() as room:
        await asyncio.gather(*(room.take(LETTER + b"%d\r\n" % n) for n in range(40)))

    assert len(room.home.items) == 40
    assert len(room.home.batches) < 40


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (DEFERRED, Busy),
        (RATE_LIMITED, Busy),
        (NOT_AVAILABLE, UnknownRecipient),
        (TOO_LARGE, Refused),
    ],
)
async def test_what_is_not_kept_is_not_taken(status: int, error: type[MailError]) -> None:
    async with door() as room:
        room.home.status = status
        with pytest.raises(error):
            await room.take()


async def test_what_is_kept_for_one_and_not_for_another_is_brought_again() -> None:
    async with door() as room:
        room.home.statuses["alice@b.example"] = NOT_AVAILABLE
        with pytest.raises(Busy):
            await room.take(LETTER, "bob", "alice")
        assert await room.taking.whose("alice", "b.example") is not None  # asked anew
        room.home.statuses.clear()
        room.home.status = DUPLICATE
        await room.take(LETTER, "bob", "alice")
    ids = [room.opened(item)[1].msg_id for item in room.home.items if item.route[:3] == b"bob"]

    assert len(ids) == 2
    assert len(set(ids)) == 1


async def test_a_home_server_that_fails_is_asked_again_later() -> None:
    async with door() as room:
        await room.taking.whose("bob", "b.example")
        room.home.broken = True
        with pytest.raises(PeerUnreachable):
            await room.take()
        with pytest.raises(PeerUnreachable):
            await room.taking.whose("alice", "b.example")


async def test_who_is_there_is_asked_once_and_remembered_for_a_while() -> None:
    async with door() as room:
        found = [await room.taking.whose("bob", "b.example") for _ in range(5)]
        nobody = [await room.taking.whose("dora", "b.example") for _ in range(5)]

    assert found == [Address("bob", "b.example")] * 5
    assert nobody == [None] * 5
    assert room.home.asked == ["bob@b.example", "dora@b.example"]


async def test_many_who_ask_for_one_person_wait_for_one_answer() -> None:
    async with door() as room:
        found = await asyncio.gather(*(room.taking.whose("bob", "b.example") for _ in range(30)))
        room.home.broken = True
        failed = await asyncio.gather(
            *(room.taking.whose("alice", "b.example") for _ in range(30)), return_exceptions=True
        )

    assert set(found) == {Address("bob", "b.example")}
    assert {type(one) for one in failed} == {PeerUnreachable}
    assert room.home.asked == ["bob@b.example", "alice@b.example"]


async def test_a_card_that_does_not_prove_itself_is_sealed_to_by_nobody() -> None:
    async with door() as room:
        card = bytearray(room.home.cards["bob@b.example"])
        card[200] ^= 1
        room.home.cards["bob@b.example"] = bytes(card)
        with pytest.raises(NoUsableEpoch):
            await room.taking.whose("bob", "b.example")


@pytest.mark.parametrize(
    "octets",
    [
        b" folded\r\nSubject: x\r\n\r\nhello\r\n",
        b"Received: from a by b\r\n" * 101 + LETTER,
        b"X: y\r\n" * 1_200 + LETTER,
    ],
)
async def test_what_can_not_be_looked_at_is_refused(octets: bytes) -> None:
    async with door() as room:
        with pytest.raises(BadMessage):
            await room.take(octets)

    assert room.home.items == []


# ── what follows from a verdict ──────────────────────────────────────────────────────
FORGED = LETTER
FORWARDED = sealed_by(LETTER, "f.example", b"dmarc=pass header.from=c.example")


@pytest.mark.parametrize(
    ("rules", "octets", "dmarc"),
    [
        ({}, FORGED, "fail p=reject"),
        ({}, FORWARDED, "fail p=reject"),
        ({"forwarders": ("f.example",)}, FORWARDED, "fail p=reject arc=f.example"),
        (
            {"forwarders": ("f.example",), "refuse_failed": True},
            FORWARDED,
            "fail p=reject arc=f.example",
        ),
        ({"forwarders": ("g.example",), "refuse_failed": True}, FORWARDED, None),
        ({"refuse_failed": True}, FORGED, None),
    ],
)
async def test_what_fails_is_marked_and_refused_only_where_the_operator_says_so(
    rules: dict[str, Any], octets: bytes, dmarc: str | None
) -> None:
    async with door(**rules) as room:
        if dmarc is None:
            with pytest.raises(NotPermitted):
                await room.take(octets, ip="198.51.100.1")
            assert room.home.items == []
            return
        await room.take(octets, ip="198.51.100.1")
    _, _, record = room.opened(room.home.items[0])

    assert (record.spf, record.dmarc) == ("fail", dmarc)


async def test_without_a_dns_mail_is_taken_and_nothing_is_known_of_it() -> None:
    async with door(refuse_failed=True) as room:
        room.names.zone = {key: [AWAY] for key in ZONE}
        await room.take(signed(LETTER))
    _, _, record = room.opened(room.home.items[0])

    assert record.spf == "temperror"
    assert record.dkim == (("c.example", "temperror"),)
    assert record.dmarc == "temperror"


async def test_judging_that_takes_too_long_ends_without_a_verdict() -> None:
    class Slow(TableNames):
        async def texts(self, name: str) -> list[bytes]:
            await asyncio.Event().wait()
            raise AssertionError

    async with door(seconds=0.05) as room:
        slow = Slow({})
        taking = Taking(
            room.taking._home, slow, "b.example", Secret(DOOR_KEY), Judging(seconds=0.05)
        )
        room.taking = taking
        await room.take()
    _, _, record = room.opened(room.home.items[0])

    assert (record.spf, record.dkim, record.dmarc) == ("temperror", (), "temperror")


async def test_a_key_that_was_changed_is_taken_up_and_nothing_is_kept_under_the_old_one() -> None:
    async with door() as room:
        await room.take()
        room.home.key = SigningKey(b"n" * 32)
        with pytest.raises(Busy, match="new key"):
            await room.take()
        kept = len(room.home.items)
        await room.take()
        n, private, _ = room.people["bob@b.example"].first.epochs[-1]
        secret = EpochSecret(room.people["bob@b.example"].first.id, n, private)
        opened = open_control(room.home.items[-1].envelope, [secret])
        whose = room.people["bob@b.example"].state.pid

        verify_statement(opened, sign_pk=bytes(room.home.key.verify_key), my_pid=whose)
        assert kept == 1
