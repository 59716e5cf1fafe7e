"""Ordinary mail as it is stored: marked as such, and without fields that only we may write.  Pure.

Whichever way it came: pulled from an account elsewhere, or sealed by the door of the own domain.
docs/spec/status.md, docs/spec/octets.md §2.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from gateway.arriving.status_block import RESERVED_FIELDS, Status, render
from mx_core.mime.header import value
from mx_core.model.address import Address
from mx_core.model.errors import BadAddress
from mx_core.model.message import HeaderField

Hear = Callable[[bytes], Awaitable[None]]  # is given each message as it came, once it is stored
SUBJECT_MARK: Final = b" [not encrypted]"
_SUBJECT: Final = b"subject"
_RETURN_PATH: Final = b"return-path"
_ADDRESS: Final = re.compile(rb"\s*<([^<>\s]{3,320})>\s*")
_STATUS: Final = b"mx-status"


async def hear_nothing(_octets: bytes) -> None:
    """Where nobody wants to know what came."""


def is_reserved(name: bytes) -> bool:
    """Tell whether only the status block may have a field of that lower-case *name*."""
    return name in RESERVED_FIELDS or name.startswith(_STATUS + b"-")


def is_forged(fields: Sequence[HeaderField]) -> bool:
    """Tell whether the message claims a status of its own."""
    return any(is_reserved(field.name) and field.name.startswith(_STATUS) for field in fields)


def return_path_of(octets: bytes, fields: Sequence[HeaderField]) -> Address | None:
    """Return the address in the first Return-Path of a top header, if it is one in ASCII."""
    path = next((value(octets, field) for field in fields if field.name == _RETURN_PATH), b"")
    found = _ADDRESS.fullmatch(path)
    if found is None:
        return None
    try:
        return Address.parse(found[1].decode("ascii"))
    except (BadAddress, UnicodeDecodeError):
        return None


def stored_octets(
    octets: bytes,
    fields: Sequence[HeaderField],
    status: Status,
    path: Address | None,
    *,
    lines: Sequence[bytes] = (),
    subjects: bool = False,
) -> bytes:
    """Return *octets* behind their status block, with *path* and *lines* as `render` takes them.

    *subjects*: every Subject of the top header begins with `SUBJECT_MARK`, so that no mail program
    can show one without it.
    """
    kept, at = [render(status, path, lines)], 0
    for field in fields:
        if is_reserved(field.name):
            kept.append(octets[at : field.start])
            at = field.end
        elif subjects and field.name == _SUBJECT:
            colon = octets.index(b":", field.start, field.end) + 1
            kept += [octets[at:colon], SUBJECT_MARK]
            at = colon
    kept.append(octets[at:])
    return b"".join(kept)
