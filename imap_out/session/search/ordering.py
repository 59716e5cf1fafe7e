"""Putting many things in order a few thousand at a time, so that nobody waits for all of it.

A *slicer* is a generator that yields between slices of a few milliseconds and returns its result.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Generator, Iterator, Sequence
from typing import Final, TypeVar

T = TypeVar("T", int, bytes)
R = TypeVar("R")
Slicer = Generator[None, None, R]

SLICE: Final = 4_096
_PRIME: Final = 7_919  # the step of a sample, so that no period of a mailbox meets it
_CUTS_MAX: Final = 4  # of one pile; keys made so that samples miss them are then sorted at once
_OF_EACH: Final = 8  # samples for each pile


def in_order(
    places: Sequence[int], keys: Sequence[T], *, reverse: bool = False
) -> Slicer[Sequence[int]]:
    """Return *places* by ``keys[place]``; equal ones stay as they were.

    A sample cuts the keys into piles of about a slice, and each pile is sorted by itself; what
    equals a cut needs no sorting at all.
    """
    if (yield from _ascends(places, keys)) and not reverse:
        return places
    piles: list[tuple[Sequence[int], int]] = [(places, 0)]
    out = array("i")  # and not a list: a million objects would be freed in one go
    while piles:
        pile, cut = piles.pop()
        if len(pile) > 2 * SLICE and cut < _CUTS_MAX:
            found = yield from _piles(pile, keys)
            if len(found) == 1:
                out.extend(pile)  # all of one key
            else:
                ranked = found if reverse else reversed(found)
                piles.extend((each, cut + 1) for each in ranked)
            continue
        out.extend(sorted(pile, key=keys.__getitem__, reverse=reverse))
        yield
    return out


def _ascends(places: Sequence[int], keys: Sequence[T]) -> Slicer[bool]:
    """Tell whether *places* are in order already, as dates mostly are."""
    whole = places == range(len(keys))
    for start in range(0, len(places), SLICE):
        end = start + SLICE + 1
        values = list(keys[start:end] if whole else map(keys.__getitem__, places[start:end]))
        if values != sorted(values):  # which costs little if they are
            return False
        yield
    return True


def _piles(pile: Sequence[int], keys: Sequence[T]) -> Slicer[list[Sequence[int]]]:
    """Return *pile* cut into piles whose keys ascend from one to the next."""
    wanted = _OF_EACH * (len(pile) // SLICE)
    sample = sorted(keys[pile[(n * _PRIME) % len(pile)]] for n in range(wanted))
    cuts = list(dict.fromkeys(sample[_OF_EACH // 2 :: _OF_EACH]))
    # between two cuts lies a pile, and what equals a cut is one of its own
    found = [array("i") for _ in range(2 * len(cuts) + 1)]
    for batch in _batches(pile):
        for at in batch:
            key = keys[at]
            cut = bisect_left(cuts, key)
            equal = cut < len(cuts) and cuts[cut] == key
            found[2 * cut + equal].append(at)
        yield
    return [each for each in found if each]


def _batches(pile: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(pile), SLICE):
        yield pile[start : start + SLICE]


def at_places(column: array[int], places: Sequence[int]) -> array[int]:
    """Return what stands in *column* at *places*; of a stretch of them it is a copy of memory."""
    if isinstance(places, range):
        return column[places.start : places.stop]
    return array(column.typecode, map(column.__getitem__, places))
