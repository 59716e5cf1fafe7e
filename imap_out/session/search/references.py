"""THREAD=REFERENCES: messages joined by what they answer.  RFC 5256 §3, steps 1 to 6.

Whatever References say, every message is in the answer once: a link that would close a circle is
not made, and looking for circles is bounded by the number of messages.  Nothing recurses.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from imap_out.session.search.forest import NONE, Forest, Subjects
from imap_out.session.search.ordering import SLICE, Slicer
from mx_core.model.header_keys import NO_ID, ThreadTable

_STEPS_PER_MESSAGE: Final = 64  # of looking for circles; real threads need one or two
_ADDED_AT_ONCE: Final = 512  # with a hundred references each, a few milliseconds


class Links:
    """Step 1: who answers whom.  A container stands for a Message-ID, seen or only named."""

    def __init__(self) -> None:
        self.parents: list[int] = []  # of each container
        self.messages: list[int] = []  # place of the message, NONE while only named
        self.containers: list[int] = []  # of each message
        self._kids: list[int] = []  # how many name each as their parent
        self._by_id: dict[int, int] = {}
        self._steps = 1_000

    def add(self, keys: ThreadTable) -> Slicer[None]:
        """Add messages in order of sequence number."""
        self._steps += _STEPS_PER_MESSAGE * len(keys)
        by_id, parents, messages, kids = self._by_id, self.parents, self.messages, self._kids
        containers, numbers, starts = self.containers, keys.numbers, keys.starts
        for done in range(len(keys)):
            if done % _ADDED_AT_ONCE == 0:
                yield
            start, end = starts[done], starts[done + 1]
            id_ = numbers[start]
            own = by_id.get(id_) if id_ != NO_ID else None
            if own is None or messages[own] != NONE:  # of two with one id, the second is alone
                made = self._new()
                if id_ != NO_ID and own is None:
                    by_id[id_] = made
                own = made
            messages[own] = len(containers)
            containers.append(own)
            before = NONE
            for reference in numbers[start + 3 : end] if end > start + 3 else ():
                named = by_id.get(reference)
                if named is None:
                    named = by_id[reference] = self._new()
                    if before != NONE:  # below a new one there is nothing, so no circle either
                        parents[named] = before
                        kids[before] += 1
                elif before != NONE and parents[named] == NONE:  # 1A: a link that is there stays
                    self._link(named, before)
                before = named
            # 1B: the message itself knows best whom it answers
            if parents[own] != before:
                self._unlink(own)
                if before != NONE:
                    self._link(own, before)

    def _new(self) -> int:
        self.messages.append(NONE)
        self._kids.append(0)
        self.parents.append(NONE)
        return len(self.parents) - 1

    def _unlink(self, child: int) -> None:
        if self.parents[child] != NONE:
            self._kids[self.parents[child]] -= 1
            self.parents[child] = NONE

    def _link(self, child: int, parent: int) -> None:
        if child == parent or (self._kids[child] and self._is_above(child, parent)):
            return
        self.parents[child] = parent
        self._kids[parent] += 1

    def _is_above(self, one: int, other: int) -> bool:
        """Tell whether *one* is above *other*; yes too when looking has cost too much."""
        at = other
        while at not in (NONE, one):
            at = self.parents[at]
            self._steps -= 1
            if self._steps < 0:
                return True
        return at == one


def join(links: Links, order: Sequence[int], subjects: Subjects) -> Slicer[Forest]:
    """Return the threads; *order* is the places by date, so all siblings come out by date."""
    forest = Forest(len(order))
    tree = _Tree(forest)
    yield from tree.prune(links)
    yield from tree.find_tops(order)
    yield from tree.join_subjects(subjects)
    # steps 4 and 6: who comes first by date is added first, and a dummy with its first child
    begun: set[int] = set()
    for done, at in enumerate(order):
        parent = tree.parents[at]
        if parent == NONE:
            forest.roots.append(at)
        else:
            forest.add(parent, at)
        if parent >= forest.count and parent not in begun:
            begun.add(parent)
            forest.roots.append(parent)
        if done % SLICE == 0:
            yield
    return forest


class _Tree:
    """Steps 2, 3 and 5 on the parents of messages."""

    def __init__(self, forest: Forest) -> None:
        self._forest = forest
        self.parents: list[int] = []  # of each message
        self._tops: list[int] = []  # by date
        self._heads: dict[int, int] = {}  # first child of each dummy
        self._together: dict[int, list[int]] = {}  # children of each dummy

    def prune(self, links: Links) -> Slicer[None]:
        """Step 3: let go of containers that nobody wrote.

        Children of a missing message move up to who is above it; at the top several stay
        together under a dummy.
        """
        above: dict[int, int] = {}  # a missing container → the message above, or the topmost
        tops: dict[int, list[int]] = {}  # a topmost missing one → the messages below it
        for place, container in enumerate(links.containers):
            if place % SLICE == 0:
                yield
            at = links.parents[container]
            if at == NONE or links.messages[at] != NONE:
                self.parents.append(NONE if at == NONE else links.messages[at])
                continue
            path: list[int] = []
            while at != NONE and links.messages[at] == NONE and at not in above:
                path.append(at)
                at = links.parents[at]
            if at == NONE and path:
                at = path[-1]
            found = above.get(at, at)
            above.update(dict.fromkeys(path, found))
            if found == NONE or links.messages[found] == NONE:
                self.parents.append(NONE)
            else:
                self.parents.append(links.messages[found])
            if found != NONE and links.messages[found] == NONE:
                tops.setdefault(found, []).append(place)
        for places in tops.values():
            if len(places) > 1:
                self._under_dummy(places)

    def _under_dummy(self, places: list[int]) -> int:
        dummy = self._forest.dummy()
        self._together[dummy] = places
        for place in places:
            self.parents[place] = dummy
        return dummy

    def find_tops(self, order: Sequence[int]) -> Slicer[None]:
        """Step 2, in the order of step 4."""
        for done, at in enumerate(order):
            parent = self.parents[at]
            if parent == NONE:
                self._tops.append(at)
            elif parent >= self._forest.count and parent not in self._heads:
                self._heads[parent] = at
                self._tops.append(parent)
            if done % SLICE == 0:
                yield

    def join_subjects(self, subjects: Subjects) -> Slicer[None]:
        """Step 5: join tops that have one base subject."""
        table: dict[int, int] = {}
        for done, top in enumerate(self._tops):
            subject = subjects.of[self._heads.get(top, top)]
            held = table.get(subject)
            if subject != NO_ID and (held is None or self._is_better(top, held, subjects.is_reply)):
                table[subject] = top
            if done % SLICE == 0:
                yield
        for done, top in enumerate(self._tops):
            subject = subjects.of[self._heads.get(top, top)]
            held = table.get(subject, top)
            if held != top:
                table[subject] = self._joined(top, held, subjects.is_reply)
            if done % SLICE == 0:
                yield

    def _is_better(self, top: int, held: int, is_reply: Sequence[bool]) -> bool:
        count = self._forest.count
        return held < count and (top >= count or (is_reply[held] and not is_reply[top]))

    def _joined(self, top: int, held: int, is_reply: Sequence[bool]) -> int:
        """Join two tops of one subject; return the one that stands for it from now on."""
        count = self._forest.count
        if held >= count:
            moved = self._together[top] if top >= count else [top]
            self._together[held] += moved
            for place in moved:
                self.parents[place] = held
            return held
        if is_reply[top] and not is_reply[held]:
            self.parents[top] = held
            return held
        return self._under_dummy([held, top])
