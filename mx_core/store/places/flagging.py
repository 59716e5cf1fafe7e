"""A change of flags on its way through the segments of a mailbox, whole columns at a time.  Pure.

A change of all that a segment holds costs no look at each message, whichever UIDs are missing.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import compress
from operator import ne
from typing import Final

from mx_core.model.flags import FlagSet
from mx_core.model.ids import ModSeq
from mx_core.store.places.flag_set import FlagSetId, FlagSetWriter
from mx_core.store.places.segment import Segment

_FEW: Final = 8  # one in so many: rather searched for than looked for


class Turned(dict[int, FlagSetId]):
    """Numbers of flag sets, and of what *change* makes of them; made when they are met."""

    def __init__(self, sets: FlagSetWriter, change: Callable[[FlagSet], FlagSet]) -> None:
        super().__init__()
        self._sets = sets
        self._change = change
        self.same: set[int] = set()  # which it leaves as they are
        self.others: list[tuple[int, FlagSet, FlagSet]] = []  # with their sets before and now

    def __missing__(self, number: int) -> FlagSetId:
        before = self._sets.of(number)
        made = self[number] = self._sets.number(self._change(before))
        if made == number:
            self.same.add(number)
        else:
            self.others.append((number, before, self._sets.of(made)))
        return made


_numbers: Final[Callable[[], array[int]]] = partial(array, "I")


@dataclass(slots=True)
class Moved:
    """Whose flags changed: UIDs, ascending, and the numbers of their sets before and now."""

    uids: array[int] = field(default_factory=_numbers)
    before: array[int] = field(default_factory=_numbers)
    now: array[int] = field(default_factory=_numbers)
    met: set[int] = field(default_factory=set)  # every number in these two
    modseq: ModSeq | None = None  # of all of them; given out when the first one is met

    def __bool__(self) -> bool:
        return bool(self.uids)

    def take(
        self, part: Segment, chosen: Chosen, turned: Turned, next_modseq: Callable[[], ModSeq]
    ) -> bool:
        """Let those of *part* that are *chosen* have the sets that theirs are *turned* into.

        Tell whether anybody changes.
        """
        if len(chosen.uids) == 1:
            return self._take_one(part, chosen.uids[0], turned, next_modseq)
        changed = chosen.among(part.uids)
        # of those that are chosen alone: a set that is asked for is made, and stays
        whole = len(changed) == len(part)
        before = part.flag_sets if whole else _numbers_at(part.flag_sets, changed)
        now = array("I", map(turned.__getitem__, before))
        if turned.same and not turned.same.isdisjoint(before):
            changed = list(compress(changed, map(ne, before, now)))
            before = _numbers_at(part.flag_sets, changed)
            now = array("I", map(turned.__getitem__, before))
        if not changed:
            return False
        if self.modseq is None:
            self.modseq = next_modseq()
        self.before += before
        self.now += now
        if len(changed) == len(part):
            self.uids += part.uids
            part.flag_sets, part.modseqs = now, array("Q", [self.modseq]) * len(part)
        else:
            self.uids += _numbers_at(part.uids, changed)
            for at, number in zip(changed, now, strict=True):
                part.flag_sets[at], part.modseqs[at] = number, self.modseq
        return True

    def _take_one(
        self, part: Segment, uid: int, turned: Turned, next_modseq: Callable[[], ModSeq]
    ) -> bool:
        """As ``take``, where one is chosen: what a mail program changes most."""
        at = bisect_left(part.uids, uid)
        if at == len(part.uids) or part.uids[at] != uid:
            return False
        before = part.flag_sets[at]
        now = turned[before]
        if now == before:
            return False
        self.modseq = next_modseq()
        self.uids.append(uid)
        self.before.append(before)
        self.now.append(now)
        part.flag_sets[at], part.modseqs[at] = now, self.modseq
        return True

    def sum(self, weights: Mapping[int, int]) -> int:
        """Return the sum of what each weighs that changed, by its number before."""
        if len(set(weights.values())) == 1:
            return len(self.uids) * next(iter(weights.values()))
        return sum(map(weights.__getitem__, self.before))


def _numbers_at(column: array[int], places: Sequence[int]) -> array[int]:
    return array("I", map(column.__getitem__, places))


class Chosen:
    """UIDs to be found among those of many segments; an array of them ascends already."""

    def __init__(self, uids: Sequence[int]) -> None:
        self.uids: array[int] = uids if isinstance(uids, array) else array("I", sorted(set(uids)))

    def among(self, uids: array[int]) -> Sequence[int]:
        """Return the positions in *uids*, ascending, of those that are chosen."""
        low, high = bisect_left(self.uids, uids[0]), bisect_right(self.uids, uids[-1])
        near = self.uids[low:high]
        if near == uids:
            return range(len(uids))
        if len(uids) <= len(near) * _FEW:
            wanted = set(near)
            return [at for at, uid in enumerate(uids) if uid in wanted]
        return [at for uid in near if uids[at := bisect_left(uids, uid)] == uid]
