"""Values that stand for a message on its way in, at rest, and on its way out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, NewType

from mx_core.model.address import Address
from mx_core.model.header_keys import HeaderKeys
from mx_core.model.long_octets import LongOctets
from mx_core.model.notify import NotifyRequest
from mx_core.model.octets import Packed

PartMapOctets = NewType("PartMapOctets", bytes)  # ``mx_core.mime.part_map`` encodes and decodes it


@dataclass(frozen=True, slots=True)
class HeaderField:
    """Where one field of the top header stands: octets[start:end] with its CRLF."""

    name: bytes  # lower case
    start: int
    end: int


class Fact(Enum):
    """What never changes about a message, and is asked of thousands at once."""

    SIZE = "size"  # int, RFC822.SIZE
    INTERNAL_DATE = "internal date"  # int, unix seconds
    ENVELOPE = "envelope"  # bytes, as MessageForm has them
    BODYSTRUCTURE = "bodystructure"
    BODY = "body"
    LISTED = "listed"  # bytes, of HeaderHalves the first
    HEADER = "header"  # HeaderHalves


FactColumns = Sequence[Sequence[Any]]  # of one fact after the other, in the order they were asked
# RFC822.SIZE, INTERNALDATE as unix seconds, and all octets; None if they are too many at once.  Packed ones
# are as many as RFC822.SIZE says, or do not unpack.
Whole = tuple[int, int, bytes | Packed | None]
InHand = tuple[int, int, bytes | None]  # such, of which nothing is packed


# of the top header what lists of messages show and the rest, and where its fields are in them; see
# `mx_core.mime.listed`
HeaderHalves = tuple[bytes, bytes, bytes]


@dataclass(frozen=True, slots=True)
class MessageForm:
    """Everything IMAP needs of a message, computed once by ``mx_core.mime``.

    ENVELOPE, BODYSTRUCTURE and BODY are the finished parenthesised forms as they are sent.
    ``header_end`` is the offset just after the blank line of the top header.
    """

    size: int
    header_end: int
    fields: tuple[HeaderField, ...]
    envelope: bytes
    bodystructure: bytes
    body: bytes
    parts: PartMapOctets
    sent: int | None  # unix seconds of Date, for SENTSINCE and sorting
    message_id: bytes  # msg-id without brackets, or b""
    base_subject: str  # RFC 5256 §2.1, folded
    # only where the octets have just been read: at rest they stand in tables of their own
    keys: HeaderKeys | None = field(default=None, compare=False, repr=False)
    # the first field has the name of the gateway's status, and the gateway did not write it
    foreign_status: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class Submission:
    """What a mail program handed over: octets that are final, and who they are for."""

    sender: Address  # of MAIL FROM
    recipients: tuple[Address, ...]  # of RCPT TO, without doubles, in order
    octets: bytes  # CRLF lines; Bcc removed; Date and Message-ID present (RFC 6409 §8)
    hidden: frozenset[Address] = frozenset()  # recipients whose address no To or Cc field holds
    envid: str = ""  # what the sender calls this submission, RFC 3461 §4.4
    return_full: bool = False  # the whole message comes back with a failure, RFC 3461 §4.3
    wanted: Mapping[Address, NotifyRequest] = field(default_factory=dict)  # others: as usual
    not_before: int = 0  # unix seconds: it may leave from then on, RFC 4865
    # of the top header of *octets*, where whoever made this has just taken it apart
    fields: tuple[HeaderField, ...] | None = field(default=None, compare=False, repr=False)
    # a long message: all of it, of which *octets* are only the beginning, with the whole header
    long: LongOctets | None = field(default=None, compare=False, repr=False)

    @property
    def size(self) -> int:
        """Return how many octets it has."""
        return len(self.octets) if self.long is None else self.long.size
