"""A gateway's link to a real home server: what a new session and a restart do to an open stream."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass

import pytest

from mx_core import carrier_port
from mx_core.carriers.native.carrier import NativeCarrier
from mx_core.carriers.native.home import Device, Home
from mx_core.discovery.finder import Finder
from mx_core.model.errors import Unavailable
from mx_core.model.secret import Secret
from tests.support.home_device import SECONDS, HomeDevice, item_for
from tests.support.homes import HomeProcess, Homes

pytestmark = [pytest.mark.anyio, pytest.mark.fleet]


@pytest.fixture
def home(homes: Homes) -> HomeProcess:
    return homes.make(f"h{len(list(homes.folder.iterdir()))}.example")


@dataclass
class Linked:
    """One person, as the gateway's carrier and as a device that writes to itself by raw stubs."""

    device: HomeDevice
    link: Home
    carrier: NativeCarrier

    async def write(self) -> None:
        await self.device.authenticate()
        await self.device.submit(item_for(self.device.address))


@contextlib.asynccontextmanager
async def linked(homes: Homes, home: HomeProcess) -> AsyncIterator[Linked]:
    async with HomeDevice(home, "dora") as device:
        await device.join()
        who = Device(device.state.pid, device.device_id, Secret(device.key))
        link = Home(home.domain, who, Finder(peers=homes.peers).find, time.time)
        carrier = NativeCarrier(link, message_octets=1 << 20, body_octets=1 << 20)
        try:
            yield Linked(device, link, carrier)
        finally:
            await link.close()


async def next_arrival(stream: AsyncGenerator[carrier_port.Delivery, None]) -> carrier_port.Arrival:
    async with asyncio.timeout(SECONDS):
        async for delivery in stream:
            if isinstance(delivery, carrier_port.Arrival):
                return delivery
    raise AssertionError("the stream ended")


async def test_a_stream_goes_on_while_another_call_proves_the_device_anew(
    homes: Homes, home: HomeProcess
) -> None:
    """A session is renewed every hour; what waits for mail is not cancelled by it."""
    async with linked(homes, home) as side, contextlib.aclosing(side.carrier.collect()) as stream:
        await side.write()
        first = await next_arrival(stream)
        side.link.forget_session()
        await side.carrier.acknowledge([first.sequence])
        await side.write()
        second = await next_arrival(stream)

    assert second.sequence > first.sequence


async def test_a_stream_of_a_killed_server_ends_with_an_error_of_ours_not_a_cancellation(
    homes: Homes, home: HomeProcess
) -> None:
    async with linked(homes, home) as side, contextlib.aclosing(side.carrier.collect()) as stream:
        await side.write()
        await next_arrival(stream)
        waiting = asyncio.create_task(next_arrival(stream))
        await asyncio.to_thread(home.kill)
        with pytest.raises(Unavailable):
            await asyncio.wait_for(waiting, SECONDS)


async def test_after_a_restart_the_other_calls_renew_the_session_and_the_stream_comes_back(
    homes: Homes, home: HomeProcess
) -> None:
    async with linked(homes, home) as side:
        async with contextlib.aclosing(side.carrier.collect()) as stream:
            await side.write()
            first = await next_arrival(stream)
            await asyncio.to_thread(home.kill)
            await asyncio.to_thread(home.start)
            await _until_done(side.carrier, first.sequence)
            with pytest.raises(Unavailable):
                await next_arrival(stream)
        await side.write()
        async with contextlib.aclosing(side.carrier.collect()) as stream:
            second = await next_arrival(stream)

    assert second.sequence > first.sequence


async def _until_done(carrier: NativeCarrier, sequence: int) -> None:
    """Acknowledge, as often as it takes for a server that is just back."""
    async with asyncio.timeout(SECONDS):
        while True:
            try:
                await carrier.acknowledge([sequence])
            except Unavailable:
                await asyncio.sleep(0.05)
            else:
                return
