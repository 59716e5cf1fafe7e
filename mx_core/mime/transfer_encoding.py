"""Base64 and quoted-printable of RFC 2045 §6, read leniently and in linear time.

Only for searching and showing; the octets of a message are never replaced by what this gives.
Output is never longer than input.
"""

from __future__ import annotations

import binascii
import re
from typing import Final

_NOT_BASE64: Final = re.compile(rb"[^A-Za-z0-9+/]++")
_SOFT_BREAK: Final = re.compile(rb"=[ \t]*+\r?\n")
_HEX_PAIR: Final = re.compile(rb"=([0-9A-Fa-f]{2})")


def base64(octets: bytes) -> bytes:
    """Return what the alphabet's octets say; everything else is passed over, padding as well."""
    kept = _NOT_BASE64.sub(b"", octets)
    whole = len(kept) - (len(kept) % 4 == 1)
    padded = kept[:whole] + b"=" * (-whole % 4)
    return binascii.a2b_base64(padded)


def quoted_printable(octets: bytes) -> bytes:
    """Return the octets meant; an ``=`` that is no escape stays."""
    return _HEX_PAIR.sub(_octet, _SOFT_BREAK.sub(b"", octets))


def q_word(octets: bytes) -> bytes:
    """Return the octets of a Q encoded word: as above, with ``_`` for space.  RFC 2047 §4.2."""
    return _HEX_PAIR.sub(_octet, octets.replace(b"_", b" "))


def decode(octets: bytes, encoding: str) -> bytes:
    """Return *octets* with *encoding* (lower case) undone; an unknown one changes nothing."""
    if encoding == "base64":
        return base64(octets)
    if encoding == "quoted-printable":
        return quoted_printable(octets)
    return octets


def _octet(found: re.Match[bytes]) -> bytes:
    return bytes((int(found.group(1), 16),))
