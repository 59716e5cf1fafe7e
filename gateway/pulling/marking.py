"""Mail of an account elsewhere as it is stored: marked, and what its filter said of it.  Pure.

docs/spec/status.md, docs/spec/octets.md §2.
"""

from __future__ import annotations

import re
from typing import Final

from msgspec import Struct

from gateway.arriving.ordinary_mail import is_forged, stored_octets
from gateway.arriving.status_block import FORGED_STATUS, Mail, Status, keywords
from mx_core.mime.header import split_fields, value
from mx_core.model.address import Address
from mx_core.model.errors import BadAddress
from mx_core.model.flags import FlagSet

_RETURN_PATH: Final = b"return-path"
_ADDRESS: Final = re.compile(rb"\s*<([^<>\s]{3,320})>\s*")
_SPAM: Final = frozenset({b"x-spam-flag", b"x-spam-status"})
_YES: Final = re.compile(rb"\s*yes\b", re.IGNORECASE)


class Marked(Struct, frozen=True):
    """One message as it is stored."""

    octets: bytes
    keywords: FlagSet
    spam: bytes  # b"yes": a filter on its way said so


def marked(octets: bytes, via: str, now: int, *, subjects: bool = False) -> Marked:
    """Return *octets* behind their status block; *via* is the account, *now* unix seconds.

    *subjects*: as ``stored_octets`` takes it.
    """
    fields = split_fields(octets, 0, len(octets))
    path = next((value(octets, f) for f in fields if f.name == _RETURN_PATH), b"")
    spam = any(f.name in _SPAM and _YES.match(value(octets, f)) for f in fields)
    status = Status(
        mail=Mail.ORDINARY,
        received=now,
        notes=(FORGED_STATUS,) if is_forged(fields) else (),
        more=(("via", via),),
    )
    stored = stored_octets(octets, fields, status, _address(path), subjects=subjects)
    return Marked(stored, keywords(status), b"yes" if spam else b"")


def _address(path: bytes) -> Address | None:
    found = _ADDRESS.fullmatch(path)
    if found is None:
        return None
    try:
        return Address.parse(found[1].decode("ascii"))
    except (BadAddress, UnicodeDecodeError):
        return None
