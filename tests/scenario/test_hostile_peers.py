"""Strangers who want the server to fall over: it stays small, and honest mail goes on."""

from __future__ import annotations

import asyncio
import contextlib
import os
import ssl
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import grpc
import pytest

from mx_core.proto import client_pb2, client_pb2_grpc, hello_pb2, hello_pb2_grpc
from mx_core.proto.federation_pb2 import ACCEPTED, BlobChunk, BlobRef
from mx_core.tls.channel import open_channel
from tests.support.home_device import HomeDevice, item_for
from tests.support.homes import HomeProcess, Homes, running_homes

pytestmark = [pytest.mark.anyio, pytest.mark.fleet, pytest.mark.timeout(300)]

STRANGERS = 120  # of each kind and for each port
HELLOS = 600
GROWTH_OCTETS = 60 << 20
QUICK = "[queue]\nfirst_delay_seconds = 0.2\n"
# an HTTP/2 preface, SETTINGS, and a frame that says it has 16 MB
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0"
_OVERSIZED = _PREFACE + b"\xff\xff\xff\x00\x00\x00\x00\x00\x01" + b"x" * 65_536


@pytest.fixture(scope="module")
def homes() -> Iterator[Homes]:
    with running_homes() as made:
        yield made


@pytest.fixture(scope="module")
def a(homes: Homes) -> HomeProcess:
    return homes.make("a.example", QUICK)


@pytest.fixture(scope="module")
def b(homes: Homes) -> HomeProcess:
    return homes.make("b.example", QUICK)


def _resident(home: HomeProcess) -> int:
    pages = Path(f"/proc/{home.pid}/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * os.sysconf("SC_PAGESIZE")


async def _silent(home: HomeProcess, stack: contextlib.AsyncExitStack) -> None:
    """Connect everywhere and say nothing, or half of a TLS record."""
    loop = asyncio.get_running_loop()
    for port in (home.hello, home.federation, home.client):
        for n in range(STRANGERS):
            transport, _ = await loop.create_connection(asyncio.Protocol, "127.0.0.1", port)
            stack.callback(transport.abort)
            if n % 2:
                transport.write(b"\x16\x03\x01\x40\x00\x01\x00")


async def _oversized(home: HomeProcess, stack: contextlib.AsyncExitStack) -> None:
    """Speak HTTP/2 wrongly inside of TLS, and go on after the answer."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
    tls.set_alpn_protocols(["h2"])
    loop = asyncio.get_running_loop()
    for n in range(STRANGERS):
        port = (home.hello, home.client)[n % 2]
        with contextlib.suppress(OSError):
            transport, _ = await loop.create_connection(
                asyncio.Protocol, "127.0.0.1", port, ssl=tls
            )
            stack.callback(transport.abort)
            transport.write(_OVERSIZED)


async def _hellos(home: HomeProcess, stack: contextlib.AsyncExitStack) -> None:
    """Introduce domains that are not, as fast as answers come."""
    channel = open_channel(
        *("127.0.0.1", home.hello), domain=home.domain, keys=[home.domain_key], now=time.time()
    )
    stack.push_async_callback(channel.close)
    stub = hello_pb2_grpc.HelloStub(channel)  # type: ignore[no-untyped-call]
    refused = 0
    for n in range(HELLOS):
        request = hello_pb2.IntroduceRequest(
            domain=f"nobody{n}.example", version_min=1, version_max=1
        )
        try:
            await stub.Introduce(request, timeout=60)
        except grpc.aio.AioRpcError as error:
            refused += error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert refused > HELLOS * 0.9


async def _half_open(home: HomeProcess, stack: contextlib.AsyncExitStack) -> None:
    """Begin uploads without a session and never end them."""
    channel = open_channel(
        *("127.0.0.1", home.client), domain=home.domain, keys=[home.domain_key], now=time.time()
    )
    stack.push_async_callback(channel.close)
    stub = client_pb2_grpc.ClientStub(channel)  # type: ignore[no-untyped-call]

    async def chunks() -> AsyncIterator[BlobChunk]:
        for at in range(4):
            yield BlobChunk(
                ref=BlobRef(id=bytes(32), size=1 << 26), offset=at << 18, octets=bytes(1 << 18)
            )
        await asyncio.Event().wait()

    for n in range(STRANGERS):
        if n % 2:
            call = stub.PutBlob(chunks(), timeout=120)
        else:
            call = stub.Collect(client_pb2.CollectRequest(window=1 << 30), timeout=120)
        stack.callback(call.cancel)


async def test_strangers_cost_little_and_honest_mail_goes_on(
    a: HomeProcess, b: HomeProcess
) -> None:
    async with HomeDevice(a, "alice") as alice, HomeDevice(b, "bob") as bob:
        await alice.join()
        await bob.join()
        inbox = bob.collect(256)
        await inbox.until_empty()
        await _exchange(alice, bob, inbox, 10)
        before = _resident(b)

        async with contextlib.AsyncExitStack() as stack:
            attacks = [
                asyncio.ensure_future(attack(b, stack))
                for attack in (_silent, _oversized, _hellos, _half_open)
            ]
            for _ in range(4):
                await _exchange(alice, bob, inbox, 10)
            await asyncio.gather(*attacks)
            await _exchange(alice, bob, inbox, 10)
            grown = _resident(b) - before

        await _exchange(alice, bob, inbox, 10)
        assert b.is_running()
        assert grown < GROWTH_OCTETS, f"{grown >> 20} MB"


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
