"""THREAD=REFERENCES: messages joined by what they answer.  RFC 5256 §3, steps 1 to 6.

Whatever References say, every message is in the answer once: a link that would close a circle is
not made, and looking for circles is bounded by the number of messages.  Nothing recurses.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from itertools import repeat
from typing import Final

from imap_out.session.search.forest import NONE, Forest, Subjects
from imap_out.session.search.ordering import SLICE, Slicer
from mx_core.model.header_keys import NO_ID, ThreadTable

_STEPS_PER_MESSAGE: Final = 64  # of looking for circles; real threads need one or two
_ADDED_AT_ONCE: Final = 512  # with a hundred references each, some milliseconds


class Links:
    """Step 1: who answers whom.  A container stands for a Message-ID, seen or only named."""

    def __init__(self) -> None:
        self.parents = array("i")  # of each container
        self.messages = array("i")  # place of the message, NONE while only named
        self.containers = array("i")  # of each message
        self._has_had_kids = bytearray()
        self._by_id: dict[int, int] = {}
        self._steps = 1_000

    def add(self, keys: ThreadTable) -> Slicer[None]:
        """Add messages in order of sequence number."""
        self._steps += _STEPS_PER_MESSAGE * len(keys)
        looked = 0  # at messages and references since others had their turn
        for first in range(0, len(keys), _ADDED_AT_ONCE):
            some = keys.cut(first, min(first + _ADDED_AT_ONCE, len(keys)))
            self._add_some(some)
            looked += len(some) + len(some.references)
            if looked >= SLICE:
                looked = 0
                yield

    def _add_some(self, keys: ThreadTable) -> None:
        by_id, parents, messages = self._by_id, self.parents, self.messages
        has_had_kids, containers = self._has_had_kids, self.containers
        references, start, place = keys.references, 0, len(containers)
        # a container for each at once; that of a message which has one already is nobody's
        owns = range(len(parents), len(parents) + len(keys))
        parents.extend(repeat(NONE, len(keys)))
        messages.extend(range(place, place + len(keys)))
        containers.extend(owns)
        has_had_kids += bytes(len(keys))
        for own, id_, end in zip(owns, keys.ids, keys.starts[1:], strict=True):
            known = by_id.setdefault(id_, own)
            if known != own and messages[known] == NONE:  # of two with one id, the second is alone
                messages[known] = place
                containers[place] = own = known  # noqa: PLW2901  # named before it came
            place += 1
            before = NONE
            while start < end:
                named = by_id.get(references[start])
                if named is None:
                    named = by_id[references[start]] = self._new(NONE)
                    if before != NONE:  # below a new one there is nothing, so no circle either
                        parents[named] = before
                        has_had_kids[before] = 1
                elif before != NONE and parents[named] == NONE:  # 1A: a link that is there stays
                    self._link(named, before)
                before = named
                start += 1
            # 1B: the message itself knows best whom it answers
            if parents[own] != before:
                parents[own] = NONE
                if before != NONE:
                    if own != before and not has_had_kids[own]:  # as _link, without a call
                        parents[own] = before
                        has_had_kids[before] = 1
                    else:
                        self._link(own, before)
        by_id.pop(NO_ID, None)  # who has no id is alone

    def forget_ids(self) -> None:
        """Give up what only adding needs: of a million messages a hundred megabytes."""
        self._by_id.clear()

    def _new(self, message: int) -> int:
        self.messages.append(message)
        self._has_had_kids.append(0)
        self.parents.append(NONE)
        return len(self.parents) - 1

    def _link(self, child: int, parent: int) -> None:
        if child == parent or (self._has_had_kids[child] and self._is_above(child, parent)):
            return
        self.parents[child] = parent
        self._has_had_kids[parent] = 1

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
    yield from tree.plant(order)
    return forest


def _above(missing: int, links: Links, known: dict[int, int]) -> int:
    """Return who is above a *missing* container: the next message, or the topmost missing one."""
    path: list[int] = []
    at = missing
    while at != NONE and links.messages[at] == NONE and at not in known:
        path.append(at)
        at = links.parents[at]
    if at == NONE:
        at = path[-1]
    found = known.get(at, at)
    known.update(dict.fromkeys(path, found))
    return found


class _Tree:
    """Steps 2, 3 and 5 on the parents of messages."""

    def __init__(self, forest: Forest) -> None:
        self._forest = forest
        self.parents = array("i")  # of each message
        self._tops = array("i")  # by date
        self._heads: dict[int, int] = {}  # first child of each dummy
        self._together: dict[int, list[int]] = {}  # children of each dummy

    def prune(self, links: Links) -> Slicer[None]:
        """Step 3: let go of containers that nobody wrote.

        Children of a missing message move up to who is above it; at the top several stay
        together under a dummy.
        """
        above: dict[int, int] = {}  # a missing container → the message above, or the topmost
        tops: dict[int, list[int]] = {}  # a topmost missing one → the messages below it
        links.forget_ids()
        messages = links.messages + array("i", [NONE])  # the last is what NONE stands for
        for start in range(0, len(links.containers), SLICE):
            containers = links.containers[start : start + SLICE]
            named = list(map(links.parents.__getitem__, containers))
            parents = array("i", map(messages.__getitem__, named))
            if parents.count(NONE) > named.count(NONE):  # some answer who is not there
                for inside, at in enumerate(named):
                    if at == NONE or messages[at] != NONE:
                        continue
                    found = _above(at, links, above)
                    parents[inside] = messages[found]
                    if messages[found] == NONE:
                        tops.setdefault(found, []).append(start + inside)
            self.parents += parents
            yield
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
        parents, count = self.parents, self._forest.count
        for start in range(0, len(order), SLICE):
            for at in [at for at in order[start : start + SLICE] if not 0 <= parents[at] < count]:
                parent = parents[at]
                if parent == NONE:
                    self._tops.append(at)
                elif parent not in self._heads:
                    self._heads[parent] = at
                    self._tops.append(parent)
            yield

    def join_subjects(self, subjects: Subjects) -> Slicer[None]:
        """Step 5: join tops that have one base subject."""
        table: dict[int, int] = {}
        of, is_reply, heads = subjects.of, subjects.is_reply, self._heads
        count = self._forest.count
        for start in range(0, len(self._tops), SLICE):
            for top in self._tops[start : start + SLICE]:
                subject = of[top if top < count else heads[top]]
                held = table.get(subject)
                if held is None or (
                    held < count and (top >= count or is_reply[held] > is_reply[top])
                ):
                    table[subject] = top
            yield
        table.pop(NO_ID, None)
        for start in range(0, len(self._tops), SLICE):
            for top in self._tops[start : start + SLICE]:
                subject = of[top if top < count else heads[top]]
                held = table.get(subject, top)
                if held == top:
                    continue
                if held >= count > top:  # as _joined, without a call
                    self._together[held].append(top)
                    self.parents[top] = held
                else:
                    table[subject] = self._joined(top, held, is_reply)
            yield

    def plant(self, order: Sequence[int]) -> Slicer[None]:
        """Steps 4 and 6: who comes first by date is added first, a dummy with its first child."""
        parents, forest, count = self.parents, self._forest, self._forest.count
        # as Forest.add, without a call for each message
        roots, first, next_, last = forest.roots, forest.first, forest.next, forest.last
        for start in range(0, len(order), SLICE):
            for at in order[start : start + SLICE]:
                parent = parents[at]
                if parent == NONE:
                    roots.append(at)
                    continue
                sibling = last[parent]
                last[parent] = at
                if sibling != NONE:
                    next_[sibling] = at
                    continue
                first[parent] = at
                if parent >= count:
                    roots.append(parent)
            yield

    def _joined(self, top: int, held: int, is_reply: bytearray) -> int:
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
