"""The folders of an account, their rules compiled once, and what mail they range over.

Kept between write jobs on the writer's thread.  Whoever changes a folder or the name of a mailbox
makes the shelf forget its book; so a job that is undone leaves nothing behind in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from mx_core.model.ids import MailboxId
from mx_core.model.mailbox_name import DELIMITER, QUEUED, MailboxName
from mx_core.store.folders.parse_rule import parse
from mx_core.store.folders.rule import Rule

if TYPE_CHECKING:
    import sqlalchemy as sa

_APART = ("\\Junk", "\\Trash")  # what lies in or below these is in no folder


class Folder(Struct, frozen=True):
    """One folder; *fixed*: mail programs can not rename or delete it."""

    mailbox: MailboxId
    rule: Rule
    fixed: bool


class Book(Struct, frozen=True):
    """All folders at one moment, and the mailboxes whose mail is in none."""

    folders: dict[MailboxId, Folder]
    apart: frozenset[MailboxId]
    trash: MailboxName | None
    outbox: dict[MailboxId, MailboxName]  # where queued mail stands; spec/outbox
    sent: MailboxId | None
    drafts: MailboxId | None

    def follows(self, mailbox: MailboxId) -> bool:
        """Tell whether mail in *mailbox* may be in a folder."""
        return bool(self.folders) and mailbox not in self.apart

    def reads_what_comes(self, mailbox: MailboxId) -> bool:
        """Tell whether more than flags is asked at once of what comes into *mailbox*."""
        by_rule = any(not folder.rule.flags_only for folder in self.folders.values())
        return mailbox == self.sent or (by_rule and self.follows(mailbox))


class Shelf:
    """What stands between jobs; the writer's thread alone touches it.

    A job, or a whole commit, may be undone after it was read here.  Then the account's modseq is
    lower than it was: every job says where it begins, and what was learnt above that is forgotten.
    """

    def __init__(self) -> None:
        self._book: Book | None = None
        self._learnt_at = 0  # the highest modseq at which something was learnt
        self._came_at: dict[MailboxId, int] = {}

    def begin(self, modseq: int) -> None:
        """Forget everything if *modseq*, at which a job begins, is below what was seen."""
        if modseq < self._learnt_at:
            self._book, self._learnt_at = None, 0
            self._came_at.clear()

    def book(self, connection: sa.Connection, modseq: int) -> Book:
        """Return the book, read anew if it was forgotten."""
        if self._book is None:
            self._book = load(connection)
            self._learnt_at = max(self._learnt_at, modseq)
        return self._book

    def forget(self) -> None:
        """Read it anew the next time: what it says is about to change."""
        self._book = None
        self._came_at.clear()

    def is_news(self, folder: MailboxId, seconds: int, modseq: int) -> bool:
        """Tell whether nothing is known to have come into *folder* in this second, and note it."""
        if self._came_at.get(folder) == seconds:
            return False
        self._came_at[folder] = seconds
        self._learnt_at = max(self._learnt_at, modseq)
        return True


def load(connection: sa.Connection) -> Book:
    """Read folders and names; raises BadRule only if the database was written by a newer version."""
    folders = {
        MailboxId(mailbox): Folder(MailboxId(mailbox), parse(text), bool(fixed))
        for mailbox, text, fixed in connection.exec_driver_sql(
            "SELECT mailbox, rule, fixed FROM folder ORDER BY mailbox"
        )
    }
    boxes = connection.exec_driver_sql("SELECT id, name, special_use FROM mailbox").all()
    tops = [name for _, name, use in boxes if use in _APART]
    below = tuple(top + DELIMITER for top in tops)
    apart = {MailboxId(box) for box, name, _ in boxes if name in tops or name.startswith(below)}
    trash = next((MailboxName(name) for _, name, use in boxes if use == "\\Trash"), None)
    outbox = {
        MailboxId(box): MailboxName(name)
        for box, name, _ in boxes
        if name in QUEUED and box not in folders
    }
    used = {use: MailboxId(box) for box, _, use in boxes if use}
    return Book(
        folders,
        frozenset(apart | folders.keys() | outbox.keys()),
        trash,
        outbox,
        used.get("\\Sent"),
        used.get("\\Drafts"),
    )
