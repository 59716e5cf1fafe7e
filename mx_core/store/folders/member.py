"""The map of each folder: which place in which mailbox stands at which UID of the folder.

One table, ordered by message, so that the rows of a new message stand together at its end and
cost an APPEND one page for all folders.  Derived: it can be made again from rules and mail.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from mx_core.model.ids import MailboxId, MessageId, Uid

if TYPE_CHECKING:
    import sqlalchemy as sa

_CHOSEN: Final = "message IN (SELECT value FROM json_each(?))"


class Member(Struct, frozen=True):
    """One message in a folder: *uid* there, and the place it stands for."""

    folder: MailboxId
    uid: Uid
    message: MessageId
    mailbox: MailboxId
    original: Uid


class Members:
    """The table within one write job."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def add(
        self,
        folder: MailboxId,
        mailbox: MailboxId,
        rows: Iterable[tuple[MessageId, Uid, Uid]],
    ) -> None:
        """Note new members as (message, UID in *mailbox*, UID in *folder*)."""
        self._connection.exec_driver_sql(
            "INSERT INTO folder_member (message, folder, mailbox, original, uid)"
            " VALUES (?, ?, ?, ?, ?)",
            [(message, folder, mailbox, original, uid) for message, original, uid in rows],
        )

    def remove(self, members: Iterable[Member]) -> None:
        """Forget members."""
        self._connection.exec_driver_sql(
            "DELETE FROM folder_member"
            " WHERE message = ? AND folder = ? AND mailbox = ? AND original = ?",
            [(m.message, m.folder, m.mailbox, m.original) for m in members],
        )

    def of_places(
        self, mailbox: MailboxId, messages: Sequence[MessageId], uids: Iterable[Uid]
    ) -> list[Member]:
        """Return the members, of any folder, that stand for *uids* of *mailbox*."""
        wanted = set(uids)
        return [
            member
            for member in self._found(f"mailbox = ? AND {_CHOSEN}", mailbox, messages)
            if member.original in wanted
        ]

    def at(
        self, folder: MailboxId, messages: Sequence[MessageId], uids: Iterable[Uid]
    ) -> list[Member]:
        """Return the members at *uids* of *folder*, ascending."""
        wanted = set(uids)
        return [
            member
            for member in self._found(f"folder = ? AND {_CHOSEN}", folder, messages)
            if member.uid in wanted
        ]

    def all_of(self, folder: MailboxId) -> list[Member]:
        """Return all members of *folder*, ascending; looks through the whole table."""
        return self._found("folder = ?", folder)

    def forget(self, folder: MailboxId) -> None:
        """Drop everything that is kept for *folder*, its rule excepted."""
        for table in ("folder_member", "folder_turn", "folder_waiting"):
            self._connection.exec_driver_sql(
                f"DELETE FROM {table} WHERE folder = ?",  # noqa: S608  # one of three literals
                (folder,),
            )

    def _found(
        self, where: str, mailbox: MailboxId, messages: Sequence[MessageId] | None = None
    ) -> list[Member]:
        columns = "SELECT folder, uid, message, mailbox, original FROM folder_member"
        asked = (mailbox,) if messages is None else (mailbox, json.dumps(messages))
        rows = self._connection.exec_driver_sql(f"{columns} WHERE {where} ORDER BY uid", asked)
        return [
            Member(MailboxId(f), Uid(u), MessageId(m), MailboxId(b), Uid(o))
            for f, u, m, b, o in rows
        ]
