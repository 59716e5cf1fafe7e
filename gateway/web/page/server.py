"""The page on loopback: for a browser of the same user, and no other."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, final

from gateway.loopback.peer_uid import is_own_loopback
from gateway.web.behind import Behind
from gateway.web.page.visits import Visits
from mx_core.control.knocking import serve_when_asked

if TYPE_CHECKING:
    from starlette.types import ASGIApp

_NAMES: Final = ("127.0.0.1", "localhost", "[::1]")
_CONNECTION_SECONDS: Final = 120.0
_CONNECTIONS: Final = 64


@final
class Page:
    """The page of one gateway at *port*."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._visits = Visits(time.monotonic)

    def link(self) -> str:
        """Return a link that opens the page once."""
        return f"http://{_NAMES[0]}:{self._port}/enter?ticket={self._visits.ticket()}"

    async def serve(
        self, behind: Behind, sockets: Sequence[socket.socket], stopping: asyncio.Event
    ) -> None:
        """Serve until *stopping*; the sockets listen already, and the page is loaded with its first visit."""

        def furnish() -> ASGIApp:
            from gateway.web.page.app import page_app  # noqa: PLC0415  # see knocking

            return page_app(behind, self._visits, [f"{name}:{self._port}" for name in _NAMES])

        await serve_when_asked(
            furnish,
            sockets,
            stopping,
            _is_own,
            connection_seconds=_CONNECTION_SECONDS,
            connections=_CONNECTIONS,
        )


def _is_own(transport: asyncio.Transport) -> bool:
    peer, own = transport.get_extra_info("peername"), transport.get_extra_info("sockname")
    return bool(peer and own) and is_own_loopback(peer[:2], own[:2])
