"""Sets of message numbers, kept as ranges: ``1:4294967295`` costs as much as ``1``.

seq-number   = nz-number / "*"                                       RFC 9051 §9
seq-range    = seq-number ":" seq-number
sequence-set = (seq-number / seq-range) ["," sequence-set]
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from imap_out.wire.syntax import BadSyntax

STAR: Final = 0  # stands for "*": an nz-number is never zero
_NUMBER_MAX: Final = 2**32 - 1
_TOO_LARGE: Final = "a number below 2^32"
_NUMBER: Final = rb"(?:[1-9][0-9]{0,9}|\*)"
PATTERN: Final = re.compile(rb"%b(?::%b)?(?:,%b(?::%b)?)*" % (_NUMBER, _NUMBER, _NUMBER, _NUMBER))


@dataclass(frozen=True, slots=True)
class SequenceSet:
    """Ranges as written, both ends included; or *saved*: the result of a search that was kept."""

    ranges: tuple[tuple[int, int], ...]
    saved: bool = False  # "$", RFC 5182 §2.1
    # where they are written one by one and nothing else: each once, ascending
    numbers: tuple[int, ...] = field(default=(), compare=False)

    @classmethod
    def parse(cls, text: bytes) -> SequenceSet:
        """Return the set that *text* spells.

        Raises:
            BadSyntax: It spells none.
        """
        if text == b"$":
            return SAVED
        if not PATTERN.fullmatch(text):
            raise BadSyntax("a set of numbers")
        return cls.matched(text)

    @classmethod
    def of_one(cls, number: int) -> SequenceSet:
        """Return the set of *number* alone."""
        return cls(((number, number),), numbers=(number,))

    @classmethod
    def matched(cls, text: bytes) -> SequenceSet:
        """Return the set that *text* spells, which is known to match PATTERN.

        Raises:
            BadSyntax: A number is too large.
        """
        if b":" not in text and b"*" not in text:  # mail programs list thousands
            numbers = list(map(int, text.split(b",")))
            if max(numbers) > _NUMBER_MAX:
                raise BadSyntax(_TOO_LARGE)
            ranges_ = tuple(zip(numbers, numbers, strict=True))
            return cls(ranges_, numbers=tuple(sorted(set(numbers))))
        ranges: list[tuple[int, int]] = []
        for part in text.split(b","):
            first, colon, last = part.partition(b":")
            low = _number(first)
            ranges.append((low, _number(last) if colon else low))
        return cls(tuple(ranges))

    def render(self) -> bytes:
        """Return the set as the wire spells it."""
        return (
            b"$"
            if self.saved
            else b",".join(
                _spell(low) if low == high else _spell(low) + b":" + _spell(high)
                for low, high in self.ranges
            )
        )

    def spans(self, largest: int) -> list[tuple[int, int]]:
        """Return the ranges with "*" as *largest*, ascending, merged; none if nothing exists."""
        if not largest or not self.ranges:
            return []
        ordered = sorted(_ordered(low or largest, high or largest) for low, high in self.ranges)
        merged = [ordered[0]]
        for low, high in ordered[1:]:
            if low <= merged[-1][1] + 1:
                merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
            else:
                merged.append((low, high))
        return merged

    def positions_of(self, largest: int, place: Callable[[int], int]) -> list[range]:
        """Return where the members stand among UIDs, as ranges of indices.

        *place* gives the index of a UID, or where it would stand.  ``<above the last>:*`` holds
        the last one: the range is read either way (RFC 9051 §9).
        """
        found = (range(place(low), place(high + 1)) for low, high in self.spans(largest))
        return [span for span in found if span]


SAVED: Final = SequenceSet((), saved=True)


def uid_set(numbers: Iterable[int]) -> bytes:
    """Spell *numbers* in their order, runs that rise by one as ranges.  RFC 4315 §4 (uid-set)."""
    parts: list[list[int]] = []
    for number in numbers:
        if parts and number == parts[-1][1] + 1:
            parts[-1][1] = number
        else:
            parts.append([number, number])
    return b",".join(b"%d" % low if low == high else b"%d:%d" % (low, high) for low, high in parts)


def runs_set(numbers: Iterable[int]) -> SequenceSet:
    """Return the set of *numbers*, ascending."""
    ranges: list[tuple[int, int]] = []
    low = high = 0
    for number in numbers:
        if number != high + 1 or not high:
            if high:
                ranges.append((low, high))
            low = number
        high = number
    if high:
        ranges.append((low, high))
    return SequenceSet(tuple(ranges))


def _number(text: bytes) -> int:
    if text == b"*":
        return STAR
    number = int(text)
    if number > _NUMBER_MAX:
        raise BadSyntax(_TOO_LARGE)
    return number


def _spell(number: int) -> bytes:
    return b"%d" % number if number else b"*"


def _ordered(one: int, other: int) -> tuple[int, int]:
    return (one, other) if one <= other else (other, one)
