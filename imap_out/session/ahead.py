"""The message that a client reads range by range, some of it read ahead.

A mail program saves an attachment by asking for its ranges one after the other, each with a
statement, a file and a chunk to open.  While one leaves, the next piece is read on a thread, and
the ranges in it cost no more than their octets.  What is in hand is bounded for a connection, and
how many connections have something in hand for the process.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from imap_out.session.shelves import Shelves
from mx_core.model.ids import MessageId
from mx_core.ports import Begun, MailReader, MailStore

PIECE_OCTETS: Final = 512 * 1024  # a connection holds at most two, and one on its way


class Ahead:
    """Of one connection; owned by its task.

    Invariant: ``_octets`` are those of ``_message`` from ``_start`` on, what is coming follows
    them, and ``_next`` is where the last range ended.
    """

    def __init__(self, shelves: Shelves) -> None:
        self._shelves = shelves
        self._message: MessageId | None = None
        self._next = 0
        self._start = 0
        self._octets = b""
        self._whole = False  # nothing follows what is in hand
        self._coming: Begun[bytes] | None = None
        self._counted = False

    async def read(self, mail: MailStore, message: MessageId, first: int, end: int) -> bytes:
        """Return octets [first:end) of *message*; raises as reading them does."""
        follows = message == self._message and first == self._next > 0
        if not follows:
            self.drop()
        octets = await self._in_hand(first, end) if follows else None
        if octets is None:
            self.drop()
            octets = mail.glance(partial(_octets, message=message, start=first, end=end))
        self._message, self._next = message, first + len(octets)
        if len(octets) < end - first or (self._whole and self._next >= self._end):
            self.drop()  # that was the last of it
        elif follows:
            self._begin(mail, message)
        return octets

    def drop(self) -> None:
        """Let go of everything."""
        self._message, self._next = None, 0
        self._octets, self._whole = b"", False
        if self._coming is not None:
            self._coming.cancel()
            self._coming = None
        if self._counted:
            self._counted = False
            self._shelves.ahead -= 1

    @property
    def _end(self) -> int:
        return self._start + len(self._octets)

    async def _in_hand(self, first: int, end: int) -> bytes | None:
        if self._coming is not None and end > self._end:
            coming, self._coming = self._coming, None
            more = await coming
            self._octets = self._octets[first - self._start :] + more
            self._start = first
            self._whole = len(more) < PIECE_OCTETS
        if not self._octets or (end > self._end and not self._whole):
            return None
        return self._octets[first - self._start : end - self._start]

    def _begin(self, mail: MailStore, message: MessageId) -> None:
        """Read the next piece, unless enough is in hand."""
        if self._coming is not None or self._whole or self._end - self._next >= PIECE_OCTETS:
            return
        if not self._counted:
            if self._shelves.ahead >= self._shelves.ahead_max:
                return
            self._counted = True
            self._shelves.ahead += 1
        if not self._octets:
            self._start = self._next
        start = self._end
        job = partial(_octets, message=message, start=start, end=start + PIECE_OCTETS)
        self._coming = mail.begin(job)


def _octets(reader: MailReader, message: MessageId, start: int, end: int) -> bytes:
    return reader.octets(message, start, end)
