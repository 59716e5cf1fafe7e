"""Whom mail is sealed to, when the person has moved: followed by their own word, and by no other."""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from gateway.sending.franking import Franking
from gateway.sending.recipients import Recipients
from gateway.watching.domain_logs import DomainLogs
from mx_core.discovery.document import SignedDocument
from mx_core.model.address import Address
from mx_core.model.errors import UnknownRecipient, Untrusted
from mx_core.notation.xwing import XWingSecret
from mx_core.passport import make
from mx_core.passport.binding import Binding, attest
from mx_core.passport.card import Card
from mx_core.passport.epoch import new_epoch, sign_epoch
from mx_core.store.account_store import AccountStore
from mx_core.store.people.contact import Contact
from mx_core.store.people.relation import Topic
from mx_core.trust.pin import Pin, Tier, advance
from tests.support.people import NOW, Person, domain_key, domain_pk, make_person
from tests.support.stores import Clock, open_store

OLD, NEW, LAST = (Address("alice", f"{letter}.example") for letter in "abc")


@dataclass
class Found:
    """As much of a discovered domain as a sender needs."""

    name: str
    keys: tuple[bytes, ...]

    runs_log = False
    signed = SignedDocument(b"", b"")  # nothing that evidence could stand on

    def role_key(self, _role: str, _now: float) -> None:
        """No domain here runs a log."""


@dataclass
class Network:
    """Finds every domain, and gives the cards it was told."""

    cards: dict[Address, bytes] = field(default_factory=dict)
    asked: list[Address] = field(default_factory=list)

    async def find(self, domain: str) -> Found:
        return Found(domain, (domain_pk(domain),))

    async def resolve(self, recipient: Address, _log_size: int = 0, _token: bytes = b"") -> bytes:
        self.asked.append(recipient)
        if recipient not in self.cards:
            raise UnknownRecipient(f"{recipient} is not here")
        return self.cards[recipient]

    def shows(self, address: Address, person: Person) -> None:
        """Let the domain of *address* attest *person* as they are now."""
        signed = attest(domain_key(address.domain), Binding.of(person.state, address), NOW)
        card = replace(Card.decode(person.card()), address=address, attestation=signed)
        self.cards[address] = card.encode()


@dataclass
class Room:
    store: AccountStore
    network: Network
    recipients: Recipients

    async def pinned(self, address: Address) -> Pin | None:
        contact = await self.store.contacts.get(address)
        return None if contact is None else Pin.decode(contact.pin)

    async def refused(self, address: Address) -> str:
        with pytest.raises(Untrusted) as caught:
            await self.recipients.verified(address)
        return caught.value.failure


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    clock, network = Clock(NOW), Network()
    store = open_store(tmp_path, clock)
    there: Any = network
    logs = DomainLogs(store.carrier_state, there, "z.example", there, there, clock)
    franking = Franking(store.secrets, store.contacts, clock)
    yield Room(store, network, Recipients(there, there, logs, store.contacts, franking, clock))
    store.close()


def moved(person: Person, *addresses: Address) -> Person:
    for address in addresses:
        person.entries.append(
            make.move(person.state, person.writer(), address, person.recovery, NOW)
        )
    return person


@pytest.mark.anyio
async def test_who_moved_is_found_at_the_new_address_and_stays_verified(room: Room) -> None:
    alice = make_person()
    verified = replace(alice.pin(), tier=Tier.VERIFIED, map_version=7)
    await room.store.contacts.put(Contact(OLD, verified.encode(), alice.chain))
    moved(alice, NEW)
    room.network.shows(OLD, alice)
    room.network.shows(NEW, alice)

    found = await room.recipients.verified(OLD)

    assert (found.address, found.pid) == (NEW, alice.pid)
    pin = await room.pinned(NEW)
    assert pin is not None
    assert (pin.pid, pin.seq, pin.tier) == (alice.pid, 1, Tier.VERIFIED)
    [news] = await room.store.relations.news()
    assert (news.topic, news.author.address, news.detail) == (Topic.KEYS, NEW, "1 moved")


@pytest.mark.anyio
async def test_who_moved_before_they_were_known_is_followed_twice(room: Room) -> None:
    alice = moved(make_person(), NEW, LAST)
    for address in (OLD, NEW, LAST):
        room.network.shows(address, alice)

    assert (await room.recipients.verified(OLD)).address == LAST
    assert room.network.asked == [OLD, LAST], "the passport says where they are now"


@pytest.mark.anyio
async def test_somebody_else_at_the_new_address_is_not_who_moved(room: Room) -> None:
    alice, other = moved(make_person(), NEW), make_person("alice@b.example")
    room.network.shows(OLD, alice)
    room.network.shows(NEW, other)

    assert await room.refused(OLD) == "other-pid"


@pytest.mark.anyio
async def test_an_older_state_at_the_new_address_is_refused(room: Room) -> None:
    alice = moved(make_person(), NEW)
    room.network.shows(NEW, alice)
    alice.rotate()
    room.network.shows(OLD, alice)

    assert await room.refused(OLD) == "rollback"


@pytest.mark.anyio
async def test_a_hostile_domain_can_not_send_mail_for_a_pinned_person_elsewhere(room: Room) -> None:
    """It answers with another passport that has left this address for one of its own."""
    alice = make_person()
    await room.store.contacts.put(Contact(OLD, alice.pin().encode(), alice.chain))
    thief = make_person("thief@b.example")
    moved(thief, OLD, NEW)
    room.network.shows(OLD, thief)
    room.network.shows(NEW, thief)

    assert await room.refused(OLD) == "other-pid"
    assert room.network.asked == [OLD]


@pytest.mark.anyio
async def test_a_move_that_the_old_domain_does_not_attest_is_not_followed(room: Room) -> None:
    alice = moved(make_person(), NEW)
    room.network.shows(NEW, alice)
    card = Card.decode(alice.card())
    forged = attest(domain_key("b.example"), Binding.of(alice.state, OLD), NOW)
    room.network.cards[OLD] = replace(card, address=OLD, attestation=forged).encode()

    assert await room.refused(OLD) == "attest-key"


@pytest.mark.anyio
async def test_what_was_said_of_a_person_holds_where_they_went_when_their_old_domain_is_gone(
    room: Room,
) -> None:
    """As when a sealed mail from the new address came first: the pin of the pid is taken."""
    alice = make_person()
    verified = replace(alice.pin(), tier=Tier.VERIFIED, map_version=7)
    await room.store.contacts.put(Contact(OLD, verified.encode(), alice.chain))

    contact = await room.store.contacts.of_pid(alice.pid)

    assert contact is not None
    assert Pin.decode(contact.pin) == replace(verified, map_version=0)
    assert await room.store.contacts.of_pid(make_person("bob@b.example").pid) is None


async def knows_of_the_move(room: Room, alice: Person) -> None:
    """As when a sealed mail from the new address told of it: the pin of before is there as well."""
    verified = replace(alice.pin(), tier=Tier.VERIFIED)
    await room.store.contacts.put(Contact(OLD, verified.encode(), alice.chain))
    moved(alice, NEW)
    pin = advance(verified, alice.state, now=NOW)
    await room.store.contacts.put(Contact(NEW, pin.encode(), alice.chain))
    room.network.shows(NEW, alice)


@pytest.mark.anyio
async def test_who_is_known_to_have_moved_is_found_though_the_old_domain_is_dead(
    room: Room,
) -> None:
    alice = make_person()
    await knows_of_the_move(room, alice)

    found = await room.recipients.verified(OLD)

    assert (found.address, found.pid) == (NEW, alice.pid)
    assert room.network.asked == [NEW], "the old domain is not asked"


@pytest.mark.anyio
async def test_an_old_domain_that_shows_who_moved_as_they_were_gets_no_mail(room: Room) -> None:
    alice = make_person()
    before = make_person()
    await knows_of_the_move(room, alice)
    room.network.shows(OLD, before)

    assert (await room.recipients.verified(OLD)).address == NEW
    alice.rotate()
    room.network.shows(NEW, alice)
    moved(alice, LAST)
    room.network.shows(NEW, alice)
    room.network.shows(LAST, alice)
    room.recipients._cards._kept.clear()
    assert (await room.recipients.verified(OLD)).address == LAST
    assert OLD not in room.network.asked


@pytest.mark.anyio
async def test_who_only_says_to_have_lived_there_takes_over_nobody_s_mail(room: Room) -> None:
    """A passport may name any address in its past; what counts is who was pinned there."""
    alice, thief = make_person(), moved(make_person(str(OLD), now=NOW - 60), NEW)
    thief.identity = alice.identity
    await room.store.contacts.put(Contact(OLD, alice.pin().encode(), alice.chain))
    await room.store.contacts.put(Contact(NEW, thief.pin().encode(), thief.chain))
    room.network.shows(OLD, alice)

    assert (await room.recipients.verified(OLD)).pid == alice.pid
    assert room.network.asked == [OLD]


def demands(person: Person, floor: int) -> None:
    """Let them take mail of suite *floor* at least."""
    profile = dataclasses.replace(person.state.profile, suite_floor=floor)
    person.entries.append(make.set_profile(person.state, person.writer(), profile, NOW))


def has_post_quantum_key(person: Person) -> None:
    n, private, _ = person.first.epochs[-1]
    public = XWingSecret(bytes(32)).public
    epoch = new_epoch(
        person.pid, person.first.id, n + 1, bytes(private.public_key), person.now, public
    )
    person.first.epochs.append((n + 1, private, sign_epoch(person.first.key, epoch)))


@pytest.mark.anyio
async def test_who_takes_no_older_keys_is_written_to_with_new_ones_only(room: Room) -> None:
    alice = make_person()
    demands(alice, 2)
    room.network.shows(OLD, alice)
    refused = await room.refused(OLD)
    room.recipients._cards._kept.clear()
    has_post_quantum_key(alice)
    room.network.shows(OLD, alice)

    assert refused == "suite"
    assert (await room.recipients.verified(OLD)).suite == 2


@pytest.mark.anyio
@pytest.mark.parametrize("tier", [Tier.IMPLICIT, Tier.VERIFIED])
async def test_taking_older_keys_again_is_a_change_of_keys(room: Room, tier: Tier) -> None:
    alice = make_person()
    has_post_quantum_key(alice)
    demands(alice, 2)
    pin = replace(alice.pin(), tier=tier)
    await room.store.contacts.put(Contact(OLD, pin.encode(), alice.chain))
    demands(alice, 1)
    room.network.shows(OLD, alice)

    if tier is Tier.VERIFIED:
        assert await room.refused(OLD) == "needs-consent"
    else:
        await room.recipients.verified(OLD)
        [news] = await room.store.relations.news()
        assert (news.topic, news.detail) == (Topic.KEYS, "2 profile-changed,suite-floor-lowered")


@pytest.mark.anyio
async def test_whoever_went_on_since_their_card_came_is_asked_for_anew_and_not_taken_for_an_older_self(
    room: Room,
) -> None:
    """Their letter has shown it: the card that is kept for a quarter of an hour is behind."""
    alice = make_person()
    room.network.shows(OLD, alice)
    await room.recipients.verified(OLD)
    pin = await room.pinned(OLD)
    assert pin is not None
    alice.rotate()
    newer = advance(pin, alice.state, now=NOW)
    await room.store.contacts.put(Contact(OLD, newer.encode(), alice.chain))
    room.network.shows(OLD, alice)

    assert (await room.recipients.verified(OLD)).seq == 1
    assert room.network.asked == [OLD, OLD]
    await room.recipients.verified(OLD)
    assert room.network.asked == [OLD, OLD]


@pytest.mark.anyio
async def test_a_domain_that_still_shows_the_older_self_is_held_against_what_a_letter_has_shown(
    room: Room,
) -> None:
    alice = make_person()
    room.network.shows(OLD, alice)
    await room.recipients.verified(OLD)
    pin = await room.pinned(OLD)
    assert pin is not None
    alice.rotate()
    newer = advance(pin, alice.state, now=NOW)
    await room.store.contacts.put(Contact(OLD, newer.encode(), alice.chain))

    assert await room.refused(OLD) == "rollback"
