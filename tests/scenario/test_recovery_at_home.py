"""What a home server gives to the holder of a recovery sheet, and to nobody else."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

import grpc
import pytest
from nacl.public import PrivateKey
from nacl.signing import SigningKey

from mx_core.model.ids import DeviceId
from mx_core.passport.card import Card
from mx_core.passport.epoch import new_epoch, sign_epoch
from mx_core.passport.make import Writer, recover, rotate_identity
from mx_core.proto.client_pb2 import RecoverRequest, RecoveryCardRequest
from tests.support.home_device import SECONDS, HomeDevice, item_for, new_keys, refused_with
from tests.support.homes import HomeProcess, Homes

pytestmark = [pytest.mark.anyio, pytest.mark.fleet]
Code = grpc.StatusCode
_names = iter(range(1_000_000))


@pytest.fixture(scope="module")
def home(homes: Homes) -> HomeProcess:
    return homes.make("a.example")


@pytest.fixture
async def alice(home: HomeProcess) -> AsyncIterator[HomeDevice]:
    async with HomeDevice(home, f"u{next(_names)}") as device:
        yield await device.join()


def epoch_of(alice: HomeDevice, device_id: DeviceId, key: SigningKey) -> bytes:
    public = bytes(PrivateKey.generate().public_key)
    return sign_epoch(key, new_epoch(alice.state.pid, device_id, 1, public, time.time()))


async def asked(alice: HomeDevice, address: str, key: SigningKey) -> Card:
    request = RecoveryCardRequest(address=address, recovery_pk=bytes(key.verify_key))
    return Card.decode((await alice.stub.RecoveryCard(request, timeout=SECONDS)).card)


async def test_the_card_is_for_who_knows_the_recovery_key(alice: HomeDevice) -> None:
    card = await asked(alice, str(alice.address), alice.recovery)

    assert card.entries == (alice.entry,)
    for address, key in (
        (str(alice.address), SigningKey.generate()),
        (str(alice.address), alice.identity),
        (f"nobody@{alice.home.domain}", alice.recovery),
        ("no address", alice.recovery),
    ):
        assert await refused_with(asked(alice, address, key)) == Code.PERMISSION_DENIED


async def test_a_recovery_brings_its_device_and_every_other_is_out_at_once(
    alice: HomeDevice,
) -> None:
    mail = alice.collect()
    await mail.until_empty()
    new, now = new_keys(), time.time()
    entry = recover(alice.state, alice.recovery, new, [], now)
    epoch = epoch_of(alice, new.device_id, new.device)
    request = RecoverRequest(signed_entry=entry, signed_epochs=[epoch])
    card = Card.decode((await alice.stub.Recover(request, timeout=SECONDS)).card)
    again = Card.decode((await alice.stub.Recover(request, timeout=SECONDS)).card)

    assert card.entries == again.entries == (alice.entry, entry)
    assert card.epochs == again.epochs == (epoch,)
    assert await refused_with(mail.next()) == Code.UNAUTHENTICATED
    assert await refused_with(alice.submit(item_for(alice.address))) == Code.UNAUTHENTICATED
    assert await refused_with(alice.authenticate()) == Code.UNAUTHENTICATED
    alice.device_id, alice.key = new.device_id, new.device
    await alice.authenticate()
    # the old key still finds the card, and recovers nothing any more
    assert (await asked(alice, str(alice.address), alice.recovery)).entries == card.entries
    stale = RecoverRequest(signed_entry=recover(alice.state, alice.recovery, new_keys(), [], now))
    assert await refused_with(alice.stub.Recover(stale, timeout=SECONDS)) == Code.INVALID_ARGUMENT


async def test_nothing_but_a_recovery_is_taken_without_a_session(alice: HomeDevice) -> None:
    writer = Writer(alice.device_id, alice.key, alice.identity)
    rotated = rotate_identity(alice.state, writer, SigningKey.generate(), time.time())
    forged = recover(alice.state, SigningKey.generate(), new_keys(), [], time.time())
    for entry, answer in (
        (rotated, Code.PERMISSION_DENIED),
        (alice.entry, Code.PERMISSION_DENIED),
        (forged, Code.INVALID_ARGUMENT),
        (b"no entry", Code.INVALID_ARGUMENT),
    ):
        request = RecoverRequest(signed_entry=entry)
        assert await refused_with(alice.stub.Recover(request, timeout=SECONDS)) == answer

    assert (await asked(alice, str(alice.address), alice.recovery)).entries == (alice.entry,)


async def test_an_epoch_of_another_device_undoes_the_whole_recovery(alice: HomeDevice) -> None:
    new, now = new_keys(), time.time()
    entry = recover(alice.state, alice.recovery, new, [alice.device_id], now)
    epoch = epoch_of(alice, alice.device_id, alice.key)
    request = RecoverRequest(signed_entry=entry, signed_epochs=[epoch])

    assert (
        await refused_with(alice.stub.Recover(request, timeout=SECONDS)) == Code.PERMISSION_DENIED
    )
    assert (await asked(alice, str(alice.address), alice.recovery)).entries == (alice.entry,)
    await alice.authenticate()


async def test_a_device_that_is_kept_stays(alice: HomeDevice) -> None:
    new = new_keys()
    entry = recover(alice.state, alice.recovery, new, [alice.device_id], time.time())
    await alice.stub.Recover(RecoverRequest(signed_entry=entry), timeout=SECONDS)

    await alice.authenticate()
    assert (await asked(alice, str(alice.address), new.recovery)).entries[-1] == entry
