"""A session without its socket, for figures of answers alone, and how long it held the loop."""

import asyncio
import time
from typing import Any

from imap_out.session.answers.out import Out
from imap_out.session.connection import Connection
from imap_out.session.state.recent import RecentClaims
from imap_out.session.state.session import Security
from imap_out.wire.limits import Limits
from mx_core.model.address import Address
from mx_core.model.secret import Secret


class _Account:
    def __init__(self, mail: Any) -> None:
        self.address = Address.parse("a@a.example")
        self.mail = mail
        self.outbox: Any = None

    def may_send_as(self, _sender: Address) -> bool:
        return True


class _Accounts:
    def __init__(self, mail: Any) -> None:
        self._account: Any = _Account(mail)

    async def authenticate(self, _username: str, _password: Secret[str]) -> Any:
        return self._account


class Inside:
    """Asks the session core and keeps the answer."""

    def __init__(self, mail: Any) -> None:
        self._said = bytearray()
        safe = Security(tls=True, can_start_tls=False, clear_allowed=False)
        self.core = Connection(_Accounts(mail), Limits(), safe, RecentClaims(), repr)
        self._out = Out(self._send, lambda: asyncio.sleep(0), 64 * 1024)
        self.held = 0.0  # the longest, in ms, that the loop did not come round

    async def _send(self, pieces: list[bytes]) -> None:
        self._said += b"".join(pieces)

    async def ask(self, command: str) -> tuple[float, bytes]:
        """Return milliseconds and the answer."""
        self._said.clear()
        ticking = asyncio.ensure_future(self._tick())
        await asyncio.sleep(0)
        begun = time.perf_counter()
        self.core.framer.feed(b"a " + command.encode() + b"\r\n")
        await self.core.step(self._out)
        await self._out.flush()
        took = 1_000 * (time.perf_counter() - begun)
        await asyncio.sleep(0.002)
        ticking.cancel()
        assert b"\r\na OK" in b"\r\n" + bytes(self._said), bytes(self._said[-200:])
        return took, bytes(self._said)

    async def _tick(self) -> None:
        last = time.perf_counter()
        while True:
            await asyncio.sleep(0.001)
            now = time.perf_counter()
            self.held = max(self.held, 1_000 * (now - last))
            last = now
