"""What an old home server does wrong with a move is seen as others see it, and told once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from nacl.signing import SigningKey

from gateway.own.identity import OwnIdentity
from gateway.own.old_home_watch import AsOthersSee, OldHomeWatch
from gateway.own.old_homes import OldHome, OldHomes
from gateway.writing.move_letters import Wrong
from mx_core.model.address import Address
from mx_core.model.errors import PeerUnreachable, UnknownRecipient
from mx_core.model.mailbox_name import INBOX
from mx_core.model.secret import Secret
from mx_core.passport import make
from mx_core.passport.binding import Binding, attest
from mx_core.passport.card import Card
from mx_core.passport.op import Profile
from mx_core.store.account_store import AccountStore
from mx_core.store.people.contact import Contact
from tests.support.people import NOW, Person, domain_key, domain_pk, make_person
from tests.support.stores import Clock, open_store

pytestmark = pytest.mark.anyio

OLD, NEW = Address("dora", "a.example"), Address("dora", "c.example")
DAY = 86_400


@dataclass
class Found:
    name: str
    keys: tuple[bytes, ...]


@dataclass
class Collecting:
    refused: bool = False


@dataclass
class Room:
    """dora has moved; *shows* is what others are shown at her old address."""

    dora: Person
    store: AccountStore
    clock: Clock
    homes: OldHomes
    left: OldHome
    shows: Callable[[], bytes]
    collecting: Collecting = field(default_factory=Collecting)

    def watch(self) -> OldHomeWatch:
        first = self.dora.first
        own = OwnIdentity(self.dora.state, first.id, Secret(first.key), self.store, self.clock)
        finder: Any = self
        seen = AsOthersSee(finder.find, finder.look, finder.no_log)
        return OldHomeWatch(self.left, self.homes, seen, self.collecting, own, self.store)

    async def find(self, domain: str) -> Any:
        return Found(domain, (domain_pk(domain),))

    async def look(self, _: Address) -> bytes:
        return self.shows()

    async def no_log(self, _: Any) -> None:
        return None

    def as_moved(self) -> bytes:
        """What an old home server should show: the old address, and the whole chain."""
        return card_at_old(self.dora, self.dora.entries)

    def as_before(self) -> bytes:
        return card_at_old(self.dora, self.dora.entries[:1])

    async def letters(self) -> list[str]:
        def job(reader: Any) -> list[bytes]:
            box = reader.mailbox(INBOX).id
            return [reader.octets(each) for each in reader.snapshot(box).messages]

        found = await self.store.mail.read(job)
        return [one.replace(b"=\r\n", b"").decode() for one in found]


def card_at_old(person: Person, entries: list[bytes]) -> bytes:
    shown = replace(person, entries=list(entries))
    attestation = attest(domain_key("a.example"), Binding.of(shown.state, OLD), NOW)
    return Card(OLD, tuple(entries), (), attestation).encode()


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Room]:
    dora = make_person(str(OLD))
    move = make.move(dora.state, dora.writer(), NEW, dora.recovery, NOW)
    dora.entries.append(move)
    clock = Clock(NOW + 60)
    store = open_store(tmp_path, clock)
    homes = OldHomes(store.settings)
    left = OldHome(OLD, move, NOW, told=True)
    await homes.leave(left)
    made = Room(dora, store, clock, homes, left, lambda: b"")
    made.shows = made.as_moved
    yield made
    store.close()


async def test_an_old_home_that_leads_to_the_new_address_is_not_spoken_of(room: Room) -> None:
    await room.watch().check()

    assert await room.letters() == []


def nobody() -> bytes:
    raise UnknownRecipient("nobody")


def stranger() -> bytes:
    other = make_person(str(OLD))
    key = SigningKey(b"z" * 32)
    other.entries = [
        make.genesis(OLD, key, SigningKey(b"y" * 32), other.first.key, other.first.id, NOW)
    ]
    return card_at_old(other, other.entries)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (Wrong.HIDES, "does not show to others that you have moved"),
        (Wrong.ANOTHER, "shows keys of somebody else"),
        (Wrong.NOBODY, "there is nobody of that name"),
        (Wrong.REFUSES, "did not take the move"),
        (Wrong.KEEPS, "gives out nothing of what waits"),
    ],
)
async def test_each_wrong_is_one_letter_however_often_it_is_seen(
    room: Room, wrong: Wrong, said: str
) -> None:
    bob = make_person("bob@b.example")
    await room.store.contacts.put(Contact(bob.address, bob.pin().encode(), b""))
    await room.store.relations.accept(bob.pid)
    match wrong:
        case Wrong.HIDES:
            room.shows = room.as_before
        case Wrong.ANOTHER:
            room.shows = stranger
        case Wrong.NOBODY:
            room.shows = nobody
        case Wrong.REFUSES:
            await room.homes.was_told(room.left, refused=True)
        case _:
            room.collecting.refused = True

    await room.watch().check()
    await room.watch().check()  # an hour later, or after a restart

    [letter] = await room.letters()
    assert said in letter
    assert "bob@b.example" in letter
    assert letter.count("  - ") == 1
    assert (await room.homes.now(room.left)).warned == {wrong}


async def test_what_is_wrong_besides_is_told_with_all_that_is_wrong_now(room: Room) -> None:
    await room.homes.was_told(room.left, refused=True)
    await room.watch().check()
    room.shows = stranger

    await room.watch().check()

    [_, second] = await room.letters()
    assert "did not take the move" in second
    assert "shows keys of somebody else" in second


async def test_silence_is_told_after_a_day_and_not_before(room: Room) -> None:
    def away() -> bytes:
        raise PeerUnreachable("away")

    room.shows = away
    watch = room.watch()
    await watch.check()
    room.clock.at = NOW + DAY
    await watch.check()
    before = await room.letters()
    room.clock.at = NOW + DAY + 61

    await watch.check()

    assert before == []
    [letter] = await room.letters()
    assert "has not answered for a day" in letter


async def test_who_is_found_by_contacts_only_is_nobody_to_themselves_too(room: Room) -> None:
    profile = Profile(lookup_open=False)
    dora = room.dora
    dora.entries.append(make.set_profile(dora.state, dora.writer(), profile, NOW))
    room.shows = nobody

    await room.watch().check()

    assert await room.letters() == []


async def test_a_move_further_on_still_leads_away_and_an_alien_one_does_not(room: Room) -> None:
    dora = room.dora
    shown = card_at_old(dora, dora.entries)
    room.shows = lambda: shown
    dora.entries.append(
        make.move(dora.state, dora.writer(), Address("dora", "e.example"), dora.recovery, NOW)
    )
    await room.watch().check()
    assert await room.letters() == [], "the new home leads on from there"

    ahead = card_at_old(dora, dora.entries)
    room.shows = lambda: ahead
    dora.entries.pop()
    await room.watch().check()

    [letter] = await room.letters()
    assert "does not show to others" in letter
