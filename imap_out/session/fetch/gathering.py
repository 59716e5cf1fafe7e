"""The answers of FETCH to some messages, item by item, from what is stored of each: its form, its row, its octets.

One read job, which takes the first messages of a slice, as many as fit.  What is too long to be held is left as
a piece, which is read when it is sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, assert_never

from msgspec import Struct

from imap_out.session.fetch import binary as fetch_binary
from imap_out.session.fetch.binary import DecodedPiece
from imap_out.session.fetch.columns import COLUMNS, Wanted
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
from mx_core.model.ids import MailboxId, MessageId, Uid
from mx_core.model.message import MessageForm
from mx_core.ports import MailReader

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
