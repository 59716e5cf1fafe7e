"""Which messages of a run hold a word, packed; pure.

A message is its distance from the first of the run.  A word that stands in one text of one
message, as most do, is the number ``message * 2 + text`` with the highest bit set; of any other
the entry is where in the block's octets its two lists stand, of headers and of bodies:

    LEB128 (octets of the list * 2 + 1 if it is a bitmap), the list; twice
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from typing import Final

from msgspec import Struct, field

from mx_core.store.text_index import message_list
from mx_core.store.text_index.message_list import (
    Packed,
    Part,
    from_bitmap,
    from_gaps,
    leb128,
    put,
)

HEADER, BODY = 0, 1
_ONE: Final = 1 << 31
_ENTRY_MASK: Final = _ONE - 1

Where = int | bytes  # the number of a word of one text, without its bit; or its two lists
Messages = Sequence[int]


class Found(Struct):
    """Messages as they are collected: few as a set, many as the bits of a number."""

    few: set[int] = field(default_factory=set)
    many: int = 0

    def all(self) -> set[int]:
        """Return them as one set."""
        return self.few | set(
            from_bitmap(self.many.to_bytes(self.many.bit_length() // 8 + 1, "little"))
        )

    def holds_all_of(self, count: int) -> bool:
        """Tell whether there are *count* of them, the most there can be."""
        if self.many.bit_count() + len(self.few) < count:
            return False
        bits = bytearray(max(self.few, default=0) // 8 + 1)
        for message in self.few:
            bits[message >> 3] |= 1 << (message & 7)
        self.many |= int.from_bytes(bits, "little")
        self.few.clear()
        return self.many.bit_count() >= count


def pack(headers: array[int], bodies: array[int]) -> Where:
    """Return where a word stands that is in these messages, ascending; in one at least."""
    if len(headers) + len(bodies) == 1:
        return headers[0] * 2 + HEADER if headers else bodies[0] * 2 + BODY
    return _stored(message_list.pack(headers)) + _stored(message_list.pack(bodies))


def unpack(where: Where) -> tuple[Messages, Messages]:
    """Return the messages that ``pack`` took."""
    if isinstance(where, int):
        message, text = divmod(where, 2)
        return ((), (message,)) if text == BODY else ((message,), ())
    header, body, _ = _lists_at(where, 0)
    return message_list.unpack(*header), message_list.unpack(*body)


def join(parts: Sequence[tuple[int, Where]]) -> Where:
    """Return where a word stands in all of *parts*, which follow each other.

    A part is how much later its messages count from, and where the word stands in it.
    """
    by, where = parts[0]
    if len(parts) == 1 and isinstance(where, int):
        return where + 2 * by
    headers: list[Part] = []
    bodies: list[Part] = []
    for by, where in parts:
        if isinstance(where, int):
            alone = bytearray()
            put(alone, where >> 1)
            (bodies if where & 1 == BODY else headers).append((by, bytes(alone), False))
            continue
        header, body, _ = _lists_at(where, 0)
        if header[0]:
            headers.append((by, *header))
        if body[0]:
            bodies.append((by, *body))
    return _joined(headers) + _joined(bodies)


def entry(where: Where, at: int) -> int:
    """Return the entry of a word whose lists, if it has any, stand at *at*."""
    return _ONE | where if isinstance(where, int) else at


def where(entry: int, octets: bytes) -> Where:
    """Return what *entry* was made of."""
    if entry & _ONE:
        return entry & _ENTRY_MASK
    return octets[entry : _lists_at(octets, entry)[2]]


def collect(
    entries: Sequence[int],
    octets: bytes,
    words: Iterable[int],
    headers: Found | None,
    bodies: Found | None,
) -> None:
    """Add the messages of the words with the numbers *words* to *headers* and *bodies*."""
    in_headers = set() if headers is None else headers.few
    in_bodies = set() if bodies is None else bodies.few
    for word in words:
        entry = entries[word]
        if entry & _ONE:
            if entry & BODY:
                in_bodies.add((entry & _ENTRY_MASK) >> 1)
            else:
                in_headers.add((entry & _ENTRY_MASK) >> 1)
            continue
        header, entry = _list_at(octets, entry)
        if headers is not None:
            _add(headers, *header)
        if bodies is not None:
            _add(bodies, *_list_at(octets, entry)[0])


def _add(found: Found, octets: bytes, bitmap: bool) -> None:
    if bitmap:
        found.many |= int.from_bytes(octets, "little")
    else:
        found.few.update(from_gaps(octets))


def _joined(parts: Sequence[Part]) -> bytes:
    return _stored(message_list.join(parts)) if parts else b"\0"


def _stored(packed: Packed) -> bytes:
    octets, bitmap = packed
    head = bytearray()
    put(head, len(octets) * 2 + bitmap)
    return bytes(head) + octets


def _lists_at(octets: bytes, at: int) -> tuple[Packed, Packed, int]:
    header, at = _list_at(octets, at)
    body, at = _list_at(octets, at)
    return header, body, at


def _list_at(octets: bytes, at: int) -> tuple[Packed, int]:
    """Return the list that stands at *at*, and where it ends."""
    number, at = leb128(octets, at)
    end = at + (number >> 1)
    return (octets[at:end], bool(number & 1)), end
