"""The mailboxes of an account within a write job: made, renamed, removed, and what is moved with one.

Everything a job does is one transaction with its journal rows; ``changes`` is announced after
the commit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

from typing_extensions import override

from mx_core.model.change import Change, MailboxGone, NameChanged, News, SubscriptionChanged
from mx_core.model.clock import Now
from mx_core.model.errors import HasChildren, MailboxExists, NoSuchMailbox, NotPermitted, OverQuota
from mx_core.model.ids import GlobalId, MailboxId, MessageId, Uid, UidValidity
from mx_core.model.mailbox_name import DELIMITER, INBOX, MailboxName, mailbox_name, parents
from mx_core.model.snapshot import Snapshot
from mx_core.ports import Copied, MailboxInfo
from mx_core.store.bodies.body import BodyWriter
from mx_core.store.folders.book import Shelf
from mx_core.store.folders.filling import fill, names_changed
from mx_core.store.folders.following import FollowedPlaces
from mx_core.store.folders.judging import Judging
from mx_core.store.folders.parse_rule import parse
from mx_core.store.forms.columns import Columns, KeptColumns
from mx_core.store.journal.journal import Journal, new_global_id
from mx_core.store.journal.row import Op, Value
from mx_core.store.mail.reader import Known, Reader
from mx_core.store.mail.standing import Arrival, Left, changes_of
from mx_core.store.people import relation
from mx_core.store.places.flag_set import FlagSetWriter
from mx_core.store.places.places import Place

if TYPE_CHECKING:
    import sqlalchemy as sa

_MAILBOXES_MAX: Final = 10_000
_FOLDERS_MAX: Final = 100


class Mailboxes(Reader):
    """The first half of :class:`~mx_core.store.mail.writer.Writer`, which alone is made."""

    def __init__(
        self, connection: sa.Connection, folder: Path, known: Known, now: Now, shelf: Shelf,
        before: Left | None = None,
    ) -> None:  # fmt: skip
        """*before*: what holds now, if that is known."""
        flag_sets = FlagSetWriter(connection, known.flag_sets)
        bodies = BodyWriter(connection, folder)
        super().__init__(connection, folder, known, flag_sets, bodies)
        self.changes: list[Change] = []  # in modseq order
        self.names: list[News] = []  # what happened to names, in order
        self.queue_changed = False  # something of the outbox is due
        self.before_sent: Callable[[sa.Connection], None] = lambda _: None  # see ``Mail``
        self.stirred = False  # the gateway has something to tell; see ``relations``
        self.formless: list[tuple[MessageId, int]] = []  # stored, with their octets; no form yet
        self._validities: dict[MailboxId, UidValidity] = {}  # of mailboxes that this job has read
        self._now = now
        self._arrival = before.arrival if before is not None else None  # until this job adds one
        self._meant: tuple[MailboxName, MailboxId] | None = None  # where it is asked to add
        self.left: Left | None = None  # once it has ended and counted something
        self.log = Journal(connection, now, before.counters if before is not None else None)
        self._flag_sets: FlagSetWriter = flag_sets
        self.flag_numbers = flag_sets.numbers  # of sets that this job used
        self.bodies = bodies
        # With a reader of its own: in a circle with this one, all that a job stored would stay in
        # memory until somebody looks for garbage.
        judging = Judging(Reader(connection, folder, known), int(now()))
        self.places = self._places = FollowedPlaces(
            connection, self.log, flag_sets, self.changes, judging, shelf
        )
        if before is not None:
            self._places.flagged_last = before.flagged_last

    @cached_property
    @override
    def _columns(self) -> Columns:
        # its own: what this job adds is nobody's to keep until it is committed
        return Columns(self._connection, self._bodies, KeptColumns())

    def finish(self) -> None:
        """Store the counters; the last step of a job."""
        if self.log.finish():  # just now, so they are what the database has
            changes = changes_of(self._connection)
            flagged_last = self._places.flagged_last
            self.left = Left(changes, self.log.counters, self._last_arrival(), flagged_last)

    def _last_arrival(self) -> Arrival | None:
        """Return the mailbox into which something came last, if its name is known to be its own."""
        if self._places.renamed:
            return None
        added = self._places.added
        if added is None:
            return self._arrival
        if self._meant is None or self._meant[1] != added[0]:
            return None
        name, mailbox = self._meant
        return Arrival(name, mailbox, self._validities[mailbox], added[1])

    def create(self, name: MailboxName, special_use: str = "") -> MailboxInfo:
        """Make the mailbox and those above it; raises MailboxExists, OverQuota."""
        if self._id_of(name) is not None:
            raise MailboxExists(f"there is a mailbox {name} already")
        self._make_above(name)
        self._make(name, special_use)
        return self.mailbox(name)

    def add_folder(self, name: MailboxName, rule: str) -> MailboxInfo:
        """Make a mailbox that shows all mail for which *rule* holds.

        Up to some thousand messages are in it at once, others come later.  Raises BadRule,
        MailboxExists, NotPermitted, OverQuota.
        """
        return self._add_folder(name, rule, fixed=False)

    def add_fixed_folder(self, name: MailboxName, rule: str) -> MailboxInfo:
        """As ``add_folder``, for one that mail programs can not rename or delete."""
        return self._add_folder(name, rule, fixed=True)

    def _add_folder(self, name: MailboxName, rule: str, *, fixed: bool) -> MailboxInfo:
        rule = parse(rule).text
        if name == INBOX:
            raise MailboxExists("INBOX is no folder with a rule")
        if len(self._places.book.folders) >= _FOLDERS_MAX:
            raise OverQuota(f"an account has at most {_FOLDERS_MAX} folders with a rule")
        if self._id_of(name) is not None:
            raise MailboxExists(f"there is a mailbox {name} already")
        self._make_above(name)
        self._make(name, "", rule)
        mailbox = self.mailbox(name).id
        self._connection.exec_driver_sql(
            "INSERT INTO folder VALUES (?, ?, ?, 0)", (mailbox, rule, fixed)
        )
        self._places.book_changed()
        fill(self._places, mailbox)
        return self.mailbox(name)

    def delete(self, name: MailboxName) -> None:
        """Raises NoSuchMailbox, NotPermitted (INBOX, or one with children)."""
        if name == INBOX:
            raise NotPermitted("INBOX can not be deleted")
        box = self.mailbox(name)
        self._check_not_fixed(box)
        self._remove(box)

    def remove_folder(self, name: MailboxName) -> None:
        """Forget a folder and its rule, a fixed one too; the mail in it stays where it is."""
        box = self.mailbox(name)
        if box.id not in self._places.book.folders:
            raise NotPermitted(f"{name} is no folder with a rule")
        self._remove(box)

    def _remove(self, box: MailboxInfo) -> None:
        if self._below(box.name):
            raise HasChildren(f"{box.name} has mailboxes below it")
        self._places.forget(box.id)
        self._connection.exec_driver_sql("DELETE FROM mailbox WHERE id = ?", (box.id,))
        self.changes.append(MailboxGone(box.id, self.log.next_modseq()))
        self.log.write(Op.REMOVED, box.global_id, {})
        self._places.book_changed()
        self.names.append(NameChanged(box.name, None, bool(box.rule)))

    def rename(self, old: MailboxName, new: MailboxName) -> None:
        """Raises as create and delete; renaming INBOX moves its mail (RFC 9051 §6.3.6)."""
        box = self.mailbox(old)
        if self._id_of(new) is not None:
            raise MailboxExists(f"there is a mailbox {new} already")
        if old == INBOX:
            self.create(new)
            self.relocate(box.id, self._places.find(box.id, None), self.mailbox(new))
            return
        self._check_not_fixed(box)
        before = self._places.book
        # All new names begin with *new*, where nothing stands yet, so none collides.
        for row, name, global_id in [(box.id, old, box.global_id), *self._below(old)]:
            renamed = mailbox_name(new + name[len(old) :])
            self._connection.exec_driver_sql(
                "UPDATE mailbox SET name = ? WHERE id = ?", (renamed, row)
            )
            self.log.write(Op.RENAMED, global_id, {0: renamed})
            self.names.append(NameChanged(name, renamed, row in before.folders))
        self._make_above(new)
        self._places.book_changed()
        names_changed(self._places, before)

    def subscribe(self, name: MailboxName, subscribed: bool) -> None:
        """Remember or forget a name."""
        statement = (
            "INSERT OR IGNORE INTO subscription VALUES (?)"
            if subscribed
            else "DELETE FROM subscription WHERE name = ?"
        )
        if self._connection.exec_driver_sql(statement, (name,)).rowcount:
            self.log.write(Op.SUBSCRIBED, b"", {0: name, 1: subscribed})
            self.names.append(SubscriptionChanged(name, subscribed))

    def relocate(self, source: MailboxId, places: Sequence[Place], target: MailboxInfo) -> Copied:
        """Move, whatever a person says by moving."""
        copied = self._copy(places, target)
        self._places.remove(source, places)
        return copied

    def _copy(self, places: Sequence[Place], target: MailboxInfo, *, own: bool = False) -> Copied:
        """Add *places* to *target* under one modseq, with their flags, dates and global ids."""
        if not own:
            self._places.check_open(target.id)
        if not places:
            return Copied(target.uid_validity, (), ())
        messages = [place.message for place in places]
        self._places.use(messages)
        uids = self._places.add(
            target.id,
            [
                (place.message, global_id, place.flag_set, size)
                for place, global_id, (size, _) in zip(
                    places, self.global_ids(messages), self.sizes_and_dates(messages), strict=True
                )
            ],
        )
        return Copied(target.uid_validity, tuple(Uid(place.uid) for place in places), tuple(uids))

    def _check_not_fixed(self, box: MailboxInfo) -> None:
        if box.name in relation.FIXED and not box.rule:
            raise NotPermitted(f"the gateway puts mail into {box.name}")
        folder = self._places.book.folders.get(box.id)
        if folder is not None and folder.fixed:
            raise NotPermitted(f"{box.name} belongs to the gateway; mx-gateway folder removes it")

    def _make_above(self, name: MailboxName) -> None:
        folders = self._places.book.folders
        for above in parents(name):
            there = self._id_of(above)
            if there is None:
                self._make(above, "")
            elif there in folders:
                raise NotPermitted(f"no mailbox can be below {above}")

    def _make(self, name: MailboxName, special_use: str, rule: str = "") -> None:
        count = self._connection.exec_driver_sql("SELECT count(*) FROM mailbox").scalar_one()
        if count >= _MAILBOXES_MAX:
            raise OverQuota(f"an account has at most {_MAILBOXES_MAX} mailboxes")
        global_id = new_global_id()
        self._connection.exec_driver_sql(
            "INSERT INTO mailbox (name, global_id, special_use, uid_validity, uid_next,"
            " highest_modseq, first_recent, messages, unseen, deleted, recent, size)"
            " VALUES (?, ?, ?, ?, 1, ?, 1, 0, 0, 0, 0, 0)",
            (name, global_id, special_use, self.log.next_uid_validity(), self.log.next_modseq()),
        )
        ids: dict[int, Value] = {0: name, 1: special_use}
        if rule:
            ids[2] = rule
        self.log.write(Op.MADE, global_id, ids)
        self._places.book_changed()
        self.names.append(NameChanged(None, name, bool(rule)))

    @override
    def mailbox(self, name: MailboxName) -> MailboxInfo:
        info = super().mailbox(name)
        self._meet(info.id, info.uid_validity, info.uid_next)
        return info

    def mailbox_id(self, name: MailboxName) -> MailboxId:
        """Return the id of the mailbox *name*, to which something is added; raises NoSuchMailbox."""
        arrival = self._arrival
        if arrival is None or arrival.name != name or self._places.added or self._places.renamed:
            mailbox = self.mailbox(name).id
        else:
            mailbox = arrival.mailbox
            self._meet(mailbox, arrival.uid_validity, arrival.uid_next)
        self._meant = name, mailbox
        return mailbox

    def _box(self, mailbox: MailboxId) -> UidValidity:
        if mailbox in self._places.next_uids:  # this job has just read it
            return self._validities[mailbox]
        row = self._connection.exec_driver_sql(
            "SELECT uid_validity, uid_next FROM mailbox WHERE id = ?", (mailbox,)
        ).one_or_none()
        if row is None:
            raise NoSuchMailbox("the mailbox was deleted")
        self._meet(mailbox, *row)
        return UidValidity(row[0])

    def _meet(self, mailbox: MailboxId, validity: UidValidity, next_uid: Uid) -> None:
        """Note what does not change while the job has the mailbox, and which UID it gives next."""
        self._validities[mailbox] = validity
        self._places.next_uids[mailbox] = next_uid

    def _id_of(self, name: MailboxName) -> MailboxId | None:
        return self._connection.exec_driver_sql(
            "SELECT id FROM mailbox WHERE name = ?", (name,)
        ).scalar()

    def _below(self, name: MailboxName) -> list[tuple[MailboxId, MailboxName, GlobalId]]:
        rows = self._connection.exec_driver_sql(
            "SELECT id, name, global_id FROM mailbox WHERE name > ? AND name < ?",
            (name + DELIMITER, name + chr(ord(DELIMITER) + 1)),
        )
        return [(MailboxId(row), MailboxName(child), GlobalId(ident)) for row, child, ident in rows]

    @override
    def _kept(self, mailbox: MailboxId, highest: int) -> Snapshot | None:
        return None  # what this job changed is not what others may see

    @override
    def _keep(self, mailbox: MailboxId, snapshot: Snapshot) -> None:
        """Keep nothing: the job may yet be undone."""
