"""What a person says about queued mail by moving or removing it, within a write job.

Compare and set: what may have left is not taken back, and then nothing of the command happens.
docs/spec/outbox.md §3.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, Protocol

from mx_core.model.errors import NotPermitted
from mx_core.model.flags import DELETED, DRAFT, NOT_ENCRYPTED, Flag, FlagSet
from mx_core.model.ids import MailboxId, MessageId, Uid
from mx_core.model.mailbox_name import SEND_ORDINARY
from mx_core.ports import Copied, MailboxInfo
from mx_core.store.folders.following import FollowedPlaces
from mx_core.store.places.places import Place

if TYPE_CHECKING:
    import sqlalchemy as sa

OVERRIDE: Final = "override"  # the policy of the person's own word; spec/policy §5
PENDING: Final = Flag("$SubmitPending")  # RFC 5550 §5.2
SUBMITTED: Final = Flag("$Submitted")
HELD: Final = Flag("$MXHeld")  # waits for the person
DEFERRED: Final = Flag("$MXDeferred")  # was tried, and will be again
FAILED: Final = Flag("$MXFailed")  # a copy did not arrive
REDUCED: Final = Flag("$MXReduced")  # a copy was sealed to a key past its time
DELIVERED: Final = Flag("$MXDelivered")  # every recipient's device has signed for it
STATE: Final = frozenset(
    {PENDING, SUBMITTED, HELD, DEFERRED, FAILED, DELIVERED, NOT_ENCRYPTED, REDUCED}
)
_CANCELLED: Final = "cancelled by you"
_SAID: Final = "you moved it to Send as ordinary email"


class Copy(Protocol):
    """``Writer``'s copying: with *own* also into Outbox."""

    def __call__(
        self, places: Sequence[Place], target: MailboxInfo, *, own: bool = False
    ) -> Copied:
        """Return where *places* went."""


def move(
    places: FollowedPlaces,
    copy: Copy,
    source: tuple[MailboxId, Sequence[Place]],
    target: MailboxInfo,
) -> Copied:
    """Cancel what is moved out of Outbox; into its sub-folder: let it leave in clear.

    Raises:
        NotPermitted: It may have left, or *target* takes nothing.
    """
    mailbox, found = source
    messages = [place.message for place in found]
    if target.name == SEND_ORDINARY and target.id != mailbox:
        copied = copy(found, target, own=True)
        moved = list(zip(messages, copied.target, strict=True))
        _let_leave(places.connection, target.id, moved, places.judging.now)
        places.flag(target.id, copied.target, _freed)
    else:
        places.check_open(target.id)
        cancel(places.connection, messages)
        copied = copy(found, target)
        drafts = target.special_use == "\\Drafts"
        places.flag(target.id, copied.target, _edited if drafts else _cancelled)
    places.remove(mailbox, found)
    return copied


def cancel(connection: sa.Connection, messages: Sequence[MessageId]) -> None:
    """Settle as cancelled what of *messages* has not left; it is the caller's from now on.

    Raises:
        NotPermitted: A copy of one of them may have left.
    """
    asked = (json.dumps(list(messages)),)
    left = connection.exec_driver_sql(
        "SELECT 1 FROM outbox_recipient WHERE queue_id IN (SELECT queue_id FROM outbox"
        " WHERE message IN (SELECT value FROM json_each(?)))"
        " AND state IN ('sealed', 'sent', 'relayed') LIMIT 1",
        asked,
    ).scalar()
    if left is not None:
        raise NotPermitted("already sent; it can not be taken back")
    connection.exec_driver_sql(
        "UPDATE outbox_recipient SET state = 'failed', status = '5.0.0', reason = ?"
        " WHERE queue_id IN (SELECT queue_id FROM outbox"
        " WHERE message IN (SELECT value FROM json_each(?))) AND state IN ('queued', 'held')",
        (_CANCELLED, *asked),
    )
    # the octets stay with the message; the rows stay to tell what became of it
    connection.exec_driver_sql(
        "UPDATE outbox SET body = NULL, message = NULL, mailbox = NULL, uid = NULL"
        " WHERE message IN (SELECT value FROM json_each(?))",
        asked,
    )


def _let_leave(
    connection: sa.Connection,
    target: MailboxId,
    moved: Sequence[tuple[MessageId, Uid]],
    now: int,
) -> None:
    """Free *moved*, which now stand in *target*, to leave as ordinary mail where they cannot be sealed.

    Raises:
        NotPermitted: No copy of one of them waits any more.
    """
    for message, uid in moved:
        released = connection.exec_driver_sql(
            "UPDATE outbox_recipient SET state = 'queued', policy = ?, decision = ?, reason = '',"
            " next_at = ? WHERE queue_id = (SELECT queue_id FROM outbox WHERE message = ?)"
            " AND state IN ('queued', 'held')",
            (OVERRIDE, _SAID, now, message),
        )
        if not released.rowcount:
            raise NotPermitted("already sent; nothing of it waits")
        connection.exec_driver_sql(
            "UPDATE outbox SET mailbox = ?, uid = ? WHERE message = ?", (target, uid, message)
        )


def _freed(flags: FlagSet) -> FlagSet:
    """Return *flags* of a message that was let leave."""
    return (flags - {HELD, DELETED}) | {PENDING}


def _cancelled(flags: FlagSet) -> FlagSet:
    """Return *flags* of a message that waits no longer."""
    return flags - STATE - {DELETED}


def _edited(flags: FlagSet) -> FlagSet:
    """Return *flags* of a message that is a draft again."""
    return _cancelled(flags) | {DRAFT}
