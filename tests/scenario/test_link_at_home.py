"""Two devices meet at a real home server and become one person's, as far as it may go today."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator

import grpc
import pytest
from nacl.public import PrivateKey
from nacl.signing import SigningKey

from mx_core.model.errors import Refused
from mx_core.model.ids import DeviceId
from mx_core.model.secret import Secret
from mx_core.passport.chain import extend
from mx_core.passport.epoch import new_epoch, sign_epoch
from mx_core.passport.linking import words
from mx_core.passport.linking.channel import Channel, LinkCode, Side
from mx_core.passport.linking.words import Draft
from mx_core.passport.make import Writer
from mx_core.passport.op import Device, Kind
from mx_core.proto import client_pb2
from tests.support.home_device import SECONDS, HomeDevice
from tests.support.homes import HomeProcess, Homes

pytestmark = [pytest.mark.anyio, pytest.mark.fleet]

_names = iter(range(1_000_000))


@pytest.fixture(scope="module")
def home(homes: Homes) -> HomeProcess:
    return homes.make("a.example", "[limits]\nhello_per_minute = 99\n")


@pytest.fixture
async def dora(home: HomeProcess) -> AsyncIterator[HomeDevice]:
    async with HomeDevice(home, f"u{next(_names)}") as device:
        yield await device.join()


class End:
    """One end of the meeting, by raw stubs; the new one is in no session."""

    def __init__(self, device: HomeDevice, side: Side, code: LinkCode) -> None:
        self.device, self.side, self.code = device, side, code
        self.private = PrivateKey.generate()
        self.said = self.heard = 0

    async def meet(self, octets: bytes = b"") -> client_pb2.MeetReply:
        """Say the next word, or nothing, and ask for the other's next one."""
        request = client_pb2.MeetRequest(
            rendezvous=self.code.rendezvous, number=self.said, octets=octets, listen=self.heard
        )
        metadata = self.device.metadata if self.side is Side.PRESENT else None
        reply: client_pb2.MeetReply = await self.device.stub.Meet(
            request, metadata=metadata, timeout=SECONDS
        )
        self.said += bool(octets)
        self.heard += bool(reply.octets)
        return reply

    def agree(self, other: bytes) -> None:
        self.channel = Channel.between(self.code, self.side, self.private, other)

    async def say(self, plain: bytes) -> None:
        await self.meet(self.channel.seal(plain))

    async def hear(self) -> bytes:
        return self.channel.open((await self.meet()).octets)


async def met(dora: HomeDevice) -> tuple[End, End]:
    """Return the new end and the present one, which have exchanged their keys."""
    code = LinkCode(Secret(os.urandom(16)))
    new, present = End(dora, Side.NEW, code), End(dora, Side.PRESENT, code)
    assert not (await new.meet(bytes(new.private.public_key))).open
    new.said = 0
    await present.meet(bytes(present.private.public_key))
    theirs = await new.meet(bytes(new.private.public_key))
    new.agree(theirs.octets)
    present.agree((await present.meet()).octets)
    return new, present


def joining(dora: HomeDevice) -> tuple[SigningKey, Device, bytes]:
    key = SigningKey.generate()
    device = Device(DeviceId(b"n" * 16), bytes(key.verify_key), Kind.FULL)
    epoch = new_epoch(dora.state.pid, device.id, 1, b"\x09" + bytes(31), time.time())
    return key, device, sign_epoch(key, epoch)


async def test_two_devices_agree_on_one_entry_that_adds_the_new_one(dora: HomeDevice) -> None:
    new, present = await met(dora)
    key, device, epoch = joining(dora)
    writer = Writer(dora.device_id, dora.key, dora.identity)

    await present.say(words.welcome([dora.entry]))
    state = words.read_welcome(await new.hear(), time.time())
    await new.say(words.offer(device, epoch))
    joins, _ = words.read_offer(await present.hear(), dora.state)
    entry, draft = words.drafted(dora.state, writer, joins, time.time())
    await present.say(draft)
    await new.say(Draft.read(await new.hear(), state, device).consent(key))
    signed = words.completed(dora.state, entry, writer, joins, await present.hear(), time.time())

    assert state.address == dora.address
    assert extend(dora.state, signed, time.time()).active_device(device.id) == device


async def test_a_present_device_that_takes_no_second_one_says_so_and_nothing_changes(
    dora: HomeDevice,
) -> None:
    new, present = await met(dora)
    _, device, epoch = joining(dora)
    why = "A second device is not possible yet. With the sheet, here: mx-gateway recover"

    await present.say(words.welcome([dora.entry]))
    state = words.read_welcome(await new.hear(), time.time())
    await new.say(words.offer(device, epoch))
    await present.hear()
    await present.say(words.refused(why))

    with pytest.raises(Refused, match="mx-gateway recover"):
        Draft.read(await new.hear(), state, device)
    card = await dora.stub.OwnCard(
        client_pb2.OwnCardRequest(), metadata=dora.metadata, timeout=SECONDS
    )
    assert device.id not in card.card


async def test_what_the_server_was_told_is_not_taken_back_nor_opened_by_a_session_that_is_none(
    dora: HomeDevice,
) -> None:
    new, _ = await met(dora)
    new.said = 0
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await new.meet(b"another key")
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT

    stranger = End(dora, Side.PRESENT, new.code)
    dora.session = b"none"
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stranger.meet()
    assert caught.value.code() == grpc.StatusCode.UNAUTHENTICATED
