"""A store of bodies over a bucket: what a crash leaves, what a service that is away costs."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from mx_core.db.database import Database
from mx_core.homeserver.config import Config, Storage
from mx_core.homeserver.storage import bodies, bucket
from mx_core.homeserver.storage.blobs import BlobStore
from mx_core.homeserver.storage.bodies import Body
from mx_core.homeserver.storage.bucket import Bucket
from mx_core.homeserver.storage.chosen import depot_of
from mx_core.homeserver.storage.depot import blob_of, new_place
from mx_core.model.errors import BadConfiguration, Busy, DiskFull, Unavailable
from mx_core.notation.hashing import b2_plain
from mx_core.proto.federation_pb2 import BlobChunk, BlobRef
from tests.support.body_store import body_store
from tests.support.object_store import ObjectStore

pytestmark = [pytest.mark.anyio, pytest.mark.fleet]

OCTETS = os.urandom(600_000)
BLOB_ID = b2_plain(OCTETS)
PREFIX = "b.example/"


@pytest.fixture
def name(object_store: ObjectStore) -> str:
    return object_store.make(f"bodies-{os.urandom(4).hex()}")


@pytest.fixture
async def depot(object_store: ObjectStore, name: str) -> AsyncIterator[Bucket]:
    made = object_store.bucket(name, PREFIX)
    yield made
    await made.close()


@pytest.fixture
def blobs(tmp_path: Path, database: Database, depot: Bucket) -> BlobStore:
    return body_store(tmp_path, database, depot=depot)


async def _chunks(octets: bytes, start: int, end: int) -> AsyncIterator[BlobChunk]:
    ref = BlobRef(id=b2_plain(octets), size=len(octets))
    yield BlobChunk(ref=ref, offset=start, octets=octets[start : min(start + 100_000, end)])
    for at in range(start + 100_000, end, 100_000):
        yield BlobChunk(offset=at, octets=octets[at : min(at + 100_000, end)])


async def test_an_upload_goes_on_where_it_stopped_and_becomes_one_object(
    blobs: BlobStore, object_store: ObjectStore, name: str, tmp_path: Path
) -> None:
    assert await blobs.receive("x", _chunks(OCTETS, 0, 350_000)) == 350_000
    assert object_store.keys(name) == []
    assert await blobs.receive("x", _chunks(OCTETS, 350_000, 600_000)) == 600_000

    [key] = object_store.keys(name)
    assert blob_of(key.removeprefix(PREFIX)) == BLOB_ID
    assert await blobs.read(Body(None, BLOB_ID, 600_000)) == OCTETS
    assert list((tmp_path / "blobs" / "incoming").iterdir()) == []


async def test_the_network_is_never_asked_inside_a_transaction(
    blobs: BlobStore, database: Database, depot: Bucket
) -> None:
    """The writer's thread and every reader's come by here; the bucket has threads of its own."""
    asked: set[str] = set()
    send = depot._client._endpoint.http_session.send

    def heard(request: object) -> object:
        asked.add(threading.current_thread().name.partition("_")[0])
        return send(request)

    depot._client._endpoint.http_session.send = heard
    kept = await blobs.keep(OCTETS)
    await blobs.keep(OCTETS)
    await blobs.read(kept)
    await database.write(lambda tx: tx.execute(sa.text("UPDATE blob SET touched = 0")))
    assert await blobs.sweep() == 1
    await blobs.tidy()

    assert asked == {"bucket"}


async def test_a_service_that_is_away_says_later_and_the_upload_is_not_sent_again(
    object_store: ObjectStore, name: str, tmp_path: Path, database: Database
) -> None:
    away = Bucket(name, PREFIX, endpoint="http://127.0.0.1:9", region="us-east-1")
    blobs = body_store(tmp_path, database, depot=away)
    with pytest.raises(Unavailable, match="does not answer"):
        await blobs.receive("x", _chunks(OCTETS, 0, 600_000))
    with pytest.raises(Unavailable, match="does not answer"):
        await blobs.keep(OCTETS)
    assert await database.read(bodies.known) == set()
    await away.close()

    back = object_store.bucket(name, PREFIX)
    blobs = body_store(tmp_path, database, depot=back)
    assert await blobs.receive("x", _chunks(OCTETS, 600_000, 600_000)) == 600_000
    assert await blobs.read(Body(None, BLOB_ID, 600_000)) == OCTETS
    await back.close()


async def test_a_service_that_hangs_is_given_up_and_the_loop_turns(
    object_store: ObjectStore, blobs: BlobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bucket, "_CALL_SECONDS", 0.5)
    object_store.pause()
    try:
        with pytest.raises(Unavailable, match="does not answer"):
            await blobs.keep(OCTETS)
    finally:
        object_store.go_on()


async def test_who_waits_for_a_service_that_hangs_is_bounded(
    object_store: ObjectStore, depot: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bucket, "_WAITING_MAX", 2)
    object_store.pause()
    waiting = [asyncio.ensure_future(depot.holds(new_place(BLOB_ID))) for _ in range(2)]
    try:
        await asyncio.sleep(0)
        with pytest.raises(Busy):
            await depot.holds(new_place(BLOB_ID))
    finally:
        object_store.go_on()
    assert await asyncio.gather(*waiting) == [False, False]


async def test_a_bucket_that_is_not_there_takes_nothing_and_loses_nothing(
    object_store: ObjectStore, tmp_path: Path, database: Database
) -> None:
    wrong = object_store.bucket("nobody-made-this", PREFIX)
    blobs = body_store(tmp_path, database, depot=wrong)

    with pytest.raises(Unavailable, match="NoSuchBucket"):
        await blobs.keep(OCTETS)
    assert await database.read(bodies.known) == set()
    await wrong.close()


async def test_a_key_is_needed(name: str, object_store: ObjectStore) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.delenv(variable)
        for variable in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
            patch.setenv(variable, "/nonexistent")
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        without = object_store.bucket(name, PREFIX)
        with pytest.raises(Unavailable):
            await without.put(new_place(BLOB_ID), b"x")
        await without.close()


async def test_what_was_put_before_a_crash_and_named_by_no_row_goes_a_day_later(
    blobs: BlobStore,
    object_store: ObjectStore,
    name: str,
    depot: Bucket,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kept = await blobs.keep(OCTETS)
    await depot.put(new_place(BLOB_ID), OCTETS)
    object_store.client.put_object(Bucket=name, Key="a.example/" + new_place(BLOB_ID), Body=b"x")
    assert await blobs.recover() == 0
    assert await blobs.tidy() == 0

    tomorrow = time.time() + 90_000
    monkeypatch.setattr("mx_core.homeserver.storage.blobs.time.time", lambda: tomorrow)
    assert await blobs.tidy() == 1
    monkeypatch.undo()

    assert len(object_store.keys(name)) == 2  # another domain's is another domain's
    assert await blobs.read(kept) == OCTETS


async def test_who_sweeps_and_who_puts_the_same_body_never_meet(
    tmp_path: Path, database: Database, depot: Bucket, object_store: ObjectStore, name: str
) -> None:
    clock = [1_700_000_000.0]
    one, two = (
        body_store(tmp_path, database, depot=depot, incoming=each, now=lambda: clock[0])
        for each in ("one", "two")
    )
    await one.keep(OCTETS)
    for _ in range(5):
        clock[0] += 7_200.0
        _, kept = await asyncio.gather(one.sweep(), two.keep(OCTETS))
        assert await one.read(kept) == OCTETS
    assert len(object_store.keys(name)) == 1


async def test_a_full_store_says_that_there_is_no_room(depot: Bucket) -> None:
    def refuse(**_: object) -> None:
        raise depot._client.exceptions.ClientError(
            {"Error": {"Code": "XMinioStorageFull"}}, "PutObject"
        )

    depot._client.meta.events.register("before-send.s3.PutObject", refuse)
    with pytest.raises(DiskFull):
        await depot.put(new_place(BLOB_ID), OCTETS)


def test_without_the_extra_the_sentence_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "mx_core.homeserver.storage.bucket", None)
    config = Config(domain="b.example", storage=Storage(blobs="s3://city/mx"))

    with pytest.raises(BadConfiguration, match=r"mx-gateway\[s3\]"):
        depot_of(tmp_path, config)
