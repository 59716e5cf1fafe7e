"""A message that may hold NUL, made into one that does not.  RFC 3516 §4.4, RFC 2045 §6.

A client may send parts in the transfer encoding *binary*; a reader that never heard of literal8
could not be given them.  So those parts with a NUL become base64; all other octets stay.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator
from typing import Final

from mx_core.mime import part_map
from mx_core.mime.header import split_fields
from mx_core.mime.part_map import Kind, Part
from mx_core.mime.prepare import prepare

_NAME: Final = b"content-transfer-encoding"
_WORD: Final = re.compile(rb"binary", re.IGNORECASE)
_LINE_OCTETS: Final = 57  # 76 characters, RFC 2045 §6.8
_NUL: Final = b"\0"


def without_nul(octets: bytes) -> bytes | None:
    """Return the message with its binary parts in base64; None if another NUL stands in it."""
    if _NUL not in octets:
        return octets
    pieces: list[bytes] = []
    at = 0
    for part in _binary_parts(octets, part_map.decode(prepare(octets).parts)):
        field = _field(octets, part)
        if field is None:
            return None
        start, end = field
        pieces += (octets[at:start], b"base64", octets[end : part.body_start])
        pieces.append(_lines(octets[part.body_start : part.end]))
        at = part.end
    pieces.append(octets[at:])
    made = b"".join(pieces)
    return None if _NUL in made else made


def _binary_parts(octets: bytes, root: Part) -> Iterator[Part]:
    for part in root.walk():
        binary = part.kind is Kind.LEAF and part.encoding == "binary"
        if binary and octets.find(_NUL, part.body_start, part.end) >= 0:
            yield part


def _field(octets: bytes, part: Part) -> tuple[int, int] | None:
    """Return where the word stands in the part's own header."""
    for field in split_fields(octets, part.header_start, part.body_start):
        if field.name == _NAME:
            found = _WORD.search(octets, field.start + len(_NAME), field.end)
            return None if found is None else found.span()
    return None


def _lines(octets: bytes) -> bytes:
    return b"".join(
        binascii.b2a_base64(octets[at : at + _LINE_OCTETS], newline=False) + b"\r\n"
        for at in range(0, len(octets), _LINE_OCTETS)
    )
