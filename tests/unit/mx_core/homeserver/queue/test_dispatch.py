"""The queue's workers: every item ends in one notice, whatever a destination does."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

import pytest

from mx_core.db.database import Database
from mx_core.homeserver.config import Queue
from mx_core.homeserver.mailboxes import deliveries
from mx_core.homeserver.mailboxes.arrivals import Arrivals
from mx_core.homeserver.mailboxes.deliveries import Notice
from mx_core.homeserver.people.accounts import Member
from mx_core.homeserver.queue import outgoing, taking
from mx_core.homeserver.queue.dispatch import Dispatcher
from mx_core.homeserver.queue.outgoing import Leaving
from mx_core.homeserver.queue.retry import TryAgain
from mx_core.model.errors import PeerUnreachable, Unavailable, UnknownRecipient, Untrusted
from mx_core.proto.federation_pb2 import ACCEPTED, DEFERRED, NOT_AVAILABLE, ItemReply
from tests.support.home_rows import DEVICE, add_member, leaving

pytestmark = pytest.mark.anyio

QUICK = Queue(first_delay_seconds=0.01, longest_delay_seconds=0.02, batch_seconds=0.001)
Answer = Callable[[Sequence[Leaving]], Awaitable[list[ItemReply]]]


class _Network:
    """A ``Carry`` that answers as the test says, and remembers the batches."""

    def __init__(self, *answers: Exception | list[int]) -> None:
        self.answers = list(answers)
        self.batches: list[list[Leaving]] = []

    async def __call__(self, destination: str, batch: Sequence[Leaving]) -> list[ItemReply]:
        self.batches.append(list(batch))
        answer = self.answers.pop(0) if self.answers else [ACCEPTED] * len(batch)
        if isinstance(answer, Exception):
            raise answer
        return [ItemReply(status=status) for status in answer]  # type: ignore[arg-type]


@pytest.fixture
def alice(database: Database) -> Member:
    return add_member(database, "alice@a.example")


@contextlib.asynccontextmanager
async def _running(
    database: Database, network: _Network, settings: Queue = QUICK
) -> AsyncIterator[Dispatcher]:
    stopping = asyncio.Event()
    dispatcher = Dispatcher(database, Arrivals(), network, settings, now=time.time)
    task = asyncio.ensure_future(dispatcher.run(stopping))
    try:
        yield dispatcher
    finally:
        stopping.set()
        await task


async def _notices(database: Database, member: Member, count: int) -> list[Notice]:
    async with asyncio.timeout(10):
        while True:
            rows = await database.read(
                lambda tx: deliveries.waiting(tx, member.mailbox_id, DEVICE, 0, 500)
            )
            if len(rows) >= count:
                return [row.what for row in rows if isinstance(row.what, Notice)]
            await asyncio.sleep(0.005)


async def _submit(database: Database, *items: Leaving) -> None:
    for item in items:
        await database.write(lambda tx, it=item: taking.submit(tx, [it]))  # type: ignore[misc]  # bound now


async def test_what_waited_before_the_start_leaves_and_so_does_what_comes(
    database: Database, alice: Member
) -> None:
    network = _Network()
    await _submit(database, leaving(alice, "b.example"))
    async with _running(database, network) as dispatcher:
        await _notices(database, alice, 1)
        late = leaving(alice, "c.example")
        await _submit(database, late)
        dispatcher.announce("c.example")

        assert [notice.relayed for notice in await _notices(database, alice, 2)] == [True, True]


@pytest.mark.parametrize(
    "trouble",
    [
        PeerUnreachable("away"),
        Untrusted("peer-proof"),
        RuntimeError("a bug"),
        TimeoutError(),
        [],
        [DEFERRED],
        [99],
    ],
)
async def test_whatever_goes_wrong_the_mail_waits_and_then_leaves(
    database: Database, alice: Member, trouble: Exception | list[int]
) -> None:
    network = _Network(trouble, trouble)
    await _submit(database, leaving(alice, "b.example"))

    async with _running(database, network):
        [notice] = await _notices(database, alice, 1)

    assert notice.relayed
    assert len(network.batches) == 3


@pytest.mark.parametrize(
    ("answer", "status"), [(UnknownRecipient("no"), "5.1.2"), ([NOT_AVAILABLE], "5.1.1")]
)
async def test_a_permanent_answer_is_told_at_once(
    database: Database, alice: Member, answer: Exception | list[int], status: str
) -> None:
    item = leaving(alice, "b.example")
    await _submit(database, item)

    async with _running(database, _Network(answer)):
        [notice] = await _notices(database, alice, 1)

    assert (notice.env_id, notice.relayed, notice.status) == (item.env_id, False, status)
    assert "b.example" in notice.reason


async def test_after_days_without_an_answer_it_is_given_up(
    database: Database, alice: Member
) -> None:
    network = _Network(*[PeerUnreachable("away")] * 50)
    await _submit(database, leaving(alice, "b.example", age=6 * 86_400.0))

    async with _running(database, network):
        [notice] = await _notices(database, alice, 1)

    assert (notice.relayed, notice.status) == (False, "5.4.7")
    assert len(network.batches) == 5  # age alone gives nothing up: the clock may have jumped


async def test_batches_are_bounded_in_items_and_octets(database: Database, alice: Member) -> None:
    network = _Network()
    settings = Queue(batch_items=3, batch_octets=5_000, batch_seconds=0.001)
    small = [leaving(alice, "b.example") for _ in range(4)]
    large = [leaving(alice, "b.example", octets=4_000) for _ in range(2)]
    await _submit(database, *small, *large)

    async with _running(database, network, settings):
        await _notices(database, alice, 6)

    assert [item.env_id for batch in network.batches for item in batch] == [
        item.env_id for item in [*small, *large]
    ]
    assert [len(batch) for batch in network.batches] == [3, 2, 1]


async def test_one_destination_that_hangs_holds_no_other_and_no_stop(
    database: Database, alice: Member
) -> None:
    hanging = asyncio.Event()

    class Hangs(_Network):
        async def __call__(self, destination: str, batch: Sequence[Leaving]) -> list[ItemReply]:
            if destination == "b.example":
                await hanging.wait()
            return await super().__call__(destination, batch)

    item = leaving(alice, "b.example")
    await _submit(database, item, leaving(alice, "c.example"))
    async with _running(database, Hangs()):
        await _notices(database, alice, 1)

    # cut off at the stop, and still to be sent
    waiting = await database.read(outgoing.destinations)
    assert waiting == ["b.example"]


async def test_batches_to_a_peer_that_answers_overlap_and_no_item_is_in_two(
    database: Database, alice: Member
) -> None:
    """So that its commit and ours do not wait for each other."""
    four = asyncio.Event()
    under_way: list[int] = []  # how many there were, at the begin of each

    class Overlaps(_Network):
        now = 0

        async def __call__(self, destination: str, batch: Sequence[Leaving]) -> list[ItemReply]:
            self.now += 1
            under_way.append(self.now)
            if self.now == 4:
                four.set()
            if self.batches:
                await four.wait()
            self.now -= 1
            return await super().__call__(destination, batch)

    settings = Queue(batch_items=2, batch_seconds=0.001)
    await _submit(database, *[leaving(alice, "b.example") for _ in range(20)])
    network = Overlaps()
    async with _running(database, network, settings):
        await _notices(database, alice, 20)

    sent = [item.env_id for batch in network.batches for item in batch]
    assert len(sent) == len(set(sent)) == 20
    assert under_way[:5] == [1, 1, 2, 3, 4]  # one until it has answered
    assert max(under_way) == 4


async def test_a_peer_that_answers_again_gets_everything_at_once(
    database: Database, alice: Member
) -> None:
    slow = Queue(first_delay_seconds=0.05, longest_delay_seconds=3_600.0, batch_seconds=0.001)
    tired = leaving(alice, "b.example")
    await _submit(database, tired)
    await database.write(
        lambda tx: outgoing.record(
            tx, [(tired, TryAgain(0, "away"), time.time() + 3_000.0)], time.time()
        )
    )
    await _submit(database, leaving(alice, "b.example"))

    async with _running(database, _Network(PeerUnreachable("away")), slow):
        notices = await _notices(database, alice, 2)

    assert all(notice.relayed for notice in notices)


async def test_what_is_announced_while_the_queue_is_first_looked_at_leaves_too(
    database: Database, alice: Member
) -> None:
    network, stopping = _Network(), asyncio.Event()
    dispatcher = Dispatcher(database, Arrivals(), network, QUICK, now=time.time)
    item, look = leaving(alice, "b.example"), database.read

    async def first_look(job: Callable[..., object]) -> object:
        found = await look(job)
        database.read = look  # type: ignore[method-assign]
        await database.write(
            lambda tx: taking.submit(tx, [item]), lambda _: dispatcher.announce("b.example")
        )
        return found

    database.read = first_look  # type: ignore[method-assign,assignment]
    task = asyncio.ensure_future(dispatcher.run(stopping))

    assert [notice.env_id for notice in await _notices(database, alice, 1)] == [item.env_id]
    stopping.set()
    await task


async def test_a_database_that_is_away_at_the_start_ends_nothing_and_what_waits_leaves(
    database: Database, alice: Member
) -> None:
    network, stopping = _Network(), asyncio.Event()
    item, look, asked = leaving(alice, "b.example"), database.read, asyncio.Event()
    await _submit(database, item)

    async def away(job: Callable[..., object]) -> object:
        del job
        database.read = look  # type: ignore[method-assign]
        asked.set()
        raise Unavailable("the database does not answer now")

    database.read = away  # type: ignore[method-assign,assignment]
    dispatcher = Dispatcher(database, Arrivals(), network, QUICK, now=time.time)
    task = asyncio.ensure_future(dispatcher.run(stopping))
    await asked.wait()

    assert [notice.env_id for notice in await _notices(database, alice, 1)] == [item.env_id]
    stopping.set()
    await task
