"""The submission front door: the sockets that are listened on, and the end of all connections."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from typing_extensions import override

from mx_core.ports import Accounts
from mx_core.trail_port import Observer, nobody
from smtp_in import replies
from smtp_in.body import Room
from smtp_in.connection import AllowClear, Connection, Door, encoded
from smtp_in.dialogue import House
from smtp_in.limits import Limits


@dataclass(frozen=True, slots=True)
class Listener:
    """A bound, listening socket; *tls* is offered as STARTTLS, or spoken at once if *implicit*."""

    sock: socket.socket
    tls: ssl.SSLContext | None
    implicit: bool


async def serve(
    listeners: Sequence[Listener],
    accounts: Accounts,
    *,
    limits: Limits,
    allow_clear: AllowClear,
    stopping: asyncio.Event,
    observer: Observer = nobody,
) -> None:
    """Serve until *stopping*; then let commands under way end, for a bounded time.

    *allow_clear* is asked with (peer name, socket name) before AUTH is taken without TLS.
    """
    # aiosmtpd logs addresses, commands and lines of messages below this level (law 6)
    logging.getLogger("mail.log").setLevel(logging.ERROR)
    house = House(accounts, limits, Room(limits.held_octets), observer)
    door = Door(house, allow_clear)
    servers = [await _listen(door, listener) for listener in listeners]
    try:
        await stopping.wait()
    finally:
        for server in servers:
            server.close()
        for connection in tuple(door.live):
            connection.leave()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(limits.leaving_seconds):
                while door.live:
                    await next(iter(door.live)).gone.wait()
        for connection in tuple(door.live):
            connection.abort()


async def _listen(door: Door, listener: Listener) -> asyncio.Server:
    limits = door.house.limits

    def connection() -> asyncio.Protocol:
        full = len(door.live) >= limits.connections
        return _Refusal() if full else Connection(door, listener.tls, implicit=listener.implicit)

    return await asyncio.get_running_loop().create_server(
        connection,
        sock=listener.sock,
        ssl=listener.tls if listener.implicit else None,
        ssl_handshake_timeout=limits.before_login_seconds if listener.implicit else None,
    )


class _Refusal(asyncio.Protocol):
    """One connection too many: a sentence and the end."""

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        stream = cast("asyncio.Transport", transport)
        stream.write(encoded(replies.TOO_MANY_CONNECTIONS.line()))
        stream.close()
