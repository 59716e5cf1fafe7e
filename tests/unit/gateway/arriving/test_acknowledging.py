"""What is acknowledged, when, and how many at once."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

import pytest
from typing_extensions import override

from gateway.arriving.acknowledging import Acknowledging
from mx_core.model.errors import PeerUnreachable
from mx_core.model.ids import EnvId
from tests.support.arriving import GivenCarrier

pytestmark = pytest.mark.anyio
LET_IN = 32  # of what does not open, before more is acknowledged unsaid


class CountingCarrier(GivenCarrier):
    """Notes what is acknowledged together; says no as often as it is told to."""

    def __init__(self, refusals: int = 0) -> None:
        super().__init__()
        self.together: list[list[int]] = []
        self.refusals = refusals

    @override
    async def acknowledge(self, sequences: Sequence[int]) -> None:
        if self.refusals:
            self.refusals -= 1
            raise PeerUnreachable("the connection is lost")
        self.together.append(list(sequences))
        await super().acknowledge(sequences)


def env_id(number: int) -> EnvId:
    return EnvId(bytes([number]) * 32)


@asynccontextmanager
async def running(acknowledging: Acknowledging) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """Run it; what is yielded lets it do all it can."""
    task = asyncio.create_task(acknowledging.run())

    async def turn() -> None:
        for _ in range(5):
            await asyncio.sleep(0)

    try:
        yield turn
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_what_becomes_durable_together_is_acknowledged_together() -> None:
    carrier = CountingCarrier()
    acknowledging = Acknowledging(carrier)

    async with running(acknowledging) as turn:
        acknowledging.soon(1)
        acknowledging.soon(2)
        await turn()
        acknowledging.soon(3)
        await turn()

    assert carrier.together == [[1, 2], [3]]


async def test_a_lost_acknowledgement_stops_no_later_one() -> None:
    carrier = CountingCarrier(refusals=1)
    acknowledging = Acknowledging(carrier)

    async with running(acknowledging) as turn:
        acknowledging.soon(1)
        await turn()
        acknowledging.soon(2)
        await turn()

    assert carrier.together == [[2]]


async def test_what_does_not_open_is_acknowledged_once_after_it_was_said() -> None:
    carrier = CountingCarrier()
    acknowledging = Acknowledging(carrier)

    async with running(acknowledging) as turn:
        waits = acknowledging.once_said(env_id(1), 7)
        await turn()
        before = list(carrier.acknowledged)
        for _ in range(2):
            acknowledging.said(env_id(1))
        acknowledging.said(env_id(2))  # nobody waits for it
        await turn()

    assert waits
    assert (before, carrier.acknowledged) == ([], [7])


async def test_what_no_server_waits_for_is_not_acknowledged() -> None:
    """It was kept here, and tried again: the server has its acknowledgement."""
    carrier = CountingCarrier()
    acknowledging = Acknowledging(carrier)

    async with running(acknowledging) as turn:
        assert acknowledging.once_said(env_id(1), 0)
        acknowledging.said(env_id(1))
        await turn()

    assert carrier.acknowledged == []


async def test_so_many_wait_to_be_said_and_no_more() -> None:
    acknowledging = Acknowledging(CountingCarrier())

    waits = [acknowledging.once_said(env_id(number), number) for number in range(1, LET_IN + 3)]
    acknowledging.said(env_id(1))

    assert waits == [True] * LET_IN + [False] * 2
    assert acknowledging.once_said(env_id(99), 99)
