"""A change of the own passport is finished whatever breaks in between, or leaves no trace."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from nacl.public import PrivateKey

from gateway.own.changes import OwnChanges
from gateway.own.identity import OwnIdentity, stored_identity
from mx_core.model.errors import PeerUnreachable, Refused, Untrusted
from mx_core.model.ids import Pid
from mx_core.model.secret import Secret
from mx_core.notation.xwing import XWingSecret
from mx_core.passport.chain import verify_chain
from mx_core.passport.epoch import new_epoch, sign_epoch
from mx_core.passport.op import Reason
from mx_core.passport.state import ChangeKind
from mx_core.store.account_store import AccountStore
from mx_core.store.own.keys import OwnKey
from tests.support.people import NOW, Person, make_person
from tests.support.stores import Clock, open_store


@dataclass
class Home:
    """The home server: holds the passport, and answers or not."""

    person: Person
    answers: bool = True
    given: list[bytes] = field(default_factory=list)

    async def append_passport(self, signed_entry: bytes) -> bytes:
        self.given.append(signed_entry)
        if self.person.entries[-1] != signed_entry:
            verify_chain([*self.person.entries, signed_entry], now=NOW)
            self.person.entries.append(signed_entry)
        if not self.answers:
            raise PeerUnreachable("the answer was lost")
        return self.person.card()


@dataclass
class Room:
    store: AccountStore
    home: Home
    own: OwnIdentity
    changes: OwnChanges

    async def identity(self) -> bytes:
        seed = await self.store.keys.get(OwnKey.IDENTITY)
        assert seed is not None
        return seed.reveal()


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Room]:
    alice, clock = make_person(), Clock(NOW)
    store = open_store(tmp_path, clock)
    await store.passport.add(0, alice.entries[0])
    await store.keys.put(OwnKey.IDENTITY, Secret(bytes(alice.identity)))
    await store.keys.put(OwnKey.DEVICE, Secret(bytes(alice.first.key)))
    await store.keys.put(OwnKey.CARD, Secret(alice.card()))
    own = OwnIdentity(alice.state, alice.first.id, Secret(alice.first.key), store, clock)
    home = Home(alice)
    yield Room(store, home, own, OwnChanges(own, home))
    store.close()


@pytest.mark.anyio
async def test_a_rotation_is_taken_by_the_server_and_kept_here(room: Room) -> None:
    before = await room.identity()
    await room.changes.rotate()

    kept = await stored_identity(room.store, Clock(NOW))
    assert kept is not None
    assert kept.state == room.own.state == room.home.person.state
    assert (kept.state.seq, kept.proof) == (1, room.own.proof)
    assert await room.identity() != before
    assert await room.store.keys.get(OwnKey.CHANGE) is None

    await room.changes.rotate()
    assert room.own.state.seq == 2, "the new key signs the next entry"


@pytest.mark.anyio
async def test_who_finds_the_account_is_said_once_and_its_key_stays(room: Room) -> None:
    before = await room.identity()

    await room.changes.be_found_by(everybody=True)
    assert room.own.state.seq == 0, "it was open already"
    await room.changes.be_found_by(everybody=False)
    await room.changes.be_found_by(everybody=False)

    assert room.own.state.seq == room.home.person.state.seq == 1
    assert not room.home.person.state.profile.lookup_open
    assert await room.identity() == before
    await room.changes.rotate()
    assert not room.own.state.profile.lookup_open


@pytest.mark.anyio
async def test_a_floor_is_taken_once_every_device_has_such_a_key_and_can_be_given_up(
    room: Room,
) -> None:
    with pytest.raises(Refused, match="not every device"):
        await room.changes.take_suite(2)  # its epoch is of suite 1
    assert room.home.given == []
    alice = room.home.person
    xwing = XWingSecret(bytes(32)).public
    alice.first.epochs.append((2, *signed_epoch(alice, 2, xwing)))
    await room.store.keys.put(OwnKey.CARD, Secret(alice.card()))

    await room.changes.take_suite(2)
    await room.changes.take_suite(2)
    assert [alice.state.seq, alice.state.profile.suite_floor] == [1, 2]
    await room.changes.take_suite(1)

    assert [alice.state.seq, alice.state.profile.suite_floor] == [2, 1]
    assert [change.kind for change in alice.state.changes][-1] is ChangeKind.SUITE_FLOOR_LOWERED


def signed_epoch(alice: Person, n: int, xwing: bytes) -> tuple[PrivateKey, bytes]:
    private = PrivateKey(bytes(31) + b"\1")
    epoch = new_epoch(alice.pid, alice.first.id, n, bytes(private.public_key), NOW, xwing)
    return private, sign_epoch(alice.first.key, epoch)


@pytest.mark.anyio
async def test_what_a_removed_device_knew_of_contacts_is_replaced_with_the_next_mail(
    room: Room,
) -> None:
    alice, secrets = room.home.person, room.store.secrets
    bob = Pid(b"b" * 32)
    first = await secrets.mine(bob)
    other = alice.add()
    await room.store.passport.add(1, alice.entries[1])
    room.own.state = alice.state
    assert await secrets.mine(bob) == first, "a device more knows no secret of before"

    await room.changes.rotate()
    assert await secrets.mine(bob) == first
    await room.changes.remove(other.id, Reason.LOST, NOW)
    renewed = await secrets.mine(bob)

    assert renewed != first
    assert await secrets.mine(bob) == renewed
    assert await secrets.given() == [renewed, first]


@pytest.mark.anyio
async def test_a_lost_answer_is_asked_for_again_with_the_same_entry(room: Room) -> None:
    before = await room.identity()
    room.home.answers = False
    with pytest.raises(PeerUnreachable):
        await room.changes.rotate()
    assert (room.own.state.seq, await room.identity()) == (0, before)

    room.home.answers = True
    await OwnChanges(room.own, room.home).run()

    assert room.home.given[0] == room.home.given[1]
    assert room.own.state == room.home.person.state
    assert await room.identity() != before


@pytest.mark.anyio
async def test_what_does_not_follow_the_servers_passport_leaves_no_trace(room: Room) -> None:
    before = await room.identity()
    room.home.person.rotate()
    with pytest.raises(Untrusted):
        await room.changes.rotate()

    assert await room.identity() == before
    assert await room.store.keys.get(OwnKey.CHANGE) is None
    assert await room.store.passport.entries() == room.home.person.entries[:1]
