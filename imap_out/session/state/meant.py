"""Which messages of a view a set of numbers or UIDs means.  RFC 9051 §9 (sequence-set)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

from imap_out.session.state.refusals import ClientBug
from imap_out.session.state.selected import SelectedView
from imap_out.wire.commands import Command, Fetch
from imap_out.wire.sequence_set import STAR, SequenceSet


def positions(view: SelectedView, which: SequenceSet, *, by_uid: bool) -> Sequence[int]:
    """Return the indices that a set means in *view*, ascending; raises as `spans`."""
    if by_uid and which.numbers:
        return view.rows.places_of(which.numbers)
    if len(which.numbers) == 1 and which.numbers[0] <= len(view.rows):
        [number] = which.numbers  # as nearly all say who read message after message
        return range(number - 1, number)
    ranges = spans(view, which, by_uid=by_uid)
    return ranges[0] if len(ranges) == 1 else list(chain.from_iterable(ranges))


def spans(view: SelectedView, which: SequenceSet, *, by_uid: bool) -> list[range]:
    """Return the indices that a set means in *view*, as ascending ranges.

    A UID that is not there is nothing (RFC 9051 §6.4.9).  A sequence number beyond the end is
    BAD, except that ``1:*`` of an empty mailbox is nothing: many clients ask so.

    Raises:
        ClientBug: A number no message has.
    """
    if by_uid:
        rows = view.rows
        last = rows.uids[len(rows) - 1] if len(rows) else 0
        return which.positions_of(last, rows.place)
    count = len(view.rows)
    ends = which.spans(count)
    if ends and ends[-1][1] > count:
        raise ClientBug(f"there are {count} messages")
    if not ends and any(low and high for low, high in which.ranges):
        raise ClientBug("there are no messages")
    return [range(low - 1, high) for low, high in ends]


def asks_for_new(command: Command, view: SelectedView) -> bool:
    """Tell whether a UID FETCH reaches beyond what was told, by ``*`` or by a number, and there may be more.

    A program that asks so for what is new, and is told only behind the answer that more has come,
    may look again much later.  EXISTS may be told with any answer: RFC 9051 §5.2.
    """
    if not isinstance(command, Fetch) or not command.by_uid or view.is_told_all:
        return False
    which = command.which
    if which.numbers:
        return which.numbers[-1] >= view.uid_next
    return any(STAR in span or max(span) >= view.uid_next for span in which.ranges)
