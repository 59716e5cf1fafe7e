"""Serve an ASGI application on sockets of ours, to those that one question lets in.

What the control socket and the page have in common: uvicorn that leaves signals alone, that closes
a connection before its first octet is read if the question says no, and that lets none live long.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import uvicorn
from starlette.types import ASGIApp
from typing_extensions import override
from uvicorn.protocols.http.h11_impl import H11Protocol

_GRACE_SECONDS: Final = 2

Allowed = Callable[[asyncio.Transport], bool]


async def serve_sockets(
    app: ASGIApp,
    sockets: Sequence[socket.socket],
    stopping: asyncio.Event,
    allowed: Allowed,
    *,
    connection_seconds: float | None = None,
    connections: int | None = None,
) -> None:
    """Serve *app* on *sockets*, which listen already, until *stopping*; close them then.

    ``connection_seconds``: how long a connection may live, whatever it does; None: for ever.
    ``connections``: how many at once; the next is answered 503.  None: no bound.
    """
    protocol = type(
        "Chosen",
        (_Chosen,),
        {"allowed": staticmethod(allowed), "connection_seconds": connection_seconds},
    )
    server = _Server(
        uvicorn.Config(
            app,
            http=protocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            limit_concurrency=connections,
            timeout_graceful_shutdown=_GRACE_SECONDS,
        )
    )
    waiting = asyncio.ensure_future(_stop_when(stopping, server))
    try:
        await server.serve(sockets=list(sockets))
    finally:
        waiting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await waiting
        for each in sockets:
            each.close()


async def _stop_when(stopping: asyncio.Event, server: uvicorn.Server) -> None:
    await stopping.wait()
    server.should_exit = True


class _Server(uvicorn.Server):
    """Signals are the business of the program that composes, not of this server."""

    @override
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class _Chosen(H11Protocol):
    """Closes a connection that is not allowed before it reads from it."""

    allowed: Allowed
    connection_seconds: float | None
    _end: asyncio.TimerHandle | None = None

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn types it
        if not self.allowed(transport):
            transport.abort()
            return
        if self.connection_seconds is not None:
            self._end = self.loop.call_later(self.connection_seconds, transport.abort)
        super().connection_made(transport)

    @override
    def data_received(self, data: bytes) -> None:
        if self.transport is not None:
            super().data_received(data)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        if self._end is not None:
            self._end.cancel()
        if self.transport is not None:
            super().connection_lost(exc)
