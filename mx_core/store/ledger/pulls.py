"""Accounts elsewhere whose mail is pulled: settings, and how far each folder is.

What was brought stands in the ledger of imports, which it shares: a message that an import has
brought is not pulled again.  docs/spec/pull.md §2.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from mx_core.db.database import Database
from mx_core.model.clock import Now
from mx_core.model.mailbox_name import MailboxName
from mx_core.model.message import MessageForm
from mx_core.store.ledger.batch import ImportFolderId, ImportId
from mx_core.store.ledger.imports import ImportState
from mx_core.store.mail import copies
from mx_core.store.mail.mail import Mail
from mx_core.store.mail.writer import Writer

if TYPE_CHECKING:
    import sqlalchemy as sa

_SELECT: Final = (
    "SELECT pull_account.id, import_source.id, pull_account.location, pull_account.asked,"
    " pull_account.trouble, since, told FROM pull_account"
    " JOIN import_source ON import_source.location = pull_account.location"
)


class Pull(Struct, frozen=True):
    """One account elsewhere."""

    id: int
    source: ImportId  # of the ledger
    location: str
    asked: str  # JSON, of the gateway's
    trouble: str  # one sentence; "": it works
    since: int  # unix seconds of the first failure; 0: it works
    told: bool  # the person was written to about it


class Reached(Struct, frozen=True):
    """How far a folder is; numbers of the source but for *ours*, a modseq of the mailbox here."""

    uid_validity: int = 0
    uid_next: int = 1
    modseq: int = 0  # 0: the source does not count changes
    ours: int = 0


class Pulls:
    """See the module."""

    def __init__(self, database: Database, mail: Mail, now: Now) -> None:
        self._database = database
        self._mail = mail
        self._now = now

    # ── accounts ────────────────────────────────────────────────────────────────────
    async def add(self, location: str, asked: str) -> None:
        """Pull from *location* from now on, or by other settings; durable when this returns."""

        def job(writer: Writer, connection: sa.Connection) -> None:
            connection.exec_driver_sql(copies.INDEX)
            connection.exec_driver_sql(
                "INSERT OR IGNORE INTO import_source (location, asked, state, began, trouble, report)"
                " VALUES (?, '', ?, ?, '', '')",
                (location, ImportState.PULLED.value, int(self._now())),
            )
            connection.exec_driver_sql(
                "INSERT INTO pull_account (location, asked, trouble, since, told)"
                " VALUES (?, ?, '', 0, 0) ON CONFLICT (location) DO UPDATE"
                " SET asked = excluded.asked, trouble = '', since = 0, told = 0",
                (location, asked),
            )
            writer.places.book_changed()  # from here on copies are looked for

        # Crash before the commit: nothing is pulled.  After: it is, from the next start on.
        await self._mail.write_with(job)

    async def all(self) -> list[Pull]:
        """Return all accounts, oldest first."""
        return await self._database.read(
            lambda connection: [
                Pull(row, ImportId(source), location, asked, trouble, since, bool(told))
                for row, source, location, asked, trouble, since, told in (
                    connection.exec_driver_sql(f"{_SELECT} ORDER BY pull_account.id")
                )
            ]
        )

    async def remove(self, location: str) -> bool:
        """Pull no more and forget the secret; what was pulled stays, and is known."""
        return await self._mail.write_with(partial(remove, location=location))

    async def note(self, which: int, trouble: str) -> int:
        """Say how it goes, "" for well; return since when it does not, unix seconds or 0."""

        def job(connection: sa.Connection) -> int:
            connection.exec_driver_sql(
                "UPDATE pull_account SET trouble = ?,"
                " told = CASE WHEN ? = '' THEN 0 ELSE told END,"
                " since = CASE WHEN ? = '' THEN 0 WHEN since = 0 THEN ? ELSE since END"
                " WHERE id = ?",
                (trouble, trouble, trouble, int(self._now()), which),
            )
            since = connection.exec_driver_sql(
                "SELECT since FROM pull_account WHERE id = ?", (which,)
            ).scalar()
            return int(since or 0)

        return await self._database.write(job)

    async def tell(
        self, which: int, mailbox: MailboxName, octets: bytes, form: MessageForm
    ) -> bool:
        """Put a letter about it into *mailbox*, once for each time that it breaks."""

        def job(writer: Writer, connection: sa.Connection) -> bool:
            told = connection.exec_driver_sql(
                "UPDATE pull_account SET told = 1 WHERE id = ? AND told = 0 AND since <> 0",
                (which,),
            ).rowcount
            if told:
                writer.append(writer.mailbox(mailbox).id, octets, form, frozenset(), own=True)
            return bool(told)

        # Crash before the commit: neither the letter nor the memory of it.
        return await self._mail.write_with(job)

    # ── folders ─────────────────────────────────────────────────────────────────────
    async def reached(self, folder: ImportFolderId) -> Reached:
        """Return how far *folder* is."""

        def job(connection: sa.Connection) -> Reached:
            row = connection.exec_driver_sql(
                "SELECT uid_validity, uid_next, modseq, ours FROM pull_folder WHERE folder = ?",
                (folder,),
            ).one_or_none()
            return Reached() if row is None else Reached(*row)

        return await self._database.read(job)

    async def reach(self, folder: ImportFolderId, now: Reached) -> None:
        """Remember how far *folder* is.

        Crash before this: the same is looked at again, and is found to be here.
        """
        await self._database.write(
            lambda connection: (
                connection.exec_driver_sql(
                    "INSERT OR REPLACE INTO pull_folder VALUES (?, ?, ?, ?, ?)",
                    (folder, now.uid_validity, now.uid_next, now.modseq, now.ours),
                ).rowcount
            )
        )


def remove(writer: Writer, connection: sa.Connection, location: str) -> bool:
    """Remove an account; tell whether it was there.  Within a write job.

    The book is read before, and stays: so it may say for a while that mail is pulled, and never,
    should this be undone, that none is.
    """
    _ = writer.places.book
    gone = connection.exec_driver_sql("DELETE FROM pull_account WHERE location = ?", (location,))
    return bool(gone.rowcount)
