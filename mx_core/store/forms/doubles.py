"""Ids that more than one message may have, found without holding the ids of all.

A bit stands for many ids.  So an id that is one message's alone may be *doubtful* all the same,
about one in sixty with four octets for each message; and no id of two messages is missed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from mx_core.model.header_keys import NO_ID

_BITS_OF_EACH: Final = 32
_FEWEST: Final = 4_096


class Doubles:
    """Grows with what is added.  Ids are hashes of 64 bits; whoever adds holds a lock."""

    def __init__(self) -> None:
        self.ids: set[int] = set()  # the doubtful ones
        self._marks: list[bytearray] = []  # a power of two octets each, a bit for each id
        self._room = 0  # for ids in the last of them

    def add(self, ids: Sequence[int], expected: int) -> None:
        """Note *ids*, one for each message, NO_ID for none; about *expected* are to be in all."""
        if not self._marks or len(ids) > self._room:
            before = sum(map(len, self._marks)) * 8 // _BITS_OF_EACH
            self._room = 1 << (max(expected, len(ids), 2 * before, _FEWEST) - 1).bit_length()
            self._marks.append(bytearray(self._room * _BITS_OF_EACH // 8))
        self._room -= len(ids)
        *full, marks = self._marks
        for older in full:
            mask = len(older) - 1
            self.ids.update([each for each in ids if older[(each >> 3) & mask] >> (each & 7) & 1])
        mask = len(marks) - 1
        for each in ids:
            octet, bit = (each >> 3) & mask, 1 << (each & 7)
            if marks[octet] & bit:
                self.ids.add(each)
            else:
                marks[octet] |= bit
        self.ids.discard(NO_ID)
