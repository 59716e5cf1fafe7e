"""The folders of an account as the program sees them, and the work that mail transactions leave.

Three things cannot be decided where mail is stored: what a body holds, what time does, and a
large mailbox judged for a new folder.  They are taken up here in slices; each slice is one
transaction, and doing one again changes nothing, so a crash costs nothing but time.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from mx_core.db.database import Database
from mx_core.mime.search_text import body_text, header_text
from mx_core.model.clock import Now
from mx_core.model.errors import NoSuchMailbox, NotPermitted
from mx_core.model.flags import KEY_CHANGED, NOT_ENCRYPTED, UNVERIFIED
from mx_core.model.ids import MailboxId, MessageId, Uid
from mx_core.model.mailbox_name import MailboxName
from mx_core.ports import MailboxInfo
from mx_core.store.folders.facts import Texts
from mx_core.store.folders.filling import fill_from, mark_complete, mend, reach
from mx_core.store.mail.mail import Mail
from mx_core.store.mail.writer import Writer
from mx_core.store.places.places import Place

if TYPE_CHECKING:
    import sqlalchemy as sa

# by the setting that says that they were made
FIRST: Final = {
    "folders.first": (
        (MailboxName("Key changed"), f"KEYWORD {KEY_CHANGED}"),
        (MailboxName("Not encrypted"), f"KEYWORD {NOT_ENCRYPTED}"),
    ),
    "folders.unverified": ((MailboxName("Unverified"), f"KEYWORD {UNVERIFIED}"),),
}
_SLICE: Final = 200
_TEXT_OCTETS: Final = 4 << 20  # of messages whose text one transaction decodes


class Owed(Struct, frozen=True):
    """What is left to do; *next_turn* is unix seconds."""

    waits: bool
    next_turn: int | None


class FolderState(Struct, frozen=True):
    """One folder as ``mx-gateway folder`` shows it."""

    info: MailboxInfo
    fixed: bool  # mail programs can neither rename nor delete it
    complete: bool  # everything that was there before it has been judged


class Folders:
    """See the module."""

    def __init__(self, database: Database, mail: Mail, now: Now) -> None:
        self._database = database
        self._mail = mail
        self._now = now

    # ── what a person does ──────────────────────────────────────────────────────────
    async def all(self) -> list[FolderState]:
        """Return the folders, in order of name."""
        boxes = await self._mail.read(lambda reader: reader.mailboxes())
        return [await self._state(box) for box in boxes if box.rule]

    async def one(self, name: MailboxName) -> FolderState:
        """Return the folder called *name*; raises NoSuchMailbox, NotPermitted (it is none)."""
        box = await self._mail.read(lambda reader: reader.mailbox(name))
        if not box.rule:
            raise NotPermitted(f"{name} is no folder with a rule")
        return await self._state(box)

    async def _state(self, box: MailboxInfo) -> FolderState:
        row = await self._database.read(
            lambda connection: connection.exec_driver_sql(
                "SELECT fixed, complete FROM folder WHERE mailbox = ?", (box.id,)
            ).one_or_none()
        )
        fixed, complete = row or (False, False)
        return FolderState(box, bool(fixed), bool(complete))

    async def add(self, name: MailboxName, rule: str) -> MailboxInfo:
        """Make a folder; raises BadRule, MailboxExists, NotPermitted, OverQuota."""
        return await self._mail.write(lambda writer: writer.add_folder(name, rule))

    async def remove(self, name: MailboxName) -> None:
        """Forget a folder; its mail stays where it is; raises NoSuchMailbox, NotPermitted."""

        def job(writer: Writer, _connection: sa.Connection) -> None:
            writer.remove_folder(name)
            writer.subscribe(name, subscribed=False)

        await self._mail.write_with(job)

    # ── what is left to do ──────────────────────────────────────────────────────────
    async def owed(self) -> Owed:
        """Return what is left to do."""

        def job(connection: sa.Connection) -> Owed:
            waits, turn = connection.exec_driver_sql(
                "SELECT EXISTS (SELECT 1 FROM folder_waiting)"
                " OR EXISTS (SELECT 1 FROM folder WHERE NOT complete),"
                " (SELECT min(at) FROM folder_turn)"
            ).one()
            return Owed(bool(waits), turn)

        return await self._database.read(job)

    async def catch_up(self) -> None:
        """Do all that is left and can be done now: fill, judge texts, follow the time."""
        self._mail.owing.clear()
        await self._fill()
        while await self._mail.write_with(self._texts):
            pass
        while await self._mail.write_with(self._turns):
            pass

    async def wait(self) -> None:
        """Return when a change of mail has left something to do."""
        await self._mail.owing.wait()

    async def _fill(self) -> None:
        incomplete = await self._database.read(
            lambda connection: (
                connection.exec_driver_sql("SELECT mailbox FROM folder WHERE NOT complete")
                .scalars()
                .all()
            )
        )
        for folder in incomplete:
            try:
                await self._fill_one(MailboxId(folder))
            except NoSuchMailbox:
                continue  # it was removed meanwhile

    async def _fill_one(self, folder: MailboxId) -> None:
        boxes = await self._mail.write_with(lambda writer, _: reach(writer.places))
        for mailbox, _count in boxes:
            after: int | None = 0
            while after is not None:
                after = await self._mail.write_with(
                    lambda writer, _, mailbox=mailbox, after=after: _fill_slice(  # type: ignore[misc]
                        writer, folder, mailbox, after
                    )
                )
        # Crash before this: it is filled once more, and what is in it already stays as it is.
        await self._mail.write_with(lambda writer, _: _end_filling(writer, folder))

    def _texts(self, writer: Writer, connection: sa.Connection) -> bool:
        """Judge some of what waits with its text; return whether more waits."""
        rows = connection.exec_driver_sql(
            "DELETE FROM folder_waiting WHERE (folder, mailbox, original) IN"
            " (SELECT folder, mailbox, original FROM folder_waiting LIMIT ?)"
            " RETURNING folder, mailbox, original",
            (_SLICE,),
        ).all()
        read = 0
        for folder, mailbox, original in rows:
            if read > _TEXT_OCTETS:  # the others wait for the next slice
                connection.exec_driver_sql(
                    "INSERT INTO folder_waiting VALUES (?, ?, ?)", (folder, mailbox, original)
                )
                continue
            for place in _place(writer, mailbox, original):
                octets = writer.octets(place.message)
                read += len(octets)
                (form,) = writer.forms([place.message])
                words = {place.message: (header_text(octets, form), body_text(octets, form))}
                _settle(writer, folder, mailbox, [place], words)
        return bool(rows)

    def _turns(self, writer: Writer, connection: sa.Connection) -> bool:
        """Judge some of what time may have turned; return whether more is due."""
        rows = connection.exec_driver_sql(
            "DELETE FROM folder_turn WHERE (at, folder, mailbox, original) IN"
            " (SELECT at, folder, mailbox, original FROM folder_turn WHERE at <= ?"
            " ORDER BY at LIMIT ?) RETURNING folder, mailbox, original",
            (int(self._now()), _SLICE),
        ).all()
        for folder, mailbox, original in sorted(rows):
            _settle(writer, folder, mailbox, _place(writer, mailbox, original))
        return bool(rows)


def make_first(writer: Writer, connection: sa.Connection) -> None:
    """Make the folders that every account begins with, once: who removed them keeps them removed."""
    for setting, folders in FIRST.items():
        noted = connection.exec_driver_sql(
            "INSERT OR IGNORE INTO setting VALUES (?, ?)", (setting, b"1")
        ).rowcount
        if noted:
            _make(writer, folders)


def _make(writer: Writer, folders: Iterable[tuple[MailboxName, str]]) -> None:
    taken = {box.name for box in writer.mailboxes()}
    for name, rule in folders:
        free = name if name not in taken else MailboxName(f"{name} (status)")
        if free not in taken:
            writer.add_fixed_folder(free, rule)
            writer.subscribe(free, subscribed=True)


def _end_filling(writer: Writer, folder: MailboxId) -> None:
    if folder in writer.places.book.folders:
        mend(writer.places, folder)
        mark_complete(writer.places, folder)


def _fill_slice(writer: Writer, folder: MailboxId, mailbox: MailboxId, after: int) -> int | None:
    if folder not in writer.places.book.folders:
        raise NoSuchMailbox("the folder was removed")
    if not writer.places.book.follows(mailbox):
        return None
    return fill_from(writer.places, folder, mailbox, after, _SLICE)


def _place(writer: Writer, mailbox: int, original: int) -> list[Place]:
    """Return the place, or nothing if it is gone or out of reach by now."""
    if not writer.places.book.follows(MailboxId(mailbox)):
        return []
    return writer.places.find(MailboxId(mailbox), [Uid(original)])


def _settle(
    writer: Writer,
    folder: int,
    mailbox: int,
    places: list[Place],
    words: dict[MessageId, Texts] | None = None,
) -> None:
    book = writer.places.book
    if places and MailboxId(folder) in book.folders:
        writer.places.settle(book.folders[MailboxId(folder)], MailboxId(mailbox), places, words)
