"""Threads as trees of messages, and the answer that spells them.  No step recurses.

A node below ``count`` is the message at that place among those that were found; one from there
on is a dummy that holds messages together.  RFC 5256 §4 (THREAD).
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from typing import Final

from imap_out.session.search.ordering import SLICE, Slicer
from mx_core.model.header_keys import ThreadTable

NONE: Final = -1


class Forest:
    """Trees over *count* messages; children stand in the order in which they were planted.

    Columns of numbers, not of objects: a million messages are threaded in tens of megabytes.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self.roots = array("i")
        self.first = array("i", [NONE]) * count  # child of each node
        self.next = array("i", [NONE]) * count  # sibling

    def dummy(self) -> int:
        """Return a new dummy."""
        for column in (self.first, self.next):
            column.append(NONE)
        return len(self.first) - 1

    def plant(self, parents: Sequence[int], order: Sequence[int]) -> Slicer[None]:
        """Put each message below its parent; siblings come in *order*."""
        first, next_ = self.first, self.next
        for end in range(len(order), 0, -SLICE):  # backwards, so nobody's last child is looked for
            for at in order[max(end - SLICE, 0) : end][::-1]:
                parent = parents[at]
                if parent != NONE:
                    next_[at] = first[parent]
                    first[parent] = at
            yield

    def spell(self, numbers: Sequence[int]) -> Iterator[bytes]:
        """Yield the thread lists in pieces; *numbers* are what the client knows messages by."""
        # thread-list   = "(" (thread-members / thread-nested) ")"          RFC 5256 §5
        # thread-members = nz-number *(SP nz-number) [SP thread-nested]
        # thread-nested = 2*thread-list
        pieces: list[str] = []
        first, next_, count = self.first, self.next, self.count
        above: list[int] = []  # who begins each of the lists around
        for root in self.roots:
            node = root  # who begins a list of its own; NONE behind the last sibling
            while node != NONE or above:
                if len(pieces) >= SLICE:
                    yield "".join(pieces).encode()
                    pieces.clear()
                if node == NONE:
                    pieces.append(")")
                    node = next_[above.pop()]
                    continue
                child = first[node]
                if child == NONE:
                    pieces.append(f"({numbers[node]})")
                    node = next_[node]
                    continue
                begins = node
                pieces.append(f"({numbers[node]} " if node < count else "(")
                while next_[child] == NONE:  # members of one list
                    node, child = child, first[child]
                    if child == NONE:
                        pieces.append(f"{numbers[node]})")
                        node = next_[begins]
                        break
                    pieces.append(f"{numbers[node]} ")
                    if len(pieces) >= SLICE:
                        yield "".join(pieces).encode()
                        pieces.clear()
                else:
                    above.append(begins)
                    node = child
        yield "".join(pieces).encode()


class Subjects:
    """What is compared of the subjects of messages: a hash, and 1 if it is one of a reply."""

    def __init__(self) -> None:
        self.of = array("Q")
        self.is_reply = bytearray()

    def add(self, keys: ThreadTable) -> None:
        """Add messages in order of sequence number."""
        self.of += keys.subjects
        self.is_reply += keys.replies


def by_subject(order: Sequence[int], subjects: Subjects) -> Slicer[Forest]:
    """Return ORDEREDSUBJECT's threads; *order* is the places by date.  RFC 5256 §3."""
    forest = Forest(len(order))
    heads: dict[int, int] = {}
    parents = array("i", [NONE]) * len(order)
    for start in range(0, len(order), SLICE):
        for at in order[start : start + SLICE]:
            head = heads.setdefault(subjects.of[at], at)
            if head == at:
                forest.roots.append(at)
            else:
                parents[at] = head
        yield
    yield from forest.plant(parents, order)
    return forest
