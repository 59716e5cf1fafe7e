"""Where a browser of this computer brings the answer: a port of the loopback address, for one answer.

RFC 8252 §7.3.  Everybody on this computer can connect: what does not answer the question is told so
and changes nothing, and a connection is heard for a moment only.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Final

from mx_core.model.errors import Refused, Unavailable

_HEAD_OCTETS: Final = 16 * 1024
_HEAD_SECONDS: Final = 10.0
_AT_ONCE: Final = 8
_SAYS: Final = "HTTP/1.1 {}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\nReferrer-Policy: no-referrer\r\nCache-Control: no-store\r\n\r\n{}"
_DONE: Final = "Permission came to mx-gateway. You can close this and go back to where you began."
_NO: Final = "Permission was not given. You can close this and go back to where you began."
_NOT_THIS: Final = "mx-gateway has not asked for this."


class Redirect:
    """See the module; made by ``open``."""

    def __init__(self, server: asyncio.Server, answer: asyncio.Future[str]) -> None:
        self._server = server
        self._answer = answer
        self.code_in: Callable[[str], str | None] = lambda _query: None
        self._here = 0

    @classmethod
    async def open(cls) -> Redirect:
        """Listen on a free port; raises Unavailable."""
        answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        made: Redirect

        async def hear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await made._hear(reader, writer)

        try:
            server = await asyncio.start_server(hear, "127.0.0.1", 0, limit=_HEAD_OCTETS)
        except OSError as error:
            raise Unavailable(
                "no port of this computer is free for the browser's answer"
            ) from error
        made = cls(server, answer)
        return made

    @property
    def port(self) -> int:
        """Return where it listens."""
        return int(self._server.sockets[0].getsockname()[1])

    async def code(self, seconds: float) -> str | None:
        """Return the code once it came; None: not within *seconds*.  Raises Refused: it was a no."""
        await asyncio.wait({self._answer}, timeout=seconds)
        return self._answer.result() if self._answer.done() else None

    def close(self) -> None:
        """Listen no longer."""
        self._server.close()
        if not self._answer.done():
            self._answer.cancel()
        elif not self._answer.cancelled():
            self._answer.exception()  # a no that nobody waits for any more

    async def _hear(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._here += 1
        try:
            if self._here <= _AT_ONCE:
                async with asyncio.timeout(_HEAD_SECONDS):
                    head = await reader.readuntil(b"\r\n\r\n")
                    status, text = self._answered(head)
                    writer.write(_SAYS.format(status, len(text), text).encode())
                    await writer.drain()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # whoever that was, the question still stands
        finally:
            self._here -= 1
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    def _answered(self, head: bytes) -> tuple[str, str]:
        words = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ")
        if len(words) != 3 or words[0] != "GET":  # noqa: PLR2004  # method, target, version
            return "400 Bad Request", _NOT_THIS
        try:
            code = self.code_in(words[1].partition("?")[2])
        except Refused as error:
            if not self._answer.done():
                self._answer.set_exception(error)
            return "200 OK", _NO
        if code is None:
            return "400 Bad Request", _NOT_THIS
        if not self._answer.done():
            self._answer.set_result(code)
        return "200 OK", _DONE
