"""Where the parts of a message stand, packed into few octets and found by section number.

``encode`` and ``decode`` are a pair; the packed form is ours alone, derived, and made anew from
the octets whenever its first octet is not the version written here.

    version, then each part in reading order:
    kind octet · header_start · header length · body length · children   (LEB128 numbers)
    type/subtype · encoding · charset                                    (length octet, octets)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import IntEnum
from typing import Final

from msgspec import Struct

from mx_core.mime.structure import Node
from mx_core.model.errors import StoreDamaged
from mx_core.model.message import PartMapOctets

VERSION: Final = 1
_WORD_OCTETS_MAX: Final = 127


class Kind(IntEnum):
    """What stands in a part's body."""

    LEAF = 0
    MULTIPART = 1
    MESSAGE = 2


class Part(Struct, frozen=True):
    """One part: its header is octets[header_start:body_start], its body octets[body_start:end]."""

    kind: Kind
    header_start: int
    body_start: int
    end: int
    media_type: str  # lower case, "text/plain" when none is given, "" when it cannot be read
    encoding: str  # lower case, "7bit" when none is given
    charset: str  # lower case, "" when none is given
    children: tuple[Part, ...] = ()

    @property
    def message(self) -> Part | None:
        """The message inside a message/rfc822 part."""
        return self.children[0] if self.kind is Kind.MESSAGE else None

    def walk(self) -> Iterator[Part]:
        """Yield this part and all inside it, in reading order."""
        yield self
        for child in self.children:
            yield from child.walk()


def from_scan(root: Node, words: dict[int, tuple[str, str, str]]) -> Part:
    """Return the map of a finished scan; *words* holds type, encoding, charset by ``id``."""
    media_type, encoding, charset = words[id(root)]
    kind = Kind.MULTIPART if root.multipart else Kind.MESSAGE if root.message else Kind.LEAF
    return Part(
        kind,
        root.header_start,
        root.body_start,
        root.end,
        media_type,
        encoding,
        charset,
        tuple(from_scan(child, words) for child in root.children),
    )


def find(root: Part, path: Sequence[int]) -> Part | None:
    """Return the part that *path* numbers, or None.  RFC 9051 §6.4.5.1.

    Each message counts anew: inside a message/rfc822 part, 1 is the body of the message there
    (of one that is no multipart) or its first part.
    """
    part = root
    for place, number in enumerate(path):
        if part.kind is Kind.MULTIPART:
            if not 1 <= number <= len(part.children):
                return None
            part = part.children[number - 1]
        elif number != 1 or (place + 1 < len(path) and part.message is None):
            return None
        if place + 1 < len(path) and part.message is not None:
            part = part.message
    return part


def encode(root: Part) -> PartMapOctets:
    """Pack *root*."""
    out = bytearray([VERSION])
    for part in root.walk():
        out.append(part.kind)
        for number in (
            part.header_start,
            part.body_start - part.header_start,
            part.end - part.body_start,
            len(part.children),
        ):
            _put_number(out, number)
        for word in (part.media_type, part.encoding, part.charset):
            octets = word.encode("ascii", "replace")[:_WORD_OCTETS_MAX]
            out.append(len(octets))
            out += octets
    return PartMapOctets(bytes(out))


def decode(packed: PartMapOctets) -> Part:
    """Unpack.

    Raises:
        StoreDamaged: Not of this version or not whole; prepare the message again.
    """
    try:
        reader = _Reader(packed)
        root = reader.part()
    except (IndexError, ValueError, RecursionError) as error:
        raise StoreDamaged("a part map is not whole") from error
    if reader.at != len(packed):
        raise StoreDamaged("octets follow a part map")
    return root


def _put_number(out: bytearray, number: int) -> None:
    while number > 0x7F:  # noqa: PLR2004  # LEB128
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)


class _Reader:
    def __init__(self, packed: bytes) -> None:
        self._packed = packed
        self.at = 1
        if packed[0] != VERSION:
            raise ValueError("version")

    def part(self) -> Part:
        kind = Kind(self._packed[self.at])
        self.at += 1
        header_start, header_octets, body_octets, children = (self._number() for _ in range(4))
        media_type, encoding, charset = (self._word() for _ in range(3))
        body_start = header_start + header_octets
        return Part(
            kind,
            header_start,
            body_start,
            body_start + body_octets,
            media_type,
            encoding,
            charset,
            tuple([self.part() for _ in range(children)]),
        )

    def _number(self) -> int:
        number = shift = 0
        while True:
            octet = self._packed[self.at]
            self.at += 1
            number |= (octet & 0x7F) << shift
            if octet < 0x80:  # noqa: PLR2004  # LEB128
                return number
            shift += 7

    def _word(self) -> str:
        octets = self._packed[self.at + 1 : self.at + 1 + self._packed[self.at]]
        self.at += 1 + self._packed[self.at]
        return octets.decode("ascii")
