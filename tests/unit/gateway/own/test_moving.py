"""A move is durable before anybody hears of it, and leaves no trace where it is not taken."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from gateway.own.identity import OwnIdentity
from gateway.own.moving import Moving
from gateway.own.old_homes import OldHomes
from mx_core.model.address import Address
from mx_core.model.errors import NotPermitted, PeerUnreachable, Refused, Untrusted
from mx_core.model.secret import Secret
from mx_core.passport.binding import Binding, attest
from mx_core.passport.card import Card
from mx_core.passport.chain import verify_chain
from mx_core.passport.make import genesis
from mx_core.recovery.sheet import Sheet
from mx_core.store.own.keys import OwnEpoch, OwnKey
from tests.support.people import NOW, domain_key, key_of, make_person
from tests.support.stores import Clock, open_store

pytestmark = pytest.mark.anyio

OLD, NEW = Address("dora", "a.example"), Address("dora", "c.example")


@dataclass
class NewHome:
    """A home server that says what it is told to, and has the answers fail that are to."""

    fails: list[Exception] = field(default_factory=list)
    loses: int = 0
    lies: bool = False
    taken: list[tuple[str, bytes, tuple[bytes, ...], tuple[bytes, ...]]] = field(
        default_factory=list
    )

    async def find(self, domain: str) -> Any:
        if domain == "nowhere.example":
            raise PeerUnreachable("nobody answers")
        return domain

    async def register(
        self,
        domain: Any,
        *,
        invite: str,
        signed_entry: bytes,
        signed_epochs: Sequence[bytes],
        now: float,
        earlier: Sequence[bytes] = (),
    ) -> bytes:
        assert domain == NEW.domain
        if self.fails:
            raise self.fails.pop(0)
        self.taken.append((invite, signed_entry, tuple(earlier), tuple(signed_epochs)))
        if self.loses:
            self.loses -= 1
            raise PeerUnreachable("the answer was lost")
        entries = (*earlier, signed_entry)
        state = verify_chain(entries, now=now)
        card = Card(NEW, entries, (), attest(domain_key("c.example"), Binding.of(state), NOW))
        return replace(card, entries=entries[:1] if self.lies else entries).encode()


@dataclass
class Room:
    own: OwnIdentity
    home: NewHome
    moving: Moving
    homes: OldHomes
    sheet: Sheet

    async def begin(self, to: Address = NEW, words: str = "") -> None:
        await self.moving.begin(to, "invite", words or self.sheet.words)

    async def is_under_way(self) -> bool:
        return await self.own.store.keys.get(OwnKey.MOVE) is not None


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Room]:
    store, sheet, clock = open_store(tmp_path, Clock(NOW)), Sheet.new(), Clock(NOW)
    identity, device = key_of("identity"), key_of("device")
    entry = genesis(OLD, identity, sheet.key, device, store.device_id, NOW)
    await store.passport.add(0, entry, {OwnKey.IDENTITY: bytes(identity)})
    own = OwnIdentity(verify_chain([entry], now=NOW), store.device_id, Secret(device), store, clock)
    home, homes = NewHome(), OldHomes(store.settings)
    yield Room(own, home, Moving(own, homes, home.find, home.register), homes, sheet)
    store.close()


async def test_it_is_registered_there_with_its_whole_past_and_lives_there_then(room: Room) -> None:
    [before] = await room.own.store.passport.entries()

    await room.begin()

    [(invite, entry, earlier, _)] = room.home.taken
    assert (invite, earlier) == ("invite", (before,))
    assert await room.own.store.passport.entries() == [before, entry]
    assert room.moving.done.is_set()
    assert not await room.is_under_way()
    [left] = await room.homes.all()
    assert (left.address, left.entry, left.since, left.told) == (OLD, entry, NOW, False)


async def test_a_lost_answer_is_asked_for_again_with_the_very_same_entry(room: Room) -> None:
    room.home.loses = 2
    with pytest.raises(PeerUnreachable):
        await room.begin()
    assert await room.is_under_way()
    assert not room.moving.done.is_set()
    with pytest.raises(PeerUnreachable):
        await room.begin(words=room.sheet.words)  # asked for again by the person

    again = Moving(room.own, room.homes, room.home.find, room.home.register)  # the next start
    await again.run()

    assert again.done.is_set()
    assert len({entry for _, entry, _, _ in room.home.taken}) == 1
    assert len(await room.homes.all()) == 1


@pytest.mark.parametrize("error", [NotPermitted("no such invite"), Untrusted("leaf-key")])
async def test_what_the_new_domain_does_not_take_changes_nothing(
    room: Room, error: Exception
) -> None:
    room.home.fails = [error]

    with pytest.raises(type(error)):
        await room.begin()

    assert not await room.is_under_way()
    assert len(await room.own.store.passport.entries()) == 1
    assert await room.homes.all() == []
    await room.begin()  # with a better invite
    assert room.moving.done.is_set()


async def test_a_new_home_that_gives_out_another_passport_is_not_moved_to(room: Room) -> None:
    room.home.lies = True

    with pytest.raises(Untrusted) as told:
        await room.begin()

    assert told.value.failure == "own-card"
    assert len(await room.own.store.passport.entries()) == 1
    assert not room.moving.done.is_set()


async def test_who_waits_for_a_move_no_more_is_told_that_it_came_to_nothing(room: Room) -> None:
    told: list[tuple[Address, str]] = []

    async def tell(there: Address, why: str) -> None:
        told.append((there, why))

    room.home.loses = 1
    with pytest.raises(PeerUnreachable):
        await room.begin()
    assert await room.moving.under_way() == NEW
    room.home.fails = [NotPermitted("the invite was used")]

    again = Moving(room.own, room.homes, room.home.find, room.home.register, tell)
    await again.run()

    assert told == [(NEW, "the invite was used")]
    assert await again.under_way() is None
    assert not again.done.is_set()


async def test_it_takes_the_present_sheet_and_another_domain_that_is_there(room: Room) -> None:
    with pytest.raises(Refused, match="another domain"):
        await room.begin(Address("dora2", "a.example"))
    with pytest.raises(Refused, match="present sheet"):
        await room.begin(words=Sheet.new().words)
    with pytest.raises(PeerUnreachable):
        await room.begin(Address("dora", "nowhere.example"))
    await room.own.store.keys.put(OwnKey.CHANGE, Secret(b"x"))
    with pytest.raises(Refused, match="another change"):
        await room.begin()

    assert room.home.taken == []
    assert not await room.is_under_way()


async def test_every_device_s_newest_epochs_go_along(room: Room) -> None:
    device = make_person(str(OLD), epochs=3).first
    for n, private, signed in device.epochs:
        assert await room.own.store.keys.new_epoch_number() == n
        await room.own.store.keys.keep_epoch(
            OwnEpoch(n, Secret(bytes(private)), signed, NOW + 10**6, NOW)
        )

    await room.begin()

    [(_, _, _, epochs)] = room.home.taken
    assert epochs == tuple(signed for _, _, signed in device.epochs[-2:])
