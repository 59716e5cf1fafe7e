"""What a read job may ask of an account's mail; implements ``ports.MailReader``.

One consistent state throughout the job.  Sessions of a mailbox share one immutable snapshot:
what is read from the disk is kept up in ``live``, and given out while its modseq is ours.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mx_core.mime.field_match import claims_status
from mx_core.model.errors import MessageGone, NoSuchMailbox
from mx_core.model.header_keys import Hits, OrderNumber, OrderText, TextField, ThreadTable
from mx_core.model.ids import GlobalId, MailboxId, MessageId, ModSeq, Uid, UidValidity
from mx_core.model.mailbox_name import MailboxName
from mx_core.model.message import Fact, FactColumns, MessageForm, Whole
from mx_core.model.octets import Octets
from mx_core.model.part import parts_of
from mx_core.model.snapshot import Snapshot
from mx_core.ports import MailboxInfo
from mx_core.store.bodies.body import BodyReader
from mx_core.store.forms import facts, made
from mx_core.store.forms.columns import Columns, KeptColumns
from mx_core.store.mail.live import Live
from mx_core.store.places import saved, segment
from mx_core.store.places.flag_set import FlagSets, KnownSets

if TYPE_CHECKING:
    import sqlalchemy as sa

_INFO: Final = (
    "SELECT id, name, global_id, special_use,"
    " EXISTS (SELECT 1 FROM subscription WHERE subscription.name = mailbox.name),"
    " uid_validity, uid_next, highest_modseq, messages, unseen, deleted, recent, size,"
    " (SELECT rule FROM folder WHERE folder.mailbox = mailbox.id)"
    " FROM mailbox"
)


_LATE_AT_ONCE: Final = 32  # messages without a form that one reading prepares


@dataclass(slots=True)
class Known:
    """What readers of one account have learnt and share; all of it committed."""

    flag_sets: KnownSets = field(default_factory=KnownSets)
    live: Live = field(default_factory=Live)
    columns: KeptColumns = field(default_factory=KeptColumns)


class Reader:
    """See ``ports.MailReader``; lives as long as one job."""

    def __init__(
        self,
        connection: sa.Connection,
        folder: Path,
        known: Known,
        flag_sets: FlagSets | None = None,
        bodies: BodyReader | None = None,
    ) -> None:
        """*flag_sets*, *bodies*: those of a job that also changes them."""
        self._connection = connection
        self._known = known
        self._flag_sets = flag_sets or FlagSets(connection, known.flag_sets)
        self._bodies = bodies or BodyReader(connection, folder)

    @cached_property
    def _columns(self) -> Columns:
        # few jobs compare headers
        return Columns(self._connection, self._bodies, self._known.columns)

    def mailboxes(self) -> list[MailboxInfo]:
        """Return all mailboxes, in order of name."""
        rows = self._connection.exec_driver_sql(f"{_INFO} ORDER BY name").all()
        return [_info(row) for row in rows]

    def subscriptions(self) -> list[MailboxName]:
        """Return subscribed names; a name may have no mailbox."""
        names = self._connection.exec_driver_sql("SELECT name FROM subscription ORDER BY name")
        return [MailboxName(name) for name in names.scalars()]

    def mailbox(self, name: MailboxName) -> MailboxInfo:
        """Raises NoSuchMailbox."""
        row = self._connection.exec_driver_sql(f"{_INFO} WHERE name = ?", (name,)).one_or_none()
        if row is None:
            raise NoSuchMailbox(f"there is no mailbox {name}")
        return _info(row)

    def snapshot(self, mailbox: MailboxId) -> Snapshot:
        """Raises NoSuchMailbox if it was deleted meanwhile."""
        row = self._connection.exec_driver_sql(
            "SELECT uid_validity, uid_next, highest_modseq, first_recent FROM mailbox WHERE id = ?",
            (mailbox,),
        ).one_or_none()
        if row is None:
            raise NoSuchMailbox("the mailbox was deleted")
        uid_validity, uid_next, highest, first_recent = row
        kept = self._kept(mailbox, highest)
        if kept is not None and kept.first_recent == first_recent:
            return kept
        if kept is not None:
            shot = kept.recent_from(Uid(first_recent))
        else:
            self._flag_sets.look_at_all()
            places = segment.load_all(self._connection, mailbox)
            flags = self._flag_sets.of_all(places.flag_sets)
            shot = Snapshot(
                UidValidity(uid_validity),
                Uid(uid_next),
                ModSeq(highest),
                parts_of(places.uids, places.messages, places.modseqs, flags),
                Uid(first_recent),
            )
        self._keep(mailbox, shot)
        return shot

    def changed_since(self, mailbox: MailboxId, uids: Sequence[Uid], modseq: int) -> set[Uid]:
        """Return those of *uids* that changed after *modseq*."""
        wanted = set(uids)
        return {
            Uid(uid)
            for part in segment.holding(self._connection, mailbox, uids)
            for uid, changed in zip(part.uids, part.modseqs, strict=True)
            if changed > modseq and uid in wanted
        }

    def vanished_since(self, mailbox: MailboxId, modseq: int) -> list[Uid]:
        """Return the UIDs expunged after *modseq*, ascending."""
        columns = self._connection.exec_driver_sql(
            "SELECT uids FROM tombstone WHERE mailbox = ? AND modseq > ?", (mailbox, modseq)
        ).scalars()
        return [Uid(uid) for uid in sorted(chain.from_iterable(map(segment.unpack_uids, columns)))]

    def forms(self, messages: Sequence[MessageId]) -> list[MessageForm]:
        """Return the prepared forms in the order asked, expunged ones included while kept.

        Raises:
            MessageGone: One is no longer kept.
        """
        found = made.forms(self._connection, self._bodies, messages)
        if any(message not in found for message in messages):
            raise MessageGone("a message was expunged and is no longer kept")
        forms = [found[message] for message in messages]
        claiming = [each for each in messages if claims_status(found[each])]
        if not claiming:
            return forms
        foreign = set(
            self._connection.exec_driver_sql(
                "SELECT message FROM foreign_status"
                " WHERE message IN (SELECT value FROM json_each(?))",
                (json.dumps(claiming),),
            ).scalars()
        )
        return [
            replace(form, foreign_status=True) if message in foreign else form
            for message, form in zip(messages, forms, strict=True)
        ]

    def facts(self, messages: Sequence[MessageId], asked: Sequence[Fact]) -> FactColumns:
        """Return each fact of the first of *messages*, at least one; raises MessageGone.

        Of as many as about 1 MiB holds, in the order of *asked*.
        """
        told = facts.read(
            self._connection, messages, asked, lambda message, end: self.octets(message, 0, end)
        )
        if messages and not any(told):
            told = made.facts(self._connection, self._bodies, messages[:_LATE_AT_ONCE], asked)
        if messages and not any(told):
            raise MessageGone("a message was expunged and is no longer kept")
        return told

    def sizes_and_dates(self, messages: Sequence[MessageId]) -> list[tuple[int, int]]:
        """Return (RFC822.SIZE, INTERNALDATE as unix seconds) for each; raises MessageGone."""
        rows = self._by_id(
            "SELECT message.id, size, internal_date FROM json_each(?) AS asked"
            " JOIN message ON message.id = asked.value",
            messages,
        )
        return [(rows[message][1], rows[message][2]) for message in messages]

    def octets(self, message: MessageId, start: int = 0, end: int | None = None) -> bytes:
        """Return octets[start:end]; raises StoreDamaged, MessageGone."""
        octets = self._bodies.octets_of(message, start, end)
        if octets is None:
            raise MessageGone("the message was expunged and is no longer kept")
        return octets

    def opened(self, message: MessageId) -> Octets:
        """Return the octets, to be read after the job too; raises StoreDamaged, MessageGone."""
        octets = self._bodies.opened_of(message)
        if octets is None:
            raise MessageGone("the message was expunged and is no longer kept")
        return octets

    def wholes(self, messages: Sequence[MessageId], octets_max: int) -> list[Whole]:
        """Return the first of *messages* whole, at least one; raises StoreDamaged, MessageGone."""
        wholes = self._bodies.wholes(messages, octets_max)
        if not wholes:
            raise MessageGone("the message was expunged and is no longer kept")
        return wholes

    def global_ids(self, messages: Sequence[MessageId]) -> list[GlobalId]:
        """Return the ids that follow a message through COPY and MOVE; raises MessageGone."""
        rows = self._by_id(
            "SELECT message.id, global_id FROM json_each(?) AS asked"
            " JOIN message ON message.id = asked.value",
            messages,
        )
        return [GlobalId(rows[message][1]) for message in messages]

    def save_dates(self, mailbox: MailboxId, uids: Sequence[Uid]) -> list[int]:
        """Return for each UID, as unix seconds, when it came into *mailbox*."""
        return saved.dates(self._connection, mailbox, uids)

    def holding(self, text: TextField, wanted: str, messages: Sequence[MessageId]) -> Hits:
        """Find those of *messages* whose header field holds the folded text *wanted*."""
        return self._columns.holding(text, wanted, messages)

    def order_texts(self, text: OrderText, messages: Sequence[MessageId]) -> list[bytes]:
        """Return for each message the text to put it in order by."""
        return self._columns.order_texts(text, messages)

    def order_numbers(self, number: OrderNumber, messages: Sequence[MessageId]) -> list[int]:
        """Return for each message the number to judge it or put it in order by."""
        return self._columns.order_numbers(number, messages)

    def within(self, number: OrderNumber, messages: Sequence[MessageId], holds: range) -> bytes:
        """Return for each message 1 if its number is in *holds*, which has no steps, else 0."""
        return self._columns.within(number, messages, holds)

    def thread_keys(self, messages: Sequence[MessageId]) -> ThreadTable:
        """Return for each message what joins it to others."""
        return self._columns.thread_keys(messages)

    def doubtful_ids(self) -> AbstractSet[int]:
        """See ``ports.MailReader``."""
        return self._columns.doubtful_ids()

    def _kept(self, mailbox: MailboxId, highest: int) -> Snapshot | None:
        return self._known.live.kept(mailbox, highest)

    def _keep(self, mailbox: MailboxId, snapshot: Snapshot) -> None:
        self._known.live.offer(mailbox, snapshot)

    def _by_id(self, query: str, messages: Sequence[MessageId]) -> dict[int, Sequence[Any]]:
        # The driver's rows, not SQLAlchemy's: this is where FETCH 1:* spends its time.
        result = self._connection.exec_driver_sql(query, (json.dumps(list(messages)),))
        rows = {row[0]: row for row in result.cursor.fetchall()}
        if any(message not in rows for message in messages):
            raise MessageGone("a message was expunged and is no longer kept")
        return rows


def _info(row: Sequence[Any]) -> MailboxInfo:
    return MailboxInfo(
        id=MailboxId(row[0]),
        name=MailboxName(row[1]),
        global_id=GlobalId(row[2]),
        special_use=row[3],
        subscribed=bool(row[4]),
        uid_validity=UidValidity(row[5]),
        uid_next=Uid(row[6]),
        highest_modseq=ModSeq(row[7]),
        messages=row[8],
        unseen=row[9],
        deleted=row[10],
        recent=row[11],
        size=row[12],
        rule=row[13] or "",
    )
