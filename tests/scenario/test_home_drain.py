"""SIGTERM: what was accepted is kept, streams end, who calls afterwards is refused, and the exit is 0."""

from __future__ import annotations

import asyncio
import os
import signal

import grpc
import pytest

from mx_core.proto.federation_pb2 import ACCEPTED
from tests.support.home_device import HomeDevice, Stream, StreamEnded, item_for, refused_with
from tests.support.homes import Homes

pytestmark = [pytest.mark.anyio, pytest.mark.fleet]

AT_ONCE = 8
BEFORE = 40  # taken before the signal comes, with others under way


async def test_a_home_server_that_is_told_to_stop_drains(homes: Homes) -> None:
    home = homes.make("drained.example")
    async with HomeDevice(home, "anna") as anna, HomeDevice(home, "bert") as bert:
        await anna.join()
        await bert.join()
        stream = bert.collect(
            4
        )  # the stream of a device that acknowledges nothing, with more to come
        await stream.until_empty()
        taken: set[bytes] = set()
        refused: set[grpc.StatusCode] = set()
        enough = asyncio.Event()

        async def one_after_the_other() -> None:
            while not refused:
                item = item_for(bert.address)
                try:
                    assert await anna.submit(item) == ACCEPTED
                except grpc.aio.AioRpcError as error:
                    refused.add(error.code())
                    return
                taken.add(item.envelope)
                if len(taken) >= BEFORE:
                    enough.set()

        submitting = [asyncio.create_task(one_after_the_other()) for _ in range(AT_ONCE)]
        await enough.wait()
        os.kill(home.pid, signal.SIGTERM)
        await asyncio.gather(*submitting)

        with pytest.raises(StreamEnded):  # OK: the device comes again, and nothing was wrong
            await _to_its_end(stream)
        assert refused <= {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED}
        assert (
            await refused_with(anna.submit(item_for(bert.address))) is grpc.StatusCode.UNAVAILABLE
        )
        assert await asyncio.to_thread(home.stop) == 0
        assert "event=home_stopped" in home.log.read_text()

        home.start()
        await bert.authenticate()
        again = bert.collect(1_000)
        kept: list[bytes] = []
        while not taken <= set(kept):  # what was in the queue is on its way to its mailbox
            delivery = await again.next()
            if delivery.HasField("arrived"):
                kept.append(delivery.arrived.item.envelope)
        assert len(kept) == len(set(kept))


async def _to_its_end(stream: Stream) -> None:
    while True:
        await stream.next()
