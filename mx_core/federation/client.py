"""One peer, as a home server's queue sees it: deliver, put and get bodies, look up.

Keeps one link and makes it anew when the session runs out, the own leaf is renewed, or the peer's
keys change.  Nothing here is durable: a call that fails may have been heard, so callers repeat it,
and receivers know items by ``env_id`` and bodies by their hash.  docs/spec/federation.md §4–6.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from typing import Final, TypeVar

import grpc.aio

from mx_core.discovery.finder import Domain, Finder
from mx_core.federation import batch as batches
from mx_core.federation.failures import NOT_INTRODUCED, translated
from mx_core.federation.link import Link, open_link
from mx_core.federation.own import OwnDomain
from mx_core.model.clock import Now
from mx_core.model.errors import Busy, PeerUnreachable, Unavailable, Untrusted
from mx_core.notation.hashing import b2_plain
from mx_core.proto import federation_pb2

T = TypeVar("T")
Read = Callable[[int, int], Awaitable[bytes]]  # (offset, length) → octets of a body

CHUNK_OCTETS: Final = 256 * 1024
_CALL_SECONDS: Final = 30.0
_TRANSFER_SECONDS: Final = 600.0
_RENEW_SECONDS: Final = 60.0
_LINKS_PER_MINUTE: Final = 5  # the peer lets six introductions a minute in


class PeerClient:
    """Calls to one peer domain.  Owner: the event loop; calls may run side by side."""

    def __init__(self, own: OwnDomain, peer: str, finder: Finder, now: Now) -> None:
        """*peer* is a canonical domain; nothing is connected before the first call."""
        self._own = own
        self._peer = peer
        self._finder = finder
        self._now = now
        self._opening = asyncio.Lock()  # covers the two fields below
        self._link: Link | None = None
        self._opened: deque[float] = deque(maxlen=_LINKS_PER_MINUTE)  # times of the loop's clock

    async def deliver(self, items: Sequence[federation_pb2.Item]) -> list[federation_pb2.ItemReply]:
        """Return the peer's word on each of *items*, in order.

        Items travel in batches of at most 64 and 1 MiB.  If a later batch fails, its items and
        those after it are answered DEFERRED, so that no answer already given is lost.

        Raises:
            PeerUnreachable, Busy, Untrusted: Not one batch was answered.
        """
        replies: list[federation_pb2.ItemReply] = []
        for batch in split(items):
            try:
                replies += await self._deliver(batch)
            except (Unavailable, Untrusted):
                if not replies:
                    raise
                later = federation_pb2.ItemReply(status=federation_pb2.DEFERRED)
                return replies + [later] * (len(items) - len(replies))
        return replies

    async def put_blob(self, blob_id: bytes, size: int, read: Read) -> None:
        """Return once the peer holds the body durably; a transfer goes on where it broke off.

        Raises:
            PeerUnreachable, Busy, Untrusted: It does not hold it (yet).
        """
        held = 0
        while True:
            start = held

            async def use(link: Link, start: int = start) -> int:
                reply = await link.stub.PutBlob(
                    _chunks(blob_id, size, start, read),
                    metadata=link.metadata,
                    timeout=_TRANSFER_SECONDS,
                )
                return int(reply.held)

            held = await self._call(use)
            if held == size:
                return
            if not start < held < size:
                raise PeerUnreachable(f"the server of {self._peer} does not keep a body")

    async def get_blob(self, blob_id: bytes, size: int) -> bytes:
        """Return the body of *size* octets that *blob_id* names.

        Raises:
            PeerUnreachable, Busy: Try later.
            Untrusted: ``blob``: other octets than the name says.
        """

        async def use(link: Link) -> bytes:
            received = bytearray()
            request = federation_pb2.BlobRequest(id=blob_id)
            call = link.stub.GetBlob(request, metadata=link.metadata, timeout=_TRANSFER_SECONDS)
            async for chunk in call:
                received += chunk.octets
                if len(received) > size:
                    call.cancel()
                    break
            return bytes(received)

        octets = await self._call(use)
        if len(octets) != size or b2_plain(octets) != blob_id:
            raise Untrusted("blob", f"the server of {self._peer} sent another body than it named")
        return octets

    async def look_up(self, address: str, log_size: int = 0, token: bytes = b"") -> bytes | None:
        """Return the Card of a canonical *address*, unverified, or None for NOT_AVAILABLE.

        *log_size* is that of the newest tree of the peer's log that the asker knows; *token* is a
        contact's, or none.

        Raises:
            Busy: The peer asks to be asked later.
            PeerUnreachable, Untrusted: As everywhere.
        """

        async def use(link: Link) -> federation_pb2.LookUpReply:
            reply: federation_pb2.LookUpReply = await link.stub.LookUp(
                federation_pb2.LookUpRequest(address=address, log_size=log_size, token=token),
                metadata=link.metadata,
                timeout=_CALL_SECONDS,
            )
            return reply

        reply = await self._call(use)
        if reply.retry_after:
            raise Busy(f"{self._peer} asks to be asked again in {reply.retry_after} s")
        return reply.card or None

    async def unreadable(self, env_id: bytes, signed: bytes) -> bool:
        """Say that a device here can not open *env_id*; return whether the peer knows its sender.

        Raises as ``look_up``.
        """

        async def use(link: Link) -> bool:
            reply = await link.stub.Unreadable(
                federation_pb2.UnreadableRequest(env_id=env_id, signed=signed),
                metadata=link.metadata,
                timeout=_CALL_SECONDS,
            )
            return bool(reply.known)

        return await self._call(use)

    async def read_log(self, path: str) -> bytes | None:
        """Return a file of the peer's log, or None; raises as ``look_up``."""

        async def use(link: Link) -> federation_pb2.ReadLogReply:
            reply: federation_pb2.ReadLogReply = await link.stub.ReadLog(
                federation_pb2.ReadLogRequest(path=path),
                metadata=link.metadata,
                timeout=_CALL_SECONDS,
            )
            return reply

        reply = await self._call(use)
        return reply.octets if reply.found else None

    async def add_checkpoint(self, body: bytes) -> tuple[int, bytes]:
        """Ask the peer to cosign; return status and body of its answer; raises as ``look_up``."""

        async def use(link: Link) -> federation_pb2.AddCheckpointReply:
            reply: federation_pb2.AddCheckpointReply = await link.stub.AddCheckpoint(
                federation_pb2.AddCheckpointRequest(body=body),
                metadata=link.metadata,
                timeout=_CALL_SECONDS,
            )
            return reply

        reply = await self._call(use)
        return reply.status, reply.body

    async def close(self) -> None:
        """Close the connection, once the calls that use it have ended; the next opens another."""
        async with self._opening:
            await self._drop()

    async def _deliver(
        self, items: Sequence[federation_pb2.Item]
    ) -> list[federation_pb2.ItemReply]:
        async def use(link: Link) -> list[federation_pb2.ItemReply]:
            # A repetition is a new batch: an id counts once, and its time must be fresh.
            batch = batches.sign_batch(
                self._own.key.reveal(),
                items,
                sender=self._own.name,
                receiver=self._peer,
                batch_id=secrets.token_bytes(batches.BATCH_ID_OCTETS),
                created=int(self._now()),
            )
            reply = await link.stub.DeliverBatch(
                batch, metadata=link.metadata, timeout=_CALL_SECONDS
            )
            return list(reply.items)

        replies = await self._call(use)
        if len(replies) != len(items):
            raise PeerUnreachable(f"the server of {self._peer} did not answer for each item")
        return replies

    async def _call(self, use: Callable[[Link], Awaitable[T]]) -> T:
        link = await self._linked()
        try:
            async with link.channel.lend():
                return await use(link)
        except grpc.aio.AioRpcError as error:
            if error.code() not in NOT_INTRODUCED:
                raise translated(error, self._peer) from error
        # The peer restarted, or forgot us: once more, on a new link.
        link = await self._linked(instead_of=link)
        try:
            async with link.channel.lend():
                return await use(link)
        except grpc.aio.AioRpcError as error:
            raise translated(error, self._peer) from error

    async def _linked(self, instead_of: Link | None = None) -> Link:
        peer = await self._finder.find(self._peer)
        async with self._opening:
            link = self._link
            if link is not None and link is not instead_of and self._is_current(link, peer):
                return link
            await self._drop()
            self._spend_attempt()
            try:
                self._link = await open_link(self._own, peer, self._now)
            except Untrusted as error:
                # Perhaps the peer changed its key a moment ago: ask DNS once, then believe it.
                if error.failure != "peer-certificate":
                    raise
                self._finder.doubt(self._peer)
                fresh = await self._finder.find(self._peer)
                if fresh.keys == peer.keys:
                    raise
                self._link = await open_link(self._own, fresh, self._now)
            return self._link

    def _is_current(self, link: Link, peer: Domain) -> bool:
        return (
            self._now() < link.expires - _RENEW_SECONDS
            and link.leaf is self._own.leaf()
            and link.keys == peer.keys
        )

    def _spend_attempt(self) -> None:
        now = asyncio.get_running_loop().time()
        if len(self._opened) == _LINKS_PER_MINUTE and now - self._opened[0] < _RENEW_SECONDS:
            raise PeerUnreachable(f"the server of {self._peer} was tried often enough for now")
        self._opened.append(now)

    async def _drop(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            await link.channel.retire()


def split(items: Sequence[federation_pb2.Item]) -> Iterator[list[federation_pb2.Item]]:
    """Yield *items* in order, in batches of at most 64 items and 1 MiB (one item may be alone)."""
    batch: list[federation_pb2.Item] = []
    octets = 0
    for item in items:
        size = item.ByteSize()
        if batch and (len(batch) == batches.ITEMS_MAX or octets + size > batches.TARGET_OCTETS):
            yield batch
            batch, octets = [], 0
        batch.append(item)
        octets += size
    if batch:
        yield batch


async def _chunks(
    blob_id: bytes, size: int, start: int, read: Read
) -> AsyncIterator[federation_pb2.BlobChunk]:
    ref = federation_pb2.BlobRef(id=blob_id, size=size)
    for offset in range(start, size, CHUNK_OCTETS):
        yield federation_pb2.BlobChunk(
            ref=ref if offset == start else None,
            offset=offset,
            octets=await read(offset, min(CHUNK_OCTETS, size - offset)),
        )
