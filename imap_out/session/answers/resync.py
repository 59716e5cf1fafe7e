"""What changed since a client last looked: CHANGEDSINCE, VANISHED, SELECT (QRESYNC) and modseqs told.

RFC 7162.  Tombstones are kept as long as their mailbox, so the answer is exact at any modseq and
the sequence-match data of a client (§3.2.5.2), which spare a server without them a guess,
are read and not needed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from imap_out.session.answers.out import Out
from imap_out.session.state import capability
from imap_out.session.state.selected import SelectedView
from imap_out.session.state.session import Completed, Session
from imap_out.wire.commands import Command, Enable, Resync
from imap_out.wire.search_keys import Changed, Either, Every, Negated, SearchKey
from imap_out.wire.sequence_set import SequenceSet, uid_set
from mx_core.model.ids import Uid


def changed(view: SelectedView, places: Sequence[range], modseq: int) -> list[int]:
    """Return the indices among the ascending *places* of what changed after *modseq*."""
    spans = iter(places)
    span = next(spans, None)
    found: list[int] = []
    for at in view.rows.changed_since(modseq):
        while span is not None and at >= span.stop:
            span = next(spans, None)
        if span is None:
            break
        if at >= span.start:
            found.append(at)
    return found


async def tell_vanished(
    session: Session, view: SelectedView, which: SequenceSet | None, modseq: int, out: Out
) -> None:
    """Tell what was expunged after *modseq*, of *which* (None: all).  RFC 7162 §3.2.10.1.

    Not what the client still has a sequence number for: that is told as news, where it counts.
    """
    if modseq >= view.rows.highest_modseq:
        return  # it knows all of it: the usual case, and no reading
    gone = await session.mail.read(lambda reader: reader.vanished_since(view.mailbox, modseq))
    below = view.uid_next
    earlier = [uid for uid in gone if uid < below and view.rows.position(uid) is None]
    if which is not None:
        earlier = _among(earlier, which, below - 1)
    if earlier:
        out.put(b"* VANISHED (EARLIER) %b\r\n" % uid_set(earlier))


async def at_select(session: Session, view: SelectedView, known: Resync, out: Out) -> None:
    """Tell what a client that knows *known* does not know.  RFC 7162 §3.2.5.

    With another UIDVALIDITY it knows nothing of this mailbox, and is told nothing.
    """
    if known.uid_validity != view.rows.uid_validity:
        return
    await tell_vanished(session, view, known.known, known.modseq, out)
    largest = view.uid_next - 1
    spans = [range(len(view.rows))]
    if known.known is not None:
        spans = known.known.positions_of(largest, view.rows.place)
    for at in changed(view, spans, known.modseq):
        out.put(view.flags_line(at))
        await out.room()


def asks_modseq(key: SearchKey) -> bool:
    """Tell whether a search asks for modification sequences, and so is told them."""
    match key:
        case Changed():
            return True
        case Every(keys):
            return any(map(asks_modseq, keys))
        case Either(one, other):
            return asks_modseq(one) or asks_modseq(other)
        case Negated(inner):
            return asks_modseq(inner)
        case _:
            return False


def highest(view: SelectedView, places: Iterable[int]) -> int:
    """Return the highest modseq at ascending indices, of which there is one.  RFC 7162 §3.1.5."""
    return max(part.modseqs[inside] for _, part, inside in view.rows.rows(places))


def _among(uids: Iterable[Uid], which: SequenceSet, largest: int) -> list[Uid]:
    spans = iter(which.spans(largest))
    span = next(spans, None)
    found: list[Uid] = []
    for uid in uids:
        while span is not None and uid > span[1]:
            span = next(spans, None)
        if span is None:
            break
        if uid >= span[0]:
            found.append(uid)
    return found


def begin_modseqs(session: Session, command: Command, view: SelectedView, out: Out) -> None:
    """Tell where a client stands whose *command* made it one that knows modseqs.

    RFC 7162 §3.1.2: the mailbox may have been selected long before.
    """
    if capability.CONDSTORE in session.enabled and not isinstance(command, Enable):
        out.put(view.highest_modseq())  # ENABLE has said it itself


def with_modseq(session: Session, completed: Completed) -> Completed:
    """Add HIGHESTMODSEQ where expunges were told.  RFC 7162 §3.2.7, §3.2.9."""
    view = session.view
    if view is None or not view.vanished or capability.QRESYNC not in session.enabled:
        return completed
    code = b"HIGHESTMODSEQ %d" % view.modseq_told
    return Completed(completed.text, code, completed.tells_modseq)
