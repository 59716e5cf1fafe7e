"""A door whose room is furnished when somebody knocks first.

What speaks HTTP, and what is said by it, costs 10 MB and 0.2 s of a start, and most programs run for
days before anybody asks them something.  So the sockets listen from the start, and what serves them
is imported and made at the first connection, which waits for it in the system's queue.

Whoever can connect can cause that once, also one whose connection is then refused.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from starlette.types import ASGIApp

Furnish = Callable[[], "ASGIApp"]  # imports what it needs when it is called


async def serve_when_asked(
    furnish: Furnish,
    sockets: Sequence[socket.socket],
    stopping: asyncio.Event,
    allowed: Callable[[asyncio.Transport], bool] = lambda _: True,
    *,
    connection_seconds: float | None = None,
    connections: int | None = None,
) -> None:
    """As ``serving.serve_sockets``, of what *furnish* returns, once one of the bound *sockets* is connected to.

    *furnish* runs on a thread of its own: mail programs wait for nobody who asks for a status.
    """
    try:
        for each in sockets:
            each.listen()  # also one that does; a manager's keeps its file, and gets another backlog
        if await _knocked(sockets, stopping):
            serve, app = await asyncio.to_thread(_furnished, furnish)
            await serve(
                app,
                sockets,
                stopping,
                allowed,
                connection_seconds=connection_seconds,
                connections=connections,
            )
    finally:
        for each in sockets:
            each.close()


def _furnished(furnish: Furnish) -> tuple[Any, ASGIApp]:
    from mx_core.control.serving import serve_sockets  # noqa: PLC0415  # see the module

    return serve_sockets, furnish()


async def _knocked(sockets: Sequence[socket.socket], stopping: asyncio.Event) -> bool:
    """Tell whether somebody connects to one of *sockets* before *stopping*; nobody is let in."""
    loop = asyncio.get_running_loop()
    knocked = asyncio.Event()
    for each in sockets:
        loop.add_reader(each.fileno(), knocked.set)
    waiting = [asyncio.ensure_future(one.wait()) for one in (knocked, stopping)]
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in sockets:
            loop.remove_reader(each.fileno())
        for one in waiting:
            one.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
    return knocked.is_set() and not stopping.is_set()
