"""Columns of places on the disk: numbers as they are, or runs of numbers that follow each other.  Pure.

UIDs of a mailbox follow each other but where something was expunged, and so do most of its messages.
As runs (first, how many) they take few octets, and two segments lie on one page, which a change of
all flags writes once.  Little-endian.  docs/decisions/0054-two-segments-on-a-page.md.
"""

from __future__ import annotations

import sys
from array import array
from functools import lru_cache
from itertools import compress, count, pairwise
from operator import ne, sub
from typing import Any, Final

# Shorter ones are always numbers as they are: an arrival puts its own at the end and reads nothing.
RUNS_FROM: Final = 33
_KEPT: Final = 256  # columns as they were read last, at most 2.5 KB each
_WIDTHS: Final = {"I": 4, "Q": 8}  # octets of a number


def pack(numbers: array[int]) -> bytes:
    """Return *numbers* as they are."""
    if sys.byteorder == "big":
        numbers = array(numbers.typecode, numbers)
        numbers.byteswap()
    return numbers.tobytes()


def unpack(code: Any, octets: bytes) -> array[int]:
    """Return what `pack` made; raises ValueError if these are no whole numbers."""
    numbers: array[int] = array(code, octets)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers


def pack_runs(numbers: array[int]) -> bytes:
    """Return *numbers* as runs, if there are enough of them and that is shorter, else as they are."""
    size = len(numbers)
    if size < RUNS_FROM:
        return pack(numbers)
    away = list(map(sub, numbers, range(size)))  # the same all through a run
    starts = [0, *compress(count(1), map(ne, away, away[1:])), size]
    if 2 * (len(starts) - 1) >= size:
        return pack(numbers)
    runs = array(numbers.typecode)
    for start, end in pairwise(starts):
        runs.extend((numbers[start], end - start))
    return pack(runs)


def unpack_runs(code: Any, octets: bytes, size: int) -> array[int]:
    """Return the *size* numbers that `pack_runs` was given, in an array of the caller's own.

    Raises:
        ValueError: These are not so many.
    """
    if _is_plain(code, octets, size):
        return unpack(code, octets)
    return _of_runs(code, bytes(octets), size)[:]


def _is_plain(code: Any, octets: bytes, size: int) -> bool:
    """Tell whether these are numbers as they are; runs are always shorter."""
    return size < RUNS_FROM or len(octets) == size * _WIDTHS[code]


@lru_cache(maxsize=_KEPT)
def _of_runs(code: Any, octets: bytes, size: int) -> array[int]:
    """Return the numbers; whoever gets them changes nothing.

    What the octets say never changes, so nothing has to be forgotten when a segment does.
    """
    runs = unpack(code, octets)
    firsts, lengths = runs[::2], runs[1::2]
    # a damaged length may be anything: looked at before so many numbers are made
    if sum(lengths) != size or len(firsts) != len(lengths):
        raise ValueError("a column of another length")
    numbers: array[int] = array(code)
    for first, many in zip(firsts, lengths, strict=True):
        try:
            numbers.extend(range(first, first + many))
        except OverflowError as error:
            raise ValueError("a column with numbers beyond its width") from error
    return numbers
