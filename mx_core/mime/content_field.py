"""The structured Content-* fields: type, disposition, language, encoding, and their parameters.

RFC 2045 §5.1, RFC 2183, RFC 3282, RFC 2231 §3 (continuations are joined, percent-encoding and
charset are left for the mail program).  What a broken field yields is what Dovecot makes of it.
"""

from __future__ import annotations

import re
from typing import Final

from msgspec import Struct

from mx_core.mime.lexical import BROKEN, END, MORE, TOKEN_OCTETS, Cursor

Parameters = tuple[tuple[bytes, bytes], ...]

_SEMICOLON, _EQUALS, _SLASH, _QUOTE, _COMMA, _STAR = b';=/",*'
_INDEX_DIGITS_MAX: Final = 9
_SIMPLE: Final = re.compile(
    rb";[ \t\r\n]*+([%b]++)=" % TOKEN_OCTETS
    + rb'(?:([%b]++)|"([^"\\\r\n\x00]*+)")[ \t\r\n]*+(?=;|\Z)' % TOKEN_OCTETS
)


class ContentType(Struct, frozen=True):
    """Type and subtype as written; both empty when the field is no content type at all."""

    main: bytes
    sub: bytes
    parameters: Parameters = ()

    def is_text(self) -> bool:
        """Tell whether a line count belongs to it."""
        return self.main.lower() == b"text"

    def is_message(self) -> bool:
        """Tell whether another message stands inside."""
        return self.main.lower() == b"message" and self.sub.lower() == b"rfc822"

    def is_multipart(self) -> bool:
        """Tell whether parts stand inside; ``multipart`` alone is none."""
        return self.main.lower() == b"multipart" and self.sub != b""

    def is_digest(self) -> bool:
        """Tell whether parts without a type are messages (RFC 2046 §5.1.5)."""
        return self.is_multipart() and self.sub.lower() == b"digest"

    def parameter(self, name: bytes) -> bytes | None:
        """Return the first parameter called *name* (lower case)."""
        return next((value for key, value in self.parameters if key.lower() == name), None)


class Disposition(Struct, frozen=True):
    """Content-Disposition.  RFC 2183 §2."""

    kind: bytes
    parameters: Parameters


def content_type(value: bytes) -> ContentType:
    """Read a Content-Type value; parameters only of a well-formed one."""
    # content := "Content-Type" ":" type "/" subtype *(";" parameter)
    cursor = Cursor(value)
    main, sub = bytearray(), bytearray()
    if cursor.skip_space() != MORE:
        return ContentType(b"", b"")
    if cursor.token(main) != MORE or not main:
        return ContentType(bytes(main), b"")
    if cursor.peek() != _SLASH:
        return ContentType(b"", b"")
    cursor.at += 1
    if (
        cursor.skip_space() != MORE
        or cursor.token(sub) == BROKEN
        or not sub
        or cursor.peek() not in (_SEMICOLON, -1)
    ):
        return ContentType(b"", b"")
    return ContentType(bytes(main), bytes(sub), _parameters(cursor))


def disposition(value: bytes) -> Disposition | None:
    """Read a Content-Disposition value."""
    cursor = Cursor(value)
    kind = bytearray()
    cursor.skip_space()
    if cursor.token(kind) == BROKEN:
        return None
    return Disposition(bytes(kind), _parameters(cursor))


def transfer_encoding(value: bytes) -> bytes | None:
    """Return the one token of a Content-Transfer-Encoding, as written."""
    cursor = Cursor(value)
    token = bytearray()
    cursor.skip_space()
    if cursor.token(token) != END or not token:
        return None
    return bytes(token)


def languages(value: bytes) -> tuple[bytes, ...]:
    """Return the tags of a Content-Language.  RFC 3282 §2."""
    cursor = Cursor(value)
    cursor.skip_space()
    tags: list[bytes] = []
    while True:
        tag = bytearray()
        step = cursor.atom(tag)
        if step == BROKEN and not tag:
            break
        if step == BROKEN:
            break
        tags.append(bytes(tag))
        if cursor.peek() != _COMMA:
            break
        cursor.at += 1
        cursor.skip_space()
    return tuple(tags)


class _Piece(Struct):
    key: bytes
    index: int
    extended: bool
    value: bytes


def _parameters(cursor: Cursor) -> Parameters:
    plain: list[tuple[bytes, bytes]] = []
    pieces: list[_Piece] = []
    value, simple = cursor.value, _SIMPLE.match
    while not cursor.at_end():
        # without comments, escapes and folds inside: nearly all, at a fifth of the cost
        match = simple(value, cursor.at)
        if match is not None:
            key, token, quoted = match.groups(b"")
            found: tuple[bytes, bytes] | None = (key, token or quoted)
            cursor.at = match.end()
        else:
            found = _parameter(cursor)
        if found is None:
            # resume at the next semicolon; what lies before it says nothing
            following = value.find(b";", cursor.at + 1)
            cursor.at = cursor.end if following < 0 else following
            continue
        piece = _piece(*found) if b"*" in found[0] else None
        if piece is None:
            plain.append(found)
        else:
            pieces.append(piece)
    return (*plain, *_joined(pieces))


def _parameter(cursor: Cursor) -> tuple[bytes, bytes] | None:
    # parameter := attribute "=" value        value := token / quoted-string
    if cursor.peek() != _SEMICOLON:
        return None
    cursor.at += 1
    if cursor.skip_space() != MORE:
        return None
    key, value = bytearray(), bytearray()
    if cursor.token(key) != MORE or cursor.peek() != _EQUALS:
        return None
    cursor.at += 1
    step = cursor.skip_space()
    if step == MORE:
        if cursor.peek() == _QUOTE:
            step = cursor.quoted_string(value)
        elif cursor.peek() == _EQUALS:
            value += cursor.encoded_value()
        else:
            step = cursor.token(value)
    if step == BROKEN:
        return None
    return bytes(key), bytes(value).replace(b"\0", "\N{REPLACEMENT CHARACTER}".encode())


def _piece(key: bytes, value: bytes) -> _Piece | None:
    # name*2*=value: section 2, extended            RFC 2231 §3, §4
    name, _, rest = key.partition(b"*")
    digits = rest.removesuffix(b"*")
    if (digits and not digits.isdigit()) or len(digits) > _INDEX_DIGITS_MAX:
        return None
    extended = rest.endswith(b"*") or not rest
    return _Piece(name, int(digits or 0), extended, value)


def _joined(pieces: list[_Piece]) -> list[tuple[bytes, bytes]]:
    pieces.sort(key=lambda piece: (piece.key, piece.index))
    joined: list[tuple[bytes, bytes]] = []
    start = 0
    while start < len(pieces):
        name = pieces[start].key.lower()
        stop = start
        while stop < len(pieces) and pieces[stop].key.lower() == name:
            stop += 1
        joined += _join(pieces[start:stop])
        start = stop
    return joined


def _join(run: list[_Piece]) -> list[tuple[bytes, bytes]]:
    if any(piece.index != place for place, piece in enumerate(run)):
        # sections are missing: show each as it is
        return [
            (b"%b*%d%b" % (piece.key, piece.index, b"*" if piece.extended else b""), piece.value)
            for piece in run
        ]
    if not any(piece.extended for piece in run):
        return [(run[0].key, b"".join(piece.value for piece in run))]
    value = bytearray() if run[0].extended else bytearray(b"''")
    for piece in run:
        value += piece.value if piece.extended else piece.value.replace(b"%", b"%25")
    return [(run[0].key + b"*", bytes(value))]
