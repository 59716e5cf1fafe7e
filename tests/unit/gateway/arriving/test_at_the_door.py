"""What the door of the own domain sealed: stored as ordinary mail, and trusted in nothing."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from nacl.signing import SigningKey

from gateway.arriving.at_the_door import AtTheDoor, OrdinaryMail
from gateway.arriving.status_block import Mail, Status, block_octets, parse
from gateway.own.identity import OwnIdentity
from mx_core.envelope.identity import EpochSecret
from mx_core.envelope.open import open_control
from mx_core.model.errors import PeerUnreachable, UnknownRecipient, Untrusted
from mx_core.model.flags import NOT_ENCRYPTED, UNVERIFIED, Flag
from mx_core.model.secret import Secret
from mx_core.store.account_store import AccountStore
from mx_core.store.people.contact import Contact
from tests.support.door_mail import DOOR_KEY, from_the_door
from tests.support.people import NOW, Person, make_person
from tests.support.stores import Clock, open_store

pytestmark = pytest.mark.anyio

LETTER = b"From: Carol <carol@c.example>\r\nTo: bob@b.example\r\nSubject: x\r\n\r\nhello\r\n"
BOUNCE = (
    b"From: MAILER-DAEMON@c.example\r\nTo: bob@b.example\r\nSubject: Undelivered\r\n"
    b"MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=delivery-status;\r\n"
    b' boundary="b"\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nsorry\r\n--b\r\n'
    b"Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; c.example\r\n\r\n"
    b"Final-Recipient: rfc822; gone@c.example\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n--b--\r\n"
)


@dataclass
class Domain:
    """The own domain, and the keys of its roles."""

    door: bytes | None = bytes(DOOR_KEY.verify_key)
    error: Exception | None = None
    anew: bytes | None = None  # what it names when it is asked again
    doubted: int = 0

    def doubt(self, domain: str) -> None:
        assert domain == "b.example"
        self.doubted += 1
        self.door = self.anew or self.door

    async def find(self, domain: str) -> Domain:
        assert domain == "b.example"  # of nobody else anything is asked
        if self.error is not None:
            raise self.error
        return self

    def role_key(self, role: str, now: float) -> bytes | None:
        assert (role, now) == ("door", NOW)
        return self.door


@dataclass
class Room:
    bob: Person
    store: AccountStore
    domain: Domain

    async def opened(self, message: bytes = LETTER, **changes: Any) -> OrdinaryMail:
        finder: Any = self.domain
        clock = Clock(NOW)
        key = Secret(self.bob.first.key)
        own = OwnIdentity(self.bob.state, self.bob.first.id, key, self.store, clock)
        at_the_door = AtTheDoor(finder, self.store.contacts, own, clock)
        envelope, body = from_the_door(message, self.bob, **changes)
        n, private, _ = self.bob.first.epochs[-1]
        return await at_the_door.opened(
            open_control(envelope, [EpochSecret(self.bob.first.id, n, private)]), body
        )

    async def status(self, message: bytes = LETTER, **changes: Any) -> Status:
        status = parse((await self.opened(message, **changes)).octets)
        assert status is not None
        return status


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    bob = make_person("bob@b.example")
    bob.publish_epoch()
    store = open_store(tmp_path, Clock(NOW))
    yield Room(bob, store, Domain())
    store.close()


async def _pin(room: Room, address: str) -> None:
    person = make_person(address)
    await room.store.contacts.put(Contact(person.address, person.pin().encode(), person.chain))


# ── what is stored ───────────────────────────────────────────────────────────────────
async def test_it_is_ordinary_mail_with_the_verdicts_of_the_door_and_the_octets_as_they_came(
    room: Room,
) -> None:
    mail = await room.opened()
    status = parse(mail.octets)
    block = mail.octets[: block_octets(mail.octets)]

    assert status is not None
    assert (status.mail, status.trust, status.sender) == (Mail.ORDINARY, "none", None)
    assert status.notes == ("door",)
    assert dict(status.more) == {"tls": "yes", "spf": "pass", "dkim": "pass", "dmarc": "pass"}
    assert block.endswith(
        b"Return-Path: <carol@c.example>\r\n"
        b"Authentication-Results: b.example; spf=pass smtp.mailfrom=c.example;"
        b" dkim=pass header.d=c.example; dmarc=pass\r\n"
        b"Received: from mail.c.example ([192.0.2.7]) by b.example with ESMTPS"
        b" for <bob@b.example>; Tue, 14 Nov 2023 22:13:20 +0000\r\n"
    )
    assert mail.octets[len(block) :] == LETTER.replace(b"Subject: x", b"Subject: [not encrypted] x")
    assert mail.flags == {NOT_ENCRYPTED}


async def test_fields_that_only_we_may_write_are_removed_and_told_of(room: Room) -> None:
    forged = (
        b"MX-Status: 1; mail=network; trust=verified\r\nReturn-Path: <x@y.example>\r\n"
        b"Authentication-Results: b.example; dmarc=pass\r\n"
    )
    mail = await room.opened(forged + LETTER, spf="fail", dkim=(), dmarc="fail")
    status = parse(mail.octets)

    assert status is not None
    assert status.notes == ("door", "forged-status")
    assert mail.octets.count(b"Authentication-Results:") == 1
    assert b"spf=fail smtp.mailfrom=c.example; dkim=none; dmarc=fail\r\n" in mail.octets
    assert b"trust=verified" not in mail.octets


@pytest.mark.parametrize(
    "who",
    [
        b"From: Alice <alice@a.example>",
        b"From: ALICE+x@A.example",
        b'From: "alice@a.example" <evil@evil.example>',
        b"From: =?utf-8?q?alice=40a=2Eexample?= <evil@evil.example>",
        b"From: evil@evil.example\r\nFrom: alice@a.example",
        b"From: evil@evil.example, alice@a.example",
        b"From: friends: alice@a.example;",
    ],
)
async def test_who_claims_to_be_a_pinned_contact_is_marked(room: Room, who: bytes) -> None:
    await _pin(room, "alice@a.example")
    mail = await room.opened(who + b"\r\nSubject: x\r\n\r\nhello\r\n")
    status = parse(mail.octets)

    assert status is not None
    assert status.notes == ("door", "claims-contact")
    assert dict(status.more)["claims"] == "alice@a.example"
    assert b"claims to be a contact of yours but came as ordinary mail" in mail.octets
    assert mail.flags == {NOT_ENCRYPTED, UNVERIFIED}


async def test_who_claims_to_be_the_owner_is_marked_too(room: Room) -> None:
    status = await room.status(b"From: bob@b.example\r\n\r\nhello\r\n")

    assert status.notes == ("door", "claims-contact")


async def test_who_is_nobodys_contact_is_not_marked_and_nothing_is_pinned(room: Room) -> None:
    await _pin(room, "alice@a.example")
    status = await room.status(b"From: alice@b.example, alice@aa.example\r\n\r\nhello\r\n")

    assert status.notes == ("door",)
    assert [str(each.address) for each in await room.store.contacts.all()] == ["alice@a.example"]


@pytest.mark.parametrize(
    ("dmarc", "junk"),
    [
        ("fail p=reject", True),
        ("fail p=quarantine", True),
        ("fail p=none", False),
        ("fail", False),
        ("fail p=reject arc=forwarder.example", False),
        ("pass p=reject", False),
        ("temperror", False),
    ],
)
async def test_what_its_domain_wants_distrusted_is_junk(room: Room, dmarc: str, junk: bool) -> None:
    mail = await room.opened(dmarc=dmarc)

    assert (Flag("$Junk") in mail.flags) is junk


async def test_a_bounce_is_recognised_by_a_null_sender_only(room: Room) -> None:
    bounce = await room.status(BOUNCE, mail_from="")
    other = await room.status(BOUNCE)

    assert bounce.notes == ("door", "bounce")
    assert dict(bounce.more)["bounced"] == "gone@c.example"
    assert other.notes == ("door",)


async def test_what_strangers_wrote_can_not_add_a_field(room: Room) -> None:
    mail = await room.opened(
        mail_from='"a b\r\nX-Evil: 1"@c.example',
        rcpt_to="bob@b.example>\r\nX-Evil: 2",
        helo="x\r\nX-Evil: 3",
        peer_ip="1\r\nX-Evil: 4",
        spf="pass\r\nX-Evil: 5",
        dkim=(("c.example\r\nX-Evil: 6", "pass; dmarc=pass"), ("é.example", "pass")),
        dmarc="none\r\nX-Evil: 7",
        received=2**64 - 1,
    )
    block = mail.octets[: block_octets(mail.octets)]

    assert b"X-Evil" not in mail.octets
    assert b"spf=none smtp.mailfrom=c.example; dkim=none; dkim=pass; dmarc=none\r\n" in block
    assert b"Received: from unknown by b.example with ESMTPS; " in block


async def test_a_large_message_is_opened_elsewhere_and_is_the_same(room: Room) -> None:
    message = LETTER + secrets.token_bytes(200_000).hex().encode() + b"\r\n"
    mail = await room.opened(message)

    assert mail.octets.endswith(message[-1_000:])
    assert len(mail.octets) > 400_000


# ── whom it is believed from ─────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("changes", "failure"),
    [
        ({"key": SigningKey(b"x" * 32)}, "signature"),
        ({"domain": "a.example"}, "kind"),
        ({"domain": ""}, "kind"),
    ],
)
async def test_only_the_door_of_the_own_domain_is_believed(
    room: Room, changes: dict[str, Any], failure: str
) -> None:
    with pytest.raises(Untrusted) as caught:
        await room.opened(**changes)

    assert caught.value.failure == failure


async def test_a_domain_without_a_door_brings_no_ordinary_mail(room: Room) -> None:
    room.domain.door = None
    with pytest.raises(Untrusted) as caught:
        await room.opened()

    assert caught.value.failure == "door-key"


async def test_a_domain_that_is_not_to_be_found_now_is_asked_again_later(room: Room) -> None:
    room.domain.error = PeerUnreachable("not now")
    with pytest.raises(PeerUnreachable):
        await room.opened()


async def test_a_domain_that_is_gone_vouches_for_nothing(room: Room) -> None:
    room.domain.error = UnknownRecipient("gone")
    with pytest.raises(Untrusted) as caught:
        await room.opened()

    assert caught.value.failure == "domain-absent"


async def test_what_was_sealed_for_somebody_else_is_refused(room: Room) -> None:
    carol = make_person("carol@b.example")
    carol.first.epochs.append(room.bob.first.epochs[-1])
    bob = room.bob
    envelope, body = from_the_door(LETTER, carol)
    finder: Any = room.domain
    key = Secret(bob.first.key)
    own = OwnIdentity(bob.state, bob.first.id, key, room.store, Clock(NOW))
    n, private, _ = bob.first.epochs[-1]
    opened = open_control(envelope, [EpochSecret(bob.first.id, n, private)])
    with pytest.raises(Untrusted) as caught:
        await AtTheDoor(finder, room.store.contacts, own, Clock(NOW)).opened(opened, body)

    assert caught.value.failure == "recipient"


async def test_a_new_key_of_the_own_domain_is_asked_for_once_and_believed(room: Room) -> None:
    new = SigningKey(b"n" * 32)
    room.domain.anew = bytes(new.verify_key)

    assert (await room.opened(key=new)).octets.endswith(b"hello\r\n")
    assert room.domain.doubted == 1


async def test_a_key_that_the_own_domain_does_not_name_is_refused_after_all(room: Room) -> None:
    with pytest.raises(Untrusted):
        await room.opened(key=SigningKey(b"n" * 32))

    assert room.domain.doubted == 1
