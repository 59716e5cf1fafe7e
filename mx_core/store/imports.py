"""The ledger of imports: what was brought from which source, in the transaction that stores it.

A message of a folder of a source has a key there; a key is brought once, however often an
import is begun, killed or begun again.  Knows no source.  docs/spec/imports.md §2.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final, NamedTuple, NewType

import sqlalchemy as sa

from mx_core.db import failpoint
from mx_core.db.database import Database
from mx_core.model.clock import Now
from mx_core.model.errors import MessageGone, NoSuchMailbox
from mx_core.model.flags import FlagSet
from mx_core.model.ids import MailboxId, MessageId
from mx_core.model.mailbox_name import MailboxName, mailbox_name
from mx_core.model.message import MessageForm
from mx_core.ports import MailboxInfo, MailReader, NewMail
from mx_core.store.mail import Mail
from mx_core.store.writer import Writer

ImportId = NewType("ImportId", int)
ImportFolderId = NewType("ImportFolderId", int)

_SELECT: Final = "SELECT id, location, asked, state, began, trouble, report FROM import_source"
_TROUBLES_MAX: Final = 10_000
_VALIDITY_OCTETS: Final = 4
_NUMBERED_OCTETS: Final = 8  # a key that is UIDVALIDITY and UID
_ASIDE: Final = " (imported)"  # where a name belongs to a folder with a rule


class ImportState(Enum):
    """Where an import stands."""

    RUNNING = "running"  # also after a crash: the next start goes on
    PAUSED = "paused"
    STOPPED = "stopped"  # by an error that a person must see to
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Import:
    """One source and how far it is."""

    id: ImportId
    location: str
    asked: str  # JSON, of the gateway's
    state: ImportState
    began: int  # unix seconds
    trouble: str  # one sentence, or ""
    report: str  # JSON, of the gateway's, once it is done


@dataclass(frozen=True, slots=True)
class Brought:
    """One message to be stored; with *shared* and without octets: one that is here already."""

    key: bytes
    digest: bytes
    octets: bytes
    form: MessageForm | None
    flags: FlagSet
    received: int
    shared: bytes = b""


@dataclass(frozen=True, slots=True)
class Kept:
    """What one commit did."""

    stored: int = 0
    shown_again: int = 0  # stored before, under another folder of the source
    known: int = 0  # brought before
    plainer: int = 0  # stored without keywords for which the account has no room


@dataclass(frozen=True, slots=True)
class Stored:
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

    async def note(
        self, which: ImportId, state: ImportState, trouble: str = "", report: str | None = None
    ) -> None:
        """Say where an import stands from now on."""
        await self._database.write(
            lambda connection: (
                connection.exec_driver_sql(
                    "UPDATE import_source SET state = ?, trouble = ?, report = ifnull(?, report)"
                    " WHERE id = ?",
                    (state.value, trouble, report, which),
                ).rowcount
            )
        )

    async def folder(
        self, which: ImportId, place: bytes, name: MailboxName, special_use: str
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
            if row is not None and row[1] is not None:
                return ImportFolderId(row[0]), MailboxName(row[1])
            box = _target(writer, name, special_use)
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
        return await self._database.read(lambda connection: _known(connection, folder, keys))

    async def known_shared(self, which: ImportId, names: Sequence[bytes]) -> set[bytes]:
        """Return those of *names* whose message is here, from whichever folder."""
        return await self._database.read(
            lambda connection: set(
                connection.exec_driver_sql(
                    "SELECT name FROM json_each(?) AS asked JOIN import_shared"
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
    ) -> Kept:
        """Store what was not brought before, all in one commit.

        *only_new*: what another folder of the source shows is noted and not shown here.

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
            place = _Place(which, folder, MailboxId(mailbox), only_new)
            return _store(writer, connection, place, brought)

        # Crash before the commit: nothing of this batch is here, and all of it is brought again.
        kept = await self._mail.write_with(job)
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
                "SELECT imported.message, imported.digest, ifnull(uses, 0) FROM imported"
                " LEFT JOIN message ON message.id = imported.message"
                " WHERE folder = ? AND imported.message > ? ORDER BY imported.message LIMIT ?",
                (folder, after, limit),
            ).all()
        )

        def job(reader: MailReader) -> list[Stored]:
            found = []
            for message, then, uses in rows:
                try:
                    octets = reader.octets(MessageId(message)) if uses else None
                except MessageGone:
                    octets = None
                now = None if octets is None else digest(octets)
                found.append(Stored(message, then, now, 0 if octets is None else len(octets)))
            return found

        return await self._mail.read(job)

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


def _target(writer: Writer, name: MailboxName, special_use: str) -> MailboxInfo:
    """Return the mailbox *name*, made if it is not there."""
    boxes = {box.name: box for box in writer.mailboxes()}
    if special_use and name not in boxes:
        for box in boxes.values():
            if box.special_use == special_use:
                return box
    if name in boxes and not boxes[name].rule:
        return boxes[name]
    if name in boxes:
        name = mailbox_name(name + _ASIDE)
        if name in boxes:
            return boxes[name]
    made = writer.create(name, special_use)
    writer.subscribe(name, subscribed=True)
    return made


class _Place(NamedTuple):
    """Where a batch goes."""

    which: ImportId
    folder: ImportFolderId
    mailbox: MailboxId
    only_new: bool


def _store(
    writer: Writer, connection: sa.Connection, place: _Place, brought: Sequence[Brought]
) -> Kept:
    known = _known(connection, place.folder, [each.key for each in brought])
    rows: list[tuple[int, bytes, bytes, int]] = []
    plainer = again = 0
    new: list[tuple[Brought, NewMail]] = []
    renamed = _Renumbered(connection, place.folder)
    for each in brought:
        if each.key in known:
            continue
        old = renamed.message(each)
        here = _shared(connection, place.which, each.shared) if each.shared else None
        if old is not None:
            rows.append((place.folder, each.key, each.digest, old))
            continue
        flags = writer.keepable(each.flags)
        plainer += len(flags) < len(each.flags)
        if here is not None:
            if not place.only_new:
                writer.show(place.mailbox, here[0], flags)
                again += 1
            rows.append((place.folder, each.key, here[1], here[0]))
        elif each.form is not None:  # else it was here a moment ago: the next run brings it
            new.append((each, NewMail(each.octets, each.form, flags, each.received)))
    appended = writer.append_all(place.mailbox, [mail for _, mail in new]) if new else []
    uids = [done.uid for done in appended]
    for stored, (each, _) in zip(writer.places.find(place.mailbox, uids), new, strict=True):
        rows.append((place.folder, each.key, each.digest, stored.message))
        if each.shared:
            connection.exec_driver_sql(
                "INSERT OR REPLACE INTO import_shared VALUES (?, ?, ?, ?)",
                (place.which, each.shared, stored.message, each.digest),
            )
    if rows:
        connection.exec_driver_sql(
            "INSERT INTO imported (folder, key, digest, message) VALUES (?, ?, ?, ?)", rows
        )
    return Kept(len(new), again, len(brought) - len(new) - again, plainer)


class _Renumbered:
    """Messages that a server gives again under another UIDVALIDITY: known by their octets.

    As many of the same octets are taken for known as were brought under the old numbers.
    """

    def __init__(self, connection: sa.Connection, folder: ImportFolderId) -> None:
        self._connection = connection
        self._folder = folder
        self._spare: dict[tuple[bytes, bytes], list[int]] = {}
        self._any: dict[bytes, bool] = {}

    def message(self, each: Brought) -> int | None:
        """Return the message that *each* is under its old number, if there is one."""
        validity = each.key[:_VALIDITY_OCTETS]
        if len(each.key) != _NUMBERED_OCTETS or not each.octets or not self._is_new(validity):
            return None
        spare = self._spare.get((validity, each.digest))
        if spare is None:
            rows = self._connection.exec_driver_sql(
                "SELECT message, substr(key, 1, 4) = ? FROM imported"
                " WHERE folder = ? AND digest = ? ORDER BY message",
                (validity, self._folder, each.digest),
            ).all()
            taken = {message for message, now in rows if now}
            spare = sorted({message for message, now in rows if not now} - taken)
            self._spare[validity, each.digest] = spare
        return spare.pop(0) if spare else None

    def _is_new(self, validity: bytes) -> bool:
        """Tell whether anything was brought under another UIDVALIDITY."""
        if validity not in self._any:
            first, last = self._connection.exec_driver_sql(
                "SELECT min(key), max(key) FROM imported WHERE folder = ?", (self._folder,)
            ).one()
            self._any[validity] = first is not None and (
                first[:_VALIDITY_OCTETS] != validity or last[:_VALIDITY_OCTETS] != validity
            )
        return self._any[validity]


def _known(connection: sa.Connection, folder: ImportFolderId, keys: Sequence[bytes]) -> set[bytes]:
    return set(
        connection.exec_driver_sql(
            "SELECT imported.key FROM json_each(?) AS asked JOIN imported"
            " ON folder = ? AND imported.key = unhex(asked.value)",
            (json.dumps([key.hex() for key in keys]), folder),
        ).scalars()
    )


def _shared(
    connection: sa.Connection, which: ImportId, name: bytes
) -> tuple[MessageId, bytes] | None:
    row = connection.exec_driver_sql(
        "SELECT message.id, digest FROM import_shared JOIN message ON message.id = import_shared.message"
        " WHERE source = ? AND name = ? AND uses > 0",
        (which, name),
    ).one_or_none()
    return None if row is None else (MessageId(row[0]), row[1])
