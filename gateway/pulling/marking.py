"""Mail of an account elsewhere as it is stored: marked, and what its filter said of it.  Pure.

docs/spec/status.md, docs/spec/octets.md §2.
"""

from __future__ import annotations

import re
from typing import Final

from msgspec import Struct

from gateway.arriving.ordinary_mail import is_forged, return_path_of, stored_octets
from gateway.arriving.status_block import FORGED_STATUS, Mail, Status, keywords
from mx_core.mime.header import split_fields, value
from mx_core.model.flags import FlagSet

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
    spam = any(f.name in _SPAM and _YES.match(value(octets, f)) for f in fields)
    status = Status(
        mail=Mail.ORDINARY,
        received=now,
        notes=(FORGED_STATUS,) if is_forged(fields) else (),
        more=(("via", via),),
    )
    stored = stored_octets(
        octets, fields, status, return_path_of(octets, fields), subjects=subjects
    )
    return Marked(stored, keywords(status), b"yes" if spam else b"")
