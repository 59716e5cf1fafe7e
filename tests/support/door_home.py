"""A home server as a door needs it, in memory, behind a real unix socket."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
from nacl.signing import SigningKey
from typing_extensions import override

from mx_core.notation.hashing import b2_plain
from mx_core.proto import door_pb2
from mx_core.proto.door_pb2_grpc import DoorServicer, add_DoorServicer_to_server
from mx_core.proto.federation_pb2 import ACCEPTED, BlobReply, Item, ItemReply
from tests.support.door_mail import DOOR_KEY


@dataclass
class MemoryHome(DoorServicer):
    """Gives *cards* out, and answers each item with *status*."""

    cards: dict[str, bytes] = field(default_factory=dict)
    status: int = ACCEPTED
    statuses: dict[str, int] = field(default_factory=dict)  # of single routes
    batches: list[list[Item]] = field(default_factory=list)
    bodies: dict[bytes, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    broken: bool = False
    key: SigningKey = DOOR_KEY

    @property
    def items(self) -> list[Item]:
        return [item for batch in self.batches for item in batch]

    @override
    async def Begin(self, request: Any, context: Any) -> door_pb2.BeginReply:
        return door_pb2.BeginReply(domain="b.example", key=bytes(self.key), octets=1 << 26)

    @override
    async def Recipient(self, request: Any, context: Any) -> door_pb2.RecipientReply:
        self.asked.append(request.address)
        await self._answer(context)
        return door_pb2.RecipientReply(card=self.cards.get(request.address, b""))

    @override
    async def Deliver(self, request: Any, context: Any) -> door_pb2.DeliverReply:
        await self._answer(context)
        if request.door_pk != bytes(self.key.verify_key):
            return door_pb2.DeliverReply(stale=True)
        self.batches.append(list(request.items))
        told: list[Any] = [
            self.statuses.get(one.route.decode(), self.status) for one in request.items
        ]
        return door_pb2.DeliverReply(items=[ItemReply(status=one) for one in told])

    @override
    async def PutBlob(self, request: Any, context: Any) -> BlobReply:
        octets = b"".join([chunk.octets async for chunk in request])
        self.bodies[b2_plain(octets)] = octets
        return BlobReply(held=len(octets))

    async def _answer(self, context: Any) -> None:
        if self.broken:
            await context.abort(grpc.StatusCode.INTERNAL, "a bug of this server")


@contextlib.asynccontextmanager
async def memory_home() -> AsyncIterator[tuple[MemoryHome, Path]]:
    """Serve one at a socket until the block ends."""
    home = MemoryHome()
    with tempfile.TemporaryDirectory(prefix="mxh-") as folder:
        path = Path(folder) / "home.sock"
        server = grpc.aio.server(options=[("grpc.max_receive_message_length", 1 << 25)])
        add_DoorServicer_to_server(home, server)  # type: ignore[no-untyped-call]
        local = grpc.local_server_credentials(grpc.LocalConnectionType.UDS)
        server.add_secure_port(f"unix:{path}", local)
        await server.start()
        try:
            yield home, path
        finally:
            await server.stop(None)
