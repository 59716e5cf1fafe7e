"""An account elsewhere that is pulled into a store, for as long as a test looks on."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from gateway.arriving.status_block import block_octets
from gateway.legacy.client import Server
from gateway.pulling.asked import AskedPull
from gateway.pulling.pulling import Pulling
from mx_core.model.address import Address
from mx_core.store.account_store import AccountStore
from tests.support.old_mail import stored
from tests.support.stores import memory_store

ALICE = Address.parse("alice@a.example")


def asked(server: Server, **more: Any) -> AskedPull:
    return AskedPull(server.location, **{"secret": "secret", "ca_file": server.ca_file} | more)


@asynccontextmanager
async def pulling(store: AccountStore, *accounts: AskedPull) -> AsyncIterator[Pulling]:
    """Pull from *accounts* and what the store knows already."""
    made = Pulling(store, ALICE, store.mail.now)
    for each in accounts:
        await made.add(each)
    running = asyncio.ensure_future(made.run())
    try:
        yield made
    finally:
        running.cancel()
        await asyncio.wait({running})
        if not running.cancelled():
            running.result()


@asynccontextmanager
async def pulled(server: Server, store: AccountStore) -> AsyncIterator[Pulling]:
    """Pull until both sides are the same for the first time."""
    async with pulling(store, asked(server)) as made:
        await until(lambda: follows(made))
        yield made


@asynccontextmanager
async def a_store() -> AsyncIterator[AccountStore]:
    with memory_store() as store:
        yield store


async def texts(store: AccountStore, box: str = "INBOX") -> list[bytes]:
    """What came, without what was put before it."""
    return [octets[block_octets(octets) :] for octets, _, _ in (await stored(store)).get(box, [])]


async def until(holds: Callable[[], Awaitable[bool]], seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        while not await holds():
            await asyncio.sleep(0.02)


async def follows(made: Pulling) -> bool:
    """Tell whether every account has been looked at whole and is waited for."""
    state = await made.state()
    assert not any(one["trouble"] for one in state), state
    return all(one["now"] and one["now"]["phase"] == "following" for one in state)
