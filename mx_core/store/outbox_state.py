"""Where one recipient of one submission stands, changed within a write job: compare and set."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from mx_core.model.address import Address
from mx_core.model.mailbox_name import INBOX
from mx_core.model.message import MessageForm
from mx_core.store import outbox_box
from mx_core.store.body import BodyId
from mx_core.store.outbox_reader import State
from mx_core.store.writer import Writer

UNSENT: Final = (State.QUEUED, State.SEALED)
NEVER_SEALED: Final = (State.QUEUED, State.HELD)
UNSETTLED: Final = (*UNSENT, State.SENT, State.HELD)


@dataclass(frozen=True, slots=True)
class Report:
    """A delivery report (RFC 3464) for the sender's own INBOX."""

    octets: bytes
    form: MessageForm


def tell(writer: Writer, report: Report) -> None:
    """Put *report* into INBOX."""
    writer.append(writer.mailbox(INBOX).id, report.octets, report.form, frozenset())


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


def settle(writer: Writer, connection: sa.Connection, queue_id: str) -> None:
    """Show where it stands; let go of octets and parcels once every recipient is relayed or failed.

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
    if outbox_box.leave(writer, connection, queue_id):  # its octets are the message's
        connection.exec_driver_sql("UPDATE outbox SET body = NULL WHERE queue_id = ?", (queue_id,))
    dropped = connection.exec_driver_sql(
        "SELECT body FROM outbox WHERE queue_id = ? AND body IS NOT NULL"
        " UNION ALL SELECT body FROM sealed_body WHERE queue_id = ?",
        (queue_id, queue_id),
    ).scalars()
    writer.bodies.drop([BodyId(body) for body in dropped.all()])
    connection.exec_driver_sql("UPDATE outbox SET body = NULL WHERE queue_id = ?", (queue_id,))
    connection.exec_driver_sql("DELETE FROM sealed_body WHERE queue_id = ?", (queue_id,))
    connection.exec_driver_sql("DELETE FROM parcel WHERE queue_id = ?", (queue_id,))
