"""From DATA to CRLF.CRLF: octets in pieces of any size, one message or one flaw out.

Knows no socket, no clock and no reply codes.  Only CRLF.CRLF ends a message (RFC 5321 §4.1.1.4),
however the octets are cut into pieces; whoever takes another sequence for an end could be
made to take the rest of a message for commands ("smuggling").  What is kept never exceeds
4/3 of the size limit (each line may carry one stuffed dot), nor the room shared by all
connections, whether or not a CRLF ever comes; of a flawed message only four octets are kept.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Final, Protocol, final

from mx_core.mime.limits import HEADER_OCTETS_MAX

_CRLF: Final = b"\r\n"
_END: Final = b"\r\n.\r\n"
_OVERLAP: Final = len(_END) - 1  # an end may straddle two pieces
_DOT: Final = b"\r\n."  # what an end begins with, and a line with a stuffed dot
_BROKEN_OR_NUL: Final = b"\r\n\0"
BLOCK_OCTETS: Final = 128 * 1024  # that go into the sink at once, while the next ones come


class Flaw(Enum):
    """Why a message that was read to its end is not taken."""

    TOO_LARGE = auto()
    LINE_TOO_LONG = auto()
    NO_ROOM = auto()  # other connections hold too much right now
    BARE_OCTET = auto()  # a CR without LF, an LF without CR, or a NUL


@final
class Room:
    """The octets of unfinished messages that all connections may hold together."""

    def __init__(self, octets_max: int) -> None:
        self._left = octets_max

    def take(self, octets: int) -> bool:
        """Take *octets* if there is room for them."""
        if octets > self._left:
            return False
        self._left -= octets
        return True

    def give(self, octets: int) -> None:
        """Return what was taken."""
        self._left += octets


def has_bare_octet(octets: bytes | bytearray) -> bool:
    """Tell whether a CR stands without LF, an LF without CR, or a NUL anywhere.

    There is no pair without one of each; so if there are twice as many of the three octets as there
    are pairs, none is left over.
    """
    others = octets.translate(None, _BROKEN_OR_NUL)
    return len(octets) - len(others) != 2 * octets.count(_CRLF)


def has_long_line(octets: bytes | bytearray, line_max: int) -> bool:
    """Tell whether a line has more than *line_max* octets, its CRLF left out."""
    start = 0
    while len(octets) - start > line_max:
        end = octets.rfind(_CRLF, start, start + line_max + len(_CRLF))
        if end < 0:
            return True
        start = end + len(_CRLF)
    return False


def without_dots(lines: bytes) -> bytes:
    """Return whole *lines* without stuffed dots: the first dot of one is not part of it.

    RFC 5321 §4.5.2.
    """
    return lines[lines.startswith(b".") :].replace(b"\r\n.", b"\r\n")


def may_go(kept: bytes | bytearray, lines_end: int, memory_octets: int, *, begun: bool) -> bool:
    """Tell whether the whole lines of *kept*, up to *lines_end*, go into the sink now.

    The first time with the whole header, or with more than a header may have; then in blocks, so that
    little is left to do when the last octet has come.
    """
    most = min(memory_octets, BLOCK_OCTETS) if begun else memory_octets
    if len(kept) <= most or lines_end <= len(_CRLF):
        return False
    return begun or lines_end > 2 * HEADER_OCTETS_MAX or kept.find(_CRLF * 2, 0, lines_end) >= 0


class Sink(Protocol):
    """Where blocks of whole lines go that are too many for memory; never raises."""

    def write(self, block: bytes) -> None:
        """Take *block*; the first has the whole header, or more than a header may have."""


@final
class DataReader:
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
        """What is more than *memory_octets* goes into *sink*, in blocks of whole lines."""
        self._room = room
        self._message_max = message_octets
        self._line_max = line_octets
        self._sink = sink
        self._memory_max = memory_octets
        self._given = 0  # octets that went into the sink
        # The line before the first one: makes a message that is only "." CRLF look like the others.
        self._kept = bytearray(_CRLF)
        self._line_start = len(_CRLF)  # offset into _kept; negative once octets were let go
        self._seen = 0  # octets of DATA so far, kept or not
        self._held = 0  # octets taken from the room
        self._longest = 0  # of the line that is not finished yet, when it is too long
        self._dotted = False  # a line has begun with a dot
        self.flaw: Flaw | None = None

    @property
    def hopeless(self) -> bool:
        """The limits are passed so far that it is time to hang up."""
        return self._seen > 2 * self._message_max or self._longest > 2 * self._line_max

    def feed(self, piece: bytes) -> bytes | None:
        """Take *piece*; return what follows the end of data, or None while there is no end."""
        for at in range(0, len(piece), self._line_max):
            rest = self._feed(piece[at : at + self._line_max])
            if rest is not None:
                return rest + piece[at + self._line_max :]
            if self.hopeless:
                break
        return None

    def message(self) -> bytes | Flaw:
        """After the end: the message without its stuffed dots, or why it is not taken.

        Of one that went into the sink: the last of it, which is there too.
        """
        if self.flaw is not None:
            return self.flaw
        kept = bytes(memoryview(self._kept)[len(_CRLF) :])
        if has_bare_octet(kept):
            return Flaw.BARE_OCTET
        kept = without_dots(kept) if self._dotted else kept
        if self._given + len(kept) > self._message_max:
            return Flaw.TOO_LARGE
        if self._given and self._sink is not None:
            self._sink.write(kept)
        return kept

    def close(self) -> None:
        """Let go of everything; harmless when done twice."""
        self._room.give(self._held)
        self._held = 0
        self._kept = bytearray()

    def _feed(self, piece: bytes) -> bytes | None:
        """As ``feed``; *piece* is shorter than a line may be."""
        if self.flaw is None and not self._room.take(len(piece)):
            self.flaw = Flaw.NO_ROOM
        if self.flaw is None:
            self._held += len(piece)
        search_from = max(0, len(self._kept) - _OVERLAP)
        self._kept += piece
        self._seen += len(piece)
        dot = self._kept.find(_DOT, search_from)
        end = self._kept.find(_END, dot) if dot >= 0 else -1
        self._dotted = self._dotted or dot != end  # the dot of the end is no line's
        self._measure_line(search_from)
        if end >= 0:
            rest = bytes(self._kept[end + len(_END) :])
            del self._kept[end + len(_CRLF) :]
            return rest
        if self.flaw is None and self._seen > self._message_max * 4 // 3 + len(_END):
            self.flaw = Flaw.TOO_LARGE
        if self.flaw is None:
            self._give()
        if self.flaw is not None:
            self._forget()
        return None

    def _give(self) -> None:
        """Let whole lines go into the sink, once there are too many for memory."""
        start = len(_CRLF)
        if self._sink is None or not may_go(
            self._kept, self._line_start, self._memory_max, begun=bool(self._given)
        ):
            return
        block = bytes(memoryview(self._kept)[start : self._line_start])
        del self._kept[start : self._line_start]
        self._line_start = start
        self._room.give(len(block))
        self._held -= len(block)
        if has_bare_octet(block):
            self.flaw = Flaw.BARE_OCTET
            return
        block = without_dots(block) if self._dotted else block
        self._given += len(block)
        if self._given > self._message_max:
            self.flaw = Flaw.TOO_LARGE
        else:
            self._sink.write(block)

    def _measure_line(self, search_from: int) -> None:
        """Flaw a line that is too long; at most the one begun before this piece can be."""
        first = self._kept.find(_CRLF, max(search_from, self._line_start))
        # a CR at the end may be half of the line's CRLF
        line_end = first if first >= 0 else len(self._kept) - self._kept.endswith(b"\r")
        length = line_end - self._line_start
        if length > self._line_max:
            self._longest = max(self._longest, length)
            self.flaw = self.flaw or Flaw.LINE_TOO_LONG
        if first >= 0:
            self._line_start = self._kept.rfind(_CRLF) + len(_CRLF)

    def _forget(self) -> None:
        """Keep of a flawed message only what the search for its end needs."""
        gone = max(0, len(self._kept) - _OVERLAP)
        del self._kept[:gone]
        self._line_start -= gone
        self._room.give(self._held)
        self._held = 0
