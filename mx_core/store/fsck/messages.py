"""Messages and their octets: counted, measured, and on request read whole.

What follows from octets is looked at in ``forms``.  Octets can not be made anew: where they are gone
the message is named, and its place stays.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from mx_core.model.errors import StoreDamaged
from mx_core.store.bodies import coding
from mx_core.store.bodies import file as body_file
from mx_core.store.bodies.body import FIRST_OCTETS_MAX, BodyId, BodyReader
from mx_core.store.fsck.finding import Damage, Report
from mx_core.store.fsck.places import Message

if TYPE_CHECKING:
    import sqlalchemy as sa

# the tables that name bodies, and in which columns
_NAMED_BY = (
    ("message", "body"),
    ("outbox", "body"),
    ("outbox", "kept"),
    ("sealed_body", "body"),
    ("intake", "body"),
)
# bodies that are compressed, so that only opening them tells how long they are
_DOUBTFUL = (
    "SELECT id FROM body WHERE coding != 0 AND (id, size) NOT IN (SELECT body, size FROM message)"
)
_READ_AT_ONCE = 16 * body_file.CHUNK_OCTETS


class Octets(Struct, frozen=True):
    """Where to read, and how closely."""

    connection: sa.Connection
    folder: Path
    report: Report
    repair: bool
    deep: bool


def stored(connection: sa.Connection) -> dict[int, Message]:
    """Return every message that has a row."""
    rows = connection.exec_driver_sql("SELECT id, global_id, size, internal_date FROM message")
    return {row[0]: Message(*row) for row in rows}


def check_uses(octets: Octets, uses: Counter[int], expunged_by_journal: set[bytes]) -> list[int]:
    """Compare *uses*, counted in the mailboxes, with what is kept; return messages nobody shows.

    A message without a place is rubbish only if it was expunged: ``expunged`` says so, or the
    journal does.  Any other one is to be shown again.
    """
    connection, report = octets.connection, octets.report
    waiting = set(connection.exec_driver_sql("SELECT message FROM expunged").scalars())
    lone: list[int] = []
    rows = connection.exec_driver_sql("SELECT id, global_id, uses FROM message").all()
    for message, global_id, kept in rows:
        used = uses[message]
        if kept != used:
            report.mendable(Damage.USES, f"message {message} has {used} places, not {kept}")
        if used and message in waiting:
            report.mendable(Damage.USES, f"message {message} has a place and waits for removal")
        if not used and message not in waiting:
            if global_id in expunged_by_journal:
                report.mendable(Damage.USES, f"message {message} was expunged and is still kept")
            else:
                report.mendable(Damage.LONE, f"message {message} is in no mailbox")
                lone.append(message)
    strays = waiting - {row[0] for row in rows}
    if strays:
        report.mendable(Damage.USES, f"{len(strays)} messages wait for removal and are gone")
    if octets.repair:
        _mend_uses(connection, uses, set(lone))
    return lone


def check_bodies(octets: Octets) -> list[int]:
    """Look at every body and file; return the bodies that nobody names."""
    connection, report = octets.connection, octets.report
    reader = BodyReader(connection, octets.folder)
    files = {path.name for path in octets.folder.iterdir()}
    there = set()
    doubtful = set(connection.exec_driver_sql(_DOUBTFUL).scalars())
    rows = connection.exec_driver_sql("SELECT id, size, length(octets), file, coding FROM body")
    for body, size, stored, file, how in rows.all():
        there.add(body)
        length = size if file is not None else stored
        if how != coding.PLAIN:
            length = _opened(octets, body) if octets.deep or body in doubtful else size
        if length is None:
            report.lost(Damage.BODY, f"body {body} does not open")
        elif length != size:
            report.mendable(Damage.BODY, f"body {body} has {length} octets, not {size}")
            if octets.repair:
                connection.exec_driver_sql("UPDATE body SET size = ? WHERE id = ?", (length, body))
        if file is not None:
            _check_file(octets, reader, (body, size, file.hex()), files)
            files.discard(file.hex())
    for name in sorted(files):
        report.mendable(Damage.FILE, f"no row names the file {name}; its key is gone")
    _check_names(connection, report, there)
    named = {
        body
        for table, column in _NAMED_BY
        for body in connection.exec_driver_sql(f"SELECT {column} FROM {table}").scalars()  # noqa: S608  # literals
    }
    nameless = sorted(there - named)
    for body in nameless:
        report.mendable(Damage.BODY, f"nothing names body {body}")
    return nameless


def _opened(octets: Octets, body: int) -> int | None:
    """Return how many octets a row's body has; None if it does not open."""
    how, stored = octets.connection.exec_driver_sql(
        "SELECT coding, octets FROM body WHERE id = ?", (body,)
    ).one()
    return coding.clear_size(how, stored, FIRST_OCTETS_MAX)


def _check_file(
    octets: Octets, reader: BodyReader, row: tuple[int, int, str], files: set[str]
) -> None:
    body, size, name = row
    if name not in files:
        octets.report.lost(Damage.FILE, f"the file {name} of body {body} is missing")
        return
    if (octets.folder / name).stat().st_size != body_file.sealed_size(size):
        octets.report.lost(Damage.FILE, f"the file {name} of body {body} has a wrong length")
        return
    if octets.deep:
        try:
            for start in range(0, size, _READ_AT_ONCE):
                reader.octets(BodyId(body), start, min(start + _READ_AT_ONCE, size))
        except StoreDamaged:
            octets.report.lost(Damage.FILE, f"the file {name} of body {body} does not open")


def _check_names(connection: sa.Connection, report: Report, there: set[int]) -> None:
    for table, column in _NAMED_BY:
        names: Sequence[int] = (
            connection.exec_driver_sql(
                f"SELECT {column} FROM {table} WHERE {column} IS NOT NULL"  # noqa: S608  # literals
            )
            .scalars()
            .all()
        )
        for body in sorted(set(names) - there):
            report.lost(Damage.BODY, f"body {body}, which a row of {table} names, is missing")


def _mend_uses(connection: sa.Connection, uses: Counter[int], lone: set[int]) -> None:
    connection.exec_driver_sql("UPDATE message SET uses = 0")
    for message, count in uses.items():
        connection.exec_driver_sql("UPDATE message SET uses = ? WHERE id = ?", (count, message))
    connection.exec_driver_sql(
        "DELETE FROM expunged WHERE message IN (SELECT id FROM message WHERE uses > 0)"
        " OR message NOT IN (SELECT id FROM message)"
    )
    # Crash after the commit: they are removed at the next open, as after any EXPUNGE.
    connection.exec_driver_sql(
        "INSERT OR IGNORE INTO expunged SELECT id, 0 FROM message WHERE uses = 0"
        " AND id NOT IN (SELECT value FROM json_each(?))",
        (json.dumps(sorted(lone)),),
    )
