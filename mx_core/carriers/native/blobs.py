"""Bodies over 256 KiB travel as blobs, in chunks, named by the hash of their ciphertext."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Callable
from typing import Protocol

from mx_core.carriers.native.home import Home, Metadata
from mx_core.model.errors import Untrusted
from mx_core.model.octets import Octets, pieces
from mx_core.notation.hashing import LongPlain, b2_plain, b2_plain_of
from mx_core.proto import client_pb2, client_pb2_grpc, federation_pb2

Chunks = AsyncIterable[federation_pb2.BlobChunk]
_Call = Callable[[client_pb2_grpc.ClientStub, Metadata], Chunks]

INLINE_OCTETS_MAX = 256 * 1024
_CHUNK_OCTETS = 256 * 1024
_TRANSFER_SECONDS = 600.0


class Spool(Protocol):
    """Where a body goes that is too long for memory."""

    def write(self, octets: bytes, /) -> object:
        """Add *octets*; raises DiskFull."""

    def octets(self) -> Octets:
        """Return all of them, to be read in pieces; blocks."""

    def discard(self) -> None:
        """Let go of them, unless somebody has taken them over."""


async def put(home: Home, octets: Octets) -> federation_pb2.BlobRef:
    """Return the reference of *octets* once the home server holds them durably."""
    named = await asyncio.to_thread(b2_plain_of, pieces(octets))
    ref = federation_pb2.BlobRef(id=named, size=len(octets))

    async def chunks() -> AsyncIterator[federation_pb2.BlobChunk]:
        for offset in range(0, len(octets), _CHUNK_OCTETS):
            yield federation_pb2.BlobChunk(
                ref=ref if offset == 0 else None,
                offset=offset,
                octets=octets[offset : offset + _CHUNK_OCTETS],
            )

    async def use(stub: client_pb2_grpc.ClientStub, metadata: Metadata) -> int:
        reply = await stub.PutBlob(chunks(), metadata=metadata, timeout=_TRANSFER_SECONDS)
        return int(reply.held)

    if await home.call(use) != len(octets):
        raise Untrusted("blob", f"the home server of {home.domain} did not keep the whole body")
    return ref


async def get(home: Home, ref: federation_pb2.BlobRef, limit: int) -> bytes:
    """Return the octets that *ref* names.

    Raises:
        Untrusted: ``blob``: longer than *limit*, or other octets than the name says.
    """
    return await _gathered(home, ref, limit, _get(ref))


async def get_long(
    home: Home, ref: federation_pb2.BlobRef, limit: int, begin: Callable[[], Spool]
) -> Spool:
    """As ``get``, into what *begin* makes."""
    _check_size(ref, limit)
    call = _get(ref)

    async def use(stub: client_pb2_grpc.ClientStub, metadata: Metadata) -> tuple[Spool, int, bytes]:
        # Crash here, and until a row names it: a file that the next open removes.
        spool, digest, size = begin(), LongPlain(), 0
        try:
            async for chunk in call(stub, metadata):
                size += len(chunk.octets)
                if size > ref.size:
                    break
                digest.add(chunk.octets)
                spool.write(chunk.octets)
        except BaseException:
            spool.discard()
            raise
        return spool, size, digest.digest()

    spool, size, digest = await home.call(use)
    if size != ref.size or digest != ref.id:
        spool.discard()
        raise _other_body(home)
    return spool


async def fetch(home: Home, peer_domain: str, ref: federation_pb2.BlobRef, limit: int) -> bytes:
    """As ``get``, of a body that stayed at the server of *peer_domain*."""

    def call(stub: client_pb2_grpc.ClientStub, metadata: Metadata) -> Chunks:
        request = client_pb2.FetchBodyRequest(peer_domain=peer_domain, ref=ref)
        chunks: Chunks = stub.FetchBody(request, metadata=metadata, timeout=_TRANSFER_SECONDS)
        return chunks

    return await _gathered(home, ref, limit, call)


async def _gathered(
    home: Home,
    ref: federation_pb2.BlobRef,
    limit: int,
    call: _Call,
) -> bytes:
    _check_size(ref, limit)

    async def use(stub: client_pb2_grpc.ClientStub, metadata: Metadata) -> bytes:
        received = bytearray()
        async for chunk in call(stub, metadata):
            received += chunk.octets
            if len(received) > ref.size:
                break
        return bytes(received)

    octets = await home.call(use)
    if len(octets) != ref.size or b2_plain(octets) != ref.id:
        raise _other_body(home)
    return octets


def _get(ref: federation_pb2.BlobRef) -> _Call:
    def call(stub: client_pb2_grpc.ClientStub, metadata: Metadata) -> Chunks:
        request = federation_pb2.BlobRequest(id=ref.id)
        chunks: Chunks = stub.GetBlob(request, metadata=metadata, timeout=_TRANSFER_SECONDS)
        return chunks

    return call


def _check_size(ref: federation_pb2.BlobRef, limit: int) -> None:
    if ref.size > limit:
        raise Untrusted("blob", f"a body of {ref.size} octets is larger than this gateway takes")


def _other_body(home: Home) -> Untrusted:
    return Untrusted("blob", f"the home server of {home.domain} sent another body than it named")
