"""FETCH: from what was stored to answers, in slices that hold neither memory nor a transaction.

What is usual takes a way of its own: ``bodies``, ``lines``.  Of all else a read job gathers the answers of
as many messages as fit ``read_octets`` (``gathering``); the transaction ends, then the socket drains, then the next
slice is read.  A section larger than that is sent in pieces, each from its own short transaction: octets of a
message never change.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import islice
from typing import Final

from imap_out.session.answers import resync
from imap_out.session.answers.out import Out
from imap_out.session.fetch import bodies as fetch_bodies
from imap_out.session.fetch import lines as fetch_lines
from imap_out.session.fetch import pieces as fetch_pieces
from imap_out.session.fetch.columns import Wanted
from imap_out.session.fetch.gathering import Answer, Gathering
from imap_out.session.state.capability import CONDSTORE, QRESYNC
from imap_out.session.state.meant import positions, spans
from imap_out.session.state.refusals import ClientBug
from imap_out.session.state.selected import SelectedView
from imap_out.session.state.session import Completed, Session
from imap_out.wire.commands import Fetch
from imap_out.wire.fetch_items import Attribute, BinarySection, BodySection, FetchItem
from mx_core.model.flags import SEEN
from mx_core.model.ids import MessageId, Uid
from mx_core.ports import FlagChange
from mx_core.trail_port import Step

_SLICE: Final = 256  # messages whose forms one transaction reads at once
_FETCHED: Final = Completed(b"fetched")


async def fetch(session: Session, command: Fetch, out: Out) -> Completed:
    """RFC 9051 §6.4.5."""
    view = session.selected()
    items = items_told(command)
    if Attribute.MODSEQ in items:
        session.enabled.add(CONDSTORE)
    places = await _places(session, view, command, out)
    if command.partial is not None:
        span = command.partial.of(len(places))
        places = places[span.start : span.stop]  # RFC 9394 §3.3
    session.trail.reached(Step.FETCHED)
    seen_now = await _mark_seen(session, view, places, items)
    if seen_now and view.tells_modseq and Attribute.MODSEQ not in items:
        items = (*items, Attribute.MODSEQ)  # flags that change are told with it: RFC 7162 §3.1
    for line in view.new_keywords():
        out.put(line)
    if Attribute.FLAGS in items:
        view.told_at(places)
    else:
        view.told(seen_now)
    asked = None if seen_now else fetch_bodies.asked_of(items)
    if asked is not None and asked.octets_max <= session.limits.read_octets:
        await fetch_bodies.tell(session, view, places, asked, out)
        return _FETCHED
    recipe = None if seen_now else fetch_pieces.recipe_of(items)
    if recipe is not None:
        await fetch_lines.tell(session, view, places, recipe, out)
        return _FETCHED
    waiting = _wanted(view, places)
    while batch := list(islice(waiting, _SLICE)):
        while batch:
            gathering = Gathering(items, seen_now, view.mailbox, session.limits.read_octets)
            part = batch
            job = partial(gathering.gather, batch=part)
            # one message is read faster than a thread is found for it
            answers = session.mail.glance(job) if len(places) == 1 else await session.mail.read(job)
            for answer in answers:
                await _send(session, answer, out)
            batch = batch[len(answers) :]
    return _FETCHED


def items_told(command: Fetch) -> tuple[FetchItem, ...]:
    """Return what is told of each message: what *command* asks for, and what goes with how it asks."""
    items = command.items
    if command.by_uid and Attribute.UID not in items:
        items = (Attribute.UID, *items)
    if command.changed_since is not None and Attribute.MODSEQ not in items:
        items = (*items, Attribute.MODSEQ)  # RFC 7162 §3.1.4.1
    return items


async def _places(session: Session, view: SelectedView, command: Fetch, out: Out) -> Sequence[int]:
    """Return which messages are meant; tell before which are no more.  RFC 7162 §3.2.6."""
    if command.changed_since is None:
        return positions(view, command.which, by_uid=command.by_uid)
    if command.vanished:
        if QRESYNC not in session.enabled:
            raise ClientBug("VANISHED comes after ENABLE QRESYNC")
        await resync.tell_vanished(session, view, command.which, command.changed_since, out)
    meant = spans(view, command.which, by_uid=command.by_uid)
    return resync.changed(view, meant, command.changed_since)


async def _mark_seen(
    session: Session, view: SelectedView, places: Sequence[int], items: Sequence[FetchItem]
) -> set[Uid]:
    r"""Set \Seen where this FETCH does that; return the UIDs whose flags it changes."""
    if view.read_only or not sets_seen(items):
        return set()
    uids = [
        Uid(part.uids[inside])
        for _, part, inside in view.rows.rows(places)
        if SEEN not in part.column[inside] and not view.is_gone(Uid(part.uids[inside]))
    ]
    if not uids:
        return set()
    await session.mail.write(
        lambda writer: writer.store_flags(view.mailbox, uids, FlagChange.ADD, frozenset({SEEN}))
    )
    view.absorb()
    return set(uids)


def sets_seen(items: Sequence[FetchItem]) -> bool:
    r"""Tell whether to ask for *items* sets \Seen."""
    sections = [item for item in items if isinstance(item, (BodySection, BinarySection))]
    return not all(item.peek for item in sections)


def _wanted(view: SelectedView, places: Sequence[int]) -> Iterator[Wanted]:
    """Yield from what the client knows now, whatever changes while the answers leave."""
    for at, part, inside in view.rows.rows(places):
        uid = Uid(part.uids[inside])
        flags = view.spell(part.column[inside], recent=uid in view.recent)
        yield Wanted(at, uid, MessageId(part.messages[inside]), flags, part.modseqs[inside])


async def _send(session: Session, answer: Answer, out: Out) -> None:
    for piece in answer:
        if isinstance(piece, bytes):
            out.put(piece)
            continue
        out.in_literal = True
        for read in piece.reads(session.limits.read_octets):
            out.put(await session.mail.read(read))
            await out.room()
        out.in_literal = False
    await out.room()
