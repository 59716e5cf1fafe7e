"""Search keys as values.  RFC 3501 §6.4.4.  Strings stay octets: their charset comes apart."""

from __future__ import annotations

from datetime import date
from enum import Enum

from msgspec import Struct

from imap_out.wire.sequence_set import SequenceSet
from mx_core.model.flags import Flag


class When(Enum):
    """How a day compares."""

    BEFORE = b"BEFORE"
    ON = b"ON"
    SINCE = b"SINCE"

    def holds(self, found: date, day: date) -> bool:
        """Tell whether *found* is before, on, or on and after *day*."""
        match self:
            case When.BEFORE:
                return found < day
            case When.ON:
                return found == day
            case When.SINCE:
                return found >= day


class Every(Struct, frozen=True):
    """True of all keys; of every message if there are none (ALL)."""

    keys: tuple[SearchKey, ...] = ()


class Either(Struct, frozen=True):
    """OR."""

    one: SearchKey
    other: SearchKey


class Negated(Struct, frozen=True):
    """NOT."""

    key: SearchKey


class HasFlag(Struct, frozen=True):
    r"""A flag or keyword, \\Recent included."""

    flag: Flag


class InHeader(Struct, frozen=True):
    """A field holds *value*; an empty value asks only for the field.  *name* in lower case."""

    name: bytes
    value: bytes


class InBody(Struct, frozen=True):
    """The decoded text of the body holds *value*."""

    value: bytes


class InText(Struct, frozen=True):
    """Header or decoded text holds *value*."""

    value: bytes


class Arrived(Struct, frozen=True):
    """Compares INTERNALDATE."""

    when: When
    day: date


class Sent(Struct, frozen=True):
    """Compares the Date field."""

    when: When
    day: date


class Saved(Struct, frozen=True):
    """Compares SAVEDATE.  RFC 8514 §4.3 (SAVEDATESUPPORTED is ALL: every mailbox has it)."""

    when: When
    day: date


class OfEmail(Struct, frozen=True):
    """One EMAILID.  RFC 8474 §6."""

    id: bytes


class OfThread(Struct, frozen=True):
    """One THREADID.  RFC 8474 §6."""

    id: bytes


class Aged(Struct, frozen=True):
    """INTERNALDATE lies at least (*older*), or at most, *seconds* back.  RFC 5032 §2."""

    older: bool
    seconds: int


class Larger(Struct, frozen=True):
    """RFC822.SIZE above *octets*."""

    octets: int


class Smaller(Struct, frozen=True):
    """RFC822.SIZE below *octets*."""

    octets: int


class Numbers(Struct, frozen=True):
    """Sequence numbers."""

    which: SequenceSet


class Changed(Struct, frozen=True):
    """A modification sequence of at least *modseq*.  RFC 7162 §3.1.5."""

    modseq: int


class Uids(Struct, frozen=True):
    """UIDs."""

    which: SequenceSet


SearchKey = (
    Every | Either | Negated | HasFlag | InHeader | InBody | InText
    | Arrived | Sent | Aged | Larger | Smaller | Numbers | Uids | Changed | Saved | OfEmail | OfThread
)  # fmt: skip
