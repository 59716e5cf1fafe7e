"""Where a command puts its answers: joined into large pieces, with room to wait for the reader."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

_PROGRESS_SECONDS: Final = 10.0


class Out:
    """Answers of one connection in order.  Owned by the task of the connection."""

    def __init__(
        self,
        send: Callable[[bytes], Awaitable[None]],
        breathe: Callable[[], Awaitable[None]],
        piece_octets: int,
        clock: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self._send = send  # returns when the transport has room again
        self.breathe = breathe  # lets the other connections run
        self._piece_octets = piece_octets
        self._clock = clock  # monotonic seconds
        self._tell_at = 0.0
        self.tag = b""  # of the command under way
        self._pieces: list[bytes] = []
        self._size = 0
        self.in_literal = False  # a failure now leaves the client waiting for octets

    def begin(self, tag: bytes) -> None:
        """Note that a command begins."""
        self.tag = tag
        self._tell_at = self._clock() + _PROGRESS_SECONDS

    async def progress(self, done: int, goal: int) -> None:
        """Let the others run; from time to time, say how far the command is.  RFC 9585 §4."""
        await self.breathe()
        if self._clock() >= self._tell_at:
            self._tell_at = self._clock() + _PROGRESS_SECONDS
            told = (self.tag, done, max(goal, 1))
            self.put(b'* OK [INPROGRESS ("%b" %d %d)] still at it\r\n' % told)
            await self.flush()

    def put(self, octets: bytes) -> None:
        """Add *octets*; they leave with the next flush."""
        self._pieces.append(octets)
        self._size += len(octets)

    async def room(self) -> None:
        """Send what is here if it is enough for a piece; wait while the reader is slow."""
        if self._size >= self._piece_octets:
            await self.flush()
            await self.breathe()

    async def flush(self) -> None:
        """Send what is here."""
        if self._pieces:
            joined = b"".join(self._pieces)
            self._pieces.clear()
            self._size = 0
            await self._send(joined)
