"""A door that speaks to its home server by raw stubs, so that a test can also speak wrongly."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import grpc

from mx_core.proto import client_pb2, door_pb2, door_pb2_grpc
from mx_core.proto.federation_pb2 import Item
from tests.support.home_device import SECONDS, HomeDevice
from tests.support.homes import HomeProcess


@contextlib.asynccontextmanager
async def door_stub(home: HomeProcess) -> AsyncIterator[Any]:
    """Give the stub of the socket that *home* keeps for its door."""
    local = grpc.local_channel_credentials(grpc.LocalConnectionType.UDS)
    path = f"unix:{home.folder / 'door' / 'home.sock'}"
    async with grpc.aio.secure_channel(path, local) as channel:
        yield door_pb2_grpc.DoorStub(channel)  # type: ignore[no-untyped-call]


async def deliver(stub: Any, *items: Item) -> list[int]:
    request = door_pb2.DeliverRequest(items=items)
    reply = await stub.Deliver(request, timeout=SECONDS)
    return [one.status for one in reply.items]


async def change_door(device: HomeDevice, change: str = "NOTHING") -> tuple[bool, bool]:
    """Ask for *change*; return whether there is a door and whether it is open."""
    reply = await device.stub.Door(
        client_pb2.DoorRequest(change=change), metadata=device.metadata, timeout=SECONDS
    )
    return reply.served, reply.open
