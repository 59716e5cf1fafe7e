"""Octets at rest: in a row up to 64 KiB, compressed there, above that in a sealed file that a row names.

What has up to 256 KiB comes in a row as well, and gets its file when there is time (``moving``).

The file is durable before the row exists, and it is removed after the row is gone.  A crash
between leaves a file that no row names; :func:`remove_orphans` removes those at the next open.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NewType

from mx_core.model.errors import StoreDamaged, Unavailable
from mx_core.model.ids import MessageId
from mx_core.model.message import InHand, Whole
from mx_core.model.octets import LONG_OCTETS, Octets, whole
from mx_core.model.secret import Secret
from mx_core.store.bodies import coding
from mx_core.store.bodies import file as body_file

if TYPE_CHECKING:
    import sqlalchemy as sa

BodyId = NewType("BodyId", int)
INLINE_OCTETS_MAX: Final = 64 * 1024  # stays in a row
FIRST_OCTETS_MAX: Final = 256 * 1024  # is put into one first
_ALL: Final = 1 << 40  # more than any body has
# of a row whose octets stand as they are; of a compressed one all, which are at most 256 KiB
_SOME: Final = (
    "body.size, CASE coding WHEN 0 THEN substr(octets, ?, ?) ELSE octets END, file, key, coding"
)
OF_ONE: Final = (  # what ``whole_of`` is given, of the message with that id
    "SELECT message.size, internal_date, body.size, octets, file, key, coding"
    " FROM message LEFT JOIN body ON body.id = message.body WHERE message.id = ?"
)
# Of a row the driver gives the interpreter away and takes it back, and so waits for whoever holds it.  All of
# these are one row: what is told of each, in order, and the octets of all, one behind the other.
_OF_MANY: Final = (
    "WITH chosen AS MATERIALIZED (SELECT message.id, message.size, internal_date, body,"
    " sum(message.size) OVER (ORDER BY asked.key) - message.size AS before"
    " FROM json_each(?) AS asked CROSS JOIN message ON message.id = asked.value)"
    " SELECT json_group_array(json_array("
    "id, size, internal_date, found, length(octets), hex(file), hex(key), coding)),"
    " CAST(group_concat(CAST(octets AS TEXT), '') AS BLOB) FROM (SELECT chosen.id, chosen.size,"
    " internal_date, body.id AS found, octets, file, key, coding"
    " FROM chosen LEFT JOIN body ON body.id = chosen.body AND chosen.size <= ? WHERE before < ?)"
)


class BodyReader:
    """Reads bodies of one account within a job."""

    def __init__(self, connection: sa.Connection, folder: Path) -> None:
        self._connection = connection
        self._folder = folder

    def octets(self, body: BodyId, start: int = 0, end: int | None = None) -> bytes:
        """Return octets[start:end] of *body*, at a cost of what is asked for.

        Raises:
            StoreDamaged: No such body, or its file is missing or does not open.
        """
        row = self._connection.exec_driver_sql(
            f"SELECT {_SOME} FROM body WHERE id = ?",  # noqa: S608  # literals
            (start + 1, _ALL if end is None else max(end - start, 0), body),
        ).one_or_none()
        if row is None:
            raise StoreDamaged(f"body {body} is missing")
        return _range(self._folder, row, start, end)

    def octets_of(self, message: MessageId, start: int, end: int | None) -> bytes | None:
        """As ``octets``, of the body of *message*; None if there is no such message."""
        row = self._connection.exec_driver_sql(
            f"SELECT {_SOME}, body.id"  # noqa: S608  # literals
            " FROM message LEFT JOIN body ON body.id = message.body WHERE message.id = ?",
            (start + 1, _ALL if end is None else max(end - start, 0), message),
        ).one_or_none()
        if row is None:
            return None
        *stored, body = row
        if body is None:
            raise StoreDamaged(f"the body of message {message} is missing")
        return _range(self._folder, stored, start, end)

    def opened_of(self, message: MessageId) -> Octets | None:
        """Return the body of *message*, one in a file to be read where it is asked for; None: no such message.

        Raises:
            StoreDamaged: As ``octets``.
        """
        row = self._connection.exec_driver_sql(
            "SELECT body.size, file, key FROM message LEFT JOIN body ON body.id = message.body"
            " WHERE message.id = ?",
            (message,),
        ).one_or_none()
        if row is None or row[1] is None:
            return self.octets_of(message, 0, None)
        size, file_id, key = row
        return self._opened(size, file_id, key)

    def opened(self, body: BodyId) -> Octets:
        """Return *body*, a long one as octets that are read where they are asked for.

        Raises:
            StoreDamaged: As ``octets``.
        """
        row = self._connection.exec_driver_sql(
            "SELECT size, file, key FROM body WHERE id = ? AND file IS NOT NULL AND size > ?",
            (body, LONG_OCTETS),
        ).one_or_none()
        if row is None:
            return self.octets(body)
        size, file_id, key = row
        return self._opened(size, file_id, key)

    def _opened(self, size: int, file_id: bytes, key: bytes) -> Octets:
        file = body_file.SealedFile(file_id, Secret(key), size)
        opened = body_file.OpenedFile(self._folder, file)
        opened.adopted = True
        return opened

    def wholes(self, messages: Sequence[MessageId], octets_max: int) -> list[Whole]:
        """Return the first of *messages* whole: at least one, and about *octets_max* of octets.

        Short where a message is no longer kept.  Of one above *octets_max* the octets are None.
        """
        if len(messages) > 1:
            return self._together(messages, octets_max)
        [message] = messages
        row = self._connection.exec_driver_sql(OF_ONE, (message,)).one_or_none()
        return [] if row is None else [whole_of(self._folder, message, row, octets_max)]

    def _together(self, messages: Sequence[MessageId], octets_max: int) -> list[Whole]:
        asked = (json.dumps(list(messages)), octets_max, octets_max)
        told, joined = self._connection.exec_driver_sql(_OF_MANY, asked).one()
        in_rows, at = memoryview(joined or b""), 0
        wholes: list[Whole] = []
        for wanted, row in zip(messages, json.loads(told), strict=False):
            message, size, date, body, length, file_id, key, how = row
            if message != wanted:
                break
            if body is None:
                if size <= octets_max:
                    raise _missing(message)
                wholes.append((size, date, None))
                continue
            if file_id:
                sealed = bytes.fromhex(file_id), bytes.fromhex(key), coding.PLAIN
                wholes.append((size, date, _range(self._folder, (size, None, *sealed), 0, None)))
                continue
            stored = in_rows[at : at + (length or 0)]
            at += length or 0
            if len(stored) < (length or 0):
                raise StoreDamaged(f"the body of message {message} came short")
            packed = how == coding.LZ4
            octets = coding.Block(stored, size) if packed else coding.decode(how, stored, size)
            wholes.append((size, date, octets))
        return wholes


class BodyWriter(BodyReader):
    """Adds and drops bodies within a write job.

    ``written`` names the files that a job made, to be removed if the job fails; ``dropped``
    those that it let go of, to be removed once its commit is durable.
    """

    def __init__(self, connection: sa.Connection, folder: Path) -> None:
        super().__init__(connection, folder)
        self.written: list[bytes] = []
        self.dropped: list[bytes] = []

    def add(self, octets: bytes) -> BodyId:
        """Store *octets*; raises as ``add_all``."""
        [body] = self.add_all([octets])
        return body

    def add_all(
        self, bodies: Sequence[bytes], ahead: Sequence[body_file.SealedFile | None] = ()
    ) -> list[BodyId]:
        """Store each of *bodies*; return their ids, which rise.

        *ahead*: for each the file that holds it already, which is the job's from here on.

        Raises:
            DiskFull: There is no room for the files.
            Unavailable: Another job had such a file and failed.
        """
        files: list[tuple[body_file.SealedFile, bytes]] = []
        rows = [
            self._row(octets, files) if file is None else self._named(file)
            for octets, file in zip_longest(bodies, ahead)
        ]
        # Crash before the commit: orphan files under keys that no longer exist.
        body_file.write(self._folder, files)
        if len(rows) == 1:
            inserted = self._connection.exec_driver_sql(
                "INSERT INTO body (size, octets, file, key, coding) VALUES (?, ?, ?, ?, ?)", rows[0]
            )
            return [BodyId(inserted.lastrowid)]
        newest = self._connection.exec_driver_sql("SELECT max(id) FROM body").scalar() or 0
        ids = [BodyId(newest + n) for n in range(1, len(rows) + 1)]
        self._connection.exec_driver_sql(
            "INSERT INTO body (id, size, octets, file, key, coding) VALUES (?, ?, ?, ?, ?, ?)",
            [(body, *row) for body, row in zip(ids, rows, strict=True)],
        )
        return ids

    def _row(
        self, octets: bytes, files: list[tuple[body_file.SealedFile, bytes]]
    ) -> tuple[int, bytes | None, bytes | None, bytes | None, int]:
        """Return the row without its id; a large one is added to *files*."""
        if len(octets) <= FIRST_OCTETS_MAX:
            how, stored = coding.encode(octets)
            return len(octets), stored, None, None, how
        file_id = secrets.token_bytes(body_file.FILE_ID_OCTETS)
        key = secrets.token_bytes(body_file.KEY_OCTETS)
        self.written.append(file_id)
        files.append((body_file.SealedFile(file_id, Secret(key), len(octets)), octets))
        return len(octets), None, file_id, key, coding.PLAIN

    def keep(self, octets: Octets) -> BodyId:
        """Store *octets*; a file that no row names yet is adopted, and whoever calls says so in it."""
        if isinstance(octets, body_file.OpenedFile) and not octets.adopted:
            return self.adopt(octets.file)
        return self.add(whole(octets))

    def adopt(self, file: body_file.SealedFile) -> BodyId:
        """Store a body whose *file* was written before this job; it is the job's from here on.

        Raises:
            Unavailable: Another job had it and failed.
        """
        inserted = self._connection.exec_driver_sql(
            "INSERT INTO body (size, octets, file, key, coding) VALUES (?, ?, ?, ?, ?)",
            self._named(file),
        )
        return BodyId(inserted.lastrowid)

    def _named(
        self, file: body_file.SealedFile
    ) -> tuple[int, bytes | None, bytes | None, bytes | None, int]:
        """Return the row, without its id, of what *file* holds."""
        if not (self._folder / file.file_id.hex()).exists():
            raise Unavailable("the octets were not kept; they are written anew")
        self.written.append(file.file_id)
        return file.size, None, file.file_id, file.key.reveal(), coding.PLAIN

    def drop(self, bodies: Iterable[BodyId]) -> None:
        """Delete the rows; ``secure_delete`` wipes the octets and the keys of their files."""
        for body in bodies:
            file_id = self._connection.exec_driver_sql(
                "DELETE FROM body WHERE id = ? RETURNING file", (body,)
            ).scalar()
            if file_id is not None:
                # Crash before it is removed: an orphan whose key is gone.
                self.dropped.append(file_id)


def whole_of(folder: Path, message: MessageId, row: Sequence[Any], octets_max: int) -> InHand:
    """Return *message*, of which ``OF_ONE`` found *row*; the octets are None if there are more than *octets_max*.

    Files are in *folder*.

    Raises:
        StoreDamaged: As ``BodyReader.octets``.
    """
    size, date, stored, inline, file_id, key, how = row
    if stored is None:
        raise _missing(message)
    if stored > octets_max:
        return size, date, None
    if inline is not None:
        return size, date, coding.decode(how, inline, stored)
    return size, date, _range(folder, (stored, None, file_id, key, how), 0, None)


def _range(folder: Path, row: Sequence[Any], start: int, end: int | None) -> bytes:
    size, inline, file_id, key, how = row
    if file_id is None:
        if how == coding.PLAIN:
            return inline or b""  # substr of an empty blob is NULL
        octets = coding.decode(how, inline, size)
        return octets if start == 0 and end is None else octets[start:end]
    stop = size if end is None else end
    file = body_file.SealedFile(file_id, Secret(key), size)
    return body_file.read(folder, file, start, stop)


def _missing(message: int) -> StoreDamaged:
    return StoreDamaged(f"the body of message {message} is missing")


def remove_files(folder: Path, file_ids: Iterable[bytes]) -> None:
    """Remove files that no row names; one that is gone already is no error."""
    for file_id in file_ids:
        (folder / file_id.hex()).unlink(missing_ok=True)


def remove_orphans(connection: sa.Connection, folder: Path) -> None:
    """Remove every file that no row names; only at open, when no job is on its way."""
    named = {
        file_id.hex()
        for file_id in connection.exec_driver_sql(
            "SELECT file FROM body WHERE file IS NOT NULL"
        ).scalars()
    }
    for path in folder.iterdir():
        if path.name not in named:
            path.unlink()
