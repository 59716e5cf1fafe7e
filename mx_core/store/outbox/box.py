"""Queued mail as a mail program sees it: in ``Outbox`` while it waits, then once in Sent.

Its state is keywords.  Whatever happens to a submission happens to its place in the same
transaction.  docs/spec/outbox.md.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from mx_core.model.flags import DRAFT, NOT_ENCRYPTED, SEEN, FlagSet
from mx_core.model.ids import MailboxId, Uid
from mx_core.model.mailbox_name import OUTBOX, MailboxName
from mx_core.model.message import MessageForm
from mx_core.model.octets import Octets
from mx_core.ports import NewMail
from mx_core.store.bodies.body import BodyId
from mx_core.store.mail.writer import Writer
from mx_core.store.outbox import sent_copy
from mx_core.store.outbox.word import (
    DEFERRED,
    FAILED,
    HELD,
    PENDING,
    REDUCED,
    STATE,
    SUBMITTED,
)
from mx_core.store.people.policy import note_encrypted

if TYPE_CHECKING:
    import sqlalchemy as sa


class _Fates(Struct, frozen=True):
    """How many recipients of a submission stand where."""

    waiting: int
    held: int
    tried: int
    left: int
    failed: int
    cancelled: int
    clear: int
    reduced: int  # sealed to a key past its time
    native: int  # that leave end-to-end encrypted or not at all, and wait for nobody

    def flags(self) -> FlagSet:
        """Return the keywords that say so."""
        said = {
            PENDING: self.waiting,
            HELD: self.held,
            DEFERRED: self.tried,
            SUBMITTED: self.left and not (self.waiting or self.held),
            FAILED: self.failed,
            NOT_ENCRYPTED: self.clear,
            REDUCED: self.reduced,
        }
        return frozenset(flag for flag, holds in said.items() if holds)


class Entering(Struct, frozen=True):
    """A submission whose recipients are noted, and the body that holds its octets."""

    queue_id: str
    body: BodyId
    octets: Octets
    form: MessageForm


def enter(writer: Writer, connection: sa.Connection, entering: Sequence[Entering]) -> None:
    """Put submissions into Outbox, whose messages then share their bodies."""
    box = writer.mailbox(OUTBOX).id
    fates = [_fates(connection, each.queue_id) for each in entering]
    new = [
        NewMail(each.octets, each.form, fate.flags() | {SEEN})
        for each, fate in zip(entering, fates, strict=True)
    ]
    appended = writer.append_all(box, new, queued=[each.body for each in entering])
    places = writer.places.find(box, [each.uid for each in appended])
    connection.exec_driver_sql(
        "UPDATE outbox SET message = ?, mailbox = ?, uid = ?, shown = 1, alone = 0"
        " WHERE queue_id = ?",
        [
            (place.message, box, place.uid, each.queue_id)
            for place, each in zip(places, entering, strict=True)
        ],
    )
    connection.exec_driver_sql(
        "UPDATE outbox_recipient SET listed = 1 WHERE queue_id = ?",
        [(each.queue_id,) for each in entering],
    )
    for each, fate in zip(entering, fates, strict=True):
        if fate.native:
            note_encrypted(connection, each.form.message_id)


def show(writer: Writer, connection: sa.Connection, queue_id: str) -> None:
    """Let the keywords say where the recipients stand now."""
    place = _place(connection, queue_id) or _copy_of_returned(connection, queue_id)
    if place is not None:
        _say(writer, *place, _fates(connection, queue_id).flags())


def leave(writer: Writer, connection: sa.Connection, queue_id: str) -> None:
    """Take a settled submission out of Outbox.

    What left for anybody, or failed, is kept in Sent, unless the mail program has put its own
    copy there, which then carries the keywords.  What was given up before goes to Drafts.
    """
    place = _place(connection, queue_id)
    if place is None:
        show(writer, connection, queue_id)  # it came back after it had left; see ``anew``
        return
    fates = _fates(connection, queue_id)
    connection.exec_driver_sql(
        "UPDATE outbox SET message = NULL, mailbox = NULL, uid = NULL WHERE queue_id = ?",
        (queue_id,),
    )
    if fates.cancelled and not (fates.left or fates.failed):
        _move(writer, place, writer.places.book.drafts, frozenset({DRAFT}))
        return
    copy = sent_copy.of_program(connection, queue_id)
    if copy is not None:
        _say(writer, *copy, fates.flags())  # nothing, if it is there no more
        _move(writer, place, None, frozenset())
        return
    sent = writer.places.book.sent
    uid = _move(writer, place, sent, fates.flags())
    if sent is not None and uid is not None:
        sent_copy.kept(connection, queue_id, sent, uid)


def let_go(writer: Writer, connection: sa.Connection, bodies: Sequence[BodyId]) -> None:
    """Drop *bodies*, which were those of messages, but for those that may still be sealed."""
    asked = (json.dumps(bodies),)
    chosen = "coalesce(body, kept) IN (SELECT value FROM json_each(?))"
    needed = set(
        connection.exec_driver_sql(
            f"SELECT coalesce(body, kept) FROM outbox WHERE {chosen}",  # noqa: S608  # literals
            asked,
        ).scalars()
    )
    if needed:
        connection.exec_driver_sql(f"UPDATE outbox SET alone = 1 WHERE {chosen}", asked)  # noqa: S608  # literals
    writer.bodies.drop([body for body in bodies if body not in needed])


def _move(
    writer: Writer, place: tuple[MailboxId, Uid], target: MailboxId | None, flags: FlagSet
) -> Uid | None:
    """Move, with *flags* in place of the state; without a *target* it only goes."""
    if target is not None:
        _say(writer, *place, flags)
    found = writer.places.find(place[0], [place[1]])
    if target is None or not found:
        writer.places.remove(place[0], found)
        return None
    name = writer.places.connection.exec_driver_sql(
        "SELECT name FROM mailbox WHERE id = ?", (target,)
    ).scalar_one()
    return writer.relocate(place[0], found, writer.mailbox(MailboxName(name))).target[0]


def _say(writer: Writer, mailbox: MailboxId, uid: Uid, flags: FlagSet) -> None:
    writer.places.flag(mailbox, [uid], lambda old: (old - STATE) | flags)


def _place(connection: sa.Connection, queue_id: str) -> tuple[MailboxId, Uid] | None:
    row = connection.exec_driver_sql(
        "SELECT mailbox, uid FROM outbox WHERE queue_id = ? AND message IS NOT NULL", (queue_id,)
    ).one_or_none()
    return None if row is None else (MailboxId(row[0]), Uid(row[1]))


def _copy_of_returned(connection: sa.Connection, queue_id: str) -> tuple[MailboxId, Uid] | None:
    """Return where the copy in Sent is of what has left and came back to be sealed anew."""
    shown = connection.exec_driver_sql("SELECT shown FROM outbox WHERE queue_id = ?", (queue_id,))
    return sent_copy.place(connection, queue_id) if shown.scalar() else None


def _fates(connection: sa.Connection, queue_id: str) -> _Fates:
    row = connection.exec_driver_sql(
        "SELECT sum(state IN ('queued', 'sealed')), sum(state = 'held'),"
        " sum(state IN ('queued', 'sealed') AND attempts > 0), sum(state IN ('sent', 'relayed')),"
        " sum(state = 'failed' AND reason != 'cancelled by you'),"
        " sum(state = 'failed' AND reason = 'cancelled by you'),"
        " sum(state = 'relayed' AND NOT EXISTS (SELECT 1 FROM handed_over"
        " WHERE handed_over.queue_id = outbox_recipient.queue_id"
        " AND handed_over.recipient = outbox_recipient.recipient)),"
        " sum(reduced AND state IN ('sealed', 'sent', 'relayed')),"
        " sum(policy = 'native' AND state != 'held')"
        " FROM outbox_recipient WHERE queue_id = ?",
        (queue_id,),
    ).one()
    return _Fates(*(int(value or 0) for value in row))
