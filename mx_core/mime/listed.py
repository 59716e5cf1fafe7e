"""A top header in two halves: the fields that lists of messages show, and everything else.

Programs that list a mailbox ask the same few fields of every message.  So these stand by themselves,
as they are sent, and are read without the rest, which is mostly traces and signatures.  No octet
stands twice: cuts by other names take from both halves.

Where fields are is a packed table: u8 width of its numbers (2 or 4 octets), u16 count, of each field
where it ends in its own half (little-endian), then the names joined by LF.  Programs name their fields
alike, so which to send is worked out once for each list of names.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Collection, Sequence
from struct import Struct
from typing import Final

from mx_core.model.message import HeaderField, HeaderHalves

# what Thunderbird asks of each message (comm/mailnews/imap, nsImapProtocol.cpp), in lower case
LISTED: Final = frozenset(
    {
        *(b"from", b"to", b"cc", b"bcc", b"subject", b"date", b"message-id", b"priority"),
        *(b"x-priority", b"references", b"newsgroups", b"in-reply-to", b"content-type"),
        *(b"reply-to", b"received"),
    }
)
_HEAD: Final = Struct("<BH")
_NARROW_MAX: Final = (1 << 16) - 1
_LISTS_MAX: Final = 256  # of names, that one cut remembers
_LIST_OCTETS_MAX: Final = 1024  # usual mail has 250; what is longer is worked out each time
_RUNS_MAX: Final = 32
# of neighbours in one half: which half, the number before the first (0: none), that of the last
Runs = tuple[tuple[bool, int, int], ...]
Known = tuple[Runs, int, dict[int, Struct]]  # the number of the last in the rest; readers by width


def halves(octets: bytes, fields: Sequence[HeaderField]) -> HeaderHalves:
    """Return the halves of *octets*, a top header with its empty line, and the table of its *fields*."""
    listed: list[bytes] = []
    rest: list[bytes] = []
    at = 0  # fields follow each other without a gap
    for field in fields:
        (listed if field.name in LISTED else rest).append(octets[at : field.end])
        at = field.end
    rest.append(octets[at:])
    if listed and not listed[-1].endswith(b"\n"):
        listed.append(b"\r\n")
    listed.append(b"\r\n")
    return b"".join(listed), b"".join(rest), table(fields)


def table(fields: Sequence[HeaderField]) -> bytes:
    """Return where *fields* end in their halves."""
    ends, at = [], 0
    reached = [0, 0]
    for field in fields:
        half = field.name not in LISTED
        reached[half] += field.end - at
        at = field.end
        ends.append(reached[half])
    numbers = array("H" if max(reached) <= _NARROW_MAX else "I", ends)
    head = _HEAD.pack(numbers.itemsize, len(numbers))
    if sys.byteorder == "big":
        numbers.byteswap()
    return b"".join((head, numbers.tobytes(), b"\n".join(field.name for field in fields)))


def fields_of(packed: bytes) -> tuple[HeaderField, ...]:
    """Return the fields of a packed table, and where they are in the whole header."""
    width, count = _HEAD.unpack_from(packed)
    if not count:
        return ()
    numbers = _numbers(width, count).unpack_from(packed, _HEAD.size)
    names = packed[_HEAD.size + width * count :].split(b"\n")
    fields, at = [], 0
    reached = [0, 0]
    for name, end in zip(names, numbers, strict=True):
        half = name not in LISTED
        start, at = at, at + end - reached[half]
        reached[half] = end
        fields.append(HeaderField(name, start, at))
    return tuple(fields)


def header_of(listed: bytes, rest: bytes, packed: bytes) -> bytes:
    """Return the header that these are the halves of."""
    pieces, at = [], [0, 0]
    both = listed, rest
    for field in fields_of(packed):
        half = field.name not in LISTED
        end = at[half] + field.end - field.start
        pieces.append(both[half][at[half] : end])
        at[half] = end
    return b"".join([*pieces, rest[at[1] :]])


class Cut:
    """What HEADER.FIELDS of some *names* sends, or .NOT with *exclude*, of one header after another.

    As ``header.fields_subset``, which says what is sent, and for many headers.
    """

    def __init__(self, names: Collection[bytes], exclude: bool) -> None:
        self._names = frozenset(name.lower() for name in names)
        self._exclude = exclude
        self._known: dict[bytes, Known] = {}

    def __call__(self, listed: bytes, rest: bytes, packed: bytes) -> bytes:
        """Return the fields of a header in their order."""
        width, count = _HEAD.unpack_from(packed)
        names = packed[_HEAD.size + width * count :]
        known = self._known.get(names)
        if known is None or not count:
            known = self._choose(names, count)
        runs, last_of_rest, numbers_of = known
        numbers = (0, *numbers_of[width].unpack_from(packed, _HEAD.size))
        both = listed, rest
        chosen = [both[half][numbers[start] : numbers[end]] for half, start, end in runs]
        if not self._exclude or not count or numbers[last_of_rest] < len(rest):
            if chosen and not chosen[-1].endswith(b"\n"):
                chosen.append(b"\r\n")
            chosen.append(b"\r\n")
        return b"".join(chosen)

    def _choose(self, names: bytes, count: int) -> Known:
        readers = {width: _numbers(width, count) for width in (2, 4)}
        runs: list[tuple[bool, int, int]] = []
        last = [0, 0]
        for at, name in enumerate(names.split(b"\n") if count else (), 1):
            half = name not in LISTED
            before, last[half] = last[half], at
            if (name in self._names) == self._exclude:
                continue
            if runs and runs[-1][0] == half and runs[-1][2] == before:
                runs[-1] = (half, runs[-1][1], at)
            else:
                runs.append((half, before, at))
        known = tuple(runs), last[1], readers
        if count and len(names) <= _LIST_OCTETS_MAX and len(runs) <= _RUNS_MAX:
            if len(self._known) >= _LISTS_MAX:
                self._known.clear()
            self._known[names] = known
        return known


def _numbers(width: int, count: int) -> Struct:
    return Struct(f"<{count}{'H' if width == 2 else 'I'}")  # noqa: PLR2004  # octets
