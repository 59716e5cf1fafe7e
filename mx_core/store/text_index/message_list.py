"""One list of messages, ascending, packed: gaps in LEB128, or a bitmap, whichever is shorter; pure.

What is done for every message of every word is done by a few calls into the interpreter for each
list: numbers of a thousand digits take the place of loops.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterable, Sequence
from itertools import accumulate
from operator import sub
from typing import Final

NUMBERS: Final = "I"  # the type of an ``array`` of messages
Packed = tuple[bytes, bool]  # octets, and whether they are a bitmap
Part = tuple[int, bytes, bool]  # a list whose messages count from so much later
MORE: Final = 0x80
_LANE_OCTETS: Final = 4
_LANES: Final = 4_096
_LANE_BITS: Final = 8 * _LANE_OCTETS
_WIDE: Final = int.from_bytes(b"\x80\xff\xff\xff" * _LANES, "little")
_BITS: Final = tuple(tuple(bit for bit in range(8) if octet >> bit & 1) for octet in range(256))
_UNARY: Final = tuple(b"0" * (gap - 1) + b"1" for gap in range(1, MORE))


def pack(messages: array[int]) -> Packed:
    """Return *messages* packed."""
    return _shorter(_gaps(messages), messages[-1]) if messages else (b"", False)


def unpack(octets: bytes, bitmap: bool) -> Sequence[int]:
    """Return what ``pack`` took."""
    return from_bitmap(octets) if bitmap else list(from_gaps(octets))


def join(parts: Sequence[Part]) -> Packed:
    """Return one list of all *parts*, whose messages follow each other; none of them is empty."""
    if any(bitmap for _, _, bitmap in parts):
        bits = 0
        for by, octets, bitmap in parts:
            bits |= (int.from_bytes(octets, "little") if bitmap else _bits(octets)) << by
        size = bits.bit_length() + 7 >> 3
        if bits.bit_count() > size:  # a gap has at least an octet
            return bits.to_bytes(size, "little"), True
        return pack(array(NUMBERS, from_bitmap(bits.to_bytes(size, "little"))))
    gaps = bytearray()
    last = 0
    for by, octets, _ in parts:
        first, rest = leb128(octets, 0)
        put(gaps, by + first - last)
        gaps += octets[rest:]
        last = by + _last(octets)
    return _shorter(bytes(gaps), last)


def from_gaps(octets: bytes) -> Iterable[int]:
    """Return the messages of a list of gaps."""
    if octets.isascii():  # every gap is one octet
        return accumulate(octets)
    return accumulate(_numbers(octets))


def from_bitmap(octets: bytes) -> list[int]:
    """Return the messages of a bitmap."""
    return [at * 8 + bit for at, octet in enumerate(octets) if octet for bit in _BITS[octet]]


def leb128(octets: bytes, at: int) -> tuple[int, int]:
    """Return the number that stands at *at*, and where it ends."""
    number = shift = 0
    while (octet := octets[at]) >= MORE:
        number |= (octet & 0x7F) << shift
        shift += 7
        at += 1
    return number | octet << shift, at + 1


def put(out: bytearray, number: int) -> None:
    """Add *number* in LEB128."""
    while number >= MORE:
        out.append(number & 0x7F | MORE)
        number >>= 7
    out.append(number)


def _shorter(gaps: bytes, last: int) -> Packed:
    size = last // 8 + 1
    return (gaps, False) if len(gaps) <= size else (_bits(gaps).to_bytes(size, "little"), True)


def _gaps(messages: array[int]) -> bytes:
    if len(messages) <= _LANES:
        # each message in a lane of one number: of the next lane never more is taken than it holds
        octets = _little(messages)
        before = int.from_bytes(octets[:-_LANE_OCTETS], "little") << _LANE_BITS
        gaps = int.from_bytes(octets, "little") - before
        if not gaps & _WIDE:
            return gaps.to_bytes(len(octets), "little")[::_LANE_OCTETS]
    apart = [messages[0], *map(sub, messages[1:], messages)]
    try:
        return b"".join(map(_SPELT.__getitem__, apart))
    except IndexError:
        return b"".join(map(_spelt, apart))


def _spelt(number: int) -> bytes:
    out = bytearray()
    put(out, number)
    return bytes(out)


_SPELT: Final = tuple(map(_spelt, range(2_048)))  # as far as the messages of one batch lie apart


def _little(messages: array[int]) -> bytes:
    if sys.byteorder == "big":
        messages = messages[:]
        messages.byteswap()
    return messages.tobytes()


def _bits(gaps: bytes) -> int:
    """Return a number with a bit for each message of the list *gaps*, at least one."""
    if not gaps.isascii():
        return sum(1 << message for message in from_gaps(gaps))
    # written in the base of two, last message first; before the first one there are as many as it says
    digits = b"0" * gaps[0] + b"1" + b"".join([_UNARY[gap - 1] for gap in gaps[1:]])
    return int(digits[::-1], 2)


def _last(gaps: bytes) -> int:
    return sum(gaps) if gaps.isascii() else sum(_numbers(gaps))


def _numbers(octets: bytes) -> Iterable[int]:
    number = shift = 0
    for octet in octets:
        number |= (octet & 0x7F) << shift
        if octet >= MORE:
            shift += 7
            continue
        yield number
        number = shift = 0
