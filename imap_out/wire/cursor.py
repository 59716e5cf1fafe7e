"""Reads one frame from left to right: the tokens that all commands share.

Every method consumes what it returns, or raises BadSyntax; nothing else can come out of it.
Octets above 127 are taken inside quoted strings: RFC 3501 forbids them there, RFC 9051 §9 allows
UTF-8, and clients send names and search texts so.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from typing import Final, TypeVar

from imap_out.wire import dates, utf7
from imap_out.wire.framing import Frame
from imap_out.wire.sequence_set import PATTERN, SAVED, SequenceSet
from imap_out.wire.syntax import BadSyntax
from imap_out.wire.utf7 import utf8_name
from mx_core.model.flags import RECENT, SYSTEM_FLAGS, Flag, canonical_flag

T = TypeVar("T")

# ATOM-CHAR = <any CHAR except atom-specials>                          RFC 9051 §9
# atom-specials = "(" / ")" / "{" / SP / CTL / "%" / "*" / DQUOTE / "\" / "]"
_ATOM_CLASS: Final = rb"!#$&',\-./0-9:;<=>?@A-Z\[^_`a-z|}~+"
_ATOM: Final = re.compile(rb"[%b]+" % _ATOM_CLASS)
# astring   = 1*ASTRING-CHAR / string        ASTRING-CHAR = ATOM-CHAR / "]"
_ASTRING: Final = re.compile(rb"[%b\]]+" % _ATOM_CLASS)
# tag       = 1*<any ASTRING-CHAR except "+">
TAG_CLASS: Final = rb"%b\]" % _ATOM_CLASS.replace(b"+", b"")
_TAG: Final = re.compile(rb"[%b]+" % TAG_CLASS)
# list-char = ATOM-CHAR / "%" / "*" / "]"
_PATTERN: Final = re.compile(rb"[%b\]%%*]+" % _ATOM_CLASS)
# quoted    = DQUOTE *QUOTED-CHAR DQUOTE
_QUOTED: Final = re.compile(rb'"((?:[^"\\]|\\["\\])*)"')
_QUOTED_PAIR: Final = re.compile(rb'\\(["\\])')
_MARKER: Final = re.compile(rb"\{[0-9]+\+?\}\Z")
_NUMBER: Final = re.compile(rb"[0-9]{1,18}")
_MODSEQ: Final = re.compile(rb"[0-9]{1,19}")
_MODSEQ_MAX: Final = 2**63 - 1
_WORD: Final = re.compile(rb"[A-Za-z0-9.+-]+")
_DATE: Final = re.compile(rb"[0-9A-Za-z-]+")


class Cursor:
    """A place in one frame."""

    __slots__ = ("_at", "_name", "_segment", "_segments", "_text", "depth")

    def __init__(self, frame: Frame, *, utf8: bool = False) -> None:
        self._segments = frame.segments
        self._segment = 0
        self._text = frame.segments[0]
        self._at = 0
        self._name = utf8_name if utf8 else utf7.decode  # how mailbox names are spelled
        self.depth = 0  # nesting of the search key being read

    # ── single signs ────────────────────────────────────────────────────────────────
    def at_end(self) -> bool:
        """Tell whether nothing is left."""
        return self._at >= len(self._text) and self._segment == len(self._segments) - 1

    def sees(self, octets: bytes) -> bool:
        """Tell whether *octets* (in any case) come next."""
        return self._text[self._at : self._at + len(octets)].upper() == octets

    def takes(self, octets: bytes) -> bool:
        """Consume *octets* (in any case) if they come next."""
        if not self.sees(octets):
            return False
        self._at += len(octets)
        return True

    def expect(self, octets: bytes) -> None:
        """Consume *octets* (in any case)."""
        if not self.takes(octets):
            raise self.bad(repr(octets.decode()))

    def space(self) -> None:
        """Consume one SP; some clients send more, which harms nobody."""
        self.expect(b" ")
        while self.takes(b" "):
            pass

    def expect_end(self) -> None:
        """Refuse what is left, save a space before the CRLF."""
        while self.takes(b" "):
            pass
        if not self.at_end():
            raise self.bad("the end of the command")

    def bad(self, expected: str) -> BadSyntax:
        """Return the error for this place."""
        return BadSyntax(expected, self._at)

    # ── tokens ──────────────────────────────────────────────────────────────────────
    def tag(self) -> bytes:
        """Consume a tag."""
        return self._match(_TAG, "a tag")

    def atom(self) -> bytes:
        """Consume an atom."""
        return self._match(_ATOM, "an atom")

    def word(self) -> bytes:
        """Consume a name of our grammar and return it in upper case."""
        return self._match(_WORD, "a name").upper()

    def number(self) -> int:
        """Consume digits."""
        return int(self._match(_NUMBER, "a number"))

    def modseq(self) -> int:
        """Consume a modification sequence.

        mod-sequence-valzer = "0" / mod-sequence-value                       RFC 7162 §7
        Zero is taken everywhere: Thunderbird asks ``CHANGEDSINCE 0`` the first time.
        """
        number = int(self._match(_MODSEQ, "a modification sequence"))
        if number > _MODSEQ_MAX:
            raise self.bad("a modification sequence below 2^63")
        return number

    def string(self) -> bytes:
        """Consume a quoted string or a literal."""
        if self.sees(b'"'):
            match = _QUOTED.match(self._text, self._at)
            if match is None:
                raise self.bad("a quoted string")
            self._at = match.end()
            text = match[1]
            return _QUOTED_PAIR.sub(rb"\1", text) if b"\\" in text else text
        return self._literal()

    def astring(self) -> bytes:
        """Consume an astring."""
        return self._match(_ASTRING, "a string") if self._sees(_ASTRING) else self.string()

    def nstring(self) -> bytes | None:
        """Consume a string, or NIL."""
        return None if self.takes(b"NIL") else self.string()

    def literal(self) -> bytes:
        """Consume a literal, and nothing else will do."""
        return self._literal()

    def mailbox(self) -> str:
        """Consume a mailbox name and return the text it stands for."""
        return self._name(self.astring())

    def pattern(self) -> str:
        """Consume a name with wildcards.  list-mailbox = 1*list-char / string."""
        octets = self._match(_PATTERN, "a pattern") if self._sees(_PATTERN) else self.string()
        return self._name(octets)

    def sequence_set(self) -> SequenceSet:
        """Consume a set of numbers.  sequence-set =/ seq-last-command ("$"): RFC 5182 §5."""
        if self.takes(b"$"):
            return SAVED
        return SequenceSet.matched(self._match(PATTERN, "a set of numbers"))

    def flag(self) -> Flag:
        r"""Consume a flag.  flag = "\Answered" / … / flag-keyword.

        ``\Recent`` is taken and means nothing: offlineimap and others copy it from FETCH.
        """
        if not self.takes(b"\\"):
            return Flag(self.atom().decode())
        flag = canonical_flag("\\" + self.atom().decode())
        if flag.lower() == RECENT.lower():
            return RECENT
        if flag not in SYSTEM_FLAGS:
            raise self.bad("a flag of RFC 9051 §2.3.2")
        return flag

    def flags(self) -> frozenset[Flag]:
        """Consume a flag-list."""
        return frozenset(self.listed(self.flag, or_none=True)) - {RECENT}

    def listed(self, read: Callable[[], T], *, or_none: bool = False) -> list[T]:
        """Consume ``(x x x)``; an empty list only if *or_none*."""
        self.expect(b"(")
        if or_none and self.takes(b")"):
            return []
        items = [read()]
        while self.takes(b" "):
            items.append(read())
        self.expect(b")")
        return items

    def day(self) -> date:
        """Consume a date, quoted or not.  date = date-text / DQUOTE date-text DQUOTE."""
        quoted = self.takes(b'"')
        at = self._at
        text = self._match(_DATE, "a date")
        try:
            day = dates.parse_date(text)
        except BadSyntax as error:
            raise BadSyntax(error.expected, at) from error
        if quoted:
            self.expect(b'"')
        return day

    def moment(self) -> int:
        """Consume a date-time."""
        at = self._at
        try:
            return dates.parse_date_time(self.string())
        except BadSyntax as error:
            raise BadSyntax("a date and time", at) from error

    def last_text(self, octets_max: int) -> bytes | None:
        """Return what is left, if it is short and no literal follows; consume nothing."""
        if self._segment < len(self._segments) - 1 or len(self._text) - self._at > octets_max:
            return None
        return self._text[self._at :]

    def rest(self) -> bytes:
        """Consume what is left of this text."""
        text = self._text[self._at :]
        self._at = len(self._text)
        return text

    @property
    def in_last(self) -> bool:
        """Tell whether no literal follows."""
        return self._segment == len(self._segments) - 1

    def left(self) -> bytes:
        """Return what is left of this text, and consume nothing."""
        return self._text[self._at :]

    def match(self, pattern: re.Pattern[bytes]) -> re.Match[bytes] | None:
        """Consume what *pattern* takes here, if it does."""
        match = pattern.match(self._text, self._at)
        if match is not None:
            self._at = match.end()
        return match

    # ── below ───────────────────────────────────────────────────────────────────────
    def _sees(self, pattern: re.Pattern[bytes]) -> bool:
        return pattern.match(self._text, self._at) is not None

    def _match(self, pattern: re.Pattern[bytes], expected: str) -> bytes:
        match = pattern.match(self._text, self._at)
        if match is None:
            raise self.bad(expected)
        self._at = match.end()
        return match[0]

    def _literal(self) -> bytes:
        if not _MARKER.match(self._text, self._at) or self._segment + 2 >= len(self._segments):
            raise self.bad("a string")
        octets = self._segments[self._segment + 1]
        self._segment += 2
        self._text = self._segments[self._segment]
        self._at = 0
        return octets
