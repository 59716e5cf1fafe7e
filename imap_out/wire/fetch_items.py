"""What FETCH can ask of one message, as values.  RFC 9051 §6.4.5, RFC 3501 §6.4.5 (RFC822…)."""

from __future__ import annotations

from enum import Enum

from msgspec import Struct


class Attribute(Enum):
    """The data items without arguments."""

    __hash__ = object.__hash__  # each is one object: Enum's asks Python for the hash of the name

    FLAGS = b"FLAGS"
    UID = b"UID"
    INTERNALDATE = b"INTERNALDATE"
    SIZE = b"RFC822.SIZE"
    ENVELOPE = b"ENVELOPE"
    BODY = b"BODY"
    BODYSTRUCTURE = b"BODYSTRUCTURE"
    MODSEQ = b"MODSEQ"  # RFC 7162 §3.1.4.2


class Column(Enum):
    """Further items without arguments, each an entry of `session.fetch_columns`."""

    __hash__ = object.__hash__  # each is one object: Enum's asks Python for the hash of the name

    EMAILID = b"EMAILID"  # RFC 8474 §5.1
    THREADID = b"THREADID"  # RFC 8474 §5.2
    SAVEDATE = b"SAVEDATE"  # RFC 8514 §4.2
    PREVIEW = b"PREVIEW"  # RFC 8970 §3.1; (LAZY) asks for the same, since none is kept


class SectionText(Enum):
    """Which octets of a part a section means."""

    __hash__ = object.__hash__  # each is one object: Enum's asks Python for the hash of the name

    WHOLE = b""  # of the message, or the body of the part
    HEADER = b"HEADER"
    FIELDS = b"HEADER.FIELDS"
    FIELDS_NOT = b"HEADER.FIELDS.NOT"
    TEXT = b"TEXT"
    MIME = b"MIME"


class Section(Struct, frozen=True):
    """What stands between the brackets; *fields* are upper case, in the order asked."""

    part: tuple[int, ...] = ()
    text: SectionText = SectionText.WHOLE
    fields: tuple[bytes, ...] = ()


class Spelling(Enum):
    """Under which name the section is answered: the old names of RFC 3501 are still asked."""

    __hash__ = object.__hash__  # each is one object: Enum's asks Python for the hash of the name

    BODY = b"BODY"
    RFC822 = b"RFC822"
    RFC822_HEADER = b"RFC822.HEADER"
    RFC822_TEXT = b"RFC822.TEXT"


class BodySection(Struct, frozen=True):
    r"""Octets of a message; without *peek* the answer sets \\Seen."""

    section: Section = Section()
    peek: bool = False
    partial: tuple[int, int] | None = None  # first octet, count (at least 1)
    spelling: Spelling = Spelling.BODY


class BinarySection(Struct, frozen=True):
    r"""A part with its transfer encoding undone.  RFC 3516 §4.2; sets \\Seen as BODY does."""

    part: tuple[int, ...] = ()
    peek: bool = False
    partial: tuple[int, int] | None = None


class BinarySize(Struct, frozen=True):
    """How many octets BINARY of the part has."""

    part: tuple[int, ...] = ()


FetchItem = Attribute | Column | BodySection | BinarySection | BinarySize

RFC822 = BodySection(Section(), spelling=Spelling.RFC822)
RFC822_HEADER = BodySection(
    Section(text=SectionText.HEADER), peek=True, spelling=Spelling.RFC822_HEADER
)
RFC822_TEXT = BodySection(Section(text=SectionText.TEXT), spelling=Spelling.RFC822_TEXT)

FAST = (Attribute.FLAGS, Attribute.INTERNALDATE, Attribute.SIZE)
ALL = (*FAST, Attribute.ENVELOPE)
FULL = (*ALL, Attribute.BODY)
