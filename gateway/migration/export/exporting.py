"""All mail of an account into a directory: begun, shown, gone on with, and read back at the end."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from gateway.arriving.status_block import block_octets
from gateway.migration.export.layout import Format
from gateway.migration.export.manifest import VERSION, Folder, Head
from gateway.migration.export.settings import settings_of
from gateway.migration.export.writing import Writing
from gateway.migration.source import BATCH_MESSAGES, BATCH_OCTETS, Tally
from mx_core.model.address import Address
from mx_core.model.errors import Corrupt, MailError, MessageGone, NoSuchMailbox, Refused
from mx_core.model.flags import FlagSet
from mx_core.model.ids import MessageId
from mx_core.model.mailbox_name import QUEUED
from mx_core.ports import MailboxInfo, MailReader
from mx_core.store.account_store import AccountStore

_Row = tuple[MessageId, FlagSet]
_Read = tuple[bytes, FlagSet, int]  # octets, flags, INTERNALDATE


class AskedOut(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a person asked for."""

    target: str
    format: str = Format.MAILDIR.value
    original: bool = False

    def check(self) -> None:
        """Raises Refused."""
        if not Path(self.target).is_absolute():
            raise Refused("a target is an absolute path")
        if self.format not in {each.value for each in Format}:
            raise Refused("the format is maildir, mbox or eml")


class Exporting:
    """Exports of one account, one at a time.  What was written is gone on with, never trusted."""

    def __init__(self, store: AccountStore, account: Address) -> None:
        self._store = store
        self._mail = store.mail
        self._account = account
        self._wake = asyncio.Event()
        self._asked: AskedOut | None = None
        self._state: dict[str, Any] = {"phase": "idle", "trouble": "", "messages": 0}

    async def begin(self, asked: AskedOut) -> None:
        """Export; returns at once.  Raises Refused."""
        asked.check()
        if self._asked is not None:
            raise Refused("an export is under way: wait until it is done")
        self._asked = asked
        self._state = {
            "phase": "exporting", "target": asked.target, "trouble": "", "messages": 0,
            "written": 0, "of": 0, "folder": "", "total": "",
        }  # fmt: skip
        self._wake.set()

    def state(self) -> dict[str, Any]:
        """Return what the command line shows."""
        return dict(self._state)

    async def run(self) -> None:
        """Serve until cancelled; raises Corrupt."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            if self._asked is None:
                continue
            try:
                await self._export(self._asked)
            except Corrupt:
                raise
            except MailError as error:
                self._state["trouble"] = str(error)
            finally:
                self._asked = None
                self._state["phase"] = "idle"

    async def _export(self, asked: AskedOut) -> None:
        boxes = [b for b in await self._mail.read(lambda reader: reader.mailboxes()) if _goes(b)]
        self._state["of"] = sum(box.messages for box in boxes)
        head = Head(VERSION, str(self._account), asked.format, asked.original)
        writing = await asyncio.to_thread(Writing, Path(asked.target), head)
        try:
            for box in boxes:
                await self._folder(writing, box, original=asked.original)
            settings = await settings_of(self._store, self._account)
            await asyncio.to_thread(writing.put_settings, settings)
            self._state["phase"] = "proving"
            tally: Tally = await asyncio.to_thread(writing.finish)
            self._state["total"] = tally.name
        finally:
            writing.close()

    async def _folder(self, writing: Writing, box: MailboxInfo, *, original: bool) -> None:
        self._state["folder"] = box.name
        folder = Folder(box.name, box.special_use, box.subscribed)
        await asyncio.to_thread(writing.begin_folder, folder)
        try:
            view = await self._mail.read(lambda reader: reader.snapshot(box.id))
        except NoSuchMailbox:
            return  # deleted meanwhile
        rows = list(zip(view.messages, view.flags, strict=True))
        for start in range(0, len(rows), BATCH_MESSAGES):
            left: Sequence[_Row] = rows[start : start + BATCH_MESSAGES]
            while left:
                got, left = await self._mail.read(lambda reader, left=left: _read(reader, left))  # type: ignore[misc]
                written = await asyncio.to_thread(_write, writing, box.name, got, original)
                self._state["messages"] += len(got)
                self._state["written"] += written


def _goes(box: MailboxInfo) -> bool:
    """Tell whether *box* is exported; every account has the mailboxes of what is queued."""
    return not box.rule and (box.messages > 0 or box.name not in QUEUED)


def _read(reader: MailReader, rows: Sequence[_Row]) -> tuple[list[_Read], Sequence[_Row]]:
    """Return the first of *rows* with their octets, a few MiB, and those that are left."""
    dates = reader.sizes_and_dates([message for message, _ in rows])
    found: list[_Read] = []
    octets = 0
    for at, ((message, flags), (size, received)) in enumerate(zip(rows, dates, strict=True)):
        if found and octets + size > BATCH_OCTETS:
            return found, rows[at:]
        try:
            found.append((reader.octets(message), flags, received))
        except MessageGone:
            continue  # expunged meanwhile
        octets += size
    return found, ()


def _write(writing: Writing, mailbox: str, got: Sequence[_Read], original: bool) -> int:
    written = 0
    for octets, flags, received in got:
        start = block_octets(octets) if original else 0
        written += writing.put(mailbox, octets[start:], flags, received)
    return written
