"""A value as an IMAP string: quoted when that is safe, a literal otherwise.  RFC 9051 §4.3.

A literal stands whole inside the prepared answer (``{n}`` CRLF octets), so whoever sends
prepared octets sends them unchanged.  NUL never comes out: a literal may not hold it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

NIL: Final = b"NIL"

_NUL_SHOWN: Final = "\N{REPLACEMENT CHARACTER}".encode()
_NOT_PLAIN: Final = b'\0\r\n"\\'  # of ASCII
# QUOTED-CHAR = <any TEXT-CHAR except quoted-specials> / "\" quoted-specials
_NOT_QUOTABLE: Final = re.compile(rb"[\x00\r\n\x80-\xff]")
_ESCAPED: Final = re.compile(rb'["\\]')
_BREAK: Final = re.compile(rb"[\r\n]")
_SPACES: Final = re.compile(rb"[ \t\r\n]++")


def string(value: bytes) -> bytes:
    """Return *value* as a quoted string or a literal."""
    if _is_plain(value):
        return b'"%b"' % value
    if _NOT_QUOTABLE.search(value):
        value = value.replace(b"\0", _NUL_SHOWN)
        return b"{%d}\r\n%b" % (len(value), value)
    return b'"%b"' % _ESCAPED.sub(rb"\\\g<0>", value)


def strings(values: Sequence[bytes]) -> bytes:
    """Return *values*, at least one, as strings with a space between."""
    if _is_plain(b"".join(values)):
        return b'"%b"' % b'" "'.join(values)
    return b" ".join(map(string, values))


def nstring(value: bytes | None) -> bytes:
    """Return *value* as a string, or NIL."""
    return NIL if value is None else string(value)


def unfolded(value: bytes | None) -> bytes:
    """Return a whole field value as an nstring on one line; other white space stays."""
    if value is None:
        return NIL
    if b"\n" in value or b"\r" in value:
        value = _unfold(value)
    return string(value)


def for_people(value: bytes | None) -> bytes:
    """Return a display name or subject as an nstring, each run of white space as one space."""
    if value is None:
        return NIL
    return string(_SPACES.sub(b" ", value).strip(b" "))


def _is_plain(value: bytes) -> bool:
    """Tell whether *value* is quoted as it stands."""
    return value.isascii() and len(value.translate(None, _NOT_PLAIN)) == len(value)


def _unfold(value: bytes) -> bytes:
    # A line break goes; a space comes in its place only where none follows.
    first, *rest = _BREAK.split(value)
    kept = bytearray(first)
    for line in rest:
        if line and line[:1] not in (b" ", b"\t"):
            kept += b" "
        kept += line
    return bytes(kept)
