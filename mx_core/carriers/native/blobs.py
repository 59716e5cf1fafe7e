"""Bodies over 256 KiB travel as blobs, in chunks, named by the hash of their ciphertext."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Callable

from mx_core.carriers.native.home import Home, Metadata
from mx_core.model.errors import Untrusted
from mx_core.model.octets import Octets, pieces
from mx_core.notation.hashing import b2_plain, b2_plain_of
from mx_core.proto import client_pb2, client_pb2_grpc, federation_pb2

Chunks = AsyncIterable[federation_pb2.BlobChunk]

INLINE_OCTETS_MAX = 256 * 1024
_CHUNK_OCTETS = 256 * 1024
_TRANSFER_SECONDS = 600.0


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

    def call(stub: client_pb2_grpc.ClientStub, metadata: Metadata) -> Chunks:
        request = federation_pb2.BlobRequest(id=ref.id)
        chunks: Chunks = stub.GetBlob(request, metadata=metadata, timeout=_TRANSFER_SECONDS)
        return chunks

    return await _gathered(home, ref, limit, call)


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
    call: Callable[[client_pb2_grpc.ClientStub, Metadata], Chunks],
) -> bytes:
    if ref.size > limit:
        raise Untrusted("blob", f"a body of {ref.size} octets is larger than this gateway takes")

    async def use(stub: client_pb2_grpc.ClientStub, metadata: Metadata) -> bytes:
        received = bytearray()
        async for chunk in call(stub, metadata):
            received += chunk.octets
            if len(received) > ref.size:
                break
        return bytes(received)

    octets = await home.call(use)
    if len(octets) != ref.size or b2_plain(octets) != ref.id:
        raise Untrusted("blob", f"the home server of {home.domain} sent another body than it named")
    return octets
