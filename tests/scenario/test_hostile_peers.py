"""Strangers who want the server to fall over: it stays small, and honest mail goes on."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from mx_core.homeserver.doors.listeners import HANDSHAKE_SECONDS
from mx_core.proto.federation_pb2 import ACCEPTED
from tests.support import hostile
from tests.support.home_device import HomeDevice, item_for
from tests.support.homes import HomeProcess, Homes

pytestmark = [pytest.mark.anyio, pytest.mark.fleet]

STRANGERS = 120  # of each kind and for each port
HELLOS = 600
GROWTH_OCTETS = 60 << 20
QUICK = "[queue]\nfirst_delay_seconds = 0.2\n"
ATTACKS = (
    (hostile.silent, 3 * STRANGERS),
    (hostile.oversized, STRANGERS),
    (hostile.hellos, HELLOS),
    (hostile.half_open, STRANGERS),
)


@pytest.fixture(scope="module")
def a(homes: Homes) -> HomeProcess:
    return homes.make("a.example", QUICK)


@pytest.fixture(scope="module")
def b(homes: Homes) -> HomeProcess:
    return homes.make("b.example", QUICK)


def _own_memory(home: HomeProcess) -> int:
    """Return the resident octets that are no file's: machine code comes and goes (ADR 0036)."""
    status = Path(f"/proc/{home.pid}/status").read_text(encoding="ascii")
    return int(status.partition("RssAnon:")[2].split()[0]) << 10


@contextlib.contextmanager
def _halted(home: HomeProcess) -> Iterator[None]:
    os.kill(home.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(home.pid, signal.SIGCONT)


async def test_strangers_cost_little_and_honest_mail_goes_on(
    a: HomeProcess, b: HomeProcess
) -> None:
    async with HomeDevice(a, "alice") as alice, HomeDevice(b, "bob") as bob:
        await alice.join()
        await bob.join()
        inbox = bob.collect(256)
        await inbox.until_empty()
        await _exchange(alice, bob, inbox, 10)
        before = _own_memory(b)

        async with contextlib.AsyncExitStack() as stack:
            attacks = [asyncio.ensure_future(attack(b, stack, count)) for attack, count in ATTACKS]
            with _halted(b):  # what they send while it has no time must be little, too
                await asyncio.sleep(2)
            for _ in range(4):
                await _exchange(alice, bob, inbox, 10)
            await asyncio.gather(*attacks)
            await _exchange(alice, bob, inbox, 10)
            grown = _own_memory(b) - before

        await _exchange(alice, bob, inbox, 10)
        assert b.is_running()
        assert grown < GROWTH_OCTETS, f"{grown >> 20} MB"


async def test_a_connection_that_never_speaks_is_closed(b: HomeProcess) -> None:
    ports = (b.hello, b.federation, b.client)
    held = [await asyncio.open_connection("127.0.0.1", port) for port in ports]

    async with asyncio.timeout(3 * HANDSHAKE_SECONDS):
        for reader, writer in held:
            assert await reader.read() == b""
            writer.close()


async def _exchange(alice: HomeDevice, bob: HomeDevice, inbox: object, count: int) -> None:
    """Send *count* messages over the two servers, and wait until each is there."""
    items = [item_for(bob.address) for _ in range(count)]
    for item in items:
        assert await alice.submit(item) == ACCEPTED
    missing = {item.envelope for item in items}
    while missing:
        delivery = await inbox.next(60)  # type: ignore[attr-defined]
        missing.discard(delivery.arrived.item.envelope)
        await bob.acknowledge(delivery.sequence)
