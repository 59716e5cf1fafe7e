"""Which messages of a run hold a word, packed; pure.

A message is its distance from the first of the run.  A word that stands in one text of one
message, as most do, is the number ``message * 2 + text`` with the highest bit set; of any other
the entry is where in the block's octets its two lists stand, of headers and of bodies:

    LEB128 (octets of the list * 2 + 1 if it is a bitmap), the list; twice

A list is gaps in LEB128, or a bitmap, whichever is shorter.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from operator import sub
from typing import Final

HEADER, BODY = 0, 1
_ONE: Final = 1 << 31
_ENTRY_MASK: Final = _ONE - 1
_MORE: Final = 0x80
_BITS: Final = tuple(tuple(bit for bit in range(8) if octet >> bit & 1) for octet in range(256))


@dataclass(slots=True)
class Found:
    """Messages as they are collected: few as a set, many as the bits of a number."""

    few: set[int] = field(default_factory=set)
    many: int = 0

    def all(self) -> set[int]:
        """Return them as one set."""
        return self.few | set(
            _from_bitmap(self.many.to_bytes(self.many.bit_length() // 8 + 1, "little"))
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


def pack(headers: Sequence[int], bodies: Sequence[int], at: int) -> tuple[int, bytes]:
    """Return the entry of a word in these messages, ascending, and what stands at *at* for it."""
    if len(headers) + len(bodies) == 1:
        return _ONE | (headers[0] * 2 + HEADER if headers else bodies[0] * 2 + BODY), b""
    return at, _pack_list(headers) + _pack_list(bodies)


def unpack(entry: int, octets: bytes) -> tuple[Sequence[int], Sequence[int]]:
    """Return the messages that *pack* took."""
    if entry & _ONE:
        message, text = divmod(entry & _ENTRY_MASK, 2)
        return ((), (message,)) if text == BODY else ((message,), ())
    header, bitmap, entry = _list_at(octets, entry)
    body, body_bitmap, _ = _list_at(octets, entry)
    return _messages(header, bitmap), _messages(body, body_bitmap)


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
        header, bitmap, entry = _list_at(octets, entry)
        if headers is not None:
            _add(headers, header, bitmap)
        if bodies is not None:
            _add(bodies, *_list_at(octets, entry)[:2])


def _add(found: Found, octets: bytes, bitmap: bool) -> None:
    if bitmap:
        found.many |= int.from_bytes(octets, "little")
    else:
        found.few.update(_from_gaps(octets))


def _messages(octets: bytes, bitmap: bool) -> Sequence[int]:
    return _from_bitmap(octets) if bitmap else list(_from_gaps(octets))


def _pack_list(messages: Sequence[int]) -> bytes:
    if not messages:
        return b"\0"
    bits_octets = messages[-1] // 8 + 1
    octets = _gaps(messages)
    bitmap = len(octets) > bits_octets
    if bitmap:
        bits = bytearray(bits_octets)
        for message in messages:
            bits[message >> 3] |= 1 << (message & 7)
        octets = bytes(bits)
    head = bytearray()
    _put(head, len(octets) * 2 + bitmap)
    return bytes(head) + octets


def _gaps(messages: Sequence[int]) -> bytes:
    gaps = [messages[0], *map(sub, messages[1:], messages)]
    if max(gaps) < _MORE:
        return bytes(gaps)
    octets = bytearray()
    for gap in gaps:
        _put(octets, gap)
    return bytes(octets)


def _list_at(octets: bytes, at: int) -> tuple[bytes, bool, int]:
    """Return the list that stands at *at*, whether it is a bitmap, and where it ends."""
    number = shift = 0
    while True:
        octet = octets[at]
        at += 1
        number |= (octet & 0x7F) << shift
        if octet < _MORE:
            break
        shift += 7
    end = at + (number >> 1)
    return octets[at:end], bool(number & 1), end


def _from_gaps(octets: bytes) -> Iterable[int]:
    if octets.isascii():  # every gap is one octet
        return accumulate(octets)
    messages: list[int] = []
    message = number = shift = 0
    for octet in octets:
        number |= (octet & 0x7F) << shift
        if octet >= _MORE:
            shift += 7
            continue
        message += number
        messages.append(message)
        number = shift = 0
    return messages


def _from_bitmap(octets: bytes) -> list[int]:
    return [at * 8 + bit for at, octet in enumerate(octets) if octet for bit in _BITS[octet]]


def _put(out: bytearray, number: int) -> None:
    while number >= _MORE:
        out.append(number & 0x7F | _MORE)
        number >>= 7
    out.append(number)
