"""The tokens of RFC 5322 §3.2 and RFC 2045 §5.1, read off one unfolded field value.

Knows no field.  Every step moves forward and none recurses, so a value of n octets costs
O(n) whatever stands in it.  A reader says :data:`MORE`, :data:`END` or :data:`BROKEN` instead of
raising, because a mail program wants as much of a broken field as can be told.
"""

from __future__ import annotations

import re
from typing import Final

MORE: Final = 1  # the token is read and something follows
END: Final = 0  # the token is read and nothing follows
BROKEN: Final = -1

_NUL_SHOWN: Final = "\N{REPLACEMENT CHARACTER}".encode()

# atext (RFC 5322 §3.2.3) and any 8-bit octet (RFC 6532 §3.2)
ATEXT_OCTETS: Final = rb"A-Za-z0-9!#$%&'*+/=?^_`{|}~\x80-\xff-"
# token (RFC 2045 §5.1) with the dot, again with any 8-bit octet
TOKEN_OCTETS: Final = rb"A-Za-z0-9!#$%&'*+.^_`{|}~\x80-\xff-"

_SPACE: Final = re.compile(rb"[ \t\r\n]*+")
_ATOM: Final = re.compile(rb"[" + ATEXT_OCTETS + rb"]++")
# a word of a phrase and the space behind it; a quoted one with escapes or folds does not match
_PLAIN_WORD: Final = re.compile(
    rb'(?:"([^"\\\r\n\x00]*+)"|(?!")([.' + ATEXT_OCTETS + rb"]*+))[ \t\r\n]*+"
)
_TOKEN: Final = re.compile(rb"[" + TOKEN_OCTETS + rb"]*+")
_ENCODED_VALUE: Final = re.compile(rb"[^; \t\r\n]*+")
# quoted-string (RFC 5322 §3.2.4); a backslash before CR, LF or NUL is obs-qp and stays
_QUOTED: Final = re.compile(rb'"((?:[^"\\]|\\(?:[^\r\n\x00]|(?=[\r\n\x00])))*+)"', re.DOTALL)
_COMMENT_MARK: Final = re.compile(rb"\\[^\r\n\x00]|\\\Z|[()]", re.DOTALL)
_LITERAL: Final = re.compile(rb"\[(?:[^\[\]\\]|\\(?:[^\r\n\x00]|(?=[\r\n\x00])))*+\]", re.DOTALL)
_PAIR_OR_FOLD: Final = re.compile(rb"\\([^\r\n\x00])|\r?\n|\x00", re.DOTALL)
_FOLD_OR_NUL: Final = re.compile(rb"\r?\n|\x00")

_ATEXT_SET: Final = frozenset(n for n in range(256) if _ATOM.fullmatch(bytes([n])))
_DOT, _QUOTE, _OPEN, _AT, _BRACKET = b'."(@['


class Cursor:
    """A position in *value*; ``comment`` is the text of the last comment passed over."""

    __slots__ = ("at", "comment", "end", "value")

    def __init__(self, value: bytes) -> None:
        self.value = value
        self.at = 0
        self.end = len(value)
        self.comment = b""

    def peek(self) -> int:
        """Return the octet at the cursor, or -1 at the end."""
        return self.value[self.at] if self.at < self.end else -1

    def at_end(self) -> bool:
        """Tell whether nothing is left."""
        return self.at >= self.end

    def skip_space(self) -> int:
        """Pass over [CFWS]; BROKEN when a comment has no end (the cursor is then at the end)."""
        while True:
            space = _SPACE.match(self.value, self.at)
            assert space is not None  # noqa: S101  # the pattern matches nothing too
            self.at = space.end()
            if self.at >= self.end:
                return END
            if self.value[self.at] != _OPEN:
                return MORE
            if not self._skip_comment():
                return BROKEN

    def _skip_comment(self) -> bool:
        # comment = "(" *([FWS] ccontent) [FWS] ")"        RFC 5322 §3.2.2, depth counted
        start = self.at + 1
        level = 0
        self.comment = b""
        for mark in _COMMENT_MARK.finditer(self.value, self.at):
            sign = mark.group()
            if sign == b"(":
                level += 1
            elif sign == b")":
                level -= 1
                if level == 0:
                    self.comment = _unquoted(self.value[start : mark.start()])
                    self.at = mark.end()
                    return True
        self.at = self.end
        return False

    def atom(self, out: bytearray) -> int:
        """Append an atom and pass over the space behind it."""
        found = _ATOM.match(self.value, self.at)
        if found is None:
            return BROKEN
        out += found.group()
        self.at = found.end()
        return self.skip_space() if self.at < self.end else END

    def token(self, out: bytearray) -> int:
        """Append a MIME token, possibly empty, and pass over the space behind it."""
        found = _TOKEN.match(self.value, self.at)
        assert found is not None  # noqa: S101  # the pattern matches nothing too
        out += found.group()
        self.at = found.end()
        return self.skip_space() if self.at < self.end else END

    def encoded_value(self) -> bytes:
        """Return what stands up to the next ``;`` or space (``name==?utf-8?b?…?=`` is sent)."""
        found = _ENCODED_VALUE.match(self.value, self.at)
        assert found is not None  # noqa: S101  # the pattern matches nothing too
        self.at = found.end()
        return found.group()

    def quoted_string(self, out: bytearray) -> int:
        """Append what a quoted string says; BROKEN, at the end, when it has no closing quote."""
        found = _QUOTED.match(self.value, self.at)
        if found is None:
            self.at = self.end
            return BROKEN
        out += _unquoted(found.group(1))
        self.at = found.end()
        return self.skip_space()

    def phrase(self, out: bytearray) -> int:
        # phrase     = 1*word / obs-phrase                  RFC 5322 §3.2.5
        # obs-phrase = word *(word / "." / CFWS)            RFC 5322 §4.1
        """Append words with one space between them; an empty phrase is not BROKEN."""
        if self.at >= self.end:
            return END
        if self.value[self.at] == _DOT:
            return BROKEN
        while True:
            word = _PLAIN_WORD.match(self.value, self.at)
            if word is None:
                step = self.quoted_string(out)
            else:
                out += word.group(1) or word.group(2) or b""
                self.at = word.end()
                step = END if self.at >= self.end else MORE
                if step == MORE and self.value[self.at] == _OPEN:
                    step = self.skip_space()
            if step <= END:
                return step
            following = self.value[self.at]
            if following not in _ATEXT_SET and following not in (_QUOTE, _DOT):
                return MORE
            out += b" "

    def local_part(self, out: bytearray) -> int:
        # local-part = dot-atom / quoted-string / obs-local-part   RFC 5322 §3.4.1
        """Append a local part; dots may stand anywhere, as Japanese phones once sent them."""
        if self.peek() == _QUOTE:
            return self.quoted_string(out)
        step = BROKEN
        while True:
            while self.peek() == _DOT:
                out += b"."
                self.at += 1
                if self.at >= self.end:
                    return END
                step = MORE
            if self.peek() == _AT:
                return step
            step = self.atom(out)
            if step != MORE or self.value[self.at] != _DOT:
                return step

    def domain(self, out: bytearray) -> int:
        # domain = dot-atom / domain-literal / obs-domain          RFC 5322 §3.4.1
        """Append what follows the ``@`` at the cursor."""
        self.at += 1
        if self.skip_space() != MORE:
            return BROKEN
        if self.value[self.at] == _BRACKET:
            return self._domain_literal(out)
        return self._dot_atom(out)

    def _dot_atom(self, out: bytearray) -> int:
        while True:
            found = _ATOM.match(self.value, self.at)
            if found is None:
                return BROKEN
            out += found.group()
            self.at = found.end()
            step = self.skip_space() if self.at < self.end else END
            if step != MORE or self.value[self.at] != _DOT:
                return step
            out += b"."
            self.at += 1
            if self.skip_space() != MORE:
                return BROKEN

    def _domain_literal(self, out: bytearray) -> int:
        found = _LITERAL.match(self.value, self.at)
        if found is None:
            self.at = self.end
            return BROKEN
        out += _FOLD_OR_NUL.sub(_shown, found.group())
        self.at = found.end()
        return self.skip_space()


def _unquoted(raw: bytes) -> bytes:
    if b"\\" not in raw and b"\n" not in raw and b"\0" not in raw:
        return raw
    return _PAIR_OR_FOLD.sub(_paired, raw)


def _paired(found: re.Match[bytes]) -> bytes:
    return found.group(1) or _shown(found)


def _shown(found: re.Match[bytes]) -> bytes:
    return _NUL_SHOWN if found.group() == b"\0" else b""
