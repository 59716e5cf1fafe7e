"""The folders of an account, their rules compiled once, and what mail they range over.

Kept between write jobs, of which one runs at a time.  Whoever changes a folder or the name of a
mailbox makes the shelf forget its book; so a job that is undone leaves nothing behind in it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from msgspec import Struct, field

from mx_core.model.errors import NoSuchMailbox
from mx_core.model.flags import FlagSet
from mx_core.model.ids import GlobalId, MailboxId
from mx_core.model.mailbox_name import DELIMITER, QUEUED, MailboxName
from mx_core.store.folders.parse_rule import parse
from mx_core.store.folders.rule import Rule

if TYPE_CHECKING:
    import sqlalchemy as sa

_APART: Final = ("\\Junk", "\\Trash")  # what lies in or below these is in no folder
_CACHED_SETS_MAX: Final = 10_000


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
    beyond_flags: bool  # some rule asks for more than flags
    pulled: (
        bool  # mail of some account elsewhere: its copies are found by Message-ID, see ``copies``
    )
    _showing: dict[FlagSet, frozenset[MailboxId]] = field(default_factory=dict)

    def follows(self, mailbox: MailboxId) -> bool:
        """Tell whether mail in *mailbox* may be in a folder."""
        return bool(self.folders) and mailbox not in self.apart

    def reads_what_comes(self, mailbox: MailboxId) -> bool:
        """Tell whether more than flags is asked at once of what comes into *mailbox*."""
        of_rule = self.beyond_flags and self.follows(mailbox)
        return of_rule or self.pulled or mailbox == self.sent

    def showing(
        self, flags: FlagSet, holds: Callable[[Rule, FlagSet], bool]
    ) -> frozenset[MailboxId]:
        """Return the folders that a place with *flags* may be in: a few sets stand for all messages.

        *holds* gives the verdict of a rule that flags alone decide.
        """
        found = self._showing.get(flags)
        if found is None:
            if len(self._showing) >= _CACHED_SETS_MAX:
                self._showing.clear()
            found = self._showing[flags] = frozenset(
                mailbox
                for mailbox, folder in self.folders.items()
                if not folder.rule.flags_only or holds(folder.rule, flags)
            )
        return found


class Shelf:
    """What stands between jobs; the one that runs alone touches it.

    A job, or a whole commit, may be undone after it was read here.  Then the journal's *moment* is
    lower than it was: every job says where it begins, and what was learnt above that is forgotten.
    """

    def __init__(self) -> None:
        self._book: Book | None = None
        self._learnt_at = 0  # the highest moment at which something was learnt
        self._came_at: dict[MailboxId, int] = {}
        self._global_ids: dict[MailboxId, GlobalId] = {}  # of mailboxes that there are

    def begin(self, moment: int) -> None:
        """Forget everything if *moment*, at which a job begins, is below what was seen."""
        if moment < self._learnt_at:
            self.forget()
            self._learnt_at = 0

    def book(self, connection: sa.Connection, moment: int) -> Book:
        """Return the book, read anew if it was forgotten."""
        if self._book is None:
            self._book = load(connection)
            self._learnt_at = max(self._learnt_at, moment)
        return self._book

    def forget(self) -> None:
        """Read it anew the next time: what it says is about to change."""
        self._book = None
        self._came_at.clear()
        self._global_ids.clear()

    def global_id(self, connection: sa.Connection, mailbox: MailboxId, moment: int) -> GlobalId:
        """Return what the journal calls *mailbox*; raises NoSuchMailbox.

        Who makes a mailbox raises the moment, and who removes one makes the shelf forget.
        """
        known = self._global_ids.get(mailbox)
        if known is None:
            known = connection.exec_driver_sql(
                "SELECT global_id FROM mailbox WHERE id = ?", (mailbox,)
            ).scalar()
            if known is None:
                raise NoSuchMailbox("the mailbox was deleted")
            self._global_ids[mailbox] = known
            self._learnt_at = max(self._learnt_at, moment)
        return known

    def is_news(self, folder: MailboxId, seconds: int, moment: int) -> bool:
        """Tell whether nothing is known to have come into *folder* in this second, and note it."""
        if self._came_at.get(folder) == seconds:
            return False
        self._came_at[folder] = seconds
        self._learnt_at = max(self._learnt_at, moment)
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
    pulled = connection.exec_driver_sql("SELECT EXISTS (SELECT 1 FROM pull_account)").scalar()
    return Book(
        folders,
        frozenset(apart | folders.keys() | outbox.keys()),
        trash,
        outbox,
        used.get("\\Sent"),
        used.get("\\Drafts"),
        any(not folder.rule.flags_only for folder in folders.values()),
        bool(pulled),
    )
