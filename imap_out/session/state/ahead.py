"""The message that a client reads range by range, some of it read ahead.

A mail program saves an attachment by asking for its ranges one after the other, each with a
statement, a file and a chunk to open.  From the second on the message stays open, and once an answer
has left, the next octets are read while the client takes it in and asks again, on the loop: what a
thread could read meanwhile costs less than passing the interpreter to it and back for each chunk.
What is in hand is bounded for a connection, and how many connections have something in hand for the process.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from imap_out.session.state.shelves import Shelves
from mx_core.model.errors import MailError
from mx_core.model.ids import MessageId
from mx_core.model.octets import Octets
from mx_core.ports import MailReader, MailStore

RANGE_OCTETS_MAX: Final = (
    128 * 1024
)  # of longer ones nothing is read ahead; twice that is held at most
# What is in a file is opened by so much.  A piece ends where one of these does: none is opened twice, and
# what one takes fits into the time in which a client takes in the last range.
_SEALED_OCTETS: Final = 64 * 1024


class Ahead:
    """Of one connection; owned by its task.

    Invariant: ``_octets`` are those of ``_message`` from ``_start`` to ``_end``, and ``_next`` is where
    the last range ended.
    """

    def __init__(self, shelves: Shelves) -> None:
        self.due = False  # a piece is to be read by ``go_on``
        self._shelves = shelves
        self._mail: MailStore | None = None  # to read the next piece from
        self._message: MessageId | None = None
        self._next = 0
        self._start = self._end = 0
        self._octets = b""
        self._opened: Octets | None = None  # the message
        self._whole = False  # nothing follows what is in hand
        self._count = 0  # how long the last range was
        self._counted = False

    def read(self, mail: MailStore, message: MessageId, first: int, end: int) -> bytes:
        """Return octets [first:end) of *message*; raises as reading them does."""
        follows = message == self._message and first == self._next > 0
        if not follows:
            self.drop()
        if follows and (end <= self._end or self._whole):
            octets = self._octets[first - self._start : end - self._start]
        else:
            self._octets, self._start, self._end = b"", first, first  # too little of it
            try:
                if self._opened is not None:
                    octets = self._opened[first:end]
                else:
                    octets = mail.glance(partial(_octets, message=message, start=first, end=end))
            except BaseException:
                self.drop()
                raise
            self._start = self._end = first + len(octets)
        self._message, self._next = message, first + len(octets)
        if len(octets) < end - first or (self._whole and self._next >= self._end):
            self.drop()  # that was the last of it
        elif follows and not self.due:
            self._plan(mail, end - first)
        return octets

    def go_on(self) -> None:
        """Read the next piece, if one is ``due``: once what was put has left."""
        self.due = False
        if self._mail is None or self._message is None:
            return  # dropped meanwhile
        start, message = self._end, self._message
        end = -(-(self._next + self._count) // _SEALED_OCTETS) * _SEALED_OCTETS
        try:
            if self._opened is None:
                self._opened = self._mail.glance(lambda reader: reader.opened(message))
            more = self._opened[start:end]
        except MailError:
            self.drop()  # whoever asks for it hears why
            return
        self._octets = self._octets[self._next - self._start :] + more
        self._start, self._end = self._next, start + len(more)
        self._whole = len(more) < end - start

    def drop(self) -> None:
        """Let go of everything."""
        self._mail, self._message, self._next = None, None, 0
        self._octets, self._start, self._end, self._whole = b"", 0, 0, False
        self._opened = None
        if self._counted:
            self._counted = False
            self._shelves.ahead -= 1

    def _plan(self, mail: MailStore, count: int) -> None:
        """Let the next piece be read, unless another range of *count* is in hand, or too long."""
        if count > RANGE_OCTETS_MAX or self._whole or self._end - self._next >= count:
            return
        if not self._counted:
            if self._shelves.ahead >= self._shelves.ahead_max:
                return
            self._counted = True
            self._shelves.ahead += 1
        self._mail, self.due, self._count = mail, True, count


def _octets(reader: MailReader, message: MessageId, start: int, end: int) -> bytes:
    return reader.octets(message, start, end)
