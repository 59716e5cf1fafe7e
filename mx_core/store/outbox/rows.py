"""A submission's rows, made of its record: within the job that accepts it, or one soon after."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mx_core.store.accepting.record import Accepted
from mx_core.store.bodies.body import BodyId, BodyWriter
from mx_core.store.outbox import sent_copy
from mx_core.store.outbox.reader import State

if TYPE_CHECKING:
    import sqlalchemy as sa


def note(
    connection: sa.Connection,
    record: Accepted,
    body: BodyId,
    held: Mapping[str, str],
    *,
    shown: bool,
) -> None:
    """Note one submission, whose octets *body* has; *held*: why a recipient waits for a person."""
    connection.exec_driver_sql(
        "INSERT INTO outbox"
        " (queue_id, sender, created, size, body, envid, return_full, shown, not_before)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            record.queue_id,
            record.sender,
            record.created,
            record.size,
            body,
            record.envid,
            record.return_full,
            shown,
            record.not_before,
        ),
    )
    connection.exec_driver_sql(
        "INSERT INTO outbox_recipient"
        " VALUES (?, ?, ?, ?, ?, ?, ?, 0, ?, ?, '', ?, ?, 0, ?, NULL, 0, 0, 0, ?)",
        [
            (
                record.queue_id,
                place,
                each.address,
                each.hidden,
                each.msg_id,
                each.policy,
                (State.HELD if each.address in held else State.QUEUED).value,
                max(record.created, record.not_before),
                held.get(each.address, ""),
                each.notify,
                each.original,
                each.decision,
                shown,
            )
            for place, each in enumerate(record.recipients)
        ],
    )


def unknown(connection: sa.Connection, queue_ids: Sequence[str]) -> list[str]:
    """Return those of *queue_ids* that the database does not know, in their order."""
    known = set(
        connection.exec_driver_sql(
            "SELECT queue_id FROM outbox WHERE queue_id IN (SELECT value FROM json_each(?))",
            (json.dumps(queue_ids),),
        ).scalars()
    )
    return [each for each in queue_ids if each not in known]


def note_new(connection: sa.Connection, folder: Path, records: Iterable[Accepted]) -> None:
    """Note those of *records* that the database does not know, as not shown.

    Again and again means the same: a record may be read from the log after it was noted.
    """
    named = {each.queue_id: each for each in records}
    new = [named[each] for each in unknown(connection, list(named))]
    if not new:
        return
    bodies = BodyWriter(connection, folder).add_all([each.octets for each in new])
    for each, body in zip(new, bodies, strict=True):
        note(connection, each, body, {}, shown=False)
        sent_copy.expect(connection, each.queue_id, each.message_id)
