"""Two real processes of one domain over one PostgreSQL, and a peer over SQLite."""

from __future__ import annotations

import asyncio
import re

import pytest

from mx_core.notation.hashing import b2_plain
from mx_core.proto.federation_pb2 import ACCEPTED, DUPLICATE, BlobRef
from tests.support.home_answers import fate_of
from tests.support.home_device import HomeDevice, big_body, item_for
from tests.support.homes import HomeProcess, Homes, eventually, run_any
from tests.support.postgres import PostgresServer

pytestmark = [pytest.mark.anyio, pytest.mark.fleet]

QUICK = "[queue]\nfirst_delay_seconds = 0.1\n[limits]\nhello_per_minute = 1000\n"


@pytest.fixture(scope="module")
def a(homes: Homes, postgres: PostgresServer) -> list[HomeProcess]:
    storage = f'[storage]\ndatabase = "{postgres.make("many")}"\nconnections = 4\n'
    settings = f'{storage}blobs = "{homes.folder}/bodies"\n{QUICK}'
    first = homes.make("a.example", settings)
    return [first, homes.make_beside(first, settings)]


def _moved(home: HomeProcess, device: HomeDevice) -> HomeDevice:
    """Return the same device, at another process."""
    other = HomeDevice(home, "nobody")
    other.__dict__.update({**device.__dict__, "home": home})
    return other


async def test_one_domain_is_served_by_two_processes(homes: Homes, a: list[HomeProcess]) -> None:
    b = homes.make("b.example", QUICK)
    body = big_body(700_000)
    async with (
        HomeDevice(a[0], "alice") as alice,
        HomeDevice(a[1], "carol") as carol,
        HomeDevice(b, "bob") as bob,
    ):
        for device in (alice, carol, bob):
            await device.join()
        # what one process takes is heard at the other, a large body in the shared folder too
        news = alice.collect()
        await news.until_empty()
        assert await carol.put_blob(body) == len(body)
        blob = BlobRef(id=b2_plain(body), size=len(body))
        item = item_for(alice.address, blob)
        assert await carol.submit(item) == ACCEPTED
        arrived = await news.next(60)
        assert arrived.arrived.item.envelope == item.envelope
        assert await alice.get_blob(blob.id) == body
        await alice.acknowledge(arrived.sequence)
        # both send from one queue; a peer hears each message once
        fates = carol.collect()
        assert (await fate_of(fates)).relayed
        items = [item_for(bob.address) for _ in range(40)]
        for device, some in ((alice, items[::2]), (carol, items[1::2])):
            assert [await device.submit(each) for each in some] == [ACCEPTED] * 20
        inbox = bob.collect(256)
        got = [(await inbox.next(60)) for _ in range(41)]
        envelopes = {each.arrived.item.envelope for each in got if each.HasField("arrived")}
        assert envelopes == {each.envelope for each in items}
        # each is written down when its answer has come; and there is the one within the domain
        eventually(lambda: sum(_sent(home) for home in a) >= 41)
        assert sum(_sent(home) for home in a) == 41
        # the other process knows what this one has taken, and the device that took it
        async with _moved(a[0], carol) as same:
            await same.authenticate()
            assert await same.submit(items[1]) == DUPLICATE
            a[1].kill()
            assert await same.submit(item_for(bob.address)) == ACCEPTED
            assert (await inbox.next(60)).HasField("arrived")


def _sent(home: HomeProcess) -> int:
    return sum(int(n) for n in re.findall(r"batch_sent.*?items=(\d+)", home.log.read_text()))


async def test_a_second_process_in_the_same_folder_and_a_backup_are_refused(
    a: list[HomeProcess],
) -> None:
    second = await asyncio.to_thread(run_any, "serve", "--dir", str(a[0].folder))
    assert second.returncode == 75
    assert "already running" in second.stderr
    copied = await asyncio.to_thread(
        run_any, "backup", "--dir", str(a[0].folder), "--to", str(a[0].folder.parent / "copy")
    )
    assert copied.returncode != 0
    assert "scaling.md" in copied.stderr
    assert not (a[0].folder.parent / "copy").exists()


async def test_a_database_that_goes_away_stops_nothing(
    a: list[HomeProcess], postgres: PostgresServer
) -> None:
    postgres.kill()
    await asyncio.to_thread(postgres.start)

    eventually(lambda: "a.example" in _status(a[0]), 60)
    assert a[0].is_running()


def _status(home: HomeProcess) -> str:
    return run_any("status", "--dir", str(home.folder)).stdout
