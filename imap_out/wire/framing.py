r"""Octets to frames: one command each, lines and literals apart.  Knows no command but APPEND and REPLACE.

Framing comes before parsing, so a malformed command has clear ends, literal octets can never be
taken for a command, and the limits stand in one place.  The framer is *pulled*: nothing beyond
the frame asked for is looked at, so STARTTLS can drop what came early (RFC 9051 §6.2.1).

A frame is *poisoned* when it can not be used; it is still read to its end where there is one.
Invariant: what is buffered never exceeds one frame within its limits plus what was fed at once.
"""

from __future__ import annotations

import re
from typing import Final

from msgspec import Struct

from imap_out.wire.limits import Limits

# literal  = "{" number [ "+" ] "}" CRLF *CHAR8          RFC 7888 §8, RFC 9051 §9
_LITERAL: Final = re.compile(rb"\{([0-9]+)(\+?)\}\Z")
_APPEND: Final = re.compile(rb"[^ ]+ (?:APPEND|(?:UID )?REPLACE) ", re.IGNORECASE)
# tag      = 1*<any ASTRING-CHAR except "+">             RFC 9051 §9
_TAG: Final = re.compile(rb"([!#$&',\-./0-9:;<=>?@A-Z\[\]^_`a-z|}~]+)(?: |\Z)")
_PLAIN: Final = re.compile(rb"([^\r\n\0{]+)\r\n")
_DIGITS_MAX: Final = 18
_DRAIN_BEFORE_LOGIN: Final = 64 * 1024


class Frame(Struct, frozen=True):
    """Text, literal, text, …, text: an odd number; a text keeps its ``{n}`` and loses its CRLF."""

    segments: tuple[bytes, ...]


class GoAhead(Struct, frozen=True):
    """The client waits for ``+`` before it sends a literal of *octets*."""

    octets: int


class Poisoned(Struct, frozen=True):
    """A frame that must not be parsed.  ``close``: its end is unknown or too far away."""

    tag: bytes
    reason: str
    too_big: bool = False  # answered NO [TOOBIG], not BAD
    close: bool = False


class Framer:
    """One connection's input.  Owned by one task."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self.authenticated = False  # raised by the session; chooses the limits
        # of a line with its CRLF that keeps to every limit, before login and after
        self._plain_max = min(
            limits.line_octets, limits.line_octets_before_login, limits.command_octets
        )
        self._buffer = bytearray()
        self._scanned = 0  # no LF before this offset
        self._segments: list[bytes] = []
        self._used = 0  # octets in them
        self._literal: int | None = None  # octets of the literal being read
        self._skip = 0  # octets of a refused literal still to be thrown away
        self._poison: Poisoned | None = None
        self._lost = False  # where the next frame begins is not known: nothing more comes out

    def feed(self, octets: bytes) -> None:
        """Take what the transport read."""
        if not self._lost:
            self._buffer += octets

    def drop(self) -> None:
        """Forget everything that is buffered."""
        self._buffer.clear()
        self._start_frame()
        self._literal = None
        self._skip = 0

    @property
    def waiting(self) -> bool:
        """Tell whether something is buffered that no frame has used yet."""
        return bool(self._buffer)

    @property
    def amid(self) -> bool:
        """Tell whether a frame, or a line, has begun whose end has not come."""
        return bool(self._buffer or self._segments or self._skip)

    def next_line(self) -> bytes | Poisoned | None:
        """Return one line without its CRLF: a SASL response, or DONE; None asks for more."""
        line = self._take_line()
        if line is None or isinstance(line, Poisoned):
            return line
        if not line.endswith(b"\r"):
            return Poisoned(b"*", "a line must end in CRLF")
        return line[:-1]

    def next_frame(self) -> Frame | GoAhead | Poisoned | None:
        """Return the next event; None asks for more octets."""
        if not self._segments:
            plain = _PLAIN.match(self._buffer)
            if plain is not None and len(plain[0]) <= self._plain_max:
                return self._whole(plain[1])
        while True:
            if self._skip and not self._skip_literal():
                return None
            if self._literal is not None and not self._take_literal():
                return None
            line = self._take_line()
            if line is None:
                return None
            if isinstance(line, Poisoned):
                return line
            event = self._end_of_line(line)
            if event is not None:
                return event

    def _whole(self, text: bytes) -> Frame:
        """Return the frame of a line that announces nothing and breaks no rule, as nearly all commands are."""
        del self._buffer[: len(text) + 2]
        self._scanned = 0
        return Frame((text,))

    def _end_of_line(self, line: bytes) -> Frame | GoAhead | Poisoned | None:
        text = line[:-1] if line.endswith(b"\r") else line
        self._keep(text)
        if text is line:
            self._spoil("a line must end in CRLF")
        elif b"\r" in text or b"\0" in text:
            self._spoil("CR and NUL may not stand in a command")
        if self._used > self._limits.command_octets and not self._is_append():
            self._spoil("the command is too long")
        announced = _LITERAL.search(text)
        if announced is None:
            return self._finish()
        if len(self._segments) > 2 * self._limits.append_messages:
            self._spoil("that are too many messages at once", too_big=True)
        return self._announced(announced[1], waits=not announced[2])

    def _announced(self, digits: bytes, *, waits: bool) -> Frame | GoAhead | Poisoned | None:
        digits = digits.lstrip(b"0")
        octets = int(digits or b"0") if len(digits) <= _DIGITS_MAX else 10**_DIGITS_MAX
        if not self._may_take(octets):
            self._spoil("the literal is too large", too_big=self._is_append())
        if self._poison is None:
            self._literal = octets
            return GoAhead(octets) if waits else None
        if waits:
            return self._finish()  # without the "+" the client sends nothing more of it
        drain = 2 * self._limits.message_octets if self.authenticated else _DRAIN_BEFORE_LOGIN
        if octets > drain:
            tag, reason, too_big = self._poison.tag, self._poison.reason, self._poison.too_big
            return self._lose(Poisoned(tag, reason, too_big=too_big, close=True))
        self._skip = octets
        return None

    def _may_take(self, octets: int) -> bool:
        limits = self._limits
        if not self.authenticated:
            earlier = sum(map(len, self._segments[1::2]))
            return (
                octets <= limits.literal_octets_before_login
                and earlier + octets <= limits.literals_octets_before_login
            )
        room = limits.command_octets - self._used - octets
        if self._is_append():
            return octets <= limits.message_octets and room + limits.append_octets >= 0
        return room >= 0

    def _is_append(self) -> bool:
        return self.authenticated and _APPEND.match(self._segments[0]) is not None

    def _keep(self, segment: bytes) -> None:
        self._segments.append(segment)
        self._used += len(segment)

    def _skip_literal(self) -> bool:
        gone = min(self._skip, len(self._buffer))
        del self._buffer[:gone]
        self._skip -= gone
        return not self._skip

    def _take_literal(self) -> bool:
        octets = self._literal
        if octets is None or len(self._buffer) < octets:
            return False
        self._keep(bytes(memoryview(self._buffer)[:octets]))
        del self._buffer[:octets]
        self._literal = None
        return True

    def _take_line(self) -> bytes | Poisoned | None:
        limit = (
            self._limits.line_octets
            if self.authenticated
            else self._limits.line_octets_before_login
        )
        end = self._buffer.find(b"\n", self._scanned)
        if (end if end >= 0 else len(self._buffer)) > limit:
            tag = self._tag() if self._segments else _tag_of(bytes(self._buffer[:limit]))
            return self._lose(Poisoned(tag, "the line is too long", close=True))
        if end < 0:
            self._scanned = len(self._buffer)
            return None
        line = bytes(memoryview(self._buffer)[:end])
        del self._buffer[: end + 1]
        self._scanned = 0
        return line

    def _spoil(self, reason: str, *, too_big: bool = False) -> None:
        if self._poison is None:
            self._poison = Poisoned(self._tag(), reason, too_big=too_big)
            del self._segments[1:]
            self._used = len(self._segments[0])

    def _finish(self) -> Frame | Poisoned:
        event = self._poison or Frame(tuple(self._segments))
        self._start_frame()
        return event

    def _lose(self, last: Poisoned) -> Poisoned:
        self.drop()
        self._lost = True
        return last

    def _start_frame(self) -> None:
        self._segments = []
        self._used = 0
        self._poison = None
        self._scanned = 0

    def _tag(self) -> bytes:
        return _tag_of(self._segments[0])


def _tag_of(text: bytes) -> bytes:
    match = _TAG.match(text)
    return match[1] if match else b"*"
