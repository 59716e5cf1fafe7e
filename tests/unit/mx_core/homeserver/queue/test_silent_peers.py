"""Peers that take a connection and never answer hold up nobody who does."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from msgspec.structs import replace

from mx_core.db.database import Database
from mx_core.homeserver.config import Queue
from mx_core.homeserver.mailboxes.arrivals import Arrivals
from mx_core.homeserver.opening import MIGRATIONS
from mx_core.homeserver.people.accounts import Member
from mx_core.homeserver.queue import outgoing, taking
from mx_core.homeserver.queue.dispatch import Dispatcher
from mx_core.homeserver.queue.outgoing import Leaving
from mx_core.homeserver.queue.retry import TryAgain
from mx_core.homeserver.queue.slots import (
    DOUBTFUL_AT_ONCE,
    FIRST_OCTETS,
    MORE_AT_ONCE,
    PATIENCE_SECONDS,
    PROVED_AT_ONCE,
    UNKNOWN_AT_ONCE,
    Pool,
    Slots,
)
from mx_core.homeserver.queue.worker import BATCHES_MAX
from mx_core.proto.federation_pb2 import ACCEPTED, ItemReply
from tests.support.home_rows import add_member, leaving
from tests.support.simulated_time import SimulatedDatabase, SimulatedLoop, run

pytestmark = pytest.mark.anyio

SETTINGS = Queue(first_delay_seconds=60.0, longest_delay_seconds=3_600.0, batch_seconds=0.001)


class _Network:
    """Every domain that begins with ``silent`` hangs; the others answer at once."""

    def __init__(self) -> None:
        self.asked: list[str] = []  # that hang
        self.answered: asyncio.Queue[str] = asyncio.Queue()

    async def __call__(self, destination: str, batch: Sequence[Leaving]) -> list[ItemReply]:
        if destination.startswith("silent"):
            self.asked.append(destination)
            await asyncio.Event().wait()
        self.answered.put_nowait(destination)
        return [ItemReply(status=ACCEPTED) for _ in batch]

    async def silent(self, count: int) -> None:
        """Return when *count* are being asked, and no more will be."""
        async with asyncio.timeout(20):
            while len(self.asked) < count:
                await asyncio.sleep(0.005)


@pytest.fixture
def alice(database: Database) -> Member:
    return add_member(database, "alice@a.example")


@contextlib.asynccontextmanager
async def _running(database: Database, network: _Network) -> AsyncIterator[Dispatcher]:
    stopping = asyncio.Event()
    dispatcher = Dispatcher(database, Arrivals(), network, SETTINGS, now=time.time)
    task = asyncio.ensure_future(dispatcher.run(stopping))
    try:
        yield dispatcher
    finally:
        stopping.set()
        await task


async def _submit(
    database: Database, dispatcher: Dispatcher | None, *items: Leaving, tried: bool = False
) -> None:
    def submit(tx: object) -> None:
        for item in items:
            taking.submit(tx, [item])  # type: ignore[arg-type]
        if tried:
            again = [(item, TryAgain(0, "silence"), time.time() - 1.0) for item in items]
            outgoing.record(tx, again, time.time())  # type: ignore[arg-type]

    await database.write(submit)
    for destination in {item.destination for item in items}:
        if dispatcher is not None:
            dispatcher.announce(destination)


async def _next(network: _Network) -> str:
    async with asyncio.timeout(10):
        return await network.answered.get()


async def test_who_answered_before_is_served_while_any_number_of_others_is_silent(
    database: Database, alice: Member
) -> None:
    network = _Network()
    async with _running(database, network) as dispatcher:
        await _submit(database, dispatcher, leaving(alice, "good.example"))
        assert await _next(network) == "good.example"
        silent = [
            leaving(alice, f"silent{number}.example") for number in range(2 * UNKNOWN_AT_ONCE)
        ]
        await _submit(database, dispatcher, *silent)
        await network.silent(UNKNOWN_AT_ONCE)

        await _submit(database, dispatcher, leaving(alice, "good.example"))

        assert await _next(network) == "good.example"
        assert len(network.asked) == UNKNOWN_AT_ONCE


async def test_who_answered_until_now_and_is_silent_holds_up_nobody_who_answers(
    database: Database, alice: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They give their slots up for who waits, as many as wait, and are doubted from then on."""
    monkeypatch.setattr("mx_core.homeserver.queue.slots.PATIENCE_SECONDS", 0.05)
    turned = [f"turns{number}.example" for number in range(PROVED_AT_ONCE)]

    class Turns(_Network):
        silence = False

        async def __call__(self, destination: str, batch: Sequence[Leaving]) -> list[ItemReply]:
            if self.silence and destination in turned:
                self.asked.append(destination)
                await asyncio.Event().wait()
            return await super().__call__(destination, batch)

    network = Turns()
    async with _running(database, network) as dispatcher:
        for destination in (*turned, "good.example"):
            await _submit(database, dispatcher, leaving(alice, destination))
            assert await _next(network) == destination
        network.silence = True
        await _submit(database, dispatcher, *(leaving(alice, each) for each in turned))
        await network.silent(PROVED_AT_ONCE)

        await _submit(database, dispatcher, leaving(alice, "good.example"))

        assert await _next(network) == "good.example"
        given_up = [each for each in turned if not dispatcher._crew.slots.answers(each)]
        assert len(given_up) == 1  # one waited


def test_who_answers_has_its_batches_beside_each_other_although_others_with_long_queues_hang(
    tmp_path: Path,
) -> None:
    """They took every slot there is for that, and give one up for each that is wanted, in seconds."""
    hanging = [f"silent{number}.example" for number in range(-(-MORE_AT_ONCE // (BATCHES_MAX - 1)))]

    class Late(_Network):
        at_once = most_at_once = 0
        done = 0

        async def __call__(self, destination: str, batch: Sequence[Leaving]) -> list[ItemReply]:
            if destination in hanging and destination not in self.asked:
                self.asked.append(destination)  # the first is answered, and no other
            elif destination in hanging:
                await asyncio.Event().wait()
            else:
                self.at_once += 1
                self.most_at_once = max(self.most_at_once, self.at_once)
                await asyncio.sleep(1.0)
                self.at_once -= 1
                self.done += 1
            return [ItemReply(status=ACCEPTED) for _ in batch]

    async def story() -> tuple[float, int]:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, SimulatedLoop)
        network, stopping = Late(), asyncio.Event()
        with contextlib.closing(
            SimulatedDatabase.open(tmp_path / "home.sqlite", migrations=MIGRATIONS)
        ) as database:
            alice = add_member(database, "alice@a.example")
            one = Queue(batch_items=1, batch_seconds=0.001)
            dispatcher = Dispatcher(database, Arrivals(), network, one, now=loop.now)
            task = asyncio.ensure_future(dispatcher.run(stopping))

            async def submit(destination: str, count: int) -> None:
                now = int(loop.now())
                items = [
                    replace(leaving(alice, destination), submitted=now, deliver_by=now + 86_400)
                    for _ in range(count)
                ]
                await _submit(database, dispatcher, *items)

            for destination in hanging:
                await submit(destination, 2 * BATCHES_MAX)
            while not dispatcher._crew.slots.more.locked():
                await asyncio.sleep(0.01)
            began = loop.time()
            await submit("good.example", 60)
            while network.done < 60:
                await asyncio.sleep(0.1)
            taken = loop.time() - began
            stopping.set()
            await task
        return taken, network.most_at_once

    taken, at_once = run(story())

    assert at_once == BATCHES_MAX
    assert (
        taken < PATIENCE_SECONDS + 60 / BATCHES_MAX + 2
    )  # seconds; with one at a time it is sixty


async def test_a_call_lasts_as_long_as_it_likes_while_nobody_waits_for_its_slot() -> None:
    pool = Pool(1, patience=0.0)
    slot = await pool.take()
    async with slot.call():
        await asyncio.sleep(0.01)
    waiting = asyncio.ensure_future(pool.take())
    await asyncio.sleep(0)
    with pytest.raises(TimeoutError):
        async with slot.call():
            await asyncio.Event().wait()
    waiting.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await waiting

    async with slot.call():  # who waited has gone
        await asyncio.sleep(0.01)
    slot.release()
    assert not pool.locked()


async def test_after_a_restart_who_was_silent_before_holds_up_nobody_else(
    database: Database, alice: Member
) -> None:
    """What is known of a peer then is that what waits for it was tried before."""
    network = _Network()
    silent = [leaving(alice, f"silent{number}.example") for number in range(40)]
    await _submit(database, None, *silent, tried=True)
    async with _running(database, network) as dispatcher:
        await network.silent(DOUBTFUL_AT_ONCE)

        await _submit(database, dispatcher, leaving(alice, "new.example"))

        assert await _next(network) == "new.example"
        assert len(network.asked) == DOUBTFUL_AT_ONCE


async def test_what_waits_for_a_slot_is_not_in_memory(database: Database, alice: Member) -> None:
    network = _Network()
    many = [leaving(alice, f"silent{number}.example") for number in range(2 * UNKNOWN_AT_ONCE)]
    await _submit(database, None, *many)
    async with _running(database, network) as dispatcher:
        await network.silent(UNKNOWN_AT_ONCE)
        async with asyncio.timeout(20):
            while len(dispatcher._workers) < 2 * UNKNOWN_AT_ONCE:
                await asyncio.sleep(0.005)

        assert sum(len(each.under_way) for each in dispatcher._workers.values()) == UNKNOWN_AT_ONCE


async def test_who_has_not_answered_yet_is_sent_little_at_first(
    database: Database, alice: Member
) -> None:
    many = [leaving(alice, "good.example", octets=60_000) for _ in range(12)]
    batches: list[int] = []

    class Counts(_Network):
        async def __call__(self, destination: str, batch: Sequence[Leaving]) -> list[ItemReply]:
            batches.append(sum(each.octets for each in batch))
            return await super().__call__(destination, batch)

    network = Counts()
    await _submit(database, None, *many)
    async with _running(database, network):
        await _next(network)
        await _next(network)

    assert batches[0] <= FIRST_OCTETS < batches[1]


async def test_a_slot_comes_back_whatever_happens_to_the_batch(
    database: Database, alice: Member
) -> None:
    class Breaks(_Network):
        async def __call__(self, destination: str, batch: Sequence[Leaving]) -> list[ItemReply]:
            if destination.startswith("broken"):
                self.asked.append(destination)
                raise RuntimeError("a bug")
            return await super().__call__(destination, batch)

    network = Breaks()
    async with _running(database, network) as dispatcher:
        for number in range(3 * PROVED_AT_ONCE):
            await _submit(database, dispatcher, leaving(alice, f"broken{number}.example"))
        await network.silent(3 * PROVED_AT_ONCE)

        await _submit(database, dispatcher, leaving(alice, "good.example"))
        assert await _next(network) == "good.example"


def test_what_a_destination_did_last_decides_where_it_waits() -> None:
    slots = Slots()
    unknown, doubtful = (slots.kind("b.example", tried=tried) for tried in (False, True))
    slots.note("b.example", answers=True)
    proved = slots.kind("b.example", tried=True)
    slots.note("b.example", answers=False)

    assert len({id(each) for each in (unknown, doubtful, proved)}) == 3
    assert slots.kind("b.example", tried=False) is doubtful
    for number in range(5_000):
        slots.note(f"{number}.example", answers=True)
    assert not slots.answers("b.example")
    assert slots.kind("b.example", tried=False) is unknown
