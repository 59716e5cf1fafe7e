"""Modified UTF-7, the spelling of mailbox names.  RFC 3501 §5.1.3.

Raw UTF-8 is taken as it stands: some clients send it without having enabled it.  Octets that spell nothing give a text that no mailbox can have, so that the command
is refused for its name (NO) and not for its syntax (BAD), and a LIST of it finds nothing.
Encoding gives the one canonical form.
"""

from __future__ import annotations

import binascii
import re
from typing import Final

_SHIFTED: Final = re.compile(rb"&([A-Za-z0-9+,]*)-")
_RUN: Final = re.compile(r"[^ -~]+")
_NOTHING: Final = "\0"  # `model.mailbox_name` refuses control characters


def decode(octets: bytes) -> str:
    """Return the name that *octets* spell, or a text that is no name."""
    try:
        return _decoded(octets) if octets.isascii() else octets.decode()
    except ValueError:  # binascii.Error and UnicodeDecodeError alike
        return _NOTHING + octets.decode("latin-1")


def utf8_name(octets: bytes) -> str:
    """Return the same for a client that spells names in UTF-8: ``&`` is itself.  RFC 6855 §3."""
    try:
        return octets.decode()
    except UnicodeDecodeError:
        return _NOTHING + octets.decode("latin-1")


def encode(name: str) -> bytes:
    """Return the canonical spelling of *name*."""
    return _RUN.sub(_shift, name.replace("&", "&-")).encode("ascii")


def _decoded(octets: bytes) -> str:
    parts: list[str] = []
    at = 0
    while (shift := octets.find(b"&", at)) >= 0:
        parts.append(octets[at:shift].decode())
        match = _SHIFTED.match(octets, shift)
        if match is None:
            raise ValueError("a shift has no end")
        parts.append(_shifted(match[1]))
        at = match.end()
    parts.append(octets[at:].decode())
    return "".join(parts)


def _shifted(base64: bytes) -> str:
    if not base64:
        return "&"
    padded = base64.replace(b",", b"/") + b"=" * (-len(base64) % 4)
    return binascii.a2b_base64(padded, strict_mode=True).decode("utf-16-be")


def _shift(run: re.Match[str]) -> str:
    base64 = binascii.b2a_base64(run[0].encode("utf-16-be"), newline=False)
    return "&" + base64.rstrip(b"=").replace(b"/", b",").decode() + "-"
