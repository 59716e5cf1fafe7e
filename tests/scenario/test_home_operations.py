"""What an operator does to a running home: its queue, its backup and the drill, its export."""

from __future__ import annotations

import json
import shutil

import pytest

from mx_core.notation.hashing import b2_plain
from mx_core.proto.client_pb2 import Delivery
from mx_core.proto.federation_pb2 import ACCEPTED, BlobRef
from tests.support.home_device import HomeDevice, big_body, item_for
from tests.support.homes import HomeProcess, Homes, eventually, run

pytestmark = [pytest.mark.anyio, pytest.mark.fleet]

SETTINGS = "[queue]\nfirst_delay_seconds = {}\n[limits]\nhello_per_minute = 1000\n"


@pytest.fixture(scope="module")
def a(homes: Homes) -> HomeProcess:
    return homes.make("a.example", SETTINGS.format(3_600))


@pytest.fixture(scope="module")
def b(homes: Homes) -> HomeProcess:
    return homes.make("b.example", SETTINGS.format(0.1))


def _paused(listed: str, domain: str) -> bool:
    return any(
        line.startswith(f"{domain}\t") and not line.endswith("\t0") for line in listed.splitlines()
    )


def _octets(delivery: Delivery) -> tuple[bytes, bytes, bytes]:
    item = delivery.arrived.item
    return item.envelope, item.body, item.body_ref.id


def _told(home: HomeProcess, *words: str) -> str:
    return run(*words, "--dir", str(home.folder))


async def test_a_queue_is_listed_retried_at_once_and_dropped_with_a_report(
    homes: Homes, a: HomeProcess
) -> None:
    away = homes.make("away.example", SETTINGS.format(1), start=False)
    async with HomeDevice(a, "alice") as alice:
        await alice.join()
        news = alice.collect()
        await news.until_empty()
        await alice.submit(item_for("x@away.example"))
        eventually(lambda: _paused(_told(a, "queue", "list"), "away.example"))

        assert _told(a, "queue", "drop", "away.example") == "1\n"
        fate = (await news.next()).fate
        assert (fate.relayed, fate.status) == (False, "5.7.1")
        assert "operator" in fate.reason

        away.start()
        async with HomeDevice(away, "bob") as bob:
            await bob.join()
            assert await alice.submit(item_for(bob.address)) == ACCEPTED
            # it did not answer: that is remembered for seconds, and the pause is an hour
            assert _told(a, "queue", "retry") == "away.example\n"
            assert (await news.next()).fate.relayed
    assert _told(a, "queue", "list") == ""


async def test_a_home_that_is_lost_goes_on_from_its_backup(
    homes: Homes, a: HomeProcess, b: HomeProcess
) -> None:
    """The drill: back up while serving, lose the machine, restore, and nobody notices a key."""
    async with HomeDevice(a, "carol") as carol, HomeDevice(b, "dave") as dave:
        await carol.join()
        await dave.join()
        news, mail = carol.collect(), dave.collect()
        await news.until_empty()
        await mail.until_empty()
        large = big_body(300_000)
        ref = BlobRef(id=b2_plain(large), size=await carol.put_blob(large))
        for body in (None, ref):
            await carol.submit(item_for(dave.address, body))
            assert (await news.next()).fate.relayed
        before = [await mail.next(), await mail.next()]
        mail.cancel()

        to = homes.folder / "copy"
        assert "whole, with 1 large bodies" in _told(b, "backup", "--to", str(to))
        b.kill()
        shutil.rmtree(b.folder)
        _told(b, "restore", "--from", str(to))
        b.start()

    async with HomeDevice(a, "erin") as erin:
        await erin.join()
        async with dave:
            await dave.authenticate()
            again = await dave.collect().until_empty()
        assert [_octets(each) for each in again] == [_octets(each) for each in before]
        news = erin.collect()
        await news.until_empty()
        await erin.submit(item_for(dave.address))
        assert (await news.next()).fate.relayed  # the same key, the same name


async def test_the_public_record_of_the_people_can_be_taken_along(b: HomeProcess) -> None:
    async with HomeDevice(b, "frank") as frank:
        await frank.join()

        people = [json.loads(line) for line in _told(b, "export").splitlines()]

    [mine] = [each for each in people if each["address"] == str(frank.address)]
    assert len(mine["entries"]) == 1
