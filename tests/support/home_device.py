"""A device that speaks to its home server by raw stubs, so that a test can also speak wrongly."""

from __future__ import annotations

import asyncio
import os
import secrets
import time
from collections.abc import AsyncIterator, Awaitable
from types import TracebackType
from typing import Any, Self

import grpc
import pytest
from nacl.public import PrivateKey
from nacl.signing import SigningKey

from mx_core.model.address import Address
from mx_core.model.ids import DeviceId
from mx_core.notation import cbor
from mx_core.notation.hashing import b2_plain
from mx_core.notation.signing import Use, sign
from mx_core.passport import make
from mx_core.passport.chain import verify_chain
from mx_core.passport.epoch import new_epoch, sign_epoch
from mx_core.passport.make import NewKeys
from mx_core.proto import client_pb2, client_pb2_grpc, federation_pb2
from mx_core.proto.federation_pb2 import BlobChunk, BlobRef, Item
from mx_core.tls.channel import open_channel
from mx_core.tls.leaf import spki_hash
from tests.support.homes import HomeProcess

SECONDS = 60.0  # nothing is judged by it: whoever has hung is given up


class HomeDevice:
    """One device of one person.  Holds its keys in memory; use as an async context."""

    def __init__(self, home: HomeProcess, local: str) -> None:
        self.home = home
        self.address = Address.parse(f"{local}@{home.domain}")
        self.identity, self.recovery = SigningKey.generate(), SigningKey.generate()
        self.key = SigningKey.generate()
        self.device_id = DeviceId(secrets.token_bytes(16))
        self.entry = make.genesis(
            self.address, self.identity, self.recovery, self.key, self.device_id, now=time.time()
        )
        self.state = verify_chain([self.entry], now=time.time())
        self.session = b""

    async def __aenter__(self) -> Self:
        self.channel = open_channel(
            "127.0.0.1",
            self.home.client,
            domain=self.home.domain,
            keys=[self.home.domain_key],
            now=time.time(),
        )
        self.stub = client_pb2_grpc.ClientStub(self.channel)  # type: ignore[no-untyped-call]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.channel.close()

    @property
    def metadata(self) -> tuple[tuple[str, bytes], ...]:
        return (("mx-session-bin", self.session),)

    def epoch(self, n: int = 1) -> bytes:
        private = PrivateKey.generate()
        epoch = new_epoch(self.state.pid, self.device_id, n, bytes(private.public_key), time.time())
        return sign_epoch(self.key, epoch)

    async def register(self, invite: str) -> bytes:
        reply = await self.stub.Register(
            client_pb2.RegisterRequest(
                invite=invite, signed_entry=self.entry, signed_epochs=[self.epoch()]
            ),
            timeout=SECONDS,
        )
        return bytes(reply.card)

    async def proof(self) -> client_pb2.AuthenticateRequest:
        # a channel that saw its server end refuses at once until its back-off is over
        challenge = await self.stub.Challenge(
            federation_pb2.ChallengeRequest(), timeout=SECONDS, wait_for_ready=True
        )
        signed = cbor.encode(
            [
                self.home.domain,
                bytes(self.state.pid),
                bytes(self.device_id),
                challenge.nonce,
                spki_hash(challenge.leaf),
            ]
        )
        return client_pb2.AuthenticateRequest(
            pid=self.state.pid,
            device_id=self.device_id,
            nonce=challenge.nonce,
            signature=sign(self.key, Use.CLIENT_AUTH, signed),
        )

    async def authenticate(self) -> None:
        reply = await self.stub.Authenticate(await self.proof(), timeout=SECONDS)
        self.session = reply.session

    async def join(self) -> Self:
        """Register with a fresh invite and authenticate."""
        invite = await asyncio.to_thread(self.home.invite)
        await self.register(invite)
        await self.authenticate()
        return self

    async def submit(self, item: Item) -> int:
        reply = await self.stub.Submit(
            client_pb2.SubmitRequest(item=item), metadata=self.metadata, timeout=SECONDS
        )
        return int(reply.status)

    async def put_blob(self, octets: bytes, start: int = 0, end: int | None = None) -> int:
        """Put octets[start:end] of the blob that *octets* are; return what is held."""
        ref = BlobRef(id=b2_plain(octets), size=len(octets))

        async def chunks() -> AsyncIterator[BlobChunk]:
            first = True
            for at in range(start, len(octets) if end is None else end, 256 * 1024):
                stop = min(at + 256 * 1024, len(octets) if end is None else end)
                yield BlobChunk(ref=ref if first else None, offset=at, octets=octets[at:stop])
                first = False

        reply = await self.stub.PutBlob(chunks(), metadata=self.metadata, timeout=60.0)
        return int(reply.held)

    async def get_blob(self, blob_id: bytes, offset: int = 0) -> bytes:
        request = federation_pb2.BlobRequest(id=blob_id, offset=offset)
        call = self.stub.GetBlob(request, metadata=self.metadata, timeout=60.0)
        return b"".join([chunk.octets async for chunk in call])

    async def acknowledge(self, *sequences: int) -> None:
        await self.stub.Acknowledge(
            client_pb2.AcknowledgeRequest(sequences=sequences),
            metadata=self.metadata,
            timeout=SECONDS,
        )

    def collect(self, window: int = 64) -> Stream:
        return Stream(
            self.stub.Collect(client_pb2.CollectRequest(window=window), metadata=self.metadata)
        )


class StreamEnded(Exception):
    """The server has ended a stream without an error."""


class Stream:
    """An open Collect."""

    def __init__(self, call: Any) -> None:
        self._call = call

    async def next(self, seconds: float = SECONDS) -> client_pb2.Delivery:
        async with asyncio.timeout(seconds):
            delivery: client_pb2.Delivery = await self._call.read()
        if not isinstance(delivery, client_pb2.Delivery):
            raise StreamEnded
        return delivery

    async def until_empty(self) -> list[client_pb2.Delivery]:
        """Return what waited, up to the QueueEmpty mark."""
        found: list[client_pb2.Delivery] = []
        while True:
            delivery = await self.next()
            if delivery.WhichOneof("what") == "queue_empty":
                return found
            found.append(delivery)

    def cancel(self) -> None:
        self._call.cancel()


def item_for(recipient: Address | str, body: bytes | BlobRef | None = None) -> Item:
    """Return an item of random octets that looks like ours from the outside."""
    item = Item(
        route=str(recipient).encode(),
        envelope=b"MXE1" + os.urandom(600),
        deliver_by=int(time.time()) + 5 * 86_400,
    )
    if isinstance(body, BlobRef):
        item.body_ref.CopyFrom(body)
    else:
        item.body = b"MXB1" + os.urandom(2_000) if body is None else body
    return item


def big_body(octets: int) -> bytes:
    """Return a body of that many octets."""
    return b"MXB1" + os.urandom(octets - 4)


def new_keys() -> NewKeys:
    device_id = DeviceId(secrets.token_bytes(16))
    return NewKeys(device_id, SigningKey.generate(), SigningKey.generate(), SigningKey.generate())


async def refused_with(call: Awaitable[object]) -> grpc.StatusCode:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    answered: grpc.StatusCode = caught.value.code()
    return answered
