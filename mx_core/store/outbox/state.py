"""Where one recipient of one submission stands, changed within a write job: compare and set."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from mx_core.model.address import Address
from mx_core.model.mailbox_name import INBOX
from mx_core.model.message import MessageForm
from mx_core.store.bodies.body import BodyId
from mx_core.store.mail.writer import Writer
from mx_core.store.outbox import box as outbox_box
from mx_core.store.outbox.reader import State

if TYPE_CHECKING:
    import sqlalchemy as sa

UNSENT: Final = (State.QUEUED, State.SEALED)
NEVER_SEALED: Final = (State.QUEUED, State.HELD)
UNSETTLED: Final = (*UNSENT, State.SENT, State.HELD)


class Report(Struct, frozen=True):
    """A delivery report (RFC 3464) for the sender's own INBOX."""

    octets: bytes
    form: MessageForm


def tell(writer: Writer, report: Report) -> None:
    """Put *report* into INBOX."""
    writer.append(writer.mailbox(INBOX).id, report.octets, report.form, frozenset(), own=True)


def set_state(
    connection: sa.Connection,
    queue_id: str,
    recipient: Address | str,
    to: State,
    allowed: tuple[State, ...],
) -> bool:
    """Compare and set; return whether the item was in an *allowed* state."""
    updated = connection.exec_driver_sql(
        "UPDATE outbox_recipient SET state = ? WHERE queue_id = ? AND recipient = ?"
        " AND state IN (SELECT value FROM json_each(?))",
        (to.value, queue_id, str(recipient), json.dumps([state.value for state in allowed])),
    )
    return bool(updated.rowcount)


def change(
    writer: Writer,
    connection: sa.Connection,
    queue_id: str,
    recipient: Address,
    to: State,
    allowed: tuple[State, ...],
) -> bool:
    """Compare and set, and show it."""
    done = set_state(connection, queue_id, recipient, to, allowed)
    if done:
        outbox_box.show(writer, connection, queue_id)
    return done


def settle(writer: Writer, connection: sa.Connection, queue_id: str, now: int) -> None:
    """Show where it stands; let go of parcels once every recipient is relayed or failed.

    The octets of what left end-to-end encrypted are kept from *now* on, for a while: who can not
    open it may have it sealed anew.  All others go.

    Crash after the commit: files of dropped bodies are orphans, removed at the next open.
    """
    open_ones = connection.exec_driver_sql(
        "SELECT count(*) FROM outbox_recipient"
        " WHERE queue_id = ? AND state NOT IN ('relayed', 'failed')",
        (queue_id,),
    ).scalar_one()
    if open_ones:
        outbox_box.show(writer, connection, queue_id)
        return
    outbox_box.leave(writer, connection, queue_id)
    octets, alone, may_return = connection.exec_driver_sql(
        "SELECT coalesce(body, kept), alone, EXISTS (SELECT 1 FROM outbox_recipient"
        " JOIN handed_over ON handed_over.queue_id = outbox_recipient.queue_id"
        " AND handed_over.recipient = outbox_recipient.recipient"
        " WHERE outbox_recipient.queue_id = outbox.queue_id AND state = 'relayed')"
        " FROM outbox WHERE queue_id = ?",
        (queue_id,),
    ).one()
    dropped = connection.exec_driver_sql(
        "SELECT body FROM sealed_body WHERE queue_id = ?", (queue_id,)
    )
    bodies = [BodyId(body) for body in dropped.scalars().all()]
    if octets is not None and alone and not may_return:
        bodies.append(BodyId(octets))  # otherwise a message of a mailbox has them
    writer.bodies.drop(bodies)
    connection.exec_driver_sql(
        "UPDATE outbox SET body = NULL, kept = ?, settled = ? WHERE queue_id = ?",
        (octets if may_return else None, now, queue_id),
    )
    connection.exec_driver_sql("DELETE FROM sealed_body WHERE queue_id = ?", (queue_id,))
    connection.exec_driver_sql("DELETE FROM parcel WHERE queue_id = ?", (queue_id,))
