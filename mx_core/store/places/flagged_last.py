"""Segments of one mailbox as they are stored, whose flags were changed last, for the next such change to begin with.  Pure.

A mail program changes one message here and one there, and each lies in one of a few segments that
some change before it has read.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import Final, NamedTuple

from mx_core.model.ids import MailboxId
from mx_core.store.places.segment import Segment

SEGMENTS_MAX: Final = 32  # segments of up to 8 KB: a mailbox of 10,000 messages


class FlaggedLast(NamedTuple):
    """Ascending; nobody changes what is in here."""

    mailbox: MailboxId
    firsts: list[int]  # of each segment the first UID that is there
    parts: list[Segment]

    def holding(self, uid: int) -> Segment | None:
        """Return the segment that has *uid* between its first and its last, the caller's own to reflag."""
        at = bisect_right(self.firsts, uid) - 1
        if at < 0 or uid > self.parts[at].uids[-1]:
            return None
        return self.parts[at].to_reflag()


def after(
    last: FlaggedLast | None, mailbox: MailboxId, parts: Sequence[Segment]
) -> FlaggedLast | None:
    """Return what is known once *parts* of *mailbox*, ascending, are stored; others stay as they were."""
    if not parts:
        return last
    if last is None or last.mailbox != mailbox:
        last = FlaggedLast(mailbox, [], [])
    firsts, kept = last.firsts[:], last.parts[:]
    for part in parts:
        at = bisect_left(firsts, part.uids[0])
        if at < len(firsts) and firsts[at] == part.uids[0]:
            kept[at] = part
        else:
            firsts.insert(at, part.uids[0])
            kept.insert(at, part)
    if len(kept) > SEGMENTS_MAX:
        kept = list(parts[-SEGMENTS_MAX:])
        firsts = [part.uids[0] for part in kept]
    return FlaggedLast(mailbox, firsts, kept)
