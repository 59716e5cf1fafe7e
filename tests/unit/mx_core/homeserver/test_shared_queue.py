"""Several processes over one PostgreSQL: one queue, no message twice, none forgotten."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
import sqlalchemy as sa

from mx_core.db.postgres import PostgresDatabase
from mx_core.homeserver.bounds import peer_rules
from mx_core.homeserver.bounds.peer_rules import PeerRules
from mx_core.homeserver.config import Queue
from mx_core.homeserver.mailboxes import deliveries
from mx_core.homeserver.mailboxes.accept import Sizes
from mx_core.homeserver.mailboxes.arrivals import Arrivals
from mx_core.homeserver.mailboxes.receive import Receiver
from mx_core.homeserver.mailboxes.waking import Waking
from mx_core.homeserver.opening import MIGRATIONS
from mx_core.homeserver.people.accounts import Member
from mx_core.homeserver.queue import taking
from mx_core.homeserver.queue.dispatch import Dispatcher
from mx_core.homeserver.queue.outgoing import Leaving
from mx_core.homeserver.storage.room import Room
from mx_core.model.clock import Now
from mx_core.proto.federation_pb2 import ACCEPTED, DUPLICATE, ItemReply
from tests.support.body_store import body_store
from tests.support.home_device import item_for
from tests.support.home_rows import DEVICE, admitting, leaving, new_member
from tests.support.postgres import PostgresServer

pytestmark = [pytest.mark.anyio, pytest.mark.fleet]

QUICK = Queue(first_delay_seconds=0.01, longest_delay_seconds=0.02, batch_seconds=0.001)


@pytest.fixture
async def processes(postgres: PostgresServer) -> AsyncIterator[list[PostgresDatabase]]:
    """Give what two processes have of one database."""
    url = postgres.empty("shared")
    # both bring the empty database to the newest schema at once
    opened = await asyncio.gather(
        *(PostgresDatabase.open(url, migrations=MIGRATIONS, connections=4) for _ in range(2))
    )
    yield list(opened)
    for each in opened:
        await each.close()


class _Network:
    """Takes every batch; lets the other process come in between."""

    def __init__(self) -> None:
        self.carried: Counter[bytes] = Counter()
        self.lost = False  # the answer never comes

    async def __call__(self, destination: str, batch: Sequence[Leaving]) -> list[ItemReply]:
        self.carried.update(what.env_id for what in batch)
        await asyncio.sleep(0.002)
        if self.lost:
            await asyncio.Event().wait()
        return [ItemReply(status=ACCEPTED) for _ in batch]


@contextlib.asynccontextmanager
async def _running(
    database: PostgresDatabase, network: _Network, now: Now = time.time
) -> AsyncIterator[Dispatcher]:
    stopping = asyncio.Event()
    dispatcher = Dispatcher(database, Arrivals(), network, QUICK, now=now)
    task = asyncio.ensure_future(dispatcher.run(stopping))
    try:
        yield dispatcher
    finally:
        stopping.set()
        await task


async def _notices(database: PostgresDatabase, member: Member) -> int:
    return len(
        await database.read(lambda tx: deliveries.waiting(tx, member.mailbox_id, DEVICE, 0, 1_000))
    )


async def _eventually(database: PostgresDatabase, member: Member, count: int) -> None:
    async with asyncio.timeout(60):
        while await _notices(database, member) < count:
            await asyncio.sleep(0.01)


async def _fill(database: PostgresDatabase, member: Member, count: int) -> None:
    items = [leaving(member, "b.example") for _ in range(count)]

    def submit(tx: sa.Connection) -> None:
        for item in items:
            taking.submit(tx, [item])

    await database.write(submit)


async def test_two_processes_empty_one_queue_and_carry_nothing_twice(
    processes: list[PostgresDatabase],
) -> None:
    first, second = processes
    alice = await first.write(lambda tx: new_member(tx, "alice@a.example"))
    await _fill(first, alice, 600)
    networks = _Network(), _Network()

    async with _running(first, networks[0]), _running(second, networks[1]):
        await _eventually(first, alice, 600)

    carried = networks[0].carried + networks[1].carried
    assert len(carried) == 600
    assert max(carried.values()) == 1
    assert min(sum(network.carried.values()) for network in networks) > 0
    assert await _notices(first, alice) == 600


async def test_what_a_process_had_in_hand_when_it_died_leaves_by_another(
    processes: list[PostgresDatabase],
) -> None:
    first, second = processes
    alice = await first.write(lambda tx: new_member(tx, "alice@a.example"))
    await _fill(first, alice, 3)
    dead = _Network()
    dead.lost = True
    task = asyncio.ensure_future(
        Dispatcher(first, Arrivals(), dead, QUICK, now=time.time).run(asyncio.Event())
    )
    async with asyncio.timeout(60):
        while sum(dead.carried.values()) < 3:
            await asyncio.sleep(0.01)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    network, later = _Network(), [0.0]

    async with _running(second, network, lambda: time.time() + later[0]) as dispatcher:
        await dispatcher.look_around()
        await asyncio.sleep(0.05)
        assert not network.carried  # it could still be alive
        later[0] = 901.0  # longer than any claim
        dispatcher.announce("b.example")
        await _eventually(second, alice, 3)

    assert network.carried == dead.carried


async def test_a_mailbox_gives_out_sequences_in_the_order_in_which_they_can_be_seen(
    processes: list[PostgresDatabase], tmp_path: Path
) -> None:
    """Or a stream that has given out a higher one would pass over a lower one."""
    bob = await processes[0].write(lambda tx: new_member(tx, "bob@b.example"))
    receivers = [_receiver(each, tmp_path) for each in processes]
    items = [item_for("bob@b.example") for _ in range(60)]
    seen: list[int] = []
    done = asyncio.Event()

    async def watch() -> None:
        while not done.is_set() or len(seen) < 60:
            after = seen[-1] if seen else 0
            rows = await processes[0].read(
                lambda tx, after=after: deliveries.waiting(tx, bob.mailbox_id, DEVICE, after, 100)  # type: ignore[misc]  # bound now
            )
            seen.extend(row.sequence for row in rows)

    watching = asyncio.ensure_future(watch())
    # each item comes by both processes at once, and in batches that overlap
    replies = await asyncio.gather(
        *(
            receivers[n % 2].take("a.example", items[at : at + 10][:: 1 if n % 2 else -1])
            for n, at in enumerate([*range(0, 60, 5), *range(0, 60, 5)])
        )
    )
    done.set()
    async with asyncio.timeout(60):
        await watching

    statuses = Counter(reply.status for batch in replies for reply in batch)
    assert statuses.keys() == {ACCEPTED, DUPLICATE}
    assert statuses[ACCEPTED] == 60
    assert seen == list(range(1, 61))


async def test_a_last_ack_deletes_even_when_two_devices_ack_at_the_same_time(
    processes: list[PostgresDatabase], tmp_path: Path
) -> None:
    other = b"e" * 16
    bob = await processes[0].write(lambda tx: new_member(tx, "bob@b.example", (DEVICE, other)))
    await _receiver(processes[0], tmp_path).take(
        "a.example", [item_for("bob@b.example") for _ in range(30)]
    )

    async def ack(process: int, device: bytes, sequence: int) -> int:
        return await processes[process].write(
            lambda tx: deliveries.acknowledge(
                tx, bob.mailbox_id, device, [sequence], int(time.time())
            )
        )

    deleted = await asyncio.gather(
        *(
            ack(process, device, sequence)
            for sequence in range(1, 31)
            for process, device in enumerate((DEVICE, other))
        )
    )

    assert sum(deleted) == 30


async def test_what_one_process_stores_wakes_the_streams_of_the_other(
    processes: list[PostgresDatabase], tmp_path: Path
) -> None:
    bob = await processes[0].write(lambda tx: new_member(tx, "bob@b.example"))
    stopping, arrivals = asyncio.Event(), [Arrivals(), Arrivals()]
    wakings = [
        Waking(database, room, Dispatcher(database, room, _Network(), QUICK, now=time.time), rules)
        for database, room, rules in zip(
            processes, arrivals, (PeerRules("b.example"), PeerRules("b.example")), strict=True
        )
    ]
    tasks = [asyncio.ensure_future(each.run(stopping)) for each in wakings]
    with arrivals[1].listen(bob.mailbox_id) as changed, arrivals[1].listen(99) as other:
        async with asyncio.timeout(60):
            while not (changed.is_set() and other.is_set()):  # by joining: each looks once
                await asyncio.sleep(0.01)
            other.clear()
            changed.clear()
            while not changed.is_set():  # a word is lost while nobody listens yet
                await _receiver(processes[0], tmp_path, arrivals[0]).take(
                    "a.example", [item_for("bob@b.example")]
                )
                await asyncio.sleep(0.05)
        assert not other.is_set()
    stopping.set()
    await asyncio.gather(*tasks)


async def test_without_a_word_streams_queues_and_rules_are_looked_at_again(
    processes: list[PostgresDatabase],
) -> None:
    first, second = processes
    alice = await first.write(lambda tx: new_member(tx, "alice@a.example"))
    await first.write(lambda tx: peer_rules.put(tx, "evil.example", allowed=False))
    rules, arrivals, network = PeerRules("a.example"), Arrivals(), _Network()

    async with _running(second, network) as dispatcher:
        await _fill(first, alice, 1)
        with arrivals.listen(alice.mailbox_id) as changed:
            await Waking(second, arrivals, dispatcher, rules).look_again()
            assert changed.is_set()
        await _eventually(second, alice, 1)

    assert not rules.allows("evil.example")
    assert sum(network.carried.values()) == 1


async def test_a_body_that_one_process_sweeps_while_another_puts_it_is_put_again_or_kept(
    processes: list[PostgresDatabase], tmp_path: Path
) -> None:
    clock = [time.time()]
    stores = [
        body_store(tmp_path, database, incoming=f"incoming-{name}", now=lambda: clock[0])
        for database, name in zip(processes, ("one", "two"), strict=True)
    ]
    for store in stores:
        await store.recover()
    octets = b"MXB1" + bytes(100_000)
    body = await stores[0].keep(octets)
    assert await stores[1].read(body) == octets  # one folder

    for _ in range(5):
        clock[0] += 7_200.0
        _, kept = await asyncio.gather(
            stores[0].sweep(), stores[1].keep(octets), return_exceptions=True
        )
        if isinstance(kept, BaseException):
            kept = await stores[1].keep(octets)
        assert await stores[0].read(kept) == octets

    assert body.blob_id is not None
    for path in (tmp_path / "blobs").glob("[0-9a-f][0-9a-f]/*"):
        path.unlink()  # as somebody who knew no better
    assert await stores[1].read(await stores[1].keep(octets)) == octets


def _receiver(
    database: PostgresDatabase, folder: Path, arrivals: Arrivals | None = None
) -> Receiver:
    room = Room(folder, 1)
    return Receiver(
        database,
        body_store(folder, database),
        arrivals or Arrivals(),
        domain="b.example",
        sizes=Sizes(envelope=1 << 16, inline_body=1 << 18, blob=1 << 20),
        mailbox_octets=1 << 40,
        admitting=admitting(database, "b.example"),
        room=room,
        now=time.time,
    )
