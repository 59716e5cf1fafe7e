"""What a write job may do to an account's mail; implements ``ports.MailWriter``.

Mailboxes in ``mailboxes``, what is in them in ``places``; here the messages of a job, and what a
person says by moving them.
"""

from __future__ import annotations

from collections.abc import Sequence

from mx_core.model.errors import NoSuchMailbox, NotPermitted, OverQuota
from mx_core.model.flags import DELETED, SYSTEM_FLAGS, FlagSet
from mx_core.model.ids import MailboxId, MessageId, Uid
from mx_core.model.mailbox_name import MailboxName
from mx_core.model.message import MessageForm
from mx_core.model.octets import Octets, whole
from mx_core.ports import Appended, Copied, FlagChange, MailboxInfo, NewMail
from mx_core.store.bodies.body import BodyId
from mx_core.store.bodies.file import SealedFile
from mx_core.store.mail import message
from mx_core.store.mail.mailboxes import Mailboxes
from mx_core.store.outbox import sent_copy
from mx_core.store.outbox import word as outbox_word
from mx_core.store.people import relation
from mx_core.store.places.places import Place


class Writer(Mailboxes):
    """See ``ports.MailWriter``; lives as long as one job, which ends with :meth:`finish`."""

    def append(
        self,
        mailbox: MailboxId,
        octets: Octets,
        form: MessageForm,
        flags: FlagSet,
        internal_date: int | None = None,
        *,
        author: relation.Author | None = None,
        own: bool = False,
    ) -> Appended:
        """Store *octets* unaltered as the newest message; raises NoSuchMailbox, OverQuota."""
        new = NewMail(octets, form, flags, internal_date)
        return self.append_all(mailbox, [new], author=author, own=own)[0]

    def append_all(
        self,
        mailbox: MailboxId,
        new: Sequence[NewMail],
        *,
        author: relation.Author | None = None,
        queued: Sequence[BodyId] | None = None,
        own: bool = False,
        ahead: Sequence[SealedFile | None] = (),
    ) -> list[Appended]:
        """As ``append``; *queued*: these bodies hold what is to be sent; *own*: we made them.

        *ahead*: as ``BodyWriter.add_all`` has it.
        """
        box = self._box(mailbox)
        if queued is None:
            self._places.check_open(mailbox)  # before octets are written
        book = self._places.book
        new = message.settled(new, at_once=book.reads_what_comes(mailbox))
        bodies = self._keep_bodies(new, ahead) if queued is None else queued
        rows = message.keep(self._connection, self.log, bodies, new, int(self._now()), own=own)
        if author is not None:
            for ident, _ in rows:
                relation.note_author(self._connection, ident, author)
        self.formless += [(ident, len(kept.octets)) for ident, kept in rows if kept.form is None]
        self._places.judging.know(rows)
        numbers = [self._flag_sets.number(self._flag_sets.canonical(each.flags)) for each in new]
        uids = self._places.add(
            mailbox,
            [
                (ident, kept.global_id, number, len(kept.octets))
                for (ident, kept), number in zip(rows, numbers, strict=True)
            ],
            internal_dates=[kept.internal_date for _, kept in rows],
        )
        if mailbox == book.sent:
            self.before_sent(self._connection)
            sent_copy.appended(self._places, mailbox, uids, new)
        return [Appended(box, uid) for uid in uids]

    def _keep_bodies(
        self, new: Sequence[NewMail], ahead: Sequence[SealedFile | None]
    ) -> list[BodyId]:
        if len(new) == 1 and not ahead:
            return [self.bodies.keep(new[0].octets)]
        return self.bodies.add_all([whole(each.octets) for each in new], ahead)

    def store_flags(
        self, mailbox: MailboxId, uids: Sequence[Uid], change: FlagChange, flags: FlagSet
    ) -> None:
        """Change flags of those that exist; one modseq for all; unknown UIDs are ignored."""
        self._check_here(mailbox)
        given = self._flag_sets.canonical(flags)
        match change:
            case FlagChange.REPLACE:
                self._places.flag(mailbox, uids, lambda _old: given)
            case FlagChange.ADD:
                self._places.flag(mailbox, uids, given.union)
            case FlagChange.REMOVE:
                self._places.flag(mailbox, uids, lambda old: old - given)

    def expunge(self, mailbox: MailboxId, uids: Sequence[Uid] | None = None) -> tuple[Uid, ...]:
        r"""Remove what is \\Deleted, of *uids* or of all; return what went, ascending.

        Tombstones keep the modseq.  Of a folder with a rule: what it shows moves to the Trash;
        raises NotPermitted if there is none.
        """
        self._check_here(mailbox)
        found = self._places.find(mailbox, uids, lambda f: DELETED in f)
        if mailbox in self._places.book.outbox:
            outbox_word.cancel(self._connection, [place.message for place in found])
        if found and mailbox in self._places.book.folders:
            self._throw_away(mailbox, found)
        else:
            self._places.remove(mailbox, found)
        return tuple(Uid(place.uid) for place in found)

    def copy(self, mailbox: MailboxId, uids: Sequence[Uid], target: MailboxName) -> Copied:
        """Raises NoSuchMailbox for the target (``[TRYCREATE]``)."""
        self._check_here(mailbox)
        places, box = self._places.find(mailbox, uids), self.mailbox(target)
        copied = self._copy(places, box)
        self._decide(mailbox, places, box)
        return copied

    def move(self, mailbox: MailboxId, uids: Sequence[Uid], target: MailboxName) -> Copied:
        """As copy, and the sources are expunged in the same transaction."""
        self._check_here(mailbox)
        places, box = self._places.find(mailbox, uids), self.mailbox(target)
        if mailbox in self._places.book.outbox:
            self.queue_changed = True
            return outbox_word.move(self._places, self._copy, (mailbox, places), box)
        moved = self.relocate(mailbox, places, box)
        self._decide(mailbox, places, box)
        return moved

    def show(self, mailbox: MailboxId, message: MessageId, flags: FlagSet) -> None:
        """Put a stored message into one more mailbox; raises NoSuchMailbox."""
        self._box(mailbox)
        self._places.use([message])
        [global_id], [(size, _)] = self.global_ids([message]), self.sizes_and_dates([message])
        number = self._flag_sets.number(self._flag_sets.canonical(flags))
        self._places.add(mailbox, [(message, global_id, number, size)])

    def keepable(self, flags: FlagSet) -> FlagSet:
        """Return those of *flags* that are flags, and for which the account has room."""
        try:
            return self._flag_sets.canonical(flags)
        except (NotPermitted, OverQuota):
            return flags.intersection(SYSTEM_FLAGS)

    def forget_recent(self, mailbox: MailboxId) -> Uid:
        """Raise the persistent watermark; return where it was; raises NoSuchMailbox."""
        before = self._connection.exec_driver_sql(
            "SELECT first_recent FROM mailbox WHERE id = ?", (mailbox,)
        ).scalar()
        if before is None:
            raise NoSuchMailbox("the mailbox was deleted")
        self._connection.exec_driver_sql(
            "UPDATE mailbox SET first_recent = uid_next, recent = 0 WHERE id = ?", (mailbox,)
        )
        return Uid(before)

    def _check_here(self, mailbox: MailboxId) -> None:
        self._places.global_id(mailbox)  # raises NoSuchMailbox

    def _throw_away(self, source: MailboxId, places: Sequence[Place]) -> None:
        trash = self._places.book.trash
        if trash is None:
            raise NotPermitted("there is no Trash that this could be moved to")
        target = self.mailbox(trash)
        moved = self.relocate(source, places, target)
        # there it is as any mail in the Trash, not about to be removed for good
        self._places.flag(target.id, moved.target, lambda flags: flags - {DELETED})

    def _decide(self, source: MailboxId, places: Sequence[Place], target: MailboxInfo) -> None:
        """Take what a person does with messages as what they say of those who wrote them."""
        messages = [place.message for place in places]
        self.stirred |= relation.decide(
            self._connection,
            source,
            (target.id, target.name, target.special_use),
            messages,
            int(self._now()),
        )
