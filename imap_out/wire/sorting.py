"""How SORT orders and THREAD joins, as values.  RFC 5256 §3, RFC 5957 §3."""

from __future__ import annotations

from enum import Enum

from msgspec import Struct


class SortBy(Enum):
    """What messages are put in order by."""

    ARRIVAL = b"ARRIVAL"
    CC = b"CC"
    DATE = b"DATE"
    FROM = b"FROM"
    SIZE = b"SIZE"
    SUBJECT = b"SUBJECT"
    TO = b"TO"
    DISPLAYFROM = b"DISPLAYFROM"
    DISPLAYTO = b"DISPLAYTO"


class Criterion(Struct, frozen=True):
    """One key of a sort; *reverse*: greatest first."""

    by: SortBy
    reverse: bool = False


class Threading(Enum):
    """How messages are joined."""

    ORDEREDSUBJECT = b"ORDEREDSUBJECT"
    REFERENCES = b"REFERENCES"
