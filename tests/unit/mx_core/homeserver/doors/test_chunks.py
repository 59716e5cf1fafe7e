"""A body goes out as it was put: the first chunk names it, each says where it belongs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from mx_core.db.database import Database
from mx_core.federation.client import CHUNK_OCTETS
from mx_core.homeserver.doors import chunks
from mx_core.notation.hashing import b2_plain
from mx_core.proto.federation_pb2 import BlobChunk, BlobRef, BlobRequest
from tests.support.body_store import body_store

OCTETS = bytes(range(256)) * (2 * CHUNK_OCTETS // 256) + b"more"
REF = BlobRef(id=b2_plain(OCTETS), size=len(OCTETS))


def _shape(given: Sequence[BlobChunk]) -> list[tuple[int, int]]:
    """Return where each chunk begins and ends; the first alone names the body."""
    assert [chunk.HasField("ref") for chunk in given] == [n == 0 for n in range(len(given))]
    assert not given or given[0].ref == REF
    return [(chunk.offset, chunk.offset + len(chunk.octets)) for chunk in given]


def test_a_body_in_memory_is_cut_at_equal_lengths() -> None:
    given = list(chunks.cut(OCTETS, REF))

    assert b"".join(chunk.octets for chunk in given) == OCTETS
    assert _shape(given) == [
        (0, CHUNK_OCTETS),
        (CHUNK_OCTETS, 2 * CHUNK_OCTETS),
        (2 * CHUNK_OCTETS, len(OCTETS)),
    ]


@pytest.mark.anyio
@pytest.mark.parametrize("offset", [0, 1, CHUNK_OCTETS, len(OCTETS) - 1, len(OCTETS)])
async def test_a_body_that_is_kept_is_given_from_any_offset_on(
    tmp_path: Path, database: Database, offset: int
) -> None:
    """Also the first chunk of what goes on names it, and its end alone is nothing."""
    blobs = body_store(tmp_path, database)
    await blobs.depot.prepare()
    body = await blobs.keep(OCTETS)

    request = BlobRequest(id=REF.id, offset=offset)
    given = [chunk async for chunk in chunks.stored(blobs, body, request)]

    assert b"".join(chunk.octets for chunk in given) == OCTETS[offset:]
    ends = [end for _, end in _shape(given)]
    begins = [begin for begin, _ in _shape(given)]
    assert begins == [offset, *ends][: len(ends)]
