"""What was accepted stands in Outbox before it leaves, alone or with others, and soon."""

import asyncio
from collections.abc import Iterator

import pytest
from typing_extensions import override

from gateway.sending.burst import Burst
from gateway.sending.showing import Showing
from mx_core.model.address import Address
from mx_core.model.ids import QueueId
from mx_core.model.mailbox_name import OUTBOX
from mx_core.model.message import Submission
from mx_core.store.account_store import AccountStore
from tests.support.stores import memory_store

pytestmark = pytest.mark.anyio

ALICE, BOB = Address("alice", "a.example"), Address("bob", "b.example")


@pytest.fixture
def store() -> Iterator[AccountStore]:
    with memory_store() as opened:
        yield opened


async def accept(store: AccountStore) -> QueueId:
    submission = Submission(ALICE, (BOB,), b"Subject: x\r\n\r\nhello\r\n")
    return await store.outbox.accept(submission, message_id=b"")


async def shown(store: AccountStore) -> int:
    return (await store.mail.read(lambda reader: reader.mailbox(OUTBOX))).messages


async def test_one_alone_is_left_to_the_commit_that_seals_it_and_shown_if_that_takes_long(
    store: AccountStore,
) -> None:
    woken = asyncio.Event()
    showing = Showing(store.outbox, woken.set)
    await showing.look(())  # what an earlier process left: nothing
    queue_id = await accept(store)

    alone = await showing.look(()), await shown(store)
    soon = woken.is_set() or (await showing.look({queue_id}), await shown(store))
    async with asyncio.timeout(20):
        await woken.wait()
    later = await showing.look({queue_id}), await shown(store)

    assert alone == (queue_id, 0)
    assert soon in {True, (None, 0)}  # True: on a busy machine its time may have come
    assert later == (None, 1)


async def test_two_are_shown_together(store: AccountStore) -> None:
    showing = Showing(store.outbox, lambda: None)
    await showing.look(())
    await accept(store)
    await accept(store)

    assert (await showing.look(()), await shown(store)) == (None, 2)


async def test_what_a_dead_process_left_is_shown_at_once(store: AccountStore) -> None:
    await accept(store)

    assert (await Showing(store.outbox, lambda: None).look(()), await shown(store)) == (None, 1)


async def test_nobody_is_woken_for_what_was_sealed_in_time(store: AccountStore) -> None:
    woken = asyncio.Event()
    showing = Showing(store.outbox, woken.set)
    await showing.look(())
    await accept(store)
    await showing.look(())
    await store.outbox.show_new()  # as the commit that seals it does

    assert await showing.look(()) is None
    woken.clear()  # on a busy machine its time may have come before
    await asyncio.sleep(0.1)
    assert not woken.is_set()


class GoingOn(Burst):
    """A burst that is over when it is said so."""

    def __init__(self) -> None:
        super().__init__(lambda: None)
        self.end = asyncio.Event()

    @override
    async def over(self) -> None:
        await self.end.wait()


async def test_in_a_burst_it_is_shown_to_whoever_looks_and_else_when_the_burst_is_over(
    store: AccountStore,
) -> None:
    burst, showing = GoingOn(), Showing(store.outbox, lambda: None)
    outbox = (await store.mail.read(lambda reader: reader.mailbox(OUTBOX))).id
    await accept(store)
    waiting = asyncio.create_task(showing.through(burst))
    await asyncio.sleep(0.2)
    unseen = await shown(store)

    with store.mail.watch(outbox) as watch:
        async with asyncio.timeout(20):
            await watch.wait()
    seen = await shown(store), waiting.done()
    burst.end.set()
    async with asyncio.timeout(20):
        await waiting

    assert (unseen, seen) == (0, (1, False))
