"""The way back: from a sheet and a backup, or from the sheet alone, to an account of this gateway.

In two steps, so that the words of the new sheet are on paper before the old one stops counting:
``begin`` reads, asks the home server what it holds and changes nothing there; ``finish`` takes
over.  Everything is made in ``restoring/`` and moves to ``accounts/`` when it is whole.
"""

from __future__ import annotations

import asyncio
import secrets
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec
import structlog
from msgspec import Struct

from gateway.accounts.found_domains import finder_of
from gateway.config import Config
from gateway.directories import Directories
from gateway.own.identity import OwnIdentity
from gateway.recovery import backup_file, taking_over
from gateway.unlocking import master_key
from mx_core.carriers.native.registration import recovery_card
from mx_core.db import failpoint
from mx_core.db.durable import make_folder, sync_directory
from mx_core.model.address import Address
from mx_core.model.clock import Now
from mx_core.model.errors import Refused, StoreDamaged, Unavailable, Untrusted
from mx_core.model.ids import DeviceId
from mx_core.model.secret import Secret
from mx_core.passport.card import Card
from mx_core.passport.chain import verify_chain
from mx_core.passport.state import State
from mx_core.recovery.contents import Manifest
from mx_core.recovery.sheet import Sheet
from mx_core.store.account_store import AccountStore
from mx_core.store.copying import COPY
from mx_core.store.renewing import renew

log = structlog.get_logger()

_ID_OCTETS: Final = 8
_DEVICE_OCTETS: Final = 16
_RETRY_SECONDS: Final = 60.0


class AskedBack(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a person gives: a backup or an address, and the sheets."""

    words: str  # of the present sheet
    address: str = ""
    file: str = ""
    words_of_file: str = ""  # of the sheet that the backup was made with, if it is another


class _Begun(Struct, frozen=True):
    """What waits for ``finish``."""

    token: str
    folder: Path
    store: AccountStore
    state: State
    present: Sheet
    new: Sheet
    backup_of: int


class Recovering:
    """See the module.  One recovery at a time; a new one replaces one that was not finished."""

    def __init__(
        self,
        directories: Directories,
        master: Callable[[], Secret[bytes]],
        config: Config,
        now: Now,
    ) -> None:
        """*master*: what the keys of accounts are made of; raises Locked."""
        self._directories = directories
        self._master = master
        self._config = config
        self._now = now
        self._turn = asyncio.Lock()
        self._begun: _Begun | None = None

    def sweep(self) -> None:
        """Remove what an earlier run began and did not finish; nobody was promised anything."""
        shutil.rmtree(self._scratch, ignore_errors=True)

    async def close(self) -> None:
        """Forget what was begun."""
        begun, self._begun = self._begun, None
        if begun is not None:
            begun.store.close()
            await asyncio.to_thread(shutil.rmtree, begun.folder, ignore_errors=True)

    async def begin(self, asked: AskedBack, holds: Callable[[Address], bool]) -> dict[str, Any]:
        """Read the backup, ask the home server, and return what ``finish`` would do.

        Raises:
            Refused: No backup or sheet of this account, or the account is here already.
            Untrusted: The home server's passport does not go on from the backup's.
            PeerUnreachable: The domain does not answer.
        """
        async with self._turn:
            await self.close()
            present = Sheet.read(asked.words)
            of_file = Sheet.read(asked.words_of_file) if asked.words_of_file else present
            account = secrets.token_hex(_ID_OCTETS)
            folder = self._scratch / account
            key = master_key.account_key(self._master(), account)
            try:
                address, backup_of = await asyncio.to_thread(
                    _laid_out, asked, of_file, folder, key, self._now
                )
                _check_absent(address, holds)
                store = AccountStore.open(folder, key, self._now)
                try:
                    state = await self._shown(store, address, present)
                except BaseException:
                    store.close()
                    raise
            except BaseException:
                await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
                raise
            begun = self._begun = _Begun(
                secrets.token_urlsafe(_DEVICE_OCTETS), folder, store, state, present, Sheet.new(),
                backup_of,
            )  # fmt: skip
            return {
                "token": begun.token,
                "address": str(address),
                "recovery_words": begun.new.words,
                "backup_of": backup_of or None,
                "devices": [device.id.hex() for device in state.active],
            }

    async def finish(self, token: str) -> AccountStore:
        """Make this machine the one device: two without a journal would hold a part each.

        Returns the store; the home server is still to be asked (``go_on``).

        Raises:
            Refused: Nothing of that token was begun.
        """
        async with self._turn:
            begun = self._begun
            if begun is None or not secrets.compare_digest(begun.token, token):
                raise Refused("this recovery was not begun, or was begun again: start anew")
            sheets = (begun.present, begun.new)
            self._begun = None
            try:
                await taking_over.intend(
                    begun.store, begun.state, sheets, self._now, backup_of=begun.backup_of
                )
            finally:
                begun.store.close()
            # Crash before the rename: nothing happened; the next start removes the folder.
            there = self._directories.accounts / begun.folder.name
            begun.folder.rename(there)
            sync_directory(self._directories.accounts)
            sync_directory(self._scratch)
            # Crash from here on: the next start finds the account, and goes on with the same entry.
            failpoint.reach("restored")
            key = master_key.account_key(self._master(), there.name)
            return AccountStore.open(there, key, self._now)

    async def go_on(self, store: AccountStore) -> OwnIdentity:
        """As ``taking_over.go_on``."""
        return await taking_over.go_on(store, self._config, self._now)

    async def go_on_until_taken(
        self,
        store: AccountStore,
        taken: Callable[[AccountStore, OwnIdentity], object],
        refused: Callable[[AccountStore], None],
    ) -> None:
        """Ask the home server until it has taken the entry, or refuses it for good."""
        while True:
            try:
                taken(store, await self.go_on(store))
            except (Unavailable, Untrusted) as error:
                log.info("recovery_waits", why=type(error).__name__)
            except Refused:
                # the sheet still counts, and the backup is where it was: begin again
                log.warning("recovery_refused")
                refused(store)
                return
            except BaseException:
                store.close()
                raise
            else:
                return
            await asyncio.sleep(_RETRY_SECONDS)

    async def _shown(self, store: AccountStore, address: Address, present: Sheet) -> State:
        """Return the passport that the home server holds, once it goes on from what is here."""
        now = self._now
        domain = await finder_of(self._config.discovery, store.carrier_state, now).find(
            address.domain
        )
        public = bytes(present.key.verify_key)
        octets = await recovery_card(domain, address=str(address), recovery_pk=public, now=now())
        entries = Card.decode(octets).entries
        state = verify_chain(entries, now=now())
        if state.address != address:
            raise Untrusted("own-card", "the home server shows a passport of another address")
        if state.recovery_pk != public:
            raise Refused(
                "this recovery sheet was replaced by a newer one, or does not count yet:"
                " take the newest"
            )
        try:
            await store.passport.follow(entries)
        except StoreDamaged as error:
            raise Untrusted(
                "fork", "the home server shows another passport than the backup holds"
            ) from error
        return state

    @property
    def _scratch(self) -> Path:
        return self._directories.data / "restoring"


def _check_absent(address: Address, holds: Callable[[Address], bool]) -> None:
    if holds(address):
        raise Refused(f"{address} is an account of this gateway already")


def _laid_out(
    asked: AskedBack, sheet: Sheet, folder: Path, key: Secret[bytes], now: Now
) -> tuple[Address, int]:
    """Make the store in *folder*; return whose it is, and when the backup was made or 0."""
    make_folder(folder)
    if not asked.file:
        return Address.parse(asked.address).canonical(), 0
    if not Path(asked.file).is_absolute():
        raise Refused("a backup is an absolute path")
    manifest: Manifest = backup_file.unpack(Path(asked.file), sheet, folder)
    device = DeviceId(secrets.token_bytes(_DEVICE_OCTETS))
    renew(folder / COPY, manifest.key, folder, key, device, now)
    (folder / COPY).unlink()
    return manifest.address, manifest.created
