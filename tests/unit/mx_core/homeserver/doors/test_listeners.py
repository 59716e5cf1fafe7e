"""A certificate is renewed while streams go on: who is connected notices nothing, who comes sees it."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import AsyncIterator

import grpc
import grpc.aio
import pytest

from mx_core.homeserver.doors.listeners import LeafCredentials, listener
from mx_core.tls.anchors import AnchorSet
from mx_core.tls.channel import open_channel
from mx_core.tls.leaf import Leaf, Leaves, make_leaf
from tests.support.certificates import key_of, pk_of
from tests.support.homes import free_port_base

pytestmark = pytest.mark.anyio
DAY = 86_400


async def _repeat(asked: AsyncIterator[bytes], _: grpc.aio.ServicerContext) -> AsyncIterator[bytes]:
    async for octets in asked:
        yield octets


def _shown(port: int) -> bytes:
    """Return the certificate that a new connection is shown, in DER."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    with (
        socket.create_connection(("127.0.0.1", port), 10) as plain,
        context.wrap_socket(plain, server_hostname="a.test") as tls,
    ):
        return tls.getpeercert(binary_form=True) or b""


class _Clock:
    """Four days ago at first: the leaf of then is past half of its life today, and still valid."""

    def __init__(self) -> None:
        self.ago = 4.0 * DAY

    def __call__(self) -> float:
        return time.time() - self.ago


@pytest.mark.parametrize("mutual", [False, True], ids=["of devices", "of domains"])
async def test_a_stream_outlives_the_leaf_that_it_began_under(*, mutual: bool) -> None:
    clock = _Clock()
    leaves = Leaves("a.test", key_of("a.test"), clock)
    anchors = AnchorSet(leaves.current, clock)
    anchors.put("b.test", [pk_of("b.test")])
    credentials = anchors.server_credentials() if mutual else LeafCredentials(leaves).credentials()
    caller: Leaf | None = make_leaf("b.test", key_of("b.test"), time.time()) if mutual else None
    port = free_port_base(1)
    server = listener("127.0.0.1", port, credentials, ())
    repeat = grpc.stream_stream_rpc_method_handler(_repeat)
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("test.Test", {"Repeat": repeat}),)
    )
    await server.start()
    before = leaves.current()
    channel = open_channel(
        "127.0.0.1", port, domain="a.test", keys=[pk_of("a.test")], now=time.time(), leaf=caller
    )
    try:
        stream = channel.stream_stream("/test.Test/Repeat")()
        await stream.write(b"before")
        assert await stream.read() == b"before"
        assert await asyncio.to_thread(_shown, port) == before.der

        clock.ago = 0.0  # now, half of its life is over

        after = leaves.current()
        assert after.der != before.der
        assert await asyncio.to_thread(_shown, port) == after.der
        await stream.write(b"after")
        assert await stream.read() == b"after"
        second = channel.stream_stream("/test.Test/Repeat")()  # over the same connection
        await second.write(b"second")
        assert await second.read() == b"second"
        await stream.done_writing()
        assert await stream.read() is grpc.aio.EOF
        assert await stream.code() is grpc.StatusCode.OK
        second.cancel()
    finally:
        await channel.close()
        await server.stop(None)
