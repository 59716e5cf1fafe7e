"""A ``MessageForm`` to a row and back; the field table is packed, because it is read in thousands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from mx_core.mime import field_table
from mx_core.model.ids import MessageId
from mx_core.model.message import MessageForm, PartMapOctets
from mx_core.model.octets import Octets

INSERT: Final = (
    "INSERT INTO form (message, size, header_end, fields, envelope, bodystructure, body, parts,"
    " sent, message_id, base_subject, header) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_HEADER_MAX: Final = 16 * 1024  # a longer one is read from the body
SELECT: Final = (
    "SELECT form.message, size, header_end, fields, envelope, bodystructure, body, parts,"
    " sent, message_id, base_subject"
    " FROM json_each(?) AS asked JOIN form ON form.message = asked.value"
)


def to_row(message: MessageId, form: MessageForm, octets: Octets) -> tuple[Any, ...]:
    """Return the values of INSERT; *octets* are the message's, or its header's."""
    return (
        message,
        form.size,
        form.header_end,
        field_table.pack(form.fields),
        form.envelope,
        form.bodystructure,
        form.body,
        form.parts,
        form.sent,
        form.message_id,
        form.base_subject,
        octets[: form.header_end] if form.header_end <= _HEADER_MAX else None,
    )


def from_row(row: Sequence[Any]) -> MessageForm:
    """Return the form that a row of SELECT stands for."""
    return MessageForm(
        size=row[1],
        header_end=row[2],
        fields=field_table.unpack(row[3]),
        envelope=row[4],
        bodystructure=row[5],
        body=row[6],
        parts=PartMapOctets(row[7]),
        sent=row[8],
        message_id=row[9],
        base_subject=row[10],
    )
