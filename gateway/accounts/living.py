"""How accounts come to life in this process, and live until it ends.

One comes from the disk, by an invitation, or back from its recovery sheet; one that has moved is
opened anew at its other address.  Each that is open is a task of the gateway's group.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import final

import structlog

from gateway.accounts.accounts import OpenAccounts, new_store, remove, stored
from gateway.accounts.person import Person, until_damaged
from gateway.config import Config
from gateway.directories import Directories
from gateway.own.identity import OwnIdentity
from gateway.own.joining import join, rejoin
from gateway.recovery.recovering import Recovering
from gateway.recovery.taking_over import is_under_way
from gateway.trial import domain as trial
from gateway.unlocking.receiving import Receiving
from mx_core.model.address import Address
from mx_core.model.clock import Now
from mx_core.model.errors import Refused
from mx_core.model.secret import Secret
from mx_core.store.account_store import AccountStore

log = structlog.get_logger()


@final
class Living:
    """See the module.  Whoever calls lets one account come at a time."""

    def __init__(
        self,
        accounts: OpenAccounts,
        directories: Directories,
        config: Config,
        master: Callable[[], Secret[bytes]],
        recovering: Recovering,
        receiving: Receiving,
        now: Now,
        tasks: asyncio.TaskGroup,
    ) -> None:
        """Who is open is added to *accounts*; *master* raises Locked; *tasks* is entered later."""
        self._accounts = accounts
        self._directories = directories
        self._config = config
        self._master = master
        self._recovering = recovering
        self._receiving = receiving
        self._now = now
        self._tasks = tasks

    async def open_stored(self) -> bool:
        """Open every account on disk; tell whether one of them is still being recovered.

        Raises:
            Corrupt, Refused: One of them cannot be opened.
        """
        recovering = False
        for store in stored(self._directories, self._master(), self._now):
            recovering |= await is_under_way(store)
            await self._reopen(store)
        return recovering

    async def join(self, address: Address, invite: str) -> str:
        """Register *address* with its home server; return the words of its recovery sheet.

        Raises:
            Refused: It is here already, or the home server does not take it.
        """
        if self._accounts.holds(address):
            raise Refused(f"{address} is an account of this gateway already")
        store = new_store(self._directories, self._master(), self._now)
        try:
            own, words = await join(store, address, invite, self._config_for(address), self._now)
        except BaseException:
            remove(store)
            raise
        self._begin(store, own)
        return words

    async def come_back(self, token: str) -> Person:
        """Finish the recovery that was begun as *token*; return whose account is open again.

        Raises:
            Refused: Nothing of that token was begun, or the home server refuses it for good.
            Unavailable, Untrusted: The home server did not take it yet, and is asked again.
        """
        store = await self._recovering.finish(token)
        try:
            own = await self._recovering.go_on(store)
        except Refused:
            remove(store)
            raise
        except BaseException:
            self._go_on_recovering(store)
            raise
        return self._begin(store, own)

    def interrupted(self) -> None:
        """Begin every session with a home server anew: the way there was another."""
        for person in self._accounts:
            person.membership.home.forget_session()
            person.inbound.interrupted()

    def let_go(self) -> None:
        """Give back the memory that stores hold for what may be asked next."""
        for person in tuple(self._accounts):
            person.store.let_go()

    def close(self) -> None:
        """Close every store, once nothing runs any more."""
        for person in self._accounts:
            person.store.close()

    async def _reopen(self, store: AccountStore) -> None:
        if await is_under_way(store):
            self._go_on_recovering(store)
            return
        own = await rejoin(store, self._now)
        if own is None:
            log.warning("unfinished_account_removed")
            remove(store)
            return
        self._begin(store, own)

    def _go_on_recovering(self, store: AccountStore) -> None:
        self._tasks.create_task(self._recovering.go_on_until_taken(store, self._begin, remove))

    def _begin(self, store: AccountStore, own: OwnIdentity) -> Person:
        roads = trial.Roads(self._config, self._directories.data)
        person = Person(store, own, self._config_for(own.address), self._now, roads)
        self._accounts.add(person)
        self._tasks.create_task(self._live(person))
        return person

    async def _live(self, person: Person) -> None:
        """Run one account, and open it anew when it has moved to another address."""
        keeping = self._receiving.keep(person.store.folder, person.address, person.membership)
        kept = self._tasks.create_task(keeping)
        await until_damaged(person)
        if person.moving.done.is_set():
            kept.cancel()
            self._accounts.drop(person)
            await self._reopen(person.store)

    def _config_for(self, address: Address) -> Config:
        return trial.config_for(self._config, address.domain, self._directories.data)
