"""A card serves for a quarter of an hour, longer only while its server is away; so many are kept."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from gateway.sending import kept_cards
from gateway.sending.franking import Franking
from gateway.sending.kept_cards import KeptCards
from mx_core.model.address import Address
from mx_core.model.errors import PeerUnreachable
from tests.support.people import NOW
from tests.support.stores import Clock, open_store

pytestmark = pytest.mark.anyio

BOB = Address.parse("bob@b.example")


@dataclass
class Homes:
    """Give a new card each time they are asked, unless they are away."""

    asked: list[Address] = field(default_factory=list)
    away: bool = False

    async def resolve(self, recipient: Address, _log_size: int = 0, _token: bytes = b"") -> bytes:
        if self.away:
            raise PeerUnreachable("away")
        self.asked.append(recipient)
        return b"card %d" % len(self.asked)


@dataclass
class Room:
    homes: Homes
    clock: Clock
    cards: KeptCards

    async def card(self, who: Address = BOB, since: float = 0.0) -> bytes:
        return (await self.cards.get(who, None, None, since)).card


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    homes, clock = Homes(), Clock(NOW)
    store = open_store(tmp_path, clock)
    carrier: Any = homes
    franking = Franking(store.secrets, store.contacts, clock)
    yield Room(homes, clock, KeptCards(carrier, franking, clock))
    store.close()


async def test_a_card_is_asked_for_again_after_a_quarter_of_an_hour(room: Room) -> None:
    first = await room.card()
    room.clock.at += 899
    young = await room.card()
    room.clock.at += 1

    assert (first, young, await room.card()) == (b"card 1", b"card 1", b"card 2")


async def test_while_the_server_is_away_the_last_card_serves(room: Room) -> None:
    await room.card()
    room.clock.at += 86_400
    room.homes.away = True

    assert await room.card() == b"card 1"


async def test_a_card_from_before_what_asks_for_a_new_one_serves_nobody(room: Room) -> None:
    await room.card()
    room.homes.away = True

    with pytest.raises(PeerUnreachable):
        await room.card(since=NOW + 1)


async def test_a_card_that_was_dropped_is_asked_for_and_one_that_was_only_asked_for_is_not_kept(
    room: Room,
) -> None:
    await room.card()
    await room.cards.ask(BOB, None, None)
    kept = await room.card()
    room.cards.drop(BOB)

    assert (kept, await room.card()) == (b"card 1", b"card 3")


async def test_the_card_that_was_asked_for_longest_ago_makes_room(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_cards, "_CARDS_KEPT", 2)
    people = [Address(name, "b.example") for name in ("one", "two", "three")]
    for who in people:
        await room.card(who)
    room.homes.asked.clear()
    for who in reversed(people):
        await room.card(who)

    assert room.homes.asked == people[:1]


async def test_what_was_not_asked_for_here_makes_room_too_and_may_be_gone_when_it_is_dropped(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_cards, "_CARDS_KEPT", 1)
    await room.card(BOB)
    another = Address("one", "b.example")
    room.cards.keep(another, await room.cards.ask(another, None, None))
    room.homes.asked.clear()
    room.cards.drop(BOB)
    await room.card(another)
    await room.card(BOB)

    assert room.homes.asked == [BOB]
