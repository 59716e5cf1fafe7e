"""What SEARCH, SORT and THREAD compare of a message's header, prepared once on arrival.

Text is folded by i;unicode-casemap and encoded in UTF-8, so that comparing octets is comparing
text, in search and in order (RFC 5051 §2).  Ids are 64-bit hashes.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from enum import Enum
from itertools import compress, count, repeat
from typing import Final, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from mx_core.model.ids import MessageId


class TextField(Enum):
    """Header fields whose texts are kept for searching, by their names in lower case."""

    SUBJECT = b"subject"
    FROM = b"from"
    TO = b"to"
    CC = b"cc"
    BCC = b"bcc"
    MESSAGE_ID = b"message-id"


class OrderText(Enum):
    """Texts that messages are put in order by.  RFC 5256 §3 and RFC 5957 §3."""

    SUBJECT = "base subject"
    FROM = "mailbox of the first sender"
    TO = "mailbox of the first recipient"
    CC = "mailbox of the first Cc"
    DISPLAY_FROM = "shown name of the first sender"
    DISPLAY_TO = "shown name of the first recipient"


class OrderNumber(Enum):
    """Numbers that messages are put in order by, or judged by."""

    SIZE = "octets"
    ARRIVED = "INTERNALDATE, unix seconds"
    SENT = "Date, unix seconds; INTERNALDATE where there is none (RFC 5256 §2.2)"
    SENT_DAY = "day of Date in the sender's zone, since 1970; NO_DAY where there is none"


NO_DAY: Final = -(2**31)
NO_ID: Final = 0  # the hash of what is not there; no text has it
NOWHERE: Final = -1  # the place of who is not there


class ThreadKeys(NamedTuple):
    """What joins a message to others.  RFC 5256 §3 (THREAD)."""

    id: int = NO_ID  # hash of Message-ID
    subject: int = NO_ID  # hash of the base subject
    is_reply: bool = False  # the subject says that it answers or forwards
    references: tuple[int, ...] = ()  # hashes, oldest first


class ThreadTable(Struct, frozen=True, eq=False):
    """The thread keys of many messages in columns: a hundred thousand of them and no objects.

    The references of message n are those from ``starts[n]`` up to ``starts[n + 1]``.
    """

    ids: array[int]
    subjects: array[int]
    replies: bytes  # 1 for a reply, else 0
    references: array[int]
    starts: array[int]  # of each message, and the length
    near: array[int] | None = None  # of each reference the first place with that id, or NOWHERE
    far: array[int] | None = None  # which references are NOWHERE; see ``with_neighbours``
    judged: bool = False  # which of its ids are doubtful is known

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, at: int) -> ThreadKeys:
        references = self.references[self.starts[at] : self.starts[at + 1]]
        return ThreadKeys(self.ids[at], self.subjects[at], self.replies[at] == 1, tuple(references))

    def named_far(self) -> array[int]:
        """Return the ids of the references that are far."""
        return array("Q", map(self.references.__getitem__, self.far or ()))

    def cut(self, low: int, high: int) -> ThreadTable:
        """Return the messages from *low* up to *high*."""
        if low == 0 and high >= len(self):
            return self
        starts = self.starts[low : high + 1]
        references = self.references[starts[0] : starts[-1]]
        if starts[0]:
            starts = array("I", map((-starts[0]).__add__, starts))
        return ThreadTable(
            self.ids[low:high], self.subjects[low:high], self.replies[low:high], references, starts
        )

    def at(self, places: Sequence[int]) -> ThreadTable:
        """Return the messages at *places*, in their order."""
        references, starts = array("Q"), array("I", [0])
        for place in places:
            references += self.references[self.starts[place] : self.starts[place + 1]]
            starts.append(len(references))
        return ThreadTable(
            array("Q", map(self.ids.__getitem__, places)),
            array("Q", map(self.subjects.__getitem__, places)),
            bytes(map(self.replies.__getitem__, places)),
            references,
            starts,
        )


def with_neighbours(table: ThreadTable) -> ThreadTable:
    """Return *table* with whom its references name among its own messages.

    Nearly everybody answers a neighbour, and a small table of ids is one that caches hold.
    """
    places = dict(zip(reversed(table.ids), range(len(table) - 1, -1, -1), strict=True))
    near = array("i", map(places.get, table.references, repeat(NOWHERE)))
    far = array("I", compress(count(), map(NOWHERE.__eq__, near)))
    return replace(table, near=near, far=far)


def joined(tables: Iterable[ThreadTable]) -> ThreadTable:
    """Return the messages of all *tables*, one table behind the other."""
    tables = list(tables)
    if len(tables) == 1:
        return tables[0]
    ids, subjects, references = array("Q"), array("Q"), array("Q")
    replies, starts = bytearray(), array("I", [0])
    for table in tables:
        if references:
            starts.extend(map(len(references).__add__, table.starts[1:]))
        else:
            starts += table.starts[1:]
        ids += table.ids
        subjects += table.subjects
        replies += table.replies
        references += table.references
    return ThreadTable(ids, subjects, bytes(replies), references, starts)


def thread_table(keys: Iterable[ThreadKeys]) -> ThreadTable:
    """Return the table of *keys*."""
    ids, subjects, references = array("Q"), array("Q"), array("Q")
    replies, starts = bytearray(), array("I", [0])
    for key in keys:
        ids.append(key.id)
        subjects.append(key.subject)
        replies.append(key.is_reply)
        references.extend(key.references)
        starts.append(len(references))
    return ThreadTable(ids, subjects, bytes(replies), references, starts)


class HeaderKeys(Struct, frozen=True):
    """See the module.

    A text is b"" when there is no such field; otherwise each way to read one of the fields,
    with TEXT_MARK before each.  UNPREPARED stands for a text too long to keep.
    """

    sent: int | None
    sent_day: int  # NO_DAY if there is none
    texts: tuple[bytes, ...]  # in the order of TextField
    orders: tuple[bytes, ...]  # in the order of OrderText
    thread: ThreadKeys


TEXT_MARK: Final = b"\xff"  # in no UTF-8, so no search finds across it
UNPREPARED: Final = b"\xfd"


class Hits(Struct, frozen=True):
    """Which messages hold a text: *sure* do, *open* may; may name messages not asked about."""

    sure: AbstractSet[MessageId] = frozenset()
    open: AbstractSet[MessageId] = frozenset()
