"""One batch of an import within a write job: what is new is stored, and all of it is noted.

Knows messages that a source shows in many folders, and those that a server numbers anew.
docs/spec/imports.md §2, §6.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple, NewType

from mx_core.model.flags import FlagSet
from mx_core.model.ids import MailboxId, MessageId
from mx_core.model.message import MessageForm
from mx_core.ports import NewMail
from mx_core.store.bodies.file import SealedFile
from mx_core.store.mail import copies
from mx_core.store.mail.writer import Writer

if TYPE_CHECKING:
    import sqlalchemy as sa

ImportId = NewType("ImportId", int)
ImportFolderId = NewType("ImportFolderId", int)

# CROSS: each key is looked up; else SQLite reads the whole folder for every batch
KNOWN: Final = (
    "SELECT imported.key FROM json_each(?) AS asked CROSS JOIN imported"
    " ON folder = ? AND imported.key = unhex(asked.value)"
)
_VALIDITY_OCTETS: Final = 4
_NUMBERED_OCTETS: Final = 8  # a key that is UIDVALIDITY and UID


@dataclass(frozen=True, slots=True)
class Brought:
    """One message to be stored; with *shared* and without octets: one that is here already.

    *digest* is of what the source gave.  Where other *octets* are stored, *kept* is of those,
    and *agreed* are the flags that the source has (docs/spec/pull.md §2, §4).
    """

    key: bytes
    digest: bytes
    octets: bytes
    form: MessageForm | None
    flags: FlagSet
    received: int
    shared: bytes = b""
    kept: bytes | None = None
    agreed: FlagSet | None = None
    file: SealedFile | None = None  # that holds the octets already


@dataclass(frozen=True, slots=True)
class Kept:
    """What one commit did."""

    stored: int = 0
    shown_again: int = 0  # stored before, under another folder of the source
    known: int = 0  # brought before, or another copy of what is here
    plainer: int = 0  # stored without keywords for which the account has no room


class BatchPlace(NamedTuple):
    """Where a batch goes."""

    which: ImportId
    folder: ImportFolderId
    mailbox: MailboxId
    only_new: bool
    one_copy: bool = False  # another copy of a message that the mailbox shows is not stored


class _Row(NamedTuple):
    """One row of the ledger."""

    folder: ImportFolderId
    key: bytes
    digest: bytes
    message: int
    flags: str | None = None
    kept: bytes | None = None


def store(
    writer: Writer, connection: sa.Connection, place: BatchPlace, brought: Sequence[Brought]
) -> Kept:
    """Store what was not brought before; part of one job."""
    before = known(connection, place.folder, [each.key for each in brought])
    rows: list[_Row] = []
    plainer = again = 0
    new: list[tuple[Brought, NewMail]] = []
    renamed = _Renumbered(connection, place.folder)
    for each in brought:
        if each.key in before:
            continue
        old = renamed.message(each)
        here = _shared(connection, place.which, each.shared) if each.shared else None
        if old is not None:
            rows.append(_Row(place.folder, each.key, each.digest, *old))
            continue
        flags = writer.keepable(each.flags)
        plainer += len(flags) < len(each.flags)
        if here is not None:
            if not place.only_new:
                writer.show(place.mailbox, here[0], flags)
                again += 1
            rows.append(_row(place, each, here[0])._replace(digest=here[1]))
        elif each.form is not None:  # else it was here a moment ago: the next run brings it
            copy = (
                copies.same_here(
                    writer, connection, place.mailbox, place.folder, each.octets, each.form
                )
                if place.one_copy
                else None
            )
            if copy is not None:  # what the source says of it is asked for by the next pass
                rows.append(_Row(place.folder, each.key, each.digest, copy[0], None, copy[1]))
                continue
            new.append((each, NewMail(each.octets, each.form, flags, each.received)))
    mail = [each for _, each in new]
    # what is pulled was marked on its way; what is imported may say anything of itself
    files = [each.file for each, _ in new]
    appended = (
        writer.append_all(place.mailbox, mail, own=place.one_copy, ahead=files) if new else []
    )
    uids = [done.uid for done in appended]
    for stored, (each, _) in zip(writer.places.find(place.mailbox, uids), new, strict=True):
        rows.append(_row(place, each, stored.message))
        if each.shared:
            connection.exec_driver_sql(
                "INSERT OR REPLACE INTO import_shared VALUES (?, ?, ?, ?)",
                (place.which, each.shared, stored.message, each.digest),
            )
    if rows:
        connection.exec_driver_sql(
            "INSERT INTO imported (folder, key, digest, message, flags, kept)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            rows,
        )
    return Kept(len(new), again, len(brought) - len(new) - again, plainer)


def spelt(flags: FlagSet | None) -> str | None:
    """Return *flags* as the ledger keeps them."""
    return None if flags is None else " ".join(sorted(flags))


def _row(place: BatchPlace, each: Brought, message: int) -> _Row:
    return _Row(place.folder, each.key, each.digest, message, spelt(each.agreed), each.kept)


class _Renumbered:
    """Messages that a server gives again under another UIDVALIDITY: known by their octets.

    As many of the same octets are taken for known as were brought under the old numbers.
    """

    def __init__(self, connection: sa.Connection, folder: ImportFolderId) -> None:
        self._connection = connection
        self._folder = folder
        self._spare: dict[tuple[bytes, bytes], list[tuple[int, str | None, bytes | None]]] = {}
        self._any: dict[bytes, bool] = {}

    def message(self, each: Brought) -> tuple[int, str | None, bytes | None] | None:
        """Return message, agreed flags and kept digest of *each* under its old number."""
        validity = each.key[:_VALIDITY_OCTETS]
        if len(each.key) != _NUMBERED_OCTETS or not each.octets or not self._is_new(validity):
            return None
        spare = self._spare.get((validity, each.digest))
        if spare is None:
            rows = self._connection.exec_driver_sql(
                "SELECT message, substr(key, 1, 4) = ?, flags, kept FROM imported"
                " WHERE folder = ? AND digest = ? ORDER BY message",
                (validity, self._folder, each.digest),
            ).all()
            taken = {message for message, now, _, _ in rows if now}
            old = {message: (flags, kept) for message, now, flags, kept in rows if not now}
            spare = [(message, *old[message]) for message in sorted(old.keys() - taken)]
            self._spare[validity, each.digest] = spare
        return spare.pop(0) if spare else None

    def _is_new(self, validity: bytes) -> bool:
        """Tell whether anything was brought under another UIDVALIDITY."""
        if validity not in self._any:
            first, last = self._connection.exec_driver_sql(
                "SELECT min(key), max(key) FROM imported WHERE folder = ?", (self._folder,)
            ).one()
            self._any[validity] = first is not None and (
                first[:_VALIDITY_OCTETS] != validity or last[:_VALIDITY_OCTETS] != validity
            )
        return self._any[validity]


def known(connection: sa.Connection, folder: ImportFolderId, keys: Sequence[bytes]) -> set[bytes]:
    """Return those of *keys* that were brought before."""
    return set(
        connection.exec_driver_sql(
            KNOWN,
            (json.dumps([key.hex() for key in keys]), folder),
        ).scalars()
    )


def _shared(
    connection: sa.Connection, which: ImportId, name: bytes
) -> tuple[MessageId, bytes] | None:
    row = connection.exec_driver_sql(
        "SELECT message.id, digest FROM import_shared JOIN message ON message.id = import_shared.message"
        " WHERE source = ? AND name = ? AND uses > 0",
        (which, name),
    ).one_or_none()
    return None if row is None else (MessageId(row[0]), row[1])
