"""BDAT: a message in chunks of announced length, without dots and without an end to search for.

RFC 3030.  Knows no socket, no clock and no reply codes.  What is kept never exceeds the size
limit, nor the room shared by all connections; of a flawed message nothing is kept.
"""

from __future__ import annotations

import re
from typing import Final, final

from msgspec import Struct

from smtp_in.body import BLOCK_OCTETS, Flaw, Room, Sink, has_bare_octet, has_long_line, may_go

# bdat-cmd = "BDAT" SP chunk-size [ SP end-marker ]                       RFC 3030 §2
_ARGUMENT: Final = re.compile(r"([0-9]{1,20})(?: +([Ll][Aa][Ss][Tt]))?")


class Chunk(Struct, frozen=True):
    """The argument of BDAT: how many octets follow, and whether they are the last."""

    octets: int
    last: bool


def parse_chunk(argument: str | None) -> Chunk | None:
    """Return what *argument* announces, or None: then nobody knows what of the input is text."""
    match = _ARGUMENT.fullmatch(argument or "")
    return None if match is None else Chunk(int(match[1]), match[2] is not None)


@final
class ChunkReader:
    """One message on its way in."""

    def __init__(
        self,
        room: Room,
        *,
        message_octets: int,
        line_octets: int,
        sink: Sink | None = None,
        memory_octets: int = 0,
    ) -> None:
        """As ``DataReader``."""
        self._sink = sink
        self._memory_max = memory_octets
        self._given = 0  # octets that went into the sink
        self._room = room
        self._message_max = message_octets
        self._line_max = line_octets
        self._kept = bytearray()
        self.flaw: Flaw | None = None

    def feed(self, piece: bytes) -> None:
        """Take octets of a chunk."""
        if self.flaw is not None:
            return
        if self._given + len(self._kept) + len(piece) > self._message_max:
            self._refuse(Flaw.TOO_LARGE)
        elif not self._room.take(len(piece)):
            self._refuse(Flaw.NO_ROOM)
        else:
            self._kept += piece
            self._give()

    def message(self) -> bytes | Flaw:
        """After the last chunk: the message as it came, or why it is not taken.

        Of one that went into the sink: the last of it, which is there too.
        """
        self._judge(self._kept)
        if self.flaw is not None:
            return self.flaw
        last = bytes(self._kept)
        if self._given and self._sink is not None:
            self._sink.write(last)
        return last

    def _give(self) -> None:
        """Let whole lines go into the sink, once there are too many for memory."""
        most = min(self._memory_max, BLOCK_OCTETS) if self._given else self._memory_max
        if self._sink is None or len(self._kept) <= most:
            return
        end = self._kept.rfind(b"\r\n") + 2
        if end < 2:  # noqa: PLR2004  # no line has ended yet
            self._judge(self._kept)
            return
        if not may_go(self._kept, end, self._memory_max, begun=bool(self._given)):
            return
        block = bytes(memoryview(self._kept)[:end])
        self._judge(block)
        if self.flaw is None:
            del self._kept[:end]
            self._room.give(len(block))
            self._given += len(block)
            self._sink.write(block)

    def _judge(self, octets: bytes | bytearray) -> None:
        if self.flaw is None and has_bare_octet(octets):
            self._refuse(Flaw.BARE_OCTET)
        elif self.flaw is None and has_long_line(octets, self._line_max):
            self._refuse(Flaw.LINE_TOO_LONG)

    def close(self) -> None:
        """Let go of everything; harmless when done twice."""
        self._room.give(len(self._kept))
        self._kept = bytearray()

    def _refuse(self, flaw: Flaw) -> None:
        self.flaw = flaw
        self.close()
