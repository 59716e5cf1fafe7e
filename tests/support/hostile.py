"""Strangers who want a home server to fall over: each attack holds on until its stack is closed.

For tests and measurements.  *count* is how many of a kind; nothing here proves who it is but the
peer that replays, which any domain on the network can be.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
from collections.abc import AsyncIterator, Sequence
from typing import Final

import grpc
import grpc.aio

from mx_core.discovery.finder import Domain
from mx_core.federation.batch import sign_batch
from mx_core.federation.link import Link
from mx_core.proto import client_pb2, client_pb2_grpc, federation_pb2, hello_pb2, hello_pb2_grpc
from mx_core.proto.federation_pb2 import BlobChunk, BlobRef
from mx_core.tls.channel import open_channel
from tests.support.certificates import crooked_leaf, key_of
from tests.support.home_device import item_for
from tests.support.homes import HomeProcess

_AT_ONCE: Final = 50
# an HTTP/2 preface, SETTINGS, and a frame that says it has 16 MB
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0"
_OVERSIZED = _PREFACE + b"\xff\xff\xff\x00\x00\x00\x00\x00\x01" + b"x" * 65_536


async def silent(home: HomeProcess, stack: contextlib.AsyncExitStack, count: int) -> None:
    """Connect *count* times, in turns to each port, and say nothing or half of a TLS record."""
    loop = asyncio.get_running_loop()
    ports = (home.hello, home.federation, home.client)
    for n in range(count):
        transport, _ = await loop.create_connection(asyncio.Protocol, "127.0.0.1", ports[n % 3])
        stack.callback(transport.abort)
        if n // 3 % 2:
            transport.write(b"\x16\x03\x01\x40\x00\x01\x00")


async def oversized(home: HomeProcess, stack: contextlib.AsyncExitStack, count: int) -> None:
    """Speak HTTP/2 wrongly inside of TLS, and go on after the answer."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
    tls.set_alpn_protocols(["h2"])
    loop = asyncio.get_running_loop()
    for n in range(count):
        port = (home.hello, home.client)[n % 2]
        with contextlib.suppress(OSError):
            transport, _ = await loop.create_connection(
                asyncio.Protocol, "127.0.0.1", port, ssl=tls
            )
            stack.callback(transport.abort)
            transport.write(_OVERSIZED)


async def hellos(home: HomeProcess, stack: contextlib.AsyncExitStack, count: int) -> None:
    """Introduce domains that are not, many at a time."""
    channel = open_channel(
        *("127.0.0.1", home.hello), domain=home.domain, keys=[home.domain_key], now=time.time()
    )
    stack.push_async_callback(channel.close)
    stub = hello_pb2_grpc.HelloStub(channel)  # type: ignore[no-untyped-call]
    refused = 0

    async def introduce(numbers: range) -> None:
        nonlocal refused
        for n in numbers:
            request = hello_pb2.IntroduceRequest(
                domain=f"nobody{n}.example", version_min=1, version_max=1
            )
            try:
                await stub.Introduce(request, timeout=60)
            except grpc.aio.AioRpcError as error:
                refused += error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED

    await asyncio.gather(*(introduce(range(n, count, _AT_ONCE)) for n in range(_AT_ONCE)))
    assert refused > count * 0.9


async def half_open(home: HomeProcess, stack: contextlib.AsyncExitStack, count: int) -> None:
    """Begin uploads and collections without a session, and never end them."""
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

    for n in range(count):
        if n % 2:
            call = stub.PutBlob(chunks(), timeout=120)
        else:
            call = stub.Collect(client_pb2.CollectRequest(window=1 << 30), timeout=120)
        stack.callback(call.cancel)


async def replayed(link: Link, sender: str, home: HomeProcess, count: int) -> None:
    """Send one good batch of 64 again and again, and one that is larger than may be."""
    items = [item_for(f"nobody{n}@{home.domain}") for n in range(64)]
    batch = sign_batch(
        key_of(sender),
        items,
        sender=sender,
        receiver=home.domain,
        batch_id=b"replayed batch!!",
        created=int(time.time()),
    )
    large = federation_pb2.Batch(batch_id=bytes(16), items=[item_for("x", bytes(5 << 20))])
    codes: list[grpc.StatusCode] = []
    for n in range(count + 1):
        try:
            sent = large if n == count // 2 else batch
            await link.stub.DeliverBatch(sent, metadata=link.metadata, timeout=60)
        except grpc.aio.AioRpcError as error:
            codes.append(error.code())
    assert len(codes) == count, "it counts once"


async def impostors(home: HomeProcess, found: Domain, wrong: Sequence[str], count: int) -> None:
    """Show certificates for another name, of another key, and of last year."""
    now = time.time()
    a_year = 365 * 86_400.0
    leaves = [
        crooked_leaf(wrong[0], [wrong[1]], now),
        crooked_leaf(wrong[1], [wrong[0]], now),
        crooked_leaf(wrong[0], [wrong[0]], now - a_year),
        crooked_leaf(wrong[0], [wrong[0]], now + a_year),
    ]
    host, port = found.federation
    for n in range(count):
        channel = open_channel(
            host, port, domain=home.domain, keys=found.keys, now=now, leaf=leaves[n % 4]
        )
        call = channel.unary_unary("/mailx.federation.v1.Federation/Challenge")
        with contextlib.suppress(grpc.aio.AioRpcError):
            await call(b"", timeout=5)
            raise AssertionError("an impostor was let in")
        await channel.close()
