"""The fields of a header as packed octets, by their places in the whole of it.

A packed table is u32 count, u32 starts, u32 ends (little-endian), then the names joined by LF.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Sequence

from mx_core.model.message import HeaderField


def pack(fields: Sequence[HeaderField]) -> bytes:
    """Return the packed table of *fields*."""
    numbers = array("I", [len(fields)])
    numbers.extend(field.start for field in fields)
    numbers.extend(field.end for field in fields)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tobytes() + b"\n".join(field.name for field in fields)


def unpack(packed: bytes) -> tuple[HeaderField, ...]:
    """Return the fields of a packed table."""
    count, numbers, names = _parts(packed)
    if not count:
        return ()
    return tuple(map(HeaderField, names.split(b"\n"), numbers[:count], numbers[count:]))


def _parts(packed: bytes) -> tuple[int, array[int] | memoryview[int], bytes]:
    """Return the count, starts and ends, and the names."""
    count = int.from_bytes(packed[:4], "little")
    end = 4 + 8 * count
    numbers: array[int] | memoryview[int] = memoryview(packed)[4:end].cast("I")
    if sys.byteorder == "big":
        numbers = array("I", numbers)
        numbers.byteswap()
    return count, numbers, packed[end:]
