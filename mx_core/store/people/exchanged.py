"""How mail of late came and went, by person: counted anew from what the account holds.

Nothing is kept for it.  Network mail is known by its verified author, ordinary mail by the mark
that the gateway put on it; what an import brought, what lies in Junk or Trash, and the own copies
in Sent are of no account.  What left is counted while the outbox remembers it.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from mx_core.db.database import Database
from mx_core.model.flags import NOT_ENCRYPTED
from mx_core.model.mailbox_name import QUEUED
from mx_core.ports import MailboxInfo, MailReader
from mx_core.store.mail.mail import Mail

if TYPE_CHECKING:
    import sqlalchemy as sa

REMEMBERED_SECONDS: Final = 60 * 86_400  # the outbox forgets what became of older messages
_APART: Final = frozenset({"\\Sent", "\\Drafts", "\\Junk", "\\Trash"})
_IDS_AT_ONCE: Final = 5_000
_READING: Final = b"\xff"  # stands before each way to read a field, spec: model/header_keys
_ADDRESS: Final = re.compile(rb"<([^<>@\s]{1,64}@[^<>@\s]*\.[^<>@\s]*)>")


class Exchanged(Struct, frozen=True):
    """Numbers of messages by address, folded: as they prove or say of themselves to be from."""

    sealed_in: Counter[str]
    ordinary_in: Counter[str]
    sealed_out: Counter[str]
    ordinary_out: Counter[str]


@dataclass(slots=True)
class Day:
    """Numbers of messages of one day in UTC: what came in which way, and what left."""

    sealed_in: int = 0
    ordinary_in: int = 0
    out: int = 0


class Exchange:
    """See the module."""

    def __init__(self, database: Database, mail: Mail) -> None:
        self._database = database
        self._mail = mail

    async def since(self, seconds: int) -> Exchanged:
        """Return what came and left after *seconds*, unix time."""
        marked = await self._mail.read(_marked)
        return await self._database.read(
            lambda connection: Exchanged(
                _sealed_in(connection, seconds),
                _ordinary_in(connection, marked, seconds),
                _out(connection, seconds, sealed=True),
                _out(connection, seconds, sealed=False),
            )
        )

    async def by_day(self, seconds: int) -> dict[int, Day]:
        """Return what came and left after *seconds*, by days since 1970; a day without mail is left out."""
        marked = await self._mail.read(_marked)
        return await self._database.read(lambda connection: _days(connection, marked, seconds))


def _days(connection: sa.Connection, marked: list[int], seconds: int) -> dict[int, Day]:
    found: dict[int, Day] = {}
    for day, count in connection.exec_driver_sql(
        "SELECT internal_date / 86400, count(*) FROM written_by"
        " JOIN message ON message.id = written_by.message"
        " WHERE internal_date >= ? AND uses > 0 GROUP BY 1",
        (seconds,),
    ):
        found.setdefault(int(day), Day()).sealed_in = count
    for start in range(0, len(marked), _IDS_AT_ONCE):
        for day, count in connection.exec_driver_sql(
            "SELECT internal_date / 86400, count(*) FROM json_each(?) AS asked"
            " JOIN message ON message.id = asked.value WHERE internal_date >= ? GROUP BY 1",
            (json.dumps(marked[start : start + _IDS_AT_ONCE]), seconds),
        ):
            found.setdefault(int(day), Day()).ordinary_in += count
    for day, count in connection.exec_driver_sql(
        "SELECT CAST(created AS INTEGER) / 86400, count(*) FROM outbox"
        " JOIN outbox_recipient ON outbox_recipient.queue_id = outbox.queue_id"
        " WHERE created >= ? AND state IN ('sent', 'relayed') GROUP BY 1",
        (seconds,),
    ):
        found.setdefault(int(day), Day()).out = count
    return found


def _marked(reader: MailReader) -> list[int]:
    """Return the messages that stand somewhere as ordinary mail which came in."""
    return [
        message
        for mailbox in filter(_counts, reader.mailboxes())
        for part in reader.snapshot(mailbox.id).parts
        if any(NOT_ENCRYPTED in flags for flags in part.kinds)
        for message, flags in zip(part.messages, part.flags, strict=True)
        if NOT_ENCRYPTED in flags
    ]


def _counts(mailbox: MailboxInfo) -> bool:
    return not mailbox.rule and mailbox.special_use not in _APART and mailbox.name not in QUEUED


def _sealed_in(connection: sa.Connection, seconds: int) -> Counter[str]:
    rows = connection.exec_driver_sql(
        "SELECT address, count(*) FROM written_by JOIN message ON message.id = written_by.message"
        " WHERE internal_date >= ? AND uses > 0 GROUP BY address",
        (seconds,),
    )
    return _folded((address, count) for address, count in rows)


def _ordinary_in(connection: sa.Connection, marked: list[int], seconds: int) -> Counter[str]:
    found: Counter[str] = Counter()
    for start in range(0, len(marked), _IDS_AT_ONCE):
        rows = connection.exec_driver_sql(
            "SELECT sender FROM json_each(?) AS asked"
            " JOIN message ON message.id = asked.value"
            " JOIN header_text ON header_text.message = message.id WHERE internal_date >= ?",
            (json.dumps(marked[start : start + _IDS_AT_ONCE]), seconds),
        )
        found += _folded((_author(sender), 1) for (sender,) in rows)
    return found


def _out(connection: sa.Connection, seconds: int, *, sealed: bool) -> Counter[str]:
    # what left as ordinary mail was never handed to the own home server
    rows = connection.exec_driver_sql(
        "SELECT recipient, count(*) FROM outbox"
        " JOIN outbox_recipient ON outbox_recipient.queue_id = outbox.queue_id"
        " WHERE created >= ? AND state IN ('sent', 'relayed') AND EXISTS"
        " (SELECT 1 FROM handed_over WHERE handed_over.queue_id = outbox.queue_id"
        " AND handed_over.recipient = outbox_recipient.recipient) = ? GROUP BY recipient",
        (seconds, sealed),
    )
    return _folded((recipient, count) for recipient, count in rows)


def _folded(rows: Iterator[tuple[str, int]]) -> Counter[str]:
    found: Counter[str] = Counter()
    for address, count in rows:
        if address:
            found[address.casefold()] += count
    return found


def _author(readings: bytes) -> str:
    """Return the address of a From field, from the ways to read it; "": there is none.

    The last reading has an address in brackets behind each name, whatever the name holds; where
    there is no domain, a placeholder without a dot stands for it.
    """
    found = _ADDRESS.findall(readings.rpartition(_READING)[2])
    return found[-1].decode("utf-8", "replace") if found else ""
