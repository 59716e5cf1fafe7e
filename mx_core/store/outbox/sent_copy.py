"""One copy in Sent, whether or not the mail program puts its own there.  Within a write job.

What a mail program appends is always stored, as its own octets under a new UID.  The gateway's
copy of the same message goes then, if nobody has touched it, and what it says moves over.
docs/spec/outbox.md §5.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mx_core.mime.thread import named
from mx_core.model.flags import SEEN
from mx_core.model.ids import MailboxId, Uid
from mx_core.ports import NewMail
from mx_core.store.folders.following import FollowedPlaces
from mx_core.store.outbox.word import STATE

if TYPE_CHECKING:
    import sqlalchemy as sa


def expect(connection: sa.Connection, queue_id: str, message_id: bytes) -> None:
    """Note that a submission of that Message-ID (without brackets) will be in Sent."""
    if message_id:
        connection.exec_driver_sql(
            "INSERT OR REPLACE INTO sent_copy VALUES (?, ?, NULL, NULL, 1)",
            (named(message_id), queue_id),
        )


def appended(
    places: FollowedPlaces, mailbox: MailboxId, uids: Sequence[Uid], new: Sequence[NewMail]
) -> None:
    """Follow an APPEND into Sent, whose messages have forms."""
    for uid, each in zip(uids, new, strict=True):
        if each.form is not None:
            _appended(places, mailbox, uid, each.form.message_id)


def _appended(places: FollowedPlaces, mailbox: MailboxId, uid: Uid, message_id: bytes) -> None:
    if not message_id:
        return
    name = named(message_id)
    row = places.connection.exec_driver_sql(
        "SELECT mailbox, uid, own FROM sent_copy WHERE name = ?", (name,)
    ).one_or_none()
    if row is None:
        return
    box, copy, own = row
    if own and box is not None:
        for place in places.find(box, [copy]):
            flags = places.flags_of(place)
            if flags - STATE != {SEEN}:
                return  # somebody has done something with it; both stay
            said = flags & STATE
            places.flag(mailbox, [uid], lambda old, said=said: old | said)  # type: ignore[misc]
            places.remove(box, [place])
    places.connection.exec_driver_sql(
        "UPDATE sent_copy SET mailbox = ?, uid = ?, own = 0 WHERE name = ?", (mailbox, uid, name)
    )


def of_program(connection: sa.Connection, queue_id: str) -> tuple[MailboxId, Uid] | None:
    """Return where the mail program has put its own copy, or None if it has not."""
    row = connection.exec_driver_sql(
        "SELECT mailbox, uid FROM sent_copy WHERE queue_id = ? AND own = 0", (queue_id,)
    ).one_or_none()
    return None if row is None else (MailboxId(row[0]), Uid(row[1]))


def place(connection: sa.Connection, queue_id: str) -> tuple[MailboxId, Uid] | None:
    """Return where the copy in Sent is, whoever has put it there."""
    row = connection.exec_driver_sql(
        "SELECT mailbox, uid FROM sent_copy WHERE queue_id = ? AND mailbox IS NOT NULL", (queue_id,)
    ).one_or_none()
    return None if row is None else (MailboxId(row[0]), Uid(row[1]))


def kept(connection: sa.Connection, queue_id: str, mailbox: MailboxId, uid: Uid) -> None:
    """Note where the gateway has put its copy."""
    connection.exec_driver_sql(
        "UPDATE sent_copy SET mailbox = ?, uid = ? WHERE queue_id = ?", (mailbox, uid, queue_id)
    )
