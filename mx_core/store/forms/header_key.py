"""``HeaderKeys`` to rows and back.

Rows are made with each message, or soon after it (``late``), and never change.  A message
without them is no error: its keys are made from its octets.
"""

from __future__ import annotations

import struct
import sys
from array import array
from collections.abc import Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Final

from mx_core.mime.header_keys import header_keys
from mx_core.model.header_keys import (
    NO_DAY,
    HeaderKeys,
    OrderNumber,
    OrderText,
    TextField,
    ThreadKeys,
    ThreadTable,
)
from mx_core.model.ids import MessageId
from mx_core.store.bodies.body import BodyReader
from mx_core.store.forms import made

if TYPE_CHECKING:
    import sqlalchemy as sa

Kind = TextField | OrderText | OrderNumber | type[ThreadKeys]

_OWN: Final = 3  # numbers of a message before its references
_NO_THREAD: Final = bytes(_OWN * 8)
_TEXTS: Final = ("subject", "sender", "recipient", "copied", "hidden", "message_id")
_ORDERS: Final = (
    "subject", "sender", "recipient", "copied", "display_sender", "display_recipient",
)  # fmt: skip
_TABLES: Final[dict[Kind, tuple[str, str]]] = {
    **{text: ("header_text", name) for text, name in zip(TextField, _TEXTS, strict=True)},
    **{text: ("header_key", name) for text, name in zip(OrderText, _ORDERS, strict=True)},
    ThreadKeys: ("header_key", "thread"),
    OrderNumber.SIZE: ("message", "size"),
    OrderNumber.ARRIVED: ("message", "internal_date"),
    OrderNumber.SENT: ("header_key", "coalesce(header_key.sent, message.internal_date)"),
    OrderNumber.SENT_DAY: ("header_key", "sent_day"),
}


def insert(connection: sa.Connection, rows: Sequence[tuple[MessageId, HeaderKeys]]) -> None:
    """Store the rows of messages that have none."""
    connection.exec_driver_sql(
        "INSERT INTO header_key VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (message, keys.sent, keys.sent_day, pack_thread(keys.thread), *keys.orders)
            for message, keys in rows
        ],
    )
    connection.exec_driver_sql(
        "INSERT INTO header_text VALUES (?, ?, ?, ?, ?, ?, ?)",
        [(message, *keys.texts) for message, keys in rows],
    )


def make(connection: sa.Connection, bodies: BodyReader, message: MessageId) -> HeaderKeys | None:
    """Return the keys of *message* from its octets; None if it is no longer kept."""
    row = connection.exec_driver_sql(
        "SELECT body FROM message WHERE id = ?", (message,)
    ).one_or_none()
    if row is None:
        return None
    form = made.forms(connection, bodies, [message])[message]
    return header_keys(bodies.octets(row[0], 0, form.header_end), form)


def select(kind: Kind, chosen: str) -> str:
    """Return the query for the key of messages whose id is *chosen*: id, key, NULL if not made."""
    table, key = _TABLES[kind]
    if table == "message":
        return f"SELECT id, {key}, 1 FROM message WHERE id {chosen} ORDER BY id"  # noqa: S608  # literals
    return (
        f"SELECT message.id, {key}, {table}.message FROM message"  # noqa: S608  # literals
        f" LEFT JOIN {table} ON {table}.message = message.id"
        f" WHERE message.id {chosen} ORDER BY message.id"
    )


def select_joined(kind: Kind) -> str:
    """Return the query for all keys of messages BETWEEN ? AND ?, in one row: see ``Joined``.

    Rows by the thousand cost more in Python than in SQLite.
    """
    table, key = _TABLES[kind]
    told = "group_concat(key)"
    if not isinstance(kind, OrderNumber):
        told = "group_concat(length(key)), CAST(group_concat(key, '') AS BLOB)"
    id_ = "id" if table == "message" else f"{table}.message"
    tables = table
    if kind is OrderNumber.SENT:
        tables += " JOIN message ON message.id = header_key.message"
    return (
        f"SELECT count(*), min(message), max(message), {told}"  # noqa: S608  # literals
        f" FROM (SELECT {id_} AS message, {key} AS key FROM {tables}"
        f" WHERE {id_} BETWEEN ? AND ? ORDER BY {id_})"
    )


def key_of(kind: Kind, row: Sequence[Any], keys: HeaderKeys | None) -> Any:
    """Return the key of a message whose rows were not there, from its *keys* and what was found."""
    if isinstance(kind, OrderNumber):
        if kind is OrderNumber.SENT_DAY:
            return NO_DAY if keys is None else keys.sent_day
        return row[1] if keys is None or keys.sent is None else keys.sent
    if keys is None:
        return b""
    if isinstance(kind, TextField):
        return keys.texts[list(TextField).index(kind)]
    if isinstance(kind, OrderText):
        return keys.orders[list(OrderText).index(kind)]
    return pack_thread(keys.thread)


def pack_thread(keys: ThreadKeys) -> bytes:
    """Return id, subject, 1 for a reply, and the references, little-endian."""
    numbers = (keys.id, keys.subject, keys.is_reply, *keys.references)
    return struct.pack(f"<{len(numbers)}Q", *numbers)


def unpack_threads(rows: Sequence[bytes]) -> ThreadTable:
    """Return what ``pack_thread`` packed; of nothing, nothing."""
    whole = [row or _NO_THREAD for row in rows]
    numbers = array("Q", b"".join(whole))
    if sys.byteorder == "big":
        numbers.byteswap()
    ends = [end >> 3 for end in accumulate(map(len, whole))]
    firsts = [0, *ends][: len(ends)]
    references, starts = array("Q"), array("I", [0])
    for first, end in zip(firsts, ends, strict=True):
        if end > first + _OWN:
            references += numbers[first + _OWN : end]
        starts.append(len(references))
    subjects = map(numbers.__getitem__, map((1).__add__, firsts))
    replies = map(numbers.__getitem__, map((2).__add__, firsts))
    return ThreadTable(
        array("Q", map(numbers.__getitem__, firsts)),
        array("Q", subjects),
        bytes(replies),
        references,
        starts,
    )
