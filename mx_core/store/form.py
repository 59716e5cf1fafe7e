"""A ``MessageForm`` to a row and back; the field table is packed, because it is read in thousands."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Sequence
from typing import Any, Final

from mx_core.model.ids import MessageId
from mx_core.model.message import Fact, HeaderField, HeaderTable, MessageForm, PartMapOctets

INSERT: Final = (
    "INSERT INTO form (message, size, header_end, fields, envelope, bodystructure, body, parts,"
    " sent, message_id, base_subject, header) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_HEADER_MAX: Final = 16 * 1024  # a longer one is read from the body
_COLUMNS: Final = {
    Fact.SIZE: "message.size",
    Fact.INTERNAL_DATE: "message.internal_date",
    Fact.ENVELOPE: "form.envelope",
    Fact.BODYSTRUCTURE: "form.bodystructure",
    Fact.BODY: "form.body",
    Fact.HEADER: "form.fields",
}
SELECT: Final = (
    "SELECT form.message, size, header_end, fields, envelope, bodystructure, body, parts,"
    " sent, message_id, base_subject"
    " FROM json_each(?) AS asked JOIN form ON form.message = asked.value"
)


def to_row(message: MessageId, form: MessageForm, octets: bytes) -> tuple[Any, ...]:
    """Return the values of INSERT; *octets* are the message's, or its header's."""
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
        octets[: form.header_end] if form.header_end <= _HEADER_MAX else None,
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


def columns(asked: Sequence[Fact]) -> str:
    """Return what ``SELECT message.id, … FROM message JOIN form`` reads for *asked*, in order."""
    return ", ".join(_COLUMNS[fact] for fact in asked)


def header_table(octets: bytes, packed: bytes) -> HeaderTable:
    """Return the table of a header from its octets and its packed fields."""
    count = int.from_bytes(packed[:4], "little")
    if count == 0:
        return HeaderTable(octets, (), (), ())
    numbers = array("I", packed[4 : 4 + 8 * count])
    if sys.byteorder == "big":
        numbers.byteswap()
    names = packed[4 + 8 * count :].split(b"\n")
    return HeaderTable(octets, names, numbers[:count], numbers[count:])


def _pack_fields(fields: Sequence[HeaderField]) -> bytes:
    """Pack as u32 count, u32 starts, u32 ends (little-endian), names joined by LF."""
    numbers = array("I", [len(fields)])
    numbers.extend(field.start for field in fields)
    numbers.extend(field.end for field in fields)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tobytes() + b"\n".join(field.name for field in fields)


def _unpack_fields(octets: bytes) -> tuple[HeaderField, ...]:
    table = header_table(b"", octets)
    return tuple(map(HeaderField, table.names, table.starts, table.ends))
