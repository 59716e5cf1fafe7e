"""A body on its way out of a listener: cut into chunks, the first of which names it.  docs/spec/client.md §8.

Who may have it, and from where on, the service of the listener has asked before.  The other way in,
chunks are read by ``BlobStore.receive``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

from mx_core.federation.client import CHUNK_OCTETS
from mx_core.homeserver.storage.blobs import BlobStore
from mx_core.homeserver.storage.bodies import Body
from mx_core.proto.federation_pb2 import BlobChunk, BlobRef, BlobRequest


async def stored(blobs: BlobStore, body: Body, request: BlobRequest) -> AsyncIterator[BlobChunk]:
    """Yield the chunks of *body*, which is kept here, from the offset on that was asked for.

    Raises:
        StoreDamaged: What a row names is not there, or not whole.
    """
    ref, at = BlobRef(id=request.id, size=body.size), request.offset
    async for octets in blobs.stream(body, at):
        yield BlobChunk(ref=ref if at == request.offset else None, offset=at, octets=octets)
        at += len(octets)


def cut(octets: bytes, ref: BlobRef) -> Iterator[BlobChunk]:
    """Yield the chunks of a body that is in memory."""
    for at in range(0, len(octets), CHUNK_OCTETS):
        piece = octets[at : at + CHUNK_OCTETS]
        yield BlobChunk(ref=None if at else ref, offset=at, octets=piece)
