"""A change of flags writes fewer pages.  docs/decisions/0054-two-segments-on-a-page.md.

UIDs and messages of segments stand as runs where that is shorter, so that two segments lie on one page.
A new set of flags is one row: sets are never deleted, so no table has to know which numbers were given
out, and the writer, which alone makes them, knows which there are.  A segment whose columns can not be
read stays as it is: it is a finding of ``fsck``.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from alembic import op

from mx_core.store.places.packed import pack_runs, unpack, unpack_runs

revision = "0034"
down_revision = "0033"

_SEGMENT = """CREATE TABLE lean_segment (
    id INTEGER PRIMARY KEY,
    mailbox INTEGER NOT NULL,
    first_uid INTEGER NOT NULL,
    entries INTEGER NOT NULL,
    max_modseq INTEGER NOT NULL,
    uids BLOB NOT NULL,
    modseqs BLOB NOT NULL,
    flag_sets BLOB NOT NULL,
    messages BLOB NOT NULL
)"""


def upgrade() -> None:
    """Copy both tables into leaner ones."""
    connection = op.get_bind()
    for statement in (
        "CREATE TABLE lean_flag_set (id INTEGER PRIMARY KEY, flags TEXT NOT NULL)",
        "INSERT INTO lean_flag_set SELECT id, flags FROM flag_set ORDER BY id",
        "DROP TABLE flag_set",
        "ALTER TABLE lean_flag_set RENAME TO flag_set",
        _SEGMENT,
    ):
        op.execute(statement)
    ids = connection.exec_driver_sql("SELECT id FROM segment ORDER BY mailbox, first_uid")
    for ident in ids.scalars().all():
        _copy(connection, ident)
    for statement in (
        "DROP TABLE segment",
        "ALTER TABLE lean_segment RENAME TO segment",
        "CREATE UNIQUE INDEX segment_place ON segment (mailbox, first_uid)",
    ):
        op.execute(statement)


def _copy(connection: Any, ident: int) -> None:
    row = list(
        connection.exec_driver_sql(
            "SELECT mailbox, first_uid, entries, max_modseq, uids, modseqs, flag_sets, messages"
            " FROM segment WHERE id = ?",
            (ident,),
        ).one()
    )
    with suppress(ValueError, TypeError):
        size = len(unpack("Q", row[5]))
        uids, messages = unpack_runs("I", row[4], size), unpack_runs("Q", row[7], size)
        if len(uids) == len(messages) == size:
            row[4], row[7] = pack_runs(uids), pack_runs(messages)
    # ids anew, so that a mailbox's segments lie beside each other; nothing remembers one
    connection.exec_driver_sql(
        "INSERT INTO lean_segment (mailbox, first_uid, entries, max_modseq, uids, modseqs,"
        " flag_sets, messages) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        tuple(row),
    )
