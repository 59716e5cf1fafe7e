"""Modified UTF-7, the spelling of mailbox names.  RFC 3501 §5.1.3.

Decoding is strict except that raw UTF-8 is taken as it stands: mutt sends it after
``ENABLE UTF8=ACCEPT`` whatever the answer was.  Encoding gives the one canonical form.
"""

from __future__ import annotations

import binascii
import re
from typing import Final

from imap_out.wire.syntax import BadSyntax

_SHIFTED: Final = re.compile(rb"&([A-Za-z0-9+,]*)-")
_RUN: Final = re.compile(r"[^ -~]+")


def decode(octets: bytes) -> str:
    """Return the name that *octets* spell.

    Raises:
        BadSyntax: They spell none.
    """
    if not octets.isascii():
        try:
            return octets.decode()
        except UnicodeDecodeError as error:
            raise BadSyntax("a mailbox name in modified UTF-7") from error
    parts: list[str] = []
    at = 0
    while (shift := octets.find(b"&", at)) >= 0:
        parts.append(octets[at:shift].decode())
        match = _SHIFTED.match(octets, shift)
        if match is None:
            raise BadSyntax("a mailbox name in modified UTF-7", shift)
        parts.append(_shifted(match[1]))
        at = match.end()
    parts.append(octets[at:].decode())
    return "".join(parts)


def encode(name: str) -> bytes:
    """Return the canonical spelling of *name*."""
    return _RUN.sub(_shift, name.replace("&", "&-")).encode("ascii")


def _shifted(base64: bytes) -> str:
    if not base64:
        return "&"
    padded = base64.replace(b",", b"/") + b"=" * (-len(base64) % 4)
    try:
        text = binascii.a2b_base64(padded, strict_mode=True).decode("utf-16-be")
    except ValueError as error:  # binascii.Error and UnicodeDecodeError alike
        raise BadSyntax("a mailbox name in modified UTF-7") from error
    return text


def _shift(run: re.Match[str]) -> str:
    base64 = binascii.b2a_base64(run[0].encode("utf-16-be"), newline=False)
    return "&" + base64.rstrip(b"=").replace(b"/", b",").decode() + "-"
