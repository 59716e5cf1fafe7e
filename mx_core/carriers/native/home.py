"""A device's connection to its home server: channel, session, and each call under a deadline.

The session is proved by the device key, never by a password (identity §7):
``client-auth`` over CBOR[domain, pid, device_id, nonce32, SHA-256 of the server leaf's SPKI].
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar, final

from msgspec import Struct
from nacl.signing import SigningKey
from typing_extensions import override

from mx_core.carriers.native.channel import open_channel, our_errors
from mx_core.discovery.finder import Domain
from mx_core.model.clock import Now
from mx_core.model.errors import BadCredentials
from mx_core.model.ids import DeviceId, Pid
from mx_core.model.secret import Secret
from mx_core.notation import cbor
from mx_core.notation.signing import Use, sign
from mx_core.proto import client_pb2, client_pb2_grpc, federation_pb2
from mx_core.tls.lent_channel import LentChannel
from mx_core.tls.peer import spki_hash, verify_leaf

T = TypeVar("T")

CALL_SECONDS = 30.0
_RENEW_SECONDS = 60.0
_TOKEN_CHANNEL_SECONDS = 1_800.0  # the domain is looked up anew by then


class Device(Struct, frozen=True):
    """Who speaks: one device of one passport."""

    pid: Pid
    device_id: DeviceId
    signing_key: Secret[SigningKey]


class Home:
    """The own home server, as one device sees it."""

    def __init__(
        self, domain: str, device: Device | None, find: Callable[[str], Awaitable[Domain]], now: Now
    ) -> None:
        """*find* discovers the domain; it is asked again after each lost connection.

        *device*: None only for a home that proves itself in another way.
        """
        self.domain = domain
        self._device = device
        self._find = find
        self._now = now
        self._lock = asyncio.Lock()  # one connection attempt at a time
        self._channel: LentChannel | None = None
        self._metadata: Metadata = ()
        self._expires = 0.0

    async def call(self, use: Callable[[client_pb2_grpc.ClientStub, Metadata], Awaitable[T]]) -> T:
        """Return what *use* returns on a live session; a stale session is renewed once.

        Raises:
            PeerUnreachable, Busy: Try later.  Refused, Untrusted: as the server or its proof says.
        """
        try:
            return await self._once(use)
        except BadCredentials:
            # the server restarted with new session keys, or this session ran out meanwhile
            self.forget_session()
            return await self._once(use)

    async def ask(self, method: Callable[[client_pb2_grpc.ClientStub], Any], request: Any) -> Any:
        """Return the reply to *request* of a *method* of the stub that has one; raises as ``call``."""

        async def use(stub: client_pb2_grpc.ClientStub, metadata: Metadata) -> Any:
            return await method(stub)(request, metadata=metadata, timeout=CALL_SECONDS)

        return await self.call(use)

    def forget_session(self) -> None:
        """Prove the device again before the next call."""
        self._expires = 0.0

    @asynccontextmanager
    async def session(self) -> AsyncIterator[tuple[client_pb2_grpc.ClientStub, Metadata]]:
        """Give the stub and the metadata of a call, or of a stream until its end.

        Raises:
            PeerUnreachable, Busy, Refused, Untrusted: No session can be had.
        """
        async with self._lock:
            if self._channel is None or self._now() >= self._expires - _RENEW_SECONDS:
                with our_errors(self.domain):
                    await self._connect()
            if self._channel is None:
                raise AssertionError("connected without a channel")
            channel, metadata = self._channel, self._metadata
        async with channel.lend() as lent:
            yield client_pb2_grpc.ClientStub(lent), metadata  # type: ignore[no-untyped-call]  # generated

    async def close(self) -> None:
        """Let go of the channel, which ends with its last call; the next call opens another."""
        channel, self._channel = self._channel, None
        if channel is not None:
            await channel.retire()

    async def _once(self, use: Callable[[client_pb2_grpc.ClientStub, Metadata], Awaitable[T]]) -> T:
        async with self.session() as (stub, metadata):
            with our_errors(self.domain):
                return await use(stub, metadata)

    async def _connect(self) -> None:
        if self._device is None:
            raise AssertionError("no device to prove")
        await self.close()
        domain = await self._find(self.domain)
        channel = open_channel(domain, self._now())
        try:
            stub = client_pb2_grpc.ClientStub(channel)  # type: ignore[no-untyped-call]  # generated
            challenge = await stub.Challenge(
                federation_pb2.ChallengeRequest(), timeout=CALL_SECONDS
            )
            # the leaf that the server names must be one that the domain key signed
            verify_leaf(challenge.leaf, domain.name, domain.keys, self._now())
            signed = cbor.encode(
                [
                    domain.name,
                    self._device.pid,
                    self._device.device_id,
                    challenge.nonce,
                    spki_hash(challenge.leaf),
                ]
            )
            reply = await stub.Authenticate(
                client_pb2.AuthenticateRequest(
                    pid=self._device.pid,
                    device_id=self._device.device_id,
                    nonce=challenge.nonce,
                    signature=sign(self._device.signing_key.reveal(), Use.CLIENT_AUTH, signed),
                ),
                timeout=CALL_SECONDS,
            )
        except BaseException:
            await channel.close()
            raise
        self._channel = LentChannel(channel)
        self._metadata = (("mx-session-bin", reply.session),)
        self._expires = reply.expires


@final
class TokenHome(Home):
    """The own home server, as a device sees it that is locked: a token in place of its key."""

    def __init__(
        self, domain: str, token: bytes, find: Callable[[str], Awaitable[Domain]], now: Now
    ) -> None:
        """*token*: what ``Membership.collect_token`` gave."""
        super().__init__(domain, None, find, now)
        self._token = token

    @override
    async def _connect(self) -> None:
        await self.close()
        domain = await self._find(self.domain)
        self._channel = LentChannel(open_channel(domain, self._now()))
        self._metadata = (("mx-collect-bin", self._token),)
        self._expires = self._now() + _TOKEN_CHANNEL_SECONDS


Metadata = tuple[tuple[str, bytes], ...]
