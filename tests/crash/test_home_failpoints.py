"""A home server killed at each durable step: what was accepted arrives exactly once."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

import grpc
import pytest

from mx_core.admission.tag_list import good_until, tag_list
from mx_core.notation import cbor
from mx_core.notation.hashing import b2_plain
from mx_core.passport.binding import Attestation
from mx_core.passport.card import Card
from mx_core.proto import client_pb2
from mx_core.proto.federation_pb2 import ACCEPTED, DUPLICATE, BlobRef, Item
from mx_core.tlog.log_proof import LogProof
from tests.support.door_stub import change_door, deliver, door_stub
from tests.support.home_device import SECONDS, HomeDevice, StreamEnded, big_body, item_for
from tests.support.homes import HomeProcess, Homes, running_homes
from tests.support.mallory import log_keys_of

pytestmark = pytest.mark.anyio
T = TypeVar("T")

SOON = "[queue]\nfirst_delay_seconds = 0.1\nlongest_delay_seconds = 0.2\n"


@pytest.fixture(scope="module")
def homes() -> Iterator[Homes]:
    with running_homes() as made:
        yield made


@pytest.fixture(scope="module")
def pair(homes: Homes) -> tuple[HomeProcess, HomeProcess]:
    return homes.make("a.example", SOON), homes.make("b.example", SOON)


_names = iter(range(1_000_000))


async def _submit_until_durable(alice: HomeDevice, item: Item) -> None:
    """Do what a gateway does: ask until the answer says that it is durable."""
    async with asyncio.timeout(SECONDS):
        while True:
            try:
                if await alice.submit(item) in {ACCEPTED, DUPLICATE}:
                    return
            except grpc.aio.AioRpcError:
                await asyncio.sleep(0.1)
                with contextlib.suppress(grpc.aio.AioRpcError):
                    await alice.authenticate()


async def _all_news(device: HomeDevice, wanted: str, env_id: bytes) -> int:
    """Collect and ack until *wanted* of *env_id* has come and the queue is empty; count it."""
    until = time.monotonic() + 60
    count = 0
    while time.monotonic() < until:
        try:
            await device.authenticate()
            stream = device.collect()
            deliveries = await stream.until_empty()
            for delivery in deliveries:
                match delivery.WhichOneof("what"):
                    case "arrived":
                        found = b2_plain(delivery.arrived.item.envelope)
                    case _:
                        found = delivery.fate.env_id
                await device.acknowledge(delivery.sequence)
                count += delivery.WhichOneof("what") == wanted and found == env_id
            stream.cancel()
            if count and not deliveries:
                return count
        except (grpc.aio.AioRpcError, StreamEnded, TimeoutError):
            pass
        await asyncio.sleep(0.1)
    raise AssertionError(f"{wanted} never came")


async def _restart_when_dead(home: HomeProcess) -> None:
    assert await asyncio.to_thread(home.wait_dead) == -9
    await asyncio.to_thread(home.start)


# every other step of every process is walked by test_kill_at_each_step.py
@pytest.mark.parametrize(
    ("where", "step"),
    [(0, "sent"), (1, "put"), (1, "stored")],
)
async def test_a_large_body_arrives_exactly_once(
    pair: tuple[HomeProcess, HomeProcess], where: int, step: str
) -> None:
    killed = pair[where]
    name = f"u{next(_names)}"
    async with HomeDevice(pair[0], name) as alice, HomeDevice(pair[1], name) as bob:
        await alice.join()
        await bob.join()
        octets = big_body(400_000)
        await alice.put_blob(octets)
        item = item_for(bob.address, BlobRef(id=b2_plain(octets), size=len(octets)))
        await asyncio.to_thread(killed.stop)
        await asyncio.to_thread(lambda: killed.start(failpoint=step))
        for device in (alice, bob):
            await _authenticated(device)

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_restart_when_dead(killed))
            await _submit_until_durable(alice, item)

        assert await _all_news(bob, "arrived", b2_plain(item.envelope)) == 1
        assert await _all_news(alice, "fate", b2_plain(item.envelope)) == 1


@pytest.mark.parametrize("step", ["acked", "deleted"])
async def test_an_ack_that_was_cut_off_is_harmless(
    pair: tuple[HomeProcess, HomeProcess], step: str
) -> None:
    home = pair[1]
    async with HomeDevice(home, f"u{next(_names)}") as bob:
        await bob.join()
        item = item_for(bob.address)
        await bob.submit(item)
        stream = bob.collect()
        seen = {(await stream.next()).WhichOneof("what") for _ in range(3)}
        assert seen == {"arrived", "fate", "queue_empty"}
        await asyncio.to_thread(home.stop)
        await asyncio.to_thread(lambda: home.start(failpoint=step))
        await _authenticated(bob)
        [first, second] = await bob.collect().until_empty()
        with pytest.raises(grpc.aio.AioRpcError):
            await bob.acknowledge(first.sequence, second.sequence)
        await _restart_when_dead(home)

        await _authenticated(bob)
        left = await bob.collect().until_empty()

        assert [d.sequence for d in left] == (
            [first.sequence, second.sequence] if step == "acked" else []
        )
        # and a copy of the same envelope stays known, whether its row is there or not
        assert await bob.submit(item) == DUPLICATE


async def test_a_list_of_tags_that_was_cut_off_is_given_again(
    pair: tuple[HomeProcess, HomeProcess],
) -> None:
    home, now = pair[1], time.time()
    request = client_pb2.ReplaceTagsRequest(
        tags=tag_list([b"\x01" * 32], bytes(32), now), good_until=good_until(now)
    )
    async with HomeDevice(home, f"u{next(_names)}") as bob:
        await bob.join()
        await asyncio.to_thread(home.stop)
        await asyncio.to_thread(lambda: home.start(failpoint="tagged"))
        await _authenticated(bob)
        with pytest.raises(grpc.aio.AioRpcError):
            await bob.stub.ReplaceTags(request, metadata=bob.metadata, timeout=SECONDS)
        await _restart_when_dead(home)
        held = _tags_of(home, str(bob.address))

        await _authenticated(bob)
        await bob.stub.ReplaceTags(request, metadata=bob.metadata, timeout=SECONDS)

    assert held == list(request.tags) == _tags_of(home, str(bob.address))


@pytest.mark.parametrize("step", ["accepted", "stored", "handed"])
async def test_ordinary_mail_that_was_cut_off_is_brought_again_and_there_once(
    homes: Homes, step: str
) -> None:
    """The door says no 250 to its sender before the answer, and has the same item again."""
    home = homes.make(f"{step}.example", "[door]\nenabled = true\n")
    async with HomeDevice(home, "bob") as bob:
        await bob.join()
        await change_door(bob, "OPEN")
        item = item_for(bob.address)
        await asyncio.to_thread(home.stop)
        await asyncio.to_thread(lambda: home.start(failpoint=step))
        async with door_stub(home) as stub:
            with pytest.raises(grpc.aio.AioRpcError):
                await deliver(stub, item)
        await _restart_when_dead(home)

        async with door_stub(home) as stub:
            again = await deliver(stub, item)
        await _authenticated(bob)
        given = await bob.collect().until_empty()

    assert again == [ACCEPTED if step == "accepted" else DUPLICATE]
    assert [one.arrived.item.envelope for one in given] == [item.envelope]


def _tags_of(home: HomeProcess, address: str) -> list[bytes]:
    with contextlib.closing(sqlite3.connect(home.folder / "home.sqlite")) as rows:
        asked = "SELECT tag FROM tag JOIN mailbox USING (mailbox_id) WHERE address = ? ORDER BY tag"
        return [tag for (tag,) in rows.execute(asked, (address,))]


async def _authenticated(device: HomeDevice) -> None:
    await _answered(device.authenticate)


async def _answered(ask: Callable[[], Awaitable[T]]) -> T:
    """Return the answer of a server that is just back, as often as it takes to ask."""
    async with asyncio.timeout(SECONDS):
        while True:
            try:
                return await ask()
            except grpc.aio.AioRpcError:
                await asyncio.sleep(0.1)


@pytest.mark.parametrize("step", ["waiting", "logged"])
async def test_a_registration_that_was_cut_off_is_logged_once(
    pair: tuple[HomeProcess, HomeProcess], step: str
) -> None:
    home = pair[0]
    async with HomeDevice(home, f"u{next(_names)}") as alice:
        code = await asyncio.to_thread(home.invite)
        await asyncio.to_thread(home.stop)
        await asyncio.to_thread(lambda: home.start(failpoint=step))
        with pytest.raises(grpc.aio.AioRpcError):
            await alice.register(code)
        await _restart_when_dead(home)

        card = Card.decode(await _answered(lambda: alice.register(code)))

        assert card.log_proof is not None
        proof = LogProof.decode(card.log_proof)
        binding = Attestation.read(cbor.decode(card.attestation)).binding.encode()
        logged = proof.verify(log_keys_of(home.folder, home.domain), card.address, binding, None)
        assert logged.value is not None
        assert logged.value.version == 1
