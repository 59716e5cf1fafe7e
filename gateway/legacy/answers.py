r"""Octets of somebody else's IMAP server to answers.  Pure, bounded, and as strict as lists allow.

What a server puts into a literal or a quoted string is *text* and can never be taken for a name
or a number of the protocol: those are ``Atom``.  Everything is bounded: a line, a literal, the
nesting of lists, and by whoever asks the octets and answers of one command.
RFC 3501 §7, §9; RFC 9051 §9.
"""

from __future__ import annotations

import re
from typing import Final

from msgspec import Struct
from typing_extensions import override

from mx_core.model.errors import PeerUnreachable

LINE_OCTETS_MAX: Final = 64 * 1024
_DEPTH_MAX: Final = 8
_VALUES_MAX: Final = 10_000  # of one answer
_TEXT_SHOWN: Final = 200
_LITERAL: Final = re.compile(rb"~?\{([0-9]{1,12})\+?\}\Z")
# an atom as servers send them: BODY[]<0>, \Seen, 17, $Junk; a "{" would announce a literal
_ATOM: Final = re.compile(rb"[^\x00-\x20\x7f(){\"]+")
_QUOTED: Final = re.compile(rb'"((?:[^"\\\r\n\0]|\\["\\])*)"')
_PAIR: Final = re.compile(rb'\\(["\\])')
# resp-text = ["[" resp-text-code "]" SP] text                             RFC 9051 §9
_STATUS: Final = re.compile(
    rb"(OK|NO|BAD|BYE|PREAUTH)(?: (?:\[([^\]\r\n]{0,4000})\] ?)?(.*))?", re.IGNORECASE | re.DOTALL
)


class BadAnswer(PeerUnreachable):
    """The server said what no server may say, or more than was asked for."""


class Atom(bytes):
    """A name or number of the protocol; never what stood in a string."""

    __slots__ = ()

    @override
    def __repr__(self) -> str:
        return f"Atom({bytes(self)!r})"


Value = Atom | bytes | None | list["Value"]  # None: NIL


class Status(Struct, frozen=True):
    """A condition: of a command (*tag*), or of the connection (tag ``*``)."""

    tag: bytes
    word: str  # OK NO BAD BYE PREAUTH
    code: bytes  # what stood in brackets
    text: bytes


class Data(Struct, frozen=True):
    """An untagged answer: ``* 12 FETCH (…)`` has number 12 and name FETCH."""

    name: str  # upper case
    number: int | None
    values: list[Value]


class GoOn(Struct, frozen=True):
    """``+``: the server waits."""


Answer = Status | Data | GoOn


def shown(text: bytes) -> str:
    """Return what a server wrote, as far as it can be printed."""
    words = text[:_TEXT_SHOWN].decode(errors="replace")
    return "".join(sign if sign.isprintable() else " " for sign in words).strip()


class AnswerReader:
    """One connection's input; *literal_octets_max* is what the command that runs may be given."""

    def __init__(self) -> None:
        self.literal_octets_max = 0
        self._buffer = bytearray()
        self._scanned = 0
        self._segments: list[bytes] = []
        self._literal: int | None = None

    def feed(self, octets: bytes) -> None:
        """Take what the transport read."""
        self._buffer += octets

    def next(self) -> Answer | None:
        """Return the next answer; None asks for more octets.

        Raises:
            BadAnswer: What came is no answer, or larger than may be; nothing can follow it.
        """
        while True:
            if self._literal is not None and not self._take_literal():
                return None
            line = self._take_line()
            if line is None:
                return None
            self._segments.append(line)
            announced = _LITERAL.search(line)
            if announced is None:
                segments, self._segments = self._segments, []
                return parse(segments)
            octets = int(announced[1])
            held = sum(map(len, self._segments))
            if held + octets > self.literal_octets_max:
                raise BadAnswer("sends a literal that is larger than what was asked for")
            self._literal = octets

    def _take_literal(self) -> bool:
        octets = self._literal or 0
        if len(self._buffer) < octets:
            return False
        self._segments.append(bytes(memoryview(self._buffer)[:octets]))
        del self._buffer[:octets]
        self._literal, self._scanned = None, 0
        return True

    def _take_line(self) -> bytes | None:
        end = self._buffer.find(b"\n", self._scanned)
        if (end if end >= 0 else len(self._buffer)) > LINE_OCTETS_MAX:
            raise BadAnswer("sends a line without end")
        if end < 0:
            self._scanned = len(self._buffer)
            return None
        line = bytes(memoryview(self._buffer)[:end]).removesuffix(b"\r")
        del self._buffer[: end + 1]
        self._scanned = 0
        return line


def parse(segments: list[bytes]) -> Answer:
    """Return the answer that text, literal, text, … spell; raises BadAnswer."""
    first = segments[0]
    if first[:1] == b"+":
        return GoOn()
    tag, _, rest = first.partition(b" ")
    if not tag or not rest:
        raise BadAnswer("sends a line that is no answer")
    status = _STATUS.fullmatch(rest) if len(segments) == 1 else None
    if status is not None:
        return Status(tag, status[1].decode().upper(), status[2] or b"", status[3] or b"")
    if tag != b"*":
        raise BadAnswer("sends a line that is no answer")
    return _data([rest, *segments[1:]])


def _data(segments: list[bytes]) -> Data:
    match = re.match(rb"(?:([0-9]{1,10}) )?([A-Za-z][A-Za-z0-9.-]{0,30})(?: |\Z)", segments[0])
    if match is None:
        raise BadAnswer("sends a line that is no answer")
    number = None if match[1] is None else int(match[1])
    values = _Values([segments[0][match.end() :], *segments[1:]]).all()
    return Data(match[2].decode().upper(), number, values)


class _Values:
    """Reads values from left to right."""

    def __init__(self, segments: list[bytes]) -> None:
        self._segments = segments
        self._segment = 0
        self._at = 0
        self._left = _VALUES_MAX

    def all(self) -> list[Value]:
        return self._until_end(0)

    def _until_end(self, depth: int) -> list[Value]:
        """Return values up to the closing parenthesis, or of the whole answer at depth 0."""
        if depth > _DEPTH_MAX:
            raise BadAnswer("sends lists within lists without end")
        found: list[Value] = []
        while True:
            text = self._segments[self._segment]
            while text[self._at : self._at + 1] == b" ":
                self._at += 1
            sign = text[self._at : self._at + 1]
            if not sign:
                if self._segment + 1 < len(self._segments) or depth:
                    raise BadAnswer("sends an answer that is cut off")
                return found
            if sign == b")":
                if not depth:
                    raise BadAnswer("sends an answer that is cut off")
                self._at += 1
                return found
            self._left -= 1
            if self._left < 0:
                raise BadAnswer("sends an answer without end")
            if sign == b"(":
                self._at += 1
                found.append(self._until_end(depth + 1))
            else:
                found.append(self._one(text))

    def _one(self, text: bytes) -> Value:
        if text[self._at : self._at + 1] == b'"':
            quoted = _QUOTED.match(text, self._at)
            if quoted is None:
                raise BadAnswer("sends a string that does not end")
            self._at = quoted.end()
            return _PAIR.sub(rb"\1", quoted[1])
        announced = _LITERAL.match(text, self._at)
        if announced is not None and self._segment + 2 < len(self._segments):
            literal = self._segments[self._segment + 1]
            self._segment, self._at = self._segment + 2, 0
            return literal
        atom = _ATOM.match(text, self._at)
        if atom is None:
            raise BadAnswer("sends a line that is no answer")
        self._at = atom.end()
        return None if atom[0].upper() == b"NIL" else Atom(atom[0])
