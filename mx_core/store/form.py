"""A ``MessageForm`` to a row and back; the field table is packed, because it is read in thousands."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Sequence
from typing import Any, Final

from mx_core.model.ids import MessageId
from mx_core.model.message import HeaderField, MessageForm, PartMapOctets

INSERT: Final = (
    "INSERT INTO form (message, size, header_end, fields, envelope, bodystructure, body, parts,"
    " sent, message_id, base_subject) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
SELECT: Final = (
    "SELECT form.message, size, header_end, fields, envelope, bodystructure, body, parts,"
    " sent, message_id, base_subject"
    " FROM json_each(?) AS asked JOIN form ON form.message = asked.value"
)


def to_row(message: MessageId, form: MessageForm) -> tuple[Any, ...]:
    """Return the values of INSERT."""
    return (
        message,
        form.size,
        form.header_end,
        _pack_fields(form.fields),
        form.envelope,
        form.bodystructure,
        form.body,
        form.parts,
        form.sent,
        form.message_id,
        form.base_subject,
    )


def from_row(row: Sequence[Any]) -> MessageForm:
    """Return the form that a row of SELECT stands for."""
    return MessageForm(
        size=row[1],
        header_end=row[2],
        fields=_unpack_fields(row[3]),
        envelope=row[4],
        bodystructure=row[5],
        body=row[6],
        parts=PartMapOctets(row[7]),
        sent=row[8],
        message_id=row[9],
        base_subject=row[10],
    )


def _pack_fields(fields: Sequence[HeaderField]) -> bytes:
    """Pack as u32 count, u32 starts, u32 ends (little-endian), names joined by LF."""
    numbers = array("I", [len(fields)])
    numbers.extend(field.start for field in fields)
    numbers.extend(field.end for field in fields)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tobytes() + b"\n".join(field.name for field in fields)


def _unpack_fields(octets: bytes) -> tuple[HeaderField, ...]:
    count = int.from_bytes(octets[:4], "little")
    if count == 0:
        return ()
    numbers = array("I", octets[4 : 4 + 8 * count])
    if sys.byteorder == "big":
        numbers.byteswap()
    names = octets[4 + 8 * count :].split(b"\n")
    return tuple(map(HeaderField, names, numbers[:count], numbers[count:]))
