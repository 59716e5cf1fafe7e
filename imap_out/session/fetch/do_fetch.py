"""FETCH: from what was stored to answers, in slices that hold neither memory nor a transaction.

A read job gathers the answers of as many messages as fit ``read_octets``; the transaction ends,
then the socket drains, then the next slice is read.  A section larger than that is sent in
pieces, each from its own short transaction: octets of a message never change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import Final, assert_never

from msgspec import Struct

from imap_out.session.answers import resync
from imap_out.session.answers.out import Out
from imap_out.session.fetch import binary as fetch_binary
from imap_out.session.fetch import bodies as fetch_bodies
from imap_out.session.fetch import lines as fetch_lines
from imap_out.session.fetch import pieces as fetch_pieces
from imap_out.session.fetch.binary import DecodedPiece
from imap_out.session.fetch.columns import COLUMNS, Wanted
from imap_out.session.state.capability import CONDSTORE, QRESYNC
from imap_out.session.state.meant import positions, spans
from imap_out.session.state.refusals import ClientBug
from imap_out.session.state.selected import SelectedView
from imap_out.session.state.session import Completed, Session
from imap_out.wire.commands import Fetch
from imap_out.wire.dates import render_date_time
from imap_out.wire.fetch_items import (
    Attribute,
    BinarySection,
    BinarySize,
    BodySection,
    Column,
    FetchItem,
    Section,
    SectionText,
)
from imap_out.wire.render import section_name
from mx_core.mime.header import fields_subset, part_fields_subset
from mx_core.mime.section import Text, section_octets
from mx_core.model.flags import SEEN
from mx_core.model.ids import MailboxId, MessageId, Uid
from mx_core.model.message import MessageForm
from mx_core.ports import FlagChange, MailReader
from mx_core.trail_port import Step

_SLICE: Final = 256  # messages whose forms one transaction reads at once
_FROM_FORM: Final = frozenset({Attribute.ENVELOPE, Attribute.BODY, Attribute.BODYSTRUCTURE})
_FROM_ROW: Final = frozenset({Attribute.INTERNALDATE, Attribute.SIZE})
_TEXTS: Final = {
    SectionText.WHOLE: Text.WHOLE,
    SectionText.HEADER: Text.HEADER,
    SectionText.FIELDS: Text.HEADER,
    SectionText.FIELDS_NOT: Text.HEADER,
    SectionText.TEXT: Text.TEXT,
    SectionText.MIME: Text.MIME,
}
_WHOLE: Final = Section()
_FETCHED: Final = Completed(b"fetched")


class Piece(Struct, frozen=True):
    """Octets of a message that are sent later, range by range."""

    message: MessageId
    start: int
    end: int

    def reads(self, step: int) -> Iterator[Callable[[MailReader], bytes]]:
        """Yield jobs that give the octets in order, *step* at most from each."""
        for start in range(self.start, self.end, step):
            end = min(start + step, self.end)
            yield lambda r, s=start, e=end: r.octets(self.message, s, e)  # type: ignore[misc]  # defaults bind the loop's values


Answer = list[bytes | Piece | DecodedPiece]


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


class Gathering:
    """One read job: the answers of the first messages of a slice, as many as fit."""

    def __init__(
        self, items: Sequence[FetchItem], seen_now: set[Uid], mailbox: MailboxId, octets: int
    ) -> None:
        self._items = items
        self._mailbox = mailbox
        self._seen_now = seen_now
        self._whole = octets
        self._left = octets
        self._needs_form = any(
            item.section != _WHOLE
            if isinstance(item, BodySection)
            else item in _FROM_FORM or isinstance(item, BinarySection | BinarySize)
            for item in items
        )
        self._needs_row = any(
            item.section == _WHOLE if isinstance(item, BodySection) else item in _FROM_ROW
            for item in items
        )

    def gather(self, reader: MailReader, batch: Sequence[Wanted]) -> list[Answer]:
        """Return at least one answer, and at most one for each of *batch*, in order."""
        messages = [wanted.message for wanted in batch]
        forms = reader.forms(messages) if self._needs_form else [None] * len(batch)
        rows = reader.sizes_and_dates(messages) if self._needs_row else [(0, 0)] * len(batch)
        columns = {
            item: COLUMNS[item](reader, self._mailbox, batch)
            for item in self._items
            if isinstance(item, Column)
        }
        answers: list[Answer] = []
        for place, (wanted, form, row) in enumerate(zip(batch, forms, rows, strict=True)):
            if self._left <= 0:
                break
            told = {item: column[place] for item, column in columns.items()}
            answers.append(self._answer(reader, wanted, form, row, told))
        return answers

    def _answer(
        self,
        reader: MailReader,
        wanted: Wanted,
        form: MessageForm | None,
        row: tuple[int, int],
        told: Mapping[Column, bytes],
    ) -> Answer:
        answer: Answer = [b"* %d FETCH (" % (wanted.at + 1)]
        separator = b""
        for item in self._items:
            answer.append(separator)
            separator = b" "
            if isinstance(item, Column):
                answer.append(told[item])
            elif isinstance(item, BinarySection | BinarySize):
                answer += self._binary(reader, wanted.message, item, form)
            elif isinstance(item, BodySection):
                answer += self._section(reader, wanted.message, item, form, row[0])
            else:
                answer.append(_attribute(item, wanted, form, row))
        if wanted.uid in self._seen_now and Attribute.FLAGS not in self._items:
            answer.append(b" FLAGS " + wanted.flags)
        answer.append(b")\r\n")
        self._left -= sum(len(piece) for piece in answer if isinstance(piece, bytes))
        return answer

    def _binary(
        self,
        reader: MailReader,
        message: MessageId,
        item: BinarySection | BinarySize,
        form: MessageForm | None,
    ) -> Answer:
        if form is None:  # `_needs_form` keeps this from happening
            return []
        return [*fetch_binary.tell(reader, message, form, item, self._whole)]

    def _section(
        self,
        reader: MailReader,
        message: MessageId,
        item: BodySection,
        form: MessageForm | None,
        size: int,
    ) -> Answer:
        section = item.section
        name = section_name(item)
        span = (
            (0, size)
            if form is None or section == _WHOLE
            else section_octets(form, section.part, _TEXTS[section.text])
        )
        if span is None:
            return [name + b" NIL"]  # the message has no such part
        start, end = span
        if form is not None and section.text in {SectionText.FIELDS, SectionText.FIELDS_NOT}:
            header = reader.octets(message, start, end)
            exclude = section.text is SectionText.FIELDS_NOT
            octets = (
                part_fields_subset(header, section.fields, exclude)
                if section.part
                else fields_subset(header, form, section.fields, exclude)
            )
            if item.partial is not None:
                octets = octets[item.partial[0] : sum(item.partial)]
            return [name + b" {%d}\r\n" % len(octets), octets]
        if item.partial is not None:
            start, end = min(start + item.partial[0], end), min(start + sum(item.partial), end)
        head = name + b" {%d}\r\n" % (end - start)
        if end - start > self._whole:
            return [head, Piece(message, start, end)]
        return [head, reader.octets(message, start, end) if end > start else b""]


def _attribute(
    item: Attribute, wanted: Wanted, form: MessageForm | None, row: tuple[int, int]
) -> bytes:
    match item:
        case Attribute.UID:
            return b"UID %d" % wanted.uid
        case Attribute.FLAGS:
            return b"FLAGS " + wanted.flags
        case Attribute.MODSEQ:
            return b"MODSEQ (%d)" % wanted.modseq
        case Attribute.SIZE:
            return b"RFC822.SIZE %d" % row[0]
        case Attribute.INTERNALDATE:
            return b'INTERNALDATE "%b"' % render_date_time(row[1])
        case Attribute.ENVELOPE:
            return b"ENVELOPE " + (form.envelope if form else b"NIL")
        case Attribute.BODY:
            return b"BODY " + (form.body if form else b"NIL")
        case Attribute.BODYSTRUCTURE:
            return b"BODYSTRUCTURE " + (form.bodystructure if form else b"NIL")
        case _:
            assert_never(item)
