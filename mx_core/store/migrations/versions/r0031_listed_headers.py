"""Headers in runs stand in two halves.  docs/decisions/0037-headers-in-two-halves.md.

Runs that are there are written anew, one after the other.  One that does not open stays as it is: it
is a finding of ``fsck``, which makes its forms from their octets.
"""

from __future__ import annotations

from typing import Any

from alembic import op

from mx_core.mime import field_table, listed
from mx_core.model.errors import StoreDamaged
from mx_core.store.bodies import coding
from mx_core.store.forms.packed import Packed, Shape, pack, unpack

revision = "0031"
down_revision = "0030"

_HEAD = Shape(0, 2)  # before: header or nothing, fields as ``field_table`` packs them
_TOLD = Shape(2, 3)


def upgrade() -> None:
    """Make the table of what is listed, and fill it from the headers."""
    op.execute(
        "CREATE TABLE form_list (run INTEGER PRIMARY KEY, size INTEGER NOT NULL,"
        " coding INTEGER NOT NULL, octets BLOB NOT NULL)"
    )
    connection = op.get_bind()
    for run in connection.exec_driver_sql("SELECT run FROM form_head ORDER BY run").scalars().all():
        try:
            _in_halves(connection, run)
        except StoreDamaged:
            continue


def _in_halves(connection: Any, run: int) -> None:
    head = _opened(connection, "form_head", run, _HEAD)
    told = _opened(connection, "form_told", run, _TOLD)
    if head.slots != told.slots:
        raise StoreDamaged(f"the forms of run {run} do not belong together")
    halves: list[tuple[bytes | None, bytes | None, bytes]] = []
    for header, packed in zip(head.texts(0), head.texts(1), strict=True):
        fields = field_table.unpack(packed or b"")
        none = (None, None, listed.table(fields))
        halves.append(none if header is None else listed.halves(header, fields))
    lists, rests, tables = zip(*halves, strict=True)
    slots = list(head.slots)
    _store(connection, "form_list", run, pack(slots, [told.numbers(0), told.numbers(1)], [lists]))
    _store(connection, "form_head", run, pack(slots, [], [rests, tables]))


def _opened(connection: Any, table: str, run: int, shape: Shape) -> Packed:
    row = connection.exec_driver_sql(
        f"SELECT size, coding, octets FROM {table} WHERE run = ?",  # noqa: S608  # literals
        (run,),
    ).one_or_none()
    if row is None:
        raise StoreDamaged(f"a piece of run {run} is gone")
    size, how, stored = row
    return unpack(coding.decode(how, stored, size), shape)


def _store(connection: Any, table: str, run: int, octets: bytes) -> None:
    how, stored = coding.encode(octets)
    connection.exec_driver_sql(
        f"INSERT OR REPLACE INTO {table} VALUES (?, ?, ?, ?)",  # noqa: S608  # literals
        (run, len(octets), how, stored),
    )
