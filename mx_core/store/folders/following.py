"""Changes to what is in mailboxes, followed into the folders that show it, in the same transaction.

A place enters a folder when the folder's rule comes to hold for it and leaves when it no longer
does, or when the place is gone; what comes back gets a new UID.  A change made *through* a folder
is made to the places it shows, and comes back to the folder like any other.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Final

from typing_extensions import override

from mx_core.model.change import Change
from mx_core.model.errors import NotPermitted
from mx_core.model.flags import FlagSet
from mx_core.model.ids import GlobalId, MailboxId, MessageId, Uid
from mx_core.store.folders.book import Book, Folder, Shelf, load
from mx_core.store.folders.facts import Texts
from mx_core.store.folders.judging import Judging
from mx_core.store.folders.member import Member, Members
from mx_core.store.folders.shown import ShownPlaces
from mx_core.store.journal.journal import Journal
from mx_core.store.places.flag_set import FlagSetId, FlagSetWriter
from mx_core.store.places.flagging import Moved
from mx_core.store.places.places import Place, Places

if TYPE_CHECKING:
    import sqlalchemy as sa

_QUEUED: Final = "only what is sent by SMTP stands here; nothing else can be put into it"
_CLOSED: Final = "this folder shows what is in other mailboxes; nothing can be put into it"
_FEW: Final = 16  # messages, which a folder follows within a millisecond or two


class NotShort(Exception):
    """A job that was to be short is not; it is to be undone."""


class FollowedPlaces(Places):
    """See the module.  *shelf* is shared by the jobs of the account."""

    def __init__(
        self,
        connection: sa.Connection,
        log: Journal,
        flag_sets: FlagSetWriter,
        changes: list[Change],
        judging: Judging,
        shelf: Shelf,
    ) -> None:
        super().__init__(connection, log, flag_sets, changes, judging.now)
        self.connection = connection
        self.judging = judging
        self._shelf = shelf
        shelf.begin(log.moment)
        self._book: Book | None = None  # of this job
        self.members = Members(connection)
        self.renamed = False  # this job has made, named or removed mailboxes
        self.owes = False  # a body has yet to be judged, or a folder to be filled
        self.must_be_short = False  # the loop waits: raise NotShort where folders follow many

    @cached_property
    def shown(self) -> ShownPlaces:
        """Return what is in folders; most jobs change nothing there."""
        return ShownPlaces(
            self._connection,
            self._log,
            self._flag_sets,
            self._changes,
            self.judging.now,
            self._shelf,
        )

    @property
    def book(self) -> Book:
        """Return the folders as this job has made them."""
        if self._book is None:
            self._book = self._shelf.book(self._connection, self._log.moment)
        return self._book

    def book_changed(self) -> None:
        """Read folders and names anew, for this job only: it may yet be undone."""
        self.renamed = True
        self._shelf.forget()
        self._book = load(self._connection)

    @override
    def global_id(self, mailbox: MailboxId) -> GlobalId:
        return self._shelf.global_id(self._connection, mailbox, self._log.moment)

    def check_open(self, mailbox: MailboxId) -> None:
        """Raises NotPermitted where nothing can be put in."""
        book = self.book
        if mailbox in book.folders:
            raise NotPermitted(_CLOSED)
        if mailbox in book.outbox:
            raise NotPermitted(_QUEUED)

    # ── the five changes ────────────────────────────────────────────────────────────
    @override
    def add(
        self,
        mailbox: MailboxId,
        messages: Sequence[tuple[MessageId, GlobalId, FlagSetId, int]],
        *,
        internal_dates: Sequence[int] | None = None,
    ) -> list[Uid]:
        book = self.book
        if mailbox in book.folders:
            raise NotPermitted(_CLOSED)
        uids = super().add(mailbox, messages, internal_dates=internal_dates)
        if book.follows(mailbox):
            self._arrived(book, mailbox, uids, messages)
        return uids

    @override
    def _note_saved(self, mailbox: MailboxId, first: int) -> None:
        if self._shelf.is_news(mailbox, self._now_seconds, self._log.moment):
            super()._note_saved(mailbox, first)

    @override
    def flag(
        self, mailbox: MailboxId, uids: Sequence[Uid], change: Callable[[FlagSet], FlagSet]
    ) -> Moved:
        book = self.book
        if mailbox in book.folders:
            self._look_how_many(uids)
            for box, originals in self._originals(mailbox, self.find(mailbox, uids)).items():
                self.flag(box, originals, change)
            return Moved()
        moved = super().flag(mailbox, uids, change)
        if moved and book.follows(mailbox):
            self._flags_moved(book, mailbox, moved)
        return moved

    @override
    def remove(self, mailbox: MailboxId, places: Sequence[Place]) -> None:
        book = self.book
        if mailbox in book.folders:
            for box, originals in self._originals(mailbox, places).items():
                self.remove(box, self.find(box, originals))
            return
        super().remove(mailbox, places)
        if book.follows(mailbox):
            self.leave_all(mailbox, places)

    @override
    def forget(self, mailbox: MailboxId) -> None:
        book = self.book
        if mailbox in book.folders:
            self.shown.forget(mailbox)
            self.members.forget(mailbox)
            self._connection.exec_driver_sql("DELETE FROM folder WHERE mailbox = ?", (mailbox,))
            return
        if book.follows(mailbox):
            self.leave_all(mailbox, self.find(mailbox, None))
        super().forget(mailbox)

    # ── membership ──────────────────────────────────────────────────────────────────
    def settle(
        self,
        folder: Folder,
        mailbox: MailboxId,
        places: Sequence[Place],
        texts: Mapping[MessageId, Texts] | None = None,
    ) -> None:
        """Judge *places* anew and let them enter or leave; doing it twice changes nothing."""
        uids = [Uid(place.uid) for place in places]
        known = {
            member.original: member
            for member in self.members.of_places(mailbox, [p.message for p in places], uids)
            if member.folder == folder.mailbox
        }
        self._settle(folder, mailbox, places, known, texts)

    def leave_all(self, mailbox: MailboxId, places: Sequence[Place]) -> None:
        """Let *places*, which are gone from *mailbox* or out of reach, leave every folder."""
        # whoever is in a folder that flags alone decide has flags for which its rule holds
        book, sets = self.book, {place.flag_set for place in places}
        fitting = {number for number in sets if self._showing(book, [number])}
        places = [place for place in places if place.flag_set in fitting]
        if not places:
            return
        uids = [Uid(place.uid) for place in places]
        leaving = self.members.of_places(mailbox, [place.message for place in places], uids)
        for folder in sorted({member.folder for member in leaving}):
            self.let_go([member for member in leaving if member.folder == folder])

    def _arrived(
        self,
        book: Book,
        mailbox: MailboxId,
        uids: Sequence[Uid],
        messages: Sequence[tuple[MessageId, GlobalId, FlagSetId, int]],
    ) -> None:
        caring = self._showing(book, {number for _, _, number, _ in messages})
        if not caring:
            return
        if len(messages) == 1:
            # what the flags alone decide is decided: the way of every arrival
            [(message, _, number, size)] = messages
            for folder in [folder for folder in caring if folder.rule.flags_only]:
                uid = self.shown.show_one(folder.mailbox, message, number, size)
                self.members.add(folder.mailbox, mailbox, [(message, uids[0], uid)])
            caring = [folder for folder in caring if not folder.rule.flags_only]
        if caring:
            places = [
                Place(uid, number, message)
                for uid, (message, _, number, _) in zip(uids, messages, strict=True)
            ]
            for folder in caring:
                self._settle(folder, mailbox, places, {})

    def _settle(
        self,
        folder: Folder,
        mailbox: MailboxId,
        places: Sequence[Place],
        known: Mapping[Uid, Member],
        texts: Mapping[MessageId, Texts] | None = None,
    ) -> Collection[Member]:
        """Judge *places*, of which *known* are members; return who left."""
        rows = [(place.message, self._flag_sets.of(place.flag_set)) for place in places]
        verdicts = self.judging.verdicts(folder.rule, rows, texts)
        if folder.rule.test.turns:
            self._note_turns(folder, mailbox, places)
        return self._act(folder, mailbox, list(zip(places, verdicts, strict=True)), known)

    def _act(
        self,
        folder: Folder,
        mailbox: MailboxId,
        judged: Sequence[tuple[Place, bool | None]],
        known: Mapping[Uid, Member],
    ) -> Collection[Member]:
        entering = [p for p, holds in judged if holds and Uid(p.uid) not in known]
        leaving = {known[Uid(p.uid)] for p, holds in judged if holds is False and p.uid in known}
        if entering:
            self._enter(folder.mailbox, mailbox, entering)
        if leaving:
            self.let_go(sorted(leaving, key=lambda member: member.uid))
        waiting = [p.uid for p, holds in judged if holds is None]
        if waiting:
            self.owes = True
            self._connection.exec_driver_sql(
                "INSERT OR IGNORE INTO folder_waiting VALUES (?, ?, ?)",
                [(folder.mailbox, mailbox, uid) for uid in waiting],
            )
        return leaving

    def _enter(self, folder: MailboxId, mailbox: MailboxId, places: Sequence[Place]) -> None:
        weights = self.judging.weights([place.message for place in places])
        uids = self.shown.show(
            folder,
            [(p.message, p.flag_set, size) for p, (size, _) in zip(places, weights, strict=True)],
        )
        self.members.add(
            folder,
            mailbox,
            [(p.message, Uid(p.uid), uid) for uid, p in zip(uids, places, strict=True)],
        )

    def let_go(self, members: Sequence[Member]) -> None:
        """Take members of one folder out of it; a tombstone keeps the modseq."""
        folder = members[0].folder
        self.shown.remove(folder, self.shown.find(folder, [member.uid for member in members]))
        self.members.remove(members)

    def _flags_moved(self, book: Book, mailbox: MailboxId, moved: Moved) -> None:
        """Follow a change of flags."""
        caring = self._showing(book, moved.met)
        if not caring:
            return
        self._look_how_many(moved.uids)
        now = dict(zip(moved.uids, moved.now, strict=True))
        places = self.find(mailbox, [Uid(uid) for uid in moved.uids])
        members = self.members.of_places(
            mailbox, [place.message for place in places], [Uid(place.uid) for place in places]
        )
        for folder in caring:
            known = {m.original: m for m in members if m.folder == folder.mailbox}
            left = self._settle(folder, mailbox, places, known) if folder.rule.test.flags else ()
            stay = [(m.uid, now[m.original]) for m in known.values() if m not in left]
            self._reflag(folder.mailbox, stay)

    def _look_how_many(self, uids: Sequence[int]) -> None:
        if self.must_be_short and len(uids) > _FEW:
            raise NotShort

    def _showing(self, book: Book, sets: Iterable[int]) -> list[Folder]:
        """Return the folders that a place with one of the flag *sets* may be in."""
        found: set[MailboxId] = set()
        for number in sets:
            found |= book.showing(self._flag_sets.of(number), self.judging.holds_for_flags)
        return [folder for mailbox, folder in book.folders.items() if mailbox in found]

    def _reflag(self, folder: MailboxId, rows: Iterable[tuple[Uid, int]]) -> None:
        by_set: dict[int, list[Uid]] = {}
        for uid, number in rows:
            by_set.setdefault(number, []).append(uid)
        for number, uids in by_set.items():
            flags = self._flag_sets.of(number)
            self.shown.flag(folder, sorted(uids), lambda _before, flags=flags: flags)  # type: ignore[misc]

    def _note_turns(self, folder: Folder, mailbox: MailboxId, places: Sequence[Place]) -> None:
        weights = self.judging.weights([place.message for place in places])
        turns = [
            (at, folder.mailbox, mailbox, place.uid)
            for place, (_, arrived) in zip(places, weights, strict=True)
            if (at := folder.rule.next_turn(arrived, self.judging.now)) is not None
        ]
        if turns:
            self.owes = True
            self._connection.exec_driver_sql(
                "INSERT OR IGNORE INTO folder_turn VALUES (?, ?, ?, ?)", turns
            )

    def _originals(self, folder: MailboxId, places: Sequence[Place]) -> dict[MailboxId, list[Uid]]:
        """Return, by mailbox and ascending, what *places* of *folder* show."""
        uids = [Uid(place.uid) for place in places]
        found: dict[MailboxId, list[Uid]] = {}
        for member in self.members.at(folder, [place.message for place in places], uids):
            found.setdefault(member.mailbox, []).append(member.original)
        return {box: sorted(originals) for box, originals in found.items()}
