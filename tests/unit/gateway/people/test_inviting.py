"""A link that is opened: whom it lets know, what is shown to them, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from msgspec.structs import replace

from gateway.config import Sending
from gateway.people.inviting import Inviting
from gateway.sending.franking import Franking
from gateway.sending.outbound import Outbound
from gateway.sending.recipients import Recipients
from gateway.watching.domain_logs import DomainLogs
from mx_core.admission.invitation import Invitation, secret_after
from mx_core.admission.token import look_up_token, opens, tag_of, week_of
from mx_core.carrier_port import Parcel
from mx_core.envelope.ext import Ext
from mx_core.model.address import Address
from mx_core.model.errors import BadInvitation, UnknownRecipient, Untrusted
from mx_core.model.ids import EnvId
from mx_core.model.mailbox_name import INBOX
from mx_core.model.message import Submission
from mx_core.passport import make
from mx_core.passport.binding import Binding, attest
from mx_core.passport.card import Card
from mx_core.store.account_store import AccountStore
from mx_core.store.outbox.reader import State
from mx_core.store.people.contact import Contact
from mx_core.store.people.relation import Relation
from mx_core.trust.pin import Pin, Tier
from tests.support.people import NOW, Person, domain_key, domain_pk, make_person
from tests.support.stores import Clock, open_store

pytestmark = pytest.mark.anyio

ALICE, BOB = make_person("alice@a.example"), Address("bob", "b.example")
SEED, DAY = b"s" * 16, 86_400


@dataclass
class ClosedNetwork:
    """Answers whoever shows a token of *opened_by*, and nobody else."""

    cards: dict[Address, bytes] = field(default_factory=dict)
    opened_by: bytes = b""
    asked: list[bytes] = field(default_factory=list)

    async def find(self, domain: str) -> Any:
        return SimpleNamespace(
            name=domain, keys=(domain_pk(domain),), runs_log=False, role_key=lambda *_: None
        )

    async def resolve(self, recipient: Address, _size: int = 0, token: bytes = b"") -> bytes:
        self.asked.append(token)
        tag = tag_of(self.opened_by, week_of(NOW))
        if recipient not in self.cards or not opens([tag], token, str(recipient)):
            raise UnknownRecipient(f"{recipient} is not here")
        return self.cards[recipient]


@dataclass
class Room:
    """alice's gateway, as far as she gets to know people."""

    store: AccountStore
    clock: Clock
    network: ClosedNetwork
    franking: Franking
    recipients: Recipients
    inviting: Inviting

    async def pinned(self, address: Address = BOB) -> Pin | None:
        contact = await self.store.contacts.get(address)
        return None if contact is None else Pin.decode(contact.pin)

    def outbound(self) -> Outbound:
        there: Any = self.network
        return Outbound(
            self.store.outbox,
            self.recipients,
            there,
            there,
            Sending(),
            self.clock,
            there,
            self.franking,
            self.store.receipts,
        )

    async def sent(self) -> EnvId:
        """Put a message to bob where the peer's answer finds it."""
        octets = b"Subject: x\r\n\r\nhello\r\n"
        queue_id = await self.store.outbox.enqueue(Submission(ALICE.address, (BOB,), octets))
        parcel = Parcel(BOB, EnvId(b"e" * 32), b"e", b"b", NOW + DAY)
        assert await self.store.outbox.seal(queue_id, BOB, parcel)
        assert await self.store.outbox.sent(queue_id, BOB)
        return parcel.env_id


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    clock, network = Clock(NOW), ClosedNetwork()
    store = open_store(tmp_path, clock)
    there: Any = network
    logs = DomainLogs(store.carrier_state, there, "a.example", there, there, clock)
    franking = Franking(store.secrets, store.contacts, clock)
    recipients = Recipients(there, there, logs, store.contacts, franking, clock)
    own: Any = SimpleNamespace(pid=ALICE.pid, address=ALICE.address)
    yield Room(store, clock, network, franking, recipients, Inviting(store, own, recipients, clock))
    store.close()


def invitation(bob: Person, **other: Any) -> Invitation:
    return replace(Invitation(BOB, bob.pid, SEED, NOW + DAY), **other)


@pytest.fixture
def bob(room: Room) -> Person:
    person = make_person(str(BOB))
    room.network.cards[BOB] = person.card()
    room.network.opened_by = invitation(person).secret
    return person


@pytest.mark.parametrize(("in_person", "tier"), [(False, Tier.ENDORSED), (True, Tier.VERIFIED)])
async def test_who_is_closed_is_found_by_it_and_their_key_is_the_one_of_the_link(
    room: Room, bob: Person, in_person: bool, tier: Tier
) -> None:
    told = await room.inviting.open(invitation(bob).link(), in_person=in_person)

    assert told == {"address": str(BOB), "tier": tier.name.lower()}
    pin = await room.pinned()
    assert pin is not None
    assert (pin.pid, pin.tier) == (bob.pid, tier)
    assert await room.store.relations.of(bob.pid) is Relation.ACCEPTED
    assert (await room.recipients.verified(BOB)).pid == bob.pid
    assert await room.franking.invited(bob.pid) != b""


async def test_another_passport_at_the_address_is_refused_and_nothing_is_kept(
    room: Room, bob: Person
) -> None:
    other = make_person("carol@c.example")
    link = Invitation(BOB, other.pid, SEED, NOW + DAY)
    room.network.opened_by = link.secret

    with pytest.raises(Untrusted, match="another passport than the one of the invitation") as told:
        await room.inviting.open(link.link(), in_person=False)

    assert told.value.failure == "other-pid"
    assert await room.pinned() is None
    assert await room.store.secrets.held.of(other.pid) is None
    assert room.network.cards[BOB] == bob.card()


async def test_a_verified_contact_stays_verified(room: Room, bob: Person) -> None:
    verified = replace(bob.pin(), tier=Tier.VERIFIED)
    await room.store.contacts.put(Contact(BOB, verified.encode(), bob.chain))

    told = await room.inviting.open(invitation(bob).link(), in_person=False)

    assert told["tier"] == "verified"


async def test_who_has_moved_since_is_found_where_they_are(room: Room, bob: Person) -> None:
    new = Address("bob", "c.example")
    bob.entries.append(make.move(bob.state, bob.writer(), new, bob.recovery, NOW))
    for address in (BOB, new):
        signed = attest(domain_key(address.domain), Binding.of(bob.state, address), NOW)
        card = replace(Card.decode(bob.card()), address=address, attestation=signed)
        room.network.cards[address] = card.encode()

    told = await room.inviting.open(invitation(bob).link(), in_person=False)

    assert told["address"] == str(new)


@pytest.mark.parametrize(
    ("other", "sentence"),
    [
        ({"expires": NOW}, "ended on .*; ask bob@b.example for a new one"),
        ({"pid": ALICE.pid}, "an invitation of your own"),
        ({"seed": b"t" * 16}, "used up or taken back"),
    ],
)
async def test_what_lets_in_no_more_is_told(
    room: Room, bob: Person, other: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(BadInvitation, match=sentence):
        await room.inviting.open(invitation(bob, **other).link(), in_person=False)
    assert await room.pinned() is None


async def test_once_it_was_used_the_look_up_shows_what_follows_from_it(
    room: Room, bob: Person
) -> None:
    """Whoever is closed lets in by another secret from the moment the use was noticed."""
    await room.inviting.open(invitation(bob).link(), in_person=False)
    after = secret_after(invitation(bob).secret, ALICE.pid)
    room.network.opened_by = after
    room.network.asked.clear()
    room.clock.at += 1_000  # the card is asked for anew

    assert (await room.recipients.verified(BOB)).pid == bob.pid
    assert len(room.network.asked) == 2
    assert opens([tag_of(after, week_of(NOW))], room.network.asked[1], str(BOB))
    room.clock.at += 1_000
    assert (await room.recipients.verified(BOB)).pid == bob.pid
    assert len(room.network.asked) == 3, "it is remembered which of the two lets in"


async def test_both_are_tried_again_after_nobody_was_found_by_either(
    room: Room, bob: Person
) -> None:
    await room.inviting.open(invitation(bob).link(), in_person=False)
    known = room.network.opened_by
    room.network.opened_by = b"x" * 32
    room.clock.at += 1_000
    with pytest.raises(UnknownRecipient):
        await room.recipients.verified(BOB)
    room.network.opened_by = known

    assert (await room.recipients.verified(BOB)).pid == bob.pid


async def test_what_was_refused_because_it_was_used_up_is_sealed_anew_once(
    room: Room, bob: Person
) -> None:
    await room.inviting.open(invitation(bob).link(), in_person=False)
    outbound, env_id = room.outbound(), await room.sent()
    item = await room.store.outbox.by_env_id(env_id)
    assert item is not None

    await outbound.turned_away.refused(item, env_id, "Nobody.", "5.1.1")

    [again] = await room.store.outbox.unsettled()
    assert again.state is State.QUEUED
    # the notice comes again: it is of an envelope that nobody waits for
    assert await room.store.outbox.by_env_id(env_id) is None
    env_id = EnvId(b"f" * 32)
    parcel = Parcel(BOB, env_id, b"e", b"b", NOW + DAY)
    assert await room.store.outbox.seal(again.queue_id, BOB, parcel)
    stamp = await room.franking.stamp(parcel)
    after = tag_of(secret_after(invitation(bob).secret, ALICE.pid), week_of(NOW))
    assert stamp.token[:8] == after[:8]

    await outbound.turned_away.refused(again, env_id, "Nobody.", "5.1.1")

    assert await room.store.outbox.unsettled() == []
    assert (await room.store.mail.read(lambda reader: reader.mailbox(INBOX))).messages == 1


async def test_what_is_refused_for_another_reason_is_told_at_once(room: Room, bob: Person) -> None:
    await room.inviting.open(invitation(bob).link(), in_person=False)
    env_id = await room.sent()
    item = await room.store.outbox.by_env_id(env_id)
    assert item is not None

    await room.outbound().turned_away.refused(item, env_id, "Too large.", "5.3.4")

    assert await room.store.outbox.unsettled() == []


async def test_postage_is_paid_only_when_what_follows_does_not_let_in_either(
    room: Room, bob: Person
) -> None:
    await room.inviting.open(invitation(bob).link(), in_person=False)
    outbound, env_id = room.outbound(), await room.sent()
    item = await room.store.outbox.by_env_id(env_id)
    assert item is not None

    await outbound.turned_away.pay(item, env_id, 4)

    [again] = await room.store.outbox.unsettled()
    assert again.state is State.QUEUED
    parcel = Parcel(BOB, EnvId(b"f" * 32), b"e", b"b", NOW + DAY)
    assert await room.store.outbox.seal(again.queue_id, BOB, parcel)
    await outbound.turned_away.pay(again, parcel.env_id, 4)

    paying = await room.store.outbox.parcel(again.queue_id, BOB)
    assert paying is not None
    assert paying.postage_bits == 4
    assert len((await room.franking.stamp(paying)).postage) == 8


async def test_an_invitation_of_ones_own_is_shown_with_its_link(room: Room) -> None:
    made = await room.inviting.make("fair", 3, 7)

    assert Invitation.read(made["link"]).pid == ALICE.pid
    assert await room.inviting.all() == [made]
    await room.inviting.take_back(made["id"])
    assert await room.inviting.all() == []


def test_a_look_up_token_of_it_is_like_any_other() -> None:
    tag = tag_of(Invitation(BOB, ALICE.pid, SEED, NOW).secret, week_of(NOW))

    assert opens([tag], look_up_token(tag, str(BOB)), str(BOB))
    assert Ext.decode(Ext((), b"", b"i" * 32).encode()).invited == b"i" * 32
