"""What a peer that asks for names could learn by the clock: who is closed against who is not there.

Look-ups, items without postage and items with it, turn by turn, to a real home server over mutual
TLS.  The figure is the difference of the medians; issue-level bound 5 ms.
"""

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable

from bench.rows import Row
from mx_core.proto.federation_pb2 import NOT_AVAILABLE, POSTAGE, Item
from tests.support.home_device import HomeDevice, item_for
from tests.support.homes import HomeProcess, running_homes
from tests.support.plain_peer import NOBODY, PlainPeer, close, paid, plain_peer

TURNS = 200
PAID_TURNS = 40
SETTINGS = "[rates]\nuser_burst = 60\n[limits]\nhello_per_minute = 99\n"


def measure() -> list[Row]:
    with running_homes() as homes:
        home = homes.make("b.example", SETTINGS)
        return asyncio.run(_measured(home))


async def _measured(home: HomeProcess) -> list[Row]:
    async with HomeDevice(home, "carol") as carol, plain_peer(home, "a.example") as peer:
        await carol.join()
        await close(carol, [])
        closed = str(carol.address)
        rows: list[Row] = []
        for name, turns, ask in (
            ("look-up", TURNS, _look_up),
            ("item without postage", TURNS, _unpaid),
            ("item with postage", PAID_TURNS, _paid),
        ):
            took = {closed: list[float](), NOBODY: list[float]()}
            for turn in range(turns):
                for who in sorted(took, reverse=bool(turn % 2)):
                    took[who].append(await ask(peer, who))
            apart = abs(statistics.median(took[closed]) - statistics.median(took[NOBODY]))
            rows.append(
                Row(f"{name}: closed against nobody", "ms", "lower", apart * 1e3, turns, floor=5.0)
            )
            rows.append(
                Row("… median", "ms", "lower", statistics.median(took[closed]) * 1e3, turns)
            )
        return rows


async def _timed(call: Callable[[], Awaitable[object]], expected: object) -> float:
    began = time.perf_counter()
    answer = await call()
    took = time.perf_counter() - began
    assert answer == expected, answer
    return took


async def _look_up(peer: PlainPeer, who: str) -> float:
    return await _timed(lambda: peer.look_up(who), None)


async def _unpaid(peer: PlainPeer, who: str) -> float:
    return await _delivered(peer, item_for(who), POSTAGE)


async def _paid(peer: PlainPeer, who: str) -> float:
    item = paid(item_for(who))
    await asyncio.sleep(0.05)  # the work for it must not be in the figure
    return await _delivered(peer, item, NOT_AVAILABLE)


async def _delivered(peer: PlainPeer, item: Item, expected: int) -> float:
    async def status() -> int:
        [reply] = await peer.deliver([item])
        return int(reply.status)

    return await _timed(status, expected)
