"""The ledger of imports: what was brought from which source, in the transaction that stores it.

A message of a folder of a source has a key there; a key is brought once, however often an
import is begun, killed or begun again.  Knows no source.  docs/spec/imports.md §2.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from enum import Enum
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from mx_core.db import failpoint
from mx_core.db.database import Database
from mx_core.model.clock import Now
from mx_core.model.errors import MessageGone, NoSuchMailbox
from mx_core.model.flags import FlagSet
from mx_core.model.ids import MailboxId, MessageId, Uid
from mx_core.model.mailbox_name import QUEUED, MailboxName, mailbox_name
from mx_core.model.message import MessageForm
from mx_core.ports import MailboxInfo, MailReader
from mx_core.store.ledger import batch as import_batch
from mx_core.store.ledger.batch import Brought, ImportFolderId, ImportId, Kept
from mx_core.store.mail.mail import Mail
from mx_core.store.mail.writer import Writer

if TYPE_CHECKING:
    import sqlalchemy as sa

_SELECT: Final = "SELECT id, location, asked, state, began, trouble, report FROM import_source"
_TROUBLES_MAX: Final = 10_000
_NOTE: Final = "import.note"  # the setting: where the message on what runs stands
_ASIDE: Final = " (imported)"  # where nothing can be put into what has the name


class ImportState(Enum):
    """Where an import stands."""

    RUNNING = "running"  # also after a crash: the next start goes on
    PAUSED = "paused"
    STOPPED = "stopped"  # by an error that a person must see to
    DONE = "done"
    PULLED = "pulled"  # no import was asked for: its mail is pulled (docs/spec/pull.md)


class Import(Struct, frozen=True):
    """One source and how far it is."""

    id: ImportId
    location: str
    asked: str  # JSON, of the gateway's
    state: ImportState
    began: int  # unix seconds
    trouble: str  # one sentence, or ""
    report: str  # JSON, of the gateway's, once it is done


class Stored(Struct, frozen=True):
    """A message of the ledger, and what is stored of it now."""

    message: int
    digest: bytes  # of what was brought
    now: bytes | None  # of what is here; None: it has been removed since
    octets: int


class Imports:
    """See the module."""

    def __init__(self, database: Database, mail: Mail, now: Now) -> None:
        self._database = database
        self._mail = mail
        self._now = now

    async def begin(self, location: str, asked: str) -> Import:
        """Return the import of *location*, new or begun before; it runs from now on."""

        def job(connection: sa.Connection) -> Import:
            connection.exec_driver_sql(
                "INSERT INTO import_source (location, asked, state, began, trouble, report)"
                " VALUES (?, ?, ?, ?, '', '') ON CONFLICT (location) DO UPDATE"
                " SET asked = excluded.asked, state = excluded.state, trouble = ''",
                (location, asked, ImportState.RUNNING.value, int(self._now())),
            )
            connection.exec_driver_sql(
                "DELETE FROM import_trouble WHERE source IN"
                " (SELECT id FROM import_source WHERE location = ?)",
                (location,),
            )
            return _all(connection, "WHERE location = ?", location)[0]

        return await self._database.write(job)

    async def all(self) -> list[Import]:
        """Return every import of this account, oldest first."""
        return await self._database.read(lambda connection: _all(connection, ""))

    async def end(self, which: ImportId, asked: str, report: str) -> None:
        """Say that an import is done; *asked* takes the place of what was asked for."""
        await self._database.write(
            lambda connection: (
                connection.exec_driver_sql(
                    "UPDATE import_source SET state = ?, trouble = '', asked = ?, report = ?"
                    " WHERE id = ?",
                    (ImportState.DONE.value, asked, report, which),
                ).rowcount
            )
        )

    async def note(self, which: ImportId, state: ImportState, trouble: str = "") -> None:
        """Say where an import stands from now on."""
        await self._database.write(
            lambda connection: (
                connection.exec_driver_sql(
                    "UPDATE import_source SET state = ?, trouble = ? WHERE id = ?",
                    (state.value, trouble, which),
                ).rowcount
            )
        )

    async def folder(
        self,
        which: ImportId,
        place: bytes,
        name: MailboxName,
        special_use: str,
        *,
        subscribed: bool = True,
    ) -> tuple[ImportFolderId, MailboxName]:
        """Return the ledger's row for a folder of the source, and where its mail goes.

        Made at first, and found by its id afterwards: it may have been renamed meanwhile.
        """

        def job(writer: Writer, connection: sa.Connection) -> tuple[ImportFolderId, MailboxName]:
            row = connection.exec_driver_sql(
                "SELECT import_folder.id, mailbox.name FROM import_folder"
                " LEFT JOIN mailbox ON mailbox.global_id = import_folder.mailbox"
                " WHERE source = ? AND place = ?",
                (which, place),
            ).one_or_none()
            if row is not None and row[1] is not None and row[1] not in QUEUED:
                return ImportFolderId(row[0]), MailboxName(row[1])
            box = _target(writer, name, special_use, subscribed=subscribed)
            made = connection.exec_driver_sql(
                "INSERT INTO import_folder (source, place, mailbox) VALUES (?, ?, ?)"
                " ON CONFLICT (source, place) DO UPDATE SET mailbox = excluded.mailbox"
                " RETURNING id",
                (which, place, box.global_id),
            ).scalar_one()
            return ImportFolderId(made), box.name

        return await self._mail.write_with(job)

    async def folder_row(self, which: ImportId, place: bytes) -> ImportFolderId | None:
        """Return the ledger's row for a folder of the source, if it has one."""
        return await self._database.read(
            lambda connection: connection.exec_driver_sql(
                "SELECT id FROM import_folder WHERE source = ? AND place = ?", (which, place)
            ).scalar()
        )

    async def known(self, folder: ImportFolderId, keys: Sequence[bytes]) -> set[bytes]:
        """Return those of *keys* that were brought before."""
        return await self._database.read(
            lambda connection: import_batch.known(connection, folder, keys)
        )

    async def known_shared(self, which: ImportId, names: Sequence[bytes]) -> set[bytes]:
        """Return those of *names* whose message is here, from whichever folder."""
        return await self._database.read(
            lambda connection: set(
                connection.exec_driver_sql(
                    "SELECT name FROM json_each(?) AS asked CROSS JOIN import_shared"
                    " ON source = ? AND name = unhex(asked.value)"
                    " JOIN message ON message.id = import_shared.message AND message.uses > 0",
                    (json.dumps([name.hex() for name in names]), which),
                ).scalars()
            )
        )

    async def store(
        self,
        which: ImportId,
        folder: ImportFolderId,
        brought: Sequence[Brought],
        *,
        only_new: bool = False,
        one_copy: bool = False,
    ) -> Kept:
        """Store what was not brought before, all in one commit.

        *only_new*: what another folder of the source shows is noted and not shown here.
        *one_copy*: so is another copy of what the mailbox shows already; mail of an account that is
        followed, which begins with the status that the gateway gave it.

        Raises:
            NoSuchMailbox: The target was deleted; ``folder`` makes it anew.
        """

        def job(writer: Writer, connection: sa.Connection) -> Kept:
            mailbox = connection.exec_driver_sql(
                "SELECT mailbox.id FROM import_folder"
                " JOIN mailbox ON mailbox.global_id = import_folder.mailbox"
                " WHERE import_folder.id = ?",
                (folder,),
            ).scalar()
            if mailbox is None:
                raise NoSuchMailbox("the mailbox that the mail was put in was deleted")
            place = import_batch.BatchPlace(which, folder, MailboxId(mailbox), only_new, one_copy)
            return import_batch.store(writer, connection, place, brought)

        # Crash before the commit: nothing of this batch is here, and all of it is brought again.
        kept = await self._mail.write_with(job, nobody_waits=True)
        # Crash here: all of it is here, and its keys are known.
        failpoint.reach("imported")
        return kept

    async def tell(self, which: ImportId, troubles: Sequence[tuple[str, str]]) -> None:
        """Remember what could not be brought, and why; up to some thousand."""
        if not troubles:
            return

        def job(connection: sa.Connection) -> None:
            connection.exec_driver_sql(
                "INSERT OR REPLACE INTO import_trouble VALUES (?, ?, ?)",
                [(which, place, why) for place, why in troubles[:_TROUBLES_MAX]],
            )
            connection.exec_driver_sql(
                "DELETE FROM import_trouble WHERE source = ? AND place NOT IN (SELECT place FROM"
                " import_trouble WHERE source = ? ORDER BY place LIMIT ?)",
                (which, which, _TROUBLES_MAX),
            )

        await self._database.write(job)

    async def show_note(
        self, mailbox: MailboxName, octets: bytes, form: MessageForm, flags: FlagSet, *, last: bool
    ) -> None:
        """Put a message into *mailbox* in place of the one before; after the *last* none is.

        Crash before the commit: the one before stands, and is replaced by the next.
        """

        def job(writer: Writer, connection: sa.Connection) -> None:
            box = writer.mailbox(mailbox)
            before = connection.exec_driver_sql(
                "SELECT octets FROM setting WHERE name = ?", (_NOTE,)
            ).scalar()
            validity, uid = json.loads(before) if before else (0, 0)
            if validity == box.uid_validity:
                writer.places.remove(box.id, writer.places.find(box.id, [Uid(uid)]))
            made = writer.append(box.id, octets, form, flags, own=True)
            told = b"" if last else json.dumps([made.uid_validity, made.uid]).encode()
            connection.exec_driver_sql(
                "INSERT OR REPLACE INTO setting VALUES (?, ?)", (_NOTE, told)
            )

        await self._mail.write_with(job)

    async def troubles(self, which: ImportId, limit: int = 100) -> list[tuple[str, str]]:
        """Return what could not be brought, in order of place."""
        return await self._database.read(
            lambda connection: [
                (place, why)
                for place, why in connection.exec_driver_sql(
                    "SELECT place, why FROM import_trouble WHERE source = ? ORDER BY place LIMIT ?",
                    (which, limit),
                )
            ]
        )

    async def stored(
        self, folder: ImportFolderId, after: int, limit: int, digest: Callable[[bytes], bytes]
    ) -> list[Stored]:
        """Return up to *limit* messages of the ledger behind *after*, as they are stored now."""
        rows = await self._database.read(
            lambda connection: connection.exec_driver_sql(
                "SELECT imported.message, imported.digest, kept, ifnull(uses, 0) FROM imported"
                " LEFT JOIN message ON message.id = imported.message"
                " WHERE folder = ? AND imported.message > ? ORDER BY imported.message LIMIT ?",
                (folder, after, limit),
            ).all()
        )

        def job(reader: MailReader) -> list[Stored]:
            found = []
            for message, then, kept, uses in rows:
                try:
                    octets = reader.octets(MessageId(message)) if uses else None
                except MessageGone:
                    octets = None
                now = None if octets is None else digest(octets)
                if (
                    now is not None and now == kept
                ):  # as it was stored, with what the gateway put before it
                    now = then
                found.append(Stored(message, then, now, 0 if octets is None else len(octets)))
            return found

        return await self._mail.read(job, nobody_waits=True)

    async def doubles(self, which: ImportId) -> int:
        """Return how many messages of the source are octet for octet one that came before."""
        return await self._database.read(
            lambda connection: int(
                connection.exec_driver_sql(
                    "SELECT count(*) - count(DISTINCT digest) FROM imported WHERE folder IN"
                    " (SELECT id FROM import_folder WHERE source = ?)",
                    (which,),
                ).scalar_one()
            )
        )


def _all(connection: sa.Connection, chosen: str, *asked: str) -> list[Import]:
    return [
        Import(ImportId(row), location, wanted, ImportState(state), began, trouble, report)
        for row, location, wanted, state, began, trouble, report in connection.exec_driver_sql(
            f"{_SELECT} {chosen} ORDER BY id",
            asked,
        )
    ]


def _target(
    writer: Writer, name: MailboxName, special_use: str, *, subscribed: bool
) -> MailboxInfo:
    """Return the mailbox *name*, made if it is not there."""
    boxes = {box.name: box for box in writer.mailboxes()}
    if special_use and name not in boxes:
        for box in boxes.values():
            if box.special_use == special_use:
                return box
    if name in boxes and not boxes[name].rule and name not in QUEUED:
        return boxes[name]
    if name in boxes:
        name = mailbox_name(name + _ASIDE)
        if name in boxes:
            return boxes[name]
    made = writer.create(name, special_use)
    if subscribed:
        writer.subscribe(name, subscribed=True)
    return made
