"""Base64 and quoted-printable of RFC 2045 §6, read leniently and in linear time.

Only for searching and showing; the octets of a message are never replaced by what this gives.
Output is never longer than input.
"""

from __future__ import annotations

import binascii
from typing import Final

from typing_extensions import override

_BASE64: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_PADDED_ENDS: Final = (b" \r\n", b"\t\r\n", b" \n", b"\t\n")
_NOT_BASE64: Final = bytes(sorted(set(range(256)) - set(_BASE64)))


def base64(octets: bytes) -> bytes:
    """Return what the alphabet's octets say; everything else is passed over, padding as well."""
    kept = octets.translate(None, _NOT_BASE64)
    whole = len(kept) - (len(kept) % 4 == 1)
    return binascii.a2b_base64(kept[:whole] + b"=" * (-whole % 4))


def quoted_printable(octets: bytes) -> bytes:
    """Return the octets meant; an ``=`` that is no escape stays.

    Space at the end of a line was added on the way (RFC 2045 §6.7 rule 3).
    """
    if any(end in octets for end in _PADDED_ENDS) or octets[-1:] in {b" ", b"\t"}:
        octets = b"\n".join(map(_without_padding, octets.split(b"\n")))
    return binascii.a2b_qp(octets)


def _without_padding(line: bytes) -> bytes:
    if line.endswith(b"\r"):
        return line[:-1].rstrip(b" \t") + b"\r"
    return line.rstrip(b" \t")


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


class Identity:
    """Nothing to undo."""

    def feed(self, octets: bytes) -> bytes:
        """Return what *octets* say."""
        return octets

    def finish(self) -> bytes:
        """Return what was held back."""
        return b""


class Base64(Identity):
    """``base64`` of a body that comes in pieces."""

    def __init__(self) -> None:
        self._held = b""

    @override
    def feed(self, octets: bytes) -> bytes:
        kept = self._held + octets.translate(None, _NOT_BASE64)
        whole = len(kept) & ~3
        self._held = kept[whole:]
        return binascii.a2b_base64(kept[:whole])

    @override
    def finish(self) -> bytes:
        held, self._held = self._held, b""
        return base64(held)


class QuotedPrintable(Identity):
    """``quoted_printable`` of a body that comes in pieces; holds back at most one line."""

    def __init__(self) -> None:
        self._held: list[bytes] = []

    @override
    def feed(self, octets: bytes) -> bytes:
        end = octets.rfind(b"\n") + 1
        if not end:
            self._held.append(octets)
            return b""
        lines = b"".join((*self._held, octets[:end]))
        self._held = [octets[end:]]
        return quoted_printable(lines)

    @override
    def finish(self) -> bytes:
        held, self._held = b"".join(self._held), []
        return quoted_printable(held)


def decoder(encoding: str) -> Identity | None:
    """Return what undoes *encoding* (lower case) piece by piece; None if nobody knows it.

    RFC 2045 §6.2: 7bit, 8bit and binary change nothing.
    """
    made = _DECODERS.get(encoding)
    return None if made is None else made()


_DECODERS: Final[dict[str, type[Identity]]] = {
    "7bit": Identity,
    "8bit": Identity,
    "binary": Identity,
    "base64": Base64,
    "quoted-printable": QuotedPrintable,
}
