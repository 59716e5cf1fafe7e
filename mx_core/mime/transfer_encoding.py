"""Base64 and quoted-printable of RFC 2045 §6, read leniently and in linear time.

Only for searching and showing; the octets of a message are never replaced by what this gives.
Output is never longer than input.
"""

from __future__ import annotations

import binascii
from typing import Final

_BASE64: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_NOT_BASE64: Final = bytes(sorted(set(range(256)) - set(_BASE64)))


def base64(octets: bytes) -> bytes:
    """Return what the alphabet's octets say; everything else is passed over, padding as well."""
    kept = octets.translate(None, _NOT_BASE64)
    whole = len(kept) - (len(kept) % 4 == 1)
    return binascii.a2b_base64(kept[:whole] + b"=" * (-whole % 4))


def quoted_printable(octets: bytes) -> bytes:
    """Return the octets meant; an ``=`` that is no escape stays."""
    return binascii.a2b_qp(octets)


def q_word(octets: bytes) -> bytes:
    """Return the octets of a Q encoded word: as above, with ``_`` for space.  RFC 2047 §4.2."""
    return binascii.a2b_qp(octets, header=True)


def decode(octets: bytes, encoding: str) -> bytes:
    """Return *octets* with *encoding* (lower case) undone; an unknown one changes nothing."""
    if encoding == "base64":
        return base64(octets)
    if encoding == "quoted-printable":
        return quoted_printable(octets)
    return octets
