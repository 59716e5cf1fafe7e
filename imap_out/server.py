"""The asyncio shell of IMAP: sockets are accepted, and all that is served ends together.

One task per connection in one TaskGroup, which ``conversation`` has.
"""

from __future__ import annotations

import asyncio
import ipaddress
import itertools
from collections.abc import Callable, Sequence
from typing import Final

from imap_out.company import Company
from imap_out.conversation import AllowClear, Common, Conversation, Listener
from imap_out.duplex import Duplex
from imap_out.lingering import Lingering
from imap_out.session.state.hiding import Hiding
from imap_out.wire.limits import Limits
from mx_core.ports import Accounts
from mx_core.trail_port import Observer, nobody

__all__ = ["Limits", "Listener", "serve"]

_GRACE_SECONDS: Final = 5.0  # for commands under way when the server stops


async def serve(
    listeners: Sequence[Listener],
    accounts: Accounts,
    *,
    limits: Limits,
    allow_clear: AllowClear,
    stopping: asyncio.Event,
    hiding: Hiding | None = None,
    can_compress: Callable[[tuple[str, int]], bool] | None = None,
    observer: Observer = nobody,
) -> None:
    """Serve until *stopping*; commands under way are finished, everybody is told BYE.

    *can_compress* says of a peer whether DEFLATE is offered: by default not to this computer.
    *allow_clear* says, of a peer and own address, whether a login without TLS may be taken.
    """
    common = Common(
        accounts, limits, allow_clear, hiding or Hiding(), can_compress or _is_far, observer
    )
    await _Server(common).run(listeners, stopping)


class _Server:
    def __init__(self, common: Common) -> None:
        self._common = common
        self._limits = common.limits
        self._numbers = itertools.count(1)
        self._duplexes: dict[Duplex, asyncio.Task[None]] = {}
        self._stopped = False

    async def run(self, listeners: Sequence[Listener], stopping: asyncio.Event) -> None:
        loop = asyncio.get_running_loop()
        lingering, company = Lingering(loop), Company()
        async with asyncio.TaskGroup() as tasks:
            servers = [
                await loop.create_server(
                    lambda listener=listener: Duplex(
                        self._accepted(listener, tasks), lingering, company
                    ),
                    sock=listener.sock,
                    ssl=listener.tls if listener.implicit else None,
                    ssl_handshake_timeout=self._limits.login_seconds if listener.implicit else None,
                )
                for listener in listeners
            ]
            await stopping.wait()
            self._stopped = True
            for server in servers:
                server.close()
            await self._stop_all()

    async def _stop_all(self) -> None:
        for duplex in self._duplexes:
            duplex.wake()
        running = list(self._duplexes.values())
        if running:
            _, late = await asyncio.wait(running, timeout=_GRACE_SECONDS)
            for task in late:
                task.cancel()

    def _accepted(self, listener: Listener, tasks: asyncio.TaskGroup) -> Callable[[Duplex], None]:
        def start(duplex: Duplex) -> None:
            if self._stopped or len(self._duplexes) >= self._limits.connections:
                duplex.transport.write(b"* BYE [UNAVAILABLE] too many connections\r\n")
                duplex.transport.close()
                return
            task = tasks.create_task(
                Conversation(self._common, listener, duplex, next(self._numbers)).run()
            )
            self._duplexes[duplex] = task
            task.add_done_callback(lambda _: self._duplexes.pop(duplex, None))

        return start


def _is_far(peer: tuple[str, int]) -> bool:
    try:
        return not ipaddress.ip_address(peer[0]).is_loopback
    except ValueError:  # a socket of the file system
        return False
