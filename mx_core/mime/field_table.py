"""The fields of a header as packed octets, and cuts that are made of thousands of headers.

A packed table is u32 count, u32 starts, u32 ends (little-endian), then the names joined by LF.
Programs name their fields alike, so which to send is worked out once for each list of names.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Collection, Sequence
from struct import Struct
from typing import Final

from mx_core.model.message import HeaderField

_LISTS_MAX: Final = 256  # of names, that one cut remembers
_LIST_OCTETS_MAX: Final = 1024  # usual mail has 250; what is longer is worked out each time
_RUNS_MAX: Final = 32
_COUNT: Final = Struct("<I")
Runs = tuple[
    tuple[int, int], ...
]  # of neighbouring fields: which number is the start, which the end
Known = tuple[Runs, Struct]  # and what reads the numbers


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


class Cut:
    """What HEADER.FIELDS of some *names* sends, or .NOT with *exclude*, of one header after another.

    As ``header.fields_subset``, which says what is sent, and for many headers.
    """

    def __init__(self, names: Collection[bytes], exclude: bool) -> None:
        self._names = frozenset(name.lower() for name in names)
        self._exclude = exclude
        self._known: dict[bytes, Known] = {}

    def __call__(self, octets: bytes, packed: bytes) -> bytes:
        """Return the fields of *octets*, a top header with its empty line, in their order."""
        [count] = _COUNT.unpack_from(packed)
        names = packed[4 + 8 * count :]
        known = self._known.get(names)
        if known is None or not count:
            known = self._choose(names, count)
        runs, numbers_of = known
        numbers = numbers_of.unpack_from(packed, 4)
        chosen = [octets[numbers[start] : numbers[end]] for start, end in runs]
        if not self._exclude or not count or numbers[-1] < len(octets):
            if chosen and not chosen[-1].endswith(b"\n"):
                chosen.append(b"\r\n")
            chosen.append(b"\r\n")
        return b"".join(chosen)

    def _choose(self, names: bytes, count: int) -> Known:
        if not count:
            return (), Struct("")
        runs: list[tuple[int, int]] = []
        for at, name in enumerate(names.split(b"\n")):
            if (name in self._names) == self._exclude:
                continue
            if runs and runs[-1][1] == at - 1:  # fields follow each other without a gap
                runs[-1] = (runs[-1][0], at)
            else:
                runs.append((at, at))
        known = tuple((first, count + last) for first, last in runs), Struct(f"<{2 * count}I")
        if len(names) <= _LIST_OCTETS_MAX and len(runs) <= _RUNS_MAX:
            if len(self._known) >= _LISTS_MAX:
                self._known.clear()
            self._known[names] = known
        return known


def _parts(packed: bytes) -> tuple[int, array[int] | memoryview[int], bytes]:
    """Return the count, starts and ends, and the names."""
    count = int.from_bytes(packed[:4], "little")
    end = 4 + 8 * count
    numbers: array[int] | memoryview[int] = memoryview(packed)[4:end].cast("I")
    if sys.byteorder == "big":
        numbers = array("I", numbers)
        numbers.byteswap()
    return count, numbers, packed[end:]
