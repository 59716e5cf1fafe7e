"""A change of flags on its way through the segments of a mailbox, whole columns at a time.  Pure.

A change of all that a segment holds costs no look at each message, whichever UIDs are missing.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
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

    def __missing__(self, number: int) -> FlagSetId:
        made = self[number] = self._sets.number(self._change(self._sets.of(number)))
        return made


def _numbers() -> array[int]:
    return array("I")


@dataclass(slots=True)
class Moved:
    """Whose flags changed: UIDs, ascending, and the numbers of their sets before and now."""

    uids: array[int] = field(default_factory=_numbers)
    before: array[int] = field(default_factory=_numbers)
    now: array[int] = field(default_factory=_numbers)
    counts: Counter[int] = field(default_factory=Counter)  # of the numbers before
    modseq: ModSeq | None = None  # of all of them; given out when the first one is met

    def __bool__(self) -> bool:
        return bool(self.uids)

    def take(
        self, part: Segment, chosen: Chosen, turned: Turned, next_modseq: Callable[[], ModSeq]
    ) -> bool:
        """Let those of *part* that are *chosen* have the sets that theirs are *turned* into.

        Tell whether anybody changes.
        """
        changed = chosen.among(part.uids)
        sets = part.flag_sets
        whole = len(changed) == len(part)
        # of those that are chosen alone: a set that is asked for is made, and stays
        kinds = Counter(sets if whole else map(sets.__getitem__, changed))
        changing = {number for number in kinds if turned[number] != number}
        if len(changing) < len(kinds):
            changed = [at for at in changed if sets[at] in changing]
        if not changed:
            return False
        if self.modseq is None:
            self.modseq = next_modseq()
        if len(changed) == len(part):
            self._take_all(part, kinds, turned, self.modseq)
        else:
            self._take_some(part, changed, turned, self.modseq)
        return True

    def _take_all(self, part: Segment, kinds: Counter[int], turned: Turned, modseq: ModSeq) -> None:
        self.uids += part.uids
        self.before += part.flag_sets
        self.counts += kinds
        if len(kinds) == 1:
            part.flag_sets = array("I", [turned[part.flag_sets[0]]]) * len(part)
        else:
            part.flag_sets = array("I", map(turned.__getitem__, part.flag_sets))
        part.modseqs = array("Q", [modseq]) * len(part)
        self.now += part.flag_sets

    def _take_some(
        self, part: Segment, changed: Sequence[int], turned: Turned, modseq: ModSeq
    ) -> None:
        before = array("I", map(part.flag_sets.__getitem__, changed))
        now = array("I", map(turned.__getitem__, before))
        for at, number in zip(changed, now, strict=True):
            part.flag_sets[at], part.modseqs[at] = number, modseq
        self.uids += array("I", map(part.uids.__getitem__, changed))
        self.before += before
        self.now += now
        self.counts.update(before)


class Chosen:
    """UIDs to be found among those of many segments; an array of them ascends already."""

    def __init__(self, uids: Sequence[int]) -> None:
        self.uids: array[int] = uids if isinstance(uids, array) else array("I", sorted(uids))

    def among(self, uids: array[int]) -> Sequence[int]:
        """Return the positions in *uids*, ascending, of those that are chosen."""
        low, high = bisect_left(self.uids, uids[0]), bisect_right(self.uids, uids[-1])
        near = self.uids[low:high]
        if near == uids:
            return range(len(uids))
        if len(uids) <= len(near) * _FEW:
            wanted = set(near)
            return [at for at, uid in enumerate(uids) if uid in wanted]
        found = ((bisect_left(uids, uid), uid) for uid in dict.fromkeys(near))
        return [at for at, uid in found if uids[at] == uid]
