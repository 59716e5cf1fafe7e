"""FETCH items that are asked for a whole slice of messages at once, one table entry each.

A column answers in the order of the slice, within the slice's one read transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from msgspec import Struct

from imap_out.session.answers.object_ids import email_id, thread_id
from imap_out.wire.dates import render_date_time
from imap_out.wire.fetch_items import Column
from imap_out.wire.render import string
from mx_core.mime.preview import preview
from mx_core.mime.thread import thread_of
from mx_core.model.ids import MailboxId, MessageId, Uid
from mx_core.ports import MailReader


class Wanted(Struct, frozen=True):
    """One message of a slice."""

    at: int
    uid: Uid
    message: MessageId
    flags: bytes
    modseq: int


Teller = Callable[[MailReader, MailboxId, Sequence[Wanted]], list[bytes]]


def _email_ids(reader: MailReader, _mailbox: MailboxId, batch: Sequence[Wanted]) -> list[bytes]:
    ids = reader.global_ids([wanted.message for wanted in batch])
    return [b"EMAILID (%b)" % email_id(each) for each in ids]


def _thread_ids(reader: MailReader, _mailbox: MailboxId, batch: Sequence[Wanted]) -> list[bytes]:
    told: list[bytes] = []
    messages = [wanted.message for wanted in batch]
    for message, form in zip(messages, reader.forms(messages), strict=True):
        spelled = thread_id(thread_of(reader.octets(message, 0, form.header_end), form))
        told.append(b"THREADID NIL" if spelled is None else b"THREADID (%b)" % spelled)
    return told


def _save_dates(reader: MailReader, mailbox: MailboxId, batch: Sequence[Wanted]) -> list[bytes]:
    dates = reader.save_dates(mailbox, [wanted.uid for wanted in batch])
    return [b'SAVEDATE "%b"' % render_date_time(date) for date in dates]


def _previews(reader: MailReader, _mailbox: MailboxId, batch: Sequence[Wanted]) -> list[bytes]:
    messages = [wanted.message for wanted in batch]
    return [
        b"PREVIEW " + string(preview(form, partial(reader.octets, message)).encode())
        for message, form in zip(messages, reader.forms(messages), strict=True)
    ]


COLUMNS: Final[dict[Column, Teller]] = {
    Column.EMAILID: _email_ids,
    Column.THREADID: _thread_ids,
    Column.SAVEDATE: _save_dates,
    Column.PREVIEW: _previews,
}
