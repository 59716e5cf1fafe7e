"""The rows of messages that never change, written once and many at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from msgspec import Struct, structs

from mx_core.mime.field_match import STATUS, claims_status
from mx_core.mime.header_keys import header_keys
from mx_core.mime.prepare import prepare
from mx_core.model.ids import GlobalId, MessageId
from mx_core.model.message import MessageForm
from mx_core.model.octets import Octets, whole
from mx_core.ports import NewMail
from mx_core.store.bodies.body import BodyId
from mx_core.store.forms import header_key
from mx_core.store.forms import row as form_row
from mx_core.store.journal.journal import Journal, new_global_id

if TYPE_CHECKING:
    import sqlalchemy as sa


class Kept(Struct, frozen=True):
    """A message whose octets have a body; *uses*: of how many places.

    *form*: None if it is made later; see ``forms.late``.
    """

    global_id: GlobalId
    body: BodyId
    octets: Octets
    form: MessageForm | None
    internal_date: int
    uses: int


def settled(new: Sequence[NewMail], *, at_once: bool) -> Sequence[NewMail]:
    """Return *new*, with every form if that is needed *at_once*.

    What may claim a status of the gateway never waits: that it is not its word is noted with the
    form.
    """
    return [
        structs.replace(each, form=prepare(whole(each.octets)))
        if each.form is None and (at_once or may_claim_status(each.octets))
        else each
        for each in new
    ]


def may_claim_status(octets: Octets) -> bool:
    """Tell whether ``claims_status`` may hold of the form of *octets*, whose first octet begins its first field."""
    return octets[: len(STATUS)].lower() == STATUS


def keep(
    connection: sa.Connection,
    log: Journal,
    bodies: Sequence[BodyId],
    new: Sequence[NewMail],
    now: int,
    *,
    own: bool,
) -> list[tuple[MessageId, Kept]]:
    """Store the rows of *new* messages, whose octets *bodies* hold; each is used by one place.

    *now*, unix seconds, dates those that have no date.  *own*: the gateway has made them, so the
    status that one begins with is its word.
    """
    kept = [
        Kept(
            new_global_id(),
            body,
            each.octets,
            each.form if own or each.form is None else disowned(each.form),
            now if each.internal_date is None else each.internal_date,
            uses=1,
        )
        for each, body in zip(new, bodies, strict=True)
    ]
    return list(zip(insert(connection, log, kept), kept, strict=True))


def insert(connection: sa.Connection, log: Journal, kept: Sequence[Kept]) -> list[MessageId]:
    """Store everything about *kept* but octets and places; return their ids, which rise."""
    ids = [log.next_message() for _ in kept]
    rows = list(zip(ids, kept, strict=True))
    connection.exec_driver_sql(
        "INSERT INTO message (id, global_id, body, size, internal_date, uses)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        [
            (message, each.global_id, each.body, len(each.octets), each.internal_date, each.uses)
            for message, each in rows
        ],
    )
    formed = [(message, each, each.form) for message, each in rows if each.form is not None]
    if not formed:
        return ids
    connection.exec_driver_sql(
        form_row.INSERT,
        [form_row.to_row(message, form, each.octets) for message, each, form in formed],
    )
    header_key.insert(
        connection,
        [
            # made with the form, before the job, by whoever has just read the octets
            (message, form.keys or header_keys(whole(each.octets), form))
            for message, each, form in formed
        ],
    )
    foreign = [(message,) for message, _, form in formed if form.foreign_status]
    if foreign:
        connection.exec_driver_sql("INSERT INTO foreign_status VALUES (?)", foreign)
    return ids


def disowned(form: MessageForm) -> MessageForm:
    """Return *form* of a message that came from somebody else: its status is not the gateway's."""
    return replace(form, foreign_status=True) if claims_status(form) else form
