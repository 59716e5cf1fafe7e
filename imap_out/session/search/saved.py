"""``$``: the result of the last search that was to be saved.  RFC 5182 §2.

A result is kept as UIDs in the view it was found in, so that it ends with the view, follows
sequence numbers as they shift, and holds no message that is gone.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from imap_out.session.state.selected import SelectedView
from imap_out.wire.commands import Command, Copy, Expunge, Fetch, Store
from imap_out.wire.search_return import Item, Returning
from imap_out.wire.sequence_set import SequenceSet, runs_set


def spelled_out(command: Command, view: SelectedView | None) -> Command:
    """Return *command* with the messages that ``$`` means now in place of it."""
    if view is None:
        return command
    match command:
        case Expunge(uids) if uids is not None and uids.saved:
            return replace(command, uids=runs_set(view.saved))
        case Fetch() | Store() | Copy() if command.which.saved:
            return replace(command, which=_set(view, by_uid=command.by_uid))
        case _:
            return command


def _set(view: SelectedView, *, by_uid: bool) -> SequenceSet:
    if by_uid:
        return runs_set(view.saved)
    places = (view.rows.position(uid) for uid in view.saved)
    return runs_set([at + 1 for at in places if at is not None])


def to_save(returning: Returning, found: Sequence[int]) -> Sequence[int]:
    """Return what of the indices *found*, ascending or sorted, SAVE keeps.  RFC 9394 §3.2, table 1.

    MIN, MAX and PARTIAL narrow it, unless COUNT or ALL stands beside them.  RFC 5182 §2.4.
    """
    items = returning.items
    narrow = items & {Item.MIN, Item.MAX}
    if items & {Item.ALL, Item.COUNT} or not (narrow or returning.partial):
        return found
    kept: set[int] = set()
    if found and Item.MIN in narrow:
        kept.add(found[0])
    if found and Item.MAX in narrow:
        kept.add(found[-1])
    if returning.partial is not None:
        span = returning.partial.of(len(found))
        kept.update(found[span.start : span.stop])
    return sorted(kept)
