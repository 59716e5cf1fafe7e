"""Where a command puts its answers: joined into large pieces, with room to wait for the reader."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Final

from imap_out.session.state.refusals import Refusal

_PROGRESS_SECONDS: Final = 10.0
_LOGOUT: Final = re.compile(rb"[^ \r\n]{1,100} LOGOUT\r\n", re.IGNORECASE)


class Out:
    """Answers of one connection in order.  Owned by the task of the connection."""

    def __init__(
        self,
        send: Callable[[list[bytes]], Awaitable[None]],
        breathe: Callable[[], Awaitable[None]],
        piece_octets: int,
        clock: Callable[[], float] = lambda: 0.0,
        waiting: Callable[[], bytes | None] = lambda: b"",
    ) -> None:
        self._send = send  # in order; returns when the transport has room again
        self.breathe = breathe  # lets the other connections run
        self._piece_octets = piece_octets
        self._clock = clock  # monotonic seconds
        self._waiting = waiting  # what was sent since the command began; None: the client is gone
        self._tell_at = 0.0
        self.tag = b""  # of the command under way
        self._pieces: list[bytes] = []
        self._size = 0
        self.in_literal = False  # a failure now leaves the client waiting for octets

    def begin(self, tag: bytes) -> None:
        """Note that a command begins."""
        self.tag = tag
        self._tell_at = self._clock() + _PROGRESS_SECONDS

    async def progress(self, done: int | None = None, goal: int | None = None) -> None:
        """Let the others run; from time to time, say how far the command is.

        Never in the midst of a line that is being put.

        Raises:
            ConnectionResetError: Nobody waits for the answer any more.
            Refusal: The client goes: all it has sent meanwhile is LOGOUT.
        """
        await self.breathe()
        waiting = self._waiting()
        if waiting is None:
            raise ConnectionResetError
        if waiting and _LOGOUT.fullmatch(waiting):
            raise Refusal(b"UNAVAILABLE", "cut short by LOGOUT")
        if self._clock() >= self._tell_at:
            self._tell_at = self._clock() + _PROGRESS_SECONDS
            # "INPROGRESS" [SP "(" tag SP (number / nil) SP (nz-number / nil) ")"]   RFC 9585 §5
            far = b"NIL NIL" if done is None or not goal else b"%d %d" % (min(done, goal), goal)
            self.put(b'* OK [INPROGRESS ("%b" %b)] still at it\r\n' % (self.tag, far))
            await self.flush()

    def put(self, octets: bytes) -> None:
        """Add *octets*; they leave with the next flush."""
        self._pieces.append(octets)
        self._size += len(octets)

    def put_literal(self, head: bytes, octets: bytes, tail: bytes) -> None:
        """Add *octets* between what stands before and behind them."""
        self._pieces += (head, octets, tail)
        self._size += len(head) + len(octets) + len(tail)

    @property
    def is_full(self) -> bool:
        """Tell whether `room` would send what is here."""
        return self._size >= self._piece_octets

    async def room(self) -> None:
        """Send what is here if it is enough for a piece; wait while the reader is slow."""
        if self._size >= self._piece_octets:
            await self.flush()
            await self.breathe()

    async def flush(self) -> None:
        """Send what is here."""
        if self._pieces:
            await self._send(self.taken())

    def taken(self) -> list[bytes]:
        """Return what is here, for a sender that does not wait."""
        pieces, self._pieces = self._pieces, []
        self._size = 0
        return pieces
