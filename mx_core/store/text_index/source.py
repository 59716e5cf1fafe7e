"""What the index reads of an account's mail: ids in order, octets, and which are still there."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import structlog

from mx_core.db.database import Database
from mx_core.mime.prepare import prepare
from mx_core.mime.search_text import body_text, header_text
from mx_core.mime.without_attachments import without_attachments
from mx_core.model.errors import MessageGone, StoreDamaged
from mx_core.model.ids import MessageId
from mx_core.model.message import MessageForm
from mx_core.ports import MailReader
from mx_core.store.mail.mail import Mail

log = structlog.get_logger()

_IDS: Final = 4_096  # in one read transaction
_READ_OCTETS: Final = 1 << 20  # in one read transaction
_LONG_OCTETS: Final = 1 << 20  # of a longer message the attachments are not read


_Read = tuple[MessageId, bytes | None, MessageForm | None]


@dataclass(frozen=True, slots=True)
class Texts:
    """One message to be indexed; *header* and *body* are None when its octets can not be read."""

    message: MessageId
    header: str | None
    body: str | None


class Source:
    """See the module; for the thread of the index, so it blocks."""

    def __init__(self, database: Database, mail: Mail) -> None:
        self._database = database
        self._mail = mail

    def device(self) -> bytes:
        """Return what names this store; another one has other messages under the same ids."""
        return bytes(
            self._database.read_blocking(
                lambda connection: connection.exec_driver_sql(
                    "SELECT device FROM clock"
                ).scalar_one()
            )
        )

    def end(self) -> MessageId:
        """Return an id above that of every message there is, and never given before."""
        newest = self._database.read_blocking(
            lambda connection: connection.exec_driver_sql(
                "SELECT newest_message FROM clock"
            ).scalar_one()
        )
        return MessageId(newest + 1)

    def following(self, first: MessageId, count: int) -> list[MessageId]:
        """Return the first *count* messages from *first* on, ascending.

        Ids are given by the one writer in the order of its commits, so no message below the
        last of these appears later.
        """
        return self._database.read_blocking(
            lambda connection: [
                MessageId(message)
                for message in connection.exec_driver_sql(
                    "SELECT id FROM message WHERE id >= ? ORDER BY id LIMIT ?", (first, count)
                ).scalars()
            ]
        )

    async def waiting(self, first: MessageId) -> int:
        """Return how many messages there are from *first* on."""
        return await self._database.read(
            lambda connection: int(
                connection.exec_driver_sql(
                    "SELECT count(*) FROM message WHERE id >= ?", (first,)
                ).scalar_one()
            )
        )

    def count(self, first: MessageId, end: MessageId) -> int:
        """Return how many messages there are from *first* to before *end*."""
        return self._database.read_blocking(
            lambda connection: int(
                connection.exec_driver_sql(
                    "SELECT count(*) FROM message WHERE id >= ? AND id < ?", (first, end)
                ).scalar_one()
            )
        )

    def there(self, first: MessageId, end: MessageId) -> bytearray:
        """Return an octet for each id from *first* to before *end*: 1 if the message is there."""
        there = bytearray(end - first)
        at = first
        while ids := self.following(at, _IDS):
            for message in ids:
                if message >= end:
                    return there
                there[message - first] = 1
            at = MessageId(ids[-1] + 1)
        return there

    def texts(self, messages: Sequence[MessageId]) -> Iterator[Texts]:
        """Yield the texts of *messages*; of one that went meanwhile, nothing."""
        waiting = list(reversed(messages))
        while waiting:
            for message, octets, form in self._mail.read_blocking(lambda r: _read(r, waiting)):
                yield self._texts(message, octets, form)

    def _texts(self, message: MessageId, octets: bytes | None, form: MessageForm | None) -> Texts:
        try:
            return _texts(message, octets, form)
        except Exception:  # the catch-all of one item: a text that our code can not make
            log.exception("text_of_message_left_out", message=message)
            return Texts(message, None, None)


def _read(reader: MailReader, waiting: list[MessageId]) -> list[_Read]:
    """Take messages off the end of *waiting* and read them, a megabyte or one."""
    taken: list[_Read] = []
    room = _READ_OCTETS
    while waiting and room > 0:
        message = waiting.pop()
        try:
            [form] = reader.forms([message])
            octets, form = _words_of(reader, message, form)
        except MessageGone:
            continue
        except StoreDamaged:
            taken.append((message, None, None))
            continue
        room -= len(octets)
        taken.append((message, octets, form))
    return taken


def _words_of(
    reader: MailReader, message: MessageId, form: MessageForm
) -> tuple[bytes, MessageForm]:
    """Return the octets of *message*, of a long one only what can hold words, and their form."""
    if form.size > _LONG_OCTETS:
        with contextlib.suppress(StoreDamaged):  # the form is of another version, or worse
            return without_attachments(_Stored(reader, message, form.size), form)
    return reader.octets(message), form


@dataclass(frozen=True, slots=True)
class _Stored:
    """A message as octets that are read where they are asked for; ``model.octets``."""

    reader: MailReader
    message: MessageId
    size: int

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, part: slice) -> bytes:
        return self.reader.octets(self.message, part.start, part.stop)


def _texts(message: MessageId, octets: bytes | None, form: MessageForm | None) -> Texts:
    if octets is None or form is None:
        return Texts(message, None, None)
    try:
        return Texts(message, header_text(octets, form), body_text(octets, form))
    except StoreDamaged:  # the form is of another version
        form = prepare(octets)
        return Texts(message, header_text(octets, form), body_text(octets, form))
