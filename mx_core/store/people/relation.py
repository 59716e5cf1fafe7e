"""What the owner said of the people who write: accepted, blocked, or nothing yet.  Spec/requests.

Kept by pid, so it outlives every rotation and move.  What a person does with a message decides
in the transaction that moves it; whom the message is from is read from what was verified when
it was stored, never from its octets.  Functions of this module run inside a write job.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from enum import Enum, IntEnum
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from mx_core.model.address import Address
from mx_core.model.ids import MailboxId, MessageId, Pid
from mx_core.model.mailbox_name import (
    GATEWAY,
    INBOX,
    OUTBOX,
    REQUESTS,
    SEND_ORDINARY,
    MailboxName,
)
from mx_core.store.outbox.reader import address_of

if TYPE_CHECKING:
    import sqlalchemy as sa

FIXED: Final = frozenset(
    {REQUESTS, GATEWAY, OUTBOX, SEND_ORDINARY}
)  # neither renamed nor deleted: mail is put there
JUNK: Final = "\\Junk"  # special use, RFC 6154
_SHOWN_MAX: Final = 500  # people in one list


class Relation(IntEnum):
    """What the owner said of a person; the values are those of the table."""

    UNDECIDED = 1
    ACCEPTED = 2
    BLOCKED = 3


class Topic(Enum):
    """What a piece of news is about."""

    ASKS = "asks"  # somebody who is not known waits in Requests
    BLOCKED = "blocked"
    INVITED = "invited"  # somebody used the invitation that the detail names
    GONE = "gone"  # the body of a message of theirs can not be had any more
    KEYS = "keys"  # the detail names what happened to their passport


class Author(Struct, frozen=True):
    """Who wrote a message of the network, as verified."""

    pid: Pid
    address: Address  # canonical


class Blocked(Struct, frozen=True):
    """Somebody who is blocked; *source*: the mailbox from which their mail was thrown, if it is there.

    *address*: as verified when a message of theirs was stored; None: none is left.  *at*: unix seconds.
    """

    pid: Pid
    address: Address | None
    before: Relation
    source: MailboxName | None
    at: int


class News(Struct, frozen=True):
    """One thing that the gateway has yet to tell; *at* is unix seconds."""

    id: int
    topic: Topic
    author: Author
    detail: str
    at: int


def relation_to(connection: sa.Connection, pid: Pid) -> Relation:
    """Return what the owner said of *pid*."""
    state = connection.exec_driver_sql("SELECT state FROM relation WHERE pid = ?", (pid,)).scalar()
    return Relation.UNDECIDED if state is None else Relation(state)


def accept(connection: sa.Connection, pid: Pid, at: int) -> None:
    """Note that the owner accepts *pid*, blocked or not; nobody waits for an answer any more."""
    connection.exec_driver_sql(
        "INSERT OR REPLACE INTO relation VALUES (?, ?, NULL, NULL, ?)",
        (pid, Relation.ACCEPTED, at),
    )
    _asks_no_more(connection, pid)


def accept_undecided(connection: sa.Connection, pid: Pid, at: int) -> None:
    """As ``accept``, unless the owner has said something of *pid* already."""
    if relation_to(connection, pid) is Relation.UNDECIDED:
        accept(connection, pid, at)


def blocked(connection: sa.Connection) -> list[Blocked]:
    """Return everybody who is blocked, the newest first, a bounded number."""
    rows = connection.exec_driver_sql(
        "SELECT pid, (SELECT max(address) FROM written_by WHERE written_by.pid = relation.pid),"
        " before, (SELECT name FROM mailbox WHERE mailbox.id = source), at"
        " FROM relation WHERE state = ? ORDER BY at DESC, pid LIMIT ?",
        (Relation.BLOCKED, _SHOWN_MAX),
    )
    return [
        Blocked(
            Pid(pid),
            None if address is None else address_of(address),
            Relation(before),
            None if source is None else MailboxName(source),
            at,
        )
        for pid, address, before, source, at in rows
    ]


def authors(
    connection: sa.Connection, messages: Sequence[MessageId], *, undecided: bool
) -> dict[MessageId, Author]:
    """Return who wrote each of *messages*, or (*undecided*) those of whom nothing was said."""
    rows = connection.exec_driver_sql(
        "SELECT message, pid, address FROM written_by"
        " WHERE message IN (SELECT value FROM json_each(?))"
        " AND (NOT ? OR pid NOT IN (SELECT pid FROM relation))",
        (json.dumps(list(messages)), undecided),
    )
    return {
        MessageId(message): Author(Pid(pid), address_of(address)) for message, pid, address in rows
    }


def note_author(connection: sa.Connection, message: MessageId, author: Author) -> None:
    """Remember who wrote *message*."""
    connection.exec_driver_sql(
        "INSERT OR REPLACE INTO written_by VALUES (?, ?, ?)",
        (message, author.pid, str(author.address)),
    )


def tell(
    connection: sa.Connection, topic: Topic, author: Author, at: int, detail: str = ""
) -> bool:
    """Have it told that this happened; False: it was told before, or is about to be."""
    made = connection.exec_driver_sql(
        "INSERT OR IGNORE INTO news (kind, pid, address, detail, at, told)"
        " VALUES (?, ?, ?, ?, ?, 0)",
        (topic.value, author.pid, str(author.address), detail, at),
    )
    return bool(made.rowcount)


def decide(
    connection: sa.Connection,
    source: MailboxId,
    target: tuple[MailboxId, MailboxName, str],
    messages: Sequence[MessageId],
    at: int,
) -> bool:
    """Take a COPY or MOVE as what it says of those who wrote *messages*.

    *target* is its id, name and special use.  Return whether there is something to tell.
    """
    target_id, target_name, target_use = target
    name, use = connection.exec_driver_sql(
        "SELECT name, special_use FROM mailbox WHERE id = ?", (source,)
    ).one()
    if target_id == source:
        return False
    if target_use == JUNK:
        return _block(connection, source, _authors(connection, messages), at)
    if use == JUNK:
        _unblock(connection, target_id, target_name, _authors(connection, messages), at)
    elif (name, target_name) == (REQUESTS, INBOX):
        for author in _authors(connection, messages):
            accept(connection, author.pid, at)
    return False


def _block(
    connection: sa.Connection, source: MailboxId, authors: Iterable[Author], at: int
) -> bool:
    told = False
    for author in authors:
        before = relation_to(connection, author.pid)
        if before is Relation.BLOCKED:
            continue
        connection.exec_driver_sql(
            "INSERT OR REPLACE INTO relation VALUES (?, ?, ?, ?, ?)",
            (author.pid, Relation.BLOCKED, before, source, at),
        )
        _asks_no_more(connection, author.pid)
        told |= tell(connection, Topic.BLOCKED, author, at)
    return told


def _unblock(
    connection: sa.Connection,
    target: MailboxId,
    name: MailboxName,
    authors: Iterable[Author],
    at: int,
) -> None:
    """Undo a block by what was moved back: to INBOX, to Requests, or to where it came from."""
    for author in authors:
        row = connection.exec_driver_sql(
            "SELECT before, source FROM relation WHERE pid = ? AND state = ?",
            (author.pid, Relation.BLOCKED),
        ).one_or_none()
        if row is None:
            continue
        before, source = row
        if name == INBOX or (target == source and before == Relation.ACCEPTED):
            accept(connection, author.pid, at)
        elif name == REQUESTS or target == source:
            connection.exec_driver_sql("DELETE FROM relation WHERE pid = ?", (author.pid,))


def _authors(connection: sa.Connection, messages: Sequence[MessageId]) -> list[Author]:
    """Return who wrote *messages*, each once; what no network brought has no author."""
    rows = connection.exec_driver_sql(
        "SELECT pid, max(address) FROM written_by"
        " WHERE message IN (SELECT value FROM json_each(?)) GROUP BY pid",
        (json.dumps(messages),),
    )
    return [Author(Pid(pid), address_of(address)) for pid, address in rows]


def _asks_no_more(connection: sa.Connection, pid: Pid) -> None:
    connection.exec_driver_sql(
        "DELETE FROM news WHERE kind = ? AND pid = ?", (Topic.ASKS.value, pid)
    )
