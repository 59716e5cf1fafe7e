"""One source's mail into one account: read, prepare, store in batches, and go on after a kill.

While one batch is committed, the next two are prepared on threads and their long messages written to
the disk, and one more may be on its way from the source; at most four are held.
What was committed is in the ledger (``store.imports``), so whatever ends this, it is begun
again from the start of the source and skips what is here.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from gateway.decrypting.enclosed import Kind, kind_of
from gateway.migration.ahead import Ahead, Coming
from gateway.migration.giving_back import GivingBack
from gateway.migration.keys import Keys
from gateway.migration.naming import mailbox_for
from gateway.migration.pace import Pace
from gateway.migration.source import Digest, Found, Source, SourceFolder, Trouble, digest_of
from mx_core.mime.prepare import prepare
from mx_core.model.errors import MailError, NoSuchMailbox
from mx_core.model.mailbox_name import MailboxName
from mx_core.store.bodies.ahead import BodiesAhead
from mx_core.store.ledger.batch import Brought, ImportFolderId, Kept
from mx_core.store.ledger.imports import Import, Imports

_ALL_OF_THE_TIME: Final = 100  # percent
_DATE_MAX: Final = (1 << 32) - 1  # what is later was never a date of a message


@dataclass(slots=True)
class Progress:
    """How far it is, for whoever shows it."""

    folder: str = ""
    seen: int = 0  # read in this run, known ones too
    stored: int = 0
    known: int = 0
    shown_again: int = 0
    plainer: int = 0
    octets: int = 0  # of what was stored
    left_out: int = 0
    seconds: float = 0.0
    encrypted: Counter[str] = field(default_factory=Counter)  # of what was stored, by kind

    def as_json(self) -> dict[str, Any]:
        """Return what the command line shows."""
        return {
            "folder": self.folder, "seen": self.seen, "stored": self.stored, "known": self.known,
            "shown_again": self.shown_again, "plainer": self.plainer, "octets": self.octets,
            "left_out": self.left_out, "seconds": round(self.seconds, 1),
            "encrypted": dict(self.encrypted),
        }  # fmt: skip


class Bringing:
    """One run of one import."""

    def __init__(
        self,
        imports: Imports,
        bodies: BodiesAhead,
        source: Source,
        record: Import,
        into: str,
        pace: Pace,
        memory: GivingBack,
        now: int,
    ) -> None:
        self._imports = imports
        self._bodies = bodies
        self._source = source
        self._record = record
        self._into = into
        self._pace = pace
        self._memory = memory
        self._now = now
        self.progress = Progress()

    async def run(self) -> None:
        """Bring everything that the ledger does not hold.

        Raises:
            Refused, Unavailable, Corrupt: It can not go on; what is stored stays.
        """
        for folder in await self._source.folders():
            if isinstance(folder, Trouble):
                await self._leave([folder])
            else:
                await self._bring(folder)

    async def _bring(self, folder: SourceFolder) -> None:
        row, mailbox = await self._place(folder)
        self.progress.folder = mailbox
        batches: asyncio.Queue[Coming | None] = asyncio.Queue(1)
        ahead = Ahead(self._bodies)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._read(folder, row, ahead, batches))
                while coming := await batches.get():
                    batch = await asyncio.shield(coming)
                    kept = await self._store(folder, row, batch)
                    self._count(batch, kept)
                    await ahead.stored(coming, whole=kept.stored == len(batch))
                    await self._memory.passed(sum(len(each.octets) for each in batch))
        except ExceptionGroup as group:
            for error in group.exceptions:
                if isinstance(error, MailError):
                    raise error from group
            raise
        finally:
            await ahead.let_go()

    async def _place(self, folder: SourceFolder) -> tuple[ImportFolderId, MailboxName]:
        return await self._imports.folder(
            self._record.id,
            folder.row,
            mailbox_for(folder.levels, self._into),
            folder.special_use,
            subscribed=folder.subscribed,
        )

    async def _read(
        self,
        folder: SourceFolder,
        row: ImportFolderId,
        ahead: Ahead,
        batches: asyncio.Queue[Coming | None],
    ) -> None:
        keys = Keys(self._imports, self._record, folder, row)
        began = time.monotonic()
        async for batch in self._source.read(folder, keys):
            await self._leave([each for each in batch if isinstance(each, Trouble)])
            found = [each for each in batch if isinstance(each, Found)]
            digests = await asyncio.to_thread(_digests, found)
            names = keys.names([(f.key, d) for f, d in zip(found, digests, strict=True)])
            known = await keys.brought(names)
            self.progress.seen += len(found)
            self.progress.known += len(known)
            fresh = [
                (name, digest, each)
                for name, digest, each in zip(names, digests, found, strict=True)
                if name not in known
            ]
            if fresh:
                coming = ahead.begin(partial(self._prepared, fresh))
                await batches.put(coming)
                if self._pace.share < _ALL_OF_THE_TIME:  # what it costs counts before a rest
                    await asyncio.wait({coming})
            pause = self._pace.pause_seconds(len(fresh), time.monotonic() - began)
            await asyncio.sleep(pause)
            self.progress.seconds += time.monotonic() - began
            began = time.monotonic()
        await batches.put(None)

    def _prepared(self, fresh: Sequence[tuple[bytes, bytes, Found]]) -> list[Brought]:
        brought = []
        for name, digest, each in fresh:
            form = prepare(each.octets) if each.octets or not each.shared else None
            sent = None if form is None else form.sent
            date = each.received if each.received is not None else sent
            if date is None or not 0 <= date <= _DATE_MAX:
                date = self._now
            brought.append(Brought(name, digest, each.octets, form, each.flags, date, each.shared))
        return brought

    async def _store(
        self, folder: SourceFolder, row: ImportFolderId, batch: Sequence[Brought]
    ) -> Kept:
        try:
            return await self._imports.store(self._record.id, row, batch, only_new=folder.only_new)
        except NoSuchMailbox:  # deleted while mail came into it: it is made anew
            await self._place(folder)
            return await self._imports.store(self._record.id, row, batch, only_new=folder.only_new)

    def _count(self, batch: Sequence[Brought], kept: Kept) -> None:
        self.progress.stored += kept.stored
        self.progress.known += kept.known
        self.progress.shown_again += kept.shown_again
        self.progress.plainer += kept.plainer
        self.progress.octets += sum(len(each.octets) for each in batch)
        self.progress.encrypted += Counter(
            kind.value for each in batch if (kind := _encrypted(each)) is not None
        )

    async def _leave(self, troubles: Sequence[Trouble]) -> None:
        self.progress.left_out += len(troubles)
        await self._imports.tell(self._record.id, [(each.where, each.why) for each in troubles])


def _encrypted(one: Brought) -> Kind | None:
    return None if one.form is None else kind_of(one.octets, one.form.fields)


def _digests(found: Sequence[Found]) -> list[Digest]:
    return [digest_of(each.octets) for each in found]
