"""What the door asks of its home server: who takes ordinary mail, and to keep what it sealed.

Served on a unix socket in a folder that is closed to others.  What comes here is ciphertext
already; this server neither sees a message nor could open one.  docs/spec/door.md §6.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

import grpc
from nacl.signing import SigningKey
from typing_extensions import override

from mx_core.control.server import must_fit
from mx_core.db import failpoint
from mx_core.db.durable import make_folder
from mx_core.db.transactions import Transactions
from mx_core.homeserver.config import DOOR_FOLDER, DOOR_SOCKET_NAME
from mx_core.homeserver.mailboxes.receive import Receiver
from mx_core.homeserver.people import doorway
from mx_core.homeserver.people.cards import Cards
from mx_core.homeserver.storage.blobs import BlobStore
from mx_core.model.errors import Refused
from mx_core.model.secret import Secret
from mx_core.proto import door_pb2, federation_pb2
from mx_core.proto.door_pb2_grpc import DoorServicer, add_DoorServicer_to_server

ITEMS_MAX: Final = 64
BATCH_OCTETS_MAX: Final = 32 * 1024 * 1024  # 64 items with bodies of 256 KiB, and room

Context: TypeAlias = Any  # grpc.aio.ServicerContext; grpc is untyped


@dataclass(frozen=True, slots=True)
class Rooms:
    """What stands behind the socket."""

    domain: str
    key: Secret[SigningKey]
    database: Transactions
    cards: Cards
    receiver: Receiver
    blobs: BlobStore


def door_listener(
    folder: Path, rooms: Rooms, around: tuple[grpc.aio.ServerInterceptor, ...]
) -> Any:
    """Return a server for the door of the home server in *folder*, bound and not yet serving.

    The one lock is the folder of its socket: who can enter it is this user.
    """
    closed = folder / DOOR_FOLDER
    make_folder(closed)
    closed.chmod(0o700)
    must_fit(closed / DOOR_SOCKET_NAME)
    octets = ("grpc.max_receive_message_length", BATCH_OCTETS_MAX)
    server = grpc.aio.server(interceptors=list(around), options=[octets])
    add_DoorServicer_to_server(DoorService(rooms), server)  # type: ignore[no-untyped-call]  # generated
    local = grpc.local_server_credentials(grpc.LocalConnectionType.UDS)
    server.add_secure_port(f"unix:{closed / DOOR_SOCKET_NAME}", local)
    return server


class DoorService(DoorServicer):
    """One socket."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms

    @override
    async def Begin(self, request: door_pb2.BeginRequest, context: Context) -> door_pb2.BeginReply:
        """Tell whose door it is, and lend the key that its word counts by."""
        rooms = self._rooms
        return door_pb2.BeginReply(
            domain=rooms.domain, key=bytes(rooms.key.reveal()), octets=rooms.blobs.octets_max
        )

    @override
    async def Recipient(
        self, request: door_pb2.RecipientRequest, context: Context
    ) -> door_pb2.RecipientReply:
        """Give the card of whoever takes ordinary mail at that address."""
        address = request.address
        taking = await self._rooms.database.read(lambda tx: doorway.takes_ordinary(tx, [address]))
        card = await self._rooms.cards.at_the_door(address) if taking else None
        return door_pb2.RecipientReply(card=card or b"")

    @override
    async def Deliver(
        self, request: door_pb2.DeliverRequest, context: Context
    ) -> door_pb2.DeliverReply:
        """Keep what was sealed; ACCEPTED and DUPLICATE mean that it is durable."""
        if len(request.items) > ITEMS_MAX:
            raise Refused(f"at most {ITEMS_MAX} items at a time")
        if request.door_pk not in {b"", bytes(self._rooms.key.reveal().verify_key)}:
            return door_pb2.DeliverReply(stale=True)  # nobody would believe what that key signed
        replies = await self._rooms.receiver.take(self._rooms.domain, list(request.items))
        # Crash here: it is durable, the door says no 250 and hears the message again; what it
        # seals then has the same msg_id, and the gateway shows it once.
        failpoint.reach("handed")
        return door_pb2.DeliverReply(items=replies)

    @override
    async def PutBlob(
        self, request: AsyncIterator[federation_pb2.BlobChunk], context: Context
    ) -> federation_pb2.BlobReply:
        """Take a body in chunks."""
        return federation_pb2.BlobReply(held=await self._rooms.blobs.receive("door", request))
