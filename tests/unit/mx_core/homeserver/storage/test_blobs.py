"""Blobs: whole and on the disk before they are named, resumable, swept when nobody uses them."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from mx_core.db.database import Database
from mx_core.homeserver.schema import BLOB
from mx_core.homeserver.storage import bodies
from mx_core.homeserver.storage.blobs import BlobStore
from mx_core.homeserver.storage.bodies import Body
from mx_core.homeserver.storage.depot import blob_of, first_place, new_place
from mx_core.model.errors import Busy, DiskFull, MessageTooLarge, Refused, StoreDamaged, Unavailable
from mx_core.notation.hashing import b2_plain
from mx_core.proto.federation_pb2 import BlobChunk, BlobRef
from tests.support.body_store import body_store

pytestmark = pytest.mark.anyio

KIB = 1024


class _Clock:
    now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> _Clock:
    return _Clock()


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database.open(tmp_path / "home.sqlite", migrations="mx_core.homeserver.migrations")
    yield opened
    opened.close()


@pytest.fixture
def blobs(tmp_path: Path, database: Database, clock: _Clock) -> BlobStore:
    return body_store(tmp_path, database, unused_max=2048 * KIB, now=clock)


def _files(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


async def _chunks(
    octets: bytes, start: int = 0, end: int | None = None, *, name: bytes | None = None
) -> AsyncIterator[BlobChunk]:
    ref = BlobRef(id=name or b2_plain(octets), size=len(octets))
    yield BlobChunk(ref=ref, offset=start, octets=octets[start : min(start + 1000, end or 10**9)])
    for at in range(start + 1000, end or len(octets), 1000):
        yield BlobChunk(offset=at, octets=octets[at : min(at + 1000, end or 10**9)])


async def test_a_small_body_stays_in_its_row_and_a_larger_one_is_a_file(
    blobs: BlobStore, tmp_path: Path
) -> None:
    small, large = os.urandom(64 * KIB), os.urandom(64 * KIB + 1)

    assert await blobs.keep(small) == Body.of(small)
    kept = await blobs.keep(large)

    [path] = _files(tmp_path / "blobs")
    assert blob_of(path) == b2_plain(large)
    assert await blobs.read(kept) == large
    assert await blobs.keep(large) == kept


async def test_an_upload_becomes_a_blob_only_when_whole(blobs: BlobStore) -> None:
    octets = os.urandom(5_000)

    assert await blobs.receive("x", _chunks(octets, end=3_000)) == 3_000
    assert await blobs.receive("x", _chunks(octets, start=4_000)) == 3_000
    # another uploader does not see how far this one is
    assert await blobs.receive("y", _chunks(octets, start=3_000)) == 0
    assert await blobs.receive("x", _chunks(octets, start=3_000)) == 5_000
    assert await blobs.read(Body(None, b2_plain(octets), 5_000)) == octets


async def test_other_octets_than_the_name_says_are_thrown_away(
    blobs: BlobStore, tmp_path: Path
) -> None:
    with pytest.raises(Refused):
        await blobs.receive("x", _chunks(os.urandom(2_000), name=b"n" * 32))

    assert _files(tmp_path / "blobs") == []


async def _one(chunk: BlobChunk) -> AsyncIterator[BlobChunk]:
    yield chunk


async def _none() -> AsyncIterator[BlobChunk]:
    return
    yield


async def test_an_upload_begins_with_a_name(blobs: BlobStore) -> None:
    with pytest.raises(Refused):
        await blobs.receive("x", _none())
    with pytest.raises(Refused):
        await blobs.receive("x", _one(BlobChunk(octets=b"x")))


async def test_an_upload_is_no_larger_than_announced_and_allowed(blobs: BlobStore) -> None:
    large = BlobChunk(ref=BlobRef(id=bytes(32), size=1024 * KIB + 1))
    with pytest.raises(MessageTooLarge):
        await blobs.receive("x", _one(large))
    longer = BlobChunk(ref=BlobRef(id=bytes(32), size=10), octets=bytes(11))
    with pytest.raises(Refused, match="more octets"):
        await blobs.receive("x", _one(longer))


async def test_uploads_that_broke_off_are_bounded_for_each_uploader(blobs: BlobStore) -> None:
    def broken(number: int) -> AsyncIterator[BlobChunk]:
        ref = BlobRef(id=bytes([number]) * 32, size=10)
        return _one(BlobChunk(ref=ref, octets=bytes(5)))

    for number in range(16):
        await blobs.receive("x", broken(number))

    with pytest.raises(Busy):
        await blobs.receive("x", broken(16))
    assert await blobs.receive("y", broken(16)) == 5


async def test_bodies_that_no_envelope_names_are_bounded(
    blobs: BlobStore, database: Database
) -> None:
    first = os.urandom(1000 * KIB)
    await blobs.receive("x", _chunks(first))
    await blobs.receive("y", _chunks(os.urandom(1000 * KIB)))

    with pytest.raises(Busy, match="no envelope names"):
        await blobs.receive("z", _chunks(os.urandom(100 * KIB)))
    body = Body(None, b2_plain(first), len(first))
    await database.write(lambda tx: bodies.take(tx, body))
    assert await blobs.receive("z", _chunks(os.urandom(100 * KIB))) == 100 * KIB


async def test_a_full_disk_takes_no_upload(tmp_path: Path, database: Database) -> None:
    store = body_store(tmp_path, database, floor=1 << 62)

    with pytest.raises(DiskFull):
        await store.receive("x", _chunks(b"x" * 10))


async def test_what_nobody_uses_is_swept_after_an_hour(
    blobs: BlobStore, database: Database, clock: _Clock, tmp_path: Path
) -> None:
    used = await blobs.keep(os.urandom(70 * KIB))
    unused = await blobs.keep(os.urandom(70 * KIB))
    await database.write(lambda tx: bodies.take(tx, used))

    assert await blobs.sweep() == 0
    clock.now += 3_601
    assert await blobs.sweep() == 1

    assert len(_files(tmp_path / "blobs")) == 1
    with pytest.raises(bodies.BlobMissing):
        await database.write(lambda tx: bodies.take(tx, unused))


async def test_an_upload_broken_off_for_a_day_is_swept(blobs: BlobStore, tmp_path: Path) -> None:
    await blobs.receive("x", _chunks(os.urandom(5_000), end=3_000))
    [name] = _files(tmp_path / "blobs")
    os.utime(tmp_path / "blobs" / name, (time.time() - 90_000,) * 2)

    assert await blobs.sweep() == 1
    assert _files(tmp_path / "blobs") == []


async def test_octets_that_are_lost_are_put_again(blobs: BlobStore, tmp_path: Path) -> None:
    octets = os.urandom(70 * KIB)
    kept = await blobs.keep(octets)
    [name] = _files(tmp_path / "blobs")
    (tmp_path / "blobs" / name).unlink()

    assert await blobs.keep(octets) == kept
    assert await blobs.read(kept) == octets


async def test_the_same_octets_put_twice_at_once_are_kept_once(
    blobs: BlobStore, tmp_path: Path
) -> None:
    octets = os.urandom(70 * KIB)

    kept = await asyncio.gather(*(blobs.keep(octets) for _ in range(5)))

    assert len(_files(tmp_path / "blobs")) == 1
    assert await blobs.read(kept[0]) == octets


async def test_a_body_that_took_too_long_to_store_is_not_named(
    blobs: BlobStore, database: Database, clock: _Clock
) -> None:
    """Whoever removes what no row names must be able to tell it from what is just being put."""
    put = blobs.depot.put

    async def slowly(place: str, octets: bytes) -> None:
        await put(place, octets)
        clock.now += 3_601

    blobs.depot.put = slowly  # type: ignore[method-assign]
    with pytest.raises(Unavailable, match="too long"):
        await blobs.keep(os.urandom(70 * KIB))

    assert await database.read(bodies.known) == set()


async def test_where_others_put_too_only_what_is_a_day_old_and_has_no_row_goes(
    blobs: BlobStore, tmp_path: Path
) -> None:
    kept = await blobs.keep(os.urandom(70 * KIB))
    [name] = _files(tmp_path / "blobs")
    old, new = (tmp_path / "blobs" / new_place(bytes(32)) for _ in range(2))
    for path in (old, new):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"x")
    for path in (old, tmp_path / "blobs" / name):
        os.utime(path, (time.time() - 90_000,) * 2)

    assert await blobs.tidy() == 1

    assert (old.exists(), new.exists()) == (False, True)
    assert len(await blobs.read(kept)) == 70 * KIB


async def test_a_body_stored_before_bodies_had_names_of_their_own_is_read_and_swept(
    blobs: BlobStore, database: Database, clock: _Clock, tmp_path: Path
) -> None:
    octets = os.urandom(70 * KIB)
    blob_id = b2_plain(octets)
    path = tmp_path / "blobs" / first_place(blob_id)
    path.parent.mkdir()
    path.write_bytes(octets)
    row = {"blob_id": blob_id, "size": len(octets), "uses": 0, "touched": 0}
    await database.write(lambda tx: tx.execute(BLOB.insert(), [row]))

    assert await blobs.recover() == 0
    assert await blobs.read(Body(None, blob_id, len(octets))) == octets
    assert await blobs.keep(octets) == Body(None, blob_id, len(octets))
    path.unlink()
    assert await blobs.read(await blobs.keep(octets)) == octets
    clock.now += 3_601
    assert await blobs.sweep() == 1
    assert _files(tmp_path / "blobs") == []


async def test_a_file_without_a_row_goes_at_the_start(blobs: BlobStore, tmp_path: Path) -> None:
    """A crash between the file and its row, or between the end of the row and the file's."""
    kept = await blobs.keep(os.urandom(70 * KIB))
    orphan = tmp_path / "blobs" / "ab" / ("cd" * 31)
    orphan.parent.mkdir(exist_ok=True)
    orphan.write_bytes(b"x")

    assert await blobs.recover() == 1

    assert not orphan.exists()
    assert len(await blobs.read(kept)) == 70 * KIB


async def test_a_file_cut_short_is_told_and_never_given_out(
    blobs: BlobStore, tmp_path: Path
) -> None:
    kept = await blobs.keep(os.urandom(70 * KIB))
    [name] = _files(tmp_path / "blobs")
    os.truncate(tmp_path / "blobs" / name, 100)

    with pytest.raises(StoreDamaged, match="cut short"):
        await blobs.read(kept)
