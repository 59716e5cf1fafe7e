"""Ordinary mail as it is stored: marked as such, and without fields that only we may write.  Pure.

docs/spec/status.md, docs/spec/octets.md §2.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from gateway.arriving.status_block import (
    FORGED_STATUS,
    RESERVED_FIELDS,
    Mail,
    Status,
    keywords,
    render,
)
from mx_core.mime.header import split_fields, value
from mx_core.model.address import Address
from mx_core.model.errors import BadAddress
from mx_core.model.flags import FlagSet

SUBJECT_MARK: Final = b" [not encrypted]"
_SUBJECT: Final = b"subject"
_STATUS: Final = b"mx-status"
_RETURN_PATH: Final = b"return-path"
_ADDRESS: Final = re.compile(rb"\s*<([^<>\s]{3,320})>\s*")
_SPAM: Final = frozenset({b"x-spam-flag", b"x-spam-status"})
_YES: Final = re.compile(rb"\s*yes\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Marked:
    """One message as it is stored."""

    octets: bytes
    keywords: FlagSet
    spam: bytes  # b"yes": a filter on its way said so


def marked(octets: bytes, via: str, now: int, *, subjects: bool = False) -> Marked:
    """Return *octets* behind their status block; *via* is the account, *now* unix seconds.

    *subjects*: every Subject of the top header begins with `SUBJECT_MARK`, so that no mail program
    can show one without it.
    """
    fields = split_fields(octets, 0, len(octets))
    reserved = [field for field in fields if _is_reserved(field.name)]
    forged = any(field.name.startswith(_STATUS) for field in reserved)
    path = next((value(octets, f) for f in reserved if f.name == _RETURN_PATH), b"")
    spam = any(f.name in _SPAM and _YES.match(value(octets, f)) for f in fields)
    status = Status(
        mail=Mail.ORDINARY,
        received=now,
        notes=(FORGED_STATUS,) if forged else (),
        more=(("via", via),),
    )
    kept, at = [render(status, _address(path))], 0
    for field in fields:
        if _is_reserved(field.name):
            kept.append(octets[at : field.start])
            at = field.end
        elif subjects and field.name == _SUBJECT:
            colon = octets.index(b":", field.start, field.end) + 1
            kept += [octets[at:colon], SUBJECT_MARK]
            at = colon
    kept.append(octets[at:])
    return Marked(b"".join(kept), keywords(status), b"yes" if spam else b"")


def _is_reserved(name: bytes) -> bool:
    return name in RESERVED_FIELDS or name.startswith(_STATUS + b"-")


def _address(path: bytes) -> Address | None:
    found = _ADDRESS.fullmatch(path)
    if found is None:
        return None
    try:
        return Address.parse(found[1].decode("ascii"))
    except (BadAddress, UnicodeDecodeError):
        return None
