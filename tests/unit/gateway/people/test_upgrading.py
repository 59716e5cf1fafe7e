"""Contacts who came to the network: offered, then the default, never silently undone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from gateway.own.claim import Claim, claim_text
from gateway.own.ownership import prove
from gateway.people.upgrading import Upgrading
from mx_core.model.address import Address
from mx_core.model.errors import EncryptionRequired, Refused, UnknownRecipient, Untrusted
from mx_core.model.mailbox_name import GATEWAY
from tests.support.people import NOW, Person, make_person
from tests.support.sending import ALICE, BOB, SendingAccount, sending_account
from tests.support.signed_mail import rsa_key, signed

pytestmark = pytest.mark.anyio

OLD = Address.parse("bob@old.example")
BOBS = make_person(str(BOB))
NAME = "s._domainkey.old.example"


def claim_mail(
    person: Person = BOBS, ordinary: Address = OLD, author: str = "Bob <bob@old.example>",
    before: str = "", signer: str = "old.example",
) -> bytes:  # fmt: skip
    device = person.devices[0]
    text = claim_text(Claim(ordinary, person.address, person.pid, device.id, NOW), device.key)
    octets = f"From: {author}\r\nTo: {ALICE}\r\nSubject: x\r\n\r\n{before}{text}\r\n"
    return signed(octets.replace("\r\n", "\n").replace("\n", "\r\n").encode(), signer)


def ask(name: str) -> bytes | None:
    return rsa_key()[1].encode() if name == NAME else None


@dataclass
class Room:
    alice: SendingAccount
    upgrading: Upgrading
    asked: list[str]

    async def letters(self) -> list[bytes]:
        def job(reader: object) -> list[bytes]:
            box = reader.mailbox(GATEWAY).id  # type: ignore[attr-defined]
            return [reader.octets(m) for m in reader.snapshot(box).messages]  # type: ignore[attr-defined]

        return await self.alice.store.mail.read(job)

    async def sealed_for(self) -> Address:
        """Submit to the old address; return to whom it is sealed, or fail."""
        await self.alice.submit(OLD)
        (item,) = await self.alice.store.outbox.due(self.alice.clock(), 10)
        assert (item.recipient, item.policy) == (OLD, "native")
        return (await self.alice.recipients.verified(OLD)).address


@pytest.fixture
async def room() -> AsyncIterator[Room]:
    async with sending_account(people=(BOB,)) as alice:
        asked: list[str] = []

        def noted(name: str) -> bytes | None:
            asked.append(name)
            return ask(name)

        upgrading = Upgrading(alice.store.stand_ins, alice.recipients, ALICE, alice.clock, noted)
        yield Room(alice, upgrading, asked)


async def test_a_claim_that_arrives_is_offered_once_and_asks_nobody(room: Room) -> None:
    for _ in range(3):
        await room.upgrading.hear(claim_mail())
    (letter,) = await room.letters()

    assert b"mx-gateway migration take alice@a.example bob@old.example" in letter
    assert (await room.upgrading.state())["offered"] == [
        {"ordinary": "bob@old.example", "address": "bob@b.example"}
    ]
    assert room.asked == []
    assert await room.alice.store.stand_ins.of(OLD) is None


async def test_taken_it_is_the_default_and_sealed(room: Room) -> None:
    await room.upgrading.hear(claim_mail())

    assert await room.upgrading.take(OLD) == BOB
    assert room.asked == [NAME]
    assert await room.sealed_for() == BOB
    assert (await room.upgrading.state())["offered"] == []


async def test_never_silently_undone_whatever_becomes_of_their_domain(room: Room) -> None:
    await room.alice.desk.set("everybody", "encryption", "optional")
    await room.upgrading.hear(claim_mail())
    await room.upgrading.take(OLD)
    room.alice.network.people.clear()
    room.alice.forget_cards()

    with pytest.raises(UnknownRecipient, match="encrypted before"):
        await room.alice.submit(OLD)
    assert not room.alice.sink.taken

    await room.upgrading.leave(OLD)
    await room.alice.submit(OLD)
    await room.alice.move()
    assert len(room.alice.sink.taken) == 1


async def test_another_passport_there_gets_nothing(room: Room) -> None:
    await room.upgrading.hear(claim_mail())
    await room.upgrading.take(OLD)
    room.alice.network.people[BOB] = make_person(str(BOB), now=NOW - 5)
    room.alice.forget_cards()

    with pytest.raises((Untrusted, EncryptionRequired)):
        await room.alice.submit(OLD)
    assert not room.alice.network.parcels


@pytest.mark.parametrize(
    ("octets", "why"),
    [
        (claim_mail(signer="evil.example"), "no signature of old.example"),
        (claim_mail(make_person("mallory@b.example")), "nobody called"),
    ],
)
async def test_what_does_not_prove_itself_is_not_taken(room: Room, octets: bytes, why: str) -> None:
    await room.upgrading.hear(octets)
    with pytest.raises((Untrusted, Refused, UnknownRecipient), match=why):
        await room.upgrading.take(OLD)

    assert await room.alice.store.stand_ins.of(OLD) is None


@pytest.mark.parametrize(
    "octets",
    [
        claim_mail(author="mallory@evil.example"),
        claim_mail(author="bob@old.example, mallory@evil.example"),
        claim_mail(ordinary=ALICE, author=str(ALICE)),
        claim_mail(before="On Tuesday, 14 November 2023 somebody else wrote this to me:\n\n"),
        claim_mail() + claim_mail(),
        claim_mail()[:-40] + claim_mail()[-39:],
        b"Subject: x\r\n\r\nmx-claim begins\r\nmx-claim ends\r\n",
    ],
)
async def test_what_claims_nothing_of_its_sender_is_not_even_offered(
    room: Room, octets: bytes
) -> None:
    await room.upgrading.hear(octets)

    assert await room.letters() == []


async def test_a_forged_claim_does_not_stand_in_the_way_of_the_right_one(room: Room) -> None:
    forged = claim_mail(make_person("mallory@b.example"), signer="evil.example")
    await room.upgrading.hear(forged)
    await room.upgrading.hear(claim_mail())

    assert await room.upgrading.take(OLD) == BOB


async def test_a_proof_file_is_taken_without_the_dns_and_only_for_whom_it_is(room: Room) -> None:
    proof = prove(claim_mail(), BOBS.entries, ask, NOW).encode()
    with pytest.raises(Untrusted, match=r"a proof of bob@old\.example"):
        await room.upgrading.take(Address.parse("eve@old.example"), proof)

    assert await room.upgrading.take(OLD, proof) == BOB
    assert room.asked == []
    assert await room.sealed_for() == BOB


async def test_left_alone_it_is_not_offered_again(room: Room) -> None:
    await room.upgrading.hear(claim_mail())
    await room.upgrading.leave(OLD)
    await room.upgrading.hear(claim_mail())

    assert len(await room.letters()) == 1
    with pytest.raises(Refused, match="ask them for a proof"):
        await room.upgrading.take(OLD)
    with pytest.raises(Refused, match="nobody stands"):
        await room.upgrading.leave(OLD)


async def test_offers_have_a_bound(room: Room) -> None:
    for number in range(5):
        await room.upgrading.hear(claim_mail(make_person(f"p{number}@b.example")))

    assert len(await room.letters()) == 3
