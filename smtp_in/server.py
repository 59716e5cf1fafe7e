"""The sockets that a front door listens on, and the end of all of its connections."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
from collections.abc import Sequence
from typing import cast

from msgspec import Struct
from typing_extensions import override

from smtp_in import replies
from smtp_in.connection import Connection, Front
from smtp_in.wire import encoded


class Listener(Struct, frozen=True):
    """A bound, listening socket; *tls* is offered as STARTTLS, or spoken at once if *implicit*."""

    sock: socket.socket
    tls: ssl.SSLContext | None
    implicit: bool


async def serve_front(
    front: Front,
    listeners: Sequence[Listener],
    stopping: asyncio.Event,
    *,
    connections: int,
    leaving_seconds: float,
) -> None:
    """Serve until *stopping*; then let commands under way end, for a bounded time.

    At most *connections* at a time; the next is told so and closed.
    """
    # aiosmtpd logs addresses, commands and lines of messages below this level (law 6)
    logging.getLogger("mail.log").setLevel(logging.ERROR)
    servers = [await _listen(front, listener, connections) for listener in listeners]
    try:
        await stopping.wait()
    finally:
        for server in servers:
            server.close()
        for connection in tuple(front.live):
            connection.leave()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(leaving_seconds):
                while front.live:
                    await next(iter(front.live)).wire.gone.wait()
        for connection in tuple(front.live):
            connection.wire.abort()


async def _listen(front: Front, listener: Listener, connections: int) -> asyncio.Server:
    def connection() -> asyncio.Protocol:
        full = len(front.live) >= connections
        return _Refusal() if full else Connection(front, listener.tls, implicit=listener.implicit)

    return await asyncio.get_running_loop().create_server(
        connection,
        sock=listener.sock,
        ssl=listener.tls if listener.implicit else None,
        ssl_handshake_timeout=front.settle_seconds if listener.implicit else None,
    )


class _Refusal(asyncio.Protocol):
    """One connection too many: a sentence and the end."""

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        stream = cast("asyncio.Transport", transport)
        stream.write(encoded(replies.TOO_MANY_CONNECTIONS.line()))
        stream.close()
