"""A passport moves to another domain: what both home servers do, to the person and to everybody."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from nacl.signing import SigningKey

from mx_core.directory.proving import Moved
from mx_core.directory.sender_check import verify_card
from mx_core.model.address import Address
from mx_core.passport import make
from mx_core.passport.card import Card
from mx_core.passport.chain import extend, verify_chain
from mx_core.passport.make import Writer
from mx_core.passport.op import Profile
from mx_core.proto import client_pb2
from mx_core.proto.federation_pb2 import ACCEPTED
from tests.support.home_device import SECONDS, HomeDevice, item_for
from tests.support.homes import HomeProcess, Homes
from tests.support.plain_peer import PlainPeer, plain_peer

pytestmark = [pytest.mark.anyio, pytest.mark.fleet]
Code = grpc.StatusCode
_names = iter(range(1_000_000))


@pytest.fixture(scope="module")
def old(homes: Homes) -> HomeProcess:
    return homes.make("a.example", "[limits]\nhello_per_minute = 99\n")


@pytest.fixture(scope="module")
def new(homes: Homes) -> HomeProcess:
    return homes.make("c.example", "[limits]\nhello_per_minute = 99\n")


@pytest.fixture
async def carol(old: HomeProcess) -> AsyncIterator[HomeDevice]:
    async with HomeDevice(old, f"u{next(_names)}") as device:
        yield await device.join()


@pytest.fixture
async def there(carol: HomeDevice, new: HomeProcess) -> AsyncIterator[HomeDevice]:
    """The same device, as it will speak to the new home server."""
    async with HomeDevice(new, carol.address.local) as device:
        device.identity, device.recovery, device.key = carol.identity, carol.recovery, carol.key
        device.device_id, device.entry, device.state = carol.device_id, carol.entry, carol.state
        yield device


def move_of(carol: HomeDevice, to: Address) -> bytes:
    writer = Writer(carol.device_id, carol.key, carol.identity)
    return make.move(carol.state, writer, to, carol.recovery, time.time())


async def register(
    there: HomeDevice, entry: bytes, earlier: list[bytes], invite: str | None = None
) -> bytes:
    code = await asyncio.to_thread(there.home.invite) if invite is None else invite
    reply = await there.stub.Register(
        client_pb2.RegisterRequest(
            invite=code,
            signed_entry=entry,
            signed_epochs=[there.epoch()],
            earlier_entries=earlier,
        ),
        timeout=SECONDS,
    )
    return bytes(reply.card)


async def append(device: HomeDevice, entry: bytes) -> bytes:
    reply = await device.stub.AppendPassport(
        client_pb2.AppendPassportRequest(signed_entry=entry),
        metadata=device.metadata,
        timeout=SECONDS,
    )
    return bytes(reply.card)


async def code(call: Any) -> grpc.StatusCode:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    answered: grpc.StatusCode = caught.value.code()
    return answered


async def looked_up(home: HomeProcess, peer: PlainPeer, address: Address) -> Any:
    """Return what a sender finds, who knows the domain's key and no log of it."""
    card = await peer.look_up(str(address))
    assert card is not None
    without = Card.decode(card)
    assert without.log_proof is not None, "both addresses stand in the logs"
    return verify_card(
        Card(without.address, without.entries, without.epochs, without.attestation).encode(),
        asked=address,
        domain_keys=[home.domain_key],
        pin=None,
        now=time.time(),
    )


async def test_the_old_address_leads_to_the_new_and_mail_comes_in_at_both(
    old: HomeProcess, new: HomeProcess, carol: HomeDevice, there: HomeDevice
) -> None:
    entry = move_of(carol, there.address)
    async with plain_peer(old, "x.example") as to_old, plain_peer(new, "y.example") as to_new:
        before = item_for(carol.address)
        assert [one.status for one in await to_old.deliver([before])] == [ACCEPTED]

        shown = Card.decode(await register(there, entry, [carol.entry]))
        left = Card.decode(await append(carol, entry))

        assert shown.entries == left.entries == (carol.entry, entry)
        assert (shown.address, left.address) == (there.address, carol.address)
        with pytest.raises(Moved) as moved:
            await looked_up(old, to_old, carol.address)
        assert moved.value.state.address == there.address
        found = await looked_up(new, to_new, there.address)
        assert (found.pid, found.seq) == (carol.state.pid, 1)

        in_flight, to_there = item_for(carol.address), item_for(there.address)
        assert [one.status for one in await to_old.deliver([in_flight])] == [ACCEPTED]
        assert [one.status for one in await to_new.deliver([to_there])] == [ACCEPTED]
    await carol.authenticate()  # the device still is one there
    await there.authenticate()
    at_old = [one.arrived.item.envelope for one in await carol.collect().until_empty()]
    at_new = [one.arrived.item.envelope for one in await there.collect().until_empty()]
    assert at_old == [before.envelope, in_flight.envelope]
    assert at_new == [to_there.envelope]


async def test_a_lost_answer_is_asked_for_again_and_a_restart_forgets_nothing(
    old: HomeProcess, carol: HomeDevice, there: HomeDevice
) -> None:
    entry = move_of(carol, there.address)

    first = Card.decode(await register(there, entry, [carol.entry]))
    again = Card.decode(await register(there, entry, [carol.entry], invite="spent"))
    twice = [Card.decode(await append(carol, entry)) for _ in range(2)]

    assert first.entries == again.entries
    assert twice[0].entries == twice[1].entries
    await asyncio.to_thread(old.stop)
    await asyncio.to_thread(old.start)
    async with plain_peer(old, "z.example") as peer:
        with pytest.raises(Moved):
            await looked_up(old, peer, carol.address)


async def test_what_is_no_move_to_this_domain_is_not_registered(
    carol: HomeDevice, there: HomeDevice
) -> None:
    elsewhere = move_of(carol, Address("carol", "e.example"))
    writer = Writer(carol.device_id, carol.key, carol.identity)
    profile = make.set_profile(carol.state, writer, Profile(lookup_open=False), time.time())
    moved = move_of(carol, there.address)
    stranger = make.move(carol.state, writer, there.address, SigningKey.generate(), time.time())
    late = make.move(carol.state, writer, there.address, carol.recovery, time.time() + 3_600)

    for entry in (elsewhere, profile, stranger, late):
        assert await code(register(there, entry, [carol.entry])) == Code.INVALID_ARGUMENT
    assert await code(register(there, moved, [])) == Code.INVALID_ARGUMENT
    assert await code(register(there, moved, [carol.entry], "wrong")) == Code.PERMISSION_DENIED


async def test_an_address_that_is_taken_stays_whose_it_is(
    carol: HomeDevice, there: HomeDevice, new: HomeProcess
) -> None:
    async with HomeDevice(new, carol.address.local) as other:
        await other.join()

    answered = await code(register(there, move_of(carol, there.address), [carol.entry]))

    assert answered == Code.INVALID_ARGUMENT


async def test_inside_the_domain_nobody_moves_and_who_has_left_moves_on_from_there(
    carol: HomeDevice, there: HomeDevice
) -> None:
    inside = move_of(carol, Address("another", carol.address.domain))
    assert await code(append(carol, inside)) == Code.PERMISSION_DENIED
    entry = move_of(carol, there.address)
    await append(carol, entry)

    carol.state = extend(verify_chain([carol.entry], now=time.time()), entry, time.time())
    await carol.authenticate()
    onward = move_of(carol, Address("carol", "e.example"))

    assert await code(append(carol, onward)) == Code.PERMISSION_DENIED
