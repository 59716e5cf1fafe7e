"""Backups of one account: on request, once a day into a folder, and a warning when there is none.

Sealed to the recovery sheet, whose public half is all that is kept here: who takes this computer
can make backups, and open none.  docs/spec/backup.md.
"""

from __future__ import annotations

import asyncio
import secrets
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import structlog

from gateway.own.identity import OwnIdentity
from gateway.recovery import backup_file
from gateway.writing.note import no_backup_note
from mx_core.db.durable import make_folder
from mx_core.mime.prepare import prepare
from mx_core.model.errors import MailError, NotPermitted, Refused, Unavailable
from mx_core.model.mailbox_name import INBOX
from mx_core.model.secret import Secret
from mx_core.recovery.contents import Manifest
from mx_core.recovery.sheet import Sheet
from mx_core.store.account_store import BODIES, AccountStore
from mx_core.store.copying import COPY
from mx_core.store.own.keys import OwnKey

log = structlog.get_logger()

DAY_SECONDS: Final = 86_400
WARN_SECONDS: Final = 7 * DAY_SECONDS
KEPT: Final = 7  # of the daily ones
SUFFIX: Final = ".mxbackup"
_LOOK_SECONDS: Final = 600.0
_KEY_OCTETS: Final = 32
_LAST, _SINCE, _WARNED, _FOLDER = "backup.last", "backup.since", "backup.warned", "backup.folder"


class Backups:
    """See the module.  One at a time."""

    def __init__(self, store: AccountStore, own: OwnIdentity) -> None:
        """Nothing is written before ``make`` or ``run``."""
        self._store = store
        self._own = own
        self._now = own.now
        self._turn = asyncio.Lock()
        self._trouble = ""

    async def make(self, target: Path) -> dict[str, Any]:
        """Write a backup to the new file *target*; return its size and what is in it.

        Raises:
            Refused: The path cannot be used, or no sheet of this account is known here.
            DiskFull, StoreDamaged: As of any write.
        """
        if not target.is_absolute():
            raise Refused("a backup goes to an absolute path")
        public = await self._store.keys.get(OwnKey.BACKUP_PUBLIC)
        if public is None:
            raise NotPermitted(
                "this account is older than backups: type its recovery sheet once, with"
                f" mx-gateway backup --sheet --account {self._own.address}"
            )
        async with self._turn:
            scratch = self._store.folder / "backup"
            # Crash on the way: a copy under a key that is in no file; removed by the next one.
            await asyncio.to_thread(shutil.rmtree, scratch, ignore_errors=True)
            await asyncio.to_thread(make_folder, scratch)
            try:
                octets, manifest = await self._written(scratch, target, public.reveal())
            finally:
                await asyncio.to_thread(shutil.rmtree, scratch, ignore_errors=True)
            # Crash before this: the file is whole, and tomorrow's comes early.
            await self._note(_LAST, manifest.created)
        log.info("backup_made", octets=octets)
        return {"octets": octets, "bodies": len(manifest.bodies), "created": manifest.created}

    async def _written(self, scratch: Path, target: Path, public: bytes) -> tuple[int, Manifest]:
        key = Secret(secrets.token_bytes(_KEY_OCTETS))
        async with self._store.copied(scratch / COPY, key) as copy:
            manifest = Manifest(
                address=self._own.address,
                pid=self._own.pid,
                device_id=self._own.device_id,
                created=int(self._now()),
                key=key,
                database_octets=copy.database.stat().st_size,
                bodies=copy.bodies,
            )
            bodies = self._store.folder / BODIES
            octets = await asyncio.to_thread(
                backup_file.write, target, public, manifest, copy.database, bodies
            )
        return octets, manifest

    async def know_sheet(self, words: str) -> None:
        """Seal backups to the sheet of *words* from now on; it must be the passport's.

        Raises:
            Refused: It is no sheet, or another one.
        """
        sheet = Sheet.read(words)
        if bytes(sheet.key.verify_key) != self._own.state.recovery_pk:
            raise Refused("this is not the present recovery sheet of this account")
        await self._store.keys.put(OwnKey.BACKUP_PUBLIC, Secret(sheet.backup_secret.public))

    async def make_daily(self, folder: str) -> None:
        """Make one each day in the absolute path *folder*; empty: no more.  Raises Refused."""
        there = Path(folder)
        if folder and not (there.is_absolute() and await asyncio.to_thread(there.is_dir)):
            raise Refused(f"{folder} is no folder that is there")
        await self._store.settings.put(_FOLDER, folder.encode("utf-8", "surrogateescape"))

    async def state(self) -> dict[str, Any]:
        """Return what is shown: when the last one was made (unix seconds), where the daily go."""
        return {
            "last": await self._noted(_LAST) or None,
            "folder": await self._folder(),
            "trouble": self._trouble,
            "possible": await self._store.keys.get(OwnKey.BACKUP_PUBLIC) is not None,
        }

    async def run(self) -> None:
        """Make what is due, and warn, until cancelled."""
        while True:
            try:
                await self.look()
            except Unavailable as error:
                log.info("backup_put_off", why=type(error).__name__)
            await asyncio.sleep(_LOOK_SECONDS)

    async def look(self) -> None:
        """Make the backup of the day if it is due; warn after a week without one."""
        now = int(self._now())
        if not await self._noted(_SINCE):
            await self._note(_SINCE, now)
        folder = await self._folder()
        if folder and now >= await self._noted(_LAST) + DAY_SECONDS:
            try:
                await self.make(Path(folder) / self._name(now))
                self._trouble = ""
                await asyncio.to_thread(self._drop_old, Path(folder))
            except (MailError, OSError) as error:
                self._trouble = str(error)
                log.warning("backup_failed", why=type(error).__name__)
        last = max(await self._noted(_LAST), await self._noted(_SINCE))
        if now >= max(last, await self._noted(_WARNED)) + WARN_SECONDS:
            note = no_backup_note(
                self._own.address, (now - last) // DAY_SECONDS, self._trouble, now
            )
            await self._store.relations.write_note(INBOX, note, prepare, [])
            # Crash before this: the warning comes twice.
            await self._note(_WARNED, now)

    def _name(self, now: int) -> str:
        return f"{self._stem()}{datetime.fromtimestamp(now, UTC):%Y-%m-%d-%H%M%S}{SUFFIX}"

    def _stem(self) -> str:
        return f"mx-gateway-{self._own.pid.hex()[:8]}-"

    def _drop_old(self, folder: Path) -> None:
        for path in sorted(folder.glob(f"{self._stem()}*{SUFFIX}"))[:-KEPT]:
            path.unlink(missing_ok=True)

    async def _folder(self) -> str:
        octets = await self._store.settings.get(_FOLDER)
        return (octets or b"").decode("utf-8", "surrogateescape")

    async def _noted(self, name: str) -> int:
        return int(await self._store.settings.get(name) or 0)

    async def _note(self, name: str, seconds: int) -> None:
        await self._store.settings.put(name, str(seconds).encode())
