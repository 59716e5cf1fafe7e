"""A home server whose large bodies are objects of an S3-compatible service, as an operator has it."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator

import grpc
import pytest

from mx_core.homeserver.commands.doctor import examine
from mx_core.notation.hashing import b2_plain
from mx_core.proto.federation_pb2 import BlobRef
from tests.support.home_device import HomeDevice, big_body, item_for
from tests.support.homes import HomeProcess, Homes, run
from tests.support.object_store import ObjectStore, running_object_store

pytestmark = [pytest.mark.anyio, pytest.mark.fleet]

NAME = "city"
DRILL = "drill"  # a bucket of its own: what the other tests leave in theirs is no part of it
SOON = "[queue]\nfirst_delay_seconds = 0.1\nlongest_delay_seconds = 0.2\n"


@pytest.fixture(scope="module")
def store() -> Iterator[ObjectStore]:
    with running_object_store() as made:
        made.make(NAME)
        made.make(DRILL)
        yield made


@pytest.fixture(scope="module")
def a(homes: Homes) -> HomeProcess:
    return homes.make("a.example", SOON)


@pytest.fixture(scope="module")
def b(homes: Homes, store: ObjectStore) -> HomeProcess:
    return homes.make("b.example", in_bucket(NAME, store) + SOON)


def in_bucket(name: str, store: ObjectStore) -> str:
    return f'[storage]\nblobs = "s3://{name}/mx"\nblobs_endpoint = "{store.endpoint}"\n'


async def test_a_large_message_waits_in_the_bucket_and_outlives_the_machine(
    homes: Homes, a: HomeProcess, store: ObjectStore
) -> None:
    """The drill: the folder and the bucket are lost, the backup holds all of it."""
    b = homes.make("c.example", in_bucket(DRILL, store) + SOON)
    async with HomeDevice(a, "alice") as alice, HomeDevice(b, "bob") as bob:
        await alice.join()
        await bob.join()
        news, mail = alice.collect(), bob.collect()
        await news.until_empty()
        await mail.until_empty()
        octets = big_body(700_000)
        ref = BlobRef(id=b2_plain(octets), size=await alice.put_blob(octets))
        await alice.submit(item_for(bob.address, ref))
        assert (await news.next()).fate.relayed
        assert (await mail.next()).arrived.item.body_ref == ref
        mail.cancel()
        [key] = store.keys(DRILL)
        assert key.startswith("mx/c.example/")
        assert not (b.folder / "blobs").exists()

        to = homes.folder / "copy"
        said = await asyncio.to_thread(run, "backup", "--to", str(to), "--dir", str(b.folder))
        assert "whole, with 1 large bodies" in said
        b.kill()
        shutil.rmtree(b.folder)
        store.client.delete_object(Bucket=DRILL, Key=key)
        await asyncio.to_thread(run, "restore", "--from", str(to), "--dir", str(b.folder))
        b.start()

    async with bob:
        await bob.authenticate()
        [again] = await bob.collect().until_empty()
        assert again.arrived.item.body_ref == ref
        assert await bob.get_blob(ref.id) == octets


async def test_killed_between_the_object_and_its_row_it_takes_the_same_body_again(
    b: HomeProcess, store: ObjectStore
) -> None:
    before = store.keys(NAME)
    octets = big_body(300_000)
    async with HomeDevice(b, "carol") as carol:
        await carol.join()
        await asyncio.to_thread(b.stop)
        await asyncio.to_thread(lambda: b.start(failpoint="put"))
        await carol.authenticate()
        with pytest.raises(grpc.aio.AioRpcError):
            await carol.put_blob(octets)
        assert await asyncio.to_thread(b.wait_dead) == -9
        assert len(store.keys(NAME)) == len(before) + 1  # no row names it: it goes tomorrow
        await asyncio.to_thread(b.start)

        await carol.authenticate()
        ref = BlobRef(id=b2_plain(octets), size=await carol.put_blob(octets, 256 * 1024))
        assert ref.size == len(octets)  # all of it was here already
        await carol.submit(item_for(carol.address, ref))
        mail = carol.collect()
        while not (delivery := await mail.next()).HasField("arrived"):
            pass  # the queue was empty, or the fate came first
        assert delivery.arrived.item.body_ref == ref
        assert await carol.get_blob(ref.id) == octets


async def test_the_doctor_tries_the_bucket_and_says_what_is_wrong(
    b: HomeProcess, store: ObjectStore
) -> None:
    before = store.keys(NAME)
    found = [each async for each in examine(b.folder)]
    assert [each for each in found if each.do] == []
    assert any(
        "the bucket s3://city/mx/b.example/ takes large bodies" in each.said for each in found
    )
    assert store.keys(NAME) == before

    path = b.folder / "mx-home.toml"
    text = path.read_text()
    path.write_text(text.replace("s3://city/mx", "s3://another/mx"))
    [wrong] = [each async for each in examine(b.folder) if each.do]
    path.write_text(text)
    assert "NoSuchBucket" in wrong.said
    assert "AWS_ACCESS_KEY_ID" in wrong.do
