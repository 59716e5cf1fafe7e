"""Search keys as values.  RFC 3501 §6.4.4.  Strings stay octets: their charset comes apart."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import Enum

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


@dataclass(frozen=True, slots=True)
class Every:
    """True of all keys; of every message if there are none (ALL)."""

    keys: tuple[SearchKey, ...] = ()


@dataclass(frozen=True, slots=True)
class Either:
    """OR."""

    one: SearchKey
    other: SearchKey


@dataclass(frozen=True, slots=True)
class Negated:
    """NOT."""

    key: SearchKey


@dataclass(frozen=True, slots=True)
class HasFlag:
    r"""A flag or keyword, \\Recent included."""

    flag: Flag


@dataclass(frozen=True, slots=True)
class InHeader:
    """A field holds *value*; an empty value asks only for the field.  *name* in lower case."""

    name: bytes
    value: bytes


@dataclass(frozen=True, slots=True)
class InBody:
    """The decoded text of the body holds *value*."""

    value: bytes


@dataclass(frozen=True, slots=True)
class InText:
    """Header or decoded text holds *value*."""

    value: bytes


@dataclass(frozen=True, slots=True)
class Arrived:
    """Compares INTERNALDATE."""

    when: When
    day: date


@dataclass(frozen=True, slots=True)
class Sent:
    """Compares the Date field."""

    when: When
    day: date


@dataclass(frozen=True, slots=True)
class Saved:
    """Compares SAVEDATE.  RFC 8514 §4.3 (SAVEDATESUPPORTED is ALL: every mailbox has it)."""

    when: When
    day: date


@dataclass(frozen=True, slots=True)
class OfEmail:
    """One EMAILID.  RFC 8474 §6."""

    id: bytes


@dataclass(frozen=True, slots=True)
class OfThread:
    """One THREADID.  RFC 8474 §6."""

    id: bytes


@dataclass(frozen=True, slots=True)
class Aged:
    """INTERNALDATE lies at least (*older*), or at most, *seconds* back.  RFC 5032 §2."""

    older: bool
    seconds: int


@dataclass(frozen=True, slots=True)
class Larger:
    """RFC822.SIZE above *octets*."""

    octets: int


@dataclass(frozen=True, slots=True)
class Smaller:
    """RFC822.SIZE below *octets*."""

    octets: int


@dataclass(frozen=True, slots=True)
class Numbers:
    """Sequence numbers."""

    which: SequenceSet


@dataclass(frozen=True, slots=True)
class Changed:
    """A modification sequence of at least *modseq*.  RFC 7162 §3.1.5."""

    modseq: int


@dataclass(frozen=True, slots=True)
class Uids:
    """UIDs."""

    which: SequenceSet


SearchKey = (
    Every | Either | Negated | HasFlag | InHeader | InBody | InText
    | Arrived | Sent | Aged | Larger | Smaller | Numbers | Uids | Changed | Saved | OfEmail | OfThread
)  # fmt: skip
