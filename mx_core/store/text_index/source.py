"""What the index reads of an account's mail: ids in order, letters, and which are still there."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from mx_core.db.database import Database
from mx_core.mime.without_attachments import without_attachments
from mx_core.model.errors import MessageGone, StoreDamaged
from mx_core.model.ids import MessageId
from mx_core.model.message import MessageForm
from mx_core.ports import MailReader
from mx_core.store.mail.mail import Mail
from mx_core.store.text_index.making.texts import Letter

_IDS: Final = 4_096  # in one read transaction
_FORMS: Final = 32  # that are read together: they are kept in runs
_READ_OCTETS: Final = 1 << 20  # in one read transaction
_LONG_OCTETS: Final = 1 << 16  # of a longer message, which has a file, attachments are not read

_Formed = tuple[MessageId, MessageForm | None]  # None: it can not be read


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

    def letters(self, messages: Sequence[MessageId]) -> Iterator[list[Letter]]:
        """Yield *messages* as they are read, about a megabyte at once, without those that went."""
        waiting = deque(messages)
        formed: deque[_Formed] = deque()
        while waiting or formed:
            yield self._mail.read_blocking(lambda r: _read(r, waiting, formed))


def _read(reader: MailReader, waiting: deque[MessageId], formed: deque[_Formed]) -> list[Letter]:
    """Take messages off *waiting* and read them, a megabyte or one.

    *formed* is for those whose forms are read and that come with the next megabyte.
    """
    taken: list[Letter] = []
    room = _READ_OCTETS
    while (waiting or formed) and room > 0:
        if not formed:
            some = [waiting.popleft() for _ in range(min(_FORMS, len(waiting)))]
            formed.extend(_forms(reader, some))
            continue
        message, form = formed.popleft()
        if form is None:
            taken.append(Letter(message, None))
            continue
        try:
            octets, form = _words_of(reader, message, form)
        except MessageGone:
            continue
        except StoreDamaged:
            taken.append(Letter(message, None))
            continue
        room -= len(octets)
        taken.append(Letter(message, octets, form.fields, form.parts))
    return taken


def _forms(reader: MailReader, messages: Sequence[MessageId]) -> list[_Formed]:
    """Return the forms of those of *messages* that are there, None of one that can not be read."""
    try:
        return list(zip(messages, reader.forms(messages), strict=True))
    except (MessageGone, StoreDamaged) as error:
        if len(messages) > 1:  # the others are not lost with it
            return [formed for message in messages for formed in _forms(reader, [message])]
        return [] if isinstance(error, MessageGone) else [(messages[0], None)]


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
