"""Forms as they are kept, and made from the octets where they are not kept yet.

A message may be stored before its form is: see ``late``.  Whoever reads it meanwhile is
told the same; it costs what preparing the message costs.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from mx_core.mime import listed
from mx_core.mime.prepare import prepare
from mx_core.model.ids import MessageId
from mx_core.model.message import Fact, FactColumns, MessageForm
from mx_core.store.bodies.body import BodyId, BodyReader
from mx_core.store.forms import runs

if TYPE_CHECKING:
    import sqlalchemy as sa

_OCTETS_MAX: Final = 64 * 1024  # of messages that one reading prepares, and one beyond


def forms(
    connection: sa.Connection, bodies: BodyReader, messages: Sequence[MessageId]
) -> dict[MessageId, MessageForm]:
    """Return the forms of those of *messages* that are kept; raises StoreDamaged."""
    found = runs.forms(connection, messages)
    if len(found) < len(messages):
        missing = [message for message in messages if message not in found]
        for message, body, _, _ in _bodies_of(connection, missing):
            found[message] = prepare(bodies.octets(body))
    return found


def facts(
    connection: sa.Connection,
    bodies: BodyReader,
    messages: Sequence[MessageId],
    asked: Sequence[Fact],
) -> FactColumns:
    """Return each fact of the first of *messages*, none of which has a form.

    Fewer, or none, where a message is no longer kept.
    """
    told: list[list[Any]] = [[] for _ in asked]
    left = _OCTETS_MAX
    rows = _bodies_of(connection, messages)
    for wanted, (message, body, date, size) in zip(messages, rows, strict=False):
        if message != wanted or left <= 0:
            break
        octets = bodies.octets(body)
        form = prepare(octets)
        for column, fact in zip(told, asked, strict=True):
            column.append(_fact(fact, octets, form, date))
        left -= size
    return told


def _bodies_of(
    connection: sa.Connection, messages: Sequence[MessageId]
) -> Iterator[tuple[MessageId, BodyId, int, int]]:
    """Return (message, body, internal date, size) of those of *messages* that are kept, in order."""
    rows = connection.exec_driver_sql(
        "SELECT message.id, body, internal_date, size FROM json_each(?) AS asked"
        " JOIN message ON message.id = asked.value",
        (json.dumps(list(messages)),),
    ).all()
    return iter(rows)


def _fact(fact: Fact, octets: bytes, form: MessageForm, date: int) -> Any:
    match fact:
        case Fact.SIZE:
            return form.size
        case Fact.INTERNAL_DATE:
            return date
        case Fact.ENVELOPE:
            return form.envelope
        case Fact.BODYSTRUCTURE:
            return form.bodystructure
        case Fact.BODY:
            return form.body
        case Fact.LISTED:
            return listed.halves(octets[: form.header_end], form.fields)[0]
        case Fact.HEADER:
            return listed.halves(octets[: form.header_end], form.fields)
