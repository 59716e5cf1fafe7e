"""Flags that both sides of a pulled account had when they last agreed.  docs/spec/pull.md §4.

From what was agreed on, what is here and what is there, a change of either side is known from
one of the other.  Our own modseq says what changed here; nothing has to be remembered of it.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from mx_core.db import failpoint
from mx_core.db.database import Database
from mx_core.model.flags import Flag, FlagSet
from mx_core.model.ids import MailboxId, Uid
from mx_core.model.snapshot import Snapshot
from mx_core.ports import FlagChange
from mx_core.store.ledger.batch import ImportFolderId, spelt
from mx_core.store.mail.mail import Mail
from mx_core.store.mail.writer import Writer

if TYPE_CHECKING:
    import sqlalchemy as sa

_ROWS_AT_ONCE: Final = 2_000
_MERGED: Final = (
    "SELECT imported.key, message, flags FROM json_each(?) AS asked CROSS JOIN imported"
    " ON folder = ? AND imported.key = unhex(asked.value)"
)


class Both(Struct, frozen=True):
    """Flags of one message: agreed on last (None: never), and here now."""

    key: bytes
    agreed: FlagSet | None
    ours: FlagSet


class Agreements:
    """See the module."""

    def __init__(self, database: Database, mail: Mail) -> None:
        self._database = database
        self._mail = mail

    async def agreed(
        self, folder: ImportFolderId, keys: Sequence[bytes]
    ) -> dict[bytes, FlagSet | None]:
        """Return what was agreed on for those of *keys* that were brought."""
        return await self._database.read(
            lambda connection: {
                key: _read(flags)
                for key, _, flags in connection.exec_driver_sql(
                    _MERGED, (json.dumps([key.hex() for key in keys]), folder)
                )
            }
        )

    async def agree(self, folder: ImportFolderId, flags: Mapping[bytes, FlagSet]) -> None:
        """Remember what both sides have now."""
        rows = [(spelt(each), folder, key) for key, each in flags.items()]
        if rows:
            await self._database.write(
                lambda connection: (
                    connection.exec_driver_sql(
                        "UPDATE imported SET flags = ? WHERE folder = ? AND key = ?", rows
                    ).rowcount
                )
            )

    async def carry(self, folder: ImportFolderId, before: int, now: int) -> None:
        """Let what was agreed on under one UIDVALIDITY count under another, that came back."""
        values = [number.to_bytes(4, "big") for number in (before, now)]
        await self._database.write(
            lambda connection: (
                connection.exec_driver_sql(
                    "UPDATE imported SET flags = old.flags FROM imported AS old"
                    " WHERE imported.folder = ? AND substr(imported.key, 1, 4) = ?"
                    " AND old.folder = imported.folder AND old.message = imported.message"
                    " AND substr(old.key, 1, 4) = ?",
                    (folder, values[1], values[0]),
                ).rowcount
            )
        )

    async def ours_now(self, folder: ImportFolderId) -> Snapshot | None:
        """Return the mailbox of *folder* as it is; None if it was deleted."""
        mailbox = await self.mailbox(folder)
        if mailbox is None:
            return None
        return await self._mail.read(lambda reader: reader.snapshot(mailbox))

    async def ours_since(
        self, folder: ImportFolderId, view: Snapshot, modseq: int
    ) -> AsyncIterator[list[Both]]:
        """Yield what changed in *view* after *modseq*, of messages that came by *folder*."""
        changed = view.changed_since(modseq)
        for start in range(0, len(changed), _ROWS_AT_ONCE):
            flags = {
                part.messages[at]: part.flags[at]
                for _, part, at in view.rows(changed[start : start + _ROWS_AT_ONCE])
            }
            asked = json.dumps(list(flags))
            rows = await self._database.read(
                lambda connection, asked=asked: connection.exec_driver_sql(  # type: ignore[misc]
                    "SELECT imported.key, message, flags FROM json_each(?) AS asked"
                    " CROSS JOIN imported ON folder = ? AND message = asked.value",
                    (asked, folder),
                ).all()
            )
            yield [Both(key, _read(agreed), flags[message]) for key, message, agreed in rows]

    async def take(
        self,
        folder: ImportFolderId,
        theirs: Mapping[bytes, FlagSet],
        merge: Callable[[FlagSet | None, FlagSet, FlagSet], FlagSet],
    ) -> None:
        """Give messages here the flags that *merge* makes of (agreed, ours, theirs).

        What is agreed on is then what they have: a change of ours that they lack stays known.
        A message that has left the mailbox here is not looked for.
        """
        mailbox = await self.mailbox(folder)
        if mailbox is None or not theirs:
            return
        view = await self._mail.read(lambda reader: reader.snapshot(mailbox))

        def job(writer: Writer, connection: sa.Connection) -> None:
            rows = connection.exec_driver_sql(
                _MERGED, (json.dumps([key.hex() for key in theirs]), folder)
            ).all()
            wanted = {message: (key, _read(flags)) for key, message, flags in rows}
            told = {key: writer.keepable(flags) for key, flags in theirs.items()}
            uids = _uids_of(view, wanted.keys())
            changes: defaultdict[FlagSet, list[Uid]] = defaultdict(list)
            for place in writer.places.find(mailbox, uids):
                if place.message not in wanted:
                    continue
                key, agreed = wanted[place.message]
                ours = writer.places.flags_of(place)
                made = writer.keepable(merge(agreed, ours, told[key]))
                if made != ours:
                    changes[made].append(Uid(place.uid))
            for flags, chosen in changes.items():
                writer.store_flags(mailbox, chosen, FlagChange.REPLACE, flags)
            connection.exec_driver_sql(
                "UPDATE imported SET flags = ? WHERE folder = ? AND key = ?",
                [(spelt(flags), folder, key) for key, flags in told.items()],
            )

        # Crash before the commit: neither flags nor agreement; they are asked for again.
        await self._mail.write_with(job)
        # Crash here: both; a change of ours that they lack is found by its modseq.
        failpoint.reach("flagged")

    async def mailbox(self, folder: ImportFolderId) -> MailboxId | None:
        """Return where mail of *folder* goes; None if that was deleted."""
        return await self._database.read(
            lambda connection: connection.exec_driver_sql(
                "SELECT mailbox.id FROM import_folder"
                " JOIN mailbox ON mailbox.global_id = import_folder.mailbox"
                " WHERE import_folder.id = ?",
                (folder,),
            ).scalar()
        )


def _read(flags: str | None) -> FlagSet | None:
    return None if flags is None else frozenset(Flag(flag) for flag in flags.split())


def _uids_of(view: Snapshot, messages: Iterable[int]) -> list[Uid]:
    wanted = frozenset(messages)
    return [
        Uid(uid)
        for part in view.parts
        for uid, message in zip(part.uids, part.messages, strict=True)
        if message in wanted
    ]
