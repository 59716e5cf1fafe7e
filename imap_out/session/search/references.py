"""THREAD=REFERENCES: messages joined by what they answer.  RFC 5256 §3, steps 1 to 6.

Whatever References say, every message is in the answer once: a link that would close a circle is
not made, and looking for circles is bounded by the number of messages.  Nothing recurses.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from itertools import repeat
from typing import Final

from imap_out.session.search.forest import NONE, Forest, Subjects
from imap_out.session.search.ordering import SLICE, Slicer, at_places
from mx_core.model.header_keys import NO_ID, ThreadTable, with_neighbours

_STEPS_PER_MESSAGE: Final = 64  # of looking for circles; real threads need one or two
_LINKED_AT_ONCE: Final = 512  # with a hundred references each, some milliseconds


class Links:
    """Step 1: who answers whom.  A container stands for a Message-ID, seen or only named.

    That of a message has the number of its place; those that are only named follow behind.
    """

    def __init__(self) -> None:
        self.count = 0  # of messages
        self.parents = array("i")  # of each container
        self._doubtful: AbstractSet[int] | None = None  # ids that several may have; None: any
        self._tables: list[ThreadTable] = []  # as they were added
        self._named = array("i")  # the container of each reference
        self._has_had_kids = bytearray()
        self._steps = 1_000

    def add(self, keys: ThreadTable) -> None:
        """Add messages in order of sequence number."""
        self.count += len(keys)
        self._tables.append(keys)

    def trust(self, doubtful: AbstractSet[int]) -> None:
        """Take it that no two messages have one id unless it is *doubtful*, if all are judged."""
        if all(table.judged for table in self._tables):
            self._doubtful = doubtful

    def link(self) -> Slicer[None]:
        """Link what was added, once all is."""
        yield from self._resolve()
        self._has_had_kids = bytearray(len(self.parents))
        first = base = looked = 0
        for starts in [table.starts for table in self._tables]:
            self._steps += _STEPS_PER_MESSAGE * (len(starts) - 1)
            for at in range(0, len(starts) - 1, _LINKED_AT_ONCE):
                some = starts[at : at + _LINKED_AT_ONCE + 1]
                self._link_some(first + at, base, some)
                looked += len(some) + some[-1] - some[0]
                if looked >= SLICE:  # messages and references since others had their turn
                    looked = 0
                    yield
            first += len(starts) - 1
            base += starts[-1]
        self._tables.clear()
        self._named = array("i")

    def _resolve(self) -> Slicer[None]:
        """Find the container of each reference.

        Whom a reference names in its own table is known, and meant if no other message has that
        id.  Only what is doubtful, or named elsewhere, is looked for among the ids of all; of two
        with one id the first is meant.
        """
        found = dict.fromkeys(self._doubtful or (), NONE)  # of each id that is looked for
        for at, table in enumerate(self._tables):
            if self._doubtful is None:
                sought = table.references
            else:
                if table.far is None:
                    self._tables[at] = with_neighbours(table)
                sought = self._tables[at].named_far()
            for some in _slices(sought):
                found.update(zip(some, repeat(NONE)))
                yield
            yield
        has_doubles = False
        first = 0
        for table in self._tables:
            for some in _slices(table.ids):
                for place, id_ in enumerate(some, first):
                    if id_ in found:
                        if found[id_] == NONE:
                            found[id_] = place
                        else:
                            has_doubles = True
                first += len(some)
                yield
        yield from self._name(found, has_doubles=has_doubles)
        while found:  # in slices too: a million numbers take some tens of milliseconds to free
            for _ in range(min(SLICE, len(found))):
                found.popitem()
            yield

    def _name(self, found: dict[int, int], *, has_doubles: bool) -> Slicer[None]:
        """Note the container of each reference; those that nobody in *found* has get new ones."""
        only_named = self.count
        first = 0
        for table in self._tables:
            ids, places = table.references, array("i")
            far: array[int] | range = range(len(ids))
            if self._doubtful is None or table.near is None or table.far is None:
                places = array("i", [NONE]) * len(ids)
            else:
                far = table.far
                for some, named in zip(_slices(table.near), _slices(ids), strict=True):
                    own = map(first.__add__, some)
                    places.extend(map(found.get, named, own) if has_doubles else own)
                    yield
            for some in _slices(far):
                for at, id_ in zip(some, map(ids.__getitem__, some), strict=True):
                    place = found[id_]
                    if place == NONE:
                        found[id_] = place = only_named
                        only_named += 1
                    places[at] = place
                yield
            self._named += places
            first += len(table)
        self.parents = array("i", [NONE]) * only_named

    def _link_some(self, first: int, base: int, starts: array[int]) -> None:
        """Link the messages from *first* on; *starts* are of their references, less *base*."""
        parents, named, has_had_kids = self.parents, self._named, self._has_had_kids
        start = base + starts[0]
        for own, inside in enumerate(starts[1:], first):
            end = base + inside
            if start == end:  # 1B: the message itself knows best whom it answers: nobody
                if parents[own] != NONE:
                    parents[own] = NONE
                continue
            before = named[start]
            start += 1
            while start < end:
                at = named[start]
                if parents[at] == NONE:  # 1A: a link that is there stays
                    self._link(at, before)
                before = at
                start += 1
            if parents[own] != before:  # 1B
                if own != before and not has_had_kids[own]:  # as _link, without a call
                    parents[own] = before
                    has_had_kids[before] = 1
                else:
                    parents[own] = NONE
                    self._link(own, before)

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


def _slices(column: array[int] | range) -> Iterator[array[int] | range]:
    for start in range(0, len(column), SLICE):
        yield column[start : start + SLICE]


def join(links: Links, order: Sequence[int], subjects: Subjects) -> Slicer[Forest]:
    """Return the threads; *order* is the places by date, so all siblings come out by date."""
    yield from links.link()
    forest = Forest(len(order))
    tree = _Tree(forest, links.parents)
    yield from tree.prune(links)
    yield from tree.find_tops(order)
    yield from tree.join_subjects(subjects)
    yield from tree.plant(order)
    return forest


def _above(missing: int, links: Links, known: dict[int, int]) -> int:
    """Return who is above a *missing* container: the next message, or the topmost missing one."""
    path: list[int] = []
    at = missing
    while at >= links.count and at not in known:
        path.append(at)
        at = links.parents[at]
    if at == NONE:
        at = path[-1]
    found = known.get(at, at)
    known.update(dict.fromkeys(path, found))
    return found


class _Tree:
    """Steps 2, 3 and 5 on the parents of messages."""

    def __init__(self, forest: Forest, parents: array[int]) -> None:
        self._forest = forest
        self.parents = parents  # of each message, once pruned
        self._tops = array("i")  # by date
        self._heads = array("i")  # of each top: its first child if it is a dummy, else itself
        self._dummies: set[int] = set()  # dummies among the tops
        self._together: dict[int, array[int]] = {}  # children of each dummy

    def prune(self, links: Links) -> Slicer[None]:
        """Step 3: let go of containers that nobody wrote.

        Children of a missing message move up to who is above it; at the top several stay
        together under a dummy.
        """
        above: dict[int, int] = {}  # a missing container → the message above, or the topmost
        tops: dict[int, list[int]] = {}  # a topmost missing one → the messages below it
        parents, count = self.parents, links.count
        for start in range(0, count, SLICE):
            some = parents[start : min(start + SLICE, count)]
            if max(some) >= count:  # some answer who is not there
                for place, at in enumerate(some, start):
                    if at < count:
                        continue
                    found = _above(at, links, above)
                    parents[place] = found if found < count else NONE
                    if found >= count:
                        tops.setdefault(found, []).append(place)
            yield
        del parents[count:]
        for places in tops.values():
            if len(places) > 1:
                self._under_dummy(places)

    def _under_dummy(self, places: list[int]) -> int:
        dummy = self._forest.dummy()
        self._together[dummy] = array("i", places)
        for place in places:
            self.parents[place] = dummy
        return dummy

    def find_tops(self, order: Sequence[int]) -> Slicer[None]:
        """Step 2, in the order of step 4."""
        parents, count = self.parents, self._forest.count
        for start in range(0, len(order), SLICE):
            some = order[start : start + SLICE]
            on = at_places(parents, some)
            free = [at for at, parent in zip(some, on, strict=True) if not 0 <= parent < count]
            if len(self._forest.first) == count:  # no dummies: each is its own top
                self._tops.extend(free)
                self._heads.extend(free)
                yield
                continue
            for at in free:
                top = at if parents[at] == NONE else parents[at]
                if top in self._dummies:
                    continue
                if top >= count:
                    self._dummies.add(top)
                self._tops.append(top)
                self._heads.append(at)
            yield

    def join_subjects(self, subjects: Subjects) -> Slicer[None]:
        """Step 5: join tops that have one base subject."""
        table: dict[int, int] = {}
        of, is_reply, count = subjects.of, subjects.is_reply, self._forest.count
        for start in range(0, len(self._tops), SLICE):
            heads = self._heads[start : start + SLICE]
            tops = self._tops[start : start + SLICE]
            for top, subject in zip(tops, map(of.__getitem__, heads), strict=True):
                held = table.setdefault(subject, top)
                if held < count and (top >= count or is_reply[held] > is_reply[top]):
                    table[subject] = top
            yield
        table.pop(NO_ID, None)
        for start in range(0, len(self._tops), SLICE):
            heads = self._heads[start : start + SLICE]
            tops = self._tops[start : start + SLICE]
            for top, subject in zip(tops, map(of.__getitem__, heads), strict=True):
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
        """Steps 4 and 6: siblings come by date, a dummy where its first child comes."""
        forest, parents, count = self._forest, self.parents, self._forest.count
        yield from forest.plant(parents, order)
        roots, told = forest.roots, set[int]()
        for start in range(0, len(self._heads), SLICE):
            for head in self._heads[start : start + SLICE]:
                parent = parents[head]
                if parent == NONE:
                    roots.append(head)
                elif parent >= count and parent not in told:
                    told.add(parent)
                    roots.append(parent)
            yield

    def _joined(self, top: int, held: int, is_reply: bytearray) -> int:
        """Join two tops of one subject; return the one that stands for it from now on."""
        count = self._forest.count
        if held >= count:
            moved = self._together[top] if top >= count else array("i", [top])
            self._together[held] += moved
            for place in moved:
                self.parents[place] = held
            return held
        if is_reply[top] and not is_reply[held]:
            self.parents[top] = held
            return held
        return self._under_dummy([held, top])
